from __future__ import annotations

import io
from collections.abc import Callable

import av
import cv2
import numpy as np
import pytest

from media import write_video
from scenes import Picture, texture
from sharegpt4video.dataset.survey.phash import perceptual_hash

SEEDS = range(24)


def bits_between(one: Picture, other: Picture) -> int:
    left, right = perceptual_hash(one), perceptual_hash(other)
    assert left
    assert right
    return bin(int(left, 16) ^ int(right, 16)).count("1")


def coded(picture: Picture, crf: int) -> Picture:
    file = io.BytesIO()
    write_video(file, [picture] * 3, container="mp4", options={"crf": str(crf), "preset": "veryfast"})
    file.seek(0)
    with av.open(file) as container:
        return list(container.decode(video=0))[-1].to_ndarray(format="rgb24")


def scaled(picture: Picture, factor: float) -> Picture:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method), np.uint8)


def cropped(picture: Picture, share: float) -> Picture:
    height, width = picture.shape[:2]
    y, x = int(height * share / 2), int(width * share / 2)
    return picture[y : height - y, x : width - x]


def barred(picture: Picture, top: int, left: int, luma: int = 0) -> Picture:
    made = cv2.copyMakeBorder(picture, top, top, left, left, cv2.BORDER_CONSTANT, value=(luma, luma, luma))
    return np.asarray(made, np.uint8)


CHANGES: dict[str, tuple[Callable[[Picture], Picture], int]] = {
    "CRF 18": (lambda picture: coded(picture, 18), 2),
    "CRF 38": (lambda picture: coded(picture, 38), 4),
    "a quarter of the size": (lambda picture: scaled(picture, 0.25), 2),
    "double size": (lambda picture: scaled(picture, 2), 2),
    "another shape": (lambda picture: np.asarray(cv2.resize(picture, (400, 300)), np.uint8), 2),
    "brighter": (lambda picture: np.clip(picture * 1.15, 0, 255).astype(np.uint8), 4),
    "gamma": (lambda picture: (255 * (picture / 255.0) ** 1.4).astype(np.uint8), 8),
    "letterbox": (lambda picture: barred(picture, 48, 0), 6),
    "pillarbox": (lambda picture: barred(picture, 0, 80), 6),
    "noisy bars": (lambda picture: barred(picture, 48, 0, luma=16), 6),
    "crop 2 %": (lambda picture: cropped(picture, 0.02), 6),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_picture_that_looks_the_same_has_nearly_the_same_hash(name: str) -> None:
    change, most = CHANGES[name]
    assert max(bits_between(texture(seed), change(texture(seed))) for seed in list(SEEDS)[:8]) <= most


def test_different_pictures_have_different_hashes() -> None:
    hashes = np.array([int(perceptual_hash(texture(seed)), 16) for seed in SEEDS], np.uint64)
    bits = np.unpackbits((hashes[:, None] ^ hashes[None]).view(np.uint8), axis=-1).reshape(len(SEEDS), len(SEEDS), 64)
    distances = bits.sum(axis=-1)[np.triu_indices(len(SEEDS), 1)]
    assert distances.min() >= 14
    assert 28 < distances.mean() < 36


def test_photographs_are_told_apart() -> None:
    data = pytest.importorskip("skimage.data")
    photographs = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    for at, photograph in enumerate(photographs):
        assert bits_between(photograph, coded(photograph[:300, :400], 35)) > 8, "half of a picture is another one"
        assert bits_between(photograph, scaled(photograph, 0.5)) <= 2
        assert min(bits_between(photograph, other) for other in photographs[:at] + photographs[at + 1 :]) > 16


def test_a_mirrored_picture_flips_the_odd_waves_and_only_those() -> None:
    for seed in SEEDS:
        mirrored = np.ascontiguousarray(texture(seed)[:, ::-1])
        difference = int(perceptual_hash(texture(seed)), 16) ^ int(perceptual_hash(mirrored), 16)
        # The last bit is a wave without horizontal part; the others begin with the first horizontal one.
        assert difference == 0xAAAAAAAAAAAAAAAA


FLAT = {
    "black": np.zeros((72, 128, 3), np.uint8),
    "white": np.full((72, 128, 3), 255, np.uint8),
    "dark noise": np.random.default_rng(0).integers(0, 12, (360, 640, 3)).astype(np.uint8),
    "noise": np.random.default_rng(0).integers(0, 255, (360, 640, 3)).astype(np.uint8),
    "gradient": np.broadcast_to(np.linspace(0, 255, 640).astype(np.uint8)[None, :, None], (360, 640, 3)),
    "two halves": np.broadcast_to(np.where(np.arange(640) < 320, 0, 255).astype(np.uint8)[None, :, None], (90, 640, 3)),
    "the end of a fade": (texture(1) * 0.02).astype(np.uint8),
}


@pytest.mark.parametrize("name", FLAT)
def test_a_picture_with_too_little_in_it_has_no_hash(name: str) -> None:
    assert perceptual_hash(np.ascontiguousarray(FLAT[name])) == ""


def test_a_dark_scene_is_not_taken_for_bars() -> None:
    night = texture(3)
    night[:150] = 6
    lit = night.copy()
    lit[:60] = 0
    assert bits_between(night, lit) <= 4


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_anything_else_is_refused(picture: Picture) -> None:
    with pytest.raises(ValueError, match="uint8"):
        perceptual_hash(picture)
