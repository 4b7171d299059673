"""Write a set of videos with everything that is known about them: for training, for evaluation, for tests."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

from ..checking import Interval, Limits, Rate, Seed, SidePixels, raise_for, wrong_values
from ..cores import cores
from ..errors import SettingsError, StorageError
from ..files import file_content_id, write_whole
from ..given import read_json, read_json_lines
from ..processes import without_main
from ..records import Provenance, Shot, VideoCaption
from ..t2v.record import RECORDS, Record, write_records
from ..wording import counted
from .captions import CAPTION_KINDS, CaptionKind
from .chain.scenes import MOST_EVENTS
from .questions import MVBENCH_TASKS, NOT_APPLICABLE, Question, questions
from .render import frame_count, write_clip
from .sampling import Pairing, Split
from .scenes import Scene
from .sizes import (
    CHAIN,
    TINY,
    AnyScene,
    caption,
    difficulties,
    draw_scene,
    length_of,
    pairings,
    pictures_of,
    scene_from,
)
from .sound import Heard, sound_line, soundtrack

PROMPT = "<video>\ndescribe the video."
"""Asked for every kind of caption alike, so that sets differ in the captions alone."""
_FORMAT = 1  # of the whole set; a set of another format is not added to


EventCount = Annotated[int, Limits(1, MOST_EVENTS)]


@dataclass(frozen=True)
class SetSettings:
    """What decides a set besides the number of its videos."""

    seed: Seed = 0
    """Scenes, words and questions; video k is the same in a set of any length."""
    difficulty: str = "simple"
    """``tiny``, ``chain``, ``simple``, ``medium`` or ``hard``."""
    split: Split = "any"
    """``train`` leaves out the held-out pairs, every scene of ``composition`` has one."""
    pairing: Pairing | None = None
    """Which pairs a scene of ``composition`` has to have one of."""
    width: SidePixels = 128
    height: SidePixels = 128
    seconds: Interval = 2.0
    fps: Rate = 8.0
    crf: Annotated[int, Limits(0, 51)] = 10
    """Quality of the videos: 0 lossless, 10 hard to tell from it, 23 what is common."""
    sound: bool = False
    """Give the videos sound: music, something like speech, and silence."""
    events: tuple[EventCount, EventCount] = (1, 8)
    """The fewest and the most events of a ``chain``, which decide how long its video is."""

    def __post_init__(self) -> None:
        found = [*wrong_values(self).values()]
        if self.difficulty not in difficulties():
            found.append(f"difficulty is one of {', '.join(difficulties())}, not {self.difficulty!r}")
        if self.split not in ("any", "train", "composition"):
            found.append(f"split is any, train or composition, not {self.split!r}")
        pairs = pairings(self.difficulty)
        if self.pairing is not None and (self.pairing not in pairs or self.split != "composition"):
            found.append(f"pairing is one of {', '.join(pairs)} and goes with the split composition")
        if not found and self.events[0] > self.events[1]:
            found.append(f"events are the fewest and the most, not {self.events[0]} and {self.events[1]}")
        raise_for(found)
        frame_count(self.fps, self.seconds)


@dataclass(frozen=True)
class SetResult:
    """What was done: ``rendered`` videos were made now, the others were there already."""

    folder: Path
    videos: int
    rendered: int
    questions: int

    def text(self) -> str:
        there = f", {self.videos - self.rendered} were there already" if self.rendered < self.videos else ""
        asked = f"; {counted(self.questions, 'question')}" if self.questions else ""
        return f"{counted(self.videos, 'video')} in {self.folder}: {self.rendered} rendered{there}{asked}"


def write_set(
    out: str | Path,
    count: int,
    settings: SetSettings | None = None,
    *,
    captions: Sequence[CaptionKind] = ("dense",),
    ask: bool = True,
    learn_questions: int = 0,
    workers: int | None = None,
) -> SetResult:
    """Write ``count`` videos and what is known about them into a folder.

    ``videos/``              000000.mp4 and so on
    ``train-KIND.json``      for each kind of caption, one sample a video in the LLaVA layout (``video``)
    ``train-questions.json`` ``learn_questions`` questions a video with their answers, in the same layout
    ``questions.json``       all questions (unless ``ask`` is False), also in ``tempcompass/`` and ``mvbench/``
    ``scenes.jsonl``         all facts, a line for each video; ``sound`` where it has some
    ``records.jsonl``        master records with all captions, which `sg4v t2v` reads
    ``set.json``             the settings

    The same settings give the same pictures and the same JSON, bytes and all. Videos that are there are kept, so a run
    that was stopped is finished by running it again, and more videos or other captions can be added; captions and
    questions that are there are brought to the same length, and a set never becomes shorter. Tiny scenes and
    chains have no questions.
    Raises SettingsError if the folder holds another set or videos of no set, StorageError if it cannot be written.
    """
    chosen, folder = settings or SetSettings(), Path(out)
    _check_asked(count, captions, chosen, learn_questions)
    ask = ask and chosen.difficulty not in (TINY, CHAIN)
    try:
        _claim(folder, chosen)
        count = max(count, _there(folder))
        captions = [kind for kind in CAPTION_KINDS if kind in captions or (folder / f"train-{kind}.json").exists()]
        ask, learn_questions = ask or (folder / "questions.json").exists(), learn_questions or _learned(folder)
        scenes = [scene_of(chosen, number) for number in range(count)]
        rendered = _render_all(folder, scenes, chosen, workers)
        asked = _write_texts(folder, scenes, chosen, captions, ask, learn_questions)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error}; is the disk full, the folder yours?") from error
    return SetResult(folder, count, rendered, asked)


def _check_asked(count: int, captions: Sequence[CaptionKind], chosen: SetSettings, learn_questions: int) -> None:
    unknown = [kind for kind in captions if kind not in CAPTION_KINDS]
    if count < 1 or unknown:
        raise SettingsError(f"at least one video; captions of the kinds {', '.join(CAPTION_KINDS)}, not {unknown}")
    if learn_questions and chosen.difficulty in (TINY, CHAIN):
        raise SettingsError(f"there are no questions about {chosen.difficulty} scenes; leave learn_questions at 0")


def _write_texts(
    folder: Path,
    scenes: Sequence[AnyScene],
    chosen: SetSettings,
    captions: Sequence[CaptionKind],
    ask: bool,
    learn_questions: int,
) -> int:
    """All but the videos; returns how many questions were written."""
    _write_lines(folder / "scenes.jsonl", _scene_lines(scenes, chosen))
    for kind in captions:
        _write_json(
            folder / f"train-{kind}.json", [_sample(at, scene, kind, chosen) for at, scene in enumerate(scenes)]
        )
    records = (record_of(chosen, at, scene, captions) for at, scene in enumerate(scenes))
    write_records(folder / RECORDS, (_of_its_file(record, folder) for record in records))
    asked = [_questions(at, scene, chosen) for at, scene in enumerate(scenes)] if ask or learn_questions else []
    if learn_questions:
        _write_json(folder / "train-questions.json", list(_question_samples(asked, learn_questions, chosen)))
    if ask:
        _write_questions(folder, asked, chosen)
    return sum(len(each) for each in asked) if ask else 0


def scene_of(settings: SetSettings, number: int) -> AnyScene:
    """The scene of video ``number``, whatever the length of the set."""
    rng = random.Random(f"{settings.seed} {settings.split} {number}")
    how: dict[str, Any] = {"difficulty": settings.difficulty, "split": settings.split, "pairing": settings.pairing}
    return draw_scene(rng, **how, events=settings.events)


def record_of(settings: SetSettings, number: int, scene: AnyScene, kinds: Sequence[CaptionKind]) -> Record:
    """The master record of a video: the dense caption with its steps, and the texts of these kinds."""
    dense = caption(scene, "dense", seconds=settings.seconds, variant=settings.seed, fps=settings.fps)
    end = length_of(scene, settings.seconds)
    texts: dict[str, str] = {
        kind: caption(scene, kind, seconds=settings.seconds, variant=settings.seed).text for kind in kinds
    }
    made = Provenance("world", "", "", "", asdict(settings))
    whole = VideoCaption(
        video=f"videos/{_name(number)}", width=settings.width, height=settings.height, start_seconds=0.0,
        end_seconds=end, mode="sliding", shots=(Shot(0.0, end),), steps=dense.steps,
        summary=dense.text, provenance=made,
    )  # fmt: skip
    return Record(f"{number:06d}", f"videos/{_name(number)}", "train", whole, texts=texts)


def _of_its_file(record: Record, folder: Path) -> Record:
    """The record, which says what its video holds."""
    return replace(record, caption=replace(record.caption, content_id=file_content_id(folder / record.video)))


def read_scenes(folder: str | Path) -> dict[str, AnyScene]:
    """The scenes of a set by the name of their video ("000000.mp4"). Raises StorageError if they cannot be read."""
    path = Path(folder) / "scenes.jsonl"
    try:
        rows = read_json_lines(path)
        return {row["video"]: scene_from(row["scene"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path}: not the scenes of a set: {error}; write the set again") from error


def read_settings(folder: str | Path) -> SetSettings:
    """The settings of a set. Raises StorageError if they cannot be read."""
    path = Path(folder) / "set.json"
    try:
        plain = read_json(path)
        del plain["format"]
        return SetSettings(**{**plain, "events": tuple(plain.get("events", SetSettings.events))})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path}: not the settings of a set: {error}; write the set again") from error


def _claim(folder: Path, settings: SetSettings) -> None:
    """Make the folder one of this set, or refuse it: videos of something else must not pass for those of the set."""
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    plain = {"format": _FORMAT, **asdict(settings)}
    plain["events"] = list(settings.events)
    if not settings.sound:  # a set as earlier versions wrote it
        del plain["sound"]
    if settings.difficulty != CHAIN:
        del plain["events"]
    path = folder / "set.json"
    if path.exists():
        try:
            there = read_json(path)
        except ValueError:
            there = None
        if not isinstance(there, dict):
            raise SettingsError(f"{path}: these are not the settings of a set; name another folder")
        other = [name for name in sorted({*plain, *there}) if there.get(name) != plain.get(name)]
        if other:
            raise SettingsError(f"{folder} holds a set with another {', '.join(other)}; name another folder")
    elif any((folder / "videos").glob("*.mp4")):
        raise SettingsError(f"{folder / 'videos'} holds videos that are of no set; name another folder")
    _write_json(path, plain)


def _there(folder: Path) -> int:
    """How many videos the finished set in the folder has; 0 where there is none, or one that cannot be read."""
    try:
        return len(read_scenes(folder))
    except StorageError:
        return 0


def _learned(folder: Path) -> int:
    """How many questions a video ``train-questions.json`` has."""
    path = folder / "train-questions.json"
    rows = read_json(path) if path.exists() else []
    return max(Counter(row["video"] for row in rows).values(), default=0)


def _name(number: int) -> str:
    return f"{number:06d}.mp4"


def _render_all(folder: Path, scenes: Sequence[AnyScene], settings: SetSettings, workers: int | None) -> int:
    missing = [at for at in range(len(scenes)) if not (folder / "videos" / _name(at)).exists()]
    jobs = [(str(folder / "videos" / _name(at)), scenes[at], settings) for at in missing]
    many = workers or cores()
    if many == 1 or len(jobs) < 32:
        for job in jobs:
            _render_one(job)
        return len(jobs)
    with ProcessPoolExecutor(many, mp_context=get_context("spawn")) as pool:
        with without_main():
            rendered = pool.map(_render_one, jobs, chunksize=8)
        for _ in rendered:
            pass
    return len(jobs)


def _render_one(job: tuple[str, AnyScene, SetSettings]) -> None:
    path, scene, chosen = job
    pictures = pictures_of(scene, chosen.width, chosen.height, chosen.fps, chosen.seconds)
    how: dict[str, Any] = {"fps": chosen.fps, "seconds": length_of(scene, chosen.seconds), "crf": chosen.crf}
    write_clip(pictures, path, **how, sound=sound_of(scene, chosen), seed=scene.seed)


def sound_of(scene: AnyScene, settings: SetSettings) -> tuple[Heard, ...]:
    """What is heard in the video of a scene; nothing in a set without sound."""
    return soundtrack(scene.seed, length_of(scene, settings.seconds)) if settings.sound else ()


def _scene_lines(scenes: Sequence[AnyScene], settings: SetSettings) -> Iterator[str]:
    for at, scene in enumerate(scenes):
        heard = {"sound": [asdict(part) for part in sound_of(scene, settings)]} if settings.sound else {}
        yield json.dumps({"video": _name(at), "scene": asdict(scene), **heard})


def _sample(number: int, scene: AnyScene, kind: CaptionKind, settings: SetSettings) -> dict[str, Any]:
    told = caption(scene, kind, seconds=settings.seconds, variant=settings.seed)
    heard = sound_line(sound_of(scene, settings), settings.seconds) if settings.sound and kind == "dense" else ""
    sample = _conversation(f"{number:06d}-{kind}", number, PROMPT, f"{told.text} {heard}".rstrip())
    if told.replaced:
        sample["replaced"] = [asdict(each) for each in told.replaced]
    return sample


def _conversation(name: str, number: int, asked: str, answer: str) -> dict[str, Any]:
    turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]
    return {"id": name, "video": f"videos/{_name(number)}", "conversations": turns}


def _questions(number: int, scene: AnyScene, settings: SetSettings) -> list[Question]:
    if not isinstance(scene, Scene):
        return []
    return questions(scene, video=f"{number:06d}", seed=settings.seed, split=settings.split)


def _question_samples(
    asked: Sequence[Sequence[Question]], each: int, settings: SetSettings
) -> Iterator[dict[str, Any]]:
    """Some of each video's questions; those of form captioning are left out, since their answer is a caption."""
    for number, found in enumerate(asked):
        rng = random.Random(f"{settings.seed} {number} learned")
        usable = [question for question in found if question.form != "captioning"]
        for question in rng.sample(usable, min(each, len(usable))):
            yield _conversation(question.id, number, f"<video>\n{question.text}", reply(question))


