"""What a server's refusal is about, read from its message, since messages and status codes differ between servers."""

from __future__ import annotations

import re
from typing import Literal


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_NO_SYSTEM = _any_of(
    r"must alternate|roles? (?:must|should|has to|have to) alternate",
    r"system[\w' ]{0,30}role|system (?:message|prompt|instruction)s?|'system'|\"system\"|developer instruction",
    r"only (?:support\w* )?(?:the )?[`'\"]?user[`'\"]? and [`'\"]?assistant[`'\"]? roles",
    r"(?:should|must) be [`'\"]?user[`'\"]? or [`'\"]?assistant|\brole\b[^.\n]{0,20}\bsystem\b",
    r"first message must be (?:from |with role )?(?:the )?[`'\"]?user|permitted: [`'\"]?user[`'\"]?, [`'\"]?assistant",
)
_NOT_TAKEN = _any_of(
    r"support|unrecogni[sz]ed|unknown|not permitted|not allowed|unexpected|invalid|incompatible|should be|must be",
    r"does(?: not|n't) (?:take|accept)|expected role|not a valid",
    r"alternat|only user and|not (?:accepted|enabled|available|implemented)|cannot (?:be used|handle|process)",
)
_MANY = (
    r"at most|only|up to|maximum(?: of)?|max(?:imum)?[_ ]?(?:num(?:ber)?)?(?: of)?|exceed\w*|too many|more than"
    r"|limit\w*"
)
_PICTURE = r"image|picture|photo|media|multimodal item"
_MANY_IMAGES = _any_of(
    rf"(?:{_MANY})[^.\n]{{0,60}}\b(?:{_PICTURE})s?",
    rf"\b(?:{_PICTURE})s?\b[^.\n]{{0,60}}(?:at most|exceed\w*|too many|more than \d|limit(?:ed)? (?:of|to|is)"
    rf"|per (?:message|prompt))",
    r"(?:single|one|1) image|multiple images|multi-image|image count",
)
_NO_IMAGES = _any_of(
    r"(?:no endpoints? found that|does not|doesn't|not|cannot) (?:support|accept|take|process|handle)\w* (?:image"
    r"|vision|multimodal)",
    r"image (?:input|content) is not supported|missing data required for image|image_url is only supported",
    r"not a (?:multimodal|vision) model|is not a VLM|mmproj|unknown variant `?image_url",
    r"(?:image_url|vision|multimodal)[^.\n]{0,40}not (?:supported|enabled)|content type[^.\n]{0,30}image_url",
    r"at most 0 images?|\bis not (?:multimodal|a vision)|(?:no|not have|lacks?) (?:vision|image)[^.\n]{0,20}"
    r"(?:capabilit|support|encoder)|not contain image support|text[- ]only model|only text (?:content|input)",
    r"(?:unsupported|invalid|unknown|unexpected)[^.\n]{0,60}\bimage_url|'type' must be '?text",
)
_NO_VIDEO = _any_of(
    r"at most 0 videos?|video[^.\n]{0,60}(?:not (?:supported|enabled|allowed|available|implemented)|unsupported)",
    r"(?:not|n't) (?:support|accept|take|process|handle)\w*[^.\n]{0,40}video|video_url|media_io_kwargs|video/jpeg",
    r"(?:unknown|unexpected|unsupported|invalid|unrecogni[sz]ed)[^.\n]{0,60}\bvideo",
)
_NO_SOUND = _any_of(
    r"at most 0 audio|audio[^.\n]{0,60}(?:not (?:supported|enabled|allowed|available|implemented)|unsupported)",
    r"(?:not|n't|no endpoints? found that) (?:support|accept|take|process|handle)\w*[^.\n]{0,40}audio",
    r"(?:unknown|unexpected|unsupported|unrecogni[sz]ed)[^.\n]{0,60}audio|input_audio[^.\n]{0,60}(?:not|n't|invalid)\b",
)
_TOO_MUCH = _any_of(
    r"(?:image|picture|photo|media)[^.\n]{0,60}(?:too large|too big|\bsize|dimensions?|payload|resolution|\bpixels"
    r"|\d ?[mk]i?b\b|bytes)",
    r"(?:size|dimensions?|resolution) of (?:the |an? )?(?:image|picture)",
)
_NO_ROOM = _any_of(
    r"rate[ _-]?limit|throttl|too many (?:requests|tokens|concurrent)|overloaded|at capacity|over capacity"
    r"|requests? per (?:second|minute|hour|day)|tokens per minute|(?:try|retry) again (?:later|in \d)|server is busy"
    r"|per[ _]minute|resource[ _]exhausted|capacity[ _]exceeded",
)
_NO_MONEY = _any_of(
    r"credit balance is too low|balance is insufficient|spending limit|\baccount\b[^.\n]{0,60}\bsuspended",
    r"insufficient[ _](?:account )?(?:balance|credits?|funds)|\barrearage\b|in good standing"
    r"|(?:out of|exhausted|used up)(?: \w+){0,4} credits|exceeded_current_quota|余额不足|欠费",
)
_BAD_KEY = _any_of(
    r"api[ _]key (?:is |has |was )?(?:not valid|invalid|expired|revoked|disabled)",
    r"(?:invalid|incorrect|malformed)[ _]api[ _]key|API_KEY_INVALID|(?:missing|invalid) authorization",
)
_NO_MODEL = _any_of(
    r"\bmodels?\b[^\n]{0,80}?(?:not found|(?:does not|doesn't) exist|not exist\b|is not available|not a valid model)",
    r"not a valid model|invalid model (?:identifier|name|id)|no models? (?:is )?loaded|model[_ ]not[_ ](?:found|exist)",
    r"(?:unknown|no such|unsupported|invalid) model\b|\bmodel\b[^\n]{0,80}(?:decommissioned|not supported by any)",
)
_UNWANTED = _any_of(
    r"(?:inappropriate|unsafe|prohibited|sensitive)[\w ,]{0,30} content|(?:input|content|prompt) was flagged"
    r"|content[ _](?:policy|filter|management)|data[ _]inspection",
)
_WAIT = re.compile(
    r"(?:(?:re)?try(?:ing)?(?: again| your request| the request)?|wait(?:ing)?)(?: in| after| for)?:? (?:about )?"
    r"(?:(\d{1,4})\s?h(?:ours?)?\s?)?(?:(\d{1,6})\s?m(?:in(?:ute)?s?)?\s?(?![a-z]))?"
    r"(?:(\d{1,9}(?:\.\d{1,12})?)\s?(ms|milliseconds?|s\b|sec|seconds?))?",
    re.IGNORECASE,
)
_TOO_LONG = _any_of(
    r"context[ _](?:length|window|size|limit)|too long|maximum (?:allowed )?(?:input|prompt|sequence"
    r"|model) (?:length|tokens)",
    r"exceeds? the (?:available|model'?s?|maximum) (?:context|input|length)|max_model_len|(?:input"
    r"|prompt) tokens? exceed",
    r"reduce the length|n_ctx|token(?:s)? limit exceeded|maximum number of tokens|too large for (?:the )?context",
    r"range of input length|`?inputs`? tokens \+ `?max_new_tokens",
)
_AS_TEXT = _any_of(
    r"content[^.\n]{0,60}(?:must be|should be|expected|is not)(?: of type| an?)? ?(?:valid )?(?:string|str\b)",
    r"invalid type: sequence, expected a string|expected (?:a )?string[^.\n]{0,40}content"
    r"|valid string[^\n]{0,40}content",
    r"can only concatenate str|unhashable type: 'list'|string_type",
)
_AS_PARTS = _any_of(
    r"content[^.\n]{0,60}(?:must be|should be|expected|is not)(?: of type| an?)? ?(?:valid )?(?:list|array|sequence)",
    r"invalid type: string, expected a sequence|expected (?:an? )?(?:array|list)[^.\n]{0,40}content"
    r"|value is not a valid list",
    r"list_type|string indices must be integers",
)
# How many tokens an answer may have at all.
_AT_MOST = (
    r"less than or equal to|<=|at most|cannot exceed|must not exceed|not exceed|up to|maximum (?:value )?(?:of|is)"
)
_CAP = _any_of(
    r"at most (\d+) (?:completion|output|new) tokens",
    r"max_(?:completion_)?tokens (?:is|should be) (?:in )?\[\d+, ?(\d+)\]",
    r"max_(?:completion_|output_|new_)?tokens\W{1,3}(?:must|should|has to) be between \d+ and (\d+)",
    r"maximum value (?:for|of) \W?max_(?:completion_|output_|new_)?tokens\W{1,3}is (\d+)",
    rf"(?<!\+ )(?<!\+ `)max_(?:completion_|output_|new_)?tokens\S{{0,3}}[^.\n]{{0,60}}?(?:{_AT_MOST}) ?\W{{0,2}}(\d+)",
    r"max_(?:completion_)?tokens: \d+ > (\d+)|expected a value <= (\d+)",
)
# The context, and what of it the question takes.
_CONTEXT = _any_of(
    r"context (?:length|window|size)[^\d\n]{0,40}(\d+)|`?max_new_tokens`? must be <= (\d+)"
    r"|max_model_len[^\d\n]{0,20}(\d+)"
)
_USED = _any_of(
    r"(\d+) (?:input tokens|prompt tokens|in the (?:messages|prompt)|`?inputs`? tokens"
    r"|tokens (?:in|from) (?:the|your) (?:input )?(?:messages|prompt))",
    r"(?:input|prompt)[ _]tokens?(?: is| was|:| =)? ?\(?(\d+)",
)
_LEAST_TOKENS = 64  # an answer in fewer is not worth asking for

