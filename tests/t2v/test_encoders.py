"""Tokens of text encoders: exact where the tokenizer is on this machine, else estimated and said so."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("tokenizers")
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from sharegpt4video.errors import SettingsError
from sharegpt4video.t2v.encoders import (
    DEFAULT,
    ENCODERS,
    GENERATORS,
    count_tokens,
    encoders_of,
    with_limit,
)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return tmp_path / "hub"


def words_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "dog": 1, "?": 2, "</s>": 3}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 3)])
    return tokenizer


def test_names_say_their_limits() -> None:
    assert DEFAULT in ENCODERS
    for name, encoder in ENCODERS.items():
        assert name == encoder.name
        assert int(name.rpartition("-")[2]) == encoder.limit_tokens
        assert encoder.marks < encoder.limit_tokens / 10
        assert 1 <= encoder.tokens_per_word < 2


def test_an_estimate_is_marked_as_one(hub: Path) -> None:
    assert not hub.exists()
    counted = count_tokens("one two three four five six seven eight nine ten", ENCODERS["CLIP-77"])
    assert (counted.tokens, counted.estimated) == (13 + 2, True)
    assert count_tokens("", ENCODERS["T5-226"]).tokens == 1


def test_a_tokenizer_on_this_machine_counts_exactly(hub: Path) -> None:
    folder = hub / "models--google--umt5-xxl" / "snapshots" / "0"
    folder.mkdir(parents=True)
    words_tokenizer().save(str(folder / "tokenizer.json"))
    counted = count_tokens("a dog, a dog", ENCODERS["UMT5-512"])
    assert (counted.tokens, counted.estimated) == (6, False)
    llama = hub / "models--hunyuanvideo-community--HunyuanVideo" / "snapshots" / "0" / "tokenizer"
    llama.mkdir(parents=True)
    (llama / "tokenizer.json").write_text("{")
    assert count_tokens("a dog", ENCODERS["Llama-256"]).estimated
    words_tokenizer().save(str(llama / "tokenizer.json"))
    assert not count_tokens("a dog", ENCODERS["Llama-256"]).estimated


def test_a_tokenizer_that_cuts_still_counts_all(tmp_path: Path) -> None:
    tokenizer = words_tokenizer()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=4)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert count_tokens("a dog " * 50, ENCODERS["T5-226"], tmp_path).tokens == 101
    assert count_tokens("a", ENCODERS["T5-226"], tmp_path / "tokenizer.json").tokens == 2


def test_clips_two_files_are_a_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    vocabulary = ["d", "o", "g</w>", "do", "dog</w>", "s</w>", "<|endoftext|>"]
    listed = ", ".join(f'"{piece}": {at}' for at, piece in enumerate(vocabulary))
    (tmp_path / "tokenizer" / "vocab.json").write_text(f"{{{listed}}}")
    (tmp_path / "tokenizer" / "merges.txt").write_text("#version: 0.2\nd o\ndo g</w>\n")
    assert count_tokens("Dog  DOG\ndog's", ENCODERS["CLIP-77"], tmp_path).tokens == 2 + 5  # 's is of two unknown pieces


def test_a_model_of_sentencepiece_is_a_tokenizer(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    (tmp_path / "text").write_text("the dog runs over the beach\n" * 9)
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"), model_prefix=str(tmp_path / "spiece"), vocab_size=40, minloglevel=9,
        hard_vocab_limit=False,
    )  # fmt: skip
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "spiece.model"))
    counted = count_tokens("the dog runs", ENCODERS["T5-226"], tmp_path)
    assert (counted.tokens, counted.estimated) == (len(pieces.encode("the dog runs")) + 1, False)


def test_no_tokenizer_where_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no tokenizer is here"):
        count_tokens("a", ENCODERS["T5-226"], tmp_path)
    (tmp_path / "spiece.model").write_bytes(b"no")
    with pytest.raises(SettingsError, match=r"spiece\.model: cannot be read"):
        count_tokens("a", ENCODERS["T5-226"], tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wan2.1", ["UMT5-512"]), ("Wan 2.2", ["UMT5-512"]), ("hunyuan-video", ["Llama-256", "CLIP-77"]),
        ("HUNYUANVIDEO-1.5", ["Qwen-1000"]), ("open_sora 2", ["T5-512", "CLIP-77"]), ("t5-226", ["T5-226"]),
        ("clip-77 + llama-256", ["CLIP-77", "Llama-256"]), ("CogVideoX+T5-226", ["T5-226"]),
    ],
)  # fmt: skip
def test_generators_name_their_encoders(name: str, expected: list[str]) -> None:
    assert [encoder.name for encoder in encoders_of(name)] == expected


def test_an_unknown_encoder_is_told_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"'wan2\.3'; did you mean Wan2\.2"):
        encoders_of("wan2.3")
    with pytest.raises(SettingsError, match="Known are T5-226"):
        encoders_of("what")


def test_generators_use_encoders_that_are_known() -> None:
    assert {each for names in GENERATORS.values() for each in names} <= set(ENCODERS)


def test_another_limit_keeps_the_family() -> None:
    assert with_limit(ENCODERS["T5-226"], 452).name == "T5-452"
