"""Captions as network inputs, from an encoder trained along with it or one of transformers; truncation is reported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..errors import MissingExtra, SettingsError, StorageError
from ..files import write_whole
from ..given import read_json
from ..hub import need_within_reach
from .settings import BASE, TINY, ModelSettings, TextSettings
from .words import PAD, TinyText, Words, split

_T5 = {"t5": "T5EncoderModel", "umt5": "UMT5EncoderModel", "mt5": "MT5EncoderModel"}


@dataclass(frozen=True)
class Cut:
    """How many captions are longer than the window of an encoder, and what of them is lost."""

    captions: int
    over: int
    tokens: int
    """Of all captions together."""
    lost: int
    """Of these tokens, those after the window."""
    longest: int
    window: int

    def text(self) -> str:
        """What is said of it; "" if nothing is cut."""
        if not self.over:
            return ""
        return (
            f"{self.over:,} of {self.captions:,} captions ({self.over / self.captions:.0%}) are longer than the window "
            f"of {self.window} tokens (text.max_tokens), the longest has {self.longest:,}: "
            f"{self.lost / self.tokens:.0%} of all tokens are cut off at the end, where the last events are. "
            "sg4v t2v budget shortens captions without losing events"
        )


class Encoder(Protocol):
    """Encodes texts as (text, token, width), and a mask, true at padding."""

    width: int
    learns: bool

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each, uncut."""

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]: ...


def cut_of(encoder: Encoder, texts: Sequence[str], window: int) -> Cut:
    lengths = encoder.lengths(texts)
    over = [length - window for length in lengths if length > window]
    return Cut(len(texts), len(over), sum(lengths), sum(over), max(lengths, default=0), window)


class TinyEncoder(nn.Module):  # type: ignore[misc]  # torch is not checked
    """Words and the layers over them, learned together with the network."""

    learns = True

    def __init__(self, words: Words, settings: TextSettings) -> None:
        super().__init__()
        self.vocabulary, self.settings, self.width = words, settings, settings.width
        self.net = TinyText(len(words), settings.width, settings.layers, settings.max_tokens)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [max(1, len(split(text))) for text in texts]

    def numbers(self, texts: Sequence[str]) -> Tensor:
        return self.vocabulary.batch(texts, self.settings.max_tokens)

    def forward(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        return self.net(numbers), numbers == PAD

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        encoded, blank = self(self.numbers(texts).to(self.net.places.device))
        return encoded, blank

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        plain = {"words": self.vocabulary.known, "width": self.width, "layers": self.settings.layers,
                 "max_tokens": self.settings.max_tokens}  # fmt: skip
        write_whole(folder / "words.json", json.dumps(plain, ensure_ascii=False, indent=1).encode())
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()},
                  folder / "text.safetensors")  # fmt: skip

    @classmethod
    def load(cls, folder: Path) -> TinyEncoder:
        """Read what ``save`` wrote. Raises StorageError if it cannot be read."""
        try:
            plain = read_json(folder / "words.json")
            size = {name: plain[name] for name in ("width", "layers", "max_tokens")}
            made = cls(Words(plain["words"]), TextSettings(**size))
            made.load_state_dict(load_file(folder / "text.safetensors"))
            made.eval()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise StorageError(f"{folder}: not the text encoder of a model: {error!r}") from error
        return made


class LoadedEncoder:
    """A text encoder of transformers; its texts are encoded once and cached."""

    learns = False

    def __init__(self, model: Any, tokenizer: Any, window: int, *, zeroed: bool) -> None:
        self.model, self.tokenizer, self.window = model, tokenizer, window
        self.width = int(getattr(model.config, "d_model", 0) or model.config.hidden_size)
        self._zeroed = zeroed

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(numbers) for numbers in self.tokenizer(list(texts), truncation=False)["input_ids"]]

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not checked
    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        given = self.tokenizer(list(texts), padding="max_length", max_length=self.window, truncation=True,
                               return_tensors="pt").to(self.model.device)  # fmt: skip
        encoded = self.model(input_ids=given.input_ids, attention_mask=given.attention_mask).last_hidden_state
        blank = given.attention_mask == 0
        # As WanPipeline does: its network has no mask, and sees nothing where a text has ended.
        return encoded.masked_fill(blank[..., None], 0.0) if self._zeroed else encoded, blank


def load_encoder(text: TextSettings, model: ModelSettings, device: torch.device, dtype: torch.dtype) -> LoadedEncoder:
    """The encoder of transformers that the settings name. Raises SettingsError if it cannot be loaded."""
    if text.encoder == TINY:
        raise SettingsError("text.encoder tiny is learned with the model, and not loaded")
    try:
        import transformers
    except ImportError as error:
        raise MissingExtra("text.encoder (transformers is not installed)", "t2v") from error
    of_base = text.encoder == BASE
    where, revision = (model.base, model.revision) if of_base else (text.encoder, text.revision)
    folders = {"tokenizer": "tokenizer" if of_base else "", "model": "text_encoder" if of_base else ""}
    try:
        need_within_reach(where)
        # False, not left out: a person would be asked, and `yes |` would answer.
        options = {"revision": revision or None, "trust_remote_code": False}
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, subfolder=folders["tokenizer"], **options)
        config = transformers.AutoConfig.from_pretrained(where, subfolder=folders["model"], **options)
        kind = getattr(transformers, _T5.get(config.model_type, "AutoModel"))
        loaded = kind.from_pretrained(where, subfolder=folders["model"], dtype=dtype, **options)
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(f"text.encoder: {where}: cannot be loaded: {error}") from error
    return LoadedEncoder(loaded.to(device).eval().requires_grad_(False), tokenizer, text.max_tokens,
                         zeroed=model.family == "wan")  # fmt: skip
