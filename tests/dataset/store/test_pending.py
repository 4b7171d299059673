"""Inputs that are still to be listed: what is stored of them, and what is done with a damaged file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.pending import FOLDER, Pending
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import StorageError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "set", DatasetSettings(), "fake", "0")


def test_a_run_over_everything_resumes_what_all_shards_have_begun(store: Store) -> None:
    for number in (0, 1):
        Pending(store, (number, 2)).begin(["a", "b"])
    Pending(store).begin(["c", "a"])
    assert sorted(Pending(store).inputs()) == ["a", "b", "c"]
    Pending(store, (0, 2)).ended(["a", "b"])
    assert (Pending(store, (0, 2)).inputs(), Pending(store, (1, 2)).inputs()) == ([], ["a", "b"])
    Pending(store).ended(["a", "b", "c"])
    assert Pending(store, (1, 2)).inputs() == Pending(store).inputs() == []


@pytest.mark.parametrize("text", ["", "[", '{"a": 1}', "7", "[1]", "[null]", '"a"', "\xff"])
def test_a_damaged_file_is_told_and_not_taken_for_an_empty_one(store: Store, text: str) -> None:
    Pending(store).begin(["a"])
    (path,) = (Path(store.root) / FOLDER).iterdir()
    path.write_text(text, encoding="latin-1")
    with pytest.raises(StorageError, match=r"listing/all\.json: is damaged .*name the videos again"):
        Pending(store).inputs()
