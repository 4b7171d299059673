"""What a search gives: moments, and how many steps were searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..display import Result
from ..wording import counted


@dataclass(frozen=True)
class Moment:
    """A part of a video that fits a query.

    video       what opens the video: path, address, or the name in the caption
    id          its id in a data set; "" outside of one
    start_seconds, end_seconds  where it is, on the video's own clock
    text        the step's text
    score       how well the text fits (0..1), by words and, with an encoder, by meaning
    model_score how well a model finds that the pictures fit (0..1); None if none was asked
    problem     why the model could not judge it, or why its video is not shown; "" otherwise
    replaced    whether another video lies where its own was: it has no link
    """

    video: str
    start_seconds: float
    end_seconds: float
    text: str
    score: float
    id: str = ""
    model_score: float | None = None
    problem: str = ""
    replaced: bool = False

    @property
    def link(self) -> str:
        """The address of the moment as a media fragment (W3C), which browsers start to play at its time.

        "" if another video lies there now.
        """
        from pathlib import Path

        if self.replaced:
            return ""
        address = self.video if "://" in self.video else Path(self.video).absolute().as_uri()
        return f"{address}#t={self.start_seconds:.2f},{self.end_seconds:.2f}"


@dataclass(frozen=True, repr=False)
class Found(Result):
    """The moments of a search, best first.

    ``steps_searched`` counts the steps looked at; ``encoder`` names what compared the meaning ("": words alone).
    """

    query: str
    moments: tuple[Moment, ...]
    steps_searched: int
    encoder: str = ""

    def text(self) -> str:
        lines = [f"{one.start_seconds:8.1f} s  {one.score:.2f}  {one.video}  {one.text}" for one in self.moments]
        return "\n".join([*lines, f"{counted(len(self.moments), 'moment')} in {counted(self.steps_searched, 'step')}"])


def playlist(moments: Sequence[Moment]) -> str:
    """The moments as an M3U playlist with VLC's start and stop times; those whose video was replaced are left out."""
    lines = ["#EXTM3U"]
    for one in moments:
        if one.replaced:
            continue
        title = " ".join(one.text.split())
        lines += [
            f"#EXTINF:{one.end_seconds - one.start_seconds:.0f},{title}",
            f"#EXTVLCOPT:start-time={one.start_seconds:.2f}",
            f"#EXTVLCOPT:stop-time={one.end_seconds:.2f}",
            one.link.partition("#")[0],
        ]
    return "\n".join(lines) + "\n"
