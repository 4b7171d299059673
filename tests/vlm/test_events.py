"""Server-sent events in all the forms that the standard allows and servers send, in pieces of any size."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.vlm.chat import read_answer, read_stream
from sharegpt4video.vlm.events import Event, events, lines
from sharegpt4video.vlm.faults import Fault
from sharegpt4video.vlm.stripping import StrippedPieces

TEXT = "A leaf turns over in the wind."
PARTS = ("A leaf turns ", "over in ", "the wind.")
STOP: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
ALL_IS_WELL = {"code": 0, "message": "success"}


def piece(text: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": text}, "finish_reason": None}], **fields}


def event(data: Any, end: str = "\n") -> str:
    return f"data: {data if isinstance(data, str) else json.dumps(data)}{end}{end}"


def answer(*texts: str, end: str = "\n") -> str:
    return "".join(event(data, end) for data in (*map(piece, texts), STOP, "[DONE]"))


async def sent(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def read(text: str | bytes, size: int = 1 << 20) -> str:
    data = text.encode() if isinstance(text, str) else text

    async def all_of_it() -> str:
        return "".join([one.text async for one in read_stream(sent(data, size), {}, 1 << 20)])

    return asyncio.run(all_of_it())


def over_lines(data: dict[str, Any]) -> str:
    return "".join(f"data: {line}\n" for line in json.dumps(data, indent=1).split("\n")) + "\n"


COMMENTED = "".join(f": ping\n\nevent: message\nid: 3\nretry: 9\n{event(data)}" for data in (*map(piece, PARTS), STOP))
FORMS = {
    "LF": answer(*PARTS),
    "CRLF": answer(*PARTS, end="\r\n"),
    "CR": answer(*PARTS, end="\r"),
    "each line its own end": event(piece(PARTS[0]), "\r") + event(piece(PARTS[1])) + event(piece(PARTS[2]), "\r\n")
    + event(STOP),
    "byte order mark": "\ufeff" + answer(*PARTS),
    "comments, names, ids": COMMENTED,
    "JSON over lines": "".join(map(over_lines, (*map(piece, PARTS), STOP))),
    "no empty lines between": answer(*PARTS).replace("\n\n", "\n"),
    "no end of the last": answer(*PARTS).removesuffix("data: [DONE]\n\n").rstrip(),
    "usage alone, no choices": event({"choices": []}) + event({"choices": [], "usage": {"prompt_tokens": 5}})
    + answer(*PARTS),
    "numbers mixed": "".join(event(piece(part)) + event(piece("Wrong.", 1)) for part in PARTS) + event(STOP),
    "all is well": "".join(event(piece(part, error=ALL_IS_WELL)) for part in PARTS) + event(STOP),
    "more after the end": answer(*PARTS) + event(piece(" And more.")),
    "the end in other words": answer(*PARTS).replace("[DONE]", '"[done]"'),
    "lines of JSON": "".join(json.dumps(data) + "\n" for data in (*map(piece, PARTS), STOP)),
    "the answer in one": json.dumps({"choices": [{"message": {"content": TEXT}, "finish_reason": "stop"}]}, indent=1),
}  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("form", FORMS)
def test_an_answer_is_read_in_every_form_whatever_the_header_says(form: str, size: int) -> None:
    assert read(FORMS[form], size) == TEXT


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_characters_split_over_packets_are_whole(size: int) -> None:
    text = "Ein \U0001f600 Blättchen — 葉\u2028\u0085."
    assert read("".join(event(json.dumps(data, ensure_ascii=False)) for data in (piece(text), STOP)), size) == text


@pytest.mark.parametrize(
    ("halves", "text"),
    [
        (("A \ud83d", "\ude00 leaf."), "A \U0001f600 leaf."),
        (("A \ud83d", "", "\ude00 leaf."), "A \U0001f600 leaf."),
        (("A \ud83d", " leaf."), "A \ufffd leaf."),
        (("A leaf.", "\ud83d"), "A leaf.\ufffd"),
        (("\ude00\ud83d",), "\ufffd\ufffd"),
    ],
)
def test_halves_of_characters_are_put_together_across_pieces(halves: tuple[str, ...], text: str) -> None:
    assert read(answer(*halves)) == text


@pytest.mark.parametrize(
    "text",
    [
        event(piece(TEXT)),
        event(piece("Wrong.", 1)) + event({"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}),
        event(piece(TEXT)) + "event: error\ndata: out of memory\n\n",
        event(piece(TEXT)) + "event: error\n\ndata: out of memory\n\n",
        event(piece(TEXT, error={"code": 500, "message": "success"})) + event(STOP),
        event(piece(TEXT)) + 'data: {"choi\n\n' + event(STOP),
        "<html>502 Bad Gateway</html>",
        "",
    ],
)
def test_an_answer_that_is_none_is_told(text: str) -> None:
    with pytest.raises(Fault):
        read(text)


@pytest.mark.parametrize(
    "error", [ALL_IS_WELL, {"code": "200", "message": "OK"}, {"message": "success"}, "success", {}, None, False, 0]
)
def test_an_error_that_says_all_is_well_is_none(error: object) -> None:
    body = {"error": error, "choices": [{"message": {"content": TEXT}, "finish_reason": "stop"}]}
    assert read_answer(json.dumps(body).encode(), {}).text == TEXT


def test_no_line_is_longer_than_the_bound() -> None:
    async def all_of(text: bytes) -> list[Event]:
        return [one async for one in events(sent(text, 100), 1000)]

    for text in (b"data: " + b"x" * 2000, b"data: xxxxxxxxx\n" * 200):
        with pytest.raises(Fault, match="larger than 1,000 bytes"):
            asyncio.run(all_of(text))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a", "ß", "\U0001f600", "\r", "\n", "\r\n", " "]), max_size=20), st.integers(1, 5))
def test_lines_end_where_the_standard_says(parts: list[str], size: int) -> None:
    text = "".join(parts)

    async def all_of_it() -> list[str]:
        return [line async for line in lines(sent(text.encode(), size), 1 << 20)]

    whole = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert asyncio.run(all_of_it()) == (whole if whole[-1] else whole[:-1])


@pytest.mark.parametrize(
    "pieces",
    [
        ("Assistant:", " A leaf", " turns <", " over"),
        ("Assi", "stant", ":", " A leaf turns", " < over"),
        ("ASSISTANT", ": ASSISTANT:", "A leaf turns < over"),
        ("/no", "_think", "\n\nA leaf turns < over"),
        ("Assistant: A leaf", " turns < over", "<|im_end|>"),
        ("assistant", "\n", "A leaf turns < over</s>"),
    ],
)
def test_the_name_of_who_speaks_is_not_given_on_and_no_word_twice(pieces: tuple[str, ...]) -> None:
    shown = StrippedPieces()
    assert "".join([*map(shown.add, pieces), shown.rest()]) == "A leaf turns < over"


@pytest.mark.parametrize("text", ["Assistant coaches run.", "Ass", "assistance", "/think tank", "A"])
def test_what_only_begins_like_a_name_stays(text: str) -> None:
    shown = StrippedPieces()
    assert "".join([*map(shown.add, text), shown.rest()]) == text
