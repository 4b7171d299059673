"""A conversation about a video: the frames are looked at once, and every question sees the answers before it."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from PIL import Image as Pillow

from ..checking import check_text
from ..errors import SettingsError
from ..prompts import DEFAULT
from ..records import Frame, Image
from ..video.compose import Pixels, encode_jpeg
from ..vlm.base import VLM, Request
from .backend import LvlmVLM
from .grid import video_grid

AskLayout = Literal["auto", "grid", "frames"]

_JPEG_QUALITY = 95


class Conversation:
    """Questions and answers about the frames of one video, with any model that looks at pictures.

    vlm         the model; it is not closed here
    frames      the frames, in the order of time, all of one size for a grid
    video       the video's name, for messages and provenance
    layout      "grid": one picture of all frames with white bands; "frames": one picture each; "auto": frames where
                the model takes so many pictures, else a grid
    system      the system text; "": the model's own
    max_tokens  the longest answer

    ``turns`` holds the finished questions and answers. Nothing is read or written but through the model. Raises
    SettingsError for a model that looks at no pictures, or takes fewer than the layout needs.
    """

    def __init__(
        self,
        vlm: VLM,
        frames: Sequence[Frame],
        *,
        video: str = "",
        layout: AskLayout = "auto",
        system: str = "",
        max_tokens: int = 512,
    ) -> None:
        if vlm.max_images < 1:
            raise SettingsError(
                f"the model {vlm.name!r} looks at no pictures, so it answers no questions about them; name one that"
                " does, such as lvlm:FOLDER, hf:NAME or server:MODEL@URL"
            )
        check_text(system, "the system text")
        if not frames:
            raise SettingsError("a conversation needs at least one frame of the video")
        self.turns: list[tuple[str, str]] = []
        self._vlm, self._video, self._system, self._max_tokens = vlm, video, system, max_tokens
        self._apart = _apart(vlm, len(frames), layout)
        self._seconds = tuple(frame.seconds for frame in frames)
        pictures = [frame.pixels for frame in frames] if self._apart else [video_grid(frames)]
        self._images = tuple(_encoded(pixels, png=vlm.takes_png) for pixels in pictures)

    async def ask(self, text: str) -> AsyncGenerator[str, None]:
        """The answer, piece by piece. An answer that is not read to its end is not remembered.

        Raises SettingsError for a question that is empty or no text, VLMError as the model does.
        """
        if not text.strip():
            raise SettingsError("the question is empty")
        check_text(text, "the question")
        pieces = []
        async for piece in self._vlm.stream(self.request(text)):
            pieces.append(piece)
            yield piece
        self.turns.append((text, "".join(pieces).strip()))

    def request(self, text: str) -> Request:
        """The request that a question becomes, with the turns before it."""
        questions = [question for question, _ in self.turns] + [text]
        questions[0] = self._about_frames() + questions[0]
        answers = [answer for _, answer in self.turns]
        return Request(
            "ask",
            video=self._video,
            images=self._images,
            seconds=self._seconds,
            layout="separate" if self._apart or len(self._seconds) == 1 else "grid",
            start_seconds=self._seconds[0],
            end_seconds=self._seconds[-1],
            user_text=questions[-1],
            system=self._system,
            earlier=tuple(zip(questions, answers, strict=False)),
            max_tokens=self._max_tokens,
        )

    def new(self) -> None:
        """Forget the questions and answers; the frames stay."""
        self.turns.clear()

    def _about_frames(self) -> str:
        """How the frames lie and when they are, for a model that was not trained with words of its own for that."""
        if isinstance(self._vlm, LvlmVLM):
            return ""
        words = DEFAULT.pictures_separate if self._apart else DEFAULT.pictures_grid
        if len(self._seconds) == 1:
            return ""
        times = ", ".join(f"{seconds:.2f}" for seconds in self._seconds) + " s"
        return words.format(count=len(self._seconds), times=times)


def _apart(vlm: VLM, count: int, layout: AskLayout) -> bool:
    if layout == "auto":
        return vlm.max_images > 1 and vlm.max_images >= count
    if layout == "frames" and count > vlm.max_images:
        raise SettingsError(
            f"{count} separate frames are more than the {vlm.max_images} pictures that {vlm.name} takes; use"
            " --layout grid, fewer frames, or raise max_images if the model takes more"
        )
    return layout == "frames"


def _encoded(pixels: Pixels, *, png: bool) -> Image:
    if not png:
        return encode_jpeg(pixels, _JPEG_QUALITY)
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return Image(buffer.getvalue(), pixels.shape[1], pixels.shape[0])
