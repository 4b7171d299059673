"""The embedded encoder: shape, length, and that changes move the cosine more than noise does."""

from pathlib import Path

import av
import numpy as np
import pytest

from sharegpt4video.facts.encoder import BackboneEncoder

VIDEOS = Path(__file__).parents[3] / "shared" / "videos"


def scene(seed: int) -> np.ndarray:
    """Blocks of colour, 160 x 96: something with an inside."""
    colours = np.random.default_rng(seed).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    return colours.repeat(32, axis=0).repeat(32, axis=1)


def test_rows_have_length_one_for_pictures_of_any_size() -> None:
    pictures = [scene(1), np.zeros((1, 1, 3), np.uint8), np.full((700, 300, 3), 255, np.uint8)]
    rows = BackboneEncoder(threads=1).encode(pictures)
    assert rows.shape == (3, 4608)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_no_pictures_no_rows() -> None:
    assert BackboneEncoder().encode([]).shape == (0, 4608)


def test_the_batch_a_picture_comes_in_does_not_matter() -> None:
    encoder, pictures = BackboneEncoder(threads=1), [scene(seed) for seed in range(3)]
    alone = np.concatenate([encoder.encode([picture]) for picture in pictures])
    np.testing.assert_allclose(encoder.encode(pictures), alone, atol=1e-4)


def test_noise_and_light_stay_over_the_threshold_and_other_scenes_under_it() -> None:
    base = scene(4)
    noisy = np.clip(base + np.random.default_rng(0).normal(0, 4, base.shape), 0, 255).astype(np.uint8)
    darker = (base * 0.93).astype(np.uint8)
    encoder = BackboneEncoder(threads=1)
    first, same, dark, other, turned = encoder.encode([base, noisy, darker, scene(5), base[:, ::-1].copy()])
    assert min(first @ same, first @ dark) > encoder.similarity
    assert max(first @ other, first @ turned) < encoder.similarity


def test_poses_of_a_real_video_are_told_apart() -> None:
    if not (VIDEOS / "yoga.mp4").exists():
        pytest.skip(f"the sample video {VIDEOS / 'yoga.mp4'} is not there")
    wanted, pictures = [0.5, 1.0, 4.5, 5.0, 7.5, 8.0], []  # two moments of each of three poses, told by eye
    with av.open(str(VIDEOS / "yoga.mp4")) as container:
        for frame in container.decode(video=0):
            if len(pictures) < len(wanted) and frame.time >= wanted[len(pictures)]:
                pictures.append(frame.to_ndarray(format="rgb24"))
    encoder = BackboneEncoder(threads=1)
    cosines = (rows := encoder.encode(pictures)) @ rows.T
    pose = np.repeat(np.arange(3), 2)
    same = (pose[:, None] == pose[None, :]) & ~np.eye(6, dtype=bool)
    assert cosines[same].min() > encoder.similarity
    assert cosines[pose[:, None] != pose[None, :]].max() < encoder.similarity
