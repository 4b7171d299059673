"""Tokens of text encoders: exact where the tokenizer is on this machine, else estimated and said so."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from sharegpt4video.t2v.encoders import DEFAULT, ENCODERS, count_tokens


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return tmp_path / "hub"


def test_names_say_their_limits() -> None:
    assert DEFAULT in ENCODERS
    for name, encoder in ENCODERS.items():
        assert name == encoder.name
        assert int(name.rpartition("-")[2]) == encoder.limit_tokens
        assert 1 <= encoder.tokens_per_word < 2


def test_an_estimate_is_marked_as_one(hub: Path) -> None:
    assert not hub.exists()
    counted = count_tokens("one two three four five six seven eight nine ten", ENCODERS["CLIP-77"])
    assert (counted.tokens, counted.estimated) == (13 + 2, True)
    assert count_tokens("", ENCODERS["T5-226"]).tokens == 1


def test_a_tokenizer_on_this_machine_counts_exactly(hub: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "dog": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder = hub / "models--google--umt5-xxl" / "snapshots" / "0"
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    counted = count_tokens("a dog, a dog", ENCODERS["UMT5-512"])
    assert (counted.tokens, counted.estimated) == (5, False)
    (folder / "tokenizer.json").write_text("{")
    assert count_tokens("a dog", ENCODERS["Llama-256"]).estimated
