"""The text encoders of video generators: how many tokens of a prompt each reads, and which generator uses which.

Whatever comes after the limit is cut off, in most of them silently. Limits are those of each model's own pipeline, or
of diffusers' where that is what people run.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import SettingsError
from .tokenizers import cached_tokenizer, opened_tokenizer

_WORD = re.compile(r"\S+")
_PLAIN = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder as one or more generators use it.

    limit_tokens     how many tokens it reads, ``marks`` included; an instruction that a pipeline puts before the
                     prompt and whose tokens it takes out again is not counted
    marks            tokens of the limit that are not the prompt's: begin and end, what a chat template puts after it
    tokens_per_word  for an estimate: measured on long English video prompts where ``is_measured``, else taken from the
                     nearest that was
    tokenizers       where its tokenizer may lie on this machine: repositories of the Hub, after ``:`` a folder in them
    """

    name: str
    used_by: str
    limit_tokens: int
    marks: int
    tokens_per_word: float
    is_measured: bool
    tokenizers: tuple[str, ...] = ()


# Tokens per word on 946 prompts that GPT-4o wrote for VBench, 100 words each; on rewritten prompts of 129 words and on
# released captions of 276 it is 3 to 7 % less, and for one text in twenty 9 % more.
_CLIP, _T5, _MT5, _LLAMA, _QWEN, _GEMMA = 1.25, 1.5, 1.73, 1.27, 1.27, 1.22
_CLIP_AT = (
    "openai/clip-vit-large-patch14",
    "openai/clip-vit-base-patch32",
    "hunyuanvideo-community/HunyuanVideo:tokenizer_2",
)
_T5_AT = (
    "google/t5-v1_1-xxl", "DeepFloyd/t5-v1_1-xxl", "google-t5/t5-small", "t5-small",
    "THUDM/CogVideoX-2b:tokenizer", "THUDM/CogVideoX-5b:tokenizer", "zai-org/CogVideoX-2b:tokenizer",
    "Lightricks/LTX-Video:tokenizer", "genmo/mochi-1-preview:tokenizer", "rhymes-ai/Allegro:tokenizer",
)  # fmt: skip
_UMT5_AT = (
    "google/umt5-xxl", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers:tokenizer", "Wan-AI/Wan2.1-T2V-14B-Diffusers:tokenizer",
    "Wan-AI/Wan2.2-TI2V-5B-Diffusers:tokenizer", "Wan-AI/Wan2.2-T2V-A14B-Diffusers:tokenizer",
    "Wan-AI/Wan2.1-T2V-1.3B:google/umt5-xxl", "Wan-AI/Wan2.1-T2V-14B:google/umt5-xxl",
)  # fmt: skip
_MT5_AT = ("google/mt5-xxl", "google/mt5-small")
_LLAMA_AT = (
    "hunyuanvideo-community/HunyuanVideo:tokenizer", "xtuner/llava-llama-3-8b-v1_1-transformers",
    "meta-llama/Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-8B-Instruct",
)  # fmt: skip
_QWEN_AT = (
    "Qwen/Qwen2.5-VL-7B-Instruct",
    "Qwen/Qwen2.5-VL-3B-Instruct",
    "Qwen/Qwen2-VL-7B-Instruct",
    "Qwen/Qwen2.5-7B-Instruct",
)
_GEMMA_AT = ("google/gemma-3-12b-it", "google/gemma-2-2b-it", "google/gemma-3-4b-it", "Lightricks/LTX-2:tokenizer")


def _clip(limit_tokens: int, used_by: str, name: str = "CLIP") -> TextEncoder:
    return TextEncoder(f"{name}-{limit_tokens}", used_by, limit_tokens, 2, _CLIP, True, _CLIP_AT)


def _t5(limit_tokens: int, used_by: str) -> TextEncoder:
    return TextEncoder(f"T5-{limit_tokens}", used_by, limit_tokens, 1, _T5, True, _T5_AT)


def _umt5(limit_tokens: int, used_by: str) -> TextEncoder:
    return TextEncoder(f"UMT5-{limit_tokens}", used_by, limit_tokens, 1, _MT5, False, _UMT5_AT)


def _qwen(limit_tokens: int, marks: int, used_by: str, name: str = "Qwen") -> TextEncoder:
    return TextEncoder(f"{name}-{limit_tokens}", used_by, limit_tokens, marks, _QWEN, True, _QWEN_AT)


def _gemma(limit_tokens: int, marks: int, used_by: str) -> TextEncoder:
    return TextEncoder(f"Gemma-{limit_tokens}", used_by, limit_tokens, marks, _GEMMA, True, _GEMMA_AT)


ENCODERS: dict[str, TextEncoder] = {
    one.name: one
    for one in (
        _t5(226, "CogVideoX, ConsisID"),
        _clip(77, "HunyuanVideo, Open-Sora 2, Open-Sora-Plan 1.3 and Kandinsky 5, beside another encoder; AnimateDiff"),
        _clip(248, "whoever swapped CLIP for LongCLIP", "LongCLIP"),
        _t5(120, "Latte, Open-Sora 1.0"),
        _t5(128, "LTX-Video"),
        _t5(200, "Open-Sora 1.1 and 1.2"),
        _t5(256, "Mochi, LTX-Video from 0.9.5, EasyAnimate up to 5"),
        _t5(300, "Open-Sora-Plan 1.0 and 1.1"),
        _t5(512, "Allegro, Cosmos 1 and 2, Open-Sora 2"),
        _umt5(512, "Wan 2.1 and 2.2, SkyReels V2"),
        _umt5(226, "Wan whose prompts are encoded beforehand by encode_prompt of diffusers, with its default"),
        TextEncoder("mT5-512", "Open-Sora-Plan 1.2 and 1.3", 512, 1, _MT5, True, _MT5_AT),
        TextEncoder("Llama-256", "HunyuanVideo", 256, 1, _LLAMA, True, _LLAMA_AT),
        _qwen(256, 19, "EasyAnimate 5.1"),
        _qwen(512, 2, "Kandinsky 5"),
        _qwen(512, 24, "Cosmos 2.5", "Qwen-Cosmos"),
        _qwen(1000, 5, "HunyuanVideo-1.5"),
        _gemma(300, 2, "Sana-Video"),
        _gemma(512, 2, "Motif-Video"),
        _gemma(1024, 1, "LTX-2"),
    )
}  # fmt: skip
DEFAULT = "T5-226"

