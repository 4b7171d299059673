"""A sample becomes an example: token ids, labels that are exact, and the tensors of its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ...errors import SettingsError
from ..settings import DataSettings
from .example import Example
from .masks import IGNORED, Masker
from .media import kinds_of, media_of
from .packing import joined
from .samples import Sample, SampleError
from .templates import Recipe, template
from .visual import Shown, visual

_BYTES_PER_TOKEN = 4  # of a sample in its file; only for sharing out work evenly


class Encoder:
    """Encodes samples for one model.

    ``processor`` is a transformers processor (tokenizer and image processor). ``recipe`` names the template of a
    released model (``templates.RECIPES``); None takes the processor's own. It can be sent to another process. Raises
    SettingsError if the processor has no template, or cannot take what ``settings.layout`` makes of a video.
    """

    def __init__(self, processor: Any, settings: DataSettings, *, recipe: str | None = None) -> None:
        self.settings = settings
        tokenizer = processor.tokenizer
        self._visual = visual(processor)
        self._masker = Masker(tokenizer, list(self._visual.placeholders.values()))
        found = template(processor, recipe, list(self._masker.marks))
        self._template = replace(found, image=f"{self._visual.image_mark}\n") if isinstance(found, Recipe) else found
        pictures = getattr(processor, "image_processor", processor)
        self.modules = sorted({type(part).__module__ for part in (processor, tokenizer, pictures)})
        """What a process has to import for it."""
        pad = tokenizer.pad_token_id
        self.pad_id: int = int(tokenizer.eos_token_id or 0) if pad is None else int(pad)
        if settings.layout == "video" and "video" not in self._visual.placeholders:
            raise SettingsError("data.layout is 'video', but this model takes none; set it to 'grid' or 'frames'")

    @property
    def packable(self) -> bool:
        """Whether several samples may share a row and yet be exactly what they are alone."""
        return self._visual.packable

    @property
    def never_said(self) -> frozenset[int]:
        """Tokens that stand for pictures and videos: a model that is asked to write must not write them."""
        return self._visual.counted

    def guess(self, sample: Sample) -> int:
        """About how many tokens a sample will be, without opening anything: the same on every machine."""
        media = sum(len(kinds) for kinds in kinds_of(sample, self.settings))
        return 1 + sample.size // _BYTES_PER_TOKEN + media * self._visual.tokens()

    def encode(self, sample: Sample) -> Example:
        """Raises SampleError if its media cannot be read, no mask is exact, or it is longer than allowed."""
        return self.example(sample, partial(self.shown, sample))

    def shown(self, sample: Sample) -> list[Shown]:
        """The pictures and videos of a sample. Raises SampleError if they cannot be read."""
        return [self._visual.show(medium) for medium in media_of(sample, self.settings)]

    def example(self, sample: Sample, show: Callable[[], Sequence[Shown]]) -> Example:
        """As ``encode``, with what is shown from somewhere else; it is asked for once the sample is known to fit."""
        kinds = kinds_of(sample, self.settings)
        system = self.settings.system if sample.system is None else sample.system
        chunks = self._template.chunks(system, sample.turns, kinds)
        ids, labels = self._masker.encode(sample.id, chunks)
        self._check_length(sample, len(ids))  # before anything is decoded
        wanted = [self._visual.placeholders[kind] for turn in kinds for kind in turn]
        if [token for token in ids if token in self._visual.counted] != wanted:
            raise SettingsError("the chat template does not show each picture once, in order; name a recipe")
        return self._joined(sample, ids, labels, show())

    def blank(self) -> Example:
        """One grey picture and nothing to learn: keeps the parts that see in a step of texts alone."""
        import numpy as np

        shown = self._visual.show(np.full((28, 28, 3), 127, np.uint8))
        return _example("blank", shown.ids, [IGNORED] * len(shown.ids), [shown], [0])

    def _joined(self, sample: Sample, ids: Sequence[int], labels: Sequence[int], shown: Sequence[Shown]) -> Example:
        """Put the tokens of each picture where its placeholder stands."""
        whole: list[int] = []
        learned: list[int] = []
        places: list[int] = []
        for token, label in zip(ids, labels, strict=True):
            if token not in self._visual.counted:
                whole.append(token)
                learned.append(label)
                continue
            inner = shown[len(places)].ids
            places.append(len(whole))
            whole += inner
            learned += [IGNORED] * len(inner)
        self._check_length(sample, len(whole))
        if learned[0] != IGNORED:
            why = "the template begins with what is to be learned, which nothing can predict"
            raise SampleError(sample.id, why, "without an exact mask")
        return _example(sample.id, whole, learned, shown, places)

    def _check_length(self, sample: Sample, tokens: int) -> None:
        if tokens > self.settings.max_tokens:
            limit = self.settings.max_tokens
            raise SampleError(sample.id, f"{tokens} tokens or more; data.max_tokens is {limit}", "too long")


def _example(
    id: str, ids: Sequence[int], labels: Sequence[int], shown: Sequence[Shown], places: Sequence[int]
) -> Example:
    names = dict.fromkeys(name for one in shown for name in one.tensors)
    kinds = dict.fromkeys(name for one in shown for name in one.aligned)
    aligned = {name: torch.zeros(len(ids), dtype=torch.long) for name in kinds}
    for one, place in zip(shown, places, strict=True):
        for name, values in one.aligned.items():
            aligned[name][place : place + len(values)] = torch.tensor(values)
    return Example(
        id,
        torch.tensor(ids, dtype=torch.long),
        torch.tensor(labels, dtype=torch.long),
        tuple(one.pixels for one in shown if one.pixels is not None),
        tuple(one.size for one in shown if one.size is not None),
        {name: joined([one.tensors[name] for one in shown if name in one.tensors]) for name in names},
        aligned,
        visual_tokens=sum(one.visual for one in shown),
        media=len(shown),
    )
