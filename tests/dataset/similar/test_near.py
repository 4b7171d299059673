from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharegpt4video.dataset.similar import bands
from sharegpt4video.dataset.similar import near as module
from sharegpt4video.dataset.similar.near import Groups, NearDuplicates, near_duplicate_groups

Video = tuple[list[str], bytes]

CENTRES = [int(value) for value in np.random.default_rng(5).integers(0, 2**64, 6, dtype=np.uint64)]


def flipped(value: int, *bits: int) -> str:
    for bit in bits:
        value ^= 1 << bit
    return f"{value:016x}"


def vector(*numbers: float) -> bytes:
    row = np.array(numbers, np.float32)
    return (row / np.linalg.norm(row)).astype("<f2").tobytes()


def groups(videos: list[Video], bits: int = 4, similarity: float | None = 0.9) -> Groups:
    hashes = pa.array([hashes for hashes, _ in videos], pa.list_(pa.string()))
    embeddings = pa.array([embedding for _, embedding in videos], pa.binary())
    return near_duplicate_groups(hashes, embeddings, bits=bits, similarity=similarity)


def streamed(videos: list[Video], bits: int = 4, similarity: float | None = 0.9) -> list[int]:
    pool = NearDuplicates(bits, similarity)
    return [int(pool.add(str(number), *video)) for number, video in enumerate(videos)]


def near(one: Video, other: Video, bits: int, similarity: float | None) -> bool:
    """The definition, word for word, in plain Python."""
    mine, theirs = ({int(text, 16) for text in video[0] if text} for video in (one, other))
    counts = [
        sum(any(bin(a ^ b).count("1") <= bits for b in right) for a in left)
        for left, right in ((mine, theirs), (theirs, mine))
    ]
    if not 2 * min(counts) > min(len(mine), len(theirs)):
        return False
    if similarity is None or not one[1] or not other[1]:
        return True
    a, b = (np.frombuffer(video[1], "<f2").astype(float) for video in (one, other))
    return bool(a @ b / np.linalg.norm(a) / np.linalg.norm(b) >= similarity)


def by_definition(videos: list[Video], bits: int, similarity: float | None) -> tuple[list[int], list[int]]:
    """(group, first) by comparing all with all."""
    first, group = list(range(len(videos))), list(range(len(videos)))
    for later in range(len(videos)):
        earlier = [other for other in range(later) if near(videos[later], videos[other], bits, similarity)]
        first[later] = min([other for other in earlier if first[other] == other], default=later)
        joined = {group[later], *(group[other] for other in earlier)}
        group = [min(joined) if one in joined else one for one in group]
    return group, first


@st.composite
def video_sets(draw: st.DrawFn) -> list[Video]:
    """Small sets full of near misses: hashes a few bits from six centres, embeddings at multiples of 12 degrees."""
    videos = []
    for _ in range(draw(st.integers(0, 14))):
        count = draw(st.integers(0, 4))
        hashes = [
            ""
            if draw(st.integers(0, 9)) == 0
            else flipped(draw(st.sampled_from(CENTRES)), *draw(st.sets(st.integers(0, 63), max_size=4)))
            for _ in range(count)
        ]
        turn = draw(st.sampled_from([None, 0, 12, 24, 36, 48]))
        angle = np.deg2rad(turn or 0)
        videos.append((hashes, b"" if turn is None else vector(float(np.cos(angle)), float(np.sin(angle)), 0.0)))
    return videos


@settings(max_examples=150, deadline=None)
@given(video_sets(), st.sampled_from([0, 1, 3, 4, 8, 12]), st.sampled_from([None, 0.9, 0.97]))
def test_groups_and_firsts_are_those_of_the_definition(
    videos: list[Video], bits: int, similarity: float | None
) -> None:
    found = groups(videos, bits, similarity)
    group, first = by_definition(videos, bits, similarity)
    assert found.group.tolist() == group
    assert found.first.tolist() == first
    assert streamed(videos, bits, similarity) == first


