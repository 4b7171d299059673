"""Lists of conversations for LLaVA-style trainers, written one by one, and their pictures."""

from __future__ import annotations

from typing import Any

from ...records import Image
from .selection import SPLITS
from .target import SplitFiles, Target, json_line
from .tokens import without_tokens


class ConversationFiles:
    """One file for each split, opened when needed: a JSON list, or a line for each (``lines``). A context manager."""

    def __init__(self, target: Target, *, lines: bool) -> None:
        self._files, self._lines = SplitFiles(target, "{split}.jsonl" if lines else "{split}.json"), lines

    def add(self, split: str, sample: dict[str, Any]) -> None:
        """Write a sample. Raises ValueError if the number of pictures and of ``<image>`` differ."""
        check(sample)
        before = b"" if self._lines else b",\n" if split in self._files.opened else b"[\n"
        line = json_line(sample)
        self._files.file(split).write(before + (line if self._lines else line.rstrip(b"\n")))

    def finish(self) -> None:
        """End the lists; an export without a sample has an empty list for training."""
        if not self._files.opened:
            self._files.file(SPLITS[0]).write(b"" if self._lines else b"[\n")
        for split in self._files.opened:
            self._files.file(split).write(b"" if self._lines else b"\n]\n")

    def __enter__(self) -> ConversationFiles:
        self._files.__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        self._files.__exit__(*problem)


def turns(question: str, answer: str, pictures: int) -> list[dict[str, str]]:
    """A question after so many pictures, and its answer, with control tokens in both broken up."""
    asked = "<image>\n" * pictures + without_tokens(question)
    return [{"from": "human", "value": asked}, {"from": "gpt", "value": without_tokens(answer)}]


def shown(pictures: str | list[str], location: str) -> dict[str, str | list[str]]:
    """A sample's pictures, and the video that they come from.

    There is no key ``video`` beside ``image``: trainers such as Video-LLaVA and ms-swift would open both. Without
    pictures there is no key ``image``, either; a trainer then treats the sample as text only.
    """
    return {"source_video": location} | ({"image": pictures} if pictures else {})


def check(sample: dict[str, Any]) -> None:
    if "image" in sample and "video" in sample:
        raise ValueError(f"{sample['id']}: has image and video, and trainers would open both")
    images = sample.get("image", [])
    count = 1 if isinstance(images, str) else len(images)
    places = sum(turn["value"].count("<image>") for turn in sample["conversations"])
    if places != count:
        raise ValueError(f"{sample['id']}: {places} places for {count} pictures")


def picture_path(folder: str, name: str) -> str:
    """The path of a picture in the export: in a subfolder of two letters, so that none has too many files."""
    return f"{folder}/{name[:2]}/{name}.jpg"


def save_picture(target: Target, path: str, image: Image) -> str:
    """Write a JPEG into an export; returns its path there."""
    with target.writing(path, sync=False) as file:
        file.write(image.jpeg)
    return path
