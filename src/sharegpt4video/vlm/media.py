"""The pictures of a request as parts of a chat message: one by one, with or without times, or as one video; sound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import SettingsError
from .base import FREE_TASKS, Request
from .reasoning import as_word
from .sounds import SoundForm

VideoForm = Literal["off", "jpeg_frames", "frame_list"]
"""How a server takes frames as one video. ``jpeg_frames``: vLLM's ``video/jpeg`` data URL, with the true time of each;
``frame_list``: DashScope's list of pictures, with a mean frame rate."""

_LEAST_FRAMES: dict[VideoForm, int] = {"jpeg_frames": 3, "frame_list": 4}  # two pictures are compared, not watched
_LEAST_FPS, _MOST_FPS = 0.1, 10.0  # of DashScope's list
_CLOCK_HZ = 1000  # frames are numbered in milliseconds, so that number / rate is the frame's true time

# What families of models are shown before each frame in training, by their processors in transformers; Gemini's
# documentation asks for times as MM:SS.
_FAMILY_TIMES = (
    (r"qwen-?3[\w.]*-?vl|qwen-?3\.[5-9]|qwen-?[4-9]|lfm-?3-vl", "<{seconds:.1f} seconds>"),
    (r"smolvlm", "Frame from {clock}:"),
    (r"gemma-?4|gemini", "{clock}"),
)
_NAMED_TIMES = {"none": "", "": "", "seconds": "<{seconds:.1f} seconds>", "clock": "{clock}"}


def picture_times(choice: str, model: str) -> str:
    """The template of the text before each picture; "" for none.

    ``choice`` is "none", "seconds", "clock", "auto" (as the model's family is trained) or a template with
    ``{seconds}``, ``{clock}`` or ``{number}``. Raises SettingsError for a template with other fields.
    """
    if choice in _NAMED_TIMES:
        return _NAMED_TIMES[choice]
    if choice == "auto":
        return next((form for pattern, form in _FAMILY_TIMES if re.search(pattern, model, re.IGNORECASE)), "")
    try:
        choice.format(seconds=0.5, clock="00:00", number=1)
    except (LookupError, ValueError, AttributeError) as error:
        raise SettingsError(
            "picture_times is none, auto, seconds, clock or a text with {seconds}, {clock} or {number}, such as"
            f" '<{{seconds:.1f}} seconds>', not {choice!r} ({error})"
        ) from error
    return choice


def video_form(choice: object) -> VideoForm:
    """The value of the option ``native_video`` of a server. Raises SettingsError for an unknown one."""
    form: VideoForm = as_word(choice)
    if form not in ("off", *_LEAST_FRAMES):
        raise SettingsError(f"native_video is off, {' or '.join(_LEAST_FRAMES)}, not {choice!r}")
    return form


def labels(request: Request, template: str) -> tuple[str, ...]:
    """The text before each picture; none where a picture holds several frames."""
    if not template or len(request.images) != len(request.seconds):
        return ()
    clocks = _clocks(request.seconds)
    frames = enumerate(zip(request.seconds, clocks, strict=True), start=request.first_number)
    return tuple(template.format(seconds=moment, clock=clock, number=number) for number, (moment, clock) in frames)


def _clocks(seconds: Sequence[float]) -> list[str]:
    """Times as MM:SS; with tenths where two would be equal."""
    whole = [f"{int(moment) // 60:02d}:{int(moment) % 60:02d}" for moment in seconds]
    if len(set(whole)) == len(whole):
        return whole
    tenths = [round(moment * 10) for moment in seconds]
    return [f"{tenth // 600:02d}:{tenth % 600 / 10:04.1f}" for tenth in tenths]


def can_be_video(request: Request, least: int) -> bool:
    """Whether the pictures of a request are at least so many frames of one size, each a picture of its own."""
    sizes = {(image.width, image.height) for image in request.images}
    apart = request.layout == "separate" and len(request.images) == len(request.seconds)
    return apart and len(request.images) >= least and len(sizes) == 1


def sound_label(request: Request) -> str:
    """The text before the sound: when it is heard, and that it is to be described, unless the caller has words for it.

    It belongs to no prompt set, so that requests without sound keep their keys.
    """
    assert request.sound is not None
    times = f"The sound from {request.sound.start_seconds:.2f} s to {request.sound.end_seconds:.2f} s"
    if request.task in FREE_TASKS:
        return f"{times}:"
    return f"{times}, to be described with the pictures: say what is heard, and quote speech only where it is clear."


@dataclass(frozen=True)
class SentSound:
    """Sound as it goes out: a file in base64, what kind of file, and the text before it."""

    data: str
    form: SoundForm
    label: str


@dataclass(frozen=True)
class Media:
    """The pictures and the sound of a request as they go out.

    urls     a data URL for each picture
    seconds  their times, where each is one frame
    labels   the text before each; none: ()
    video    the form of the video that they are for servers that take one
    sound    what is heard with them, for models that hear
    """

    urls: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    video: VideoForm = "off"
    sound: SentSound | None = None

    @staticmethod
    def of(
        request: Request,
        urls: Sequence[str],
        *,
        texts: Sequence[str] = (),
        video: VideoForm = "off",
        sound: SentSound | None = None,
    ) -> Media:
        """The pictures of a request, at these URLs. They stay pictures where they make no video."""
        as_video = video != "off" and can_be_video(request, _LEAST_FRAMES[video])
        if as_video and video == "frame_list":  # its frame rate is the only word about times, and is bounded
            as_video = _LEAST_FPS <= _mean_fps(request.seconds) <= _MOST_FPS
        return Media(tuple(urls), request.seconds, tuple(texts), video if as_video else "off", sound)

    def parts(self, *, as_video: bool = True) -> list[dict[str, Any]]:
        """The parts of a message that hold them: first what is seen, then what is heard."""
        return [*self._seen(as_video=as_video), *self._heard()]

    def _heard(self) -> list[dict[str, Any]]:
        if self.sound is None:
            return []
        file = {"data": self.sound.data, "format": self.sound.form}
        return [{"type": "text", "text": self.sound.label}, {"type": "input_audio", "input_audio": file}]

    def _seen(self, *, as_video: bool) -> list[dict[str, Any]]:
        if as_video and self.video == "jpeg_frames":
            frames = ",".join(url.partition(",")[2] for url in self.urls)
            return [{"type": "video_url", "video_url": {"url": f"data:video/jpeg;base64,{frames}"}}]
        if as_video and self.video == "frame_list":
            return [{"type": "video", "video": list(self.urls), "fps": _mean_fps(self.seconds)}]
        found: list[dict[str, Any]] = []
        for number, url in enumerate(self.urls):
            if self.labels:
                found.append({"type": "text", "text": self.labels[number]})
            found.append({"type": "image_url", "image_url": {"url": url}})
        return found

    def fields(self, *, as_video: bool = True) -> dict[str, Any]:
        """More fields of the request: the times of the frames, which vLLM takes apart from them."""
        if not as_video or self.video != "jpeg_frames":
            return {}
        numbers = [round(moment * _CLOCK_HZ) for moment in self.seconds]
        video = {
            "fps": float(_CLOCK_HZ),
            "frames_indices": numbers,
            "total_num_frames": max(numbers[-1] + 1, len(numbers)),
            "num_frames": -1,
        }
        return {"media_io_kwargs": {"video": video}}


def _mean_fps(seconds: Sequence[float]) -> float:
    span = seconds[-1] - seconds[0]
    return round((len(seconds) - 1) / span, 3) if span > 0 else 0.0
