"""One HTML file out of all sections, with nothing that is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files

from ..filters.retention import Retention
from . import distributions, gallery, language, overview
from .markup import attribute, missing, text
from .numbers import Numbers

_SECTIONS = (
    ("retention", "Kept and dropped"),
    ("failures", "Failures"),
    ("videos", "Videos"),
    ("captions", "Captions"),
    ("facts", "Measured"),
    ("words", "Words"),
    ("checks", "Checks"),
    ("groups", "Splits"),
    ("samples", "Samples"),
)


def page(name: str, when: datetime, numbers: Numbers, retention: Retention | None, articles: Sequence[str]) -> str:
    """The whole page. ``articles`` are the samples as HTML, in their order."""
    style, script = _own("style.css"), _own("script.js")
    links = "".join(f'<a href="#{id}">{text(title)}</a>' for id, title in _SECTIONS)
    body = (
        overview.head(numbers, name, when),
        f'<nav aria-label="Sections">{links}</nav>',
        overview.fate(numbers, retention),
        overview.failures(numbers),
        distributions.videos(numbers),
        distributions.captions(numbers),
        distributions.facts(numbers),
        language.language(numbers),
        overview.findings(numbers),
        overview.divisions(numbers),
        _samples(articles, bool(numbers.captions.videos)),
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{attribute(policy(style, script))}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{text(name)}: report</title><style>{style}</style></head>\n<body>\n"
        + "\n".join(body)
        + f"\n<script>{script}</script></body></html>\n"
    )


def policy(style: str, script: str) -> str:
    """What a browser may do with the page: show its own style and pictures, run its own script, load nothing."""
    own = (f"{kind}-src 'sha256-{_sum(content)}'" for kind, content in (("style", style), ("script", script)))
    return f"default-src 'none'; img-src data:; {'; '.join(own)}; base-uri 'none'; form-action 'none'"


def _samples(articles: Sequence[str], any_captions: bool) -> str:
    if not articles:
        said = "No samples were asked for." if any_captions else "There is no caption to show."
        command = "sg4v dataset report DIR" if any_captions else "sg4v dataset build VIDEOS --out DIR"
        return overview.section("samples", "Samples", missing(said, command))
    note = '<p class="note">The worst captions first (most findings and problems), then others at random.</p>'
    return overview.section(
        "samples",
        f"Samples ({len(articles)})",
        f'{note}{gallery.controls(len(articles))}<div id="articles">{"".join(articles)}</div>',
    )


def _own(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8").strip()


def _sum(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
