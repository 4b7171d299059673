"""How one model's pictures and sound are sent: how many, how large, with which text, and whether as a video."""

from __future__ import annotations

import base64
import logging
from typing import Any

from ..errors import VLMError
from ..wording import counted
from .base import Request
from .media import Media, SentSound, VideoForm, labels, picture_times, sound_label, video_form
from .pictures import DataUrls
from .sounds import SoundForm, sound_file, sound_form

logger = logging.getLogger(__name__)


class Sending:
    """Makes the `Media` of requests for one model; tells once where pictures are put together or made smaller.

    ``name`` is the model's, for messages; ``model`` decides what "auto" means for its family. The other arguments are
    options of `ServerVLM`. Raises SettingsError for an invalid one.
    """

    def __init__(
        self,
        name: str,
        model: str,
        *,
        max_images: int,
        side_pixels: int | None = None,
        image_bytes: int | None = None,
        request_bytes: int | None = None,
        times: str = "none",
        video: VideoForm = "off",
        sound: SoundForm = "off",
    ) -> None:
        self._name, self._max_images, self._request_bytes = name, max_images, request_bytes
        self._pictures = DataUrls(side_pixels=side_pixels, size_bytes=image_bytes)
        self._times, self.video, self.sound = picture_times(times, model), video_form(video), sound_form(sound)
        self._remarks: set[str] = set()

    def identity(self) -> dict[str, Any]:
        """What decides answers; options that earlier versions did not have only where they are used."""
        limits = {"side_pixels": self._pictures.side_pixels, "size_bytes": self._pictures.size_bytes}
        video = "" if self.video == "off" else self.video
        added = {"max_request_bytes": self._request_bytes, "picture_times": self._times, "native_video": video,
                 "send_sound": "" if self.sound == "off" else self.sound}  # fmt: skip
        used = {name: value for name, value in added.items() if value}
        return {**limits, "max_images": self._max_images, **used}

    def media(self, request: Request) -> Media:
        """The pictures and the sound of a request as they go out.

        Raises VLMError for pictures that are too many, or cannot be made to fit.
        """
        if len(request.images) > self._max_images:
            raise VLMError(
                f"{self._name}: a {request.task} request carries {len(request.images)} pictures, but max_images is"
                f" {self._max_images}; raise max_images if the server takes more, or have them put into one picture"
                " (video.compose.arrange)"
            )
        self._tell(request)
        sound, room = self._sound(request), self._request_bytes
        if sound is not None and room is not None:
            room -= len(sound.data)
        urls = self._pictures.urls(request.images, room)
        return Media.of(request, urls, texts=labels(request, self._times), video=self.video, sound=sound)

    def _sound(self, request: Request) -> SentSound | None:
        """The sound in base64. It may take half of a request; more is left out, and the user is told."""
        if request.sound is None or self.sound == "off":
            return None
        data = base64.b64encode(sound_file(request.sound, self.sound)).decode()
        if self._request_bytes is not None and len(data) > self._request_bytes // 2:
            smaller = "; send_sound=mp3 sends a fifth of it" if self.sound == "wav" else ""
            self._say(
                f"sound that takes more than half of a request ({self._request_bytes / 1e6:g} MB, max_request_bytes) is"
                f" left out{smaller}"
            )
            return None
        return SentSound(data, self.sound, sound_label(request))

    def _tell(self, request: Request) -> None:
        if request.layout == "separate" and 0 < len(request.images) < len(request.seconds):
            most = counted(self._max_images, "picture")
            self._say(f"takes at most {most} a request (max_images): more are put into one picture")
        limit, sent = self._request_bytes, sum(len(image.jpeg) * 4 // 3 for image in request.images)
        if limit is not None and sent > limit:
            self._say(f"takes {limit / 1e6:g} MB a request (max_request_bytes): pictures are made smaller to fit")

    def _say(self, remark: str) -> None:
        if remark not in self._remarks:
            self._remarks.add(remark)
            logger.warning("%s: %s", self._name, remark)
