"""``sg4v world``: write a set of rendered videos whose every fact is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import SettingsError, VideoError
from ..foreign import terminal_line
from ..wording import counted
from .console import FAILED, error, exit_codes, print_text, say
from .options import EarlierOut, chosen_out

if TYPE_CHECKING:
    from ..world.files import SetSettings

Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder to write to (required).", file_okay=False)
]
Videos = Annotated[int, typer.Option(metavar="N", min=1, help="How many videos.")]
Kinds = Annotated[str, typer.Option(metavar="KINDS", help="dense, short, shuffled, wrong (comma-separated), or none.")]
Difficulty = Annotated[str, typer.Option(metavar="NAME", help="tiny, chain, simple, medium or hard.")]
SplitName = Annotated[
    str, typer.Option(metavar="NAME", help="any, train (without the held-out pairs) or composition (with one).")
]
PairingName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="With composition: colour-shape, direction-speed (not tiny or chain), first-second.",
        show_default=False,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="WxH",
        help="Picture size in pixels. Default: 128x128, 24x24 for tiny, 46x46 for chain.",
        show_default=False,
    ),
]
Events = Annotated[str, typer.Option(metavar="N-M", help="With chain: the fewest and the most events of a video.")]
AsDataSet = Annotated[
    Path | None,
    typer.Option(
        "--dataset", metavar="DIR", help="Also make a data set of them, with the true captions.", file_okay=False,
        show_default=False,
    ),
]  # fmt: skip
Parts = Annotated[int, typer.Option(metavar="N", min=0, help="With --dataset and chain: random clips per video.")]
Crf = Annotated[int, typer.Option(help="Quality (CRF): 0 is lossless, 51 the worst.")]
Asked = Annotated[bool, typer.Option(help="Also write questions for evaluation.")]
Learned = Annotated[int, typer.Option(metavar="N", min=0, help="Also write N training questions per video.")]
Sounds = Annotated[bool, typer.Option("--sound", help="Give the videos sound: music, speech-like babble, silence.")]
Workers = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Processes. Default: one for each core.", show_default=False)
]
OfSet = Annotated[
    Path | None,
    typer.Option(
        metavar="SET", help="The set they belong to: compare with its facts.", file_okay=False, show_default=False
    ),
]
OfPrompts = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The prompts.jsonl of sg4v t2v sample: compare with what was asked for.",
        dir_okay=False,
        show_default=False,
    ),
]


def world(
    earlier_out: EarlierOut = None,
    out: Out = None,
    videos: Videos = 1000,
    captions: Kinds = "dense",
    difficulty: Difficulty = "simple",
    split: SplitName = "any",
    pairing: PairingName = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same set.")] = 0,
    size: Size = None,
    events: Events = "1-8",
    seconds: Annotated[float, typer.Option(help="Length of a video; that of a chain follows from its events.")] = 2.0,
    fps: Annotated[float, typer.Option(help="Frames per second.")] = 8.0,
    crf: Crf = 10,
    sound: Sounds = False,
    questions: Asked = True,
    learn_questions: Learned = 0,
    data_set: AsDataSet = None,
    parts: Parts = 2,
    workers: Workers = None,
) -> None:
    """Write short rendered videos with captions, questions and all facts.

    A run that was stopped goes on where it stopped; more videos can be added with a larger --videos.
    """
    from ..world.files import write_set
    from ..world.sizes import usual_size

    with exit_codes():
        folder = chosen_out(out, earlier_out)
        width, height = _size(size) if size else usual_size(difficulty)
        settings = _settings(seed=seed, difficulty=difficulty, split=split, pairing=pairing, width=width, height=height,
                             seconds=seconds, fps=fps, crf=crf, sound=sound, events=_events(events))  # fmt: skip
        kinds: Any = [] if captions == "none" else [kind.strip() for kind in captions.split(",")]
        result = write_set(folder, videos, settings, captions=kinds, ask=questions, learn_questions=learn_questions,
                           workers=workers)  # fmt: skip
        print_text(result.text())
        if data_set is not None:
            print_text(_as_data_set(folder, data_set, parts))


def _as_data_set(folder: Path, out: Path, parts: int) -> str:
    """Make a data set of a written set; what was made is told in one line."""
    from ..dataset.recorded import write_recorded
    from ..t2v.record import RECORDS, read_records
    from ..world.chain.captions import name_of
    from ..world.chain.captions import parts as parts_of
    from ..world.chain.scenes import ChainScene
    from ..world.files import read_scenes, read_settings

    scenes, seed = read_scenes(folder), read_settings(folder).seed
    clips = 0

    def known(record: Any) -> list[tuple[int, int, str]]:
        nonlocal clips
        scene = scenes[Path(record.video).name]
        found = parts_of(scene, name_of(scene, seed), parts, seed) if isinstance(scene, ChainScene) else []
        clips += len(found)
        return found

    write_recorded(read_records(folder / RECORDS), folder, out, model="world", parts=known)
    return f"{out}: a data set of {counted(len(scenes), 'video')} and {counted(clips, 'clip')}"


def world_check(
    clips: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Clips to read.", dir_okay=False)],
    scenes: OfSet = None,
    prompts: OfPrompts = None,
) -> None:
    """Read the facts of rendered or generated clips back from their pixels.

    Exits with 1 if a clip cannot be read, or is not as the set or the prompts say.
    """
    with exit_codes():
        known = _known(clips, scenes, prompts)
        wrong = failed = right = facts = 0
        for clip in clips:
            try:
                compared = _compared(clip, known)
            except (VideoError, OSError) as unreadable:
                failed += 1
                error(f"{clip.name}: {str(unreadable).removeprefix(f'{clip}: ')}")
                continue
            if compared is not None:
                hits = [hit for each in compared.hits.values() for hit in each]
                wrong, right, facts = wrong + bool(compared.misses), right + sum(hits), facts + len(hits)
        if known or failed:
            told = f", {wrong} not matching the facts, {right} of {facts} facts right" if known else ""
            say(f"{counted(len(clips), 'clip')}{told}{f', {failed} failed' if failed else ''}")
        if wrong or failed:
            raise typer.Exit(FAILED)


def _compared(clip: Path, known: dict[str, Any]) -> Any:
    """Print what is read in a clip, and what of that is wrong; None where nothing is known. Raises VideoError."""
    from ..world.sizes import check, compare

    scene = known.get(clip.name)
    if known and scene is None:
        raise VideoError(f"{clip}: its prompt is no full caption of the tiny world or of a chain")
    reading = check(clip, scene)
    print_text(f"{terminal_line(clip.name)}: {describe(reading)}")
    if scene is None:
        return None
    compared = compare(reading, scene)
    print_text("\n".join(f"  {miss}" for miss in compared.misses) or "  all as it should be")
    return compared


def _known(clips: list[Path], scenes: Path | None, prompts: Path | None) -> dict[str, Any]:
    """What each clip should show, by its name; None where its prompt does not say, {} where nothing is known."""
    from ..world.files import read_scenes
    from ..world.prompted import read_prompts, scene_asked_for

    if scenes and prompts:
        raise SettingsError("--scenes and --prompts both say what the clips should show; give one of them")
    known: dict[str, Any] = dict(read_scenes(scenes)) if scenes else {}
    if prompts:
        known = {name: scene_asked_for(prompt) for name, prompt in read_prompts(prompts).items()}
    missing = [clip.name for clip in clips if clip.name not in known]
    if missing and (scenes or prompts):
        where = scenes / "scenes.jsonl" if scenes else prompts
        raise SettingsError(f"{missing[0]} is not in {where}; name the {'set' if scenes else 'samples'} it belongs to")
    return known


def describe(reading: Any) -> str:
    """A reading on one line."""
    if hasattr(reading, "states"):  # of a chain
        first = reading.states[0] if reading.states else None
        what = f"{first.size} {first.colour} {first.shape} {first.place}: " if first else "nothing"
        return f"{what}{', '.join(deed or '?' for deed in reading.deeds)}{'' if reading.ok else '; not whole'}"
    if hasattr(reading, "places"):  # of a tiny clip, which has one thing
        moves = f"moves {reading.first}, {f'turns {reading.turn}, ' * bool(reading.turn)}moves {reading.second}"
        where = f"{reading.colour} {reading.shape} {' or '.join(reading.places)}"
        return f"{where}: {moves}; camera {reading.camera}{'' if reading.ok else '; not whole'}"
    things = []
    for thing in reading.things:
        deeds = [" ".join(part for part in (deed.kind, deed.direction, deed.colour) if part) for deed in thing.deeds]
        things.append(f"{thing.size} {thing.colour} {thing.shape}: {', '.join(deeds) or 'stays'}")
    return f"{'; '.join(things) or 'nothing'}; camera {reading.camera}; background {', '.join(reading.tones)}"


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise SettingsError(f"--size is WIDTHxHEIGHT, such as 128x128, not {text!r}")
    return int(width), int(height)


def _events(text: str) -> tuple[int, int]:
    least, _, most = text.partition("-")
    if not least.isdecimal() or not (most or least).isdecimal():
        raise SettingsError(f"--events is N-M, such as 1-8, or one number, not {text!r}")
    return int(least), int(most or least)


def _settings(**given: Any) -> SetSettings:
    from ..world.files import SetSettings

    return SetSettings(**given)
