"""Reasoning that has no marks of its own, but words, headings and labels."""

from __future__ import annotations

import re

# Reasoning that is told in words or headings; each opens the whole text.
_SPOKEN_THOUGHT = re.compile(
    r"\s*(?:here(?:'s|’s| is) my thought process:|here are my reasoning steps:"
    r"|#{1,4} \**(?:thinking|reasoning|thoughts?|analysis)(?: process| steps)?\**[ :]*(?:\n|\Z))",
    re.IGNORECASE,
)
_SPOKEN_ANSWER = re.compile(
    r"here(?:'s|’s| is) my response:|^#{1,4} \**(?:final |video )?(?:response|answer|caption|description)\**[ :]*$"
    r"|\[BEGIN FINAL RESPONSE\]",
    re.IGNORECASE | re.MULTILINE,
)
# What clients show while a model thinks, and Ollama's command line prints around it.
_WAITING = re.compile(
    r"(?:[^\w\n]|_){0,6}(?:thinking(?:[.…](?:[^\w\n]|_){0,8}|(?:[^\w\n]|_){1,8})"
    r"|thought for (?:a |an? few )?(?:\d[\d.]{0,6}\s?)?(?:seconds?|minutes?|moments?|s|m)(?:[^\w\n]|_){0,6})"
    r"(?:\n\s*|\Z)"
    r"|>\s?(?:[^\w\n]|_){0,4}(?:thinking|thoughts?|reasoning)\b[^\n]*\n(?:>[^\n]*\n)*\s*",
    re.IGNORECASE,
)
_DONE_THINKING = re.compile(r"^\.{3}\s?done thinking\.?\s*$", re.IGNORECASE | re.MULTILINE)
# The same as labels; only where both are there. A page's fold-out that a chat front end writes reasoning into.
_LABELLED_THOUGHT = re.compile(
    r"\s*[*_>]{0,3}\s?(?:(?:thinking|thoughts?|reasoning|analysis|observations?|step \d{1,2})(?: process)?:"
    r"|(?:思考|推理|分析)(?:过程)?[:：])[*_]{0,3}\s?",
    re.IGNORECASE,
)
_LABELLED_ANSWER = re.compile(
    r"^[*_]{0,3}(?:(?:final )?(?:answer|caption|description|response):|(?:最终)?(?:答案|回答|描述)[:：])[*_]{0,3}",
    re.IGNORECASE | re.MULTILINE,
)
_FOLDED_THOUGHT = re.compile(
    r"\s*<details\b[^<>]{0,100}>\s{0,8}<summary>[^<>\n]{0,40}\b(?:think|thought|reason).*?</details>"
    r"|\s*```(?:think|thinking|thoughts?|reasoning)[ \t]*\n.*?\n```(?=\s*\S)",
    re.IGNORECASE | re.DOTALL,
)
# Harmony and Gemma 4 whose special tokens were left out in decoding: "analysisWe need …assistantfinalA man …".
_BARE_HARMONY = re.compile(r"\s*(?:assistant)?(analysis|commentary|final)(?=\s?[A-Za-z\"'“*(<])")
_BEGINNING = re.compile(  # of a sentence: "finalA man walks", not "finalScore is shown"
    r"(?:An?|The|In|On|At|One|Two|Three|It|He|She|They|There|This|We|I|Let's|User|Need|Okay|People|Several|Someone"
    r"|From|With|During|As|First|Over|No)\b|[\"'“*(<]"
)
_BARE_FINAL = "assistantfinal"
_BARE_GEMMA = re.compile(r"\s*thought\n")


def spoken(text: str) -> tuple[str, bool] | None:
    """The text behind reasoning without a mark of its own, and whether that never ends; None if there is none.

    The text may hold marks.
    """
    if opened := _WAITING.match(text):
        while opened.end() < len(text) and (more := _WAITING.match(text, opened.end())):
            opened = more
        done = _DONE_THINKING.search(text, opened.end())
        return (text[(done or opened).end() :], False)
    if opened := _SPOKEN_THOUGHT.match(text):
        answers = list(_SPOKEN_ANSWER.finditer(text, opened.end()))
        return (text[answers[-1].end() :] if answers else "", not answers)
    if (opened := _FOLDED_THOUGHT.match(text)) or (
        _LABELLED_THOUGHT.match(text) and (opened := _LABELLED_ANSWER.search(text))
    ):
        return (text[opened.end() :], False)
    if opened := _BARE_HARMONY.match(text):
        rest = text[opened.end() :]
        if _BARE_FINAL in rest:
            return (rest.rpartition(_BARE_FINAL)[2], False)
        if opened[1] == "final" and _BEGINNING.match(rest):
            return (rest, False)
        return ("", True) if opened[1] != "final" and _BEGINNING.match(rest) else None
    if opened := _BARE_GEMMA.match(text):
        return (text[opened.end() :], False)
    return None
