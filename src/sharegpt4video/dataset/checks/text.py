"""Degenerate text: what is wrong with a text by itself, whatever the video shows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ...records import Finding
from ...verify.prose import SUMMARY, Draft, Passage, each, shortened
from ...vlm.embedded.words import word_set
from ...vlm.screen import judge, repeats

LEAST_WORDS_OF_REPEATED_SENTENCE = 6
LEAST_WORDS_OF_REPEATED_STEP = 40
MANY_TRIPLES, LONG_RUN = 0.1, 9
LEAST_STEP_WORDS, LEAST_SUMMARY_WORDS = 2, 5
MOST_STEP_WORDS, STEP_WORDS_PER_SECOND = 400, 10.0
MOST_SUMMARY_WORDS, SUMMARY_WORDS_PER_SECOND = 700, 10.0

_REFUSAL = re.compile(
    r"""\b(?:
        as\ an\ (?:ai|artificial\ intelligence|ai\ (?:language\ )?model|assistant)\b
      | as\ a\ (?:large\ )?language\ model\b
      | (?:i|we)(?:['’]m|['’]re|\ am|\ are)?\ (?:very\ |so\ )?sorry,?\ (?:but|i|we)\b
      | i\ (?:can(?:['’]t|not|\ not)|am\ (?:unable|not\ able)\ to|won['’]t)\ (?:\w+\ ){0,2}?
          (?:help|assist|provide|describe|identify|see|view|access|watch|analy[sz]e|determine|comply|fulfil)\b
      | i['’]m\ (?:unable|not\ able)\ to\b
      | (?:if\ you\ (?:can\ )?(?:provide|upload|share)|please\ (?:provide|upload|share|let\ me\ know))\b
      | (?:no|without\ (?:an?|the|any))\ (?:images?|pictures?|videos?|frames?)\ (?:was|were|is|are|has\ been|have\ been)
          \ (?:provided|uploaded|attached|given)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_BOILERPLATE = re.compile(
    r"""^\W*(?:
        (?:sure|certainly|of\ course|absolutely|okay|ok|great)\b\s*[,!.:—-]
      | here(?:['’]s|\ is|\ are)\ (?:an?|the|your|my|some)\ (?:\w+[\ -]){0,4}?
          (?:descriptions?|captions?|summary|summaries|version|rewrite|paragraph|analysis|breakdown)\b
      | (?:in|from)\ (?:this|the)\ (?:(?:provided|given|first|second|next|last|current|presented|video)\ ){0,2}
          (?:image|frame|keyframe|photo|picture|screenshot)s?\b\s*,?\s*(?:we|you|one|i|there)\ (?:can\ |could\ )?
          (?:see|observe|notice|is|are|have)\b
      | (?:in|from)\ (?:this|the)\ (?:video\ |provided\ |given\ )?(?:image|frame|keyframe|screenshot)s?\b
      | (?:this|the)\ (?:provided\ |given\ |first\ |second\ |video\ )?
          (?:image|frame|keyframe|photo|photograph|screenshot)s?\ (?:shows?|depicts?|features?|captures?|displays?
          |presents?|contains?|portrays?|illustrates?|appears?)\b
      | (?:the\ following|below|this)\ is\ (?:an?|the)\ (?:\w+[\ -]){0,3}?(?:description|caption|summary)\b
      | (?:(?:detailed|video|image|final|full|dense|scene)\ ){0,2}(?:caption|description|summary|answer|output|response)
          \s*:
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_META = re.compile(
    r"""(?:
        \b(?:key)?frames?\ (?:no\.?\ |number\ |\#)?\d
      | \b(?:image|picture|photo)\ (?:no\.?\ |number\ |\#)?\d+\b
      | \b(?:the|in|of|from|your|my)\ (?:previous|preceding|earlier|prior|above|last|given|provided)
          \ (?:caption|description|answer|response|prompt|instruction|text|message)s?\b
      | \b(?:caption|description|prompt|instruction)s?\ (?:given\ |provided\ |shown\ )?(?:above|below|provided)\b
      | \bas\ (?:previously\ |already\ )?(?:described|mentioned|stated|noted|instructed|requested|asked)
          \ (?:above|before|earlier|previously|in\ the\ (?:previous|prompt|description|caption))
      | \bbetween\ (?:the\ )?(?:two|these|both)\ (?:key)?(?:frames|images|pictures)\b
      | \b(?:upper|lower|top|bottom|first|second)\ (?:key)?frame\ of\ the\ (?:image|picture|grid|pair)\b
      | \b(?:step|shot)\ \d+\ description\b | video\ frame\ \d
      | <<<|>>> | \[\d+(?:\.\d+)?\ s(?:\ to\ \d+(?:\.\d+)?\ s)?\]
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_MARKUP = re.compile(
    r"""(?:
        ``` | <\|[^|<>\n]{1,40}\|> | </?s> | \[/?INST\]
      | </?(?:image|img|video|pad|unk|bos|eos|think|answer|br|p|b|i|div|span|start_of_turn|end_of_turn)\s*/?>
      | ^\s{0,3}\#{1,6}\s+\S | \*\*[^*\n]+\*\* | ^\s*[-*•]\s+\S.*\n\s*[-*•]\s+\S
      | ^\s*\d{1,2}[.)]\s+\S.*\n+\s*\d{1,2}[.)]\s+\S
      | ^\s*[\[{]\s*["'][\w ]+["']\s*[:,\]] | ["'][\w ]+["']\s*:\s*["'\[{] | \\n | \\u[0-9a-f]{4}
      | ^\s*(?:user|assistant|system|human|ASSISTANT|USER|SYSTEM)\s*:
    )""",
    re.MULTILINE | re.VERBOSE,
)
_PLACEHOLDER = re.compile(
    r"""(?:
        \[(?:insert\ )?(?:an?\ |the\ )?(?:object|name|person|subject|colou?r|place|location|action|text|description|time
          |date|number|animal|scene|item|your|placeholder|unclear|blank|redacted|caption|x+|\.{3}|\s*)[^\]\n]{0,30}\]
      | \{\{?\w[\w .]*\}?\} | <(?:object|name|subject|colou?r|place|text|description)>
      | \blorem\ ipsum\b | \b(?:TODO|TBD|XXX|FIXME)\b | ^\W*(?:null|none|nan|n/a|undefined|unknown|nil)\W*$
      | \$\{\w+\} | %\(\w+\)s | \[object\ Object\]
    )""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
# Words of which one must be there for the pattern of that name to match.
_REFUSAL_WORDS = word_set(
    "ai artificial assistant model i i'm i’m we we're we’re sorry please provide provided upload uploaded share "
    "attached given unfortunately apologies apologize apologise"
)
_META_WORDS = word_set(
    """frame frames keyframe keyframes caption captions description descriptions answer answers response responses
    prompt prompts instruction instructions message messages described mentioned stated noted instructed requested asked
    between previous preceding prior"""
)
_META_SIGNS = re.compile(r"<<<|>>>|\[|\b(?:image|picture|photo|step|shot)\s+(?:n|\#|\d)", re.IGNORECASE)
_PLACEHOLDER_WORDS = word_set("lorem todo tbd xxx fixme null none nan undefined unknown nil")
_PLACEHOLDER_SIGNS = re.compile(r"[\[{<$%/]")
_END = re.compile(r"[.!?…。！？।][\"”’'»」)\]*_\s]*$")
_HANGING = re.compile(
    r"\b(?:and|or|but|the|an?|of|with|to|in|on|at|from|into|for|while|as|by|which|that|his|her|their|its|is|are|then)"
    r"\W*$",
    re.IGNORECASE,
)


def unusable(draft: Draft) -> Iterator[Finding]:
    """What the captioner itself marked, and texts without a word."""
    for passage, step in zip(draft.told, draft.row.steps, strict=True):
        if step.problem:
            yield passage.finding("unusable", f"the model gave no usable answer: {step.problem}")
        elif not passage.words and not passage.quotes:
            yield passage.finding("unusable", "the text is empty")
    if draft.has_own_summary and draft.row.summary_problem:
        yield draft.summary.finding("unusable", f"the model gave no usable summary: {draft.row.summary_problem}")
    elif draft.has_own_summary and not draft.summary.text.strip():
        yield draft.summary.finding("unusable", "the summary is empty")


def loop(draft: Draft) -> Iterator[Finding]:
    """Loops inside a text, a sentence told twice in it, a long step that is told word for word again."""
    before: Passage | None = None
    for passage in draft.texts:
        if _may_loop(passage) and repeats(passage.text):
            yield passage.finding("loop", "the text runs in a loop; say each thing once")
        elif twice := _told_twice(passage):
            yield passage.finding("loop", f"a sentence is told twice: {shortened(twice)!r}")
        elif before and passage.number != SUMMARY and _same_long_text(passage, before):
            yield passage.finding("loop", f"the text is word for word that of step {before.number}")
        before = passage


def _may_loop(passage: Passage) -> bool:
    """False for most prose, at little cost: no loop without a long run or many short runs of words told again."""
    words = passage.words
    if not passage.text.isascii() or any(len(word) >= 20 for word in passage.text.split()):
        return True
    triples = len(words) - 2 - len(set(zip(words, words[1:], words[2:], strict=False)))
    if triples < 3:
        return False
    if triples >= MANY_TRIPLES * len(words) or max(Counter(one.words for one in passage.sentences).values()) >= 3:
        return True
    return len({words[at : at + LONG_RUN] for at in range(len(words) - LONG_RUN + 1)}) < len(words) - LONG_RUN + 1


def _same_long_text(one: Passage, other: Passage) -> bool:
    return len(one.words) >= LEAST_WORDS_OF_REPEATED_STEP and one.words == other.words


def _told_twice(passage: Passage) -> str:
    counts = Counter(one.words for one in passage.sentences)
    for one in passage.sentences:
        if len(one.words) >= LEAST_WORDS_OF_REPEATED_SENTENCE and counts[one.words] > 1 and not one.quotes:
            return one.text
    return ""


def cut_off(draft: Draft) -> Iterator[Finding]:
    """Texts that stop in the middle of a sentence."""
    for passage in draft.texts:
        text = passage.text.rstrip()
        if not passage.words or _END.search(text):
            continue
        last = shortened(text[-60:])
        if _HANGING.search(text):
            yield passage.finding("cut off", f"the text stops in the middle of a sentence: {last!r}")
        else:
            yield passage.finding("cut off", f"the text ends without the end of a sentence: {last!r}")


def refusal(draft: Draft) -> Iterator[Finding]:
    """Answers about not being able to answer, also when they only begin or end a text."""
    for passage in draft.texts:
        if passage.text.isascii() and passage.vocabulary.isdisjoint(_REFUSAL_WORDS):
            continue
        match = _REFUSAL.search(passage.plain)
        if match or judge(passage.text, None) == "refused":
            said = shortened(passage.text[match.start() :] if match else passage.text)
            yield passage.finding("refusal", f"the model speaks of itself or refuses: {said!r}")


def boilerplate(draft: Draft) -> Iterator[Finding]:
    """Openings that say nothing about the video."""
    for passage, match in each(draft.texts, _BOILERPLATE):
        yield passage.finding("boilerplate", f"begins with a phrase that says nothing: {shortened(match[0])!r}")


def meta_talk(draft: Draft) -> Iterator[Finding]:
    """Talk about frames by number, about the prompt, or about the texts that the model was given."""
    signs = any(_META_SIGNS.search(passage.plain) for passage in draft.texts)
    for passage, match in each(draft.texts, _META, None if signs else _META_WORDS):
        yield passage.finding("meta talk", f"speaks of what the model was shown, not of the video: {match[0]!r}")


def markup(draft: Draft) -> Iterator[Finding]:
    """Markdown, JSON, code fences, role markers, special tokens."""
    for passage in draft.texts:
        if match := _MARKUP.search(passage.text):
            yield passage.finding("markup", f"holds markup instead of plain sentences: {shortened(match[0], 40)!r}")


def placeholder(draft: Draft) -> Iterator[Finding]:
    """Places that were never filled in."""
    signs = any(_PLACEHOLDER_SIGNS.search(passage.plain) for passage in draft.texts)
    for passage, match in each(draft.texts, _PLACEHOLDER, None if signs else _PLACEHOLDER_WORDS):
        yield passage.finding("placeholder", f"a place was never filled in: {shortened(match[0], 40)!r}")


def length(draft: Draft) -> Iterator[Finding]:
    """Too few words to describe anything; more than so much video can need; a summary longer than what it sums up."""
    for passage in draft.texts:
        start, end = draft.seconds_of(passage)
        count, seconds = len(passage.words) or len(passage.text) // 2, max(end - start, 0.0)
        whole = passage.number == SUMMARY or draft.row.steps[passage.number].kind == "whole"
        least = LEAST_SUMMARY_WORDS if whole else LEAST_STEP_WORDS
        most = (
            MOST_SUMMARY_WORDS + SUMMARY_WORDS_PER_SECOND * seconds
            if whole
            else MOST_STEP_WORDS + STEP_WORDS_PER_SECOND * seconds
        )
        if count < least:
            yield passage.finding("length", f"{count} words cannot describe {seconds:.1f} s")
        elif count > most:
            yield passage.finding("length", f"{count} words for {seconds:.1f} s, more than {most:.0f}; say less")
    yield from _longer_than_steps(draft)


def _longer_than_steps(draft: Draft) -> Iterator[Finding]:
    steps = sum(len(passage.words) for passage in draft.steps)
    count = len(draft.summary.words)
    if draft.sums_up and steps and count > 2 * steps + 100:
        yield draft.summary.finding("length", f"the summary has {count} words, the steps only {steps} together")
