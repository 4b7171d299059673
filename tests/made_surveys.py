"""Surveys made by chance, for tests of what is decided about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sharegpt4video.dataset.rows import SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings
from sharegpt4video.dataset.store.store import Store

LOOKS, STREAMS = 12, 15  # so few that videos meet their like
WANTED = [
    FilterSettings(),
    FilterSettings(min_seconds=20.0, max_seconds=120.0, min_side_pixels=480, max_black_share=0.7, max_text_area=0.4),
    FilterSettings(
        max_letterbox_share=0.3, min_sharpness=50, max_cuts_per_minute=12, min_motion=0.002, max_motion=0.015
    ),
    FilterSettings(max_black_share=0.8, drop_near_duplicates=True),
    FilterSettings(duplicate_packets=False, drop_near_duplicates=True, near_duplicate_similarity=None, min_novelty=0.4),
]
WORDS = ["a", "dog", "cat", "bird", "runs", "sleeps", "eats", "sings", "on", "grass", "the", "roof", "water"]


def id_of(number: int) -> str:
    return f"{(number + 1) * 2654435761 % 2**64:032x}"


def made_survey(number: int, random: np.random.Generator) -> Survey:
    """A survey with any scores, some of them not measured, and one of a few looks and streams."""

    def some(value: float) -> float | None:
        return None if random.random() < 0.15 else float(value)

    look = np.random.default_rng(int(random.integers(LOOKS)))
    vector = look.normal(size=256) + random.normal(scale=0.01, size=256)
    return Survey(
        id=id_of(number),
        width=int(random.choice([0, 320, 640, 1280])),
        height=int(random.choice([240, 480, 720])),
        duration_seconds=some(random.choice([0.0, random.uniform(0, 200), 120.0])),
        packet_hash="" if random.random() < 0.2 else f"{int(random.integers(STREAMS)) + 1:032x}",
        sharpness=some(random.uniform(0, 500)),
        black_share=some(random.random()),
        frozen_share=some(random.random()),
        letterbox_share=some(random.random() / 2),
        shots=None if random.random() < 0.1 else int(random.integers(1, 30)),
        motion=some(random.random() / 50),
        text_area=some(random.random() / 2),
        hashes=tuple(f"{int(value):016x}" for value in look.integers(0, 2**63, 4)) if random.random() < 0.8 else (),
        embedding=vector.astype("<f2").tobytes() if random.random() < 0.8 else b"",
    )


def made_store(
    root: Path, surveys: Sequence[Survey], filters: FilterSettings, *, stored: Sequence[int], captions: dict[int, str]
) -> Store:
    """A data set with these surveys, one source each in their order, the surveys written as ``stored`` says."""
    store = Store.create(root, DatasetSettings(filters=filters), "embedded", "0")
    sources = [
        SourceVideo(id=survey.id, location=f"{number}.mp4", caption=captions.get(number, ""))
        for number, survey in enumerate(surveys)
    ]
    for at in range(0, len(sources), 100):
        store.append("sources", sources[at : at + 100])
    for at in range(0, len(stored), 64):
        store.append("surveys", [surveys[number] for number in stored[at : at + 64]])
    return store


@dataclass(frozen=True)
class Offered:
    distance: float
    nearest: int
    accepted: bool


@dataclass
class WordPool:
    """A pool of texts: 1 - the share of words in common with the nearest one."""

    least: float
    texts: dict[int, frozenset[str]] = field(default_factory=dict)
    count: int = 0

    def offer_all(self, texts: Sequence[str]) -> list[Offered]:
        return [self._offer(text) for text in texts]

    def flush(self) -> None:
        """Nothing is kept."""

    def _offer(self, text: str) -> Offered:
        words = frozenset(text.split())
        near = [(1 - len(words & other) / len(words | other), number) for number, other in self.texts.items()]
        distance, nearest = min(near, default=(float("inf"), -1))
        if distance >= self.least:
            self.texts[self.count] = words
        self.count += 1
        return Offered(distance, nearest, distance >= self.least)
