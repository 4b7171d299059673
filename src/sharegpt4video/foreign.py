r"""Text that others wrote (models, servers, file names, tables), made safe for where it goes: one function each.

What is unsafe depends on the reader. A terminal obeys control characters and lets bidi controls reorder a whole line; a
player takes ``<...>`` and ``{...}`` for tags and an empty line for the end of a subtitle; Markdown has its marks, a
spreadsheet its formulas. `terminal` and `json_text` show what was there as an escape (``\x1b``); the formats for
display leave out what has no glyph. HTML is made in ``dataset.report.markup``, from the same `UNSEEN`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 but for tab and newline
_BIDI = "\u061c\u202a-\u202e\u2066-\u2069"
_HIDDEN = "\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_HALVES = "\ud800-\udfff"  # of surrogate pairs; alone they are no text, and no encoding takes them

UNSEEN = re.compile(f"[{_CONTROLS}{_BIDI}{_HIDDEN}{_HALVES}]")
"""Characters that steer, reorder or hide text. Those that scripts and emoji need (ZWJ, ZWNJ, LRM, RLM) are not here."""

_FLAG = "\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f"  # the flags of England, Scotland and Wales
_UNSEEN_OR_FLAG = re.compile(f"({_FLAG})|{UNSEEN.pattern}")

_NOT_TEXT = re.compile(f"[\x00{_HALVES}]")

# SubRip has no escapes, and every player has its own idea of what a tag is. The full-width forms are tags to none of
# them, look the same, and Unicode's compatibility form (NFKC) turns them back.
_FULL_WIDTH = str.maketrans({"<": "\uff1c", ">": "\uff1e", "{": "\uff5b", "}": "\uff5d", "\\": "\uff3c"})

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~$&^])")
_MARKDOWN_START = re.compile(r"^(=+$|[-+](?=\s|$|-)|:(?=\s)|\d+(?=[.)](?:\s|$)))|(?:^|(?<=\s))(#+)(?=\s|$)")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_HARMLESS = re.compile(r"-[\w.-]*")  # ids of YouTube begin with a minus now and then


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"<>]+")
_USER = re.compile(r"(://)(?:[^\s/?#]*@|[^\s/?#@:]*:(?!\d+(?:[/?#]|$))[^\s@]*@)")
_SECRET = re.compile(
    r"([?&;#](?:[\w.%-]*(?:signature|credential|token|secret|passw|access-?key|api-?_?key|accessid|key-pair-id|jwt)"
    r"[\w.%-]*|auth(?:orization|_?key)?|sig|sign|pwd|pass|policy|key|sas|hdn(?:ts|ea))=)[^&;#\s\"'<>]+",
    re.IGNORECASE,
)


def is_text(text: str) -> bool:
    """Whether a name is proper Unicode, as every stored text must be."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def without_secrets(text: str) -> str:
    """Text in which addresses are shown without user names, passwords, and the keys and signatures of their queries.

    Whoever sees ``https://me:pw@host/x.mp4?X-Amz-Signature=ab12&id=7`` could open it, too: it is shown as
    ``https://***@host/x.mp4?X-Amz-Signature=***&id=7``.
    """
    if "://" not in text:
        return text
    return _ADDRESS.sub(lambda met: _SECRET.sub(r"\1***", _USER.sub(r"\1***@", met[0])), text)


def terminal(text: object) -> str:
    r"""Text for a terminal or a log: lines and tabs stay, every other control character is shown as ``\x1b``.

    Addresses are shown `without_secrets`.
    """
    return _seen(without_secrets(str(text)).replace("\r\n", "\n"), _escaped)


def terminal_line(text: object) -> str:
    r"""As `terminal`, on one line: a name with a newline in it must not look like a second message."""
    return terminal(text).replace("\n", r"\n").replace("\t", r"\t")


def plain(text: str) -> str:
    """Text without what cannot be seen; odd spaces become plain ones, the half of a surrogate pair U+FFFD."""

    def glyph(character: str) -> str:
        return "\ufffd" if "\ud800" <= character <= "\udfff" else " " if character.isspace() else ""

    return _seen(text, glyph)


def srt(text: str) -> str:
    r"""Text of a SubRip cue: ``< > { } \`` in their full-width forms, as players drop what they take for tags.

    ``unicodedata.normalize("NFKC", ...)`` gives them back.
    """
    return plain(text).translate(_FULL_WIDTH)


def vtt(text: str) -> str:
    """Text of a WebVTT cue or note."""
    return html.escape(plain(text), quote=False)


def markdown(text: str) -> str:
    """One line of text in a Markdown page: shown as it is, nothing in it is a mark, a tag or an entity."""
    line = _MARKDOWN.sub(r"\\\1", " ".join(plain(text).split()))
    return _MARKDOWN_START.sub(_escape_start, line)


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that looks like a formula gets an apostrophe in front."""
    text = "\r".join(map(plain, text.split("\r")))
    begins = text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)  # some programs leave the blanks out
    return f"'{text}" if begins and not _HARMLESS.fullmatch(text) else text


def csv_path(path: str) -> str:
    """A path that no spreadsheet takes for a formula and that still leads to the same file."""
    path = path.encode("utf-8", "backslashreplace").decode().replace("\0", "")  # no path has one; csv of 3.10 fails
    return f"./{path}" if path.startswith(_FORMULA) else path


def json_text(document: str) -> str:
    r"""A JSON document in which what cannot be seen is escaped: an equal value, and one line where it was one.

    The half of a surrogate pair, which strict readers refuse even as an escape, is spelled out (``"\\udce9"``).
    """

    def escaped(character: str) -> str:
        escape = json.dumps(character)[1:-1]
        return "\\" + escape if "\ud800" <= character <= "\udfff" else escape

    return _seen(document, escaped)


def _seen(text: str, show: Callable[[str], str]) -> str:
    return _UNSEEN_OR_FLAG.sub(lambda met: met[1] or show(met[0]), text)


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _escape_start(met: re.Match[str]) -> str:
    mark = met[0]
    return f"{mark}\\" if mark.isdigit() else re.sub(r"(?=[=#:+-])", r"\\", mark)


def spelled_out(name: str) -> str:
    """A file's name as text: names can hold any bytes, and those that are no UTF-8 are written as ``\\udcXX``."""
    return name.encode("utf-8", "backslashreplace").decode()


def well_formed(text: str) -> str:
    """A text that every file format can hold: halves of characters (lone surrogates) become U+FFFD, NULs go."""
    return _NOT_TEXT.sub(lambda found: "" if found[0] == "\0" else "\ufffd", text)


def whole_characters(text: str) -> str:
    """The text with halves of characters put together where they are a pair; any other becomes U+FFFD."""
    return text if is_text(text) else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
