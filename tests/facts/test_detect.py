"""The detector: decoding and suppression on constructed heads, and real pictures from the sample videos."""

from pathlib import Path

import av
import numpy as np
import pytest

from sharegpt4video.facts.detect import LABELS, ObjectDetector, network_size, overlaps

VIDEOS = Path(__file__).parents[3] / "shared" / "videos"


def first_frame(name: str) -> np.ndarray:
    path = VIDEOS / name
    if not path.exists():
        pytest.skip(f"the sample video {path} is not there")
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def heads_with(
    objects: list[tuple[int, int, int, str, float, tuple[int, int, int, int]]], rows: int, columns: int
) -> list:
    """Heads for a (rows * 32, columns * 32) picture that hold just these objects.

    Each is (head, row, column, label, score, distances of the four sides in strides).
    """
    heads = [np.full((124, rows * 32 // s, columns * 32 // s), -12.0, np.float32) for s in (8, 16, 32)]
    for head, row, column, label, score, sides in objects:
        heads[head][LABELS.index(label), row, column] = np.log(score / (1 - score))
        for side, distance in enumerate(sides):
            heads[head][80 + side * 11 + distance, row, column] = 40.0
    return heads


def test_there_are_eighty_labels() -> None:
    assert len(set(LABELS)) == 80
    assert (LABELS[0], LABELS[16], LABELS[79]) == ("person", "dog", "toothbrush")


def test_a_cell_becomes_a_box_around_its_centre() -> None:
    heads = heads_with([(1, 3, 5, "dog", 0.8, (1, 2, 3, 4))], 4, 6)
    (found,) = ObjectDetector().read_heads(heads)
    assert found.label == "dog"
    assert found.score == pytest.approx(0.8, abs=1e-3)
    x, y = 5.5 * 16, 3.5 * 16
    expected = ((x - 16) / 192, (y - 32) / 128, (x + 48) / 192, (y + 64) / 128)
    assert (found.box.left, found.box.top, found.box.right, found.box.bottom) == pytest.approx(expected, abs=1e-3)


def test_boxes_stay_inside_the_picture() -> None:
    (found,) = ObjectDetector().read_heads(heads_with([(2, 0, 0, "bus", 0.9, (9, 9, 9, 9))], 4, 6))
    assert (found.box.left, found.box.top, found.box.right, found.box.bottom) == (0.0, 0.0, 1.0, 1.0)


def dog_and(label: str, columns_apart: int) -> list[np.ndarray]:
    """A good dog of 64 x 64 pixels, and the same box with another label and score some cells of 8 pixels further."""
    side = (4, 4, 4, 4)
    return heads_with([(0, 8, 8, "dog", 0.9, side), (0, 8, 8 + columns_apart, label, 0.7, side)], 4, 4)


@pytest.mark.parametrize(
    ("label", "columns_apart", "expected"),
    [
        ("dog", 1, ["dog"]),  # they overlap by .78, over .55: one dog
        ("cat", 1, ["dog", "cat"]),  # under .80, it may be something else
        ("dog", 4, ["dog", "dog"]),  # .33: two dogs
    ],
)
def test_suppression(label: str, columns_apart: int, expected: list[str]) -> None:
    assert [d.label for d in ObjectDetector().read_heads(dog_and(label, columns_apart))] == expected


def test_one_box_has_one_label() -> None:
    found = ObjectDetector(any_label_overlap=0.7).read_heads(dog_and("cat", 1))
    assert [d.label for d in found] == ["dog"]


def test_there_is_a_limit() -> None:
    crowd = [(0, row, column, "bird", 0.6, (1, 1, 1, 1)) for row in range(0, 16, 3) for column in range(0, 16, 3)]
    assert len(ObjectDetector(max_detections=10).read_heads(heads_with(crowd, 4, 4))) == 10


def test_weak_cells_are_left_out() -> None:
    heads = heads_with([(0, 8, 8, "cat", 0.29, (4, 4, 4, 4))], 4, 4)
    assert ObjectDetector().read_heads(heads) == []
    assert len(ObjectDetector(min_score=0.25).read_heads(heads)) == 1


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (720, 1280, (224, 416)),
        (1280, 720, (416, 224)),
        (512, 512, (416, 416)),
        (10, 2000, (32, 416)),
        (1, 1, (416, 416)),
    ],
)
def test_network_size_keeps_proportions(height: int, width: int, expected: tuple[int, int]) -> None:
    assert network_size(height, width, 416) == expected


def test_overlap_of_quarter_shifted_squares() -> None:
    boxes = np.array([[0, 0, 4, 4]], np.float32)
    others = np.array([[0, 0, 4, 4], [2, 0, 6, 4], [4, 0, 8, 4], [1, 1, 1, 1]], np.float32)
    assert overlaps(boxes, others).tolist() == [[1.0, pytest.approx(1 / 3), 0.0, 0.0]]


def test_a_person_is_found_where_she_is() -> None:
    found = ObjectDetector(threads=1)(first_frame("yoga.mp4"))
    person = found[0]
    assert person.label == "person"
    assert person.score > 0.5
    # Told by eye: she is between 36 and 71 % of the width, 27 and 88 % of the height.
    edges = (person.box.left, person.box.top, person.box.right, person.box.bottom)
    assert edges == pytest.approx((0.36, 0.27, 0.71, 0.88), abs=0.05)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 900, 3), (360, 640, 3)])
def test_plain_pictures_of_any_size_hold_nothing(shape: tuple[int, int, int]) -> None:
    assert [d for d in ObjectDetector(threads=1)(np.full(shape, 128, np.uint8)) if d.score > 0.5] == []


def test_a_mirror_changes_no_box_but_what_is_seen() -> None:
    frame, detector = first_frame("yoga.mp4"), ObjectDetector(threads=1, min_score=0.5)
    plain, mirrored = detector(frame[:, ::-1]), detector(frame, mirrored=True)
    assert [d.label for d in plain] == [d.label for d in mirrored]
    assert plain[0].box.left == pytest.approx(1 - mirrored[0].box.right, abs=0.01)
    assert detector(frame)[0].box.left == pytest.approx(mirrored[0].box.left, abs=0.05)
