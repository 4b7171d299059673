"""Questions as what the model reads: the beginning of the text, then the picture, then the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..hf.chat import Asked
from ..hf.loading import Loaded
from .pictures import HD_NUM_OTHERWISE, hd_pixels, normalised
from .words import Words, conversation

_IN_PLACE_OF_A_PICTURE = 0  # any token: its row of the embeddings is replaced


def inputs(loaded: Loaded, asked: Sequence[Asked]) -> Mapping[str, Any]:
    """Inputs of ``generate`` for a batch, padded on the left; with and without a picture may be mixed.

    ``input_ids``, ``attention_mask`` and ``picture_mask`` are (batch, tokens), ``inputs_embeds`` one number more wide.
    """
    words: Words = loaded.processor.tokenizer
    model = loaded.model
    with torch.inference_mode():
        seen = _features(model, asked)
        rows = []
        for one, features in zip(asked, seen, strict=True):
            told = words.encode(conversation(one, words.marks))
            rows.append(([words.begin, *[_IN_PLACE_OF_A_PICTURE] * len(features), *told], len(features)))
        width = max(len(tokens) for tokens, _ in rows)
        ids = torch.full((len(rows), width), loaded.pad)
        attention, pictures = torch.zeros_like(ids), torch.zeros(ids.shape, dtype=torch.bool)
        for row, (tokens, count) in enumerate(rows):
            begin = width - len(tokens)
            ids[row, begin:] = torch.tensor(tokens)
            attention[row, begin:] = 1
            pictures[row, begin + 1 : begin + 1 + count] = True
        embedded = model.get_input_embeddings()(ids.to(model.device))
        if any(len(features) for features in seen):
            embedded[pictures.to(model.device)] = torch.cat(seen).to(embedded.dtype)
    return {"input_ids": ids, "attention_mask": attention, "inputs_embeds": embedded, "picture_mask": pictures}


def _features(model: Any, asked: Sequence[Asked]) -> list[torch.Tensor]:
    """What the model sees in the pictures of each question, one after the other: (tokens, width), or none."""
    pictures = [[_pixels(model, one, picture) for picture in one.pictures()] for one in asked]
    seen = iter(model.see([picture for shown in pictures for picture in shown]) if any(pictures) else ())
    nothing = torch.zeros(0, model.shape.hidden, device=model.device, dtype=model.dtype)
    return [torch.cat([nothing, *(next(seen) for _ in shown)]) for shown in pictures]


def _pixels(model: Any, asked: Asked, picture: Any) -> torch.Tensor:
    """A picture in tiles: as many as the question says, where it is one that says so."""
    hd_num = getattr(asked, "hd_num", HD_NUM_OTHERWISE)
    return torch.from_numpy(normalised(hd_pixels(picture, hd_num, model.shape.tower.tile)))
