"""How results show themselves: in words when printed, in one line as a value, as HTML in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from html import escape
from typing import Any, Protocol, cast

from .wording import counted

MOST_TEXT = 60
"""Characters of one value in a ``repr``."""
MOST_ENTRIES = 4
"""Of a mapping or list in a ``repr``; longer ones are left out."""


class Result(ABC):
    """What a run did, as a dataclass (``repr=False``, so that it keeps the short ``repr`` of this class).

    ``print(result)`` shows ``text()``, a notebook the same.
    """

    @abstractmethod
    def text(self) -> str:
        """The result in words."""

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        shown = [part for field in fields(cast(Any, self)) if (part := _part(field, getattr(self, field.name)))]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _repr_html_(self) -> str:
        return preformatted(self.text())


def preformatted(text: str) -> str:
    """A text as it would stand in a terminal, for a notebook."""
    return f"<pre>{escape(text)}</pre>"


def _part(field: Field[Any], value: Any) -> str:
    """``name=value`` in short; "" for a default, for nothing, and for what is too large to show."""
    default = field.default if field.default_factory is MISSING else field.default_factory()
    if isinstance(value, Mapping):
        value = {key: each for key, each in value.items() if each}
    if value in (default, None, "") or (isinstance(value, (int, float)) and not value):
        return ""
    if isinstance(value, float):
        return f"{field.name}={value:.6g}"
    if isinstance(value, str):
        value = value if len(value) <= MOST_TEXT else value[: MOST_TEXT - 1] + "…"
        return f"{field.name}={value!r}"
    if isinstance(value, int):
        return f"{field.name}={value}"
    small = isinstance(value, (Mapping, tuple, list)) and 0 < len(value) <= MOST_ENTRIES
    text = f"{dict(value) if isinstance(value, Mapping) else value!r}" if small else ""
    return f"{field.name}={text}" if text and len(text) <= MOST_TEXT else ""


class Told(Protocol):
    """One step of a caption, as far as it is shown; see ``records.Step``."""

    @property
    def start_seconds(self) -> float: ...
    @property
    def end_seconds(self) -> float: ...
    @property
    def text(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def frame_seconds(self) -> tuple[float, ...]: ...


class Captioned(Protocol):
    """A caption, as far as it is shown; ``records.VideoCaption`` and the row of a data set are both one."""

    @property
    def start_seconds(self) -> float: ...
    @property
    def end_seconds(self) -> float: ...
    @property
    def steps(self) -> Sequence[Told]: ...
    @property
    def summary(self) -> str: ...
    @property
    def summary_problem(self) -> str: ...


class Picture(Protocol):
    """A JPEG; see ``records.Image``."""

    @property
    def jpeg(self) -> bytes: ...


def caption_line(kind: str, name: str, captioned: Captioned) -> str:
    """A caption as a value: ``VideoCaption('park.mp4', 0.00-7.67 s, 5 steps)``."""
    times = f"{captioned.start_seconds:.2f}-{captioned.end_seconds:.2f} s"
    return f"{kind}({name!r}, {times}, {counted(len(captioned.steps), 'step')})"


def caption_html(name: str, captioned: Captioned, pictures: Mapping[float, Picture]) -> str:
    """A caption for a notebook: the summary, then each step, with its keyframe beside it where there is one.

    ``pictures`` are by their time in seconds. Everything else is text, and escaped.
    """
    rows = [
        _row(step, pictures.get(step.frame_seconds[-1]) if step.frame_seconds else None) for step in captioned.steps
    ]
    summary = _text(captioned.summary, captioned.summary_problem)
    return f"<div><p><b>{escape(name)}</b></p><p>{summary}</p><table>{''.join(rows)}</table></div>"


def _row(step: Told, picture: Picture | None) -> str:
    image = ""
    if picture is not None:
        image = f'<img alt="" src="data:image/jpeg;base64,{b64encode(picture.jpeg).decode()}">'
    same = step.start_seconds == step.end_seconds
    times = f"{step.start_seconds:.2f} s" if same else f"{step.start_seconds:.2f}–{step.end_seconds:.2f} s"
    cells = (image, times, _text(step.text, step.problem))
    return "<tr>" + "".join(f'<td style="text-align:left;vertical-align:top">{cell}</td>' for cell in cells) + "</tr>"


def _text(text: str, problem: str) -> str:
    marked = f" <i>({escape(problem)})</i>" if problem else ""
    return f"{escape(text)}{marked}"
