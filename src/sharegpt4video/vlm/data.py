"""The caption in an answer that is data: JSON in any form that models write, YAML, or a markup element."""

from __future__ import annotations

import ast
import html
import json
import re
import textwrap
from typing import Any

_MOST_JSON_CHARS = 1_000_000

# Keys under which a caption comes, the surest first. Compared without case, blanks, "_" and "-".
_CAPTION_KEYS = (
    "caption", "captions", "videocaption", "imagecaption", "framecaption", "densecaption", "detailedcaption",
    "finalcaption", "description", "videodescription", "imagedescription", "framedescription", "scenedescription",
    "detaileddescription", "descriptions", "summary", "videosummary", "changedescription", "changes", "change",
    "recaption", "rewrittenprompt", "answer", "finalanswer", "response", "output", "result", "text", "content",
    "message", "messages", "choices", "parts", "arguments", "parameters",
    "描述", "视频描述", "画面描述", "字幕", "内容", "总结", "説明", "キャプション", "설명", "캡션",
    "descripción", "descripcion",
    "字幕内容", "视频内容", "descrição", "descricao", "légende", "legende", "beschreibung", "descrizione", "описание",
)  # fmt: skip
_SURE_KEYS = 20  # of these any other keys may stand beside it; of the rest only what says nothing of the picture
_ASIDE_KEYS = frozenset((
    "role", "type", "id", "name", "language", "lang", "confidence", "score", "reasoning", "thought", "thoughts",
    "thinking", "analysis", "explanation", "title", "time", "timestamp", "start", "end", "startseconds",
    "endseconds", "duration", "frame", "frames", "status", "success", "error", "model", "format",
    "tool", "function", "index", "finishreason", "logprobs",
))  # fmt: skip
_BEGUN_JSON = re.compile(
    r"""[\[\s]{0,8}\{\s{0,40}["']?([\w -]{1,40})["']?\s{0,8}:\s{0,8}(?:"(?!\s*[,}])|'(?!\s*[,}]))"""
)

