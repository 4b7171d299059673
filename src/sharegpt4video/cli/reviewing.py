"""``sg4v dataset review``: what people change in the captions of a data set, listed, exported, applied and undone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from ..given import open_text
from . import options as o
from .building import DataSet
from .console import FAILED, exit_codes, print_text, say
from .settings import only_model_options, values
from .verbs import EXIT_CODES, Verb

if TYPE_CHECKING:
    from ..dataset.reviews.desk import Desk
    from ..dataset.reviews.single import Stale


class PartName(str, Enum):
    """Which texts of a caption."""

    all = "all"
    summary = "summary"
    steps = "steps"


Author = Annotated[str, typer.Option(metavar="NAME", help="Who says so; exports name it.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show how much would change, with ten examples.")]
Lines = Annotated[str, typer.Argument(metavar="FILE.jsonl", help="The file, or - for stdin.", show_default=False)]
Id = Annotated[str, typer.Argument(metavar="ID", help="A batch, or a single review.", show_default=False)]

review = typer.Typer(
    name="review",
    help="List, export, apply and undo what people change in captions; change many at once.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)


def show(directory: DataSet) -> None:
    """List what was reviewed: counts, conflicts, and the bulk changes, the last one first."""
    with exit_codes():
        desk = _desk(directory)
        counts = desk.counts()
        print_text(f"{counts.edited:,} captions edited, {counts.accepted:,} accepted, {counts.rejected:,} rejected")
        for id, one in desk.conflicts():
            where = "summary" if one.step < 0 else f"step {one.step}"
            who = one.author or "unknown"
            print_text(f"conflict: {id} {where}\n  counts: {one.theirs}\n  {who}: {one.mine}")
        for batch in desk.batches():
            print_text(batch.text())


def export(
    directory: DataSet,
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE.jsonl", help="The file, or - for stdout.")] = "-",
    everything: Annotated[bool, typer.Option("--all", help="Also what was undone.")] = False,
) -> None:
    """Write the reviews as JSON lines, in the order of time; apply brings them into a data set."""
    from ..dataset.reviews.lines import line_of
    from ..files import whole_file

    with exit_codes():
        lines = (line_of(row, counts=counts) for row, counts in _desk(directory).every() if counts or everything)
        if out == "-":
            for line in lines:
                print_text(line)
            return
        count = 0
        with whole_file(Path(out)) as file:
            for count, line in enumerate(lines, 1):  # noqa: B007 - the last number is told
                file.write(f"{line}\n".encode())
        say(f"{count:,} reviews written to {out}")


def apply(
    directory: DataSet,
    file: Lines,
    author: Author = "",
    keep_stale: Annotated[
        bool, typer.Option("--keep-stale", help="Keep a text whose base was changed, as a conflict; else refuse it.")
    ] = False,
) -> None:
    """Store reviews from JSON lines: caption, step (null: the summary), was, text, verdict, author."""
    from ..dataset.reviews.lines import apply_lines

    with exit_codes(), _opened(file) as lines:
        stale: Stale = "keep" if keep_stale else "refuse"
        done = apply_lines(_desk(directory).store, lines, author=author, stale=stale)
        print_text(done.text())
        if done.refused:
            raise typer.Exit(FAILED)


def replace(
    directory: DataSet,
    find: Annotated[str, typer.Argument(metavar="FIND", help="What to look for.", show_default=False)],
    put: Annotated[str, typer.Argument(metavar="PUT", help="What to put in its place.", show_default=False)],
    regex: Annotated[bool, typer.Option("--regex", help="FIND is a pattern (RE2); \\1 in PUT is its group.")] = False,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", help="Whatever the case of letters.")] = False,
    part: Annotated[PartName, typer.Option("--in", help="Which texts.")] = PartName.all,
    author: Author = "",
    dry_run: DryRun = False,
) -> None:
    """Search and replace in all captions, as one change that can be undone."""
    from ..dataset.reviews.changes import Replace

    with exit_codes():
        change = Replace(find, put, regex, ignore_case, part.value)
        print_text(_desk(directory).change(change, author=author, dry_run=dry_run).text())


def recaption(
    directory: DataSet,
    model: o.Model = "embedded",
    model_option: o.ModelOption = None,
    changes: o.ModelSets = None,
    only: Annotated[
        list[str] | None, typer.Option("--id", metavar="ID", help="Only this caption; may be given several times.")
    ] = None,
    author: Author = "",
    dry_run: DryRun = False,
) -> None:
    """Have another model tell the steps and summaries again, as one change that can be undone."""
    from ..dataset.dataset import open_dataset

    with exit_codes():
        ds = open_dataset(directory)
        vlm = o.make_checked_model(model, ds.settings.caption, only_model_options(model_option, changes))
        print_text(ds.reviews.recaption(vlm, ids=only, author=author, dry_run=dry_run).text())


def reject(
    directory: DataSet,
    changes: Annotated[
        list[str] | None, o.set_option("A filter, such as max_findings=2 or min_motion=0.001; see filters in settings.")
    ] = None,
    author: Author = "",
    dry_run: DryRun = False,
) -> None:
    """Reject the captions that these filters would drop, as one change that can be undone."""
    from ..dataset.settings import FilterSettings

    with exit_codes():
        filters = values(FilterSettings, [one.removeprefix("filters.") for one in changes or ()])
        print_text(_desk(directory).reject(filters, author=author, dry_run=dry_run).text())


def undo(directory: DataSet, id: Id, author: Author = "") -> None:
    """Withdraw a bulk change or a single review. The id that is printed undoes this."""
    with exit_codes():
        print_text(f"undone; to bring it back: {_desk(directory).undo(id, author=author).id}")


def import_texts(
    directory: DataSet,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the .txt files lie.", show_default=False)],
    videos: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Of a new data set: where the videos lie, if not there too.")
    ] = None,
    author: Author = "",
) -> None:
    """Import plain .txt captions (clip.txt beside clip.mp4): into a data set as summaries, or as a new data set."""
    from ..dataset.reviews.importing import new_from_texts
    from ..dataset.store.store import Store

    with exit_codes():
        if Store(directory).exists():
            done = _desk(directory).import_texts(folder, author=author)
        else:
            done = new_from_texts(directory, folder, videos=videos)
        print_text(done.text())
        if done.skipped:
            raise typer.Exit(FAILED)


@contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    """A file of lines, or stdin."""
    from ..errors import SettingsError

    if file == "-":
        yield sys.stdin
        return
    try:
        with open_text(Path(file), "utf-8-sig", errors="replace") as lines:
            yield lines
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror or error}") from error


def _desk(directory: str) -> Desk:
    from ..dataset.dataset import open_dataset

    return open_dataset(directory).reviews


VERBS: dict[str, Callable[..., None]] = {
    "list": show,
    "export": export,
    "apply": apply,
    "replace": replace,
    "recaption": recaption,
    "reject": reject,
    "undo": undo,
    "import": import_texts,
}
for name, verb in VERBS.items():
    review.command(name, cls=Verb, no_args_is_help=True)(verb)
