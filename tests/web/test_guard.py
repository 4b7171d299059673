"""Who gets in: tokens, cookies, hosts, origins, sizes and pace, against a server that runs."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.web.settings import Limits, WebSettings
from web_server import FAST, HEAD, TOKEN, Running, running

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def web() -> Iterator[Running]:
    with running(replace(FAST, silence_seconds=0.5)) as served:
        yield served


def cookie_of(web: Running, path: str = "/") -> str:
    answer = web.raw("GET", f"{path}?token={TOKEN}")
    assert answer.status == 303
    return answer.headers["set-cookie"].partition(";")[0]


def test_nothing_but_health_is_told_without_a_token(web: Running) -> None:
    for path in ("/", "/v1/session", "/metrics", "/docs", "/openapi.json", "/v1/media/x", "/app.js", "/nothing"):
        assert web.raw("GET", path).status == 401, path
    assert web.raw("POST", "/v1/captions", b"{}").status == 401
    assert web.raw("GET", "/healthz").json["ok"] is True


def test_a_person_is_told_what_to_do(web: Running) -> None:
    page = web.raw("GET", "/", headers={"Accept": "text/html"})
    assert page.status == 401
    assert b"Open the address" in page.body
    assert "Bearer" in web.raw("GET", "/v1/session").json["error"]["message"]


def test_the_token_is_exchanged_for_a_strict_cookie(web: Running) -> None:
    answer = web.raw("GET", f"/docs?a=1&token={TOKEN}")
    assert (answer.status, answer.headers["location"]) == (303, "/docs?a=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert web.raw("GET", "/v1/session", headers={"Cookie": cookie.partition(";")[0]}).status == 200


def test_a_link_from_elsewhere_gets_its_cookie_without_a_redirect(web: Running) -> None:
    """Browsers send no strict cookie along a redirect that another page began."""
    answer = web.raw("GET", f"/?token={TOKEN}", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert answer.status == 200
    assert "set-cookie" in answer.headers
    assert b'http-equiv="refresh"' in answer.body


@pytest.mark.parametrize("path", ["//evil.example/", "/%5Cevil.example", "//evil.example/%0d%0aX-A:%20b"])
def test_the_redirect_stays_here(web: Running, path: str) -> None:
    answer = web.raw("GET", f"{path}?token={TOKEN}")
    assert "x-a" not in answer.headers
    location = answer.headers.get("location", "/")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


@pytest.mark.parametrize("token", ["wrong", "", TOKEN[:-1], TOKEN + "x", "é"])
def test_another_token_opens_nothing(web: Running, token: str) -> None:
    assert web.raw("GET", f"/?token={token.encode().hex()}").status == 401
    assert (
        web.raw("GET", "/v1/session", headers={"Authorization": f"Bearer {token}".encode().decode("latin-1")}).status
        == 401
    )


def test_cookies_cannot_be_made(web: Running) -> None:
    name, _, value = cookie_of(web).partition("=")
    visitor, _, proof = value.partition(".")
    for forged in (
        f"{visitor}x.{proof}",
        f"{visitor}.",
        ".",
        f".{proof}",
        proof,
        f"{visitor}.{proof[:-1]}0",
        "a" * 9000,
    ):
        if forged != value:
            assert web.raw("GET", "/v1/session", headers={"Cookie": f"{name}={forged}"}).status == 401, forged


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8317", "127.0.0.1.evil.example", "", "a b", "[::1", "8.8.8.8"]
)
def test_a_name_that_is_not_ours_is_refused(web: Running, host: str) -> None:
    """What a page of evil.example asks after its name was bound to 127.0.0.1."""
    assert web.raw("GET", "/v1/session", headers={"Host": host, **BEARER}).status in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8317", "LOCALHOST:9"])
def test_our_own_names_are_taken(web: Running, host: str) -> None:
    assert web.raw("GET", "/v1/session", headers={"Host": host, **BEARER}).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", ""])
def test_pages_of_others_are_not_answered(web: Running, origin: str) -> None:
    headers = {"Origin": origin, "Cookie": cookie_of(web)}
    assert web.raw("POST", "/v1/recaption", b'{"prompt": "a dog"}', headers).status == 403
    assert web.raw("GET", "/v1/session", headers=headers).status == 403


def test_what_a_browser_says_of_the_asking_page_counts(web: Running) -> None:
    cookie = {"Cookie": cookie_of(web)}
    for site, status in (("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)):
        assert web.raw("GET", "/v1/session", headers={**cookie, "Sec-Fetch-Site": site}).status == status
    visit = {**cookie, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert web.raw("GET", "/docs", headers=visit).status == 200
    assert web.raw("GET", "/v1/session", headers=visit).status == 403


def test_every_answer_carries_the_policy(web: Running) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/v1/session"),
        ("GET", "/nothing"),
        ("PUT", "/v1/session"),
        ("GET", "/healthz"),
    ):
        headers = web.raw(method, path, headers=BEARER).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers
    assert web.raw("GET", "/v1/session", headers=BEARER).headers["cache-control"] == "no-store"


def test_long_requests_are_refused(web: Running) -> None:
    answer = web.as_owner("POST", "/v1/recaption", {"prompt": "a" * (2 << 20)})
    assert (answer.status, answer.json["error"]["kind"]) == (413, "too large")


def test_slow_requests_are_ended(web: Running) -> None:
    with socket.create_connection(("127.0.0.1", web.port)) as sent:
        head = f"POST /v1/recaption HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
        sent.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        began = time.monotonic()
        assert b" 408 " in sent.recv(4096)
        assert time.monotonic() - began < 5


def test_a_client_that_asks_too_much_waits() -> None:
    with running(replace(FAST, requests_per_minute=3)) as web:
        kind = {"Content-Type": "application/json"}
        first, second = {"Cookie": cookie_of(web), **kind}, {"Cookie": cookie_of(web), **kind}
        body = json.dumps({"prompt": " "}).encode()
        statuses = [web.raw("POST", "/v1/recaption", body, first).status for _ in range(5)]
        assert statuses == [422, 422, 422, 429, 429]
        assert int(web.raw("POST", "/v1/recaption", body, first).headers["retry-after"]) >= 1
        assert web.raw("POST", "/v1/recaption", body, second).status == 422  # another browser is another client
        assert web.raw("GET", "/v1/session", headers=first).status == 200  # what starts no work is free


def test_no_other_machine_without_a_token(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "box.example"):
        with pytest.raises(SettingsError, match="token"):
            WebSettings(host=host)
        assert WebSettings(host=host, token="x").is_loopback is False
    for host in ("127.0.0.1", "::1", "localhost", "127.1.2.3"):
        assert WebSettings(host=host).is_loopback
    with pytest.raises(SettingsError, match="uploads alone"):
        WebSettings(host="0.0.0.0", public=True, roots=(tmp_path,))
    with pytest.raises(SettingsError, match="no such folder"):
        WebSettings(roots=(tmp_path / "gone",))
    assert "secret" not in repr(WebSettings(token="secret"))


def test_on_a_network_addresses_and_own_names_are_taken_and_others_not() -> None:
    with running(host="0.0.0.0", hosts=("videos.example",), limits=Limits()) as web:
        for host, status in (("10.1.2.3:80", 200), ("videos.example", 200), ("evil.example", 403), ("localhost", 200)):
            assert web.raw("GET", "/v1/session", headers={"Host": host, **BEARER}).status == status, host


@pytest.mark.parametrize(
    "others",
    ['prefs={"a": 1}', 'a="b;c"', "=;=", "caf\xe9=1", "sg4v-{port}=x.y", "x" * 9000],
    ids=lambda text: text[:9],
)
def test_cookies_of_other_servers_on_this_host_keep_nobody_out(web: Running, others: str) -> None:
    """Browsers send the cookies of a host to all of its ports."""
    cookie = f"{others.replace('{port}', str(web.port))}; {cookie_of(web)}"
    assert web.raw("GET", "/v1/session", headers={"Cookie": cookie.encode("latin-1").decode("latin-1")}).status == 200


@pytest.mark.parametrize(
    "origin", ["http://[", "http://[evil", "null", "", "//localhost", "http://localhost@evil.example"]
)
def test_an_origin_that_is_none_is_refused(web: Running, origin: str) -> None:
    assert web.raw("GET", "/v1/session", headers={**BEARER, "Origin": origin}).status == 403