_BEGUN_OBJECT = re.compile(r"""[\[\s]{0,8}\{\s{0,40}["'][^"'\n]{1,60}["']\s{0,8}:""")
# One name and one text, in whatever syntax: {caption: "…"}, {{"caption": "…"}}, {"caption": """…"""}, caption = "…".
_PAIR = re.compile(
    r"""[\[{(\s]{0,40}["'`“]?([\w -]{1,40})["'`”]?\s{0,8}[:=(]\s{0,8}
    (\"{3}|'{3}|["'`“])(.*?)(?:(?<=[^"'`”])|\A)(\"{3}|'{3}|["'`”])\s{0,8}[,;]?[\]})\s]{0,40}\Z""",
    re.DOTALL | re.VERBOSE,
)
_FENCED_INSIDE = re.compile(r"```(?:json|JSON)[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_CLOSING = {"“": "”"}
_BLOCK = re.compile(  # of YAML
    r"""(?:---[ \t]*\n)?(?:[ \t]{0,8}[\w-]{1,40}:[ \t]*\n)?[ \t]{0,8}["']?([\w -]{1,40})["']?:[ \t]*[|>][+-]?\d?[ \t]*\n
    ((?:[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+)(?:---|\.\.\.)?\s*\Z""",
    re.VERBOSE,
)
_MORE_YAML = re.compile(r"(?:---\n)?(?:[\w-]{1,40}:(?:[ \t][^\n]*)?\n(?:[ \t]+[^\n]*\n)*){2,}", re.MULTILINE)
_ELEMENT = re.compile(
    r"<(?!(?:html|body|head|svg)\b)([A-Za-z][\w:.-]{0,40}|[\u4e00-\u9fff]{1,8})(?:\s[^<>]{0,200})?>(.*)</\1\s?>",
    re.DOTALL,
)
_IN_BRACKETS = re.compile(r"\[(ANSWER|CAPTION|DESCRIPTION|OUTPUT|RESPONSE|回答|描述|字幕|答案)\](.*)\[/\1\]", re.DOTALL)
_PROLOGUE = re.compile(r"<\?xml[^<>]{0,200}\?>\s*", re.IGNORECASE)
_CDATA = re.compile(r"<!\[CDATA\[(.*)\]\]>", re.DOTALL)
_COMMENT = re.compile(r"(?://|\#)[^\n{]{0,40}\n(?=\s*[{\[])")
_AFTER_DATA = ("\n", "//", "#", "}", "]", ";")


def caption_in_data(text: str) -> str | None:
    """The caption that a text gives as data; None if the text is something else."""
    text = _COMMENT.sub("", text) if text.startswith(("//", "#")) else text
    if (inner := _in_element(text)) is not None:
        return inner
    if (block := _BLOCK.fullmatch(text)) and _norm(block[1]) in _CAPTION_KEYS:
        return textwrap.dedent(block[2]).strip() or None
    if (inner := _caption_in_json(text)) is not None:
        return inner
    return _in_pair(text)


def is_json(text: str) -> bool:
    """Whether a text is JSON or its beginning, and not prose that begins with some of it."""
    if text[:1] not in ("{", "[") or not (_BEGUN_OBJECT.match(text) or _parsed(text) is not None):
        return False
    followed = _json_and_more(text)
    return followed is None or followed[1].startswith(_AFTER_DATA)


def is_yaml(text: str) -> bool:
    """Whether a text is nothing but names and values, on lines of their own."""
    return bool(_MORE_YAML.fullmatch(f"{text}\n")) and any(
        _norm(line.partition(":")[0]) in _CAPTION_KEYS for line in text.splitlines()
    )


def _in_element(text: str) -> str | None:
    text = _PROLOGUE.sub("", text, count=1) if text.startswith("<") else text
    for pattern in (_ELEMENT, _IN_BRACKETS):
        if (whole := pattern.fullmatch(text)) and f"</{whole[1]}" not in whole[2]:
            return html.unescape(whole[2]).strip() or None
    if whole := _CDATA.fullmatch(text):
        return whole[1].strip() or None
    return None


def _in_pair(text: str) -> str | None:
    pair = _PAIR.fullmatch(text) if len(text) < _MOST_JSON_CHARS else None
    if pair is None or (_norm(pair[1]) not in _CAPTION_KEYS and not (pair[1] == "print" and "(" in pair[0][:8])):
        return None
    quote = _CLOSING.get(pair[2], pair[2])
    if pair[4] != quote or re.search(rf"(?<!\\){quote}", pair[3]):
        return None  # more than one text
    return pair[3].replace('\\"', '"').replace("\\n", "\n").strip() or None


def _caption_in_json(text: str) -> str | None:
    """The caption that a text gives as JSON, alone or as the one block in a fence; None if it is something else."""
    if text.startswith('"{') and isinstance(inside := _parsed(text), str):
        return _caption_of(_parsed(inside))
    if text[:1] not in ("{", "["):
        blocks = list(_FENCED_INSIDE.finditer(text)) if "```" in text[:200] or "```" in text[-20:] else []
        if len(blocks) != 1 or (text[: blocks[0].start()].strip() and text[blocks[0].end() :].strip()):
            return None  # with words on both sides it is a part of the picture
        return _caption_of(_parsed(blocks[0][1]))
    if text.startswith(("{“", "[“")):
        text = text.translate({ord("“"): '"', ord("”"): '"'})
    plain = _parsed(text)
    if plain is not None:
        return _caption_of(plain)
    if (followed := _json_and_more(text)) is not None:
        return _caption_of(followed[0]) if followed[1].startswith(_AFTER_DATA) else None
    begun = _BEGUN_JSON.match(text)
    if begun is None or _norm(begun[1]) not in _CAPTION_KEYS:
        return None
    inner = re.sub(r"""["']\s*,?\s*[}\]]{0,4}\s*\Z""", "", text[begun.end() :][-_MOST_JSON_CHARS:])
    return inner.replace('\\"', '"').replace("\\n", "\n").strip() or None


def _parsed(text: str) -> Any:
    """What a text is as JSON, or as Python writes a dictionary; None if it is neither."""
    if len(text) > _MOST_JSON_CHARS:
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    if not (text.startswith(("{'", "['")) and len(text) < 20_000):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _json_and_more(text: str) -> tuple[Any, str] | None:
    """The object or list that a text begins with, and the words behind it; None where there are not both."""
    if len(text) > _MOST_JSON_CHARS:
        return None
    try:
        plain, end = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return None
    more = text[end:].lstrip(" \t")
    return (plain, more) if re.search(r"\w", more) else None


def _caption_of(plain: Any, depth: int = 4) -> str | None:
    if isinstance(plain, str):
        return html.unescape(plain).strip() or None
    if depth and isinstance(plain, list) and len(plain) == 1:
        return _caption_of(plain[0], depth - 1)
    if not depth or not isinstance(plain, dict):
        return None
    keys = {_norm(str(key)): key for key in plain}
    for number, name in enumerate(_CAPTION_KEYS):
        if name in keys and (number < _SURE_KEYS or not set(keys) - _ASIDE_KEYS - set(_CAPTION_KEYS)):
            found = _caption_of(plain[keys[name]], depth - 1)
            if found is not None:
                return found
    only = next(iter(plain.values())) if len(plain) == 1 else None
    is_text = isinstance(only, dict) or (isinstance(only, str) and " " in only)
    return _caption_of(only, depth - 1) if is_text else None


def _norm(key: str) -> str:
    return re.sub(r"[\s_-]", "", key).lower()
