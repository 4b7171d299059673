"""Pictures become data URLs once, within limits of size and memory."""

from __future__ import annotations

import base64
import io

import PIL.Image
import pytest

from made_requests import picture
from sharegpt4video.errors import VLMError
from sharegpt4video.records import Image
from sharegpt4video.vlm.pictures import DataUrls


def size_of(url: str) -> tuple[int, int]:
    with PIL.Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return image.size


def test_a_picture_within_the_limits_is_sent_byte_for_byte() -> None:
    image = picture(1, 100, 60)
    url = DataUrls(side_pixels=100, size_bytes=len(image.jpeg)).url(image)
    assert url == "data:image/jpeg;base64," + base64.b64encode(image.jpeg).decode()


def test_the_same_picture_gives_the_same_text_without_work() -> None:
    urls, image = DataUrls(side_pixels=50), picture(1, 100, 60)
    same = Image(bytes(bytearray(image.jpeg)), 100, 60)
    assert urls.url(image) is urls.url(same)


@pytest.mark.parametrize(
    ("width", "height", "wanted"), [(400, 300, (200, 150)), (300, 400, (150, 200)), (201, 9, (200, 9))]
)
def test_a_large_picture_keeps_its_shape(width: int, height: int, wanted: tuple[int, int]) -> None:
    assert size_of(DataUrls(side_pixels=200).url(picture(2, width, height))) == wanted


def test_an_impossible_limit_is_an_error_that_names_it() -> None:
    with pytest.raises(VLMError, match=r"400x300 does not fit into 100 bytes at any size; raise max_image_bytes"):
        DataUrls(size_bytes=100).url(picture(3, 400, 300))


def test_memory_is_bounded_and_the_latest_pictures_stay() -> None:
    urls, images = DataUrls(cache_bytes=100_000), [picture(seed, 100, 100) for seed in range(20)]
    made = [urls.url(image) for image in images]
    assert sum(map(len, made)) > 150_000
    assert urls.url(images[-1]) is made[-1]
    assert urls.url(images[0]) is not made[0]
    assert urls.url(images[0]) == made[0]