@settings(max_examples=100, deadline=None)
@given(video_sets(), st.randoms(use_true_random=False))
def test_whole_pictures_or_their_middles_are_enough(videos: list[Video], random: Random) -> None:
    middles = random.sample(videos, len(videos))
    columns = [
        pa.array([video[part] for video in view], kind)
        for view in (videos, middles)
        for part, kind in ((0, pa.list_(pa.string())), (1, pa.binary()))
    ]
    first = list(range(len(videos)))
    for later in range(len(videos)):
        for other in range(later - 1, -1, -1):
            alike = any(near(view[later], view[other], 4, 0.9) for view in (videos, middles))
            if alike and first[other] == other:
                first[later] = other
    assert near_duplicate_groups(*columns, bits=4, similarity=0.9).first.tolist() == first
    pool = NearDuplicates(4, 0.9)
    each = enumerate(zip(videos, middles, strict=True))
    assert [int(pool.add(str(number), *video, *middle)) for number, (video, middle) in each] == first


def many(count: int) -> list[Video]:
    random = np.random.default_rng(2)
    videos: list[Video] = []
    for _ in range(count):
        copied = videos[int(random.integers(len(videos)))] if videos and random.random() < 0.4 else None
        if copied is None:
            hashes = [f"{value:016x}" for value in random.integers(0, 2**64, random.integers(1, 8), dtype=np.uint64)]
            videos.append((hashes, vector(*random.normal(size=16))))
        else:
            hashes = [
                flipped(int(text, 16), *random.integers(0, 64, random.integers(0, 4)).tolist()) for text in copied[0]
            ]
            videos.append((hashes, copied[1]))
    return videos


def test_any_portions_give_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    videos = many(700)
    whole = groups(videos)
    assert 0.5 < whole.kept.mean() < 0.7
    assert streamed(videos) == whole.first.tolist()
    monkeypatch.setattr(module, "BATCH_VIDEOS", 37)
    monkeypatch.setattr(module, "BATCH_HASHES", 100)
    monkeypatch.setattr(module, "ASKED_HASHES", 250)
    monkeypatch.setattr(module, "SETTLED_HASHES", 100)
    monkeypatch.setattr(module, "ANSWERS", 200)
    monkeypatch.setattr(module, "COMPARED", 50)
    monkeypatch.setattr(bands, "CANDIDATES", 60)
    monkeypatch.setattr(bands, "RUNS", 50)
    again = groups(videos)
    assert again.group.tolist() == whole.group.tolist()
    assert again.first.tolist() == whole.first.tolist()


def test_columns_and_single_videos_may_be_mixed() -> None:
    videos = many(300)
    hashes = pa.array([hashes for hashes, _ in videos], pa.list_(pa.string()))
    embeddings = pa.array([embedding for _, embedding in videos], pa.binary())
    pool = NearDuplicates(4, 0.9)
    ids = [str(number) for number in range(300)]
    found = pool.add_all(ids[:200], hashes[:200], embeddings[:200])
    found += [pool.add(ids[at], *videos[at]) for at in range(200, 300)]
    assert found == [str(first) for first in groups(videos).first]


def test_a_chunked_column_is_read_across_its_chunks() -> None:
    videos = many(100)
    hashes = pa.chunked_array([pa.array([h for h, _ in videos[a:b]]) for a, b in ((0, 33), (33, 100))])
    embeddings = pa.chunked_array([pa.array([e for _, e in videos[a:b]]) for a, b in ((0, 60), (60, 100))])
    found = near_duplicate_groups(hashes, embeddings, bits=4, similarity=0.9)
    assert found.group.tolist() == groups(videos).group.tolist()


def test_a_shared_title_card_does_not_make_a_duplicate() -> None:
    title = flipped(CENTRES[0])
    one = [title, flipped(CENTRES[1]), flipped(CENTRES[2])]
    other = [title, flipped(CENTRES[3]), flipped(CENTRES[4])]
    assert groups([(one, b""), (other, b"")]).first.tolist() == [0, 1]
    assert groups([(one, b""), ([title, one[1], other[2]], b"")]).first.tolist() == [0, 0]
    assert groups([(one[:2], b""), ([title, other[1]], b"")]).first.tolist() == [0, 1], "half is not more than half"


