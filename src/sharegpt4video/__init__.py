"""Dense, time-true captions for any video.

>>> import sharegpt4video as sg4v
>>> captioned = sg4v.caption("video.mp4")
>>> print(captioned.summary)
>>> ds = sg4v.build_dataset(["videos/"], "my-set")
>>> print(ds.status())
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

__version__ = "1.0.0rc1"

# From 1.29 on, ONNX Runtime reports its use over the network unless this is set before its first import in the process.
# Set it to 0 to have the reports.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from .config import CaptionSettings, FactSettings, KeyframeSettings
    from .dataset.build import BuildOptions
    from .dataset.clips.media import CutOptions
    from .dataset.clips.spans import ClipSettings
    from .dataset.cluster import ClusterOptions
    from .dataset.dataset import Dataset, build_dataset, open_dataset
    from .dataset.places.models import ModelSpec
    from .dataset.settings import DatasetSettings, FilterSettings, NoveltySettings, SplitSettings, SurveySettings
    from .draft import Progress
    from .engines import open_engine
    from .errors import CaptionInterrupted, MissingExtra, SettingsError, SG4VError, VideoError, VLMError
    from .evaluate.compare import compare_runs
    from .evaluate.launch import answer_from_captions, run_benchmark
    from .evaluate.runner import BenchmarkOptions
    from .look import keyframes, measure
    from .lvlm.launch import train
    from .lvlm.settings import TrainSettings
    from .moments.search import find
    from .pipeline import acaption, caption
    from .records import VideoCaption
    from .retell import recaption, summarize
    from .video.reader import VideoReader
    from .vlm.base import VLM, Reply, Request

# Where each public word lives. It is imported when it is first used, so that `import sharegpt4video` costs nothing.
_HOMES = {
    "config": ("CaptionSettings", "FactSettings", "KeyframeSettings"),
    "dataset.build": ("BuildOptions",),
    "dataset.clips.media": ("CutOptions",),
    "dataset.clips.spans": ("ClipSettings",),
    "dataset.cluster": ("ClusterOptions",),
    "dataset.dataset": ("Dataset", "build_dataset", "open_dataset"),
    "dataset.settings": ("DatasetSettings", "FilterSettings", "NoveltySettings", "SplitSettings", "SurveySettings"),
    "dataset.places.models": ("ModelSpec",),
    "draft": ("Progress",),
    "engines": ("open_engine",),
    "errors": ("CaptionInterrupted", "MissingExtra", "SG4VError", "SettingsError", "VLMError", "VideoError"),
    "evaluate.compare": ("compare_runs",),
    "evaluate.launch": ("answer_from_captions", "run_benchmark"),
    "evaluate.runner": ("BenchmarkOptions",),
    "lvlm.launch": ("train",),
    "lvlm.settings": ("TrainSettings",),
    "look": ("keyframes", "measure"),
    "moments.search": ("find",),
    "pipeline": ("acaption", "caption"),
    "records": ("VideoCaption",),
    "retell": ("recaption", "summarize"),
    "video.reader": ("VideoReader",),
    "vlm.base": ("VLM", "Reply", "Request"),
}

__all__ = [
    "VLM",
    "BenchmarkOptions",
    "BuildOptions",
    "CaptionInterrupted",
    "CaptionSettings",
    "ClipSettings",
    "ClusterOptions",
    "CutOptions",
    "Dataset",
    "DatasetSettings",
    "FactSettings",
    "FilterSettings",
    "KeyframeSettings",
    "MissingExtra",
    "ModelSpec",
    "NoveltySettings",
    "Progress",
    "Reply",
    "Request",
    "SG4VError",
    "SettingsError",
    "SplitSettings",
    "SurveySettings",
    "TrainSettings",
    "VLMError",
    "VideoCaption",
    "VideoError",
    "VideoReader",
    "acaption",
    "answer_from_captions",
    "build_dataset",
    "caption",
    "compare_runs",
    "find",
    "keyframes",
    "measure",
    "open_dataset",
    "open_engine",
    "recaption",
    "run_benchmark",
    "summarize",
    "train",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for home, words in _HOMES.items():
        if name in words:
            return getattr(import_module(f".{home}", __name__), name)
    module = sys.modules[__name__]  # known to the error, so that Python suggests a word that is like it
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=module)


def __dir__() -> list[str]:
    return sorted([*(name for name in globals() if name.startswith("__")), *__all__])
