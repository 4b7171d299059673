"""Detectors of a user's own: tiny networks with known answers, in the forms that D-FINE and RF-DETR are exported in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sees_nothing
import tiny_onnx as tiny
from sharegpt4video.config import FactSettings
from sharegpt4video.errors import SettingsError
from sharegpt4video.facts.detect import LABELS, Detection, ObjectDetector
from sharegpt4video.facts.observe import Observer, Span, open_detector
from sharegpt4video.facts.onnx_detector import OnnxDetector
from sharegpt4video.records import Box, Look

PICTURES = tiny.value("images", tiny.FLOAT, (1, 3, 32, 64))
LEFT = [0.1, 0.2, 0.4, 0.6]
GREY = np.full((90, 120, 3), 153, np.uint8)  # 0.6 of white


def decoded(folder: Path) -> Path:
    """Two boxes, a person with the picture's brightness as score and a dog with half of it, as D-FINE tells them."""
    nodes = [
        tiny.node("ReduceMean", ["images"], "mean", keepdims=0),
        tiny.node("Mul", ["mean", "shares"], "scores"),
        tiny.node("Cast", ["size"], "lengths", to=tiny.FLOAT),
        tiny.node("Concat", ["lengths", "lengths"], "sides", axis=1),
        tiny.node("Mul", ["fractions", "sides"], "boxes"),
        tiny.node("Identity", ["kinds"], "labels"),
    ]
    constants = [
        tiny.tensor("shares", [[1.0, 0.5]]),
        tiny.tensor("fractions", [[LEFT, [0.5, 0.5, 1.2, 1.0]]]),
        tiny.tensor("kinds", [[0, 16]], np.int64),
    ]
    outputs = [
        tiny.value("labels", tiny.INT64, (1, 2)),
        tiny.value("boxes", tiny.FLOAT, (1, 2, 4)),
        tiny.value("scores", tiny.FLOAT, (1, 2)),
    ]
    path = folder / "dfine.onnx"
    path.write_bytes(tiny.model(nodes, constants, [PICTURES, tiny.value("size", tiny.INT64, (1, 2))], outputs))
    return path


def queries(
    folder: Path, classes: int, kind: int, names: tuple[str, str] = ("dets", "labels"), middle: float = 0.25
) -> Path:
    """One box of one kind: its logit is the red of the picture as the network gets it."""
    one = np.full((1, 1, classes), -9.0)
    one[0, 0, kind] = 0.0
    red = np.zeros((1, 3, 1, 1))
    red[0, 0] = 3.0  # a mean over three channels, two of them nothing
    nodes = [
        tiny.node("Mul", ["images", "red"], "reds"),
        tiny.node("ReduceMean", ["reds"], "mean", keepdims=0),
        tiny.node("Add", ["base", "mean"], names[1]),
        tiny.node("Identity", ["centre"], names[0]),
    ]
    constants = [tiny.tensor("red", red), tiny.tensor("base", one), tiny.tensor("centre", [[[middle, 0.4, 0.3, 0.4]]])]
    outputs = [tiny.value(names[0], tiny.FLOAT, (1, 1, 4)), tiny.value(names[1], tiny.FLOAT, (1, 1, classes))]
    path = folder / ("detr.onnx" if names[0] == "dets" else "hf.onnx")
    path.write_bytes(tiny.model(nodes, constants, [PICTURES], outputs))
    return path


def approximately(box: Box) -> tuple[float, ...]:
    return tuple(round(side, 4) for side in (box.left, box.top, box.right, box.bottom))


def test_labels_boxes_and_scores_are_read_as_d_fine_tells_them(tmp_path: Path) -> None:
    person, dog = OnnxDetector(decoded(tmp_path), min_score=0.2)(GREY)
    assert (person.label, dog.label) == ("person", "dog")
    assert (person.score, dog.score) == pytest.approx((0.6, 0.3), abs=1e-4)
    assert approximately(person.box) == tuple(LEFT)
    assert approximately(dog.box) == (0.5, 0.5, 1.0, 1.0)
    assert [one.label for one in OnnxDetector(decoded(tmp_path), min_score=0.4)(GREY)] == ["person"]


def test_a_mirrored_picture_gives_boxes_of_the_picture_as_it_was(tmp_path: Path) -> None:
    person = OnnxDetector(decoded(tmp_path), min_score=0.4)(GREY, mirrored=True)[0]
    assert approximately(person.box) == (0.6, 0.2, 0.9, 0.6)


