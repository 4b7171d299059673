"""What a video looks like as a whole, in 512 bytes: the mean of its keyframes' vectors, projected to fewer numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...facts.encoder import BackboneEncoder

DIMENSIONS = 256
THREADS = 1
"""Surveys run side by side in processes: a second thread would cost more than it gains."""
AT_ONCE = 4  # a picture alone costs 5 % more, in a batch of 8 no less
_SEED = b"sharegpt4video survey embedding 1"


def embedding_of(pictures: Sequence[NDArray[np.uint8]]) -> bytes:
    """The unit mean vector of pictures (height, width, 3) as 256 float16 little endian; b"" for no pictures."""
    if not pictures:
        return b""
    encoder = BackboneEncoder(threads=THREADS)
    rows = [encoder.encode(pictures[at : at + AT_ONCE]) for at in range(0, len(pictures), AT_ONCE)]
    return packed(projected(np.concatenate(rows).mean(axis=0)))


def projected(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (..., dimensions) as unit vectors of 256 numbers with about the same angles between them.

    A random projection with entries of +1 and -1 (D. Achlioptas, "Database-friendly random projections", 2003). The
    signs come from a hash function, so that they are the same with every version of NumPy. Between 60 keyframes of
    four real videos, cosines over 0.96 moved by 0.004 on average and 0.011 at most, all by 0.033 and 0.16.
    """
    shorter = vectors @ _signs(vectors.shape[-1])
    lengths = np.linalg.norm(shorter, axis=-1, keepdims=True)
    unit: NDArray[np.float32] = (shorter / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit


def packed(vector: NDArray[np.float32]) -> bytes:
    """A vector as float16 little endian."""
    return vector.astype("<f2").tobytes()


@cache
def _signs(dimensions: int) -> NDArray[np.float32]:
    bits = np.frombuffer(hashlib.shake_256(_SEED).digest(dimensions * DIMENSIONS // 8), np.uint8)
    signs = np.unpackbits(bits).reshape(dimensions, DIMENSIONS).astype(np.float32) * 2 - 1
    return np.asarray(signs / np.sqrt(DIMENSIONS), np.float32)
