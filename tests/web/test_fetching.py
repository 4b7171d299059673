"""Addresses: only public ones are connected to, whatever names, redirects and name servers say."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sharegpt4video.web.fetching import fetch, is_public
from sharegpt4video.web.refusals import Refused
from sharegpt4video.web.uploads import Uploads
from web_server import PARK

PUBLIC = "93.184.215.14"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.1",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.0.9",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_private_addresses_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_ones_are_too(address: str) -> None:
    assert is_public(address)


class _Site(BaseHTTPRequestHandler):
    """Stands in for a server of the open network."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.end_headers()
            return
        content = PARK.read_bytes() if "park" in self.path else b"<html>"
        self.send_response(200 if self.path != "/gone" else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


class _Network:
    """The open network: names and where they lead; every public address leads to our site."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        self.names: dict[str, list[str]] = {"videos.example": [PUBLIC]}
        self.connected: list[str] = []
        network, real = self, socket.socket

        class Socket(real):  # type: ignore[misc, valid-type]
            where = ""

            def connect(self, address: Any) -> None:
                self.where = address[0]
                network.connected.append(self.where)
                super().connect(("127.0.0.1", port))

            def getpeername(self) -> Any:
                return (self.where, 80)

        def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            found = self.names[host]
            address = found.pop(0) if len(found) > 1 else found[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(socket, "socket", Socket)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Network]:
    site = HTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=site.serve_forever, daemon=True)
    thread.start()
    _Site.asked.clear()
    with monkeypatch.context() as patch:
        yield _Network(patch, site.server_port)
    site.shutdown()
    site.server_close()


@pytest.fixture
def uploads() -> Iterator[Uploads]:
    made = Uploads(1 << 20, 1 << 24)
    yield made
    made.close()


def fetched(address: str, uploads: Uploads) -> tuple[Path, str]:
    return asyncio.run(fetch(address, uploads, 20.0))


def test_a_public_video_is_saved_under_its_name(network: _Network, uploads: Uploads) -> None:
    path, name = fetched("http://videos.example/films/park.mp4?sig=1", uploads)
    assert (name, path.read_bytes()) == ("park.mp4", PARK.read_bytes())
    assert path.parent == uploads.folder
    assert network.connected == [PUBLIC]


def test_a_redirect_is_followed_within_the_open_network(network: _Network, uploads: Uploads) -> None:
    assert fetched("http://videos.example/to?/park.mp4", uploads)[1] == "park.mp4"
    network.names["else.example"] = [PUBLIC]
    assert fetched("http://videos.example/to?http://else.example/park.mp4", uploads)[1] == "park.mp4"


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "localhost", "inner.example"])
def test_a_private_address_is_refused_also_behind_a_redirect(network: _Network, uploads: Uploads, host: str) -> None:
    network.names |= {host: ["127.0.0.1" if host in ("localhost", "inner.example") else host]}
    for address in (f"http://{host}/park.mp4", f"http://videos.example/to?http://{host}/park.mp4"):
        with pytest.raises(Refused, match="private network") as refused:
            fetched(address, uploads)
        assert refused.value.status_code == 403
    assert set(network.connected) <= {PUBLIC}
    assert not any(uploads.folder.iterdir())


def test_a_name_that_changes_its_address_gains_nothing(network: _Network, uploads: Uploads) -> None:
    """Whatever the name server says the second time: the address that was looked at is the one that is used."""
    network.names["turns.example"] = [PUBLIC, "127.0.0.1"]
    assert fetched("http://turns.example/park.mp4", uploads)[1] == "park.mp4"
    assert network.connected == [PUBLIC]
    network.names["turns.example"] = [PUBLIC, "127.0.0.1"]
    with pytest.raises(Refused, match="private network"):
        fetched("http://turns.example/to?http://turns.example/park.mp4", uploads)


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://videos.example/park.mp4",
        "http://videos.example:22/park.mp4",
        "gopher://videos.example/",
        "http:///x",
        "http://me:secret@videos.example/park.mp4",
        "//videos.example/park.mp4",
        "http://[::1",
        "x",
        "",
        "http://videos.example:99999/",
    ],
)
def test_other_addresses_are_refused(network: _Network, uploads: Uploads, address: str) -> None:
    with pytest.raises(Refused) as refused:
        fetched(address, uploads)
    assert refused.value.status_code in (403, 422)
    assert network.connected == []
    assert "secret" not in str(refused.value.detail)


def test_what_is_no_video_or_too_large_or_endless_is_refused(network: _Network, uploads: Uploads) -> None:
    for path, words in (
        ("/page", "not a video"),
        ("/gone", "answered 404"),
        ("/to?/to?/to?/to?/to?/to?/to?/x", "more than"),
    ):
        with pytest.raises(Refused, match=words):
            fetched(f"http://videos.example{path}", uploads)
    uploads.most_bytes = 1000
    with pytest.raises(Refused, match="larger than"):
        fetched("http://videos.example/park.mp4", uploads)
    assert not any(uploads.folder.iterdir())
    assert network.connected
