"""The client against servers that lie, break off or are another program: always an error that says so."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from sharegpt4video.web.client import ServerRefused, WebClient

BEGUN = json.dumps({"id": "x", "media": "m", "status": "queued"}).encode()
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


@contextmanager
def lying(*answers: bytes) -> Iterator[WebClient]:
    """A server that gives these answers one after the other, then the last one again."""
    listening = socket.create_server(("127.0.0.1", 0))
    left = list(answers)

    def serve() -> None:
        while True:
            try:
                taken, _ = listening.accept()
            except OSError:
                return
            with taken:
                taken.recv(1 << 16)
                taken.sendall(left.pop(0) if len(left) > 1 else left[0])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield WebClient(f"http://127.0.0.1:{listening.getsockname()[1]}", "t", timeout_seconds=5)
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


CALLS: list[Callable[[WebClient], Any]] = [
    lambda client: client.session(),
    lambda client: client.dataset("captions"),
    lambda client: client.review(caption="x"),
    lambda client: list(client.ask("m", "?")),
    lambda client: list(client.events("x")),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "body", [b"<html>", b"[1]", b"null", b"\xff\xfe", b"[" * 5000, b"id: x\ndata: 1\n\n", b"event: done\ndata: [1]\n\n"]
)
def test_an_answer_of_another_form_is_told(call: Callable[[WebClient], Any], body: bytes) -> None:
    found: list[Any] = []
    with lying(answer(body)) as client, suppress(ServerRefused):
        found = call(client)
    assert found == [], "nothing in it was an answer"


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00" * 40, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"HTTP/9 x\r\n\r\n", answer(b"x", "599 no")],
)
def test_what_is_no_answer_is_told(body: bytes) -> None:
    with lying(body) as client, pytest.raises(ServerRefused):
        client.session()


@pytest.mark.parametrize("data", [b"{}", b'{"caption": 7}', b"7", b"{"])
def test_a_caption_that_is_none_is_told_and_not_hidden_by_cancelling_it(data: bytes) -> None:
    info = {"id": "m", "name": "a", "bytes": 1, "seconds": 1.0, "width": 1, "height": 1, "fps": 1.0}
    info |= {"has_sound": False, "playable": True, "preview": False}
    events = EVENTS + b"id: 0\nevent: done\ndata: " + data + b"\n\n"
    with lying(answer(json.dumps(info).encode()), answer(BEGUN), events, b"") as client:
        media = client.info("m")
        with pytest.raises(ServerRefused, match="another form"):
            client.caption(media)


def session_of(**more: Any) -> bytes:
    plain: dict[str, Any] = dict.fromkeys(("sample", "dataset", "compare", "profile"))
    plain |= {"version": "1", "models": [], "roots": [], "encoders": [], "fetch_urls": False}
    plain["limits"] = {"upload_bytes": 1, "max_seconds": 1.0}
    return answer(json.dumps(plain | more).encode())


def page(total: int | None) -> bytes:
    return answer(json.dumps({"items": [], "next": None, "total": total, "took_ms": 1}).encode())


def test_waiting_lasts_until_all_of_the_data_set_can_be_searched() -> None:
    own, busy = session_of(dataset={"name": "my-set"}), answer(b"{}", "503 wait")
    with lying(b"", own, page(None), own, busy, own, page(3), session_of()) as client:
        client.wait(20)
        assert client.session().dataset is None, "the answer after those it waited for"


def test_waiting_ends_in_time_and_at_once_for_who_may_not_enter() -> None:
    never = [session_of(dataset={"name": "my-set"}), page(None)] * 5
    with lying(*never) as client, pytest.raises(ServerRefused, match="wait longer"):
        client.wait(0.1)
    with lying(answer(b"{}", "401 no")) as client, pytest.raises(ServerRefused) as refused:
        client.wait(60)
    assert refused.value.status == 401
    with pytest.raises(ServerRefused, match="still running"):
        WebClient("http://127.0.0.1:9", "t").wait(0.0)


def test_a_server_that_sends_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharegpt4video.web.client._LONGEST_BYTES", 1000)
    monkeypatch.setattr("sharegpt4video.web.client._LONGEST_LINE_BYTES", 1000)
    with lying(answer(b" " * 2000)) as client, pytest.raises(ServerRefused, match="larger than"):
        client.session()
    with lying(EVENTS + b"data: 12345678\n" * 1000) as client, pytest.raises(ServerRefused, match="another form"):
        list(client.events("x"))


def test_a_picture_that_is_cut_short_is_none() -> None:
    with lying(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n\xff\xd8") as client, pytest.raises(ServerRefused):
        client.frame("x", 1.0)


def test_a_refusal_that_is_nested_without_end_is_a_refusal() -> None:
    for body in (b'{"error": ' + b"[" * 100_000, b'{"error": {"message": [], "kind": {}}}'):
        with lying(answer(body, "500 no")) as client, pytest.raises(ServerRefused) as refused:
            client.session()
        assert refused.value.status == 500


def test_a_server_that_repeats_its_first_event_is_left() -> None:
    event = b"id: 0\nevent: step\ndata: {}\n\n"
    begins = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    broken = begins + b"%x\r\n%b\r\nff\r\n" % (len(event), event)
    with lying(broken) as client, pytest.raises(ServerRefused):
        list(client.events("x"))
