"""Headings before a label: "Final answer: B" announces an answer, "Wrong answer: B" and "Grade: B" do not.

A short heading must consist of listed words that announce an answer, in any of several languages; others are not
accepted. A sentence before a colon may say anything, unless it calls the label wrong.
"""

from __future__ import annotations

import re

from .phrases import ANSWER, EARLIER, NO_DOUBT, any_of

_ANNOUNCING = any_of(
    "best|correct|right|true|final|most|likely|probable|plausible|suitable|appropriate|accurate|good|better|closest",
    "optimal|predicted|chosen|selected|matching|fitting|single|only|remaining|logical|reasonable|obvious|clear",
    "consistent|evident|apparent|valid|proper|ideal|actual|real|solid|strongest|safest|simplest|direct|short|brief",
    "the|my|our|your|a|an|is|are|this|that|so|therefore|thus|hence|and|then|now|overall|in|to|of|for|as|it|its|it's",
    "i|we|say|think|believe|choose|pick|select|go|with|would|will|be|must|should|sure|here|ok|okay|yes|well",
    "number|index|idx|id|key|value|label|text|mcq|please|assistant|model's|most",
    "new|revised|updated|corrected|y|und|et",
    "no doubt|without (?:a )?doubt|one|just|simply|conclude|conclusion|summary|short|response|output|given|above|below",
    # The same in other languages: articles, "correct", "final", "my", "is".
    "la|el|le|il|lo|die|der|das|den|de|het|o|os|as|l|una?|eine?|mi|ma|mia|meine?|minha|mijn|mitt|min|mon|mio|moja|mój",
    "correct[aeo]?s?|corretta|corretto|correta|correto|exact[ao]?|bonne|juste|richtige?[rsn]?|korrekte?|final[ae]?",
    "finale?|endgültige|juiste|rätta?|riktiga?|правильный|верный|мой|итоговый|окончательный|poprawna|prawidłowa",
    "ostateczna|doğru|nihai|son|benar|yang|akhir|saya|đúng|cuối cùng|là|của tôi",
    "صحيحة|الصحيحة|الصحيح|النهائية|صحیح|نهایی",
    "सही|अंतिम|มี|ที่ถูกต้อง|ถูกต้อง|správná|oikea|lopullinen|helyes|végső|σωστή|η|τελική|הנכונה|правильна|corect|corectă",
    "最终|最終|正确|正しい|正確|正|我的|我|的|是|为|選|选|私の|の|は|最|よって|したがって|因此|所以|故|综上|最佳|가장|최종|제|내|나의|올바른|est|es|ist|è|é",
    "es|also|also lautet|lautet|daher|somit|donc|alors|por lo tanto|entonces|logo|portanto|quindi|dus|więc",
    "поэтому|итак",
)
_ANNOUNCED = re.compile(
    rf"(?<![^\W_])(?:{_ANNOUNCING}|{ANSWER})(?![^\W_])|(?P<glued>[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\u0e00-\u0e7f]+)",
    re.IGNORECASE,
)
# Scripts without spaces: the words of a heading are adjacent.
_ANNOUNCED_GLUED = re.compile(rf"(?:{_ANNOUNCING}|{ANSWER}|[은는이가])+", re.IGNORECASE)
_DOUBTED = re.compile(
    r"\b"
    + any_of(
        "only one|only two",
        EARLIER,
        "not|never|neither|nor|isn't|aren't|wasn't|doesn't|don't|can't|cannot|won't|couldn't|hardly|barely|doubts?",
        "doubtful|unlikely|least|wrong\\w*|incorrect\\w*|false\\w*|bad|poor|worst|worse|weak\\w*|mistak\\w*|errors?",
        "distractors?|traps?|eliminat\\w+|reject\\w+|dismiss\\w+|discard\\w*|exclud\\w+|except|ruled|rule|avoid\\w*",
        "opposite|alternativ\\w+|runner-?up|other|another|invalid|unsupported|impossible|misleading|tempting|fake",
        "falsche?[rsn]?|falschen|incorrect[aeo]s?|mauvaise?|fausse?|errad[ao]|sbagliat[ao]|fout[et]?|onjuist\\w*|fel\\w*",
        "неправильн\\w+|неверн\\w+|błędn\\w+|yanlış|salah|sai|väärä|rossz|λάθος|nicht|kein\\w*|ni|pas|не|niet|inte|nie",
    )
    + r"\b|[不没沒非未]|错|錯|誤|间违|間違|오답|아닌|틀린|خاطئ|غلط|गलत|ผิด|שגוי",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[!?;,\n{}|。，；]|\.(?=\s)|:(?=\s)|[(\[](?=\w{2})")
_BEFORE_A_LABEL = re.compile(
    r"[\s\"'(\[{<*]*(?:(?:option|choice|answer|caption|sentence|letter|选项|選項|opción|opção)s?\s*)?[\"'(\[{<]*\Z",
    re.IGNORECASE,
)
_DETERMINER = re.compile(
    r"(?<![^\W_])(?:the|my|our|this|that|a|an|la|el|le|il|lo|die|der|das|het|de|o|is|are|so|therefore|thus|hence|and|but"
    r"|because|since|think|believe|say)(?![^\W_])",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:fig(?:ure)?|parts?|steps?|sections?|panels?|frames?|tables?|examples?|equations?|eq|points?|persons?|players?"
    r"|appendix|item|rows?|columns?|scenes?|clips?|images?|pictures?|shots?|groups?|types?|case|class|level|grade|plan"
    r"|team|vitamin|version|phase|stage|subject|object|actor|room|area|zone|line|page|chapter|man|woman|boy|girl|ball|box)"
    r"\.?\s*[(\[]?\Z",
    re.IGNORECASE,
)
_SHORT_WORDS = 4
_CHARS_BEFORE = 200


def announces(text: str, at: int) -> bool | None:
    """Whether the heading just before a label, if there is one, lets the label be an answer.

    None for a heading that may be of an answer, but of whose ("Teacher: A").
    """
    near = text[max(0, at - _CHARS_BEFORE) : at]
    before = _BEFORE_A_LABEL.sub("", near)
    if before.endswith((":", "=", "->", "→", "：")):
        return _is_announcement(_clause(before.rstrip(":=->→：").rstrip(" \"'")))
    return _PLACE.search(near) is None


def names_an_answer(text: str, at: int) -> bool | None:
    """Whether the words before "answer is" leave it the answer: not "the wrong", nor "I doubt that the".

    None where it may be another's answer ("a student's").
    """
    clause = NO_DOUBT.sub(" ", _clause(text[max(0, at - _CHARS_BEFORE) : at]))
    if _DOUBTED.search(clause):
        return False
    determined = [found.end() for found in _DETERMINER.finditer(clause)]
    words = clause[determined[-1] :] if determined else clause
    if not determined and len(words.split()) > _SHORT_WORDS:
        words = " ".join(words.split()[-1:])
    return _is_announcement(words)


def _clause(before: str) -> str:
    return _CLAUSE_END.split(before)[-1].strip()


def _is_announcement(heading: str) -> bool | None:
    heading = NO_DOUBT.sub(" ", heading).replace("_", " ")
    if _DOUBTED.search(heading):
        return False
    if len(heading.split()) > _SHORT_WORDS:
        return True
    rest = _ANNOUNCED.sub(lambda found: _ANNOUNCED_GLUED.sub("", found["glued"] or ""), heading)
    return True if re.search(r"[^\W\d_]", rest) is None else None
