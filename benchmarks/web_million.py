"""Browsing 100 000 and a million captions: the catalogue of ``sg4v web`` beside raw Parquet.

The rows are those of ``million.py`` (eight steps of forty words with facts, surveys with embeddings). Each use runs in
a process of its own, which tells the most memory it had. Raw Parquet is read by DuckDB on one thread, without and with
its cache of footers; the catalogue is asked as the server asks it. Times are in milliseconds, the best of five; the
first page of a new data set is the only one that cannot be repeated.

    python benchmarks/web_million.py [--quick] [--rows 100000 1000000] [--folder DIR]

``--quick`` does 10 000 rows only. A million rows take 4 GB of disk, and some ten minutes of CPU time.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
from million import write
from store import peak_bytes

from sharegpt4video.dataset.sources.places import SourceGone
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.web.catalogue.catalogue import Catalogue
from sharegpt4video.web.catalogue.index import size_bytes
from sharegpt4video.web.catalogue.media import local_path
from sharegpt4video.web.catalogue.pages import Query

REPEATS = 5
WORD, RARER, PHRASE = "basil", "basil cok gimper -hamper", '"basil cok"'
NUMBER = "motion>0.02"
MIDDLE = "8" * 32


def best(work: Callable[[], Any]) -> float:
    """Milliseconds of the quickest of some runs."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * min(times)


def raw(root: str, *, cached: bool) -> dict[str, float]:
    store = Store.open(root)
    db = duckdb.connect(config={"threads": 1})
    db.execute(f"SET parquet_metadata_cache={'true' if cached else 'false'}")
    captions, surveys = f"read_parquet({store.parts('captions')!r})", f"read_parquet({store.parts('surveys')!r})"
    page = "SELECT id, video, summary, end_seconds"

    def ask(sql: str) -> Callable[[], Any]:
        return lambda: db.execute(sql).fetchall()

    return {
        "first page": best(ask(f"{page} FROM {captions} LIMIT 51")),
        "number filter": best(ask(f"SELECT count(*) FROM {surveys} WHERE motion > 0.02")),
        "words, frequent": best(ask(f"SELECT count(*) FROM {captions} WHERE summary ILIKE '%basil%'")),
        "middle page": best(ask(f"{page} FROM {captions} WHERE id > '{MIDDLE}' ORDER BY id LIMIT 51")),
    }


def fresh(root: str) -> dict[str, float]:
    """A data set that was never opened: until the first page is there, and until all of it is indexed."""
    began = time.perf_counter()
    catalogue = Catalogue(root, by_meaning=False).start()
    catalogue.page(Query.of())
    first = 1000 * (time.perf_counter() - began)
    while not catalogue.wait(10):
        pass
    taken = {"opened, no index yet": first, "index, seconds": time.perf_counter() - began, "CPU s": time.process_time()}
    catalogue.close()
    return taken | {"index, MB": size_bytes(Path(root) / ".catalogue") / 1e6}


def indexed(root: str) -> dict[str, float]:
    began = time.perf_counter()
    catalogue = Catalogue(root, by_meaning=False).start()
    item = catalogue.page(Query.of()).items[0]
    opened = 1000 * (time.perf_counter() - began)
    catalogue.wait(600)

    def ask(**asked: Any) -> Callable[[], Any]:
        return lambda: catalogue.page(Query.of(**asked))

    found = {
        "opened": opened,
        "first page": best(ask()),
        "number filter": best(ask(where=[NUMBER])),
        "three filters": best(ask(where=[NUMBER, "max_motion>0.9", "camera=pan left"])),
        "most findings first": best(ask(order="finding")),
        "words, frequent": _uncached(catalogue, WORD),
        "words, rarer": _uncached(catalogue, RARER),
        "phrase": _uncached(catalogue, PHRASE),
        "words and a filter": _uncached(catalogue, WORD, NUMBER),
        "like a video": _like(catalogue),
        "one caption": best(lambda: catalogue.row(item.id)),
        "its video, without a date": best(lambda: place_of(catalogue, item.id)),
        "overview": _overview(catalogue),
    }
    middle = _page_after(catalogue, MIDDLE)
    found["middle page"] = best(lambda: catalogue.page(Query.of(order="id"), middle))
    catalogue.close()
    return found


def _uncached(catalogue: Catalogue, q: str, *where: str) -> float:
    """Each time another question, so that no answer is remembered."""
    times = []
    for turn in range(REPEATS):
        began = time.perf_counter()
        catalogue.page(Query.of(q, where=[*where, f"seconds>{turn / 100}"]))
        times.append(time.perf_counter() - began)
    return 1000 * min(times)


def _page_after(catalogue: Catalogue, id: str) -> str:
    """The place behind an id, as a page that ends there would give it."""
    told = json.loads(base64.urlsafe_b64decode(catalogue.page(Query.of(order="id")).next + "=="))
    told[2] = [str(uuid.UUID(id))]
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def _like(catalogue: Catalogue) -> float:
    ids = iter([item.id for item in catalogue.page(Query.of(order="newest")).items])
    return best(lambda: catalogue.page(Query.of(like=next(ids))))


def _overview(catalogue: Catalogue) -> float:
    began = time.perf_counter()
    catalogue.overview()
    return 1000 * (time.perf_counter() - began)


USES: dict[str, Callable[[str], dict[str, float]]] = {
    "raw Parquet": lambda root: raw(root, cached=False),
    "raw, footers cached": lambda root: raw(root, cached=True),
    "catalogue, first time": fresh,
    "catalogue": indexed,
}


def place_of(catalogue: Catalogue, id: str) -> None:
    """Find the file of a caption; there is none here, which is told after the look-up."""
    with suppress(SourceGone):
        local_path(catalogue.store, catalogue.row(id))


def measured(use: str, root: str, rows: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--use", use, "--folder", root, "--rows", str(rows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 000 rows only")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", help="where to write (4 GB for a million)")
    parser.add_argument("--use", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.use == "write":
        write(options.folder, options.rows[0])
        print("{}")
        return
    if options.use:
        found = USES[options.use](options.folder)
        print(json.dumps(found | {"peak MB": peak_bytes() / 1e6}))
        return
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs, DuckDB {duckdb.__version__}"
    )
    for rows in [10_000] if options.quick else options.rows:
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="sg4v-web-") as folder:
            measured("write", f"{folder}/set", rows)
            for use in USES:
                for name, value in measured(use, f"{folder}/set", rows).items():
                    print(f"{rows:>9} {use:<22} {name:<26}{value:>10.1f}", flush=True)


if __name__ == "__main__":
    main()
