"""Tokenizers that are on this machine: in the cache of Hugging Face, or a folder or file that the user names."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import MissingExtra, SettingsError

Length = Callable[[str], int]
"""How many tokens a text has, without any that a model adds."""

_FAST = "tokenizer.json"
_PIECES = ("spiece.model", "spm.model", "sentencepiece.bpe.model", "tokenizer.model")
_CLIP_PARTS = ("vocab.json", "merges.txt")
_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def opened_tokenizer(path: Path) -> Length:
    """The tokenizer in a file, or in a folder or in its folder ``tokenizer``: ``tokenizer.json``, a model of
    sentencepiece, or CLIP's ``vocab.json`` with ``merges.txt``.

    Raises SettingsError where there is none or it cannot be read, MissingExtra without the package that reads it.
    """
    for file in (path,) if path.is_file() else _files(path) or _files(path / "tokenizer"):
        return _read(file)
    raise SettingsError(f"{path}: no tokenizer is here; give a {_FAST}, a {_PIECES[0]}, or a folder with one of them")


def cached_tokenizer(name: str) -> Length | None:
    """The tokenizer of a repository of the Hub that is in this machine's cache; None if it, or its package, is not.

    ``name`` may end in ``:`` and a folder of the repository. A file that cannot be read counts as absent.
    """
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    repository, _, folder = name.partition(":")
    for snapshot in sorted((hub / f"models--{repository.replace('/', '--')}" / "snapshots").glob("*")):
        for file in _files(snapshot / folder):
            try:
                return _read(file)
            except (SettingsError, MissingExtra):
                continue
    return None


def _files(folder: Path) -> list[Path]:
    """The files of a folder that hold a tokenizer, the surest first."""
    found = [folder / name for name in (_FAST, *_PIECES) if (folder / name).is_file()]
    if all((folder / name).is_file() for name in _CLIP_PARTS):
        found.append(folder / _CLIP_PARTS[0])
    return found


@lru_cache(maxsize=16)
def _read(file: Path) -> Length:
    try:
        if file.suffix == ".model":
            return _pieces(file)
        return _fast(_clip(file.parent) if file.name == _CLIP_PARTS[0] else file)
    except (MissingExtra, MemoryError):
        raise
    except Exception as problem:  # both packages raise plain Exception for a file that they cannot read
        raise SettingsError(f"{file}: cannot be read as a tokenizer: {problem}") from problem


def _fast(source: Path | Any) -> Length:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtra("Counting tokens exactly", "t2v") from error
    tokenizer = Tokenizer.from_file(str(source)) if isinstance(source, Path) else source
    tokenizer.no_truncation()  # some files say where to cut, and would never count more
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _pieces(file: Path) -> Length:
    try:
        import sentencepiece
    except ImportError as error:
        raise MissingExtra("Counting tokens by a model of sentencepiece", "t2v") from error
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(file))
    return lambda text: len(pieces.encode(text))


def _clip(folder: Path) -> Any:
    """CLIP's tokenizer from its two files, put together as in transformers' ``CLIPTokenizerFast``."""
    try:
        from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
    except ImportError as error:
        raise MissingExtra("Counting tokens exactly", "t2v") from error
    vocabulary, merges = (str(folder / name) for name in _CLIP_PARTS)
    bpe = models.BPE.from_file(vocabulary, merges, end_of_word_suffix="</w>", unk_token="<|endoftext|>")
    tokenizer = Tokenizer(bpe)
    blanks = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), blanks, normalizers.Lowercase()])
    words = pre_tokenizers.Split(Regex(_CLIP_WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tokenizer
