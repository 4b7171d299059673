"""Exports read back by readers that are not ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import pytest

from made_dataset import worse_before
from sharegpt4video.dataset.export import EXPORTERS, ExportResult, export
from sharegpt4video.dataset.store.store import Store

Read = dict[str, tuple[str, str]]  # id -> its split, and the text that was found for it

WITHOUT_MEDIA: dict[str, dict[str, Any]] = {
    "webdataset": {"media": False},
    "llava": {"pictures": False},
    "captioner": {"pictures": False},
    "preferences": {"pictures": False},
}


def read_jsonl(folder: Path) -> Read:
    pandas = pytest.importorskip("pandas")
    found: Read = {}
    for file in sorted(folder.glob("*.jsonl")):
        if not file.stat().st_size:
            continue
        for row in pandas.read_json(file, lines=True, dtype={"video_id": str}).to_dict("records"):
            last = row["captions"][-1]
            assert last["idx"] == "-1"
            found[row["video_id"]] = (file.stem.removeprefix("sharegpt4video_"), last["content"])
    return found


def read_parquet(folder: Path) -> Read:
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(f"SELECT id, filename, caption FROM read_parquet('{folder}/data/*.parquet', filename=true)")
    return {id: (Path(name).name.split("-")[0], text) for id, name, text in rows.fetchall()}


def read_webdataset(folder: Path) -> Read:
    webdataset = pytest.importorskip("webdataset")
    found: Read = {}
    for file in sorted(folder.glob("*.tar")):
        for sample in webdataset.WebDataset(str(file), shardshuffle=False).decode():
            assert sample["json"]["caption"] == sample["txt"]
            found[sample["__key__"]] = (file.name.split("-")[0], sample["txt"])
    return found


def read_llava(folder: Path) -> Read:
    found: Read = {}
    for file in sorted(folder.glob("[tv]*.json")):
        for sample in json.loads(file.read_text("utf-8")):
            found[sample["id"]] = (file.stem, sample["conversations"][-1]["value"])
    return found


def read_captioner(folder: Path) -> Read:
    found: Read = {}
    for id, (split, text) in read_llava(folder).items():
        id, _, role = id.partition("-")
        if role in ("summary", "sliding-0000"):
            found[id] = (split, text if role == "summary" else found.get(id, ("", ""))[1] or text)
    return found


def read_cues(folder: Path) -> Read:
    found: Read = {}
    for file in sorted([*folder.rglob("*.srt"), *folder.rglob("*.vtt")]):
        with av.open(str(file)) as container:
            packets = [bytes(packet).decode() for packet in container.demux() if packet.size]
        found[file.stem] = (file.relative_to(folder).parts[0], "\n".join(packets))
    return found


def read_csv(folder: Path) -> Read:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(folder / "captions.csv", dtype=str, keep_default_na=False)
    return {row["id"]: (row["split"], row["caption"]) for row in table.to_dict("records")}


def read_messages(folder: Path) -> Read:
    """Through the description that LLaMA-Factory reads; each sample has as many videos as places for one."""
    found: Read = {}
    for name, told in json.loads((folder / "dataset_info.json").read_text("utf-8")).items():
        columns, tags = told["columns"], told["tags"]
        for line in (folder / told["file_name"]).read_bytes().splitlines():
            sample = json.loads(line)
            asked, answered = sample[columns["messages"]]
            assert [asked[tags["role_tag"]], answered[tags["role_tag"]]] == [tags["user_tag"], tags["assistant_tag"]]
            texts = asked[tags["content_tag"]] + answered[tags["content_tag"]]
            assert texts.count("<video>") == len(sample[columns["videos"]]) == 1
            split = name.partition("_")[2] or "train"
            found[sample["id"]] = (split, answered[tags["content_tag"]])
    return found


def read_lance(folder: Path) -> Read:
    lance = pytest.importorskip("lance")
    rows = lance.dataset(str(folder / "captions.lance")).to_table(columns=["id", "split", "caption"]).to_pylist()
    return {row["id"]: (row["split"], row["caption"]) for row in rows}


def read_records(folder: Path) -> Read:
    lines = (folder / "records.jsonl").read_text("utf-8").split("\n")
    plain = [json.loads(line) for line in lines if line]
    return {one["id"]: (one["split"], one["caption"]["summary"]) for one in plain}


def read_preferences(folder: Path) -> Read:
    """The summaries that are to be preferred; a line is what TRL calls a conversational preference."""
    found: Read = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_bytes().splitlines():
            pair = json.loads(line)
            roles = [message["role"] for key in ("prompt", "chosen", "rejected") for message in pair[key]]
            assert roles in (["user", "assistant", "assistant"], ["system", "user", "assistant", "assistant"])
            assert all(isinstance(message["content"], str) for message in pair["prompt"])
            if pair["role"] == "summary":
                found[pair["id"].partition("-")[0]] = (file.stem, pair["chosen"][0]["content"])
    return found


READERS: dict[str, Callable[[Path], Read]] = {
    "sharegpt4video": read_jsonl,
    "parquet": read_parquet,
    "webdataset": read_webdataset,
    "llava": read_llava,
    "messages": read_messages,
    "captioner": read_captioner,
    "preferences": read_preferences,
    "t2v": read_records,
    "srt": read_cues,
    "vtt": read_cues,
    "csv": read_csv,
    "lance": read_lance,
}
STEPS_ONLY = ("srt", "vtt")
needs_lance = pytest.mark.skipif(find_spec("lance") is None, reason="needs the extra lance")
_FORMATS = [pytest.param(name, marks=needs_lance) if name == "lance" else name for name in EXPORTERS]
formats = pytest.mark.parametrize("format", _FORMATS)


def written(store: Store, format: str, out: Path | str, **more: Any) -> ExportResult:
    """Export without pictures and videos; ``preferences``, after each caption was repaired: else it has no pairs."""
    if format == "preferences":
        worse_before(Store(store.root))
    return export(store, format, str(out), options=WITHOUT_MEDIA.get(format), **more)
