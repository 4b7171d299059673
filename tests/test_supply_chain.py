"""The audit and the licence check: that they fail for what is wrong, and for nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLAWED = {"id": "PYSEC-2026-1", "summary": "x", "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-2026-1"]}


def installed(place: Path, name: str, version: str = "1.0", **fields: str) -> None:
    """A package as its metadata has it."""
    folder = place / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    lines = [f"{key.replace('_', '-')}: {value}" for key, value in fields.items()]
    (folder / "METADATA").write_text(
        "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines])
    )


class _Service(BaseHTTPRequestHandler):
    """As osv.dev answers: what is known of one package."""

    flawed: ClassVar[str] = ""
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        affected = [{"package": {"name": name, "ecosystem": "PyPI"},
                     "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]}]  # fmt: skip
        found = {"vulns": [{**FLAWED, "affected": affected}]} if name == self.flawed else {}
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(_Service, "flawed", "")
    monkeypatch.setattr(_Service, "status", 200)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def audited(place: Path, service: str, *more: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("pip_audit", reason="part of the extra dev")
    command = [
        sys.executable,
        str(ROOT / "tools" / "audit.py"),
        "--path",
        str(place),
        "-s",
        "osv",
        "--osv-url",
        service,
    ]
    return subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=120)


def test_a_known_vulnerability_fails_the_audit(tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "sound")
    installed(tmp_path, "broken")
    clean = audited(tmp_path, service, "--required")
    assert (clean.returncode, clean.stdout) == (0, "audit: 2 of 2 packages, 0 known vulnerabilities\n")
    monkeypatch.setattr(_Service, "flawed", "broken")
    found = audited(tmp_path, service)
    assert found.returncode == 1
    assert found.stdout.startswith("broken 1.0: PYSEC-2026-1, mended in 1.1\n")
    assert found.stdout.endswith("audit: 2 of 2 packages, 1 known vulnerabilities\n")


def test_a_service_that_does_not_answer_is_said_and_fails_only_where_it_must(
    tmp_path: Path, audit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, "sound")
    away = audited(tmp_path, "http://127.0.0.1:9/v1/query", "--required")
    assert away.returncode == 1
    assert "NOTHING was audited, as the vulnerability service does not answer here" in away.stdout
    skipped = [{"name": "sound", "skip_reason": "Dependency not found on PyPI"}]  # by a mirror without the service
    for options, code in ([], 0), (["--required"], 1):
        monkeypatch.setattr(audit, "asked", lambda _: (skipped, ""))
        monkeypatch.setattr(sys, "argv", ["audit.py", *options])
        with pytest.raises(SystemExit) as ended:
            audit.main()
        assert ended.value.code == code


@pytest.fixture(scope="module")
def audit() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        import audit

        return audit


@pytest.fixture(scope="module")
def licences() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        import licences

        return licences


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"License_Expression": "MIT"}, ""),
        ({"License_Expression": "Apache-2.0 WITH LLVM-exception AND (MIT OR GPL-3.0-only)"}, ""),
        ({"License_Expression": "GPL-3.0-only OR MIT"}, ""),
        ({"License_Expression": "MIT AND GPL-3.0-only"}, "is under MIT AND GPL-3.0-only, which is not on the list"),
        ({"License_Expression": "AGPL-3.0-or-later"}, "is under AGPL-3.0-or-later, which is not on the list"),
        ({"License_Expression": "(GPL-2.0-only OR AGPL-3.0-only) AND MIT"}, "which is not on the list"),
        ({"License": "BSD"}, ""),
        ({"License": "MPL-2.0 AND MIT"}, ""),
        ({"Classifier": "License :: OSI Approved :: Apache Software License"}, ""),
        ({"Classifier": "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"}, "says 'nothing'"),
        ({"License": "Our own terms"}, "says 'Our own terms' of its licence"),
        ({}, "says 'nothing' of its licence: read its licence file"),
    ],
)
def test_a_licence_is_on_the_list_or_told(tmp_path: Path, licences: Any, fields: dict[str, str], problem: str) -> None:
    installed(tmp_path, "thing", **fields)
    (found,) = licences.licences([str(tmp_path)])
    assert problem in found.problem
    assert bool(problem) is bool(found.problem)


def test_every_licence_that_is_not_on_the_list_is_named_with_a_reason(licences: Any) -> None:
    for package, (expression, why) in {**licences.EXCEPTIONS, **licences.READ_BY_HAND}.items():
        assert package == package.lower()
        assert expression
        assert len(why) > 20, package
    told = Message()
    told["License"] = "GPL"
    assert licences.licence("num2words", "1", told).problem == ""
    assert licences.licence("other", "1", told).problem
