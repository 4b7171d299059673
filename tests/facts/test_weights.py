"""The weights that ship are the ones their README names, load, and run at the sizes we use."""

import hashlib
import re
from importlib.resources import files

import numpy as np
import pytest

from sharegpt4video.facts import network
from sharegpt4video.video import transnet

FILES = [network.DETECTOR, network.POSE, network.PALM, network.FACE, transnet.FILE]
FOLDER = files("sharegpt4video.facts") / "weights"


def stated_sums() -> dict[str, str]:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([\w.-]+\.onnx)` .*`([0-9a-f]{64})` \|$", text, re.MULTILINE))


def test_readme_names_all_files() -> None:
    assert set(stated_sums()) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_file_is_the_one_the_readme_names(name: str) -> None:
    assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == stated_sums()[name]


def test_licences_and_credits_travel_with_the_weights() -> None:
    notice = (FOLDER / "NOTICE").read_text(encoding="utf-8")
    assert all(word in notice for word in ("RangiLyu", "Google", "Vladimir Mandic", "MediaPipe", *FILES))
    assert "Apache License" in (FOLDER / "LICENSE-Apache-2.0.txt").read_text(encoding="utf-8")
    for name in ("LICENSE-human-models-MIT.txt", "LICENSE-transnetv2-MIT.txt"):
        assert "MIT License" in (FOLDER / name).read_text(encoding="utf-8")


def test_weights_fit_a_wheel() -> None:
    assert sum(len((FOLDER / name).read_bytes()) for name in stated_sums()) < 24_000_000


@pytest.mark.parametrize(("height", "width", "pictures"), [(96, 160, 1), (64, 64, 3)])
def test_detector_takes_any_size_that_32_divides(height: int, width: int, pictures: int) -> None:
    pixels = np.zeros((pictures, height, width, 3), np.uint8)
    heads = network.run(network.DETECTOR, 1, ["head8", "head16", "head32", "stage32"], pixels)
    assert [head.shape for head in heads] == [
        (pictures, 124, height // 8, width // 8),
        (pictures, 124, height // 16, width // 16),
        (pictures, 124, height // 32, width // 32),
        (pictures, 512, height // 32, width // 32),
    ]


def test_a_picture_gives_the_same_alone_and_in_a_batch() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)
    together = network.run(network.DETECTOR, 1, ["head16"], pixels)[0]
    alone = np.concatenate([network.run(network.DETECTOR, 1, ["head16"], row[None])[0] for row in pixels])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_pose_network_gives_a_heat_map_per_joint() -> None:
    outputs = ["centre", "heat", "regress", "offset"]
    shapes = [o.shape for o in network.run(network.POSE, 1, outputs, np.zeros((1, 192, 192, 3), np.uint8))]
    assert shapes == [(1, 1, 48, 48), (1, 17, 48, 48), (1, 34, 48, 48), (1, 34, 48, 48)]


@pytest.mark.parametrize(("name", "anchors", "numbers"), [(network.PALM, 2016, 18), (network.FACE, 2304, 16)])
def test_palms_and_faces_have_a_row_for_each_anchor(name: str, anchors: int, numbers: int) -> None:
    outputs = network.run(name, 1, ["regress", "logit"], np.zeros((2, 192, 192, 3), np.uint8))
    assert [output.shape for output in outputs] == [(2, anchors, numbers), (2, anchors, 1)]
    assert outputs[1].max() < 0  # black shows neither
