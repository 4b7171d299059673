"""Optimiser steps made of samples: the same ones whatever the number of processes, the packing or an interruption."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from ...errors import SettingsError, SG4VError
from ...learning.order import Order, Preceded, deal
from ..settings import DataSettings, DataSource, OptimiserSettings
from .encode import Encoder
from .example import Example, Step
from .packing import Batch, collate, pack
from .samples import Sample, SampleError, Samples, read_samples
from .workers import Outcome, Workers, encode_one


@dataclass
class Counts:
    """What a loader has handed out so far. ``skipped`` counts reasons, without the names in them."""

    steps: int = 0
    samples: int = 0
    tokens: int = 0
    visual_tokens: int = 0
    loss_tokens: int = 0
    padding: int = 0
    batches: int = 0
    waited_seconds: float = 0.0
    by_source: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    def text(self) -> str:
        """One line for a log."""
        lost = sum(self.skipped.values())
        why = "".join(f"; {count} {reason}" for reason, count in self.skipped.most_common(5))
        share = 100 * self.padding / max(self.tokens + self.padding, 1)
        return (
            f"{self.steps} steps, {self.samples} samples ({self.tokens} tokens, {self.visual_tokens} of them visual, "
            f"{self.loss_tokens} learned, {share:.1f} % padding), {lost} left out{why}; "
            f"waited {self.waited_seconds:.1f} s for data"
        )


class StepLoader:
    """Yields the steps of a run, from ``start_step`` on; resuming costs nothing but that number.

    A step takes the next ``global_batch`` samples of the seeded order, whatever ``world`` is, and deals them to the
    processes evenly by their guessed lengths. What cannot be used is left out, named in ``Step.skipped``, and the step
    is smaller by that. Workers are processes; with none, samples are encoded when asked for, with the same result.

    ``first`` are sources (their places in ``sources``) of which so many samples come before all others.
    ``one_row``, ``multiple``: see ``packing.collate``. ``blank_images``: batches without a picture get a grey one that
    nothing is learned from, so that every process runs every part of the model: needed where gradients are exchanged by
    parts. ``read`` opens a source.
    Raises SettingsError if there is no source, or samples of this model cannot share rows; when a step has no usable
    sample, SG4VError if there is one process, else that one has no batch. What is left over at the end (``Step.rest``)
    may be a single sample: there, no usable one is no error.
    """

    def __init__(
        self,
        sources: Sequence[DataSource],
        encoder: Encoder,
        settings: DataSettings,
        optimiser: OptimiserSettings,
        *,
        rank: int = 0,
        world: int = 1,
        start_step: int = 0,
        one_row: bool = True,
        multiple: int = 1,
        blank_images: bool = False,
        read: Callable[[DataSource], Samples] = read_samples,
        first: tuple[Sequence[int], int] = ((), 0),
    ) -> None:
        if not sources:
            raise SettingsError("data.sources is empty; name at least one file of conversations")
        if settings.packing and not encoder.packable:
            raise SettingsError(
                "data.packing is not exact for this model, whose positions are its own; set it to false"
            )
        if not 0 <= rank < world:
            raise ValueError(f"rank is 0 to {world - 1}, not {rank}")
        self.counts = Counts()
        self.start_step = start_step
        self._sources = list(sources)
        self._samples = [read(source) for source in sources]
        self._encoder, self._settings, self._optimiser = encoder, settings, optimiser
        self._rank, self._world, self._blank_images = rank, world, blank_images
        self._one_row, self._multiple = one_row, multiple
        weights = [source.weight for source in sources]
        sizes = [len(samples) for samples in self._samples]
        self._order: Order | Preceded = Order(sizes, weights, seed=optimiser.seed, epochs=optimiser.epochs)
        if first[1]:
            self._order = Preceded(self._order, sizes, *first, seed=optimiser.seed)
        if not len(self._order):
            raise SettingsError(f"{optimiser.epochs} epochs of {sum(sizes)} samples, by these weights, are no sample")
        self._per_epoch = len(Order(sizes, weights))
        self._fingerprint = (sizes, weights, [samples.path.stat().st_size for samples in self._samples])

    def __len__(self) -> int:
        """The steps of the whole run, those before ``start_step`` included; the last one may be smaller."""
        steps = -(-len(self._order) // self._optimiser.global_batch)
        return steps if self._optimiser.max_steps is None else min(steps, self._optimiser.max_steps)

    def dealt(self, steps: int) -> int:
        """How many samples the first steps of the run are made of, over all processes; those left out included."""
        return min(steps * self._optimiser.global_batch, len(self._order))

    @property
    def fingerprint(self) -> str:
        """A hash of what decides the order: a run is to be resumed with equal ones only."""
        parts = [*self._fingerprint, self._optimiser.seed, self._optimiser.global_batch]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def __iter__(self) -> Iterator[Step]:
        with ExitStack() as stack:
            count = self._settings.workers
            workers = stack.enter_context(Workers(self._encoder, count)) if count else None
            ahead: deque[_Dealt] = deque()
            waiting = iter(range(self.start_step, len(self)))
            for number in range(self.start_step, len(self)):
                begin = time.perf_counter()
                while len(ahead) <= (self._settings.ready_steps if workers else 0):
                    if (coming := next(waiting, None)) is None:
                        break
                    ahead.append(self._dealt(coming, workers))
                step = self._step(number, ahead.popleft(), begin)
                self._count(step)
                yield step

    def blank(self) -> Batch:
        """A batch with one grey picture and nothing to learn: for a process that has fewer batches than the others."""
        return replace(self.collate([[self._encoder.blank()]]), samples=0, ids=())

    def _dealt(self, number: int, workers: Workers | None) -> _Dealt:
        """Read a step's samples and order those of this process."""
        size = self._optimiser.global_batch
        wanted = self._order.part(number * size, (number + 1) * size)
        samples: list[tuple[int, Sample]] = []
        wrong = []
        for place, (source, index) in enumerate(wanted):
            try:
                samples.append((source, self._samples[source][index]))
            except SampleError as error:
                wrong += [error] if place % self._world == self._rank else []
        hand = deal([self._encoder.guess(sample) for _, sample in samples], self._world)[self._rank]
        mine = [samples[at] for at in hand]
        answers: list[Callable[[], Outcome]] = [
            workers.submit(sample).result if workers else partial(encode_one, self._encoder, sample)
            for _, sample in mine
        ]
        return _Dealt([self._sources[source].path for source, _ in mine], answers, wrong)

    def _step(self, number: int, dealt: _Dealt, begin: float) -> Step:
        outcomes = [answer() for answer in dealt.answers]
        skipped = [*dealt.wrong, *(outcome for outcome in outcomes if isinstance(outcome, SampleError))]
        examples = [outcome for outcome in outcomes if isinstance(outcome, Example)]
        rest = number > 0 and (number + 1) * self._optimiser.global_batch > len(self._order)
        if not examples and self._world == 1 and not rest:
            raise SG4VError(f"step {number + 1}: none of its samples can be used; the first: {skipped[0]}")
        for path, outcome in zip(dealt.sources, outcomes, strict=True):
            self.counts.by_source[path] += isinstance(outcome, Example)
        batches = self.batches(examples)
        done = min((number + 1) * self._optimiser.global_batch, len(self._order)) / max(self._per_epoch, 1)
        loss_tokens = sum(batch.loss_tokens for batch in batches)
        return Step(number, batches, len(examples), loss_tokens, skipped, done, time.perf_counter() - begin, rest)

    def batches(self, examples: Sequence[Example]) -> list[Batch]:
        """What goes through the model, one after the other, for these examples."""
        settings, rows_each = self._settings, self._optimiser.micro_batch
        if settings.packing:
            rows = pack(examples, settings.pack_tokens, settings.pack_images)
        else:  # those of like length together, for little padding
            rows = [[example] for example in sorted(examples, key=lambda example: -example.tokens)]
        return [self._batch(rows[at : at + rows_each]) for at in range(0, len(rows), rows_each)]

    def _batch(self, rows: list[list[Example]]) -> Batch:
        if not self._blank_images or any(example.media for row in rows for example in row):
            return self.collate(rows)
        blank = self._encoder.blank()
        batch = self.collate([*rows, [blank]])
        return replace(
            batch,
            samples=batch.samples - 1,
            tokens=batch.tokens - blank.tokens,
            padding=batch.padding + blank.tokens,
            visual_tokens=batch.visual_tokens - blank.visual_tokens,
            ids=batch.ids[:-1],
        )

    def collate(self, rows: list[list[Example]]) -> Batch:
        """The batch of some rows."""
        return collate(
            rows, self._encoder.pad_id, self._settings.packing, one_row=self._one_row, multiple=self._multiple
        )

    def _count(self, step: Step) -> None:
        counts = self.counts
        counts.steps += 1
        counts.samples += step.samples
        counts.loss_tokens += step.loss_tokens
        counts.waited_seconds += step.waited_seconds
        counts.batches += len(step.batches)
        for batch in step.batches:
            counts.tokens += batch.tokens
            counts.visual_tokens += batch.visual_tokens
            counts.padding += batch.padding
        counts.skipped.update(error.kind for error in step.skipped)


@dataclass(frozen=True)
class _Dealt:
    """This process's part of a step: the files of its samples, a way to get each, and what could not be read."""

    sources: list[str]
    answers: list[Callable[[], Outcome]]
    wrong: list[SampleError]
