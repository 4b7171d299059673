"""How tests are dealt to processes: the files that are to come first are there, and folders stay together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from dealing import LONGEST, TOGETHER, FileByFile, place

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", [*LONGEST, *TOGETHER])
def test_what_is_named_is_there(name: str) -> None:
    assert (ROOT / name).is_dir() if name.endswith("/") else (ROOT / name).is_file()


def test_the_longest_come_first_and_the_rest_keeps_its_order() -> None:
    ids = ["tests/test_times.py::b", "tests/cli/test_app.py::x", "tests/test_times.py::a", "tests/browser/test_a.py::y"]
    dealt = sorted((SimpleNamespace(nodeid=id) for id in ids), key=place)
    assert [item.nodeid for item in dealt] == [ids[3], ids[1], ids[0], ids[2]]


def test_a_process_gets_whole_files_and_all_of_a_folder_that_stays_together() -> None:
    dealer = FileByFile.__new__(FileByFile)
    ids = ["tests/browser/test_a.py::x[a::b]", "tests/browser/test_b.py::y", "tests/web/test_a.py::T::x"]
    assert [dealer._split_scope(id) for id in ids] == ["tests/browser/", "tests/browser/", "tests/web/test_a.py"]
