"""Run the commands whose output the README shows, and put what they print now in its place.

    python tools/show_output.py

A block is everything between ``<!-- output: COMMAND -->`` and ``<!-- end of output -->``. Long lines are folded, with
two spaces in front of what belongs to the line before. ``tests/test_docs.py`` compares the block with the command.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

COLUMNS = 110
BLOCK = re.compile(r"(<!-- output: (?P<command>[^\n]+) -->\n).*?(<!-- end of output -->)", re.DOTALL)
ROOT = Path(__file__).parent.parent


def printed(command: str) -> str:
    """What a command prints, folded, in a fenced block."""
    run = [sys.executable, "-c", "from sharegpt4video.cli import main; main()", *shlex.split(command)[1:]]
    output = subprocess.run(run, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    folded = (
        textwrap.fill(line, COLUMNS, subsequent_indent="  ", break_long_words=False) for line in output.splitlines()
    )
    return "```text\n" + "\n".join(folded).strip() + "\n```\n"


def main() -> None:
    page = ROOT / "README.md"
    text = BLOCK.sub(lambda match: match[1] + printed(match["command"]) + match[3], page.read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
