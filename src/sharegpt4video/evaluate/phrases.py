"""The words around an answer, in several languages: how it is called, stated, denied or only supposed."""

from __future__ import annotations

import re
import unicodedata


def any_of(*words: str) -> str:
    """A regular-expression group of alternatives, normalised as replies are by ``said.plain_words``."""
    return "(?:" + "|".join(unicodedata.normalize("NFKC", word) for word in words) + ")"


OPEN = r"[(\[{\"'<]{0,4}"
CLOSE = r"[)\]}\"'>]{0,4}"

NAMED = any_of(
    "options?|choices?|answers?|captions?|sentences?|descriptions?|statements?",
    "选项|選項|句子|描述|标题|標題|opci[oó]n|opção|вариант|オプション|選択肢|옵션|선택지|보기|satz|legende|légende|beschreibung",
)
"""What precedes a label that is only named: "option B"."""
OPTION = rf"(?:{NAMED}|letters?)"

ANSWER = any_of(
    "answers?|ans|options?|choices?|selection|pick|letter|response|prediction|output",
    "captions?|sentences?|descriptions?|statements?|conclusion|one|match|final|result|verdict|guess",
    "答案|正解|正确选项|选项|答え?|解答|정답|답|respuesta|opci[oó]n|réponse|reponse",
    "antwort|lösung|risposta|resposta|opção|ответ|đáp án|câu trả lời|jawaban(?:nya)?|cevap",
    "yanıt|odpowiedź|الإجابة|إجابة|الجواب|उत्तर|คำตอบ|antwoord|svaret|svar|vastaus",
    "απάντηση|תשובה|התשובה|پاسخ|відповідь|válasz|odpověď|odpoveď|răspuns(?:ul)?|جواب|जवाब|cevabı|doğru seçenek",
)
_RIGHT = any_of(
    "correct[ae]?|corretta|correta|exacta|bonne|richtige?|benar|yang benar|đúng",
    "صحيحة|الصحيحة|الصحيح|صحیح|corect|σωστή|הנכונה",
)
# "to this question", "that best describes the video", "correcta"
TAIL = rf"(?:\s+(?:to|for|that|which|of|here|in|based|from|according)\b[^.:;!?\n]{{0,80}}?|\s+{_RIGHT})?"
_SIGNS = r"\s*[\"']?\s*(?:\]\s*:?|[:=]|->|=>|→|—|–|-(?=\s))"
_VERBS = any_of(
    "is|are|was|be|(?:must|should|would|will|could|may|might) be|(?:seems|appears)(?: to be)?|:",
    "es|est|ist|lautet|è|é|adalah|là|है|er|är|(?<=vastaus )on|هي|هو|(?<=odpowiedź )to|jest|je|είναι|este|היא|הוא|is het",
)
_GLUED = any_of("应该是", "应为", "是(?!否)", "为", "為", "は", "은", "는", "คือ")
IS = rf"(?:{_SIGNS}|\s+{_VERBS}(?=[\s:\"'(])\s*:?|\s*{_GLUED}\s*:?)"
_FILLERS = any_of(
    "the|la|el|il|die|der|o|a opção|(?-i:(?<=é )a)|probably|most likely|likely|clearly|simply",
    "definitely|therefore|thus|just|indeed|option|choice|letter|answer|caption|sentence",
    "a letra|la letra|letra|la lettre|lettre|la lettera|lettera|der buchstabe",
    "description|选项|選項|la opción|opción|opção|вариант",
)
FILL = rf"(?:\s*{_FILLERS}\b:?)*"

