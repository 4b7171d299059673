"""A thousand requests that mean harm, one after another and side by side: nothing is read, run or lost by them."""

from __future__ import annotations

import itertools
import json
import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from media import numbered_run, write_video
from web_server import FAST, HEAD, TOKEN, Running, running, workers

SECRET = "the-content-of-a-file-outside"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SCRIPTS = [
    "<script>alert(1)</script>",
    "${alert(1)}",
    "{{7*7}}",
    "javascript:alert(1)",
    "\u202egpj.exe",
    "%00",
    "'; DROP TABLE x;--",
]
CLIMBS = [
    "../" * depth + rest for depth in (1, 2, 3, 5, 8, 13) for rest in ("secret.txt", "etc/passwd", "proc/self/environ")
]
CLIMBS += [
    "..%2f..%2fsecret.txt",
    "..\\..\\secret.txt",
    "/etc/passwd",
    "/proc/self/mem",
    "\0",
    "....//secret.txt",
    "%2e%2e/secret.txt",
]
HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:8317",
    "169.254.169.254",
    "[::ffff:1.2.3.4]",
    "a@localhost",
]
VALUES = [None, True, -1, 1e308, 2**70, "", "x" * 30_000, [], {}, [[[]]] * 50, {"a": {"b": 1}}, "\ud800", *SCRIPTS]
FIELDS = {
    "/v1/captions": ("media", "model", "mode", "start_seconds", "end_seconds", "more"),
    "/v1/summaries": ("caption", "start_seconds", "end_seconds", "model"),
    "/v1/recaption": ("prompt", "model", "encoder"),
    "/v1/ask": ("media", "question", "model", "history"),
    "/v1/media/open": ("path", "url"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("hostile")
    (base / "open").mkdir()
    (base / "secret.txt").write_text(SECRET)
    write_video(base / "open" / "clip.mp4", numbered_run(8), fps=4)
    return base


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[Running]:
    with running(replace(FAST, silence_seconds=0.4), roots=(folder / "open",)) as served:
        yield served


def requests(media: str) -> Iterator[tuple[str, str, bytes | None, dict[str, str]]]:
    """Method, path, body, headers."""
    for path, names in FIELDS.items():
        for name, value in itertools.product(names, VALUES):
            content = {
                "media": media,
                "question": "?",
                "prompt": "a dog",
                "caption": "x",
                "start_seconds": 0,
                "end_seconds": 1,
            }
            content = {known: content[known] for known in names if known in content} | {name: value}
            yield "POST", path, json.dumps(content).encode(), {"Content-Type": "application/json"}
    asked = {f"/v1/media/{media}/frame": ("seconds", "side"), "/v1/captions/x/find": ("q",)}
    asked |= {"/v1/captions/x/download": ("format",), "/v1/captions/x/events": ("after",), "/": ("token", "x")}
    odd = ["-1", "1e400", "nan", "inf", "0x10", "1;2", "a" * 20_000, "%00", "%ff%fe", "٣", *map(quote, SCRIPTS)]
    for path, names in asked.items():
        for name, value in itertools.product(names, odd):
            yield "GET", f"{path}?{name}={quote(value, safe='%;')}", None, {}
    for step, value in itertools.product((-1, 1.5, "0", None, 10**9), VALUES):
        content = {"step": step, "text": value, "was": ""}
        yield "PATCH", "/v1/captions/x", json.dumps(content).encode(), {"Content-Type": "application/json"}
    for climb in CLIMBS:
        shown = climb.replace("\0", "%00").replace("\\", "%5C")
        for path in ("/", "/v1/media/", f"/v1/media/{media}/", "/v1/captions/", "/vendor/", "/docs/", "/static/"):
            yield "GET", path + shown, None, {}
        yield "POST", "/v1/media/open", json.dumps({"path": climb}).encode(), {"Content-Type": "application/json"}
        yield "POST", f"/v1/media?name={shown.replace('/', '%2F')}", b"MZ" * 400, {}
    for host, path in itertools.product(HOSTS, ("/", "/v1/session", f"/v1/media/{media}", "/metrics", "/openapi.json")):
        yield "GET", path, None, {"Host": host}
        yield "GET", path, None, {"Origin": f"http://{host}"}
        yield (
            "POST",
            "/v1/recaption",
            b'{"prompt": "a dog"}',
            {"Origin": f"http://{host}", "Content-Type": "application/json"},
        )
        yield "DELETE", path, None, {"Sec-Fetch-Site": "cross-site"}
    for method, path in itertools.product(
        ("PUT", "TRACE", "OPTIONS", "PATCH", "CONNECT"), ("/", "/v1/media", "/v1/captions/x")
    ):
        yield method, path, None, {}
    for header in ("Range", "Cookie", "Last-Event-ID", "Authorization", "Accept", "If-Range", "X-Forwarded-For"):
        for value in ("x" * 20_000, "bytes=" + "0-1," * 3000, "bytes=9999999999-1", "\x7f", "=;=;" * 900, "-1"):
            yield "GET", f"/v1/media/{media}", None, {header: value}
    for body in (
        b"{" * 100_000,
        b"[" * 100_000,
        b"\xff\xfe",
        b"null",
        b'"x"',
        b'{"prompt": ' + b"[" * 900,
        b"1" * 100_000,
    ):
        for path in FIELDS:
            yield "POST", path, body, {"Content-Type": "application/json"}


def test_a_thousand_requests_that_mean_harm(web: Running, folder: Path) -> None:
    media = web.client.open("clip.mp4")
    made = list(requests(media.id))
    random.Random(5).shuffle(made)
    assert len(made) >= 1000

    def sent(request: tuple[str, str, bytes | None, dict[str, str]]) -> tuple[int, bytes, dict[str, str]]:
        method, path, body, headers = request
        try:
            answer = web.raw(method, path, body, {**BEARER, **headers})
        except (ConnectionError, OSError, ValueError) as refused:  # hung up on, or not even sent by an honest library
            return 400, str(refused).encode(), {"content-security-policy": "-"}
        return answer.status, answer.body, dict(answer.headers)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(sent, made))
    for (method, path, _, headers), (status, body, given) in zip(made, answers, strict=True):
        about = f"{method} {path[:80]} {str(headers)[:80]} -> {status} {body[:200]!r}"
        assert status < 500 or status in (501, 502, 503), about
        assert SECRET.encode() not in body, about
        assert b"root:" not in body, about
        if status < 400 and "Host" in headers:
            raise AssertionError(about)
        assert status in (400, 431) or "content-security-policy" in given, about
    assert web.client.info(media.id).id == media.id
    assert web.client.caption(media).steps
    assert sorted(path.name for path in folder.rglob("*")) == ["clip.mp4", "open", "secret.txt"]
    assert len(workers()) <= 3


def test_connections_that_say_nothing_or_too_much_do_not_keep_others_out(web: Running) -> None:
    silent = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(60)]
    slow = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(20)]
    for one in slow:
        one.sendall(f"POST /v1/media HTTP/1.1\r\n{HEAD}Content-Length: 9999\r\n\r\n\x00\x00\x00\x18ftyp".encode())
    large = socket.create_connection(("127.0.0.1", web.port))
    large.sendall(b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n")
    assert web.client.session().version
    assert b" 408 " in slow[0].recv(4096)
    assert b" 400 " in large.recv(4096)
    for one in (*silent, *slow, large):
        one.close()


def test_scripts_in_names_and_texts_stay_text(web: Running, folder: Path) -> None:
    for script in SCRIPTS:
        media = web.client.upload(folder / "open" / "clip.mp4", name=f"{script}.mp4")
        answer = web.as_owner("GET", f"/v1/media/{media.id}/info")
        assert answer.headers["content-type"] == "application/json"
        assert "\u202e" not in media.name
    begun = web.client.begin(media.id)
    assert [*web.client.events(begun.id)][-1].kind == "done"
    web.client.edit(begun.id, None, SCRIPTS[0], [*web.client.events(begun.id)][-1].data["caption"]["summary"])
    for format in ("json", "srt", "vtt", "md"):
        answer = web.as_owner("GET", f"/v1/captions/{begun.id}/download?format={format}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert not answer.headers["content-type"].startswith("text/html")
