"""Files of strangers that are no files, that never end, or are nested without end: told, whoever reads them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sharegpt4video import given
from sharegpt4video.caption_files import read_caption
from sharegpt4video.config import CaptionSettings, load_yaml
from sharegpt4video.dataset.export import push
from sharegpt4video.dataset.released.audit import audit
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SG4VError
from sharegpt4video.evaluate.answers import read_answers
from sharegpt4video.evaluate.benchmarks import BENCHMARKS
from sharegpt4video.evaluate.captions.given import read_captions
from sharegpt4video.evaluate.captions.ours import read_scenes
from sharegpt4video.evaluate.compare import compare_runs
from sharegpt4video.evaluate.proofs.tables import read_rows
from sharegpt4video.evaluate.proofs.verify_files import verify_file
from sharegpt4video.evaluate.tempcompass import read_questions
from sharegpt4video.t2v import profile, suites, vbench
from sharegpt4video.t2v.lint import lint
from sharegpt4video.t2v.lint.trainers import TRAINERS
from sharegpt4video.t2v.manifests.toml import read_toml
from sharegpt4video.t2v.record import read_records
from sharegpt4video.tensors import read_json
from sharegpt4video.world.files import read_settings
from sharegpt4video.world.prompted import read_prompts as prompts_of_samples

DEEP = b'{"caption":' + b'[{"a":' * 100_000
KINDS = ("a device", "a pipe", "a folder", "nested", "not closed", "long number", "no text", "sparse")


def hostile(kind: str, path: Path) -> Path:
    """A file that is none, or holds what no reader should be asked to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(given.MOST_BYTES + 1)
    else:
        inner = {"nested": b"[" * 100_000 + b"]" * 100_000, "not closed": DEEP, "long number": b"9" * 100_000}
        path.write_bytes(inner.get(kind, b"\xff\xfe\x00\x81 no text"))
    return path


VIEW = {"tasks": "action"}
READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a caption": ("caption.json", read_caption),
    "settings": ("settings.yaml", lambda path: load_yaml(path, CaptionSettings)),
    "a checkpoint": ("config.json", read_json),
    "an export": ("export.json", lambda path: push(path.parent, "me/x")),
    "a data set": ("dataset.json", lambda path: Store.open(str(path.parent))),
    "answers": ("answers.jsonl", read_answers),
    "scores": ("scores.jsonl", lambda path: compare_runs(path, path)),
    "scenes": ("scenes.jsonl", read_scenes),
    "a table": ("table.json", read_rows),
    "an Excel file": ("table.xlsx", read_rows),
    "a result": ("result.json", lambda path: verify_file(path, "mvbench")),
    "tempcompass": ("multi-choice.json", lambda path: read_questions(path.parent, "multi-choice")),
    "videomme": ("videomme.json", lambda path: list(BENCHMARKS["videomme"].load(path, "official", {}))),
    "videommev2": ("test.json", lambda path: list(BENCHMARKS["videommev2"].load(path, "official", {}))),
    "timelens": ("charades-timelens.json", lambda path: list(BENCHMARKS["timelens"].load(path.parent, "strict", {}))),
    "camerabench": ("a/b.jsonl", lambda path: list(BENCHMARKS["camerabench"].load(path.parents[1], "strict", {}))),
    "capability": ("action.jsonl", lambda path: list(BENCHMARKS["capability"].load(path.parent, "strict", VIEW))),
    "captionqa": ("q.json", lambda path: list(BENCHMARKS["captionqa"].load(path, "strict", {}))),
    "a Parquet file": ("q.parquet", lambda path: list(BENCHMARKS["captionqa"].load(path, "strict", {}))),
    "Video-MME's Parquet": ("q.parquet", lambda path: list(BENCHMARKS["videomme"].load(path, "strict", {}))),
    "Video-MME-v2's Parquet": ("q.parquet", lambda path: list(BENCHMARKS["videommev2"].load(path, "strict", {}))),
    "captions of others": ("captions.json", read_captions),
    "lines of captions": ("captions.jsonl", read_captions),
    "prompts of samples": ("prompts.jsonl", prompts_of_samples),
    "dream": ("DREAM-1k.jsonl", lambda path: list(BENCHMARKS["dream"].load(path, "official", {}))),
    "prompts": ("prompts.json", suites.read_prompts),
    "samples": ("samples.json", vbench.read_samples),
    "results": ("results.json", vbench.read_results),
    "a profile": ("profile.json", profile.load),
    "a TOML file": ("dataset.toml", read_toml),
    "records": ("records.jsonl", lambda path: list(read_records(path))),
    "a closed world": ("set.json", lambda path: read_settings(path.parent)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_whoever_reads_it_tells_of_it(tmp_path: Path, name: str, kind: str) -> None:
    file, read = READERS[name]
    if (name, kind) == ("records", "sparse"):
        pytest.skip("records are read line by line: one line is as long as it is")
    with pytest.raises(SG4VError):
        read(hostile(kind, tmp_path / file))


def test_what_was_released_is_looked_through_where_it_is_a_file(tmp_path: Path) -> None:
    for kind in ("a device", "a pipe"):
        with pytest.raises(SG4VError):
            audit(hostile(kind, tmp_path / kind / "released.jsonl"))


MANIFESTS = (
    "captions.json", "captions.txt", "config.yaml", "dataset.json", "dataset.jsonl", "dataset.toml", "metadata.csv",
    "metadata.json", "metadata.jsonl", "multidatabackend.json", "prompts.txt", "records.jsonl", "t2v.json",
    "training.json", "train.csv", "videos.txt", "videos2caption.json", "videos/a.txt",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["a device", "a pipe", "nested"])
def test_no_folder_of_a_trainer_keeps_the_check_busy(tmp_path: Path, kind: str) -> None:
    for name in MANIFESTS:
        hostile(kind, tmp_path / name)
    hostile(kind, tmp_path / "videos" / "a.mp4")
    for trainer in TRAINERS:
        with suppress(SG4VError):
            assert lint(tmp_path, trainer).findings


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def test_a_pipe_that_the_user_has_opened_is_read(pipe: tuple[int, int]) -> None:
    """As a shell opens one for ``--config <(...)``."""
    os.write(pipe[1], b"mode: fast\n")
    os.close(pipe[1])
    assert given.read_text(Path(f"/dev/fd/{pipe[0]}")) == "mode: fast\n"


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": "\xc3\xa4"}\r\n')
    assert given.read_json(path) == {"a": "ä"}
    assert given.read_text(path, "utf-8-sig") == '{"a": "ä"}\n'
    assert given.read_bytes(path, 100) == path.read_bytes()
    with given.open_text(path, "utf-8-sig", newline="") as lines:
        assert list(lines) == ['{"a": "ä"}\r\n']
    with pytest.raises(OSError, match="larger than 5 bytes") as large:
        given.read_bytes(path, 5)
    assert large.value.errno == errno.EFBIG
    with pytest.raises(FileNotFoundError):
        given.read_bytes(tmp_path / "none")
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n[2]\r\n')
    assert given.read_json_lines(path) == [{"a": 1}, [2]]
    path.write_text('{"a": 1}\n{"a": ')
    with pytest.raises(ValueError, match="line 2: "):
        given.read_json_lines(path)
    assert given.from_json('{"a": 1, "a": 2}') == {"a": 2}
    with pytest.raises(ValueError, match="'a' twice"):
        given.from_json('[{"b": {"a": 1, "a": 2}}]', twice="refused")