_I = any_of("i", "we", "i['’]d", "i['’]ll", "i would", "i will", "let['’]s")
_CHOOSE = any_of(
    "choose|chose|pick|picked|select|selected|go (?:with|for)|going (?:with|for)|say|opt for",
    "vote for|guess|answer",
)
CHOOSING = r"\b" + any_of(
    rf"{_I}\s+(?:\w+\s+)?{_CHOOSE}",
    r"i(?:['’]m| am) (?:choosing|picking|selecting|going (?:with|for)|leaning towards?)",
    "you should (?:choose|pick|select)",
    "i (?:think|believe)(?: that)? it(?:['’]s| is)",
    "leav(?:ing|es)(?: us with)?(?: only)?",
    "(?:it|this|that)(?:['’]s| is| must be| has to be| should be| would be)",
    "c['’]est(?: la)?",
    r"\A(?:es la|è la|é a)",
)
_THEREFORE = any_of("so|therefore|thus|hence|consequently|by elimination|sondern|sino|finally|well|okay|ok")
CONCLUDING = any_of(
    r"(?:\A|(?<=[.,;]\s))(?:maybe|perhaps|possibly)\b",
    r"\A(?:probably|only|select|choose|pick)\b",
    r"\A(?:instead of|rather than)\s[^,.;!?\n]{1,40},",
    "correct[ae]? es(?: la)?|richtig ist|correcte est(?: la)?|正确的?是|对的是",
    "ich glaube,?|je pense(?: que)? c['’]est|creo que(?: es)?(?: la)?",
    r"\bnot\b[^.!?\n]{1,40}\bbut(?: rather)?\b",
    rf"(?:\A|(?<=[.!?;:,\n ])){_THEREFORE}\b,?",
    "=>|->|→|⇒|∴|而是|我认为是|应该是|ではなく[、,]?|아니라",
    r"不是[^。.!?\n]{1,20},\s*是",
    r"\bне\b[^.!?\n]{1,40},\s*а",
    r"(?:故|应|應)?(?:选择?|選択?)\s*:?",
)
GOOD = any_of(
    "correct|right|best|true|accurate|appropriate|suitable",
    r"most \w+",
    "answer|choice|only|one",
    "match(?:es)?",
    r"it\b",
)
_FITTING = "(?:likely|probable|plausible|suitable|fitting|appropriate|accurate|correct|consistent)"
IS_RIGHT = any_of(
    r"\s*(?:fits|matches)(?= best| the video|[.!]|\s*\Z)",
    r"\s*makes the most sense",
    # A comparative names an option only as the last word.
    rf"\s*is (?:more {_FITTING}|an? (?:better|closer|more {_FITTING}) \w+|better|closer)"
    r"(?=(?: than (?:(?!\bbut\b)[^.;!?\n]){1,60})?[.!]?\s*\Z)",
    rf"\s*(?:is|(?:seems|looks|appears)(?: to be)?|would be|being)\s+(?:\w+\s+)?(?:the\s+)?{GOOD}",
    r"\s*(?:选项|选择)?(?:是|为)?(?:最?正确|正确答案|对的?(?![^\W_]))",
    r"\s+(?:ist|es|est|é|è|jest|är|er|is|adalah|je|este|είναι)\s+(?:(?:la|die|der|das|de|het|a|o)\s+)?(?:richtige?|korrekt|correct[aeo]?"
    r"|juste?|bonne|vraie?|corretta|giusta|correta|certa|poprawna|prawidłowa|rätt|riktig|juist|goed|benar|správná?|verdadera)\b",
    r"\s*[-–—]?\s*(?:верно|правильно|правильный|doğru|benar|đúng|सही|صحيح)(?![^\W_])|\s*が正し|\s*が正解",
)
AFTER_A_LABEL = any_of(
    "because|since|as|is|are|was|and|or|due|based|given|for|which|that|seems",
    "looks|appears|would|must|fits?|best|matches|makes",
)
"""Words that follow a capital A as a label, and hardly ever as the article."""
AND = r"\s*(?:,?\s*" + any_of("and", "or", "und", "oder", "y", "et", "ou", "o", "&", "/", r"\+", "和", "或") + r"\s*)"

