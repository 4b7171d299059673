"""What belongs to a checkpoint's language: tokenizer, chat template, and the tokens that end an answer."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...tensors import read_json
from ..prompts import CHATML_TEMPLATE, LLAMA3_TEMPLATE, with_begin

IMAGE_TOKEN = "<image>"
ORIGINAL = "original"
"""The folder in a converted one that holds the source's own files of the language, as they were."""
_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
_KEPT = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
         "vocab.json", "merges.txt")  # fmt: skip
_PROBES = ("user\nWhat happens here, in 2024?", "Déjà vu:  'it' is\n\n  two. ")
_MAX_GAP = 1024  # rows without a token that are named to reach the next free one


@dataclass(frozen=True)
class Template:
    """A chat template of the original recipes: its name, its text, and the token that ends an answer."""

    name: str
    text: str
    end: str


TEMPLATES = (Template("llama3", LLAMA3_TEMPLATE, "<|eot_id|>"), Template("chatml", CHATML_TEMPLATE, "<|im_end|>"))


@dataclass(frozen=True)
class Language:
    """A tokenizer that is ready to be saved, the template that fits it, and the row of ``<image>``.

    ``rows`` is the size of the vocabulary that model and tokenizer agree on. Without a tokenizer the first two are
    None.
    """

    tokenizer: Any
    template: Template | None
    image_token_id: int
    rows: int
    warnings: tuple[str, ...] = ()


def language(folders: list[Path], rows: int, config: Mapping[str, Any]) -> Language:
    """The language of a checkpoint with ``rows`` rows; the first of ``folders`` with a tokenizer has it.

    ``<image>`` gets the row after the last one, unless the tokenizer knows it. Raises SettingsError if the tokenizer
    cannot be loaded or does not fit.
    """
    folder = tokenizer_folder(folders)
    if folder is None:
        said = (
            "no tokenizer found; the folder holds weights, configuration and picture processor only. Put the"
            " tokenizer's files (tokenizer.json or tokenizer.model, tokenizer_config.json) beside the weights and"
            " convert again to ask it questions"
        )
        return Language(None, None, rows, rows + 1, (said,))
    warnings: list[str] = []
    tokenizer = _load(folder, warnings)
    known = tokenizer.get_vocab().get(IMAGE_TOKEN)
    if known is not None and known < rows:
        image_id, total = int(known), rows
    else:
        image_id, total = _add_image_token(tokenizer, rows, folder, warnings)
    limit = config.get("tokenizer_model_max_length")
    if limit:
        tokenizer.model_max_length = int(limit)
    template = next((one for one in TEMPLATES if one.end in tokenizer.get_vocab()), None)
    if template is not None and _begins_by_itself(tokenizer):
        template = replace(template, text=with_begin(template.text))
    if template is None:
        ends = " nor ".join(one.end for one in TEMPLATES)
        warnings.append(
            f"the tokenizer knows neither {ends}, so no chat template was written; put one into chat_template.jinja"
            " before asking it questions"
        )
    return Language(tokenizer, template, image_id, total, tuple(warnings))


