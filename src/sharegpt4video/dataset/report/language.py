"""The section about the words of the summaries."""

from __future__ import annotations

from .charts import bars, line
from .markup import missing, number, percent, plural
from .numbers import Numbers
from .overview import section

BOILERPLATE_SHARE = 0.2
"""From this share of equal openings on, a warning is shown."""


def language(numbers: Numbers) -> str:
    """Frequent words, verbs, openings, repeated runs of words, and how rich the vocabulary is."""
    found = numbers.words
    if not found.tokens:
        said = "There are no summaries to read words from."
        return section("words", "The words", missing(said, "sg4v dataset build VIDEOS --out DIR"))
    runs = [(run, count / found.captions, "") for run, count in found.repeated[:15]]
    share = "share of the summaries that were read"
    scores = "z-score of the log-odds"
    charts = [
        bars("Words that stand out", f"{scores} against common English", _scored(found.stand_out)),
        bars(
            "Words of suspect captions", f"{scores} of summaries with findings against others", _scored(found.suspect)
        ),
        bars("Content words in most summaries", share, [(w, s, "") for w, s in found.content[:20]], show=percent),
        bars("Verbs in most summaries", share, [(w, s, "") for w, s in found.verbs[:20]], show=percent),
        _openings(numbers),
        bars("Four words in a row, in most summaries", share, runs, show=percent),
        line(
            "Growth of the vocabulary",
            f"different words after so many summaries; {number(found.vocabulary)} in all",
            found.growth,
            "summaries",
        ),
        bars(
            "Different runs of words",
            "share of all runs of that length that are different (distinct-n)",
            [(f"n = {n}", share, "") for n, share in enumerate(found.distinct, 1)],
            whole=1.0,
            show=percent,
        ),
    ]
    read = (
        "all" if found.captions == found.of else f"{number(found.captions)} of {number(found.of)} summaries at random,"
    )
    note = f'<p class="note">Read: {read} {plural(found.tokens, "word")}. Openings are counted in every summary.</p>'
    return section(
        "words", "The words of the summaries", f'{note}{_warning(numbers)}<div class="charts">{"".join(charts)}</div>'
    )


def _scored(pairs: list[tuple[str, float]]) -> list[tuple[str, float, str]]:
    return [(word, round(score, 1), "") for word, score in pairs[:20] if score > 0]


def _openings(numbers: Numbers) -> str:
    found = numbers.captions.openings
    rows = [(words, count / found.total, number(count)) for words, count in found.top(12)]
    note = "first four words of the summaries, share of all"
    if found.short_by:
        note += f"; too small by at most {number(found.short_by)}"
    return bars("Openings", note, rows, show=percent)


def _warning(numbers: Numbers) -> str:
    found = numbers.captions.openings
    top = found.top(1)
    if found.total < 20 or not top or top[0][1] / found.total < BOILERPLATE_SHARE:
        return ""
    return f'<p class="warning">{percent(top[0][1] / found.total)} of the summaries open with the same four words.</p>'
