"""Scores and camera moves behind a caption, written by one function for training and for prompting.

A model that was trained on captions with such a suffix obeys it only in the very words it has seen. The styles are
those of Open-Sora: v1.2 and v1.3 as ``append_score_to_prompts`` of its ``opensora/utils/inference_utils.py`` writes
them (tags v1.2.0, v1.3), v2.0 as its loader does (``opensora/datasets/datasets.py``, 7ad6a96).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

SuffixStyle = Literal["none", "open-sora-1.2", "open-sora-1.3", "open-sora-2"]

_AESTHETIC = ((4.0, "terrible"), (4.5, "very poor"), (5.0, "poor"), (5.5, "fair"), (6.0, "good"), (6.5, "very good"))
_MOTION = ((0.5, "very low"), (2.0, "low"), (5.0, "fair"), (10.0, "high"), (20.0, "very high"))
_WRITTEN = {
    "open-sora-1.2": re.compile(
        r"( aesthetic score: -?[\d.]+\.)?( motion score: -?[\d.]+\.)?( camera motion: [a-z -]+\.)?$"
    ),
    "open-sora-1.3": re.compile(
        r"( The aesthetic score is [a-z ]+\.)?( The motion strength is [a-z ]+\.)?( camera motion: [a-z -]+\.)?$"
    ),
    "open-sora-2": re.compile(r" (?:[\d.]+ FPS(?:, -?\d+ motion score)?|-?\d+ motion score)\.$"),
}


def with_suffix(
    text: str, scores: Mapping[str, float], style: SuffixStyle, *, fps: float = 0.0, camera: str = ""
) -> str:
    """A caption or prompt with its suffix; what is not known is left out. A suffix that it has already is replaced.

    ``scores`` are ``aesthetic`` and ``flow`` (UniMatch's optical flow) for v1.2 and v1.3, ``vmaf_motion`` (VMAF's) for
    v2.0, as in `Record`. ``camera`` is a move such as ``pan left``; ``fps`` is the rate at which the trainer takes
    frames (0: it is not known).
    """
    bare = without_suffix(text, style)
    suffix = suffix_of(scores, style, fps=fps, camera=camera)
    return f"{bare} {suffix}" if suffix else bare


def without_suffix(text: str, style: SuffixStyle) -> str:
    """The caption alone."""
    return text if style == "none" else _WRITTEN[style].sub("", text, count=1)


def suffix_of(scores: Mapping[str, float], style: SuffixStyle, *, fps: float = 0.0, camera: str = "") -> str:
    """What ``with_suffix`` adds, without the space before it. Text budgets count it: it is what comes last."""
    known = {name: score for name, score in scores.items() if math.isfinite(score)}
    if style == "open-sora-2":
        parts = [f"{fps:g} FPS"] if fps else []
        if "vmaf_motion" in known:
            parts.append(f"{int(known['vmaf_motion'] + 0.5)} motion score")
        return f"{', '.join(parts)}." if parts else ""
    parts = []
    if style == "open-sora-1.2":
        parts += [f"aesthetic score: {known['aesthetic']:.1f}."] if "aesthetic" in known else []
        parts += [f"motion score: {known['flow']:.1f}."] if "flow" in known else []
    elif style == "open-sora-1.3":
        if "aesthetic" in known:
            parts.append(f"The aesthetic score is {_word(known['aesthetic'], _AESTHETIC, 'excellent')}.")
        if "flow" in known:
            parts.append(f"The motion strength is {_word(known['flow'], _MOTION, 'extremely high')}.")
    if camera and style != "none":
        parts.append(f"camera motion: {camera}.")
    return " ".join(parts)


def _word(score: float, steps: Sequence[tuple[float, str]], highest: str) -> str:
    return next((word for under, word in steps if score < under), highest)
