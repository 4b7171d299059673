"""``sg4v ask`` in a terminal, in a pipe, and interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
import typer
from typer.testing import CliRunner, Result

from chat_server import ChatServer, Received, answer, status
from media import numbered_run, write_video
from sharegpt4video.cli.ask import ask

app = typer.Typer()
app.command()(ask)
SG4V = [sys.executable, "-c", "from sharegpt4video.cli import main; main()", "ask"]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ask") / "a.mp4"
    write_video(path, numbered_run(30), fps=10)
    return str(path)


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=typed)


def model(server: ChatServer) -> list[str]:
    return ["--model", f"server:m@{server.base_url}"]


def test_one_question_gets_one_answer(video: str) -> None:
    with ChatServer(default=answer("A number.")) as server:
        result = run(video, "What is it?", *model(server), "--frames", "4", "--start", "1", "--end", "2")
    assert result.exit_code == 0
    assert result.stdout == "A number.\n"
    asked = server.received[0]
    assert asked.text.endswith("What is it?")
    assert "1.10, 1.30, 1.60, 1.90 s" in asked.text  # frames 10 to 20 in parts of 2.5: 1, and 2.5 rounds to 2
    assert len(asked.image_urls) == 1


def test_options_reach_the_model(video: str) -> None:
    with ChatServer(default=answer("Yes.")) as server:
        result = run(
            video, "So?", *model(server), "--set", "max_images=8", "--frames", "3", "--system", "Brief.",
            "--max-tokens", "9",
        )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    asked = server.received[0]
    assert len(asked.image_urls) == 3
    assert "Brief." in str(asked.body)
    assert 9 in asked.body.values()


def test_a_conversation_is_read_from_a_pipe(video: str) -> None:
    def reply(got: Received) -> str:
        return f"answer {sum(message['role'] == 'assistant' for message in got.body['messages'])}"

    with ChatServer(default=answer(reply)) as server:
        typed = "Who?\n\nWhere?\n/help\n/new\nWhen?\n/quit\nnever asked\n"
        result = run(video, *model(server), typed=typed)
    assert result.exit_code == 0
    assert result.stdout == "answer 0\nanswer 1\nanswer 0\n"
    assert "/new" in result.stderr


def test_the_end_of_the_input_ends_it(video: str) -> None:
    with ChatServer(default=answer("It.")) as server:
        result = run(video, *model(server), typed="Who?")
    assert (result.exit_code, result.stdout) == (0, "It.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a model"),
        (["--model", "embedded"], "answers no questions"),
        (["--model", "lvlm:"], "needs FOLDER"),
        (["--model", "fake", "--set", "nonsense=1"], "nonsense"),
        (["--model", "fake", "--start", "2", "--end", "1"], "before end_seconds"),
        (["--model", "fake", "--layout", "frames"], "--layout grid"),
    ],
)
def test_wrong_usage_is_explained(video: str, arguments: list[str], message: str) -> None:
    result = run(video, "What?", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_video_that_is_not_there_and_a_server_that_is_gone(video: str) -> None:
    assert run("missing.mp4", "What?", "--model", "fake").exit_code == 1
    result = run(video, "What?", "--model", "server:m@http://127.0.0.1:9/v1", "--set", "retries=0")
    assert result.exit_code == 1
    assert "error:" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a child")
def test_interrupting_leaves_cleanly(video: str) -> None:
    """The server takes its time; whoever waits presses Ctrl-C."""
    code = "import typer; from sharegpt4video.cli.ask import ask; a = typer.Typer(); a.command()(ask); a()"
    with ChatServer(default=answer("late", delay_seconds=600)) as server:
        child = subprocess.Popen(
            [sys.executable, "-c", code, video, "What?", *model(server)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not server.received and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _out, err = child.communicate(timeout=240)
    assert child.returncode == 130, err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals of that kind")
def test_somebody_who_types_goes_on_after_an_error_and_stdout_has_answers_alone(video: str) -> None:
    code = "import typer; from sharegpt4video.cli.ask import ask; a = typer.Typer(); a.command()(ask); a()"
    plan = [answer("first"), status(400, "no such thing"), answer("third")]
    keyboard, terminal = os.openpty()
    with ChatServer(*plan) as server:
        child = subprocess.Popen(
            [sys.executable, "-c", code, video, *model(server), "--set", "retries=0"],
            stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        os.write(keyboard, b"One?\nTwo?\nThree?\n/quit\n")
        out, err = child.communicate(timeout=240)
    os.close(keyboard)
    os.close(terminal)
    assert (child.returncode, out) == (0, "first\nthird\n"), err
    assert "error:" in err
    assert "> " in err


def as_bytes(*arguments: str, typed: bytes = b"", encoding: str = "utf-8:strict") -> subprocess.CompletedProcess[bytes]:
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run([*SG4V, *arguments], input=typed, env=env, capture_output=True, timeout=240, check=False)


def test_a_pipe_that_brings_no_text_is_told_so(video: str) -> None:
    with ChatServer(default=answer("It.")) as server:
        done = as_bytes(video, *model(server), typed=b"Caf\xe9?\n")
        guessed = as_bytes(video, *model(server), typed=b"Caf\xe9?\n", encoding="utf-8:surrogateescape")
    for ended, message in ((done, b"not utf-8 text"), (guessed, b"not UTF-8 text, at character 4")):
        assert (ended.returncode, ended.stdout) == (2, b"")
        assert message in ended.stderr
        assert b"Traceback" not in ended.stderr


def test_letters_that_the_output_does_not_have_are_written_as_numbers(video: str) -> None:
    with ChatServer(default=answer("A café \U0001f389.")) as server:
        done = as_bytes(video, "What?", *model(server), encoding="latin-1")
    assert (done.returncode, done.stdout.strip()) == (0, b"A caf\xe9 \\U0001f389.")


@pytest.mark.skipif(sys.platform == "win32", reason="no shell of that kind")
def test_closed_input_and_output_are_no_traceback(video: str) -> None:
    with ChatServer(default=answer("It.")) as server:
        command = [*SG4V, video, *model(server)]
        without_input = subprocess.run(["sh", "-c", '"$@" <&-', "sh", *command], capture_output=True, check=False)
        command.insert(len(SG4V) + 1, "What?")
        without_output = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], capture_output=True, check=False)
    assert without_input.returncode == 2
    assert b"give the question after the video" in without_input.stderr
    assert without_output.returncode == 1
    assert b"standard output is closed" in without_output.stderr
