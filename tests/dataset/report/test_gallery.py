from __future__ import annotations

from dataclasses import replace

import made_report_rows
from sharegpt4video.dataset.report.gallery import LEAST_LETTERS, PAGE_LETTERS, article
from sharegpt4video.dataset.report.samples import Sample
from sharegpt4video.dataset.rows import CaptionRow, Checked
from sharegpt4video.records import Finding, Image

PICTURE = Image(b"jpeg", 16, 9)


def sample(row: CaptionRow, *findings: Finding, pictures: dict[float, Image] | None = None) -> Sample:
    checked = Checked(row.id, 0, findings)
    return Sample(row, len(findings), checked, made_report_rows.survey(row), None, pictures or {}, "")


def row_with(texts: list[str]) -> CaptionRow:
    row = made_report_rows.caption_row(1)
    steps = made_report_rows.steps_of(made_report_rows.random.Random(1), 2.0 * len(texts))[: len(texts)]
    return replace(row, steps=tuple(replace(step, text=text) for step, text in zip(steps, texts, strict=True)))


def test_findings_stand_at_their_step_or_at_the_whole() -> None:
    row = row_with(["a", "b c", "d"])
    found = [Finding("loop", step, f"at {step}") for step in (-1, 1, 3, 2, 1)]
    shown = article(sample(row, *found), 7, 10)
    assert (shown.place, shown.words) == (7, 4)
    assert [one.step for one in shown.findings] == [-1, 3]
    assert [[one.step for one in step.findings] for step in shown.steps] == [[], [1, 1], [2]]
    assert [step.number for step in shown.steps] == [1, 2, 3]


def test_a_step_without_room_is_shown_for_its_findings_only() -> None:
    row = row_with(["x" * 300] * 9)
    shown = article(sample(row, Finding("loop", 6, "again")), 1, 10**9)
    letters = [len(step.text) for step in shown.steps]
    assert [step.number for step in shown.steps] == [1, 2, 7]
    assert letters == [300, 200, 200]
    assert sum(letters[:2]) >= LEAST_LETTERS
    assert len(article(sample(row), 1, 1).steps) == 9


def test_long_texts_share_the_page() -> None:
    row = replace(row_with(["x" * PAGE_LETTERS]), summary="y" * PAGE_LETTERS)
    shown = article(sample(row), 1, 100)
    assert len(shown.summary) == len(shown.steps[0].text) == PAGE_LETTERS // 100


def test_pictures_stand_at_the_step_that_was_made_from_them() -> None:
    row = row_with(["a", "b", "c"])
    times = [step.frame_seconds[-1] for step in row.steps]
    shown = article(sample(row, pictures={times[1]: PICTURE, 0.77: PICTURE, 0.33: PICTURE}), 1, 1)
    assert [step.image for step in shown.steps] == [None, PICTURE, None]
    assert [at for at, _ in shown.loose_pictures] == [0.33, 0.77]


def test_what_was_measured_is_one_line() -> None:
    shown = article(sample(made_report_rows.caption_row(3)), 1, 1)
    assert shown.surveyed.startswith("codec h264, average fps 25, brightness 0.")
    assert "camera: " in shown.measured
    bare = row_with(["a"])
    bare = replace(bare, steps=tuple(replace(step, facts=()) for step in bare.steps))
    assert article(sample(bare), 1, 1).measured == ""
