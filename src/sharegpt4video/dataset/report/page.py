"""One HTML file out of the templates, with nothing that is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import ParamSpec

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ...records import Image
from ..decide.waterfall import Waterfall
from . import charts, markup, views
from .gallery import Article
from .numbers import Numbers
from .tally import Counted

Arguments = ParamSpec("Arguments")


def page(
    name: str, when: datetime, numbers: Numbers, waterfall: Waterfall | None, samples: Sequence[Article] = ()
) -> str:
    """The whole page, with the samples in their order."""
    style, script = _own("style.css"), _own("script.js")
    return _environment().get_template("page.html").render(
        name=name, when=when, numbers=numbers, waterfall=waterfall, samples=samples,
        style=style, script=script, policy=policy(style, script),
    )  # fmt: skip


def policy(style: str, script: str) -> str:
    """What a browser may do with the page: show its own style and pictures, run its own script, load nothing."""
    own = (f"{kind}-src 'sha256-{_sum(content)}'" for kind, content in (("style", style), ("script", script)))
    return f"default-src 'none'; img-src data:; {'; '.join(own)}; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    """Templates in which every value goes through `markup.text`, and no name may be missing."""
    made = Environment(
        loader=PackageLoader(__package__), autoescape=True, finalize=markup.text, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    for function in (
        *(markup.attribute, markup.clock, markup.cut, markup.duration, markup.number, markup.percent, markup.plural),
        *(views.boilerplate, views.by_length, views.group_sizes, views.makers, views.mean, views.models, views.moves),
        *(views.of_videos, views.ranked, views.scored, views.shares, views.threshold, views.without_remark),
        *(_data_address, _indented),
    ):
        made.filters[function.__name__.lstrip("_")] = function
    for draw in (charts.bars, charts.histogram, charts.line, charts.split_bar, _ranking):
        made.globals[draw.__name__.lstrip("_")] = _drawn(draw)
    made.globals["percent"] = markup.percent
    return made


def _drawn(draw: Callable[Arguments, str]) -> Callable[Arguments, Markup]:
    """A chart as HTML: it escapes its own texts."""

    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Markup:
        return Markup(draw(*args, **kwargs))

    return drawn


def _ranking(title: str, note: str, counted: Counted) -> str:
    """The most frequent keys as bars, and what the others come to."""
    return charts.bars(title, note, views.shares(counted), whole=1.0, show=markup.percent)


def _data_address(image: Image) -> Markup:
    """A picture as an address that carries it; base64 has nothing to escape."""
    return Markup("data:image/jpeg;base64," + base64.b64encode(image.jpeg).decode())


def _indented(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _own(name: str) -> Markup:
    return Markup((files(__package__) / name).read_text(encoding="utf-8").strip())


def _sum(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