def generation_config(folder: Path, spoken: Language, config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The generation configuration, greedy, with every token that ends an answer; and what was amiss in the old one."""
    path = folder / "generation_config.json"
    plain = read_json(path) if path.is_file() else {}
    kept = {key: plain.get(key, config.get(key)) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    found: dict[str, Any] = {key: value for key, value in kept.items() if value is not None}
    ends = found.get("eos_token_id")
    ends = list(ends) if isinstance(ends, list) else [] if ends is None else [ends]
    notes = []
    if spoken.template is not None:
        end = int(spoken.tokenizer.convert_tokens_to_ids(spoken.template.end))
        if end not in ends:
            notes.append(
                f"generation_config.json did not name {spoken.template.end} ({end}), which ends every answer of this"
                " template; it was added, else answers would run on"
            )
            ends.append(end)
    if not ends:
        notes.append("no token is known that ends an answer; set eos_token_id in generation_config.json")
    found["eos_token_id"] = ends
    # The row of <image> is ours: the original could not write it, so neither may this one.
    return {**found, "do_sample": False, "suppress_tokens": [spoken.image_token_id]}, notes


def keep_files(folders: list[Path], out: Path) -> None:
    """Copy the source's own files of the language to the folder ``ORIGINAL`` in ``out``.

    Old programs, for which a checkpoint may be turned back, cannot read what a current transformers writes.
    """
    spoken = tokenizer_folder(folders)
    found = [folders[0] / "generation_config.json", *(spoken / name for name in _KEPT if spoken is not None)]
    for path in found:
        if path.is_file():
            (out / ORIGINAL).mkdir(exist_ok=True)
            shutil.copyfile(path, out / ORIGINAL / path.name)


def tokenizer_folder(folders: list[Path]) -> Path | None:
    """The first of some folders that has a tokenizer."""
    return next((folder for folder in folders if any((folder / name).is_file() for name in _FILES)), None)


def without_added(folder: Path, rows: int) -> dict[str, str]:
    """A tokenizer's JSON files as they were before tokens from ``rows`` on were added: file name to text."""
    import json

    found = {}
    for name, key in (("tokenizer.json", "added_tokens"), ("tokenizer_config.json", "added_tokens_decoder")):
        if not (folder / name).is_file():
            continue
        plain = read_json(folder / name)
        tokens = plain.get(key)
        if isinstance(tokens, list):
            plain[key] = [token for token in tokens if token["id"] < rows]
        elif isinstance(tokens, dict):
            plain[key] = {number: token for number, token in tokens.items() if int(number) < rows}
        for only_here in ("image_token", "processor_class", "extra_special_tokens", "chat_template"):
            plain.pop(only_here, None)
        if plain.get("tokenizer_class") == "TokenizersBackend":  # a name of transformers 5
            plain["tokenizer_class"] = "PreTrainedTokenizerFast"
        found[name] = json.dumps(plain, ensure_ascii=False, indent=2)
    return found


def _load(folder: Path, warnings: list[str]) -> Any:
    """The tokenizer of a folder; one from a ``tokenizer.model`` is held against sentencepiece, which made that."""
    model = folder / "tokenizer.model"
    pieces = _sentencepiece(model) if model.is_file() else None
    if pieces is None:
        if model.is_file() and not (folder / "tokenizer.json").is_file():
            raise SettingsError(
                f"{model}: is read with sentencepiece, which is not installed; pip install 'sharegpt4video[hf]'"
            )
        return _from_files(folder)
    # transformers puts a space in front of every text, whatever the file says; Yi's says there is none.
    for options in ({}, {"add_prefix_space": False}):
        tokenizer = _from_files(folder, **options)
        if all(tokenizer(text, add_special_tokens=False)["input_ids"] == pieces.encode(text) for text in _PROBES):
            return tokenizer
    warnings.append(
        "transformers cuts texts into other tokens than the checkpoint's tokenizer.model; answers will be worse than"
        " the original's"
    )
    return _from_files(folder)


def _sentencepiece(model: Path) -> Any:
    """The tokenizer that a file was written by; None where its package is not installed."""
    try:
        import sentencepiece
    except ImportError:
        return None
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(model))
    except (OSError, RuntimeError) as error:
        raise SettingsError(f"{model}: cannot be read ({error}); copy or download it again") from error


def _from_files(folder: Path, **options: Any) -> Any:
    import transformers

    try:
        # A configuration of no kind: it would warn of the folder's own, which transformers does not know.
        none = transformers.PretrainedConfig()
        return transformers.AutoTokenizer.from_pretrained(folder, config=none, trust_remote_code=False, **options)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError, AttributeError, TypeError) as error:
        first = " ".join(str(error).split())[:300]
        raise SettingsError(f"{folder}: the tokenizer cannot be loaded ({first})") from error


def _begins_by_itself(tokenizer: Any) -> bool:
    begin = tokenizer.bos_token_id
    return begin is not None and tokenizer("a")["input_ids"][:1] == [begin]


def _add_image_token(tokenizer: Any, rows: int, folder: Path, warnings: list[str]) -> tuple[int, int]:
    from transformers import AddedToken

    gap = rows - len(tokenizer)
    if gap > _MAX_GAP:
        raise SettingsError(
            f"{folder}: the tokenizer has {len(tokenizer)} tokens, but the model {rows} rows; is it another model's?"
        )
    if gap > 0:
        tokenizer.add_tokens([AddedToken(f"<|reserved_row_{len(tokenizer) + n}|>", special=True) for n in range(gap)])
        warnings.append(f"{gap} rows of the vocabulary had no token; they are called <|reserved_row_N|> now")
    if gap < 0:
        warnings.append(
            f"the tokenizer has {-gap} tokens more than the model has rows, which the original could not have"
            " learned; rows were added for them"
        )
    tokenizer.add_tokens([AddedToken(IMAGE_TOKEN, special=True, normalized=False)], special_tokens=True)
    image_id = int(tokenizer.convert_tokens_to_ids(IMAGE_TOKEN))
    return image_id, max(image_id + 1, len(tokenizer))
