"""Whether a text speaks of words that a picture shows: what looks like markup or a refusal is then none."""

from __future__ import annotations

import re

_SAYS = r"(?:says?|said|reads?|asks?|shouts?|whispers?|calls|cries|answers|replies|sings|states|announces|warns)"
_PUT = (
    r"(?:(?:\w+ly\s)?(?:written|printed|painted|sprayed|carved|typed|spelled|stitched|engraved|tattooed|circled)"
    r"|the\s(?:\w+\s)?(?:title|headline|slogan|name|first|last|text|caption|message|motto|key|words?|label|beginning)\b)"
)
_NOT_THE_WORDS = r"\b(?:what|which|whose|who|that|the|any|this|these|it|no|here|below|following)\b"
_TELLING = re.compile(
    rf"""
      ,\ {_SAYS}\ (?!(?:i|we|you)\b)\w                                # "Stop, says the man": nobody else puts it so
    | ,\ (?:the|a|an|his|her)\ (?:\w+\ ){{1,3}}{_SAYS}\b              # "I won't, the note says"
    | \A(?:the\ )?(?:(?!{_NOT_THE_WORDS})[^,.!?\n]){{1,60}}?\b(?:is|are)\ {_PUT}
    | [，,。！!—]+(?:(?!我|无法|不能|什么|看不)[^，。！？\n]){{0,16}}(?:写着|写道|说着|说道|显示着|字幕|牌子|歌词)
    | [、,，]\s?(?:と(?:書かれ|表示|言っ)|라는|라고)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_WINDOW_CHARS = 400

_THINGS = (
    r"(?:words?|texts?|tokens?|tags?|marks?|marker|letters|symbols?|strings?|labels?|elements?|lines?|slides?|prompts?"
    r"|screen|title|board|log|terminal|editor|console|output|sequence|template|code|source|file|page|diagram|figure)"
)
_SHOWS = (
    r"(?:shows?|showing|reads?|reading|says?|saying|prints?|printing|displays?|contains?|writes?|types?|typing"
    r"|has|have|lists?|stands?|highlights?|marks?)"
)
_BEFORE = re.compile(rf"\b(?:{_SHOWS}|{_THINGS}|stands?|called|named)\b[^.!?。\n]*\Z", re.IGNORECASE)
_JUST_BEFORE = re.compile(rf"\b(?:{_SHOWS}|{_THINGS}|and|or|then|boxes|of|the|an?)[,:]?\ (?:\w+\ )?\Z", re.IGNORECASE)
_SHOWS_IT = re.compile(rf"\b{_SHOWS} \Z", re.IGNORECASE)
_AFTER = re.compile(
    r"\ (?:is|are|was|were|appears?|stands?|blinks?|fades?|scrolls?|marks?|means?|tokens?|tags?|elements?|signs?"
    r"|comes?|flashes|runs?|moves?|in\ (?:green|red|white|yellow|blue|black|large|bold|small))\b"
)
_GOES_ON = re.compile(r"[.,;:?!)]|\ (?-i:[a-z(]|[<\[])", re.IGNORECASE)


def tells_of_words(text: str) -> bool:
    """Whether the words a text begins with are somebody's, or on a sign: "I can't swim, says the boy"."""
    return bool(_TELLING.search(text[:_WINDOW_CHARS]))


def is_shown(before: str, after: str, *, structural: bool) -> bool:
    """Whether what stands between the two is told of as something to be seen: "the screen shows <image> in green".

    It stands where a word would, and the sentence speaks of text; of what tells reasoning from an answer
    (``structural``), next to it.
    """
    if before and before[-1] not in " (":
        return False
    if not before.strip():
        return bool(_AFTER.match(after))
    if after and not _GOES_ON.match(after):
        return not structural and bool(_SHOWS_IT.search(before))
    if _AFTER.match(after) and before.rstrip()[-1] not in ".!?。":
        return True
    return bool((_JUST_BEFORE if structural else _BEFORE).search(before) and (_BEFORE.search(before)))
