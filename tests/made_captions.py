"""Captions made by hand and at random, for the tests of what is written from them."""

from __future__ import annotations

from hypothesis import strategies as st

from sharegpt4video.records import Provenance, Shot, Step, StepKind, VideoCaption

PROVENANCE = Provenance(model="embedded", prompt_set="default", prompt_hash="0", version="0.1.0", settings={})


def step(kind: StepKind, start: float, end: float, text: str, shot: int = 0, problem: str = "") -> Step:
    return Step(kind, start, end, text, shot, (start, end), problem=problem)


def captioned(
    steps: list[Step], end_seconds: float, summary: str = "All in all.", summary_problem: str = "", video: str = "a.mp4"
) -> VideoCaption:
    starts = sorted({one.shot_index: one.start_seconds for one in reversed(steps)}.items())
    ends = [*(start for _, start in starts[1:]), end_seconds]
    shots = tuple(Shot(start, end) for (_, start), end in zip(starts, ends, strict=True))
    return VideoCaption(
        video, 640, 360, 0.0, end_seconds, "sliding", shots, tuple(steps), summary, PROVENANCE, summary_problem
    )


texts = st.text(
    st.one_of(st.characters(exclude_categories=["Cs", "Cc"]), st.sampled_from("\n\r\t ->&<#*_[]123")), max_size=200
)


@st.composite
def captions(draw: st.DrawFn) -> VideoCaption:
    """Shots that tile the video, each opened by an instant and tiled by changes, or covered by a lone opening."""
    steps: list[Step] = []
    now_ms = 0
    for shot in range(draw(st.integers(1, 4))):
        lengths = draw(st.lists(st.integers(1, 30_000), max_size=4))
        first_end = now_ms if lengths else now_ms + draw(st.integers(1, 30_000))
        steps.append(step("opening", now_ms / 1000, first_end / 1000, draw(texts), shot))
        now_ms = first_end
        for length in lengths:
            steps.append(step("change", now_ms / 1000, (now_ms + length) / 1000, draw(texts), shot))
            now_ms += length
    return captioned(steps, now_ms / 1000, summary=draw(texts))
