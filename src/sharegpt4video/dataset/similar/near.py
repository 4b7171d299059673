"""Near-duplicates: videos whose keyframes look alike.

Two videos are near-duplicates when both hold, for their whole pictures or for the middle of them (which logos, lower
thirds and subtitles leave alone):

- more than half of the keyframes of the one with fewer have an alike one in the other (perceptual hashes that differ in
  at most ``bits`` of 64). Alike keyframes are counted from either side and the smaller number is taken, so neither a
  shared title card nor one shot that is seen again and again is enough;
- their embeddings, where both have one, have a cosine of at least ``similarity``.

For each keyframe the earliest ``hamming.EARLIEST`` videos with an alike one are looked at. Up to that number everything
is found; a picture that is in more videos leads to the earliest of them only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..survey.phash import perceptual_hash
from .arrays import GrowingArray
from .bands import Hashes, Indices, distances, portions, ranges
from .columns import ColumnVectors, GrowingVectors, hash_numbers, vectors_of
from .hamming import EARLIEST, HammingIndex

__all__ = ["Groups", "NearDuplicates", "near_duplicate_groups", "near_duplicate_pairs", "perceptual_hash"]

BATCH_VIDEOS, BATCH_HASHES = 8192, 1 << 16
ASKED_HASHES, SETTLED_HASHES, ANSWERS = 1 << 20, 1 << 16, 1 << 22
"""Videos of about this many hashes are looked up at first, and settled, at a time; and how many answers are many."""
COMPARED, COMPARED_VECTORS = 1 << 20, 1 << 13
"""Pairs of keyframes, and of embeddings, that are compared at a time."""
ID_BYTES = 32

Lists: TypeAlias = pa.ListArray | pa.ChunkedArray
Binaries: TypeAlias = pa.BinaryArray | pa.ChunkedArray


@dataclass(frozen=True)
class Groups:
    """Near-duplicates of a whole set, as positions in it.

    group  of each video the first of all that are linked to it by a chain of near-duplicates, however long: what must
           not be torn apart by splits
    first  of each video the first that is kept when every near-duplicate of a kept one is dropped: itself when kept
    """

    group: Indices
    first: Indices

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which videos stay when only the first of near-duplicates does."""
        return np.asarray(self.first == np.arange(len(self.first)), np.bool_)


class NearDuplicates:
    """Videos as they come, first wins: a video that is near to none of those kept so far is kept itself.

    Memory: about 120 bytes for each keyframe and the embeddings (1 KB) for each video. Raises ValueError for settings
    that are none.
    """

    def __init__(self, bits: int, similarity: float | None) -> None:
        self._vectors = (GrowingVectors(), GrowingVectors())
        self._videos = _Videos([_View(bits, similarity, vectors) for vectors in self._vectors])
        self._ids = GrowingArray(f"S{ID_BYTES}")

    def add(
        self,
        id: str,
        hashes: Sequence[str],
        embedding: bytes = b"",
        centre_hashes: Sequence[str] = (),
        centre_embedding: bytes = b"",
    ) -> str:
        """The id of the first near-duplicate of this video that was kept; its own when there is none.

        The arguments are fields of a ``Survey``. Raises ValueError for a hash that is none.
        """
        columns = [pa.array([list(texts)], pa.list_(pa.string())) for texts in (hashes, centre_hashes)]
        vectors = [pa.array([vector], pa.binary()) for vector in (embedding, centre_embedding)]
        (first,) = self.add_all([id], columns[0], vectors[0], columns[1], vectors[1])
        return first

    def add_all(
        self,
        ids: Sequence[str],
        hashes: Lists,
        embeddings: Binaries,
        centre_hashes: Lists | None = None,
        centre_embeddings: Binaries | None = None,
    ) -> list[str]:
        """As ``add`` for each in turn, many times faster: for columns of the table ``surveys``."""
        wrong = next((id for id in ids if len(id) > ID_BYTES or not id.isascii()), None)
        if wrong is not None:
            raise ValueError(f"an id has at most {ID_BYTES} ASCII characters, not {wrong!r}")
        before = len(self._videos)
        if centre_hashes is None or centre_embeddings is None:
            centre_hashes = pa.array([[]] * len(ids), pa.list_(pa.string()))
            centre_embeddings = pa.array([b""] * len(ids), pa.binary())
        views = _views(hashes, embeddings, centre_hashes, centre_embeddings)
        for rows, parts in _batches(views):
            for (_, column), vectors in zip(views, self._vectors, strict=True):
                vectors.add(vectors_of(_one(column.slice(rows.start, rows.stop - rows.start))))
            self._videos.add(parts)
            for _ in self._videos.settle(len(self._videos)):
                pass
        self._ids.add(np.array([id.encode("ascii") for id in ids], f"S{ID_BYTES}"))
        return [first.decode("ascii") for first in self._ids.rows[self._videos.first.rows[before:]]]


