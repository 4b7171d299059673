"""Pictures as data URLs: each encoded once, and the same bytes every time it is sent."""

from __future__ import annotations

import base64
import io
from collections import OrderedDict
from collections.abc import Sequence

import PIL.Image

from ..errors import VLMError
from ..records import Image

_DATA = "data:image/jpeg;base64,"
_QUALITIES = (90, 80, 65, 50)
_SMALLEST_SIDE_PIXELS = 32


class DataUrls:
    """Makes data URLs of JPEG pictures and keeps the latest ones, ``cache_bytes`` of them.

    A keyframe is sent with the step that ends there and with the one that begins there. Servers cache a picture by its
    bytes and a prompt by its beginning, so both must get the same text. A picture over ``side_pixels`` (longer side)
    or ``size_bytes`` (of the JPEG) is made smaller, which costs a new JPEG encoding; None is no limit.
    """

    def __init__(
        self, *, side_pixels: int | None = None, size_bytes: int | None = None, cache_bytes: int = 64 * 2**20
    ) -> None:
        self.side_pixels = side_pixels
        self.size_bytes = size_bytes
        self.cache_bytes = cache_bytes
        self._urls: OrderedDict[bytes, str] = OrderedDict()
        self._held_bytes = 0

    def url(self, image: Image) -> str:
        """The picture as ``data:image/jpeg;base64,...``. Raises VLMError if it cannot be made small enough."""
        if image.jpeg in self._urls:
            self._urls.move_to_end(image.jpeg)
            return self._urls[image.jpeg]
        url = _data_url(self._fitting(image, self.size_bytes))
        self._urls[image.jpeg] = url
        self._held_bytes += len(url) + len(image.jpeg)
        while self._held_bytes > self.cache_bytes and len(self._urls) > 1:
            jpeg, dropped = self._urls.popitem(last=False)
            self._held_bytes -= len(dropped) + len(jpeg)
        return url

    def urls(self, images: Sequence[Image], together_bytes: int | None = None) -> list[str]:
        """The pictures of one request; all are made smaller if they are over ``together_bytes`` as data URLs.

        Raises VLMError if they cannot be made small enough.
        """
        urls = [self.url(image) for image in images]
        if together_bytes is None or sum(map(len, urls)) <= together_bytes:
            return urls
        each = (together_bytes // len(images) - len(_DATA)) * 3 // 4
        return [_data_url(self._fitting(image, min(each, self.size_bytes or each))) for image in images]

    def _fitting(self, image: Image, size_bytes: int | None) -> bytes:
        side_pixels = max(image.width, image.height)
        limit = min(side_pixels, self.side_pixels or side_pixels)
        if limit == side_pixels and _light_enough(image.jpeg, size_bytes):
            return image.jpeg
        while limit >= _SMALLEST_SIDE_PIXELS:
            for quality in _QUALITIES:
                jpeg = _smaller(image.jpeg, limit, quality)
                if _light_enough(jpeg, size_bytes):
                    return jpeg
            limit = limit * 3 // 4
        raise VLMError(
            f"a picture of {image.width}x{image.height} does not fit into {size_bytes} bytes at any size;"
            " raise max_image_bytes, or max_request_bytes if there are many"
        )


def _light_enough(jpeg: bytes, size_bytes: int | None) -> bool:
    return size_bytes is None or len(jpeg) <= size_bytes


def _data_url(jpeg: bytes) -> str:
    return _DATA + base64.b64encode(jpeg).decode("ascii")


def _smaller(jpeg: bytes, side_pixels: int, quality: int) -> bytes:
    with PIL.Image.open(io.BytesIO(jpeg)) as picture:
        picture.draft("RGB", (side_pixels, side_pixels))  # lets the decoder skip detail that is not kept
        small = picture.convert("RGB")
    small.thumbnail((side_pixels, side_pixels), PIL.Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
