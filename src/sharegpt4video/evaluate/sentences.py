"""Whether an option's words in a sentence are its answer, or mean something else.

"The ball rolls left" answers with *left*, "the ball is left on the table" does not. The context decides: the option's
words must end the statement, after words that lead to an answer. When in doubt, the answer counts as unread.
"""

from __future__ import annotations

import re

_UNIT = (
    r"seconds?|secs?|s|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?|years?|fps|frames?|px|pixels?|x"
    r"|th|st|nd|rd|percent|degrees?|deg|°\s*[cf]?|k?m(?:/h|/s|ph)?|mph|km|cm|mm|inch(?:es)?|feet|ft|kg|g|lbs?|hz"
    r"|dollars?|euros?|pounds?|cents?|million|billion|thousand|hundred|dozen|half|halves|thirds?|quarters?"
)
_NUMBERED = r"frames?|seconds?|steps?|figure|image|scene|clip|minute|at|option|number|at (?:least|most)|over|under"
# A time, a list position or a part of another number is not the count that a question asks for.
_ELSEWHERE_AFTER = re.compile(
    r"[.,:]?\d|\s*(?:%|(?:seconds?|secs?|s|minutes?|mins?|hours?|fps|frames?|px|x|th|st|nd|rd)\b)", re.IGNORECASE
)
_ELSEWHERE_BEFORE = re.compile(
    rf"(?:\d[.,:]|\b(?:{_NUMBERED}|(?:more|less|fewer) than)\s*)\Z",
    re.IGNORECASE,
)
_AMOUNT_AFTER = re.compile(
    rf"[.,:/]?\d|\s*(?:[%°€£¥$²³+^*/<>=≤≥]|(?:{_UNIT})(?![^\W_]))"
    r"|\s*[-–—~]\s*\d|\s*\.{2,}\s*\d|-(?=\s|\Z)|\s*(?:to|or|point)\s+(?:\d|\w+\b(?=\s*[.!]?\s*\Z))",
    re.IGNORECASE,
)
# The same after an option that contains a number, such as "10 seconds".
_LIMITED = re.compile(
    r"\s+(?:(?:or|and) (?:more|less|fewer|so|up|a half)|at (?:most|least)|plus|minus|max|min|tops|pairs?|each"
    r"|apiece|ago"
    r"|times (?:as|more)|out of|of \d|per)\b",
    re.IGNORECASE,
)
_AMOUNT_BEFORE = re.compile(
    r"(?:\d[.,:/]|\d\s*\.{2,}\s*|(?<![^\W_])[-−–+±]\s?|[<>≤≥$€£¥/^*+%√]\s*|\d\s*[-–—~]\s*|(?:\d|\b\w+)\s+to\s+"
    rf"|\b(?:{_NUMBERED}|minus|negative|plus|up to|between"
    r"|(?:more|less|fewer|greater|higher|lower|smaller|larger) than|above|below|nearly"
    r"|almost|every|max(?:imum)?|min(?:imum)?|double|triple|half|no|not|version|chapter|page|room|line|part|level|round|take|shot|top|first|last|next)\s*)\Z",
    re.IGNORECASE,
)
_END = r"\s*(?:[.,;:!?)\]\"'}/|]|—|–|\s-\s|\n|\Z|。|，|、)"
_GOES_ON = (
    r"\s+(?:in|on|at|from|to|into|onto|towards?|with|by|for|during|while|as|and|but|then|when|until|before|after"
    r"|because|since|than|instead|rather|not|across|through|along|over|here|is (?:visible|shown|seen|there|the)"
    r"|direction|side|of them|throughout|within|inside|outside|near|behind|around|all|so|which|that|who)\b"
)
_FOLLOWED = re.compile(rf"{_END}|{_GOES_ON}", re.IGNORECASE)
_ENDED = re.compile(_END, re.IGNORECASE)
_DIRECTION_GOES_ON = re.compile(
    rf"{_END}|\s+(?:side|direction|while|and|then|when|until|before|after|along|across"
    r"|on(?= (?:the|his|her|its|an?)\b)|in|at|of|from|to(?!\s+\d)|towards?"
    r"|into|over|not|rather|instead|as|because|since|during|with|for|by|throughout)\b"
    r"(?!\s+(?:front|time|once|the (?:beginning|start|end|middle|same)|order|place)\b)",
    re.IGNORECASE,
)
_LEADS = (
    r"an?|the|any|some|his|her|its|their|this|that|these|those|only|is|are|was|were|be|been|being|'s|'re|seems?"
    r"|looks?(?: like)?|appears?|like|becomes?|called|named|shows?|showing|sees?|see|of|in|with|to|at|by|into|on|from"
    r"|as|wearing|holding|goes|moves?|moving|but|and|mostly|mainly|clearly|probably|likely|definitely|just|simply"
    r"|actually|about|approximately|around|roughly|exactly|has|have|count|says?|than|it|mostly|visible|option"
    r"|turns?|turned|turning|stays?|remains?|gets?|made|both|either|for|named|means?|answer|then|finally|so|thus"
    r"|therefore|hence|not|stands?|sits?|plays?|playing|doing|does|starts?|begins?|keeps?|while|maybe|perhaps"
    # Articles, prepositions, "but" and forms of "to be" in other languages.
    r"|sondern|sino|nach|zur?|zum|der|die|das|den|dem|eine?|einen|ist|im|am|la|el|lo|los|las|le|les|l|un|una|une|à|a|ao"
    r"|à la|al|o|os|as|es|est|é|è|son|sono|para|hacia|vers|verso|alla|naar|het|de|een|på|åt|till|ke|di|do|na|w"
    r"|в|на|к|это|по|у"
)
_LEAD = re.compile(rf"(?:\A|[^\w\s]\s*|\b[A-J]\s|(?<![^\W_])(?:{_LEADS})[\s\"'(]+)\Z", re.IGNORECASE)
_LEAVING = re.compile(r"\b(?:leav\w+|exit\w*|avoid\w*|lacks?|without)\s+(?:the\s+|an?\s+)?\Z", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"[^\W_][ \t]+\Z")