IMAGES_ADVICE = "set max_images to what the server allows (-O max_images=1)"
NO_IMAGES_ADVICE = "this model is given no pictures by its server: name one that sees, or start it with its vision part"
NO_SOUND_ADVICE = (
    "this server gives the model no sound: name a model that hears, start it with its audio part, or leave the sound"
    " out (-O send_sound=off)"
)
SIZE_ADVICE = "make the pictures smaller: image_side_pixels or max_image_bytes"
LENGTH_ADVICE = (
    "the request is too long for this model: fewer fold_steps, smaller image_side_pixels, or a longer context"
)


def refuses_system(message: str) -> bool:
    """Whether a chat template has no system role, or wants user and assistant turns only."""
    return bool(_NO_SYSTEM.search(message) and _NOT_TAKEN.search(message))


def refuses_video(message: str) -> bool:
    """Whether a server or its model takes no video, or not in this form."""
    return bool(_NO_VIDEO.search(message))


def content_form(message: str) -> Literal["text", "parts", ""]:
    """The form in which the server wants the content of messages, if its message is about that."""
    if _AS_PARTS.search(message):
        return "parts"
    return "text" if _AS_TEXT.search(message) else ""


def cap_tokens(message: str) -> int | None:
    """The longest answer that the server gives to any request, if its message is about that and tells; else None."""
    cap = _number(_CAP.search(message))
    return cap if cap is not None and cap >= _LEAST_TOKENS else None