def near_duplicate_groups(
    hashes: Lists,
    embeddings: Binaries,
    centre_hashes: Lists | None = None,
    centre_embeddings: Binaries | None = None,
    *,
    bits: int,
    similarity: float | None,
) -> Groups:
    """The near-duplicates among all videos of a set, in their order; ``first`` is what ``NearDuplicates`` would say.

    The first four are columns of the table ``surveys``. Raises ValueError for a hash that is none, embeddings of
    different lengths, or settings out of range.
    """
    videos = _all_videos(_views(hashes, embeddings, centre_hashes, centre_embeddings), bits, similarity)
    group = np.arange(len(hashes))
    for later, earlier in videos.settle_in_steps():
        link(group, later, earlier)
    return Groups(group, videos.first.rows.copy())


def near_duplicate_pairs(
    hashes: Lists,
    embeddings: Binaries,
    centre_hashes: Lists | None = None,
    centre_embeddings: Binaries | None = None,
    *,
    bits: int,
    similarity: float | None,
) -> Iterator[tuple[int, int]]:
    """Each pair of near-duplicates as positions (later, earlier); arguments as for ``near_duplicate_groups``."""
    videos = _all_videos(_views(hashes, embeddings, centre_hashes, centre_embeddings), bits, similarity)
    for later, earlier in videos.settle_in_steps():
        yield from zip(later.tolist(), earlier.tolist(), strict=True)


def _all_videos(views: Sequence[tuple[Lists, Binaries]], bits: int, similarity: float | None) -> _Videos:
    """All videos of a set, not settled yet: they are sorted once, instead of again and again as they come."""
    videos = _Videos([_View(bits, similarity, ColumnVectors(column)) for _, column in views])
    videos.add_all(parts for _, parts in _batches(views))
    return videos


