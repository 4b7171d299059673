"""The options of a question, and where a text mentions them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .phrases import is_asked, is_denied, is_supposed
from .said import plain_words
from .sentences import answers_with, is_elsewhere

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBER_OF = {name: str(number) for number, name in enumerate(_NUMBERS) if name != "one"}  # "one" is a pronoun, too
# Signs, points and units are part of a number: -2, 1.5, 20% and $5 are not 2, 1, 20 and 5.
_NO_WORD = re.compile(r"[\W_]*")
_WORD = re.compile(
    r"(?:(?<![^\W_])(?<![^\W_]\s)[-−–+±]\s?)?(?:(?<![^\W_])[$€£¥])?\d+(?:[.,:/]\d+)*(?:\s?[%°€£])?(?![.,:/]?\d|[^\W\d_])|[^\W_]+"
    r"|[<>≤≥≠√]|(?<=\d)(?:\s?\+|[-–](?=\s|\Z))"
)
_COUNTED = {"one": "1", "once": "1", "twice": "2", "thrice": "3"}
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_PLACE_WORDS = {*_ORDINALS, "last"}
_JOINING = frozenset(("and", "or", "then", "answer", "option", "choice"))
_KINDS = "(?:one|option|choice|answer|caption|sentence|description|statement)"
_PLACE = re.compile(
    r"(?:(?:the answer is|answer:|it is|it['’]s)\s+)?"
    rf"(?:(?:the\s+)?(?P<ordinal>{'|'.join(_ORDINALS)}|last)(?:\s+{_KINDS})?"
    rf"|{_KINDS}\s+(?P<number>one|two|three|four|five|[1-5]))"
    r"(?:\s+is\s+(?:the\s+)?(?:correct|right|best|more suitable|answer)(?:\s+(?:one|match|answer|option))?)?[.!]*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[!?;\n。]|\.(?!\d)")
_QUANTITY = re.compile(
    r"(?P<quantity>both|neither|all|none(?= of))(?:\s+of\s+(?:them|these|those|the\s+(?:above|two|options?)))?"
)
_PAIR = re.compile(r"(?P<quantity>both|neither) (?P<one>.+) (?:and|nor) (?P<other>.+)")
# Signs that an option is denied.
_CROSSED = re.compile(r"[❌✗✘✖☒☐👎]|\[ ?\]")
_ARTICLE = re.compile(r"(?:the|an?) ")
# What may precede an option's words; "a" before fewer than three words may be a label.
_LEAD_IN = re.compile(r"\A(?:(?:definitely|clearly|certainly|probably|likely) )?(?:the |an? (?=\w+ \w+ \w))")


def words(text: str) -> str:
    """The words of a text, lower-case and separated by spaces; numbers up to twelve as digits."""
    found = (word.replace(" ", "").replace("−", "-").replace("–", "-") for word in _WORD.findall(text.casefold()))
    return " ".join(_NUMBER_OF.get(word, word) for word in found)


@dataclass(frozen=True)
class Options:
    """The options by index: their words, and their labels in capitals."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, options: Sequence[str], labels: Sequence[str]) -> Options:
        return cls(tuple(words(plain_words(option)) for option in options), tuple(labels))

    def index(self, label: str) -> int | None:
        return self.labels.index(label.upper()) if label.upper() in self.labels else None

    def same_as(self, text: str) -> int | None:
        """The option whose words are the whole text."""
        if _CROSSED.search(text):
            return None
        wanted = words(text)
        for said in (wanted, _COUNTED.get(wanted), *(name for name, count in _COUNTED.items() if count == wanted)):
            if said and said in self.texts:
                return self.texts.index(said)
        quantity = _QUANTITY.fullmatch(wanted)  # "Both" for "Both of the above"
        pair = _PAIR.fullmatch(wanted)  # or "Both the ball and the box", where there is nothing else
        if pair and {pair["one"], pair["other"]} == {text for text in self.texts if not _QUANTITY.fullmatch(text)}:
            quantity = pair
        fitting = [at for at, option in enumerate(self.texts) if quantity and option.split()[:1] == [quantity[1]]]
        return fitting[0] if len(fitting) == 1 else None

    def same_but_for_article(self, text: str) -> int | None:
        """The option that differs from a text only in its article, unless the options differ in theirs."""
        wanted = _LEAD_IN.sub("", words(text))
        articles = {article[0][0] for article in map(_ARTICLE.match, self.texts) if article}
        if len(wanted) < 2 or wanted == "one" or len(articles) > 1 or _CROSSED.search(text):
            return None
        found = [at for at, option in enumerate(self.texts) if _LEAD_IN.sub("", option) == wanted]
        return found[0] if len(found) == 1 else None

    def opens_with_another_label(self, text: str, index: int) -> bool:
        """Whether an option's words begin with another's label: "A: ball rolls" beside "A ball rolls"."""
        label = re.match(r"\s*[(\[{]?(\w)[)\]}.:]+\s*\w", text)
        return label is not None and self.index(label[1]) not in (None, index)

    def in_place(self, text: str) -> int | None:
        """The option named by its position alone: "the second option" or, if labels are letters, "Option 2"."""
        found = _PLACE.fullmatch(text)
        if found is None or any(set(option.split()) & _PLACE_WORDS for option in self.texts):
            return None
        if found["ordinal"]:
            at = (
                len(self.texts) - 1 if found["ordinal"].lower() == "last" else _ORDINALS.index(found["ordinal"].lower())
            )
        else:
            number = words(found["number"]).replace("one", "1")
            if number in self.texts and number not in self.labels:
                return None  # the number itself may be meant
            at = self.labels.index(number) if number in self.labels else int(number) - 1
        if "right" in self.texts and " right" in text.lower() and self.texts.index("right") != at:
            return None
        return at if 0 <= at < len(self.texts) else None

    def is_label(self, text: str) -> bool:
        """Whether a text is only a label, written as one: a capital, or before a bracket."""
        found = re.fullmatch(r"[(\[{]?(\w)([)\]}]?)[.:]*", text)
        return found is not None and found[1].upper() in self.labels and (found[1].isupper() or found[2] != "")

    def begins(self, text: str) -> int | None:
        """The option whose words are the sentence or its beginning; if several, the longest."""
        sentence = words(_SENTENCE_END.split(text.lstrip(" \"'(:"), maxsplit=1)[0])
        found = [index for index, option in enumerate(self.texts) if option and f"{sentence} ".startswith(f"{option} ")]
        if not found:
            return None
        longest = max(found, key=lambda index: len(self.texts[index]))
        rest = sentence[len(self.texts[longest]) :].split()
        joined = rest[:1] and (rest[0] in _JOINING or rest[0] in self.texts or self._is_amount(longest, rest))
        short = len(self.texts[longest].split()) < 2 and len(rest) > 6
        return None if joined or short else longest

    def _is_amount(self, index: int, rest: Sequence[str]) -> bool:
        """Whether a number continues after an option that ends with one: "2-3", "3 km/h"."""
        option = self.texts[index]
        return option[-1:].isdigit() and not answers_with(f"{option} {' '.join(rest)}", 0, len(option), option)

    def after_label(self, text: str, index: int) -> int | bool:
        """What follows a label: the length of its option's words, False for another option's, True for neither."""
        rest = re.match(r"[)\]}\"'>]*\s*[.:,\-–—=)]*\s*[\"'(]*", text)
        skipped = rest.end() if rest else 0
        following = text[skipped:].split("\n", 1)[0]
        own = self.own_length(following, index)
        other = max((self.own_length(following, at) or 0 for at in range(len(self.texts)) if at != index), default=0)
        same = any(at != index and option == self.texts[index] for at, option in enumerate(self.texts))
        if other > (own or 0) and not same and (skipped == 0 or text[:skipped].strip()):
            return False
        return skipped + own if own else True

    def label_behind(self, text: str, index: int) -> list[int | None]:
        """The label in brackets after an option's words, as a list that may be empty."""
        end = self.own_length(text, index) or 0
        found = re.match(r"[\s\"']*[(\[](?:option\s+)?(\w)[)\]]", text[end:], re.IGNORECASE)
        return [self.index(found[1])] if found and self.index(found[1]) is not None else []

    def text_before(self, text: str) -> tuple[int, int] | None:
        """The option whose words end just before a label in brackets ("right (A)"), and how far back they begin."""
        found = re.search(r"[(\[](?:option\s+)?\Z", text, re.IGNORECASE)
        if found is None:
            return None
        before = f" {words(text[: found.start()])}"
        ends = [at for at, option in enumerate(self.texts) if option and before.endswith(f" {option}")]
        if not ends:
            return None
        longest = max(ends, key=lambda at: len(self.texts[at]))
        starts = [word.start() for word in _WORD.finditer(text[: found.start()])]
        return longest, len(text) - starts[-len(self.texts[longest].split())]

    def says_another(self, text: str, index: int) -> bool:
        """Whether the sentence after a label, where its option's text would be, has only another option's words."""
        found = re.match(r"[)\]}\"'>]*\s*[.:)]\s*([^.!?;\n]*)", text)
        if found is None or not found[1] or (self.texts[index] and self.says(self.texts[index], found[1])):
            return False
        return self.only_said(found[1]) not in (None, index)

    def own_length(self, text: str, index: int) -> int | None:
        """How many characters at the start of a text are the option's words; None if it does not start with them."""
        parts = self.texts[index].split()
        if not parts:
            return None
        at = 0
        for part in parts:
            found = _WORD.search(text, at)
            if found is None or _NO_WORD.fullmatch(text, at, found.start()) is None or words(found[0]) != part:
                return None
            at = found.end()
        return at

    def is_other_text(self, letter: str, index: int, around: str) -> bool:
        """Whether a lower-case letter without brackets is another option's text, for options that are letters."""
        return any(at != index and option == letter for at, option in enumerate(self.texts)) and around[-1:] not in (
            ")",
            "]",
            "}",
        )

    def says_others(self, text: str, index: int) -> bool:
        """Whether a text also mentions other options."""
        return any(at != index and option and self.says(option, text) for at, option in enumerate(self.texts))

    def only_said(self, text: str) -> int | None:
        """The only option that a text mentions; if one of two contains the other, the longer."""
        found = [index for index, option in enumerate(self.texts) if option and self.says(option, text)]
        longest = [
            index
            for index in found
            if not any(index != other and self.texts[index] in self.texts[other] for other in found)
        ]
        if len(longest) != 1 or self._says_parts(text, longest[0]) or self._denies_another(text, longest[0]):
            return None
        return longest[0] if self.says(self.texts[longest[0]], text, as_answer=True) else None

    def _denies_another(self, text: str, index: int) -> bool:
        """Whether an option with a "not" may only deny another: "not rotating clockwise"."""
        if "not" not in self.texts[index].split():
            return False
        said = f" {words(text)} "
        others = (option for at, option in enumerate(self.texts) if at != index and option not in self.texts[index])
        return any(option and f" {option} " in said for option in others)

    def _says_parts(self, text: str, index: int) -> bool:
        """Whether the sentence also has all that distinguishes another option: "opens the door and closes the lid"."""
        own = set(self.texts[index].split())
        others = [set(option.split()) - own for at, option in enumerate(self.texts) if at != index]
        sentences = [set(words(sentence).split()) for sentence in _SENTENCE_END.split(text)]
        return any(
            len(other) > 1 and own | other <= sentence and not {"not", "t"} & sentence
            for other in others
            for sentence in sentences
        )

    def says(self, option: str, text: str, *, as_answer: bool = False) -> bool:
        """Whether a text mentions an option without denying it; with ``as_answer``, as an answer."""
        if option in ("yes", "no") or (len(option) == 1 and option.isalpha() and option.isascii()):
            return False  # as a word of its own, or not at all
        names = {figure: f"(?:{figure}|{name})" for name, figure in _NUMBER_OF.items()}
        pattern = r"[\W_]+".join(names.get(part, re.escape(part)) for part in option.split())
        edge = r"[^\W_]" if option.isascii() else r"[0-9A-Za-z]"  # no spaces between words in Chinese or Japanese
        for found in re.finditer(rf"(?<!{edge}){pattern}(?!{edge})", text.casefold()):
            place = text, found.start(), found.end()
            if is_elsewhere(*place, option) or (as_answer and not answers_with(*place, option)):
                continue
            if not (is_denied(*place) or is_supposed(*place) or is_asked(text, found.end())):
                return True
        return False
