"""Nothing that others wrote reaches a terminal as it came, whichever way it takes."""

from __future__ import annotations

import ast
import logging
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from rich.console import Console

import sharegpt4video
from hostile_texts import TEXTS
from made_captions import step
from media import solid, write_video
from sharegpt4video.cli import console
from sharegpt4video.cli.app import app
from sharegpt4video.cli.progress import Display
from sharegpt4video.records import VideoCaption
from sharegpt4video.run import Progress

SRC = Path(sharegpt4video.__file__).parent
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e\x9b2J\0[bold]x[/bold][/]:skull:"
SHOWN = "\\x1b]0;owned\\x07\\x1b[2J\\u202e\\x9b2J\\x00[bold]x[/bold][/]:skull:"


def test_everything_is_printed_in_one_place() -> None:
    found = []
    for path in SRC.rglob("*.py"):
        source = path.read_text("utf-8")
        if path == SRC / "cli" / "console.py" or not re.search(r"echo|style|print|Console|TextColumn|sys\.std", source):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if re.fullmatch(
                    r"(typer|click)\.(s?echo|style)|print|rich\.print|Console|sys\.std(out|err)\.write", called
                ):
                    found.append(f"{path.relative_to(SRC)}:{node.lineno} {called}")
                if called == "TextColumn" and "{task." in ast.unparse(node) and "markup=False" not in ast.unparse(node):
                    found.append(f"{path.relative_to(SRC)}:{node.lineno} reads markup")
    assert found == []


@pytest.mark.parametrize("show", [console.print_text, console.say, console.error, console.print_json])
def test_no_way_out_is_steered(show: object, capsys: pytest.CaptureFixture[str]) -> None:
    for text in TEXTS:
        show(text)  # type: ignore[operator]
    out, err = capsys.readouterr()
    assert out or err
    assert not STEERING.search(out + err)


def test_a_message_of_many_lines_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    console.error("server: <html>\nerror: pay here\r\n")
    assert capsys.readouterr().err == "error: server: <html>\n  error: pay here\n"


def test_logs_warnings_and_tracebacks_are_safe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    console.make_output_safe()
    record = logging.LogRecord("x", logging.WARNING, "x", 1, "lock of %s", (HOSTILE,), None)
    assert logging.lastResort is not None
    assert logging.lastResort.format(record) == f"lock of {SHOWN}"
    assert SHOWN in warnings.formatwarning(HOSTILE, UserWarning, "x", 1)
    logging.lastResort.setFormatter(None)
    try:
        raise RuntimeError(HOSTILE)
    except RuntimeError as fault:
        console.report_fault(fault)
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert f"RuntimeError: {SHOWN}" in err
    assert not STEERING.search(err)


