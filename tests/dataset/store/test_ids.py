"""Ids packed, found and told apart, against Python's own dictionaries."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.dataset.store.ids import IdIndex, packed_all, packed_id, packed_ids, unpacked_id

# Zero bytes at the end are what NumPy drops from its byte strings.
IDS = st.one_of(
    st.binary(min_size=16, max_size=16),
    st.sampled_from([bytes(15) + b"\1", b"\1" + bytes(15), b"\1\2" + bytes(14), b"\xff" * 16]),
).map(bytes.hex)


@given(st.lists(IDS.filter(lambda id: int(id, 16) > 0)))
def test_ids_are_packed_and_unpacked(ids: list[str]) -> None:
    packed = packed_ids(pa.array(ids, pa.string()))
    assert [unpacked_id(one) for one in packed] == ids
    assert list(packed) == list(packed_all(ids)) == [packed_id(id) for id in ids]


@given(st.lists(IDS, max_size=50), st.lists(IDS, max_size=20), st.booleans())
def test_the_first_of_equal_ids_is_found(ids: list[str], others: list[str], in_order: bool) -> None:
    ids = sorted(ids) if in_order else ids
    index = IdIndex(packed_all(ids))
    assert len(index) == len(ids)
    wanted = [*others, *ids]
    places = [ids.index(id) if id in ids else None for id in wanted]
    assert [index.place(id) for id in wanted] == places
    assert [id in index for id in wanted] == [place is not None for place in places]
    assert index.places(packed_all(wanted)).tolist() == [-1 if place is None else place for place in places]
    assert index.has(packed_all(wanted)).tolist() == [place is not None for place in places]


def test_an_index_of_nothing_finds_nothing() -> None:
    index = IdIndex(np.empty(0, "S16"))
    assert (len(index), index.place("ab" * 16)) == (0, None)
    assert index.places(np.empty(0, "S16")).tolist() == []


@pytest.mark.parametrize("wrong", ["ab", "zz" * 16, "ab" * 17])
def test_what_is_no_id_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match=f"row 1: .*{wrong}"):
        packed_ids(pa.array(["ab" * 16, wrong]))
