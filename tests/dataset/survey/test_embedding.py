"""The projection of keyframe vectors: fixed for ever, and true to angles."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from sharegpt4video.dataset.survey.embedding import DIMENSIONS, embedding_of, packed, projected
from sharegpt4video.facts.encoder import BackboneEncoder

SIZE = 4608


def test_cosines_are_kept_within_what_theory_allows() -> None:
    random = np.random.default_rng(0)
    one = random.normal(size=(200, SIZE)).astype(np.float32)
    for mix in (0.0, 0.5, 0.8, 0.96, 0.99):
        other = mix * one + np.sqrt(1 - mix**2) * random.normal(size=one.shape).astype(np.float32)
        exact = np.sum(one * other, axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
        off = np.sum(projected(one) * projected(other), axis=1) - exact
        deviation = (1 - mix**2) / np.sqrt(DIMENSIONS)  # of a random projection, to first order
        assert off.std() == pytest.approx(deviation, rel=0.25)
        assert abs(off.mean()) < 4 * deviation / np.sqrt(len(one)) + 1e-4


def test_the_signs_never_change() -> None:
    digest = hashlib.blake2b(np.sign(projected(np.eye(SIZE, dtype=np.float32)[::97])).astype(np.int8).tobytes())
    # Embeddings of different versions are compared with each other: another projection needs another name.
    bits = hashlib.shake_256(b"sharegpt4video survey embedding 1").digest(SIZE * DIMENSIONS // 8)
    rows = np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(SIZE, DIMENSIONS)[::97]
    assert digest.digest() == hashlib.blake2b((rows.astype(np.int8) * 2 - 1).tobytes()).digest()
    assert rows[0, :8].tolist() == [(bits[0] >> shift) & 1 for shift in range(7, -1, -1)]


def test_the_embedding_is_the_unit_mean_of_the_pictures() -> None:
    random = np.random.default_rng(1)
    pictures = [random.integers(0, 255, (90, 120, 3), np.uint8) for _ in range(6)]
    vector = np.frombuffer(embedding_of(pictures), "<f2").astype(np.float32)
    expected = projected(BackboneEncoder().encode(pictures).mean(axis=0))
    assert vector.shape == (DIMENSIONS,)
    assert vector == pytest.approx(expected, abs=1e-3)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-3)
    assert packed(expected) == expected.astype("<f2").tobytes()
    assert embedding_of([]) == b""
