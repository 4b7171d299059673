"""How an answer is read: every rule by which a choice, a yes or a caption is taken out of what a model wrote.

Rules of others are kept as they are, odd cases included, since published numbers come from them; each says whose it
is (MVBench's stand in ``mvbench``, with its tasks). Those of ours end in ``None`` wherever an answer says nothing, or
two things at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LETTERS = "ABCDEFGHIJ"

_END_MARK = "</s>"


def plain(said: str) -> str:
    """An answer without the end mark that some decoders leave, and without white space around it."""
    return said.replace(_END_MARK, "").strip()


# TempCompass: llyx97/TempCompass, eval_multi-choice.py, eval_yes_no.py, eval_caption_matching.py (commit e1b4631).
# lmms-eval's rules are the same, on answers that are not stripped.


def tempcompass_multi_choice(said: str, answer: str) -> bool | None:
    """The whole right option, a bare letter A to D, or one followed by a dot or a bracket; else None."""
    if said == answer:
        return True
    if said in ("A", "B", "C", "D") or re.match(r"[A-D][.)]", said):
        return said[0] == answer[:1]
    return None


def tempcompass_yes_no(said: str, answer: str) -> bool | None:
    """What an answer begins with, whatever the word is: "Nothing moves" is a no."""
    lowered = said.lower()
    for word in ("yes", "no"):
        if lowered.startswith(word):
            return word == answer
    return None


def tempcompass_caption_matching(said: str, question: str, answer: str) -> bool | None:
    """A whole option line, its sentence or its label, the label also without dots; else None.

    Of several that fit, the last in this order counts. A sentence ends at the first colon inside it, as the original
    has it. None, too, for a question whose lines are not options.
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
    """TempCompass' reading of a judge: what it begins with, else which word is in it; None if neither is."""
    for word, verdict in (("Correct", True), ("Incorrect", False)):
        if reply.startswith(word):
            return verdict
    if "Incorrect" in reply:
        return False
    return True if "Correct" in reply else None


def judged_caption(chosen: str, answer: str) -> bool:
    """TempCompass' reading of the option that a judge took from a caption: the right letter, and only one ``X.``."""
    named = sum(chosen.count(f"{letter}.") for letter in "ABCD")
    return chosen.split(". ")[0] == answer.split(". ")[0] and named == 1


# Ours.

_LEAD = (
    r"(?:(?:so|therefore|thus|hence)?,?\s*(?:the|my)?\s*(?:best|correct|right|final|most likely)?\s*"
    r"(?:answer|option|choice|caption|sentence|description)\s*(?:is|would be|:)*\s*:?\s*)?"
)
_LABELS = r"(?:option|choice|answer|caption|sentence)"
_DENIAL = re.compile(r"\b(?:not|never|neither|nor|none|cannot|rather than|instead of)\b|n['\u2019]t\b", re.IGNORECASE)
_DENIED_AFTER = re.compile(
    r"[)\]\"']*\s+(?:is|are|was|were|does|do|would|can|could|should)(?:n['\u2019]t\b|\s+(?:\w+\s+)?"
    r"(?:not|wrong|incorrect|false|ruled\s+out)\b)",
    re.IGNORECASE,
)
_WORDS_BEFORE = 6
_LETTERS_BEFORE = 120  # so many hold six words; more are not looked at, lest answers without an end take minutes


def chosen(said: str, options: Sequence[str], labels: Sequence[str] = LETTERS) -> int | None:
    """The index of the one option that an answer settles on; None for none, or for several.

    An answer opens with a label ("B", "(b)", "B. left", "The best answer is: B"), or names exactly one label anywhere
    ("... so option B"), or gives the text of exactly one option. The article "A" is no label, and what an answer
    denies ("not B", "option B is wrong") is not what it settles on.
    """
    text = _unmarked(said)
    known = [label.upper() for label in labels[: len(options)]]
    for index, option in enumerate(options):
        # "(A)" is the label, also where another option is the mere letter a (MVBench asks which letter comes first).
        if _same_words(text, option) and not _mere_label(text, known):
            return index
    named = _named_labels(text, known)
    opening = _opening_label(text, known)
    if opening is not None and (named <= {opening[0]} or _begins_with(text[opening[1] :], options[opening[0]])):
        return opening[0]
    if len(named) == 1 and opening is None:
        return next(iter(named))
    return None if named else _only_text(text, options)


def yes_or_no(said: str) -> bool | None:
    """The yes or no that an answer opens with as a word, or says "the answer is" of; None for any other."""
    text = _unmarked(said).lower()
    found = re.match(r"(?:(?:the\s+)?(?:final\s+|correct\s+)?answer\s*(?:is|:)+\s*:?\s*)?[\"'(]*(yes|no)\b", text)
    if found is None:
        found = re.search(r"\banswer\s*(?:is|:)\s*:?\s*[\"'(]*(yes|no)\b", text)
    if found is None or re.match(r"\s*(?:/|or)\s*(?:yes|no)\b", text[found.end() :]):
        return None
    return found[1] == "yes"


