"""The videos that clips are cut from: whether they are there, and still the ones that were captioned."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..caption_files import AnotherVideo, check_made_from
from ..errors import VideoError
from ..files import file_state
from .cutting import NotCut
from .record import Record


@dataclass(frozen=True)
class Original:
    """The video of a record, with its ``file_state`` when its clips were planned; None for an address."""

    video: str
    content_id: str
    state: tuple[int, int] | None

    @property
    def is_local(self) -> bool:
        return "://" not in self.video

    def mark(self) -> str:
        """Eight hex digits for clips of this file with this caption.

        Clips with such a name were cut from a file that had been compared with its caption.
        """
        told = [self.video, *(self.state or ()), self.content_id]
        if self.content_id and self.is_local:
            told.append("compared")  # earlier versions did not: what they cut is cut again
        text = " ".join(map(str, told))
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=4).hexdigest()


def original_of(record: Record) -> Original | NotCut:
    """The video of a record, or that it is not there."""
    if "://" in record.video:
        return Original(record.video, record.caption.content_id, None)
    state = file_state(record.video)
    if state is None:
        return NotCut("video is not there; name the folder of the videos (--media)", record.video)
    return Original(record.video, record.caption.content_id, state)


class Comparison:
    """Holds videos against the captions of their records. A file that several records in a row name is read once."""

    def __init__(self) -> None:
        self._last: tuple[Original, NotCut | None] | None = None
        self.addresses = 0
        """Records of addresses: whether these still lead to the same videos is not looked up."""

    def problem(self, original: Original) -> NotCut | None:
        """Why a video cannot go with the caption of its record."""
        if not original.is_local:
            self.addresses += 1
            return None
        if self._last is None or self._last[0] != original:
            self._last = original, _compared(original)
        return self._last[1]


def _compared(original: Original) -> NotCut | None:
    try:
        check_made_from(original.video, original.content_id)
    except AnotherVideo:
        return NotCut(
            "video is not the one that was captioned; caption it again, or name the folder of the original (--media)",
            f"{original.video}: its content is not that of the video that was captioned",
        )
    except VideoError as unreadable:
        return NotCut("cannot be read or cut", str(unreadable))
    return None