@pytest.mark.parametrize(
    ("classes", "kind", "label"), [(80, 79, "toothbrush"), (91, 90, "toothbrush"), (91, 13, "stop sign")]
)
def test_rf_detr_gets_scaled_colours_and_numbers_kinds_as_coco_does(
    tmp_path: Path, classes: int, kind: int, label: str
) -> None:
    (found,) = OnnxDetector(queries(tmp_path, classes, kind), min_score=0.2)(GREY)
    assert found.label == label
    assert found.score == pytest.approx(1 / (1 + np.exp(-(0.6 - 0.485) / 0.229)), abs=1e-4)
    assert approximately(found.box) == tuple(LEFT)
    path = queries(tmp_path, classes, kind, ("pred_boxes", "logits"))
    assert OnnxDetector(path, min_score=0.2)(GREY)[0].score == pytest.approx(1 / (1 + np.exp(-0.6)), abs=1e-4)


def test_labels_and_scaling_come_from_the_file_beside_it(tmp_path: Path) -> None:
    path = queries(tmp_path, 3, 1)
    with pytest.raises(SettingsError, match=r'3 classes have no labels; list them as \{"labels".* in detr.json'):
        OnnxDetector(path, min_score=0.2)
    beside = {"labels": ["pallet", "forklift", ""], "mean": [0.6, 0, 0], "std": [1, 1, 1]}
    path.with_suffix(".json").write_text(json.dumps(beside), encoding="utf-8")
    (found,) = OnnxDetector(path, min_score=0.2)(GREY)
    assert (found.label, round(found.score, 3)) == ("forklift", 0.5)
    path.with_suffix(".json").write_text(json.dumps({**beside, "labels": ["pallet", "", ""]}), encoding="utf-8")
    assert OnnxDetector(path, min_score=0.2)(GREY) == []


@pytest.mark.parametrize(
    "beside", ["{", "[1]", '{"labels": ["a"], "std": [1, 0, 1]}', '{"labels": ["a", "b", "c", "d"]}']
)
def test_a_file_beside_it_that_cannot_be_used_is_named(tmp_path: Path, beside: str) -> None:
    path = queries(tmp_path, 3, 1)
    path.with_suffix(".json").write_text(beside, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"detr\.json"):
        OnnxDetector(path, min_score=0.2)


def test_what_is_no_detector_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        open_detector(str(tmp_path / "none.onnx"))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(SettingsError, match="ONNX Runtime cannot load it"):
        open_detector(str(broken))
    one = tmp_path / "one.onnx"
    outputs = [tiny.value("mean", tiny.FLOAT, (1, 3, 1, 1))]
    one.write_bytes(tiny.model([tiny.node("GlobalAveragePool", ["images"], "mean")], [], [PICTURES], outputs))
    with pytest.raises(SettingsError, match="neither labels, boxes and scores nor boxes and logits"):
        open_detector(str(one))
    with pytest.raises(SettingsError, match=r"facts\.detector is embedded or the path of an \.onnx file, not .yolo."):
        FactSettings(detector="yolo")


def test_the_one_that_sees_nothing_is_what_its_module_makes() -> None:
    """Other tests use the file, whose scores are below every threshold."""
    assert Path(sees_nothing.SEES_NOTHING).read_bytes() == sees_nothing.made()
    assert OnnxDetector(Path(sees_nothing.SEES_NOTHING), min_score=0.01)(GREY) == []


def test_the_settings_choose_the_detector(tmp_path: Path) -> None:
    assert isinstance(open_detector("embedded"), ObjectDetector)
    detector = open_detector(str(decoded(tmp_path)))
    assert isinstance(detector, OnnxDetector)
    assert all(isinstance(one, Detection) and one.label in LABELS for one in detector(GREY))


@dataclass(frozen=True)
class Grey:
    """A frame of one grey."""

    seconds: float

    def small(self, side_pixels: int) -> np.ndarray[Any, Any]:
        return np.full((side_pixels // 2, side_pixels, 3), 153, np.uint8)


def test_what_it_finds_is_followed_by_its_own_name(tmp_path: Path) -> None:
    path = queries(tmp_path, 3, 1, middle=0.5)
    beside = {"labels": ["pallet", "forklift", ""], "mean": [0.0, 0, 0], "std": [0.5, 1, 1]}
    path.with_suffix(".json").write_text(json.dumps(beside), encoding="utf-8")
    observer = Observer(FactSettings(ocr=False, detector=str(path)))
    for _ in observer.watch(Grey(number / 4) for number in range(17)):  # type: ignore[misc]
        pass
    (found,) = observer.facts(0.0, 2.0, Span(0.0, 4.0), Look(0.5, 0.5, 0.0, ())).objects
    assert (found.label, found.score) == ("forklift", pytest.approx(0.769, abs=1e-3))
