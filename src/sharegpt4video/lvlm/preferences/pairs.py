"""Pairs of answers to one question: read from the files of ``sg4v dataset export --format preferences``, made into
steps.

A line is what TRL calls a conversational preference: ``prompt`` (messages), ``chosen`` and ``rejected`` (a message
each), ``images`` (paths, shown before the first question; or ``image``, one path). ``system`` and ``id`` may be there,
too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from ...errors import StorageError
from ..data.encode import Encoder
from ..data.example import Example
from ..data.loader import StepLoader
from ..data.masks import IGNORED, last_answer
from ..data.packing import Batch
from ..data.samples import IMAGE, Sample, SampleError, Samples, opened, sample_of
from ..settings import DataSource

KEY_BYTES = 16


@dataclass(frozen=True)
class Pair(Sample):
    """A question with the answer that is to become likelier, and (``rejected``) with the other one."""

    rejected: Sample | None = None


class Pairs(Samples):
    """The pairs of one file, each read when asked for."""

    def made(self, plain: Any, name: str, size: int) -> Pair:
        if not isinstance(plain, dict):
            raise SampleError(name, f"is {plain!r:.40}, not a JSON object")
        prompt = _messages(plain, "prompt", name)
        images = plain.get("images") or plain.get("image") or []
        images = [images] if isinstance(images, str) else images
        system = plain.get("system")
        if prompt and prompt[0].get("role") == "system":
            system, prompt = prompt[0].get("content"), prompt[1:]
        chosen, rejected = (
            sample_of(_conversation(plain, key, prompt, images, system, name), name, self.media, size // 2)
            for key in ("chosen", "rejected")
        )
        if chosen.turns == rejected.turns:
            raise SampleError(chosen.id, "the chosen answer is the rejected one")
        return Pair(**{**vars(chosen), "size": size}, rejected=rejected)


def read_pairs(source: DataSource) -> Pairs:
    """Index a file of pairs: JSON lines, or a JSON list.

    Raises SettingsError when the file is missing, empty, or something else; a pair that is wrong raises SampleError
    when it is read.
    """
    advice = 'pairs of answers are wanted, as "sg4v dataset export --format preferences" writes them with layout=trl'
    return opened(Pairs, source, ["prompt", "chosen", "rejected"], advice)


def _messages(plain: Mapping[str, Any], key: str, name: str) -> list[dict[str, Any]]:
    found = plain.get(key)
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise SampleError(name, f"{key!r} must be a list of messages with 'role' and 'content'")
    return found


def _conversation(
    plain: Mapping[str, Any], key: str, prompt: Sequence[dict[str, Any]], images: Any, system: Any, name: str
) -> dict[str, Any]:
    """A pair with one of its answers, in LLaVA's layout."""
    answer = _messages(plain, key, name)
    if not prompt or len(answer) != 1:
        raise SampleError(name, f"'prompt' must hold a question, and {key!r} one answer")
    count = len(images) if isinstance(images, list) else 0
    first = prompt[0].get("content")
    if not isinstance(first, str):
        raise SampleError(name, "the content of a message must be a text; pictures go into 'images'")
    if IMAGE in first:
        raise SampleError(name, f"the question spells out {IMAGE}; name its pictures in 'images', and take it out")
    asked = [{**prompt[0], "content": f"{IMAGE}\n" * count + first}, *prompt[1:]]
    shown = {"image": images} if images else {}
    about = {"id": plain.get("id"), "system": system, "verbatim": True}
    return {**about, **shown, "conversations": [*asked, *answer]}


@dataclass(frozen=True, eq=False)
class PairExample(Example):
    """Both answers of a pair, ready for a batch. ``tokens`` and ``media`` count both."""

    chosen: Example = field(kw_only=True, repr=False)
    rejected: Example = field(kw_only=True, repr=False)

    @property
    def tokens(self) -> int:
        return self.chosen.tokens + self.rejected.tokens

    @property
    def key(self) -> bytes:
        """A hash of all that the model is shown of the pair."""
        digest = hashlib.blake2b(digest_size=KEY_BYTES)
        for one in (self.chosen, self.rejected):
            for tensor in (one.input_ids, one.labels, *one.pixel_values, *one.tensors.values(), *one.aligned.values()):
                digest.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
                digest.update(tensor.contiguous().view(torch.uint8).numpy())
        return digest.digest()


class PairEncoder(Encoder):
    """Encodes pairs; what they show is opened once."""

    def guess(self, sample: Sample) -> int:
        other = sample.rejected if isinstance(sample, Pair) else None
        return super().guess(sample) + (super().guess(other) if other is not None else 0)

    def encode(self, sample: Sample) -> Example:
        assert isinstance(sample, Pair)
        assert sample.rejected is not None
        shown = cache(partial(self.shown, sample))
        chosen, rejected = (self.example(one, shown) for one in (sample, sample.rejected))
        for answer in (chosen, rejected):  # what was said before in the conversation belongs to the question
            answer.labels[: last_answer(answer.labels)] = IGNORED
        return PairExample(
            sample.id,
            chosen.input_ids,
            chosen.labels,
            media=chosen.media + rejected.media,
            visual_tokens=chosen.visual_tokens + rejected.visual_tokens,
            chosen=chosen,
            rejected=rejected,
        )


class PairLoader(StepLoader):
    """The steps of a run over pairs. In a batch the chosen and the rejected answer of each pair follow each other.

    ``answer_tokens`` (answers,) says how many learned tokens each has; ``keys`` (pairs, 16) uint8 are hashes of
    the pairs. ``reference`` gives the log-probabilities of both answers by key, which go into batches, too; None: none.
    A batch's ``loss_tokens`` are those of the chosen answers, its ``samples`` pairs.
    """

    reference: Mapping[bytes, Tensor] | None = None

    def collate(self, rows: list[list[Example]]) -> Batch:
        flat = [[answer for one in row for answer in _answers(one)] for row in rows]
        if not self._settings.packing:
            flat = [[answer] for row in flat for answer in row]
        batch = super().collate(flat)
        pairs = [one for row in rows for one in row if isinstance(one, PairExample)]
        if not pairs:
            return batch
        # A blank picture stands last and is no pair: none of its tokens is learned.
        lengths = [answer.loss_tokens for pair in pairs for answer in (pair.chosen, pair.rejected)]
        keys = [pair.key for pair in pairs]
        more = {"answer_tokens": torch.tensor(lengths),
                "keys": torch.frombuffer(bytearray(b"".join(keys)), dtype=torch.uint8).view(-1, KEY_BYTES)}  # fmt: skip
        if self.reference is not None:
            more["reference"] = torch.cat([self._known(pair) for pair in pairs])
        others = tuple(one.id for row in rows for one in row if not isinstance(one, PairExample))
        return replace(
            batch,
            inputs={**batch.inputs, **more},
            samples=len(pairs) + len(others),
            loss_tokens=sum(pair.chosen.loss_tokens for pair in pairs),
            ids=(*(pair.id for pair in pairs), *others),
        )

    def _known(self, pair: PairExample) -> Tensor:
        assert self.reference is not None
        if pair.key not in self.reference:
            raise StorageError(
                f"{pair.id}: the reference beside the run does not know this pair; was its file or a picture changed? "
                "Undo that, or start over with --fresh"
            )
        return self.reference[pair.key]


def _answers(one: Example) -> tuple[Example, ...]:
    return (one.chosen, one.rejected) if isinstance(one, PairExample) else (one,)
