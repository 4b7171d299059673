"""What belongs to a checkpoint's language: tokenizer, chat template, and the tokens that end an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ..prompts import CHATML_TEMPLATE, LLAMA3_TEMPLATE, with_begin
from .files import read_json

IMAGE_TOKEN = "<image>"
_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
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
    folder = next((folder for folder in folders if any((folder / name).is_file() for name in _FILES)), None)
    if folder is None:
        said = (
            "no tokenizer found; the folder holds weights, configuration and picture processor only. Put the"
            " tokenizer's files (tokenizer.json or tokenizer.model, tokenizer_config.json) beside the weights and"
            " convert again to ask it questions"
        )
        return Language(None, None, rows, rows + 1, (said,))
    tokenizer = _load(folder)
    warnings: list[str] = []
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
        found[name] = json.dumps(plain, ensure_ascii=False, indent=2)
    return found


def _load(folder: Path) -> Any:
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
        first = " ".join(str(error).split())[:300]
        raise SettingsError(
            f"{folder}: the tokenizer cannot be loaded ({first}); with a tokenizer.model, install sentencepiece"
        ) from error


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
