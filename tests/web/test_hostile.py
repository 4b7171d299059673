"""A thousand requests that mean harm, one after another and side by side: nothing is read, run or lost by them."""

from __future__ import annotations

import base64
import itertools
import json
import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from made_catalogue import id_of
from made_catalogue import made as made_set
from media import numbered_run, write_video
from sharegpt4video.web.api.dataset_set import StoredSet
from sharegpt4video.web.catalogue.pages import Query
from web_server import FAST, HEAD, TOKEN, Running, running

ID = id_of(1)
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
    "/v1/dataset/reviews": ("caption", "base_revision", "step", "was", "text", "verdict", "author"),
    "/v1/dataset/bulk": ("change", "where", "q", "preview", "author"),
    "/v1/dataset/import": ("path", "author"),
}
CONTENT = {
    "question": "?",
    "prompt": "a dog",
    "start_seconds": 0,
    "end_seconds": 1,
    "base_revision": 0,
    "was": "not what it says",
    "change": {"kind": "replace", "find": "a", "with": "b"},
    "preview": True,
}
CHANGES = [
    {"kind": "replace", "find": value, "with": put, "regex": regex}
    for value in ("(a+)+$", "(", ".*", "(a{1000}){1000}", "\\", "\\C", "[[:alpha:]]+", "x" * 3000, "\0", "\ud800", "e")
    for put in ("\\9", "\\", "\\0" * 900, "\ud800")
    for regex in (True, False)
]
CHANGES += [
    {"kind": "recaption", "model": model} for model in ("/etc/passwd", "https://169.254.169.254/", "openai:x", "../x")
]
CHANGES += [
    {"kind": "filter", "filters": filters}
    for filters in ({"min_motion": "nan"}, {"x": 1}, {"min_motion": 1e400}, {"keep": "__import__('os')"}, {"": {}})
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("hostile")
    (base / "open").mkdir()
    (base / "secret.txt").write_text(SECRET)
    write_video(base / "open" / "clip.mp4", numbered_run(8), fps=4)
    return base


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[Running]:
    sets = [made_set(folder.parent / f"{folder.name}-{name}", range(6)).root for name in "ab"]
    limits = replace(FAST, silence_seconds=0.4)
    with running(limits, roots=(folder / "open",), dataset=sets[0], compare=(sets[0], sets[1])) as served:
        stored = served.server.stored
        assert isinstance(stored, StoredSet)
        assert stored.catalogue is not None
        assert stored.catalogue.wait()
        yield served


def requests(media: str) -> Iterator[tuple[str, str, bytes | None, dict[str, str]]]:
    """Method, path, body, headers."""
    for path, names in FIELDS.items():
        for name, value in itertools.product(names, VALUES):
            content = CONTENT | {"media": media, "caption": ID if "dataset" in path else "x"}
            content = {known: content[known] for known in names if known in content} | {name: value}
            yield "POST", path, json.dumps(content).encode(), {"Content-Type": "application/json"}
    asked = {f"/v1/media/{media}/frame": ("seconds", "side"), "/v1/captions/x/find": ("q",)}
    asked |= {"/v1/dataset/captions": ("q", "like", "order", "where", "after", "limit")}
    asked |= {"/v1/compare/videos": ("after", "only", "limit")}
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
        for path in (
            "/",
            "/v1/media/",
            "/v1/dataset/captions/",
            "/v1/compare/videos/",
            f"/v1/media/{media}/",
            "/v1/captions/",
            "/vendor/",
            "/docs/",
            "/static/",
        ):
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


def dataset_requests() -> Iterator[tuple[str, str, bytes | None, dict[str, str]]]:
    """What a data set is asked: changes that explode or reach for files, places that were never given, odd filters."""
    for change in CHANGES:
        content = {"change": change, "preview": True}
        yield "POST", "/v1/dataset/bulk", json.dumps(content).encode(), {"Content-Type": "application/json"}
    mark = Query().mark
    places: list[Any] = [[mark, "id", [f"urn:uuid:{ID}"], 9, 1], [mark, "id", [f"{{{ID}}}"], 9, 1]]
    places += [[mark, "row", [2**61], 10**300, 10**300], [mark, ["id"], [ID], 1, 1], [mark, "id", ID, 1, 1]]
    places += [[mark, "rank", [1], 1, 1], [mark, "finding", [1], 1, 1], [mark, "newest", [True], 1, True], {}, 7]
    texts = [json.dumps(place) for place in places] + ["[" * 740, "[" * 300 + "]" * 300, "1" * 700, '"\\ud800"', "NaN"]
    afters = [base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in texts]
    afters += [
        "~" + base64.urlsafe_b64encode(text.encode()).decode() for text in (*texts, '["../../x", 1]', '["", 9e99]')
    ]
    values = ("1' OR '1'='1", "nan", "%", "x" * 250, '"', "none", "\ud7ff\0")
    names = ("motion", "camera", "kept", "text", "id", "n) OR (1=1", "failure")
    wheres = [f"{name}{sign}{value}" for name, sign, value in itertools.product(names, "=>~", values)]
    likes = [ID, "f" * 32, "F" * 32, "\u0663" * 32, '"' * 400, "(" * 400, "NEAR(a b)", "* * *", "dog AND NOT"]
    for name, asked in {"after": afters, "where": wheres, "like": likes, "q": likes}.items():
        for value in asked:
            yield "GET", f"/v1/dataset/captions?{name}={quote(value)}", None, {}
    yield "GET", "/v1/dataset/captions?" + "where=kept%3Dtrue&" * 1000, None, {}
    for id in ("x" * 32, ID.upper(), ID[:-1], "%00" * 32, f"{ID}%00"):
        yield "GET", f"/v1/dataset/captions/{id}", None, {}
        yield "GET", f"/v1/compare/videos/{id}", None, {}
        yield "GET", f"/v1/captions/{id}/keyframes/0", None, {}
        yield "DELETE", f"/v1/dataset/bulk/{id}", None, {}
        yield "POST", f"/v1/dataset/reviews/{id}/undo", None, {}
    for number in ("-1", "99", "9" * 400, "0x1"):
        yield "GET", f"/v1/captions/{ID}/keyframes/{number}", None, {}


def test_a_thousand_requests_that_mean_harm(web: Running, folder: Path) -> None:
    media = web.client.open("clip.mp4")
    made = [*requests(media.id), *dataset_requests()]
    whole = [web.client.dataset(path) for path in ("", "captions", f"captions/{ID}", "bulk")]
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
    now = [web.client.dataset(path) for path in ("", "captions", f"captions/{ID}", "bulk")]
    for before, after in zip(whole, now, strict=True):
        # A verdict that says nothing is a review that anybody may add.
        assert {**before, "took_ms": 0, "reviews": 0} == {**after, "took_ms": 0, "reviews": 0}
    assert sorted(path.name for path in folder.rglob("*")) == ["clip.mp4", "open", "secret.txt"]
    assert len(web.workers()) <= 3


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
