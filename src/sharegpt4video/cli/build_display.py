"""A build as it goes: a bar with the videos done and the time left, on stderr when that is a terminal."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..wording import counted
from .console import rich_console, say

if TYPE_CHECKING:
    from ..dataset.counts import BuildCounts

SAY_EVERY_SECONDS = 60.0  # where there is no terminal, one line now and then


class BuildDisplay:
    """Shows `BuildCounts` as they change."""

    def __init__(self, *, quiet: bool = False) -> None:
        console = rich_console()
        self._at_terminal, self._quiet = console.is_terminal and not quiet, quiet
        self._said = time.monotonic()
        self._counts: BuildCounts | None = None
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[more]}", style="dim", markup=False),
            console=console,
            transient=True,
            disable=not self._at_terminal,
        )
        self._task = self._bar.add_task("listing", total=None, more="")

    def __enter__(self) -> BuildDisplay:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
        if kind is KeyboardInterrupt and not self._quiet:
            done = f"{_how_far(self._counts)}; " if self._counts and self._counts.listed else ""
            say(f"stopped: {done}the same command carries on")

    def show(self, counts: BuildCounts) -> None:
        self._counts = counts
        if self._at_terminal:
            doing = "videos" if counts.all_listed else "videos (listing)"
            self._bar.update(
                self._task,
                description=doing,
                total=counts.listed or None,
                completed=counts.done,
                more=_more(counts),
            )
        elif not self._quiet and time.monotonic() - self._said >= SAY_EVERY_SECONDS:
            self._said = time.monotonic()
            say(_how_far(counts))


def _how_far(counts: BuildCounts) -> str:
    return f"{counts.done} of {counts.listed} videos done, {_more(counts)}"


def _more(counts: BuildCounts) -> str:
    parts = [counted(counts.steps, "step")]
    for number, what in (
        (counts.dropped.total(), "dropped"),
        (counts.failed.total() + counts.failed_before.total(), "failed"),
    ):
        if number:
            parts.append(f"{number} {what}")
    return ", ".join(parts)
