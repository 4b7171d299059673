"""Tells whether a model's text can be used, from the text alone: no model, no I/O."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .base import Problem
from .markup import Stripped, strip
from .quoting import unquote
from .reasoning import ROOM_TOKENS, ending
from .shown import tells_of_words
from .wrapping import leftover, unwrap

REFUSAL_LIMIT_CHARS = 400  # a longer text that opens with an excuse goes on to describe something

_REFUSAL = re.compile(
    r"""(?:
        (?:i['’]?m|i\ am|we['’]?re|we\ are)\ (?:very\ |so\ |really\ )?sorry\b
      | sorry,\ (?:but\ )?(?:i|we)(?:['’](?:m|re|ll)|\ (?:can|could|will|wo|do|am|must|have)|\ are\ (?:un|not))
      | (?:i|we)\ apologi[sz]e\b
      | (?:(?:unfortunately|sorry|apologies),?\ )?(?:but\ )?(?:i|we)\ (?:can['’]?t|cannot|can\ not|won['’]?t|will\ not
          |(?:am|are)\ (?:unable|not\ able)|must\ decline)\b
      | (?:i['’]?m|we['’]?re)\ (?:unable|not\ able)\ to\b
      | as\ an?\ (?:ai|artificial\ intelligence|(?:large\ )?language\ model)\b(?!\ robot)[^.\n]{0,80}?\b(?:i|my|we)\b
      | (?:很抱歉|非常抱歉|抱歉|对不起)?[，,]?(?:我|作为)(?:无法|不能|一个(?:AI|人工智能))
      | (?:很抱歉|非常抱歉|抱歉|对不起)(?:，|,|。|\s|\Z)[^。\n]{0,40}?(?:无法|不能|没法|没办法|不便|不支持
          |未能|看不到|\Z)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# Reasoning that came as the answer, with nothing around it: it talks of its task, which a caption never does.
_HEDGE = r"(?:(?:okay|ok|alright|all\ right|hmm+|well|so|got\ it|first|now)[,.]*\s+)*"
_TASK_VERB = r"(?:describe|caption|summari[sz]e|respond|answer|compare|output|figure\ out|identify)\b"
_OF_THE_TASK = re.compile(
    rf"""{_HEDGE}(?:
        (?:(?:the|this)\ )?user(?:['’]s)?\ (?:want|ask|said|say|request|need|sen[dt]|provid|gave|has|is|prompt|query
          |question|message|instruct)[^.!?\n]{{0,200}}?\b(?:me|us|captions?|descri\w+|summar\w+|frames?|facts|rewrit\w+
          |know|task|prompt|what['’]?s?\ (?:is|has|happens|changed|changes|they)|(?:provided|sent|gave|given|shared
          |uploaded|attached)\ (?:\w+\ ){{0,5}}?(?:images?|videos?|pictures?|photos?|clips?))\b
      | (?:we|i)(?:['’]re|['’]m|\ are|\ am)?\ (?:(?:need|have|asked|supposed|going)\ to|should|must|will)\ {_TASK_VERB}
      | let['’]?s\ {_TASK_VERB}
      | (?:the\ )?user\ (?:has\ )?(?:gave|sent|provided|uploaded|shared|given)\ (?:\w+\ ){{0,4}}?(?:images?|videos?
          |pictures?|photos?|frames?|clips?)\b
      | my\ task\ is\ to\b
      | (?:好的?|嗯|首先|那么)?[，,。\s]*(?:用户(?:想|要|让|希望|发|提供|给|上传)
          |我(?:需要|应该|现在需要|得)(?:先)?(?:描述|根据))
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# The same in words that people in a picture may say, too: it takes a second sign.
_MUSING = re.compile(
    rf"""{_HEDGE}(?:
        (?:we|i)(?:['’]re|['’]m|\ are|\ am)?\ (?:(?:need|have|asked|supposed|going)\ to|should|must|will)\ (?:write
          |provide|produce|look|analy[sz]e|create|generate|give|tell|be\ careful)
      | let['’]?s\ (?:see|think|analy[sz]e|look|break|tackle|start|examine)\b
      | let\ me\ (?:see|think|analy[sz]e|look|break|tackle|start|examine|try|carefully|describe)\b
      | (?:好的?|嗯|首先|那么)?[，,。\s]*(?:我(?:需要|应该|现在需要|得)(?:先)?(?:分析|仔细|看|写)
          |让我(?:们)?(?:来)?(?:看|分析|仔细|想))
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_SECOND_SIGN = re.compile(
    r"""\b(?:the\ user|captions?|descri(?:be|ption)|i\ (?:need|should|will|must|can\ see|think|see)|i['’]ll|wait|hmm+
      |maybe|probably|perhaps|let\ me|(?:first|second|last|two|both|provided|given|these|this)\ (?:images?|frames?
      |pictures?|videos?|clip)|the\ (?:images?|frames?|videos?|question|prompt|task|answer|facts|differences?|changes?)
      |looking\ at|step\ by\ step)\b|用户|描述|图片|画面|视频|帧|应该|可能|第一|任务""",
    re.IGNORECASE | re.VERBOSE,
)
_DESKTOP = re.compile(  # of a screen cast's user, where nobody speaks of "me"
    r"\b(?:cursor|windows?|form|folder|buttons?|dialog|column|spreadsheet|menu|page|browser|app|field|clicks?|mouse"
    r"|icon|tab|list|scrolls?)\b|屏幕|窗口|对话框|鼠标|点击|按钮|页面",
    re.IGNORECASE,
)
_OF_ME = re.compile(r"\b(?:me|us|i|my|we)\b|我", re.IGNORECASE)
# Scripts that write no spaces are taken character by character, everything else word by word.
_WORD = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")
_SENTENCE_END = re.compile(r"[.!?…。！？；;\n]+")
_LETTER_RUN = re.compile(r"([^\W\d_])\1{19}")
_ANY_RUN = re.compile(r"(\S)\1{119}")

# How programs write that there is no text.
_NOTHINGS = frozenset({"null", "none", "nil", "undefined", "nan", "[object object]", "n/a", "(null)", "<null>"})
_MOST_ROUNDS = 6
_ALOUD_CHARS = 400  # of the beginning, which tells
_LONGEST_UNIT_WORDS = 600
_SQUEEZE_FROM_BYTES = 400
_SQUEEZE_RATIO = 4.0  # 60 published summaries reach 2.4; of 3,798 captions of a 7B model all above 4 do loop


Switch = Literal["can", "off", "none"]
"""Whether ``-O thinking=off`` can help, is set already, or is nothing that this backend or its model has."""


@dataclass(frozen=True)
class Screened:
    """A model's text as it is kept, what is wrong with it, and why; ``thought_only``: reasoning left no answer."""

    text: str
    problem: Problem = ""
    detail: str = ""
    thought_only: bool = False


def screen(
    text: str,
    finish_reason: str | None,
    *,
    caption: bool = True,
    reasoning: str = "",
    max_tokens: int | None = None,
    switch: Switch = "none",
) -> Screened:
    """A model's text without markup and wrapping, with what is wrong with it and what the user can do.

    ``finish_reason`` is the one of the OpenAI chat API in any spelling, None where there is none. ``caption``: the
    question was for prose, so data is not an answer. ``reasoning`` is what the server gave apart from the answer;
    ``max_tokens`` bounded them together. ``switch``: what the backend's option ``thinking`` can still do.
    """
    stripped = _taken_off(text, caption)
    answer = stripped.text
    if caption and answer.strip(" .\"'`").casefold() in _NOTHINGS:
        answer = ""
    end = ending(finish_reason)
    thought = bool(reasoning.strip()) or stripped.thought
    cut_off = end == "limit" or stripped.unfinished
    said = bool(_WORD.search(answer))
    if end == "filter":
        return Screened(answer, "refused", f"the server's filter ended it ({finish_reason})")
    if repeats(answer):
        return Screened(answer, "repeating")
    if cut_off or not said:
        detail = _why(said, end == "limit", stripped.unfinished, thought, max_tokens, switch)
        return Screened(answer, "cut off" if cut_off else "empty", detail, not said and (thought or cut_off))
    if len(answer) <= REFUSAL_LIMIT_CHARS and _REFUSAL.match(answer.lstrip("*_# ")) and not tells_of_words(answer):
        return Screened(answer, "refused")
    if caption and thinks_aloud(answer):
        return Screened(answer, "not plain text", _with_advice("its reasoning came as the answer", "", switch), True)
    if caption and (what := leftover(answer, strip(text).text if "```" in text else "")):
        return Screened(answer, "not plain text", f"the model answered with {what}")
    return Screened(answer)


def thinks_aloud(text: str) -> bool:
    """Whether a text opens as reasoning does, about the user and the task."""
    text = text.lstrip("*_#> \n")
    if found := _OF_THE_TASK.match(text):
        on_a_screen = _DESKTOP.search(text, 0, _ALOUD_CHARS) and not _OF_ME.search(text, 0, _ALOUD_CHARS)
        return not (on_a_screen or tells_of_words(text))
    found = _MUSING.match(text)
    return bool(found and _SECOND_SIGN.search(text, found.end())) and not tells_of_words(text)


def tidy(text: str, *, caption: bool = True) -> str:
    """The answer without what models wrap it in: reasoning, control tokens, JSON, fences, quotes, announcements.

    Reasoning that never ends takes the rest of the text with it. With ``caption=False``, JSON and announcements stay.
    """
    return _taken_off(text, caption).text


def _taken_off(text: str, caption: bool) -> Stripped:
    """Remove markup and wrapping alternately, because wrapped text may contain markup."""
    found = Stripped(text)
    for _ in range(_MOST_ROUNDS):
        stripped = strip(found.text, caption=caption)
        inner = unwrap(stripped.text) if caption else unquote(stripped.text)
        thought, unfinished = found.thought or stripped.thought, found.unfinished or stripped.unfinished
        stable = inner == found.text
        found = Stripped(inner, thought, unfinished)
        if stable:
            break
    return found


def judge(text: str, finish_reason: str | None) -> Problem:
    """What is wrong with a model's text as it came, "" if it can be used.

    "cut off": the token limit ended it, or reasoning never ends. "refused": a content filter, or a short text that
    opens with a stock refusal. "repeating": a loop of characters, words or sentences. "not plain text": it is data, or
    reasoning.
    """
    return screen(text, finish_reason).problem


def _why(said: bool, ran_out: bool, unfinished: bool, thought: bool, max_tokens: int | None, switch: Switch) -> str:
    """Why there is no whole answer, and what to do."""
    limit = f"max_tokens={max_tokens}" if max_tokens else "the token limit"
    more = f"-O max_tokens={(max_tokens or 0) + ROOM_TOKENS}"
    if said and ran_out:
        return f"{limit} ended it; use -O max_tokens={2 * max_tokens}" if max_tokens else f"{limit} ended it"
    if ran_out and thought:
        return _with_advice(f"{limit} went into reasoning", more, switch)
    if ran_out:
        hidden = "" if switch == "none" else ", as by hidden reasoning"
        return _with_advice(f"{limit} was used up without an answer{hidden}", more, switch)
    if unfinished:
        return _with_advice("its reasoning never came to an end", more, switch)
    return _with_advice("there was reasoning but no answer", "", switch) if thought else "the model said nothing"


def _with_advice(what: str, more: str, switch: Switch) -> str:
    if switch != "can":
        although = ", although thinking is off" if switch == "off" else ""
        return f"{what}{although}; use {more or 'a model that does not reason'}"
    return f"{what}; use -O thinking=off" + (f" or {more}" if more else "")


def repeats(text: str) -> bool:
    """Whether the text runs in a loop. Wording that comes back now and then is prose, not a loop."""
    text = text.casefold()
    return (
        bool(_LETTER_RUN.search(text) or _ANY_RUN.search(text))
        or _squeezes_away(text)  # quick, and true of most loops
        or _sentences_loop(text)
        or _words_loop(text)
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
