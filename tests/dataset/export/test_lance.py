"""Lance tables: the columns of Parquet, and what is said when the extra is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from made_dataset import caption_row, kept, made_store
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.export.parquet import SCHEMA
from sharegpt4video.errors import MissingExtra


def test_a_table_has_the_columns_of_parquet_and_the_split(tmp_path: Path) -> None:
    lance = pytest.importorskip("lance")
    rows = [caption_row(number) for number in range(3)]
    store = made_store(tmp_path / "set", rows, selected=[kept(0), kept(1, "val"), kept(2)])
    export(store, "lance", str(tmp_path / "out"), options={"file_rows": 2})
    table = lance.dataset(str(tmp_path / "out" / "captions.lance"))
    assert table.schema.names == [*SCHEMA.names, "split"]
    found = {row["id"]: row for row in table.to_table().to_pylist()}
    assert {id: (row["split"], row["caption"]) for id, row in found.items()} == {
        row.id: ("val" if number == 1 else "train", row.summary) for number, row in enumerate(rows)
    }
    assert [step["text"] for step in found[rows[0].id]["steps"]] == [step.text for step in rows[0].steps]
    assert len(table.get_fragments()) == 2


def test_without_the_extra_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lance", None)
    with pytest.raises(MissingExtra, match=r"sharegpt4video\[lance\]"):
        export(made_store(tmp_path / "set", [caption_row(0)]), "lance", str(tmp_path / "out"))