def matched_caption(said: str, question: str) -> int | None:
    """The index of the caption that an answer settles on, for lines such as "Option 1: A man runs."."""
    lines = [line for line in question.split("\n")[1:] if ": " in line]
    if not lines:
        return None
    heads = [line.split(": ", 1)[0] for line in lines]
    for index, line in enumerate(lines):
        if _same_words(_unmarked(said), line):
            return index
    return chosen(said, [line.split(": ", 1)[1] for line in lines], [head.split()[-1] for head in heads])


def _unmarked(said: str) -> str:
    """Without markdown, quotes around the whole, and what thinking models think, one of its tags missing or not."""
    text = re.sub(r"<think>.*?</think>", "", said, flags=re.DOTALL)
    text = text.rpartition("</think>")[2].partition("<think>")[0]
    return plain(re.sub(r"[*`]|</?answer>", "", text)).strip("\"'“”").strip()


def _same_words(one: str, other: str) -> bool:
    return _words(one) == _words(other) != ""


def _mere_label(text: str, labels: Sequence[str]) -> bool:
    """Whether a text is nothing but a label, written as one: a capital, or before a bracket."""
    found = re.fullmatch(r"[(\[]?(\w)([)\]]?)[.:]*", text)
    return found is not None and found[1].upper() in labels and (found[1].isupper() or found[2] != "")


def _words(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


def _opening_label(text: str, labels: Sequence[str]) -> tuple[int, int] | None:
    """The index of the label that a text opens with, and where that ends."""
    any_label = "|".join(re.escape(label) for label in labels)
    pattern = rf"{_LEAD}(?:{_LABELS}\s+)?[(\[\"']*({any_label})(?:[)\]\"']|[.:,](?=\s|\Z|[A-Z])|\s*\n|\s*\Z)"
    found = re.match(pattern, text, re.IGNORECASE)
    if found is None or _DENIED_AFTER.match(text, found.end()):
        return None
    return labels.index(found[1].upper()), found.end()


def _named_labels(text: str, labels: Sequence[str]) -> set[int]:
    """Labels in brackets, after a word such as "option", or with a dot, wherever they are; "option a man" has none."""
    any_label = "|".join(re.escape(label) for label in labels)
    after_word = rf"\b{_LABELS}\s*(?:is\s*)?:?\s*[(\[\"']*({any_label})\b"
    found = [*re.finditer(rf"[(\[]({any_label})[)\]]", text, re.IGNORECASE)]
    found += re.finditer(rf"(?:^|(?<=\s))({any_label})[.)](?=\s|$)", text)
    joined = r"\s*(?:and|or|&|/)\s*"  # "A and B" names both
    found += re.finditer(rf"\b({any_label})(?={joined}(?:{any_label})\b)", text)
    found += re.finditer(rf"\b(?:{any_label}){joined}({any_label})\b", text)
    for match in re.finditer(after_word, text, re.IGNORECASE):
        if not (match[1] == "a" and re.match(r"\s+[a-z]", text[match.end() :])):  # an article
            found.append(match)
    return {labels.index(match[1].upper()) for match in found if not _denied(text, match)}


def _denied(text: str, said: re.Match[str]) -> bool:
    """Whether the words just before or after say that this is not it; a comma or a stop ends what belongs to it."""
    near = text[max(0, said.start() - _LETTERS_BEFORE) : said.start()]
    before = re.split(r"[.!?;:,\n]", near)[-1].split()[-_WORDS_BEFORE:]
    return bool(_DENIAL.search(" ".join(before)) or _DENIED_AFTER.match(text, said.end()))


def _begins_with(text: str, option: str) -> bool:
    return _words(text).startswith(_words(option)) and _words(option) != ""


def _only_text(text: str, options: Sequence[str]) -> int | None:
    """The one option whose words stand in the text; of two where one contains the other, the longer."""
    found = [index for index, option in enumerate(options) if _words(option) and _says(text, option)]
    longest = [
        index
        for index in found
        if not any(index != other and _words(options[index]) in _words(options[other]) for other in found)
    ]
    return longest[0] if len(longest) == 1 else None


def _says(text: str, option: str) -> bool:
    """Whether the words of an option stand in a text, at least once without being denied."""
    words = r"[\W_]+".join(map(re.escape, _words(option).split()))
    return any(not _denied(text, match) for match in re.finditer(rf"(?<![^\W_]){words}(?![^\W_])", text.casefold()))
