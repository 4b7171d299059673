"""Run the blocks of a page in their order, and put what they print now under each that shows it.

    python tools/walkthrough.py docs/journey.md

A page is Markdown with ``bash`` and ``python`` blocks that build on each other; a ``text`` block right below one shows
what it prints. Commands of ``sg4v`` run in this process, which spares a start for each; ``&`` at the end of a line
starts a server, ``kill %1`` ends it. The tests run pages with the same functions and compare what they show.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

COLUMNS = 110
LONG_LINES = "\n  "
"""What a folded line goes on with."""
_BLOCK = re.compile(
    r"^```(?P<language>bash|python)\n(?P<code>.*?)^```\n"
    r"(?P<learned>\n<!-- learned -->)?(?P<shown>\n```text\n.*?^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_BAR = re.compile(r"(?:(?<=\n)|\A)[^\n]*\d+%\|[^\n|]*\| \d+/\d+ \[[^\]\n]*\]\n?")
"""Progress bars, which ``sg4v`` does not let libraries draw where nobody watches; here it may be too late for that."""
_PROGRAM = "from sharegpt4video.cli import main; main()"


@dataclass(frozen=True)
class Block:
    """A block to run; ``shown`` is what the page says it prints, with long lines in one piece, "" for nothing said.

    ``learned``: it hangs on what a model learned, and so on the processor's last bits.
    """

    language: str
    code: str
    shown: str
    learned: bool = False


def blocks_of(page: str) -> list[Block]:
    found = []
    for match in _BLOCK.finditer(page):
        shown = (match["shown"] or "").strip().removeprefix("```text\n").removesuffix("```")
        shown = shown.replace(LONG_LINES, " ")
        found.append(Block(match["language"], match["code"], shown, bool(match["learned"])))
    return found


@dataclass
class Walk:
    """Blocks run one after the other in the present folder; what they define stays. A context manager."""

    names: dict[str, Any] = field(default_factory=dict)
    served: list[subprocess.Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        for process in self.served:
            process.terminate()
            process.wait(60)
        self.served.clear()

    def run(self, block: Block) -> str:
        """What a block prints. Raises RuntimeError for a command that fails, and what Python raises."""
        if block.language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.code, "<block>", "exec"), self.names)
            return printed.getvalue()
        printed = "".join(map(self.line, block.code.replace("\\\n", " ").splitlines()))
        return _BAR.sub("", printed.replace(f"{Path.cwd()}/", "")).lstrip("\n")

    def line(self, line: str) -> str:
        """What one line of a shell prints, on both of its ways."""
        if line == "kill %1":
            self.stop()
            return ""
        if not line.startswith("sg4v "):
            done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
            return _fine(line, done.returncode, done.stdout + done.stderr)
        asked, may_fail, _ = line.partition(" || true")
        call, _, to = asked.partition(" > ")
        _, *words = shlex.split(call, comments=True)
        if words[-1] == "&":
            self.served.append(subprocess.Popen([sys.executable, "-c", _PROGRAM, *words[:-1]], text=True))
            return ""
        from sharegpt4video.cli.app import app

        paths = (sorted(Path().glob(word)) if "*" in word else [word] for word in words)
        ended = CliRunner().invoke(app, [str(path) for each in paths for path in each])
        output = _fine(line, 0 if may_fail else ended.exit_code, ended.output, ended.exception)
        if to:
            Path(to.strip()).write_text(ended.stdout, encoding="utf-8")
        return "" if to else output


def _fine(line: str, code: int, output: str, error: BaseException | None = None) -> str:
    if code:
        raise RuntimeError(f"{line}\nended with {code}: {error!r}\n{output}")
    return output


def folded(text: str) -> str:
    """Long lines broken, as pages show them."""
    lines = (line for line in text.rstrip().splitlines())
    return "\n".join(
        textwrap.fill(line, COLUMNS, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False,
                      drop_whitespace=True) if len(line) > COLUMNS else line
        for line in lines
    )  # fmt: skip


def rewritten(page: str, walk: Walk) -> str:
    """The page with what its blocks print now in place of what it shows."""

    def parts() -> Iterator[str]:
        at = 0
        for match, block in zip(_BLOCK.finditer(page), blocks_of(page), strict=True):
            printed = walk.run(block)
            yield page[at : match.start("shown") if match["shown"] else match.end()]
            yield f"\n```text\n{folded(printed)}\n```\n" if match["shown"] else ""
            at = match.end()
        yield page[at:]

    return "".join(parts())


def main() -> None:
    page = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder, Walk() as walk:
        os.chdir(folder)
        text = rewritten(page.read_text(encoding="utf-8"), walk)
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
