"""The table of an audit, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..wording import counted

if TYPE_CHECKING:
    from .audit import Audit
    from .fidelity import Standing

_SHOWN_PHRASES = 12
_FINDINGS = {
    "language": "in another language, or with words of another script",
    "order": "with actions in another order",
    "phrase": "with a phrase that many texts share and no prompt has",
    "unchanged": "just as the prompt",
    "empty": "empty",
}


def table(audit: Audit) -> str:
    """The report as lines of text."""
    return "\n".join([*_head(audit), *_facts(audit), *_findings(audit), *_windows(audit), *_phrases(audit)])


def _head(audit: Audit) -> Iterator[str]:
    before, after = audit.prompt_lengths, audit.text_lengths
    yield (
        f"{counted(len(audit.prompts), 'prompt')} of {before.mean:.1f} words (95 % up to {before.p95:.0f}),"
        f" rewritten to {after.mean:.1f} words (95 % up to {after.p95:.0f})"
    )


def _facts(audit: Audit) -> Iterator[str]:
    yield ""
    yield f"{'asked for':<18}{'kept':>14}{'near':>7}{'lost':>7}{'contradicted':>14}"
    yield from _rows(audit.kinds.items())
    kept, compared = audit.ordered
    if compared:
        yield f"{'order of actions':<18}{f'{kept} of {compared}':>14}"
    if audit.requirements:
        yield ""
        yield "required by the benchmark's own file"
        yield from _rows(audit.requirements.items())


def _rows(counts: Iterable[tuple[str, Mapping[Standing, int]]]) -> Iterator[str]:
    for name, by in counts:
        kept = f"{by['kept']} of {sum(by.values())}"
        yield f"{name:<18}{kept:>14}{by['near']:>7}{by['lost']:>7}{by['contradicted']:>14}"


def _findings(audit: Audit) -> Iterator[str]:
    yield ""
    for kind, words in _FINDINGS.items():
        if count := audit.count(kind):
            yield f"{count:>5} {_texts(count)} {words}"
    if audit.repeated:
        yield f"{len(audit.repeated):>5} {_texts(len(audit.repeated))} given to more than one prompt"
    clean = sum(not each.found for each in audit.prompts)
    yield f"{clean:>5} {_texts(clean)} without a finding"


def _texts(count: int) -> str:
    return "text" if count == 1 else "texts"


def _windows(audit: Audit) -> Iterator[str]:
    over = [one for one in audit.over if one.texts]
    if over:
        yield ""
        yield "cut off by encoders, and how many"
    for one in over:
        share = one.texts / len(audit.prompts)
        how = "  (tokens estimated from words)" if one.estimated else ""
        yield f"{one.encoder:<18}{one.texts:>7}{share:>8.1%}{how}"


def _phrases(audit: Audit) -> Iterator[str]:
    if audit.phrases:
        yield ""
        yield "phrases that texts share and no prompt has (in how many, and how many open with it)"
    for one in audit.phrases[:_SHOWN_PHRASES]:
        yield f"{len(one.texts):>5}{one.opens:>5}  {one.text}"
    if len(audit.phrases) > _SHOWN_PHRASES:
        yield f"      and {len(audit.phrases) - _SHOWN_PHRASES} more; --json lists all"
