"""Sample answers from the model being trained, with transformers' ``generate``."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import SettingsError
from ..data.example import Example
from ..data.packing import vision_inputs
from ..model.loss import SummedLoss
from .settings import GrpoSettings


@dataclass(frozen=True)
class Drawn:
    """One answer: its tokens, with the one that ends it if it came to an end."""

    ids: Tensor
    ended: bool


class Drawer:
    """Draws answers; ``pad_id`` fills the rows of shorter questions, the tokens ``never_said`` are never drawn."""

    def __init__(self, model: Any, settings: GrpoSettings, pad_id: int, never_said: Collection[int] = ()) -> None:
        self._model = model
        self._base = model.get_base_model() if hasattr(model, "get_base_model") else model  # without adapters
        self._settings, self._pad = settings, pad_id
        names = ("image_token_id", "image_token_index", "video_token_id")  # where the model puts what it sees
        seen = {int(number) for name in names if (number := getattr(self._base.config, name, None)) is not None}
        self._never = sorted({*never_said, *seen}) or None
        ends = self._base.generation_config.eos_token_id
        if ends is None:
            raise SettingsError(
                "model.base: no token ends an answer; name it as eos_token_id in generation_config.json"
            )
        self._ends = tuple(ends) if isinstance(ends, list) else (ends,)

    def draw(self, questions: Sequence[Example], seed: str) -> list[list[Drawn]]:
        """``settings.answers`` answers to each question. The same weights, questions and seed give the same ones."""
        each = self._settings.answers
        # Those of like length together, for little padding.
        order = sorted(range(len(questions)), key=lambda at: -questions[at].tokens)
        wanted = [at for at in order for _ in range(each)]
        found: list[list[Drawn]] = [[] for _ in questions]
        with self._generating(seed):
            for begin in range(0, len(wanted), self._settings.rows):
                places = wanted[begin : begin + self._settings.rows]
                for place, drawn in zip(places, self._drawn([questions[at] for at in places]), strict=True):
                    found[place].append(drawn)
        return found

    def _drawn(self, rows: Sequence[Example]) -> list[Drawn]:
        from transformers import GenerationConfig

        inputs = {name: value.to(self._base.device) for name, value in self._inputs(rows).items()}
        settings = self._settings
        config = GenerationConfig(
            do_sample=True, temperature=settings.temperature, top_p=settings.top_p, top_k=0,
            max_new_tokens=settings.max_new_tokens, suppress_tokens=self._never,
            eos_token_id=list(self._ends), pad_token_id=self._pad,
        )  # fmt: skip
        whole = self._base.generate(**inputs, generation_config=config)
        return [self._cut(row) for row in whole[:, inputs["input_ids"].shape[1] :].cpu()]

    def _inputs(self, rows: Sequence[Example]) -> dict[str, Tensor]:
        """Left-padded rows, so that generation continues each one."""
        width = max(one.tokens for one in rows)
        names = dict.fromkeys(name for one in rows for name in one.aligned)
        found = {name: torch.zeros(len(rows), width, dtype=torch.long) for name in (*names, "attention_mask")}
        found["input_ids"] = torch.full((len(rows), width), self._pad)
        for number, one in enumerate(rows):
            found["input_ids"][number, width - one.tokens :] = one.input_ids
            found["attention_mask"][number, width - one.tokens :] = 1
            for name, values in one.aligned.items():
                found[name][number, width - one.tokens :] = values
        return found | vision_inputs(rows)

    def _cut(self, row: Tensor) -> Drawn:
        at = next((place for place, token in enumerate(row.tolist()) if token in self._ends), None)
        return Drawn(row, ended=False) if at is None else Drawn(row[: at + 1], ended=True)

    @contextmanager
    def _generating(self, seed: str) -> Iterator[None]:
        """The model as it answers: with a cache, kernels that take padding in front, and a random state of its own."""
        from transformers import GenerationConfig

        base, training = self._base, self._model.training
        kernels = {name: getattr(base.config, name)._attn_implementation for name in ("text_config", "vision_config")}
        lowered = base.autocast_dtype if isinstance(base, SummedLoss) else None
        devices: list[Any] = [base.device] if base.device.type == "cuda" else []
        self._model.eval()
        base.set_attn_implementation(dict.fromkeys(kernels, "sdpa"))
        # What the settings leave open would be taken from the base's own, such as a repetition penalty, and answers be
        # drawn from other probabilities than those that are learned from.
        own, base.generation_config = base.generation_config, GenerationConfig()
        try:
            with torch.random.fork_rng(devices=devices), torch.no_grad():
                torch.manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") >> 1)
                with torch.autocast(base.device.type, lowered) if lowered else nullcontext():
                    yield
        finally:
            base.generation_config = own
            base.set_attn_implementation(kernels)
            self._model.train(training)
