"""What cannot be listed, as a ``Failure`` whose texts can be stored and shown."""

from __future__ import annotations

from ...foreign import is_text
from ..rows import Failure, FailureKind
from .ids import place_id


def failure(location: str, reason: str, kind: FailureKind = "unreadable", *, user_id: str = "") -> Failure:
    """A Failure of the listing. Its id stands for the place, since there is no content to make one of."""
    shown = printable(location)
    return Failure(place_id(location), shown, user_id, "list", kind, f"{shown}: {printable(reason)}")


def member_failure(archive: str, name: str, reason: str, kind: FailureKind = "unsafe") -> Failure:
    return failure(f"{archive}::{printable(name)}", reason, kind)


def printable(text: str) -> str:
    """The text as it can be stored and shown: what is no UTF-8 becomes a question mark."""
    return text if is_text(text) else text.encode(errors="replace").decode()