def test_one_repeated_shot_does_not_make_a_duplicate() -> None:
    static = [flipped(CENTRES[0], bit) for bit in range(4)]
    mixed = [flipped(CENTRES[0]), flipped(CENTRES[1]), flipped(CENTRES[2])]
    assert groups([(static, b""), (mixed, b"")]).first.tolist() == [0, 1]


def test_a_clip_of_a_video_is_its_duplicate() -> None:
    whole = [flipped(centre) for centre in CENTRES]
    clip = [flipped(centre, 3, 60) for centre in CENTRES[2:4]]
    assert groups([(whole, b""), (clip, b"")]).first.tolist() == [0, 0]


def test_embeddings_must_agree_where_both_have_one() -> None:
    hashes = [flipped(CENTRES[0])]
    east, north = vector(1, 0), vector(0, 1)
    assert groups([(hashes, east), (hashes, north)]).first.tolist() == [0, 1]
    assert groups([(hashes, east), (hashes, b"")]).first.tolist() == [0, 0]
    assert groups([(hashes, east), (hashes, north)], similarity=None).first.tolist() == [0, 0]


def test_pictures_without_a_hash_never_make_duplicates() -> None:
    black = (["", "", ""], vector(1, 0))
    assert groups([black, black, ([], vector(1, 0))]).group.tolist() == [0, 1, 2]


def test_a_bridge_joins_groups_but_drops_only_itself() -> None:
    left, middle, right = flipped(CENTRES[0]), flipped(CENTRES[0], 1, 2, 3, 4), flipped(CENTRES[0], *range(1, 9))
    found = groups([([left], b""), ([right], b""), ([middle], b"")])
    assert found.group.tolist() == [0, 0, 0]
    assert found.first.tolist() == [0, 1, 0]
    assert found.kept.tolist() == [True, True, False]


def test_a_picture_in_very_many_videos_costs_little_and_still_finds_the_first() -> None:
    title = flipped(CENTRES[0])
    own = np.random.default_rng(0).integers(0, 2**64, 4_000, dtype=np.uint64)
    hashes = pa.array([[title, f"{value:016x}"] for value in own] + [[title]] * 4_000)
    none = pa.array([b""] * 8_000, pa.binary())
    found = near_duplicate_groups(hashes, none, bits=6, similarity=0.96)
    assert found.first[:4_000].tolist() == list(range(4_000))
    assert (found.first[4_000:] == 0).all(), "a clip of the title alone is a duplicate of the earliest that has it"


def test_no_videos_have_no_groups() -> None:
    assert groups([]).group.tolist() == []


@pytest.mark.parametrize(
    ("hashes", "embeddings", "said"),
    [
        (["12"], [b""], "16 hex digits"),
        (["zz23456789abcdef"], [b""], "zz23456789abcdef"),
        (["0123456789abcdef"], [b"", b""], "same videos"),
    ],
)
def test_what_is_no_survey_is_refused(hashes: list[str], embeddings: list[bytes], said: str) -> None:
    column = pa.array([[text] for text in hashes], pa.list_(pa.string()))
    with pytest.raises(ValueError, match=said):
        near_duplicate_groups(column, pa.array(embeddings, pa.binary()), bits=6, similarity=0.96)


def test_embeddings_of_another_length_are_refused() -> None:
    pool = NearDuplicates(6, 0.96)
    pool.add("a", [flipped(CENTRES[0])], vector(1, 0))
    with pytest.raises(ValueError, match="3 numbers"):
        pool.add("b", [flipped(CENTRES[0])], vector(1, 0, 0))


@pytest.mark.parametrize(("bits", "similarity"), [(17, 0.9), (-1, 0.9), (6, 1.1)])
def test_thresholds_out_of_range_are_refused(bits: int, similarity: float) -> None:
    with pytest.raises(ValueError, match="near-duplicate"):
        NearDuplicates(bits, similarity)
