"""``sg4v t2v vbench``: samples placed for VBench's own tools, and the scores that these wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import FAILED, SafeGroup, error, exit_codes, print_json, print_text, say
from .options import existing
from .verbs import EXIT_CODES, Verb

vbench = typer.Typer(
    name="vbench",
    cls=SafeGroup,
    help="Samples named as VBench's own tools read them, and its scores read back.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


Suite = Annotated[
    Path | None,
    typer.Option(
        "--suite",
        metavar="FILE",
        help="VBench_full_info.json: also name its prompts that lack samples.",
        callback=existing,
        show_default=False,
    ),
]
Dimensions = Annotated[
    list[str] | None,
    typer.Option("--dimension", "-d", metavar="NAME", help="A dimension to score (all possible).", show_default=False),
]


def place(
    samples: Annotated[
        Path,
        typer.Argument(
            metavar="SAMPLES",
            help="The generated videos: .jsonl or .json with video and prompt.",
            callback=existing,
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="New folder.", show_default=False)],
    suite: Suite = None,
    dimension: Dimensions = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the videos instead of linking them.")] = False,
) -> None:
    """Name videos so that VBench finds their prompts, and print the command that scores them."""
    from ..checking import one_of, raise_for
    from ..t2v import vbench as bridge
    from ..t2v.suites import read_prompts

    with exit_codes():
        raise_for(problem for name in dimension or () for problem in one_of("--dimension", name, bridge.DIMENSIONS))
        named = bridge.place(bridge.read_samples(samples), out, copy=copy)
        say(f"{len(named.names)} videos in {named.folder / bridge.VIDEOS}")
        if named.prompt_file is not None:
            say(f"some prompts cannot be names of files, so all are numbers; {named.prompt_file} has the prompts")
        lacking = bridge.missing(named, (one.text for one in read_prompts(suite))) if suite else {}
        if lacking:
            first = next(iter(lacking))
            say(f"{len(lacking)} prompts of the suite have fewer than {bridge.SAMPLES} samples, such as {first!r}")
        possible, refused = named.possible(dimension or bridge.DIMENSIONS)
        if refused and dimension:
            say(f"left out, because VBench needs its own prompts for them: {', '.join(refused)}")
        print_text(named.command(possible))


def results(
    file: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", help="VBench's …_eval_results.json.", callback=existing, show_default=False),
    ],
    json: Json = False,
) -> None:
    """Print the scores that VBench wrote."""
    from ..t2v.vbench import read_results

    with exit_codes():
        found = read_results(file)
        if json:
            print_json({one.name: {"score": one.score, "videos": dict(one.videos)} for one in found})
            return
        for one in found:
            print_text(f"{one.name:<24}{one.score:>8.4f}{len(one.videos):>7} videos")


def flicker(
    videos: Annotated[
        list[Path], typer.Argument(metavar="VIDEO", help="Videos that should stand still.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Compute VBench's temporal_flickering, the one of its scores that needs no network."""
    from ..errors import VideoError
    from ..t2v.vbench import temporal_flickering

    scores, failed = {}, 0
    with exit_codes():
        for video in videos:
            try:
                scores[str(video)] = temporal_flickering(video)
            except VideoError as problem:
                error(problem)
                failed += 1
        if json:
            print_json(scores)
        else:
            for name, score in scores.items():
                print_text(f"{score:.6f}  {name}")
    if failed:
        raise typer.Exit(FAILED)


for verb in (place, results, flicker):
    vbench.command(cls=Verb, no_args_is_help=True)(verb)