GENERATORS: Mapping[str, tuple[str, ...]] = {
    "Allegro": ("T5-512",), "AnimateDiff": ("CLIP-77",), "CogVideoX": ("T5-226",), "CogVideoX-1.5": ("T5-226",),
    "ConsisID": ("T5-226",), "Cosmos-1": ("T5-512",), "Cosmos-2": ("T5-512",), "Cosmos-2.5": ("Qwen-Cosmos-512",),
    "EasyAnimate-5": ("T5-256",), "EasyAnimate-5.1": ("Qwen-256",), "FramePack": ("Llama-256", "CLIP-77"),
    "HunyuanVideo": ("Llama-256", "CLIP-77"), "HunyuanVideo-1.5": ("Qwen-1000",),
    "Kandinsky-5": ("Qwen-512", "CLIP-77"),
    "Latte": ("T5-120",), "LTX-2": ("Gemma-1024",), "LTX-Video": ("T5-128",), "LTX-Video-0.9.5": ("T5-256",),
    "Mochi": ("T5-256",), "Motif-Video": ("Gemma-512",), "Open-Sora-1.0": ("T5-120",), "Open-Sora-1.1": ("T5-200",),
    "Open-Sora-1.2": ("T5-200",), "Open-Sora-2": ("T5-512", "CLIP-77"), "Open-Sora-Plan-1.0": ("T5-300",),
    "Open-Sora-Plan-1.1": ("T5-300",), "Open-Sora-Plan-1.2": ("mT5-512",), "Open-Sora-Plan-1.3": ("mT5-512", "CLIP-77"),
    "Sana-Video": ("Gemma-300",), "SkyReels-V1": ("Llama-256", "CLIP-77"), "SkyReels-V2": ("UMT5-512",),
    "Wan2.1": ("UMT5-512",), "Wan2.2": ("UMT5-512",),
}  # fmt: skip
"""The encoders of each generator by name, the one that reads the most first: what stands beside it, CLIP, gives one
vector for the whole prompt."""


def encoders_of(name: str) -> tuple[TextEncoder, ...]:
    """The encoders of a generator ("HunyuanVideo"), or one ("T5-226") or several ("T5-512+CLIP-77") by their own names.

    Case, blanks and hyphens do not matter. Raises SettingsError for a name that is not known.
    """
    known = {_plain(each): (each,) for each in ENCODERS} | {_plain(each): found for each, found in GENERATORS.items()}
    found: list[TextEncoder] = []
    for part in name.split("+"):
        if _plain(part) not in known:
            names = [*ENCODERS, *GENERATORS]
            near = difflib.get_close_matches(_plain(part), known, n=1)
            meant = next((f"; did you mean {each}" for each in names if [_plain(each)] == near), "")
            raise SettingsError(
                f"no encoder or generator is called {part.strip()!r}{meant}. Known are {', '.join(names)}"
            )
        found += [ENCODERS[each] for each in known[_plain(part)]]
    return tuple(dict.fromkeys(found))


def with_limit(encoder: TextEncoder, limit_tokens: int) -> TextEncoder:
    """The same encoder where a trainer was set to another limit."""
    family = encoder.name.rpartition("-")[0]
    return replace(encoder, name=f"{family}-{limit_tokens}", limit_tokens=limit_tokens)


@dataclass(frozen=True)
class Counted:
    """How many tokens a text has; ``estimated`` from its words where no tokenizer of the encoder is on this machine."""

    tokens: int
    estimated: bool


class Counter:
    """Counts as one encoder does, its marks included; by the estimate where its tokenizer is not on this machine.

    ``tokenizer`` is a folder or file of the user's. Nothing is downloaded. Raises SettingsError if it cannot be read.
    """

    def __init__(self, encoder: TextEncoder, tokenizer: str | Path | None = None) -> None:
        self.encoder = encoder
        found = opened_tokenizer(Path(tokenizer)) if tokenizer is not None else None
        self._length = found or next(filter(None, map(cached_tokenizer, encoder.tokenizers)), None)
        self.estimated = self._length is None

    def own(self, text: str) -> float:
        """The tokens of a text without the marks. Those of texts that are joined by blanks add up."""
        if self._length is not None:
            return self._length(text)
        return len(_WORD.findall(text)) * self.encoder.tokens_per_word

    def count(self, text: str) -> int:
        """The tokens of a whole prompt, marks included."""
        # Rounded first: 100 words at 1.1 are 110 tokens, not 110.00000000000001.
        return math.ceil(round(self.own(text), 6)) + self.encoder.marks


def count_tokens(text: str, encoder: TextEncoder, tokenizer: str | Path | None = None) -> Counted:
    """Count the tokens of a text as an encoder sees them, its own marks included. Nothing is downloaded.

    Raises SettingsError if ``tokenizer`` cannot be read.
    """
    counter = Counter(encoder, tokenizer)
    return Counted(counter.count(text), counter.estimated)


def _plain(name: str) -> str:
    return _PLAIN.sub("", name.casefold())
