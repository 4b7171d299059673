"""Tells whether a model's text can be used, from the text alone: no model, no I/O."""

from __future__ import annotations

import re
import zlib
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from .base import Problem

REFUSAL_LIMIT_CHARS = 400  # a longer text that opens with an excuse goes on to describe something

_REFUSAL = re.compile(
    r"""(?:
        (?:i['’]?m|i\ am|we['’]?re|we\ are)\ (?:very\ |so\ |really\ )?sorry\b
      | sorry,\ (?:but\ )?(?:i|we)\b
      | (?:i|we)\ apologi[sz]e\b
      | (?:(?:unfortunately|sorry|apologies),?\ )?(?:but\ )?(?:i|we)\ (?:can['’]?t|cannot|can\ not|won['’]?t|will\ not
          |(?:am|are)\ (?:unable|not\ able)|must\ decline)\b
      | (?:i['’]?m|we['’]?re)\ (?:unable|not\ able)\ to\b
      | as\ an?\ (?:ai|artificial\ intelligence|(?:large\ )?language\ model)\b
      | (?:很抱歉|非常抱歉|抱歉，|对不起，)?(?:我|作为)(?:无法|不能|一个(?:AI|人工智能))
      | (?:很抱歉|非常抱歉|抱歉|对不起)[，,]
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_THOUGHT_TAG = re.compile(r"<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)
_FENCE = re.compile(r"```[\w-]*\n(.*?)\n?```", re.DOTALL)
_QUOTES = (('"', '"'), ("“", "”"), ("「", "」"), ("«", "»"))
# Scripts that write no spaces are taken character by character, everything else word by word.
_WORD = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")
_SENTENCE_END = re.compile(r"[.!?…。！？；;\n]+")
_LETTER_RUN = re.compile(r"([^\W\d_])\1{19}")
_ANY_RUN = re.compile(r"(\S)\1{119}")

_LONGEST_UNIT_WORDS = 600
_SQUEEZE_FROM_BYTES = 400
_SQUEEZE_RATIO = 4.0  # 60 published summaries reach 2.4; of 3,798 captions of a 7B model all above 4 do loop


def tidy(text: str) -> str:
    """The answer without what models wrap it in: reasoning blocks, a fence or quotes around the whole, outer blanks.

    A reasoning block that never ends takes the rest of the text with it.
    """
    text = _without_thoughts(text)[0].strip()
    if fenced := _FENCE.fullmatch(text):
        text = fenced[1].strip()
    for opening, closing in _QUOTES:
        inner = text[1:-1]
        if len(text) > 1 and text[0] == opening and text[-1] == closing and not {opening, closing} & set(inner):
            text = inner.strip()
    return text


def _without_thoughts(text: str) -> tuple[str, bool]:
    """The text without reasoning blocks, and whether one never ends. In one pass: a model in a loop opens thousands."""
    kept: list[str] = []
    start, opened = 0, -1
    for tag in _THOUGHT_TAG.finditer(text):
        if not tag[1]:
            opened = tag.start() if opened < 0 else opened
            continue
        if opened >= 0:
            kept.append(text[start:opened])
        else:
            kept.clear()  # a block without a beginning began with the text
        start, opened = tag.end(), -1
    return "".join((*kept, text[start : opened if opened >= 0 else None])), opened >= 0


def judge(text: str, finish_reason: str | None) -> Problem:
    """What is wrong with a model's text as it came, "" if it can be used.

    ``finish_reason`` is the one of the OpenAI chat API, None where there is none. "cut off": the token limit ended it,
    or a reasoning block never ends. "refused": a content filter, or a short text that opens with a stock refusal.
    "repeating": a loop of characters, words or sentences.
    """
    answer = tidy(text)
    cut_off = finish_reason in ("length", "max_tokens") or _without_thoughts(text)[1]
    if finish_reason == "content_filter":
        return "refused"
    if repeats(answer):
        return "repeating"
    if not _WORD.search(answer):
        return "cut off" if cut_off else "empty"
    if cut_off:
        return "cut off"
    return "refused" if len(answer) <= REFUSAL_LIMIT_CHARS and _REFUSAL.match(answer.lstrip("*_# ")) else ""


def repeats(text: str) -> bool:
    """Whether the text runs in a loop. Wording that comes back now and then is prose, not a loop."""
    text = text.casefold()
    return (
        bool(_LETTER_RUN.search(text) or _ANY_RUN.search(text))
        or _sentences_loop(text)
        or _words_loop(text)
        or _squeezes_away(text)
    )


def _sentences_loop(text: str) -> bool:
    """The same sentence three times running, or a handful of sentences over and over between other bits."""
    sentences = [tuple(_WORD.findall(part)) for part in _SENTENCE_END.split(text)]
    sentences = [words for words in sentences if len(words) >= 3]  # numbers of a list and interjections are none
    if any(
        first == second == third for first, second, third in zip(sentences, sentences[1:], sentences[2:], strict=False)
    ):
        return True
    counts = Counter(sentences)
    return len(sentences) >= 6 and max(counts.values()) >= 3 and len(counts) <= len(sentences) / 2


def _words_loop(text: str) -> bool:
    """A run of words that follows itself again and again, anywhere in the text."""
    numbers: dict[str, int] = {}
    words = np.array([numbers.setdefault(word, len(numbers)) for word in _WORD.findall(text)], dtype=np.int32)
    for unit in range(1, min(_LONGEST_UNIT_WORDS, len(words) // 2) + 1):
        same = words[unit:] == words[:-unit]
        needed = unit * (_copies_of_a_loop(unit) - 1)
        if np.count_nonzero(same) >= needed and _longest_run(same) >= needed:
            return True
    return False


def _copies_of_a_loop(unit_words: int) -> int:
    """How often a unit must follow itself: people do write "very, very" and "up and down, up and down"."""
    if unit_words >= 8:
        return 2 if unit_words >= 25 else 3
    return {1: 10, 2: 6, 3: 5}.get(unit_words, 4)


def _longest_run(same: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _squeezes_away(text: str) -> bool:
    """Loops that count along ("frame 1 is black, frame 2 is black"); the measure is that of Whisper's decoder."""
    data = text.encode()
    return len(data) >= _SQUEEZE_FROM_BYTES and len(data) > _SQUEEZE_RATIO * len(zlib.compress(data))
