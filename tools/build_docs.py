"""Build the documentation into ``site/``; fails if a link leads nowhere, or a page loads anything from elsewhere.

    python tools/build_docs.py

Zensical (``mkdocs.yml``) checks links between pages and references to docstrings. Pictures, other files, the menu and
what browsers load are checked here, on the pages as they were built. The Markdown of each page goes beside its HTML,
where ``docs/llms.txt`` links to it.
"""

from __future__ import annotations

import posixpath
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
# A `link` of any other kind names an address without loading it.
LOADING_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "manifest"}


@dataclass
class Page(HTMLParser):
    """What an HTML page can be linked at, what it links to and what it loads."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and LOADING_LINKS & set(given.get("rel", "").split()):
            self.loads.append(given["href"])
        self.loads += [given[name] for name in ("src", "poster") if name in given]


def problems(site: Path) -> Iterator[str]:
    """Links of the built pages that lead nowhere, and what they would load from elsewhere."""
    pages = {path: read(path) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        if path == site / "404.html":
            continue  # is shown at any address, so its links begin at that of the site
        shown = path.relative_to(site)
        for url in page.links + page.loads:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                if url in page.loads and parts.scheme != "data":
                    yield f"{shown} loads {url}"
                continue
            target = path.parent / unquote(parts.path) if parts.path else path
            target = Path(posixpath.normpath(target / "index.html" if target.is_dir() else target))
            if not target.is_file() or not target.is_relative_to(site):
                yield f"{shown} links to {url}, which is not there"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{shown} links to {url}, and there is no such place on that page"


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def copy_markdown(docs: Path, site: Path) -> None:
    for page in docs.rglob("*.md"):
        shutil.copyfile(page, site / page.relative_to(docs))


def main() -> None:
    if sys.version_info < (3, 11):
        sys.exit("Zensical, which builds the documentation, needs Python 3.11 or newer")
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", "mkdocs.yml"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if built.returncode:
        sys.exit(built.stdout.partition("Traceback")[0])
    copy_markdown(ROOT / "docs", ROOT / "site")
    found = list(problems(ROOT / "site"))
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