@pytest.mark.parametrize("arguments", [["caption", f"--{HOSTILE}"], ["caption", "x.mp4", "-f", HOSTILE], [HOSTILE]])
def test_usage_errors_are_safe(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        app(arguments)
    err = capsys.readouterr().err
    assert "owned" in err
    assert not STEERING.search(err)


def test_names_and_texts_on_a_terminal_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    """With the bars and colours of a terminal: what is left without rich's own sequences is safe."""
    display = Display(steps_are_the_result=False)
    display._console = Console(stderr=True, force_terminal=True, markup=False, emoji=False, highlight=False)
    display._bar.live.console = display._console
    display._at_terminal, display._bar.disable = True, False
    with display, display.video(f"{HOSTILE}\n.mp4", 0.0) as report:
        report(Progress("reading", 1.0, 2.0, 0, 1, step("opening", 0.0, 1.0, HOSTILE)))
        display.say(HOSTILE)
        display.error(HOSTILE)
        display._bar.refresh()
    err = re.sub(r"\x1b\[[0-9;?]*[mKAhl]|\r", "", capsys.readouterr().err)
    assert not STEERING.search(err)
    joined = re.sub(r"\s+", "", err)
    assert joined.count(SHOWN) >= 3
    assert f"reading{SHOWN[:20]}" in joined


@pytest.mark.parametrize("columns", [1, 2, 3, 7, 59, 60, 80, 200])
def test_a_terminal_of_any_width_shows_the_whole_text(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(steps_are_the_result=False)
    display._console = Console(stderr=True, force_terminal=True, width=columns, markup=False, highlight=False)
    display._at_terminal = True
    display.show(step("opening", 0.0, 1.0, "Rain falls."))
    shown = re.sub(r"\x1b\[[0-9;?]*m|\s+", "", capsys.readouterr().err)
    assert shown == "0:00.0–0:01.0Rainfalls."


@pytest.mark.parametrize(("columns", "widest"), [(40, 40), (80, 80), (200, 117)])
def test_a_text_stands_beside_its_times_and_no_line_is_too_long_to_read(
    columns: int, widest: int, capsys: pytest.CaptureFixture[str]
) -> None:
    display = Display(steps_are_the_result=False)
    display._console = Console(stderr=True, force_terminal=True, width=columns, markup=False, highlight=False)
    display._at_terminal = True
    words = "rain falls " * 30
    display.show(step("opening", 0.0, 1.0, words.strip()))
    first, *lines = re.sub(r"\x1b\[[0-9;?]*m", "", capsys.readouterr().err).splitlines()
    assert first.startswith("0:00.0 – 0:01.0")
    margin = 2 if columns == 40 else 17
    assert first[margin : margin + 4] == ("00.0" if columns == 40 else "rain")
    assert max(len(line.rstrip()) for line in (first, *lines)) in range(widest - 10, widest + 1)
    assert all(line[:margin].isspace() and line[margin] != " " for line in lines)
    assert [word for line in (first[15:], *lines) for word in line.split()] == words.split()


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
@pytest.mark.parametrize(
    ("closed", "arguments", "code", "said"),
    [
        (">&-", "caption a.mp4 -m fake", 1, "standard output is closed, so the result would be lost"),
        (">&-", "--version", 1, "standard output is closed"),
        (">&- <&-", "caption a.mp4 -m fake -o out --mode fast", 0, "captioned 1 video"),
        (">&- 2>&- <&-", "caption nowhere.mp4 -m fake -o out", 1, ""),
        ("2>&-", "--version", 0, ""),
    ],
)
def test_closed_streams(closed: str, arguments: str, code: int, said: str, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [solid((90, 90, 90))] * 4, fps=10)
    command = f'"$0" -c "from sharegpt4video.cli import main; main()" {arguments} {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    if code == 0 and "out" in arguments:
        assert VideoCaption.from_json((tmp_path / "out" / "a.json").read_bytes()).steps


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such names")
def test_a_hostile_name_all_the_way(tmp_path: Path) -> None:
    name = f"a\x1b[2J\n\u202e[bold]{os.fsdecode(bytes([233]))}.mp4"
    write_video(tmp_path / "a.mp4", [solid((90, 90, 90))] * 10, fps=10)
    (tmp_path / "a.mp4").rename(tmp_path / name)
    (tmp_path / "\x1b]0;broken\x07.mp4").write_bytes(b"not a video")
    code = "from sharegpt4video.cli import main; main()"
    replies = '-Oreplies=["\\u001b[2J<b>{x}", "\\u202egnp.", "ok"]'
    command = [
        sys.executable,
        "-c",
        code,
        "caption",
        "--out",
        "out",
        "-f",
        "srt",
        "-f",
        "vtt",
        "-f",
        "md",
        "-m",
        "fake",
    ]
    videos = sorted(path.name for path in tmp_path.iterdir())
    done = subprocess.run([*command, replies, *videos], cwd=tmp_path, capture_output=True, timeout=240, check=False)
    err = done.stderr.decode()
    assert done.returncode == 1, err
    assert not STEERING.search(err)
    assert "captioned 1 video, 1 failed" in err
    assert "a\\x1b[2J\\n\\u202e[bold]\\udce9.mp4: " in err
    written = {path.suffix: path.read_text("utf-8") for path in (tmp_path / "out").iterdir()}
    assert written.keys() == {".jsonl", ".srt", ".vtt", ".md"}
    assert not STEERING.search("".join(written.values()))
    assert "\uff1cb\uff1e\uff5bx\uff5d" in written[".srt"]