def reply(question: Question) -> str:
    """The right answer as it is to be given: "yes", "B. left", or "Option 1: the square moves left."."""
    if question.form == "yes_no":
        return question.answer
    mark = f"Option {question.right + 1}:" if question.form == "caption_matching" else f"{question.letter}."
    return f"{mark} {question.answer}"


def _write_questions(folder: Path, asked: Sequence[Sequence[Question]], chosen: SetSettings) -> None:
    rows = [
        {**asdict(question), "video": _name(at), "answer": question.answer, "reply": reply(question)}
        for at, found in enumerate(asked)
        for question in found
    ]
    _write_json(folder / "questions.json", rows)
    _write_tempcompass(folder / "tempcompass", asked)
    _write_mvbench(folder / "mvbench", asked, chosen.seconds)


def _write_tempcompass(folder: Path, asked: Sequence[Sequence[Question]]) -> None:
    """The layout of TempCompass: a file for each format, in it video -> aspect -> questions.

    There is one caption for an aspect: the official judge is shown the aspect's first multiple-choice question for all.
    """
    folder.mkdir(exist_ok=True)
    for form in ("multi-choice", "yes_no", "caption_matching", "captioning"):
        tables: dict[str, dict[str, list[dict[str, str]]]] = {}
        for at, found in enumerate(asked):
            for question in found:
                if question.benchmark == "tempcompass" and question.form == form:
                    row = {"question": question.text, "answer": reply(question)}
                    rows = tables.setdefault(f"{at:06d}", {}).setdefault(question.kind, [])
                    if form != "captioning" or not rows:
                        rows.append(row)
        _write_json(folder / f"{form}.json", tables)


def _write_mvbench(folder: Path, asked: Sequence[Sequence[Question]], seconds: float) -> None:
    """The layout of MVBench: a file for each task, an empty list where nothing is asked; all are of the whole video."""
    folder.mkdir(exist_ok=True)
    tasks: dict[str, list[dict[str, Any]]] = {task: [] for task in (*MVBENCH_TASKS, *NOT_APPLICABLE)}
    for at, found in enumerate(asked):
        for question in found:
            if question.benchmark == "mvbench":
                row = {"video": _name(at), "question": question.stem, "candidates": question.options}
                tasks[question.kind].append({**row, "answer": question.answer, "start": 0.0, "end": seconds})
    for task, rows in sorted(tasks.items()):
        _write_json(folder / f"{task}.json", rows)


def _write_json(path: Path, plain: Any) -> None:
    _write_lines(path, [json.dumps(plain, indent=1)])


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    write_whole(path, "".join(f"{line}\n" for line in lines))
