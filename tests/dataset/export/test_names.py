"""Names of files: never too long, never the same for two."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.dataset.export.names import MAX_NAME_BYTES, file_name
from sharegpt4video.dataset.export.target import whole_file

LETTERS = st.sampled_from(["a", "é", "漢", "🎬", "\udcff"])


@given(st.text(LETTERS, min_size=1, max_size=300), st.sampled_from([".srt", ".0123abcd.unfinished", ""]))
def test_a_name_fits_and_is_the_same_each_time(stem: str, ending: str) -> None:
    name = file_name(stem, ending)
    assert len(os.fsencode(name)) <= MAX_NAME_BYTES
    assert name.endswith(ending)
    assert name == file_name(stem, ending)
    if len(os.fsencode(stem + ending)) <= MAX_NAME_BYTES:
        assert name == stem + ending
    elif "\udcff" not in stem:
        name.encode()  # no character is cut


def test_long_names_that_begin_alike_stay_apart() -> None:
    stems = ["x" * 260 + str(number) for number in range(1000)]
    assert len({file_name(stem, ".srt") for stem in stems}) == 1000


@pytest.mark.parametrize("name", ["x" * 255, "漢" * 85])
def test_a_file_of_the_longest_name_can_be_written(tmp_path: Path, name: str) -> None:
    with whole_file(str(tmp_path / name)) as file:
        file.write(b"all")
    assert [path.name for path in tmp_path.iterdir()] == [name]
