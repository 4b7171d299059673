"""File names for any file system: at most 255 bytes; longer ones are shortened but stay distinct."""

from __future__ import annotations

import hashlib
import os

MAX_NAME_BYTES = 255
"""The limit of nearly every file system, in bytes of UTF-8."""


def file_name(stem: str, ending: str) -> str:
    """``stem`` and ``ending`` as one name; a long stem is cut and gets a hash of the whole, the same each time.

    Bytes that are not UTF-8 (as ``os.fsdecode`` gives them) do not change.
    """
    whole = os.fsencode(stem)
    room = MAX_NAME_BYTES - len(os.fsencode(ending))
    if len(whole) <= room:
        return f"{stem}{ending}"
    mark = f"~{hashlib.blake2b(whole, digest_size=6).hexdigest()}"
    kept = whole[: room - len(mark)]
    while kept and (whole[len(kept)] & 0xC0) == 0x80:  # do not cut within a character
        kept = kept[:-1]
    return f"{os.fsdecode(kept)}{mark}{ending}"
