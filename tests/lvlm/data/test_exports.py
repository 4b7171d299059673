"""What ``sg4v dataset export`` writes is read as it is, and encoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from made_dataset import caption_row, made_store  # noqa: E402
from media import numbered_run, write_video  # noqa: E402
from sharegpt4video.dataset.export import export  # noqa: E402
from sharegpt4video.dataset.store.store import Store  # noqa: E402
from sharegpt4video.lvlm.data.encode import Encoder  # noqa: E402
from sharegpt4video.lvlm.data.samples import read_samples  # noqa: E402
from sharegpt4video.lvlm.settings import DataSettings, DataSource  # noqa: E402


@pytest.fixture
def store(tmp_path: Path) -> Store:
    write_video(tmp_path / "a.mp4", numbered_run(80, 64, 48), fps=10)
    return made_store(tmp_path / "set", [caption_row(number, location=str(tmp_path / "a.mp4")) for number in range(2)])


@pytest.mark.parametrize(
    ("format", "options", "pictures"),
    [
        ("llava", {}, {1}),
        ("llava", {"images": "frames", "frames": 3, "lines": True}, {3}),
        ("captioner", {}, {0, 1, 2}),
        ("captioner", {"max_images": 1, "lines": True}, {0, 1}),
        ("captioner", {"pictures": False}, {0}),
    ],
)
def test_an_export_is_read_as_it_is(
    store: Store, tmp_path: Path, processor: Any, format: str, options: dict[str, Any], pictures: set[int]
) -> None:
    export(store, format, str(tmp_path / "out"), options=options)
    name = "train.jsonl" if options.get("lines") else "train.json"
    samples = read_samples(DataSource(str(tmp_path / "out" / name)))
    assert list(samples.problems()) == []
    encoder = Encoder(processor, DataSettings(max_tokens=20_000))
    examples = [encoder.encode(sample) for sample in samples]
    assert {example.media for example in examples} == pictures
    for sample, example in zip(samples, examples, strict=True):
        learned = processor.tokenizer.decode(example.labels[example.labels != -100])
        assert learned == sample.turns[1].text + "<|eot|>"
        assert learned not in ("", "<|eot|>")
    assert format == "llava" or any(sample.system for sample in samples)
