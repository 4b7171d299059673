"""The progress bar and the steps as they come, for a reader at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ..foreign import terminal, terminal_line
from ..formats import step_line
from ..subtitles import marked
from ..times import show_span
from .console import error, error_text, is_terminal, print_text, rich_console, say

if TYPE_CHECKING:
    from ..draft import Progress as Report
    from ..records import Step


INDENTED_COLUMNS = 20
"""A terminal has at least, where texts are indented: of one that has room for the margin only, rich shows nothing."""
BESIDE_COLUMNS = 60
"""A terminal has at least, where a text stands beside its times; in a narrower one it stands below them."""
TIMES_COLUMNS, MOST_TEXT_COLUMNS = 15, 100


def share_done(report: Report, start_seconds: float) -> float | None:
    """How much of one video is done (0..1); None when its length is not known."""
    if report.end_seconds is None or report.end_seconds <= start_seconds:
        return None
    read = min(max((report.read_seconds - start_seconds) / (report.end_seconds - start_seconds), 0.0), 1.0)
    return read * (report.steps_done + 1) / (max(report.steps_known, report.steps_done) + 1)


class Display:
    """Shows videos on their way: for each a bar with the time left, on stderr when that is a terminal, and the steps.

    Steps go to stdout when ``steps_are_the_result``, else to the terminal alone; not at all when videos go side by
    side, since nobody could tell whose they are.
    """

    def __init__(self, *, steps_are_the_result: bool, side_by_side: bool = False, quiet: bool = False) -> None:
        self._console = rich_console()
        self._at_terminal = self._console.is_terminal and not quiet
        self._to_stdout = steps_are_the_result
        self._side_by_side = side_by_side
        self._bar = Progress(
            TextColumn("{task.description}", style="dim", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[unit]}", style="dim", markup=False),
            console=self._console,
            transient=True,
            disable=not self._at_terminal,
        )

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    @contextmanager
    def video(self, name: str, start_seconds: float) -> Iterator[Callable[[Report], None]]:
        """A bar for one video, as long as it lasts; gives what is to be called with its progress."""
        name = terminal_line(name)
        task = self._bar.add_task(f"reading {name}", total=None, unit="")

        def report(report: Report) -> None:
            share = share_done(report, start_seconds)
            if share is not None:
                self._bar.update(task, total=1.0, completed=share, unit="left")
            if report.phase != "reading":
                self._bar.update(task, description=f"{report.phase} {name}")
            if report.step is not None and not self._side_by_side:
                self.show(report.step)

        try:
            yield report
        finally:
            self._bar.remove_task(task)

    def show(self, step: Step) -> None:
        """Show a finished step."""
        if self._at_terminal and (is_terminal(sys.stdout) or not self._to_stdout):
            self._console.print(self._shown(step))
        elif self._to_stdout:
            self.line(step_line(step))

    def _shown(self, step: Step) -> RenderableType:
        times = Text(show_span(step.start_seconds, step.end_seconds), style="cyan")
        text = Text(terminal_line(marked(step.text, step.problem)))
        if self._console.width < BESIDE_COLUMNS:
            indent = 2 if self._console.width >= INDENTED_COLUMNS else 0
            return Group(times, Padding(text, (0, 0, 0, indent)))
        beside = Table.grid(padding=(0, 2))
        beside.add_column(min_width=TIMES_COLUMNS, no_wrap=True)
        beside.add_column(max_width=MOST_TEXT_COLUMNS, overflow="fold")
        beside.add_row(times, text)
        return beside

    def line(self, text: str, *, fold: bool = True) -> None:
        """A line of the result, on stdout; ``fold`` it between words where the terminal ends."""
        if self._at_terminal and is_terminal(sys.stdout):
            width = min(self._console.width, TIMES_COLUMNS + 2 + MOST_TEXT_COLUMNS) if fold else None
            # Past the bar's console it would tear the bar.
            self._console.print(Text(terminal(text)), soft_wrap=not fold, width=width)
        else:
            print_text(text)

    def say(self, text: str) -> None:
        """A remark, on stderr."""
        if self._at_terminal:
            self._console.print(Text(terminal(text), style="dim"))
        else:
            say(text)

    def error(self, message: object) -> None:
        """What went wrong, on stderr."""
        if self._at_terminal:
            self._console.print(Text.assemble(("error: ", "bold red"), error_text(message)))
        else:
            error(message)
