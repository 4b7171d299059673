"""``sg4v settings``: every setting that ``--set`` and ``--config`` files take."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass
from typing import Annotated, Any, get_type_hints

import typer

from ..checking import limits_of, raise_for, words_of
from ..schemas import field_docs
from .console import exit_codes, print_json, print_text
from .options import Json

UNITS = {"seconds": "s", "pixels": "px", "bits": "bits", "bytes": "bytes", "tokens": "tokens", "fps": "frames/s"}
"""The units, by the last word of a setting's name."""


@dataclass(frozen=True)
class Setting:
    """One setting: ``name`` as ``--set`` takes it; ``default`` is None where it is null or has to be given."""

    group: str
    verbs: str
    name: str
    type: str
    limits: str
    default: Any
    unit: str
    text: str


def settings(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD", help="Only settings with all of these words, such as keyframes or seconds."),
    ] = None,
    json: Json = False,
) -> None:
    """List the settings of all verbs: type, limits, default, unit, and what each does.

    Give one with --set NAME=VALUE, or several in a YAML file with --config.
    """
    with exit_codes():
        wanted = [word.lower() for word in words or ()]
        found = [one for one in all_settings() if all(word in _searched(one) for word in wanted)]
        problem = f"no setting has {' and '.join(words or ())} in its name or text; sg4v settings lists all"
        raise_for([] if found else [problem])
        if json:
            print_json([asdict(one) for one in found])
        else:
            print_text("\n".join(_lines(found)))


def all_settings() -> Iterator[Setting]:
    """Every setting, by the verbs that take it."""
    for group, (kind, verbs, prefix) in _groups().items():
        yield from _of_class(group, verbs, kind, prefix)
    yield from _of_models()


def _groups() -> dict[str, tuple[type, str, str]]:
    """The classes of settings, each with the verbs that take it, and how names of its settings begin."""
    from ..config import CaptionSettings
    from ..dataset.clips.clips import ClipSettings
    from ..dataset.clips.media import CutOptions
    from ..dataset.export import EXPORTERS
    from ..dataset.plan.plan import PlanInputs
    from ..dataset.settings import DatasetSettings
    from ..lvlm.settings import TrainSettings

    exports = {f"export {name}": (one.options, f"dataset export -f {name}", "") for name, one in EXPORTERS.items()}
    return {
        "caption": (CaptionSettings, "caption, keyframes, facts, summarize, recaption", ""),
        "dataset": (DatasetSettings, "dataset build, dataset filter", ""),
        "clips": (ClipSettings, "dataset clips", ""),
        "cut": (CutOptions, "dataset clips --cut", "cut."),
        **exports,
        "plan": (PlanInputs, "dataset plan", ""),
        "train": (TrainSettings, "train lvlm", ""),
    }


def _of_class(group: str, verbs: str, kind: type, prefix: str) -> Iterator[Setting]:
    hints, limited = get_type_hints(kind), get_type_hints(kind, include_extras=True)
    docs = field_docs(kind)
    for one in fields(kind):
        hint, name = hints[one.name], f"{prefix}{one.name}"
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _of_class(group, verbs, hint, f"{name}.")
        else:
            limits = limits_of(limited[one.name])
            text = _in_yaml(docs.get(one.name, ""))
            yield Setting(group, verbs, name, _in_yaml(words_of(hint)), limits, _default(one), _unit(one.name), text)


def _default(one: Field[Any]) -> Any:
    value = one.default_factory() if one.default_factory is not MISSING else one.default
    return None if value is MISSING else list(value) if isinstance(value, tuple) else value


def _of_models() -> Iterator[Setting]:
    """The options of the models whose class can be loaded here."""
    from ..vlm import BACKENDS, OWN_OPTIONS, model_class

    for name, backend in BACKENDS.items():
        try:
            parameters = inspect.signature(model_class(name)).parameters.values()
        except ImportError:
            continue  # the extra is not installed
        try:
            hints = get_type_hints(model_class(name).__init__)
        except NameError:
            hints = {}
        spec = f"--model {name}{f':{backend.argument}' if backend.argument else ''}"
        docs = _in_table(inspect.getdoc(model_class(name)) or "")
        for one in parameters:
            if one.kind is one.KEYWORD_ONLY and one.name not in OWN_OPTIONS:
                default = None if one.default is one.empty else one.default
                kind = _in_yaml(words_of(hints[one.name])) if one.name in hints else ""
                text = docs.get(one.name, "")
                yield Setting(f"model {name}", spec, f"model.{one.name}", kind, "", default, _unit(one.name), text)


def _in_table(doc: str) -> dict[str, str]:
    """What a docstring says about each option, where it has a table of them: ``name, name  text``."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in doc.splitlines():
        if match := re.match(r"(\w+(?:, \w+)*) {2,}(\S.*)|(?P<names>\w+(?:, \w+)+) (?P<text>[a-z].*)", line):
            names = (match[1] or match["names"]).split(", ")
            found |= dict.fromkeys(names, _in_yaml(match[2] or match["text"]))
        elif names and line.startswith("    "):
            found |= {name: f"{found[name]} {_in_yaml(line)}" for name in names}
        else:
            names = []
    return found


def _in_yaml(text: str) -> str:
    """A docstring on one line, worded for somebody who writes YAML."""
    return re.sub(r"\bNone\b", "null", " ".join(text.replace("``", "").split()))


def _unit(name: str) -> str:
    if name.startswith(("usd_", "price_")):
        return "US dollars"
    return UNITS.get(name.rpartition("_")[2], "")


def _searched(one: Setting) -> str:
    return f"{one.group} {one.verbs} {one.name} {one.text}".lower()


def _lines(found: list[Setting]) -> Iterator[str]:
    group = ""
    for one in found:
        if one.group != group:
            command = one.verbs if one.verbs.startswith("--") else f"sg4v {one.verbs}"
            yield f"{chr(10) if group else ''}{one.group} ({command})"
            group = one.group
        kind = ", ".join(part for part in (one.type, one.limits, one.unit) if part)
        default = "null" if one.default is None else _yaml(one.default)
        yield f"  {one.name} = {default}{f'  ({kind})' if kind else ''}"
        if one.text:
            yield f"      {one.text}"


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
