"""What every model backend must do. To test another one, add a line to ``BACKENDS``."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import pytest

from chat_server import ChatServer, Received, answer
from fake_vllm import install
from made_requests import FAST, OPENING, PROMPTS, REQUESTS, SUMMARY, ask, server_vlm
from sharegpt4video.errors import VLMError
from sharegpt4video.prompts import SHARECAPTIONER
from sharegpt4video.vlm import open_model
from sharegpt4video.vlm.base import VLM, Problem, Reply, Request, Task
from sharegpt4video.vlm.fake import FakeVLM

ALL_WORDS = " ".join(str(words) for words in vars(PROMPTS).values())


@dataclass(frozen=True)
class Backend:
    """How to open a model, and one that takes its time and one that has nothing to say.

    ``slow`` is None where answering is too quick to be interrupted. ``whole`` repeats the whole question, where
    ``opened`` is content with its beginning, because each token takes time.
    """

    opened: Callable[[], AbstractContextManager[VLM]]
    slow: Callable[[], AbstractContextManager[VLM]] | None
    mute: Callable[[], AbstractContextManager[VLM]]
    whole: Callable[[], AbstractContextManager[VLM]] | None = None


@contextmanager
def on_server(text: str | Callable[[Received], str], delay_seconds: float = 0.0) -> Iterator[VLM]:
    with ChatServer(default=answer(text, delay_seconds=delay_seconds)) as server:
        yield server_vlm(server.base_url)


def by_name(name: str) -> AbstractContextManager[VLM]:
    return nullcontext(open_model(name, prompts=PROMPTS))


@contextmanager
def on_transformers(**options: Any) -> Iterator[VLM]:
    """A model of transformers that says the question again, loaded from a folder."""
    pytest.importorskip("transformers")
    pytest.importorskip("torch")
    from tiny_models import save_echo

    with tempfile.TemporaryDirectory() as folder:
        save_echo(Path(folder), words_of=ALL_WORDS, **options)
        yield open_model(f"hf:{folder}", prompts=PROMPTS)


@contextmanager
def on_converted(**options: Any) -> Iterator[VLM]:
    """A LLaVA-NeXT that says the question again, in the words of the recipe."""
    pytest.importorskip("transformers")
    pytest.importorskip("torch")
    from tiny_models import echoing_llava_next

    with (
        tempfile.TemporaryDirectory() as folder,
        echoing_llava_next(Path(folder), words_of=ALL_WORDS, **options),
    ):
        yield open_model(f"lvlm:{folder}", prompts=PROMPTS)


@contextmanager
def on_released(**options: Any) -> Iterator[VLM]:
    """A tiny ShareCaptioner-Video, in the released format, that says the question again."""
    for package in ("transformers", "torch", "sentencepiece"):
        pytest.importorskip(package)
    from saved_sharecaptioner import echoing_sharecaptioner

    with tempfile.TemporaryDirectory() as folder, echoing_sharecaptioner(Path(folder), **options):
        yield open_model(
            f"sharecaptioner:{folder}", prompts=SHARECAPTIONER, hd_num=1, num_beams=1, generate={"use_cache": False}
        )


@contextmanager
def on_vllm(**behaviour: Any) -> Iterator[VLM]:
    """The engine's stand-in, which says the question again."""
    with pytest.MonkeyPatch.context() as patch:
        install(patch, **behaviour)
        yield open_model("vllm:some/model", prompts=PROMPTS)


def echo(got: Received) -> str:
    """An answer that depends on nothing but the question."""
    return f"You showed {len(got.image_urls)} pictures and asked: {got.text}"


BACKENDS = {
    "embedded": Backend(lambda: by_name("embedded"), slow=None, mute=lambda: by_name("embedded")),
    "fake": Backend(
        lambda: by_name("fake"),
        slow=lambda: nullcontext(FakeVLM(delay_seconds=600)),
        mute=lambda: nullcontext(FakeVLM(lambda _request: "")),
    ),
    "server": Backend(
        lambda: on_server(echo),
        slow=lambda: on_server("late", delay_seconds=600),
        mute=lambda: on_server(""),
    ),
    "hf": Backend(
        lambda: on_transformers(says=8),
        slow=lambda: on_transformers(delay_seconds=0.3),
        mute=lambda: on_transformers(says=0),
        whole=lambda: on_transformers(),
    ),
    "lvlm": Backend(
        lambda: on_converted(says=8),
        slow=lambda: on_converted(delay_seconds=0.3),
        mute=lambda: on_converted(says=0),
        whole=lambda: on_converted(),
    ),
    "sharecaptioner": Backend(
        lambda: on_released(says=8),
        slow=lambda: on_released(delay_seconds=0.3),
        mute=lambda: on_released(says=0),
        whole=lambda: on_released(),
    ),
    "vllm": Backend(lambda: on_vllm(), slow=lambda: on_vllm(step_seconds=0.3), mute=lambda: on_vllm(mute=True)),
}

FREE: tuple[Task, ...] = ("judge", "ask")  # questions in words of the caller's own
NOTHING_TO_TELL = Request("summary", end_seconds=2.0)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    return BACKENDS[request.param]


