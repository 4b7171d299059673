"""What counts as a word: a run of letters, digits and marks, joined by hyphens or apostrophes.

Chinese and Japanese characters count as one word each, since these scripts leave no space between words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_SINGLE = r"\p{Han}\p{Hiragana}\p{Katakana}"
_LETTER = rf"[^\pZ\pP\pS\pC{_SINGLE}]"
_WORD = rf"[{_SINGLE}]|{_LETTER}+(?:['’\-]+{_LETTER}+)*"
_ASCII_WORD = r"[0-9A-Za-z]+(?:['\-]+[0-9A-Za-z]+)*"

SCRIPTS = (
    *("Latin", "Han", "Hiragana", "Katakana", "Hangul", "Cyrillic", "Arabic", "Hebrew", "Greek", "Devanagari"),
    *("Bengali", "Tamil", "Telugu", "Thai", "Georgian", "Armenian", "Ethiopic", "Khmer", "Lao", "Myanmar"),
)
_JAPANESE = ("Hiragana", "Katakana")

_OPENING = r"^\s*(?P<start>\S+(?:\s+\S+){0,3})"


def count_words(texts: Any) -> NDArray[np.int64]:
    """The number of words of each text; 0 where there is none."""
    plain = _all_ascii(texts)
    return np.asarray(pc.fill_null(pc.count_substring_regex(texts, _ASCII_WORD if plain else _WORD), 0), np.int64)


def words(texts: Any) -> Any:
    """The words of each text in lower case, as an Arrow list column, by the same rule as ``count_words``."""
    lower = pc.utf8_lower(pc.fill_null(texts, ""))
    if _all_ascii(lower):
        spaced = pc.replace_substring_regex(lower, r"[^0-9a-z'\-]+", " ")
    else:
        single = pc.replace_substring_regex(lower, rf"([{_SINGLE}])", r" \1 ")
        # Radicals of Han are symbols, and words all the same.
        gaps = rf"[\pZ\pC]+|[^\PS{_SINGLE}]+|[^\PP'’\-{_SINGLE}]+"
        spaced = pc.replace_substring_regex(single, gaps, " ")
    # A joint at the edge of a word is a quotation mark or a dash.
    spaced = pc.replace_substring_regex(spaced, r"(^|\s)['’\-]+", r"\1")
    spaced = pc.replace_substring_regex(spaced, r"['’\-]+(\s|$)", r"\1")
    return pc.utf8_split_whitespace(pc.utf8_trim_whitespace(spaced))


def openings(texts: Any) -> tuple[list[str], list[int]]:
    """The first four words of texts as they are written, in lower case, and how many texts begin so."""
    found = pc.struct_field(pc.extract_regex(texts, _OPENING), "start").drop_null()
    folded = pc.utf8_lower(pc.replace_substring_regex(found, r"\s+", " "))
    counted = pc.value_counts(folded)
    return counted.field("values").to_pylist(), counted.field("counts").to_pylist()


def scripts(texts: Any) -> tuple[list[str], list[int]]:
    """The script that most letters of a text belong to, and how many texts are in it."""
    plain = pc.fill_null(pc.string_is_ascii(texts), True)
    found = _scripts_of(texts.filter(pc.invert(plain)))
    has_letter = pc.match_substring_regex(texts.filter(plain), "[A-Za-z]")
    latin = pc.sum(has_letter).as_py() or 0
    found["Latin"] = found.get("Latin", 0) + latin
    found["none"] = found.get("none", 0) + len(has_letter) - latin
    return [name for name, count in found.items() if count], [count for count in found.values() if count]


def _scripts_of(texts: Any) -> dict[str, int]:
    if not len(texts):
        return {}
    letters = np.stack([np.asarray(pc.count_substring_regex(texts, rf"\p{{{name}}}")) for name in SCRIPTS])
    kana = letters[[SCRIPTS.index(name) for name in _JAPANESE]].sum(0)
    names = np.array([*SCRIPTS, "Japanese", "none", "other"], object)
    best = letters.argmax(0)
    # Japanese is written in Han with kana between; a Chinese text has none.
    asian = np.isin(best, [SCRIPTS.index(name) for name in ("Han", *_JAPANESE)])
    best[asian & (kana > 0)] = len(SCRIPTS)
    nothing = letters.max(0) == 0
    any_letter = np.asarray(pc.match_substring_regex(texts, r"\pL"))
    best[nothing] = np.where(any_letter[nothing], len(SCRIPTS) + 2, len(SCRIPTS) + 1)
    found, often = np.unique(best, return_counts=True)
    return {str(names[which]): int(count) for which, count in zip(found, often, strict=True)}


def _all_ascii(texts: pa.Array) -> bool:
    return pc.all(pc.string_is_ascii(texts)).as_py() is not False
