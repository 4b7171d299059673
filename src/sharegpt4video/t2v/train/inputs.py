"""From clips and captions to the batches of a step: caches, the encoder, and what was truncated or left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import SettingsError
from ..clips import Clip, captions_of
from ..latents import Space
from ..settings import TINY, T2VSettings
from ..texts import Cut, TinyEncoder, cut_of, load_encoder
from ..words import Words
from .cache import Cached, cached_clips, cached_texts
from .draws import Captions, Draw, Draws


@dataclass(frozen=True)
class TrainingSet:
    """All that a run learns from."""

    clips: Cached
    captions: Captions
    texts: tuple[str, ...]
    """Every caption that can be drawn, once."""
    cut: Cut
    encoder: TinyEncoder | None
    """What learns to read along with the network; None where captions were encoded beforehand."""
    encoded: Any
    """(caption, word) numbers for ``encoder``, else (caption, token, width); no caption is the last."""
    lengths: Any
    text_width: int

    def draws(self, settings: T2VSettings) -> Draws:
        return Draws(settings, self.captions, self.shape(settings))

    def shape(self, settings: T2VSettings) -> tuple[int, ...]:
        """(channel, frame, row, column) of one clip as it is learned."""
        if self.clips.pixels:
            return 3, settings.data.frames, settings.data.height, settings.data.width
        return tuple(int(size) for size in self.clips.array.shape[1:])

    def batch(self, draw: Draw, places: Sequence[int], frames: int) -> dict[str, Tensor | None]:
        """What the network takes for some places of a step."""
        at = list(places)
        numbers = [draw.captions[place] for place in at]
        blank = None
        if self.encoder is None:
            texts = torch.from_numpy(np.stack([self.encoded[number] for number in numbers])).float()
            lengths = torch.tensor([int(self.lengths[number]) for number in numbers])
            blank = torch.arange(texts.shape[1])[None] >= lengths[:, None]
        else:
            texts = self.encoded[torch.tensor(numbers)]
        video = self.clips.batch([draw.clips[place] for place in at], draw.firsts[at], frames)
        return {"video": video, "noise": draw.noise[at], "times": draw.times[at], "texts": texts, "blank": blank}


def read_inputs(
    clips: Sequence[Clip], settings: T2VSettings, space: Space, cache: Path, device: torch.device
) -> TrainingSet:
    """Read, encode and cache what a run learns from.

    Raises SettingsError for clips without the captions asked for, VideoError if no clip can be read, StorageError if
    the cache cannot be written.
    """
    cached = cached_clips(clips, settings.data, space, cache, settings.model.vae)
    kept = captions_of([clips[index] for index in cached.kept], settings.data.captions)
    texts = tuple(dict.fromkeys(text for each, _ in kept for text in each))
    number = {text: at for at, text in enumerate(texts)}
    captions = [([number[text] for text in each], weights) for each, weights in kept]
    dtype = torch.bfloat16 if settings.run.precision == "bf16" else torch.float32
    if settings.text.encoder == TINY:
        generator_state = torch.get_rng_state()
        tiny = TinyEncoder(Words.of(texts), settings.text)
        torch.set_rng_state(generator_state)
        cut = cut_of(tiny, texts, settings.text.max_tokens)
        return TrainingSet(cached, captions, texts, cut, tiny, tiny.numbers([*texts, ""]), None, tiny.width)
    loaded = load_encoder(settings.text, settings.model, device, dtype)
    cut = cut_of(loaded, texts, settings.text.max_tokens)
    encoded, lengths = cached_texts(texts, loaded, cache, settings)
    return TrainingSet(cached, captions, texts, cut, None, encoded, lengths, loaded.width)


def check_fit(inputs: TrainingSet, settings: T2VSettings, wanted_width: int, channels: int) -> None:
    """Raises SettingsError where texts or clips do not fit the network."""
    found = []
    if inputs.text_width != wanted_width:
        found.append(f"the text encoder gives a width of {inputs.text_width}, the network takes {wanted_width}")
    shape = inputs.shape(settings)
    if shape[0] != channels:
        found.append(f"the network takes {channels} channels, these clips have {shape[0]}; is model.vae the right one?")
    if found:
        raise SettingsError(f"model, text and data do not fit: {'; '.join(found)}")
