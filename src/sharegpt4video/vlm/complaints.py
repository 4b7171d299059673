"""What a server's refusal is about, read from its words: they differ from server to server, and so does the status."""

from __future__ import annotations

import re

_NO_SYSTEM = re.compile(
    r"must alternate|roles? (?:must|should|has to|have to) alternate|alternat\w+ (?:between )?user|system[\w' ]{0,30}role|system (?:message|prompt|instruction)s?"
    r"|'system'|\"system\"|only (?:support\w* )?(?:the )?[`'\"]?user[`'\"]? and [`'\"]?assistant[`'\"]? roles|developer instruction"
    r"|role[\w'\" :]{0,40}(?:should be|must be)[^.]{0,30}user",
    re.IGNORECASE,
)
_NOT_TAKEN = re.compile(
    r"support|unrecognized|unrecognised|unknown|not permitted|not allowed|unexpected|invalid|alternat|only user and|should be|must be"
    r"|extra (?:inputs|fields)|not (?:accepted|enabled|available|implemented)|no such|cannot (?:be used|handle|process)|raise_exception",
    re.IGNORECASE,
)
_IMAGES = re.compile(
    r"(?:at most|only|up to|maximum(?: of)?|max(?:imum)?[_ ]?(?:num(?:ber)?)?(?: of)?|exceed\w*|too many|more than|limit\w*)[^.\n]{0,60}\b(?:image|picture|photo|multimodal item|media)s?"
    r"|\b(?:image|picture|photo|media)s?\b[^.\n]{0,60}(?:at most|exceed\w*|too many|more than \d|limit(?:ed)? (?:of|to)|per (?:message|prompt|request))"
    r"|(?:single|one|1) image|multiple images|multi-image|image count",
    re.IGNORECASE,
)
_NO_IMAGES = re.compile(
    r"(?:no endpoints? found that|does not|doesn't|not|cannot) (?:support|accept|take|process|handle)\w* (?:image|vision|multimodal|picture)|image input is not supported"
    r"|not a (?:multimodal|vision) model|(?:image_url|vision|multimodal)[^.\n]{0,40}not (?:supported|enabled)|content type[^.\n]{0,30}image_url"
    r"|unknown variant `?image_url|mmproj|is not a VLM",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size)|too long|too large for (?:the|this) model|maximum (?:allowed )?(?:input|prompt|sequence) (?:length|tokens)|input is longer"
    r"|exceeds? the (?:available|model'?s?|maximum) (?:context|input|length)|max_model_len|prompt tokens? exceed|reduce the length|input tokens? exceed|n_ctx"
    r"|exceed_context_size|token(?:s)? limit exceeded|maximum number of tokens",
    re.IGNORECASE,
)
_AS_TEXT = re.compile(
    r"content[^.\n]{0,60}(?:must be|should be|expected|is not)(?: of type| a| an)? ?(?:valid )?(?:string|str\b)|expected (?:a )?string[^.\n]{0,40}content"
    r"|invalid type: sequence, expected a string|can only concatenate str|unhashable type: 'list'|content as (?:a )?string|requires string content|string_type",
    re.IGNORECASE,
)
_AS_PARTS = re.compile(
    r"content[^.\n]{0,60}(?:must be|should be|expected|is not)(?: of type| a| an)? ?(?:valid )?(?:list|array|sequence)|value is not a valid list|list_type"
    r"|invalid type: string, expected a sequence|expected (?:an? )?(?:array|list)[^.\n]{0,40}content|string indices must be integers",
    re.IGNORECASE,
)
# How many tokens the answer may have, where a message tells it: the limit itself, or the context and what is used of it.
_MOST = re.compile(
    r"at most (\d+) (?:completion|output|new) tokens|range of max_(?:completion_)?tokens (?:is|should be) \[\d+, ?(\d+)\]|max_(?:completion_|output_|new_)?tokens\S{0,3}"
    r"[^.\n]{0,60}?(?:less than or equal to|<=|at most|cannot exceed|must not exceed|maximum (?:value )?(?:of|is)|not exceed|up to|exceeds[^.\n]{0,40}(?:limit|maximum)[^.\n]{0,20}?) ?\W{0,2}(\d+)"
    r"|max_(?:completion_)?tokens: \d+ > (\d+)|expected a value <= (\d+)",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"(?:maximum )?context (?:length|window|size)[^\d\n]{0,40}(\d+)|`?max_new_tokens`? must be <= (\d+)|max_model_len[^\d\n]{0,20}(\d+)",
    re.IGNORECASE,
)
_USED = re.compile(
    r"(?:has|contains?|with|prompt (?:has|contains|with)|requested)?\s?(\d+) (?:input tokens|prompt tokens|in the (?:messages|prompt)|tokens in (?:the|your) (?:messages|prompt)|`?inputs`? tokens)|Given: (\d+)"
    r"|(?:input|prompt)[ _]tokens?(?: is| was|:| =)? ?\(?(\d+)",
    re.IGNORECASE,
)
_LEAST_ROOM = 64  # an answer in fewer tokens is not worth asking for

IMAGES_ADVICE = "set max_images to what the server allows (-O max_images=1)"
NO_IMAGES_ADVICE = "this model looks at no pictures: name one that does, or start the server with its vision part"
LENGTH_ADVICE = (
    "the request is too long for this model: fewer fold_steps, smaller image_side_pixels, or a longer context"
)
BUDGET_ADVICE = "the answer may not be as long as that: set -O max_tokens to what the model allows"
FORM_ADVICE = "the server takes no message in this form: see its message"


def refuses_system(message: str) -> bool:
    """Whether a chat template has no system role, or wants turns to alternate, of which a system text is none."""
    return bool(_NO_SYSTEM.search(message) and _NOT_TAKEN.search(message))


def content_form(message: str) -> str:
    """ "text" or "parts" if the server wants every content in that form, else ""."""
    if _AS_PARTS.search(message):
        return "parts"
    return "text" if _AS_TEXT.search(message) else ""


def cap_tokens(message: str) -> int | None:
    """The longest answer that the server gives to any request, if its message is about that and tells; else None."""
    found = _MOST.search(message)
    most = next((int(group[:9]) for group in found.groups() if group), 0) if found else 0
    return most if most >= _LEAST_ROOM else None


def room_tokens(message: str) -> int | None:
    """How many tokens the context leaves for the answer to this request, if a message tells; None otherwise."""
    context, used = _CONTEXT.search(message), _USED.search(message)
    if context is None or used is None:
        return None
    number = [int(next(group for group in found.groups() if group)[:9]) for found in (context, used)]
    room = number[0] - number[1]
    return room if room >= _LEAST_ROOM else None


def advice_on(message: str) -> str:
    """What to do about a refusal that no retry mends, whatever its status; "" if the words are not known."""
    if _NO_IMAGES.search(message):
        return NO_IMAGES_ADVICE
    if _IMAGES.search(message) and "pixel" not in message.casefold():
        return IMAGES_ADVICE
    if _TOO_LONG.search(message):
        return LENGTH_ADVICE
    if _MOST.search(message):
        return BUDGET_ADVICE
    return FORM_ADVICE if content_form(message) else ""