_NOT = any_of(
    "not|never|neither|nor|none|nothing|no|cannot|doubt|doubtful|hardly|barely|scarcely",
    "rather than|instead of|except|excluding",
    "anything but|all but|without|rul(?:es?|ed|ing) out",
    r"eliminat\w+|exclud\w+|reject\w+|dismiss\w*",
    r"discard\w*",
    "wrong|incorrect|false|least|unlikely|worst|invalid|distractors?",
    "nicht",
    r"kein\w*",
    "ne|pas|нет|не|não|không|bukan|nie|niet|inte|weder|noch|ni|né|nem|ani|hverken|varken",
)
_GLUED_NOT = any_of(
    "没有|沒有|并未|並未|不会|不會",
    "不是",
    "并非",
    "不选",
    "不選",
    "不应",
    "不該",
    "不该",
    "不能",
    "不可",
    "排除",
    "错误",
    "لا",
    "ليس",
    "नहीं",
    "ไม่",
)
EARLIER = "(?:old|first|initial|original|previous|earlier) (?:thought|guess|answer|choice|prediction|response)"
"""Phrases that replace an earlier answer."""
NO_DOUBT = re.compile(r"\b(?:no|without(?: a)?|beyond(?: a)?|little) doubts?\b", re.IGNORECASE)
_DENIAL = re.compile(rf"\b{_NOT}\b|n['’]t\b|{_GLUED_NOT}|\A[❌✗✘✖👎]\Z", re.IGNORECASE)
_AUXILIARY = any_of(
    "is|are|was|were|does|do|did|would|can|could|should|has|have|seems?|looks?",
    "being|must|will",
)
_REFUTED = any_of(
    "not|never|wrong|incorrect|false",
    r"ruled\s+out",
    "out|excluded|eliminated|impossible|unlikely",
    "less|rejected|invalid|unsupported|mistaken|bad|poor|worst|worse|traps?|distractors?|weak|a mistake",
)
_WRONG = any_of(
    "wrong|incorrect|false|неверно|неправильно|невірно|falsch|faux|fausse|incorrecto|incorrecta|falso|falsa",
    "errado|errada|incorreto|incorreta|sbagliato|sbagliata|fout|onjuist|yanlış|błędne|niepoprawne|sai|salah|fel|feil",
)
_GLUED_REFUTED = any_of(
    "选?项?(?:是)?(?:错误|不正确|不对|错)|değil|では(?:な|あり)|じゃ(?:な|あり)", r"이?가?\s*아[니닙]"
)
_BAD = any_of(
    "not|never|cannot|inconsistent|incorrect|invalid|inaccurate|incompatible|implausible|impossible|improbable",
    "unlikely|unsupported|unrelated|wrong|false|contradict\\w*|rul\\w+ out|eliminat\\w+|exclud\\w+|reject\\w+",
    "discard\\w*|dismiss\\w*|irrelevant|missing|absent|mislead\\w*|odd|outlier|fails?|lacks?|differs?",
)
# "C is the only one that is not shown": the words up to the next clause describe the one, and deny nothing.
_SINGLED_OUT = (
    r"\s*(?:is|was|seems|looks)\s+(?:the\s+)?(?=(?:most|only|one|answer|choice|option|odd|outlier)\b)"
    r"(?:(?!,|\b(?:because|since|as|while|whereas|although|though|and|so|for|but)\b)[^.;!?\n]){0,60}?"
    rf"(?:\b{_BAD}\b|n['’]t\b)"
)
_DENIED_AFTER = re.compile(
    rf"[)\]}}\"'>]*\s*[,:\-–—?(]?\s*(?:(?:which|that)\s+)?(?:{_AUXILIARY}\s*(?:n['’]t\b|(?:\s*\w+\s+){{0,2}}?{_REFUTED}\b)"
    rf"|(?:(?:ist|es|est|é|è|är|er|jest|je|este|είναι|está|esta)\s+(?:\w+\s+)?)?(?:{_WRONG}|nicht\b(?!\s+(?-i:[A-Z])\b)|neverno)\b|[❌✗✘✖👎≠]|{_GLUED_REFUTED})"
    rf"|[)\]}}\"'>]*{_SINGLED_OUT}",
    re.IGNORECASE,
)
# What applies to the whole sentence, and what only up to the next comma.
_CONDITION = re.compile(
    r"\b"
    + any_of(
        "if|whether|unless",
        r"suppos\w+|assum\w+",
        "otherwise|one (?:might|may|could|would)|at first",
        "initially|first glance|i thought|pretend|choose (?:from|between|among)|select the best",
        "respond with|user(?:'s)? (?:says|said|thinks|answer)",
        r"some(?:one|body| people)?\b[^,.]{0,20}\b(?:say|think|argue|claim)",
    )
    + r"\b|如果|是否|假如|可能",
    re.IGNORECASE,
)
_GUESSED = re.compile(
    r"\bif (?:i|we) (?:had to|have to|must|were to) (?:guess|choose|pick|select|answer)\b", re.IGNORECASE
)
_ASIDE = re.compile(
    r"\b"
    + any_of(
        "although|though|while|whereas|contrary to|unlike|despite|compared (?:to|with)",
        "as opposed to|mentions?|for example|for instance",
        r"e\.g",
        "such as|format|between",
        "previous(?:ly)?|earlier|initial|original|ground.?truth|reference",
        EARLIER,
        "model said",
    )
    + r"\b",
    re.IGNORECASE,
)
_SUPPOSED_AFTER = re.compile(
    r"[)\]}\"'>]*\s*(?:or not\b|[,.]?\s*(?:(?:is|was|would|could|may|might)\s+(?:be\s+)?[^.,;!?\n]{0,40}"
    r"\b(?:if|at random|randomly|unless)\b|at random\b)"
    r"|(?:is|was|looks|seems|may|might|could)\s+(?:\w+\s+){0,3}?(?:tempting|close|plausible|possible)\b)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.!?;:,\n。，；]|\b(?:but(?! rather)|so|hence|therefore)\b|而是|但", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[!?;\n。；]|\.(?=\s|\Z)|\b(?:but|so|hence|therefore|thus)\b", re.IGNORECASE)
_WORDS_BEFORE = 7
_CHARS_BEFORE = 140  # enough for these words; more would make endless replies take minutes

_RIGHT_SIGN = r"✅|✓|✔|☑|(?:this (?:option |choice )?is )?(?:correct|true|yes|the answer)\b"
_WRONG_SIGN = r"❌|✗|✘|✖|(?:this (?:option |choice )?is )?(?:incorrect|wrong|false|no|not \w+)\b"
_JUDGED = re.compile(rf"[\W_]*?(?:(?P<right>{_RIGHT_SIGN})|{_WRONG_SIGN})", re.IGNORECASE)
_JUDGED_LATER = re.compile(
    r"\b(?:this|it|which)(?: option| choice)? is (?:(?P<right>(?:the )?(?:correct|right|best)\b)"
    r"|(?:incorrect|wrong|false|not)\b)",
    re.IGNORECASE,
)
_EVERYDAY_RIGHT = re.compile(
    r"\b(?:that'?s|you'?re|all) right\b(?=[,.!])"
    r"|\bright (?:answer|option|choice|one|away|now|before|after|here|there)\b",
    re.IGNORECASE,
)


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether the words just before or after, in the same clause, deny it."""
    return is_denied_before(text, start) or _DENIED_AFTER.match(text, end) is not None


def is_denied_before(text: str, start: int) -> bool:
    """The same for the words before only: what follows may be an option's own text, such as "Cannot be told"."""
    near = text[max(0, start - _CHARS_BEFORE) : start]
    before = _CLAUSE_END.split(near)[-1].split()[-_WORDS_BEFORE:]
    return _DENIAL.search(NO_DOUBT.sub(" ", " ".join(before))) is not None


def is_answered_no(text: str, end: int) -> bool:
    """Whether a bare no follows: "A: no", "A? No."."""
    return (
        re.match(r"[)\]}\"'>]*[ \t]*[,:?–—-]?[ \t]*\(?no(?:pe)?(?=\s*(?:[.,;!)\n]|\Z))", text[end:], re.IGNORECASE)
        is not None
    )


def is_supposed(text: str, start: int, end: int) -> bool:
    """Whether the sentence only considers it: a condition, somebody else's view, an example of the format."""
    before = _SENTENCE_END.split(_GUESSED.sub(" ", text[max(0, start - _CHARS_BEFORE) : start]))[-1]
    clause = _CLAUSE_END.split(before)[-1]
    return bool(_CONDITION.search(before) or _ASIDE.search(clause) or _SUPPOSED_AFTER.match(text, end))


def is_asked(text: str, end: int) -> bool:
    """Whether the sentence ends with a question mark."""
    after = re.match(r"[^.!?\n。]{0,120}([.!?。])?", text[end : end + 130])
    return after is not None and after[1] == "?"


def judgement(text: str) -> bool | None:
    """Whether the text after a list item calls it right or wrong; None for neither."""
    found = _JUDGED.match(text) or _JUDGED_LATER.search(text)
    return None if found is None else found["right"] is not None


def without_everyday_words(text: str) -> str:
    """A text without phrases that contain a common option word, such as "the right answer"."""
    return _EVERYDAY_RIGHT.sub(" ", text)
