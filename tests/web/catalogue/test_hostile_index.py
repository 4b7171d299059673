"""A data set of a stranger brings an index along: what is in it reads nothing of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_catalogue import made
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.web.catalogue.catalogue import Catalogue
from sharegpt4video.web.catalogue.index import DamagedIndex, Index, opened
from sharegpt4video.web.catalogue.pages import Query
from sharegpt4video.web.catalogue.place import place_for

duckdb = pytest.importorskip("duckdb")


def planted(store: Store, secret: Path) -> None:
    """An index as ours, whose captions are the content of a file."""
    place = place_for(store)
    Index(place, store.address).close()
    db = duckdb.connect(str(place.folder / "videos.duckdb"))
    rows = db.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = 'videos'").fetchall()
    shown = ", ".join(f"(SELECT content FROM read_text('{secret}')) AS summary" if name == "summary" else f'"{name}"'
                      for (name,) in rows)  # fmt: skip
    db.execute(f"CREATE OR REPLACE VIEW shown AS SELECT {shown} FROM videos")
    db.execute(f"CREATE VIEW theirs AS SELECT content FROM read_text('{secret}')")
    db.execute(f"CREATE MACRO length(x) AS (SELECT content FROM read_text('{secret}'))")
    db.close()
    place.close()


def test_an_index_that_holds_more_than_ours_is_made_anew(tmp_path: Path) -> None:
    (secret := tmp_path / "secret").write_text("the key of this machine")
    store = made(tmp_path / "set", range(3))
    planted(store, secret)
    told: list[str] = []
    place = place_for(store)
    opened(place, store.address, told.append).close()
    place.close()
    assert len(told) == 1
    assert "which was not put there by us" in told[0]
    planted(store, secret)
    with Catalogue(store.root, poll_seconds=60) as catalogue:
        assert catalogue.wait()
        assert "the key" not in str(catalogue.page(Query.of(), "", 7))


def test_nothing_outside_of_the_index_can_be_read(tmp_path: Path) -> None:
    (secret := tmp_path / "secret").write_text("the key of this machine")
    store = made(tmp_path / "set", range(3))
    place = place_for(store)
    index = Index(place, store.address)
    try:
        for said in (
            f"SELECT * FROM read_text('{secret}')",
            f"COPY (SELECT 1) TO '{tmp_path / 'out'}'",
            f"ATTACH '{tmp_path / 'other.duckdb'}'",
            "SET enable_external_access = true",
            "LOAD httpfs",
        ):
            with pytest.raises(duckdb.Error):
                index.cursor().execute(said)
    finally:
        index.close()
        place.close()
    assert {path.name for path in tmp_path.iterdir()} == {"secret", "set"}


def test_a_file_that_is_no_index_is_damage(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(3))
    place = place_for(store)
    (place.folder / "videos.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(DamagedIndex):
        Index(place, store.address)
    place.close()
