"""Which language a text is in: by its letters first, then by its function words. No model, no word frequencies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ...errors import SettingsError
from ..rows import Finding
from .prose import Draft, Passage, shortened

LEAST_LETTERS = 12
FOREIGN_SCRIPT = 0.3
LEAST_FOREIGN_RUN = 6
LEAST_WORDS = 6
SURELY_EXPECTED = 0.2

_SCRIPTS = (
    ("latin", re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ]")),
    ("cyrillic", re.compile(r"[Ѐ-ԯ]")),
    ("greek", re.compile(r"[Ͱ-Ͽ]")),
    ("arabic", re.compile(r"[؀-ۿݐ-ݿ]")),
    ("hebrew", re.compile(r"[֐-׿]")),
    ("devanagari", re.compile(r"[ऀ-ॿ]")),
    ("thai", re.compile(r"[฀-๿]")),
    ("hangul", re.compile(r"[가-힣ᄀ-ᇿ]")),
    ("kana", re.compile(r"[぀-ヿ]")),
    ("han", re.compile(r"[㐀-鿿]")),
)
_OF_LANGUAGE = {
    "zh": ("han",), "ja": ("han", "kana"), "ko": ("hangul",), "ru": ("cyrillic",), "uk": ("cyrillic",),
    "ar": ("arabic",), "fa": ("arabic",), "he": ("hebrew",), "el": ("greek",), "hi": ("devanagari",), "th": ("thai",),
}  # fmt: skip
_FUNCTION_WORDS = {
    "en": "the a an of and to in is are with on at as his her its their from by an this that it while then which who "
    "into there has have be been or for he she they was were not but over under through across behind",
    "es": "el la los las un una de del y en con se su sus por que al es está para como más hacia sobre desde mientras "
    "lo le entre sin pero muy",
    "fr": "le la les un une des du de et dans avec sur est qui que il elle se sa son ses au aux en par pour ne pas "
    "vers tandis puis cette ce une sont",
    "de": "der die das ein eine einen einem einer und ist mit auf im in den dem des zu von sich nach er sie es wird "
    "während auf dann über vor hinter sind nicht",
    "it": "il lo la gli le un uno una di del della e in con su che si è sono da nel nella al alla per mentre poi verso "
    "dei delle non",
    "pt": "o a os as um uma de do da dos das e em no na com se que é são por para ao à enquanto sobre seu sua mais não "
    "então",
    "nl": "de het een en van in is met op aan zijn haar die dat naar voor door hij ze terwijl dan bij uit wordt niet "
    "over",
    "pl": "i w na z się do jest są od po przez który która oraz nie to za pod przed gdy jego jej ten ta",
    "tr": "ve bir bu ile için da de olarak olan sonra doğru üzerinde gibi iken çok daha var ise",
    "id": "yang dan di dengan ke dari sebuah seorang ini itu pada untuk sedang adalah dalam tidak",
    "vi": "một và của là trong với trên được người đang có cho từ các những này không vào",
}
# Words of one letter, and those that another language has too, tell nothing.
_TABLES = {
    language: frozenset(word for word in words.split() if language == "en" or len(word) > 1)
    for language, words in _FUNCTION_WORDS.items()
}
LANGUAGES = (*_TABLES, *_OF_LANGUAGE)
"""The codes that can be expected of a caption; other languages are only told from these."""


def check_language_code(language: str) -> None:
    """Raises SettingsError when a language is not one that can be told."""
    if language not in LANGUAGES:
        raise SettingsError(f"language is one of {', '.join(LANGUAGES)}, not {language!r}")


def language(draft: Draft) -> Iterator[Finding]:
    """Texts, or sentences of them, that are not in the language asked for."""
    check_language_code(draft.language)
    for passage in draft.texts:
        if reason := foreign(passage, draft.language):
            yield passage.finding("language", reason)


def foreign(passage: Passage, expected: str) -> str:
    """Why a text is not in the expected language, in words; "" if it is, or if it is too short to tell."""
    scripts = _OF_LANGUAGE.get(expected, ("latin",))
    if wrong := _wrong_script(passage.plain, scripts):
        return f"letters of another script ({wrong}) in a text that should be in {expected!r}"
    if expected not in _TABLES:
        return ""
    for one in passage.sentences:
        if other := _other_language(one, expected):
            return f"a sentence reads like {other!r}, not {expected!r}: {shortened(one.text)!r}"
    return ""


def _wrong_script(text: str, scripts: tuple[str, ...]) -> str:
    if "latin" in scripts and text.isascii():
        return ""
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS}
    letters = sum(counts.values())
    name, most = max(((n, c) for n, c in counts.items() if n not in scripts), key=lambda pair: pair[1])
    if name == "latin" and "latin" not in scripts:  # names and signs keep their letters in any language
        return name if letters >= LEAST_LETTERS and most > 0.5 * letters else ""
    if most and (most >= LEAST_FOREIGN_RUN or (most >= FOREIGN_SCRIPT * letters and letters >= LEAST_LETTERS)):
        return name
    return ""


def _other_language(sentence: Passage, expected: str) -> str:
    """The language whose function words a sentence is full of, when hardly one of the expected language is there."""
    count = len(sentence.words)
    if count < LEAST_WORDS:
        return ""
    own = sum(word in _TABLES[expected] for word in sentence.words) / count
    if own >= SURELY_EXPECTED:
        return ""
    words = Counter(sentence.words)
    known = {code: (table - _TABLES[expected]) & words.keys() for code, table in _TABLES.items() if code != expected}
    shares = {code: sum(words[word] for word in found) / count for code, found in known.items() if len(found) > 1}
    if not shares:
        return ""
    other = max(shares, key=lambda code: shares[code])
    return other if shares[other] >= 0.2 and shares[other] >= own + 0.12 else ""
