"""One data set with every table, some of its videos real files; and its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import made_report_rows
from sharegpt4video.dataset.report import ReportResult, write_report
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.store import Store


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two rendered videos, captioned, 60 rows made by construction whose files do not exist; 8 dropped, 4 failed."""
    folder = tmp_path_factory.mktemp("filled")
    store = Store.create(folder / "set", DatasetSettings(), "embedded", "a1b2c3")
    rendered = made_report_rows.rendered(folder, 2)
    rows = [*rendered, *(made_report_rows.caption_row(number) for number in range(60))]
    # One caption was made again: the earlier one no longer counts.
    store.append("captions", [replace(rows[5], summary="An earlier caption that was replaced.", revision=0)])
    rows[5] = replace(rows[5], revision=1)
    made_report_rows.fill(store, rows, dropped=8, failed=4)
    return store


@pytest.fixture(scope="session")
def written(filled: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportResult, str]:
    path = tmp_path_factory.mktemp("page") / "report.html"
    result = write_report(filled, path, samples=62)
    return result, Path(result.path).read_text(encoding="utf-8")