def room_tokens(message: str) -> int | None:
    """How many tokens the context leaves for the answer to this request, if a message tells; None otherwise."""
    context, used = _number(_CONTEXT.search(message)), _number(_USED.search(message))
    if context is None or used is None or context - used < _LEAST_TOKENS:
        return None
    return context - used


def has_no_room(*said: str) -> bool:
    """Whether a refusal says that there were too many requests: gateways give it as a 400 or a 403, too."""
    return any(_NO_ROOM.search(words) for words in said)


def trouble_with_account(*said: str) -> Literal[401, 402, 0]:
    """The status that a refusal should have had that is about the key (401) or the money (402), else 0.

    Gemini, Anthropic, DashScope and others give 400, 403 or 429.
    """
    if any(_NO_MONEY.search(words) for words in said):
        return 402
    return 401 if any(_BAD_KEY.search(words) for words in said) else 0


def refuses_content(*said: str) -> bool:
    """Whether a filter turned this one request down, for what it shows or says."""
    return any(_UNWANTED.search(words) for words in said)


def names_no_model(*said: str) -> bool:
    """Whether a refusal says that there is no model of that name, or none loaded: a 404 here and a 400 there."""
    return any(_NO_MODEL.search(words) for words in said)


def wait_in_words(message: str) -> float | None:
    """The seconds after which a message says to try again ("in 1m26.4s", "in 20ms"); None if it says none."""
    for found in _WAIT.finditer(message):
        hours, minutes, number, unit = found.groups()
        if hours or minutes or number:
            scale = 0.001 if (unit or "").lower().startswith("m") else 1.0
            return int(hours or 0) * 3600.0 + int(minutes or 0) * 60.0 + float(number or 0) * scale
    return None


def advice_on(message: str) -> str:
    """What to do about a permanent refusal, whatever its status; "" if the message is unknown."""
    if _NO_SOUND.search(message):
        return NO_SOUND_ADVICE
    if _NO_IMAGES.search(message) or content_form(message) == "text":
        return NO_IMAGES_ADVICE
    if _TOO_MUCH.search(message):
        return SIZE_ADVICE
    if _MANY_IMAGES.search(message) and "pixel" not in message.casefold():
        return IMAGES_ADVICE
    return LENGTH_ADVICE if _TOO_LONG.search(message) else ""


def _number(found: re.Match[str] | None) -> int | None:
    return next((int(group[:9]) for group in found.groups() if group), None) if found else None
