"""``sg4v ask``: a question about a video, or a conversation in the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Coroutine, Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import error, exit_codes, print_text, say
from .options import End, Start, Video, set_option
from .settings import MODEL, read_pairs

if TYPE_CHECKING:
    from ..lvlm.chat import Conversation
    from ..vlm.base import VLM

HELP = "Ask about the video. /new forgets the questions so far, /quit or Ctrl-D leaves, /help shows this."


class Layout(str, Enum):
    """How a model is shown the frames."""

    auto = "auto"
    grid = "grid"
    frames = "frames"


class Sampler(str, Enum):
    """Which frames stand for the video."""

    sharegpt4video = "sharegpt4video"
    tempcompass = "tempcompass"
    uniform = "uniform"


Question = Annotated[
    str | None, typer.Argument(metavar="QUESTION", help="What to ask; without it, a conversation.", show_default=False)
]
Answerer = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="The model: ollama:MODEL, openai:MODEL, server:MODEL@URL, hf:NAME, lvlm:FOLDER, ...; sg4v models lists "
        "them.",
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    set_option(
        "An option of the model, such as visual_tokens=overview; may be given several times.", "--model-option", "-O"
    ),
]
Frames = Annotated[int, typer.Option(min=1, metavar="N", help="How many frames the model sees.")]
Samplers = Annotated[
    Sampler, typer.Option(metavar="NAME", help="How frames are chosen: sharegpt4video, tempcompass or uniform.")
]
Layouts = Annotated[Layout, typer.Option(help="One grid, separate frames, or as the model takes them (auto).")]
System = Annotated[str, typer.Option(metavar="TEXT", help="The system prompt (the model's own).", show_default=False)]
MaxTokens = Annotated[int, typer.Option(min=1, metavar="N", help="Maximum length of an answer in tokens.")]


def ask(
    video: Video,
    question: Question = None,
    model: Answerer = None,
    options: Set = None,
    frames: Frames = 16,
    sampler: Samplers = Sampler.sharegpt4video,
    start: Start = None,
    end: End = None,
    layout: Layouts = Layout.auto,
    system: System = "",
    max_tokens: MaxTokens = 512,
) -> None:
    """Ask a model about a video, or talk with it about the video when no question is given."""
    from ..lvlm.chat import Conversation
    from ..video.samplers import frames_of

    with exit_codes():
        vlm = _model(model, options)
        with _loop(vlm) as run:
            _check_sees(vlm)
            run(vlm.check())
            shown = frames_of(video, frames, sampler=sampler.value, start_seconds=start, end_seconds=end)
            conversation = Conversation(
                vlm, shown, video=Path(video).name, layout=layout.value, system=system, max_tokens=max_tokens
            )
            if question is not None:
                run(_print_answer(conversation, question))
            else:
                _talk(conversation, run)


def _model(name: str | None, options: list[str] | None) -> VLM:
    from ..errors import SettingsError
    from ..prompts import DEFAULT
    from ..vlm import open_model

    if name is None:
        raise SettingsError(
            "name a model that looks at pictures: --model lvlm:FOLDER (see sg4v convert), hf:NAME_OR_FOLDER or"
            " server:MODEL@URL"
        )
    return open_model(name, prompts=DEFAULT, **read_pairs([each.removeprefix(MODEL) for each in options or ()]))


def _check_sees(vlm: VLM) -> None:
    """Raises SettingsError for a model that sees no pictures, before the video is read."""
    from ..errors import SettingsError

    if vlm.max_images < 1:
        raise SettingsError(
            f"the model {vlm.name!r} describes videos from measured facts and answers no questions; name one that looks"
            " at pictures: --model lvlm:FOLDER, hf:NAME_OR_FOLDER or server:MODEL@URL"
        )


def _talk(conversation: Conversation, run: Any) -> None:
    from ..errors import SettingsError

    if sys.stdin is None:  # closed by whoever started us
        raise SettingsError("there is no input to read questions from; give the question after the video")
    if sys.stdin.isatty():
        say(HELP)
    for line in _lines():
        text = line.strip()
        if text in ("/quit", "/exit"):
            return
        if text == "/new":
            conversation.new()
            say("the conversation starts over")
        elif text.startswith("/"):
            say(HELP)
        elif text:
            _answered(conversation, text, run)


def _answered(conversation: Conversation, text: str, run: Any) -> None:
    """Print the answer. To somebody who types, a question without an answer (too long, say) is not the end."""
    from ..errors import SettingsError, VLMError

    try:
        run(_print_answer(conversation, text))
    except (VLMError, SettingsError) as failed:
        if not sys.stdin.isatty():
            raise
        error(failed)


def _lines() -> Iterator[str]:
    """What is typed or piped in, to its end (Ctrl-D). Raises SettingsError for a pipe that brings no text."""
    from ..errors import SettingsError

    if not sys.stdin.isatty():
        try:
            yield from sys.stdin
        except UnicodeDecodeError as wrong:
            raise SettingsError(f"the questions are not {wrong.encoding} text ({wrong.reason}); convert them") from None
        return
    while True:
        try:
            if sys.stdout.isatty():
                yield input("> ")
            else:  # answers go to a file: nothing else may
                say("> ", end="")
                yield input()
        except EOFError:
            say("")
            return
        except UnicodeDecodeError as wrong:
            error(f"this line is not {wrong.encoding} text; type it again")


async def _print_answer(conversation: Conversation, text: str) -> None:
    async with contextlib.aclosing(conversation.ask(text)) as pieces:
        async for piece in pieces:
            print_text(piece, end="")
    print_text()


@contextlib.contextmanager
def _loop(vlm: VLM) -> Iterator[Any]:
    """One event loop for all questions, and what runs a coroutine in it; the model is closed at the end."""
    loop = asyncio.new_event_loop()

    def run(coroutine: Coroutine[Any, Any, None]) -> None:
        task = loop.create_task(coroutine)
        try:
            loop.run_until_complete(task)
        except KeyboardInterrupt:  # let the answer end in good order before leaving
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
            print_text()
            raise

    try:
        yield run
    finally:
        loop.run_until_complete(vlm.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