_MOTION = (
    r"(?:mov|roll|travel|slid|head|walk|runn?|drift|shift|driv|swip|pann?|tilt|rotat|fall|fell|ris|jump|swing|swung"
    r"|push|pull|dragg?|point|look|fac|lean|scroll|bounc|float|swimm?|crawl|steer|flow|glid|proceed|continu|advanc"
    r"|spinn?|throw|threw|kick|accelerat|progress|migrat|wav|climb)(?:e|es|s|ed|ing)?"
    r"|go|goes|going|went|fly|flies|flying|flew|ran|rose|drove|swam|slides"
)
_TO_THE = r"(?:to|towards?|on|onto|in|at)\s+(?:the|its|his|her|their)\s+(?:\w+(?:'s)?\s+)?"
_BE = r"(?:is|are|was|were|it's|be|:|=)"
_ABOUT = r"(?:direction|answer|motion|movement|position|side|way|speed|state|status|it|this|that)"
_DIRECTIONS = frozenset(
    ("left", "right", "up", "down", "upward", "upwards", "downward", "downwards", "forward", "backward", "forwards")
)
_SIDES = frozenset(("left", "right", "top", "bottom", "front", "back"))
_TO_DIRECTION = re.compile(
    rf"(?:(?<![^\W_])(?:{_MOTION})(?:\s+\w+ly)?(?:\s+to)?|{_ABOUT}\s+{_BE}(?:\s+(?:to|toward|towards))?(?:\s+the)?"
    rf"|\b(?:but|not|then|and|only|think it['’]?s?(?: is)?|rather|say|says|see)"
    r"|\A[^\w]*|[,;:.!?\n\"'(/=]|\b[A-J])\s*\Z",
    re.IGNORECASE,
)
_TO_SIDE = re.compile(rf"(?<![^\W_]){_TO_THE}\Z", re.IGNORECASE)
_OF_AN_OPTION = re.compile(r"\b(?:answer|option|choice|caption|one|ones|text|label|button)s?\b", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\s+(?:the\s+)?\Z", re.IGNORECASE)
_PHRASAL = re.compile(r"(?<![^\W_])(?:turn|turns|turned|turning|end|ends|break|breaks|pick|picks)\s*\Z", re.IGNORECASE)

# Words that usually mean something else than the option: they are an answer only at the end of a short statement.
_EVERYDAY = re.compile(
    r"on|off|in|out|over|under|back|front|top|bottom|fast|slow|still|light|dark|can|may|will|must|might|like"
    r"|kind|open|close|well|fine|rest|last|first|second|long|short|hard|even|just|round|around|none|one|both"
    r"|neither|after|before|during|while|then|when|other|all|any|some|time|watch|play|show|point|saw|mean|set"
    r"|more|less|most|least|good|bad"
)
_EVERYDAY_LEAD = re.compile(
    r"(?:[,;:\"'(/=]|(?<![^\W_])(?:is|are|was|were|be|stays?|stands?|remains?|seems?|looks?|moves?|moving|runs?"
    r"|running|drives?|goes|turned|switched|answer is|it's|very|but|not))\s*\Z",
    re.IGNORECASE,
)
_COLOURS = re.compile(
    r"red|blue|green|yellow|orange|purple|pink|brown|black|white|gray|grey|golden|silver|beige|cyan|violet"
)
_SHADE = re.compile(r"\b(?:dark|light|pale|deep|bright|navy|sky|lime|rose)[\s-]+\Z", re.IGNORECASE)
_GLUED_BEFORE = ("不", "没", "沒", "非", "未", "无", "無", "别", "勿", "莫")
_EVALUATION = re.compile(
    r"right|wrong|correct|incorrect|true|false|richtig|falsch|korrekt|vrai|faux|correcto|incorrecto|verdadero"
    r"|falso|верно|неверно|正确|错误|对|错|vero|giusto|sbagliato|verdadeiro|certo|errado|juist|onjuist|goed|fout"
)


def answers_with(text: str, start: int, end: int, option: str) -> bool:
    """Whether an option's words, at ``start`` to ``end`` of a text, are the sentence's answer."""
    before, after = text[max(0, start - 120) : start], text[end : end + 120]
    if re.match(r"['’]\w|-\w", after) or re.search(r"\w-\Z", before):
        return False  # "dog's", "dog-like", "half-open"
    if before.endswith(_GLUED_BEFORE) or _LEAVING.search(before):
        return False
    if _is_amount(before, after, option):
        return False
    parts = option.split()
    if len(parts) > 1 or not option.isalpha():
        return True
    if not _has_spaces(option):
        return True
    if option in _DIRECTIONS:
        return _is_direction(before, after, option)
    if _EVERYDAY.fullmatch(option) or _EVALUATION.fullmatch(option):
        return bool(_ENDED.match(after) and _EVERYDAY_LEAD.search(before))
    if _COLOURS.fullmatch(option):
        return _SHADE.search(before) is None
    follows = _FOLLOWED.match(after) is not None
    return follows and (_WORD_BEFORE.search(before) is None or _LEAD.search(before) is not None)


def is_ambiguous(option: str) -> bool:
    """Whether an option is also a common word with another meaning: a verdict on answers, or a direction."""
    return _EVALUATION.fullmatch(option) is not None or option in _DIRECTIONS


def _is_direction(before: str, after: str, option: str) -> bool:
    if _DIRECTION_GOES_ON.match(after) is None:
        return False
    if _FROM.search(before) or _PHRASAL.search(before):
        # "turns right" is a direction, "turns up" is not.
        return option in ("left", "right") and re.search(r"\bturn\w*\s*\Z", before, re.IGNORECASE) is not None
    sentence = re.split(r"[.!?;\n]", before)[-1]
    if option in _SIDES and _TO_SIDE.search(before):
        return _OF_AN_OPTION.search(sentence) is None
    return _TO_DIRECTION.search(before) is not None


def is_elsewhere(text: str, start: int, end: int, option: str) -> bool:
    """Whether digits are a time, a list position or part of another number, not a count."""
    before, after = text[max(0, start - 16) : start], text[end : end + 24]
    if option[0].isdigit() and _ELSEWHERE_BEFORE.search(before):
        return True
    listed = not before.strip(" ") or before.endswith("\n")
    return bool(
        (option[-1].isdigit() and _ELSEWHERE_AFTER.match(after))
        or (option.isdigit() and listed and re.match(r"[.)]\s*\S", after))
    )


def _is_amount(before: str, after: str, option: str) -> bool:
    """Whether digits at the beginning or end of an option have a sign, a unit, a range or a comparison."""
    return bool(
        (option.lstrip("$€£¥-")[:1].isdigit() and _AMOUNT_BEFORE.search(before))
        or (option[-1].isdigit() and _AMOUNT_AFTER.match(after))
        or (any(char.isdigit() for char in option) and _LIMITED.match(after))
    )


def _has_spaces(option: str) -> bool:
    """Whether the option's script separates words by spaces."""
    return all(char < "\u0e00" or "\u1e00" <= char < "\u2000" for char in option)
