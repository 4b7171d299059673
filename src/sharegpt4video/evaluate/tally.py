"""Replies that judge several options one by one: ``{"A": false, "B": true}``, "A: 10%, B: 80%", ticked boxes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_YES = r"true|yes|correct|right|selected|✅|✓|✔|☑|🗹|对|正确|是|richtig|correcta|да|верно"
_NO = r"false|no|not? \w+|incorrect|wrong|none|null|❌|✗|✘|✖|☒|☐|不对|错误?|否|falsch|incorrecta|нет|неверно"
_VALUE = re.compile(
    rf"(?P<percent>(?P<parts>\d{{1,3}}(?:\.\d+)?)\s*%)|(?P<share>[01]?\.\d+|[01](?:\.0+)?)(?![\d.])"
    rf"|(?P<yes>(?:{_YES})(?!\w))|(?P<no>(?:{_NO})(?!\w))",
    re.IGNORECASE,
)
_TURNED = re.compile(r"[\d.]+\s*%?\s+\W*(?:not|wrong|incorrect|false|unlikely|against)\b", re.IGNORECASE)
_TICK = r"\[(?:[xX✓✔ ]?)\]|\([xX]\)|[☐☑☒✅❌✗✘✓✔✖]"
_TICKED = re.compile(r"\[[xX✓✔]\]|\([xX]\)|[☑✅✓✔]")
_BETWEEN = r"[\s\"'\])}|]*(?:[:=(|,]|->|→|=>|–|—|-(?=\s)|\s|(?=[✅✓✔☑❌✗✘✖☐]))[\s\"'|:(\[]*"
_TABLE_HEAD = re.compile(r"\A\|?[^\n]*\n\|?[\s:|-]{3,}\n")
# {"answers": {...}}, but not {"wrong": {...}}
_NESTED = re.compile(
    r"\A\{\s*[\"'](?:answers?|options?|choices?|results?|predictions?|scores?|prob\w*|confidences?)[\"']"
    r"\s*:\s*(\{[^{}]*\})\s*\}\Z",
    re.IGNORECASE,
)
_MOST_CHARS = 2000
_MOST_VALUE_CHARS = 40
_SURE_TOTAL = 1.05  # shares of one whole, rounded


@dataclass(frozen=True)
class Tally:
    """A reply's verdicts on the options; ``right`` is the one that it settles on, if any."""

    judged: tuple[int, ...]
    right: int | None


def tally(text: str, names: Sequence[Sequence[str]]) -> Tally | None:
    """Parse a text that is a tally; None for any other text.

    ``names`` has those of each option: its label, and its text unless that could be a value.
    """
    text = text.strip()
    text = _NESTED.sub(r"\1", text)
    text = _TABLE_HEAD.sub("", text.strip("{}[]").strip() if text.endswith(("}", "]")) else text)
    if not text or len(text) > _MOST_CHARS:
        return None
    index_of = {name.casefold(): at for at, all_names in enumerate(names) for name in all_names if name}
    name = "|".join(re.escape(one) for one in sorted(index_of, key=len, reverse=True))
    return _ticked(text, name, index_of) or _valued(text, name, index_of)


def _valued(text: str, name: str, index_of: dict[str, int]) -> Tally | None:
    item = rf"(?:option|choice|answer)?\s*(?:p\s*\(\s*)?[\"'(\[]*(?P<name>{name})(?!\w)(?:[.)](?!\d))?{_BETWEEN}"
    starts = list(
        re.finditer(rf"(?:\A|[\n,;|/]\s*|\band\s+|(?<=\d)\s+(?=\w=))(?:[|\"'\s]*){item}", text, re.IGNORECASE)
    )
    if not starts or text[: starts[0].start()].strip():
        return _before(text, name, index_of)
    values: dict[int, re.Match[str] | None] = {}
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        value = text[start.end() : following.start() if following else len(text)]
        value = value.strip(" \n\t,;|/\"'()[]{}").rstrip(". ")
        at = index_of[start["name"].casefold()]
        if len(value) > _MOST_VALUE_CHARS or at in values:
            return None
        if _TURNED.match(value):
            return Tally((*values, at), None)  # "90% wrong"
        values[at] = _VALUE.fullmatch(value) or _VALUE.fullmatch(value.partition(" ")[0].rstrip(",;"))
        if values[at] is None and (not value or len(value.split()) > 1):
            return None  # it has another verdict, too
        if values[at] is not None and value.casefold() in index_of:
            return None  # "right" may be the option of that name
    return _settled(values) if len(values) > 1 else None


def _before(text: str, name: str, index_of: dict[str, int]) -> Tally | None:
    """Shares that stand before their options: "80% B, 20% A"."""
    form = rf"\s*(?P<percent>(?P<parts>\d{{1,3}}(?:\.\d+)?)\s*%)\s*(?:for\s+|:\s*)?[(\"']*(?P<name>{name})[)\"'.]*\s*"
    values: dict[int, re.Match[str] | None] = {}
    for part in re.split(r"[,;\n]", text):
        found = re.fullmatch(form, part, re.IGNORECASE)
        if found is None:
            return None
        values[index_of[found["name"].casefold()]] = found
    shares = {at: float(found["parts"]) / 100 for at, found in values.items() if found}
    return Tally(tuple(values), _largest(shares)) if len(values) > 1 else None


def _settled(values: dict[int, re.Match[str] | None]) -> Tally:
    judged, known = tuple(values), [found for found in values.values() if found is not None]
    if len(known) < len(values):
        return Tally(judged, None)
    kinds = {"percent" if found["percent"] else "share" if found["share"] else "judged" for found in known}
    if kinds == {"judged"}:
        right = [at for at, found in values.items() if found and found["yes"]]
        return Tally(judged, right[0] if len(right) == 1 else None)
    if len(kinds) > 1:
        return Tally(judged, None)
    scale = 100 if kinds == {"percent"} else 1
    key = "parts" if kinds == {"percent"} else "share"
    return Tally(judged, _largest({at: float(found[key]) / scale for at, found in values.items() if found}))


def _largest(shares: dict[int, float]) -> int | None:
    """The one with the largest share, if they are shares of one whole."""
    most = max(shares.values())
    if sum(shares.values()) > _SURE_TOTAL or list(shares.values()).count(most) > 1:
        return None
    return next(at for at, share in shares.items() if share == most)


def _ticked(text: str, name: str, index_of: dict[str, int]) -> Tally | None:
    """Lines with a box or a tick before them, or a single tick beside one option."""
    values: dict[int, bool] = {}
    lines = [line.strip(" -*\t") for line in text.split("\n") if line.strip()]
    for line in lines:
        found = re.fullmatch(
            rf"(?P<tick>{_TICK})\s*[(\[]?(?P<name>{name})(?!\w)[)\].:]*\s*(?P<rest>.{{0,80}})", line, re.IGNORECASE
        )
        if found is None and len(lines) == 1:
            found = re.fullmatch(
                rf"[(\[]?(?P<name>{name})(?!\w)[)\].:]*\s*(?P<rest>)(?P<tick>[✅✓✔☑👍])", line, re.IGNORECASE
            )
        at = index_of[found["name"].casefold()] if found else None
        if found is None or at is None or at in values:
            return None
        if index_of.get(found["rest"].strip(" .").casefold(), at) != at:
            return Tally((at,), None)  # a label with the text of another option
        values[at] = bool(_TICKED.fullmatch(found["tick"])) or found["tick"] == "👍"
    right = [at for at, ticked in values.items() if ticked]
    return Tally(tuple(values), right[0] if len(right) == 1 else None) if values else None