class _Videos:
    """The videos so far, and which of them is the first for each of those that are settled."""

    def __init__(self, views: Sequence[_View]) -> None:
        self._views = views
        self.first = GrowingArray(np.int32)

    def __len__(self) -> int:
        return len(self._views[0])

    def add(self, parts: Sequence[tuple[Hashes, Indices]]) -> None:
        """Take further videos: the hashes of each view and how many each video has of them."""
        for view, (hashes, counts) in zip(self._views, parts, strict=True):
            view.add(hashes, counts)
            view.index(len(view))

    def add_all(self, batches: Iterable[Sequence[tuple[Hashes, Indices]]]) -> None:
        """Take many videos, for ``settle_in_steps``."""
        for parts in batches:
            for view, (hashes, counts) in zip(self._views, parts, strict=True):
                view.add(hashes, counts)

    def settle_in_steps(self) -> Iterator[tuple[Indices, Indices]]:
        """As ``settle``, for videos that are not in the index yet: the first ones are then compared with few others."""
        for share in (4, 2, 1):
            stop = len(self) // share
            for view in self._views:
                view.index(stop)
            yield from self.settle(stop)

    def settle(self, until: int) -> Iterator[tuple[Indices, Indices]]:
        """Find the first of each video that has none yet, in order: the earliest near one that is kept.

        Yields all near pairs (later, earlier), sorted, for some thousand videos at a time. The more keyframes are
        looked up at once, the faster it is; after very many answers it goes on with fewer.
        """
        hashes = ASKED_HASHES
        while len(self.first) < until:
            start = len(self.first)
            stop = min(until, *(view.end(start, hashes) for view in self._views))
            answers = max(view.ask(start, stop) for view in self._views)
            hashes = max(SETTLED_HASHES, hashes // 2) if answers > ANSWERS else hashes * 2
            while len(self.first) < stop:
                yield self._settle(min(stop, *(view.end(len(self.first), SETTLED_HASHES) for view in self._views)))

    def _settle(self, stop: int) -> tuple[Indices, Indices]:
        start, total = len(self.first), len(self)
        found = [view.near(start, stop) for view in self._views]
        pairs = np.unique(np.concatenate([later * total + earlier for later, earlier in found]))
        later, earlier = np.divmod(pairs, total)
        self.first.add(np.arange(start, stop))
        first = self.first.rows
        ones, starts = np.unique(later, return_index=True)
        for one, begin, end in zip(ones, starts, np.append(starts, len(later))[1:], strict=True):
            near = earlier[begin:end]
            kept = near[first[near] == near]
            if len(kept):
                first[one] = kept[0]
        return later, earlier


class _View:
    """The videos so far, as seen by one kind of keyframe hash and embedding."""

    def __init__(self, bits: int, similarity: float | None, vectors: GrowingVectors | ColumnVectors) -> None:
        if not 0 <= bits <= 16:
            raise ValueError(f"near-duplicate bits are 0 to 16, not {bits}")
        if similarity is not None and not -1 <= similarity <= 1:
            raise ValueError(f"near-duplicate similarity is a cosine from -1 to 1, not {similarity}")
        self._bits, self._similarity, self._vectors = bits, similarity, vectors
        self._index, self._indexed = HammingIndex(bits), 0
        self._hashes, self._starts = GrowingArray(np.uint64), GrowingArray(np.int64)
        self._starts.add(np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def add(self, hashes: Hashes, counts: Indices) -> None:
        """Take further videos; they are found once they are in the ``index``."""
        self._starts.add(len(self._hashes) + np.cumsum(counts))
        self._hashes.add(hashes)

    def index(self, until: int) -> None:
        """Put the videos up to this one into the index."""
        self._index.add(*self._between(self._indexed, until))
        self._indexed = until

    def end(self, start: int, hashes: int) -> int:
        """Up to where there are about so many hashes from a video on: at least one video further."""
        starts = self._starts.rows
        return min(len(self), max(start + 1, int(np.searchsorted(starts, starts[start] + hashes))))

    def ask(self, start: int, stop: int) -> int:
        """Look up the keyframes of these videos, before ``near`` is called for them; returns how many are alike."""
        hashes, owners = self._between(start, stop)
        different, self._which = np.unique(hashes, return_inverse=True)
        before = np.zeros(len(different), np.int64)
        np.maximum.at(before, self._which, owners)
        asked, self._alike = self._index.near(different, before)
        self._answers = np.searchsorted(asked, np.arange(len(different) + 1))
        self._asked = int(self._starts.rows[start])
        return len(asked)

    def near(self, start: int, stop: int) -> tuple[Indices, Indices]:
        """All near pairs (later, earlier) whose later one is from ``start`` to ``stop``, sorted."""
        later, earlier = self._candidates(start, stop)
        for near in (self._look_alike, self._are_close):
            kept = near(later, earlier)
            later, earlier = later[kept], earlier[kept]
        return later, earlier

    def _between(self, start: int, stop: int) -> tuple[Hashes, Indices]:
        """The hashes of these videos, and whose they are."""
        starts = self._starts.rows
        counts = np.diff(starts[start : stop + 1])
        return self._hashes.rows[starts[start] : starts[stop]], np.repeat(np.arange(start, stop), counts)

    def _candidates(self, start: int, stop: int) -> tuple[Indices, Indices]:
        """Pairs (later, earlier) that may share enough keyframes, sorted, each once."""
        owners = self._between(start, stop)[1]
        first = int(self._starts.rows[start]) - self._asked
        which = self._which[first : first + len(owners)]
        counts = (self._answers[1:] - self._answers[:-1])[which]
        later, earlier = np.repeat(owners, counts), self._alike[ranges(self._answers[which], counts)]
        past, total = earlier < later, len(self._starts)
        pairs, hits = np.unique(later[past] * total + earlier[past], return_counts=True)
        later, earlier = np.divmod(pairs, total)
        # A keyframe that is in very many videos did not give all of them, so it may be alike where it did not say so.
        silent = np.bincount(owners[counts == EARLIEST], minlength=total)
        keyframes = np.diff(self._starts.rows)
        likely = 2 * (hits + silent[later]) > np.minimum(keyframes[later], keyframes[earlier])
        return later[likely], earlier[likely]

    def _look_alike(self, later: Indices, earlier: Indices) -> NDArray[np.bool_]:
        counts = np.diff(self._starts.rows)
        enough = np.zeros(len(later), np.bool_)
        for part in portions(counts[later] * counts[earlier], COMPARED):
            one, other = later[part], earlier[part]
            fewer = np.minimum(counts[one], counts[other])
            likely = np.flatnonzero(2 * self._matched(one, other) > fewer)
            sure = 2 * self._matched(other[likely], one[likely]) > fewer[likely]
            enough[likely[sure] + part.start] = True
        return enough

    def _matched(self, one: Indices, other: Indices) -> Indices:
        """How many keyframes of the one have an alike one in the other."""
        starts, hashes = self._starts.rows, self._hashes.rows
        counts, others = starts[one + 1] - starts[one], starts[other + 1] - starts[other]
        mine, repeats = ranges(starts[one], counts), np.repeat(others, counts)
        theirs = ranges(np.repeat(starts[other], counts), repeats)
        close = distances(np.repeat(hashes[mine], repeats), hashes[theirs]) <= self._bits
        any_close = np.logical_or.reduceat(close, np.cumsum(repeats) - repeats)
        return np.asarray(np.add.reduceat(any_close.astype(np.int64), np.cumsum(counts) - counts), np.int64)

    def _are_close(self, later: Indices, earlier: Indices) -> NDArray[np.bool_]:
        close = np.ones(len(later), np.bool_)
        if self._similarity is None:
            return close
        for start in range(0, len(later), COMPARED_VECTORS):
            part = slice(start, start + COMPARED_VECTORS)
            both = self._vectors[np.concatenate([later[part], earlier[part]])].astype(np.float32)
            one, other = both[: len(both) // 2], both[len(both) // 2 :]
            lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
            dots = np.einsum("ij,ij->i", one, other)
            close[part] = (dots >= self._similarity * lengths) | (lengths == 0)
        return close


def _views(
    hashes: Lists, embeddings: Binaries, centre_hashes: Lists | None, centre_embeddings: Binaries | None
) -> list[tuple[Lists, Binaries]]:
    """The columns of whole pictures and, where given, of their middles, all of the same length."""
    views = [(hashes, embeddings)]
    if centre_hashes is not None and centre_embeddings is not None:
        views.append((centre_hashes, centre_embeddings))
    lengths = [len(column) for view in views for column in view]
    if len({*lengths}) > 1:
        raise ValueError(f"hashes and embeddings must be of the same videos, not of {lengths} videos")
    return views


def _batches(views: Sequence[tuple[Lists, Binaries]]) -> Iterator[tuple[slice, list[tuple[Hashes, Indices]]]]:
    """The hashes of some thousand videos at a time, for each view, with their positions."""
    start, rows, total = 0, BATCH_VIDEOS, len(views[0][0])
    while start < total:
        parts = [_one(column.slice(start, rows)) for column, _ in views]
        if max(len(part.flatten()) for part in parts) > BATCH_HASHES and rows > 1:
            rows = max(1, rows // 2)
            continue
        yield slice(start, start + len(parts[0])), [hash_numbers(part) for part in parts]
        start += len(parts[0])


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def link(group: Indices, later: Indices, earlier: Indices) -> None:
    """Join the groups of linked videos; ``group`` leads from each video to the first of its group.

    All links at once: each round hangs every larger root under the smallest that it is linked to, then every video
    directly under its root.
    """
    while len(later):
        one, other = group[later], group[earlier]
        apart = one != other
        later, earlier = later[apart], earlier[apart]
        np.minimum.at(group, np.maximum(one, other)[apart], np.minimum(one, other)[apart])
        while True:
            shorter = group[group]
            if np.array_equal(shorter, group):
                break
            group[:] = shorter
