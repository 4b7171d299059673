"""Parse a yes or a no from a reply, in many languages; None for neither, or both.

A word counts if it opens the reply or a sentence, is alone between commas, or ends a statement. "Yes, but no" and
"Yes? No." say both; "yes, unless ..." and "yes, it does not" take it back.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .phrases import EARLIER, OPEN, OPTION, is_denied, is_denied_before
from .said import MARK_END, MARKED, MOST_CHARS, said
from .tally import tally

# "If the red one counts, yes"; but not "if I had to guess".
_IF = r"\bif\b(?!\s+(?:i|we|forced|pressed|any|anything|so)\b)[^.!?\n]{1,80}?,\s*(?:then\s+)?"
_EARLIER = re.compile(rf"\b{EARLIER}\s*(?:is|was|:)[\s\"']*(?:yes|no)\b", re.IGNORECASE)


@lru_cache(maxsize=1)
def _yes_or_no() -> tuple[re.Pattern[str], ...]:
    """Patterns: a word that opens a text or sentence, between commas, at the end of a statement; and both words."""
    yes = r"yes|yeah|yep|yup|s[íì]|oui|ja|да|はい|예|네|sim|是的?|对"
    yes += r"|نعم|بله|हाँ|हां|evet|tak|có|ใช่|igen|kyllä|ναι|כן|так"
    no = r"no(?:pe)?(?!\.\s*\d)|nein|non|нет|いいえ|아니요|아니오|não|否|不是?的?|不对"
    no += r"|لا|خیر|नहीं|hayır|nie|không|ไม่ใช่|ไม่|nej|nei|nee|nem|όχι|לא|ні"
    but = r"(?:but|however|though|aber|pero|mais|ma|mas|maar|men|но|але|ale|ama|fakat|mutta|de|αλλά|nhưng"
    but += r"|لكن|लेकिन|하지만|でも|但)"
    after = rf"(?=\s*(?:[.,;:!()\]\"'{MARK_END}]|\Z|\n|-|—|。|、))"
    pronoun = r"(?=\s+(?:it|he|she|they|the|there|this|that|these|those|i|we|you|because|since|as|not)\b)"
    told = r"\b(?:i|i'd|i would|i will) say\s+"
    told += r"|\b(?:answers?|response|conclusion)[\"']?\s*(?:is|:|=|would be)+\s*|答案?(?:是|为|:)+"
    cue = rf"(?:{MARKED}|{told}|\A|[.!?:;\n。！？])"
    word = rf"\s*(?:(?:so|therefore|thus|hence|and|probably|likely|most likely|definitely),?\s+|{OPTION}\s+)?"
    word += rf"{OPEN}(?:(?P<yes>{yes})|(?P<no>{no}))"
    return (
        re.compile(rf"{cue}{word}(?:{after}|{pronoun})", re.IGNORECASE),
        re.compile(
            rf"(?:[,،、，…/(]|\b{but}\b)\s*(?:(?:so|actually|{but})\s+)?(?:(?P<yes>{yes})|(?P<no>{no}))"
            rf"(?:(?=\s*(?:[,.!?;)。、،]|\Z))|{pronoun}(?!\s+the\b))",
            re.IGNORECASE,
        ),
        re.compile(
            r"\b(?:answer|actually|is)\s+(?:is\s+|:\s*)?\"?(?:(?P<yes>yes)|(?P<no>no))\b\"?(?=[.,;!\s]*(?:\Z|[.,;!\n]))",
            re.IGNORECASE,
        ),
        re.compile(r"\b(?:yes|no)\s*(?:/|or|and|\|)\s*(?:yes|no)\b[:?]?", re.IGNORECASE),
        # Phrases that take a word back, or only consider it.
        re.compile(
            rf"(?<!\w)(?:{yes}|{no})\s*(?:[?？]|[,;]?\s*(?:unless|if|wenn|falls|si|se|если|jeśli)\b"
            rf"|[,;.]?\s*{but}\s+(?:not|it (?:could|may|might))\b)"
            r"|\b(?:could (?:also )?be|maybe|perhaps) (?:yes|not?)(?=\s*[.,!]|\s*\Z)"
            r"|\byes\b,?\s+(?:it|he|she|they|there|(?:the|a) \w+)\s+(?:\w+\s+)?(?:not|\w+n['’]t)\b"
            rf"|(?<!\w)(?:{yes})\s*(?:und|y|e|et|i|и|och|og|ja|en|[-—/|])\s*(?:{no})(?!\w)"
            rf"|(?<!\w)(?:{no})\s*[/|]\s*(?:{yes})(?!\w)"
            rf"|(?<!\w)(?:(?:{no})\s*,?\s*{but}\s+(?:{yes})|(?:{yes})\s*,?\s*{but}\s+(?:{no}))(?!\w)|{_IF}(?:{yes}|{no})(?!\w)"
            rf"|\A\W*(?:{yes}|{no})\s*[,،、，]?\s*{but}\s*[^\W\d_]{{1,12}}\W*\Z",
            re.IGNORECASE,
        ),
    )


def yes_or_no(reply: str) -> bool | None:
    """Yes or no, if a reply has one as a word of its own and the other nowhere; else None.

    "No doubt", "no man" and "yes or no" do not count.
    """
    text = said(reply)[-MOST_CHARS:]
    judged = tally(text, [("yes",), ("no",)])
    if judged is not None:
        return None if judged.right is None else judged.right == 0
    opening, inside, ending, both, undone = _yes_or_no()
    text = _EARLIER.sub("\n", both.sub("\n", text))
    if undone.search(text):
        return None
    found = [match for pattern in (opening, inside, ending) for match in pattern.finditer(text)]
    spans = [(match["yes"] is not None, match.span("yes" if match["yes"] is not None else "no")) for match in found]
    said_words = {
        yes
        for yes, (start, end) in spans
        if not (is_denied_before(text, start) or (re.match(r"\s+\w", text[end:]) and is_denied(text, start, end)))
    }
    return next(iter(said_words)) if len(said_words) == 1 else None