@pytest.fixture
def vlm(backend: Backend) -> Iterator[VLM]:
    with backend.opened() as model:
        yield model


def shown_to(vlm: VLM, request: Request) -> Request:
    """The request with as many pictures as the model takes; putting them together is not a model's business."""
    return replace(request, images=request.images[: vlm.max_images])


def test_says_what_it_is(vlm: VLM) -> None:
    assert isinstance(vlm, VLM)
    assert isinstance(vlm.name, str)
    assert vlm.name.strip()
    assert isinstance(vlm.max_images, int)
    assert vlm.max_images >= 0
    assert isinstance(vlm.max_concurrent, int)
    assert vlm.max_concurrent >= 1


def test_the_requests_of_this_suite_cover_every_task() -> None:
    assert {request.task for request in REQUESTS} == set(get_args(Task))


@pytest.mark.parametrize("asked", REQUESTS, ids=lambda request: request.task)
def test_answers_every_task(vlm: VLM, asked: Request) -> None:
    asked = shown_to(vlm, asked)
    (reply,) = ask(vlm, asked)
    assert isinstance(reply, Reply)
    assert reply.request_key == asked.key()
    if asked.task in FREE and reply.problem == "empty":  # a model that only describes says so
        assert "another model" in reply.detail
        return
    assert (reply.problem, reply.detail) == ("", "")
    assert reply.text.strip() == reply.text != ""
    assert reply.model == vlm.name
    assert reply.input_tokens >= 0
    assert reply.output_tokens >= 0


def test_answers_the_second_time_round_with_a_reminder(vlm: VLM) -> None:
    again = [replace(shown_to(vlm, asked), reminder="cut off") for asked in REQUESTS]
    for asked, reply in zip(again, ask(vlm, *again), strict=True):
        assert reply.request_key == asked.key()
        assert reply.problem == "" or (asked.task in FREE and reply.problem == "empty")


def test_many_at_once_each_get_the_answer_they_get_alone(backend: Backend) -> None:
    opened = backend.whole or backend.opened
    with opened() as vlm:
        prompts = [Request("recaption", user_text=f"a {number}-legged green robot dances") for number in range(9)]
        requests = [*prompts, *(shown_to(vlm, asked) for asked in REQUESTS)]
        together = ask(vlm, *requests)
        assert [reply.request_key for reply in together] == [asked.key() for asked in requests]
        assert all(f"{number}-legged" in reply.text for number, reply in enumerate(together[:9]))

    async def one_by_one(vlm: VLM) -> list[str]:
        return [(await vlm.generate(asked)).text for asked in requests]

    with opened() as vlm:
        assert [reply.text for reply in together] == asyncio.run(one_by_one(vlm))


def test_nothing_to_say_is_a_problem_and_no_exception(backend: Backend) -> None:
    with backend.mute() as vlm:
        (reply,) = ask(vlm, NOTHING_TO_TELL)
    assert reply.problem == "empty"
    assert reply.problem in get_args(Problem)
    assert reply.text == ""
    assert reply.request_key == NOTHING_TO_TELL.key()


def test_a_request_is_not_changed_by_being_asked(vlm: VLM) -> None:
    before = [(asked, asked.key()) for asked in (shown_to(vlm, OPENING), shown_to(vlm, SUMMARY))]
    ask(vlm, *(asked for asked, _ in before))
    assert [asked.key() for asked, _ in before] == [key for _, key in before]


def test_can_be_closed_twice_or_without_use_and_in_another_event_loop(vlm: VLM) -> None:
    async def close_twice() -> None:
        await vlm.close()
        await vlm.close()

    asyncio.run(close_twice())
    ask(vlm, SUMMARY)
    asyncio.run(close_twice())


def test_is_usable_from_one_event_loop_after_another(vlm: VLM) -> None:
    texts = [asyncio.run(vlm.generate(SUMMARY)).text for _ in range(2)]
    assert texts[0] == texts[1] != ""


@pytest.mark.parametrize("name", [name for name, backend in BACKENDS.items() if backend.slow])
def test_a_cancelled_request_ends_at_once(name: str) -> None:
    async def cancel(vlm: VLM) -> None:
        asking = asyncio.create_task(vlm.generate(SUMMARY))
        await asyncio.sleep(0.1)
        assert not asking.done()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(asking), 120)
        assert asking.cancelled()
        await vlm.close()

    slow = BACKENDS[name].slow
    assert slow is not None
    with slow() as vlm:
        asyncio.run(cancel(vlm))


def test_more_pictures_than_it_takes_are_not_looked_at_or_an_error_that_says_what_to_set(vlm: VLM) -> None:
    crowded = replace(FAST, images=FAST.images * 20, seconds=FAST.seconds * 20)

    async def outcome() -> Reply | VLMError:
        try:
            return await vlm.generate(crowded)
        except VLMError as error:
            return error

    got = asyncio.run(outcome())
    assert "max_images" in str(got) if isinstance(got, VLMError) else got.request_key == crowded.key()
