"""How answers are parsed: every rule that extracts a choice, a yes or a caption from what a model wrote.

Rules of others are kept as they are, odd cases included, since published numbers come from them; each says whose it
is (MVBench's are in ``mvbench``, with its tasks). Ours return ``None`` if an answer says nothing, or two things at
once.
"""

from __future__ import annotations

import re

from .strict import LETTERS, chosen, matched_caption
from .yes_no import yes_or_no

__all__ = ["LETTERS", "chosen", "matched_caption", "yes_or_no"]

_END_MARK = "</s>"


def plain(said: str) -> str:
    """An answer without the end mark that some decoders leave, and without white space around it."""
    return said.replace(_END_MARK, "").strip()


# TempCompass: llyx97/TempCompass, eval_multi-choice.py, eval_yes_no.py, eval_caption_matching.py (commit e1b4631).
# lmms-eval's rules are the same, on answers that are not stripped.


def tempcompass_multi_choice(said: str, answer: str) -> bool | None:
    """Match the whole right option, a bare letter A to D, or one followed by a dot or a bracket; else None."""
    if said == answer:
        return True
    if said in ("A", "B", "C", "D") or re.match(r"[A-D][.)]", said):
        return said[0] == answer[:1]
    return None


def tempcompass_yes_no(said: str, answer: str) -> bool | None:
    """Match the beginning of the answer, even inside a word: "Nothing moves" is a no."""
    lowered = said.lower()
    for word in ("yes", "no"):
        if lowered.startswith(word):
            return word == answer
    return None


def tempcompass_caption_matching(said: str, question: str, answer: str) -> bool | None:
    """Match a whole option line, its sentence or its label, the label also without dots; else None.

    If several match, the last in this order counts. As in the original, a sentence ends at its first colon. Also None
    if the lines of the question are not options.
    """
    lines = question.split("\n")[1:]
    parts = [line.split(": ") for line in (*lines, answer)]
    if any(len(part) < 2 for part in parts):
        return None
    *options, right = parts
    labels = [option[0] for option in options]
    bare = [re.sub(r"(Sentence|Option|Caption) ", "", label) for label in labels]
    after_bracket = said.split(") ")[1] if ") " in said else said
    chosen = [line for line in lines if line == said]
    chosen += [option[1] for option in options if option[1] in (said, after_bracket)]
    chosen += [label for label in (*labels, *bare) if label in (said, said.replace(".", ""))]
    if not chosen:
        return None
    return chosen[-1] in (answer, answer.split(":")[0], right[1], *right[0].split()[1:2])


def judged_correct(reply: str) -> bool | None:
    """Parse a judge's reply as TempCompass does: how it begins, else which word it has; None if neither."""
    for word, verdict in (("Correct", True), ("Incorrect", False)):
        if reply.startswith(word):
            return verdict
    if "Incorrect" in reply:
        return False
    return True if "Correct" in reply else None


def judged_caption(chosen: str, answer: str) -> bool:
    """Parse the option that a judge chose for a caption, as TempCompass does: the right letter, and only one ``X.``."""
    named = sum(chosen.count(f"{letter}.") for letter in "ABCD")
    return chosen.split(". ")[0] == answer.split(". ")[0] and named == 1
