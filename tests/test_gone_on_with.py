"""Files of a stranger's folder that are gone on with: nothing is written through a link in their place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

pytest.importorskip("torch")

from sharegpt4video.cli.record import Record
from sharegpt4video.dataset.store import flock
from sharegpt4video.errors import SG4VError
from sharegpt4video.evaluate import answers, judge
from sharegpt4video.learning import checkpoints, tracking
from sharegpt4video.t2v import claiming
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.web.catalogue.pictures import DIMENSIONS, Pictures


def alone(writes: Callable[[Path], Any]) -> Callable[[Path], None]:
    def entered(folder: Path) -> None:
        with writes(folder):
            pass

    return entered


def asked(folder: Path) -> None:
    asyncio.run(judge.Judge(FakeVLM(lambda _: "A"), folder).ask(Request("judge", user_text="?")))


def logged(folder: Path) -> None:
    run: Any = SimpleNamespace(out=folder, step=0)
    tracking.Log(run, SimpleNamespace(log_every_steps=1, trackers=[])).close()  # type: ignore[arg-type]


WRITERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "a run": (checkpoints.LOCK, alone(checkpoints.alone)),
    "an export": (claiming.LOCK, alone(claiming.alone_in)),
    "answers": (answers.FILE, lambda folder: answers.AnswerLog(folder, {}).close()),
    "replies of a judge": (judge.FILE, asked),
    "captions": ("captions.jsonl", lambda folder: alone(lambda f: Record(f).locked())(folder)),
    "an index": ("pictures", lambda folder: Pictures(folder / "pictures").add(pa.array([b"\1\1" * DIMENSIONS]))),
    "a lock": ("lock", lambda folder: flock.open_file(folder / "lock")),
}


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("name", WRITERS)
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str, there: bool) -> None:
    file, write = WRITERS[name]
    victim = tmp_path / "victim"
    if there:
        victim.write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / file).symlink_to(victim)
    with pytest.raises((SG4VError, OSError)):
        write(tmp_path / "folder")
    assert victim.exists() is there
    assert not there or victim.read_bytes() == b""


def test_a_lock_that_is_a_link_empties_no_file(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / checkpoints.LOCK).symlink_to(tmp_path / "victim")
    with pytest.raises(SG4VError, match="it is a link"), checkpoints.alone(tmp_path / "run"):
        pass
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("name", ["log.jsonl", "skipped.jsonl"])
def test_logs_of_a_run_are_not_appended_to_through_a_link(tmp_path: Path, name: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).symlink_to(tmp_path / "victim")
    with suppress(SG4VError, OSError):
        logged(tmp_path / "run")
    assert not (tmp_path / "victim").exists()


def test_lines_of_a_log_end_where_they_do(tmp_path: Path) -> None:
    """A name may hold what Python takes for the end of a line."""
    log = tmp_path / "skipped.jsonl"
    lines = ['{"step": 1, "kind": "a\u2028b", "why": "x\u0085y"}\n', '{"step": 2, "kind": "a"}\n', '{"step": 3}\n']
    log.write_text("".join(lines), encoding="utf-8")
    assert tracking.skipped_kinds(tmp_path) == {"a\u2028b": 1, "a": 1, "unusable": 1}
    assert tracking.cut_after(log, 2).read_text("utf-8") == "".join(lines[:2])
    for broken in ("3\n", "{}\n", '{"step": "x"}\n', '{"step": 1'):
        log.write_text(lines[0] + broken, encoding="utf-8")
        assert tracking.cut_after(log, 2).read_text("utf-8") == lines[0]
