"""The files of a checkpoint's language: a ``tokenizer.model`` is read as its own program does, and all come back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from made_checkpoints import llama3_tokenizer, save_original  # noqa: E402
from sharegpt4video.errors import SettingsError  # noqa: E402
from sharegpt4video.lvlm.convert import convert, to_original  # noqa: E402

YI_MARKS = ["<|Human|>", "<|Assistant|>", "<|System|>", "<|im_start|>", "<|im_end|>"]
ROWS = 800


def save_yi(folder: Path, *, prefix: bool) -> Any:
    """A checkpoint with a tokenizer made as Yi's is, which has no space in front of a text unless ``prefix``."""
    made = pytest.importorskip("sentencepiece")
    texts = Path(__file__).parents[3] / "docs"
    folder.parent.mkdir(parents=True, exist_ok=True)
    made.SentencePieceTrainer.train(
        input=str(texts / "models.md"), model_prefix=str(folder.parent / "made"), vocab_size=ROWS, model_type="bpe",
        byte_fallback=True, bos_piece="<|startoftext|>", eos_piece="<|endoftext|>", user_defined_symbols=YI_MARKS,
        add_dummy_prefix=prefix, remove_extra_whitespaces=False, normalization_rule_name="identity",
        split_digits=True, allow_whitespace_only_pieces=True, minloglevel=2,
    )  # fmt: skip
    save_original(folder, rows=ROWS)
    (folder.parent / "made.model").rename(folder / "tokenizer.model")
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|im_end|>", "pad_token": "<unk>", "unk_token": "<unk>"}
    plain = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": False, "add_eos_token": False, "legacy": True}
    (folder / "tokenizer_config.json").write_text(json.dumps({**plain, **names}))
    return made.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))


@pytest.mark.parametrize("prefix", [False, True])
def test_a_sentencepiece_tokenizer_cuts_text_as_sentencepiece_does(tmp_path: Path, prefix: bool) -> None:
    pieces = save_yi(tmp_path / "original", prefix=prefix)
    report = convert(tmp_path / "original", tmp_path / "out")
    assert (report.template, report.image_token_id) == ("chatml", ROWS)
    assert not any("other tokens" in warning for warning in report.warnings)
    tokenizer = transformers.AutoProcessor.from_pretrained(tmp_path / "out").tokenizer
    for text in ("user\nWhat is  this, in 2024?", "déjà vu", "hello"):
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == pieces.encode(text)
    if not prefix:
        said = "<|im_start|>system\nAnswer the questions.<|im_end|><|im_start|>user\n"
        assert tokenizer(said, add_special_tokens=False)["input_ids"] == pieces.encode(said)


def test_without_sentencepiece_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    save_original(tmp_path / "original")
    (tmp_path / "original" / "tokenizer.model").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"tokenizer\.model.* pip install 'sharegpt4video\[hf\]'"):
        convert(tmp_path / "original", tmp_path / "out")


def test_the_files_of_the_language_come_back_as_they_were(tmp_path: Path) -> None:
    """The original code runs with a transformers that cannot read what a current one writes."""
    source, back = tmp_path / "original", tmp_path / "back"
    save_original(source, tokenizer=llama3_tokenizer(), rows=261)
    (source / "special_tokens_map.json").write_text('{"eos_token": "<|eot_id|>"}')
    convert(source, tmp_path / "out")
    to_original(tmp_path / "out", back)
    kept = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json")
    assert [name for name in kept if (back / name).read_bytes() != (source / name).read_bytes()] == []
    assert not (back / "chat_template.jinja").exists()


def test_a_tokenizer_of_unknown_origin_gets_a_class_that_old_programs_know(tmp_path: Path) -> None:
    source, out = tmp_path / "original", tmp_path / "out"
    save_original(source, tokenizer=llama3_tokenizer(), rows=261)
    convert(source, out)
    for file in (out / "original").iterdir():
        file.unlink()
    (out / "original").rmdir()
    to_original(out, tmp_path / "back")
    assert json.loads((tmp_path / "back" / "tokenizer_config.json").read_text())["tokenizer_class"] not in (
        "TokenizersBackend",
        None,
    )
