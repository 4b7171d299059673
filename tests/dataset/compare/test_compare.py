"""The same videos captioned twice: by construction, what only one says, where, and by how much they differ."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from made_dataset import made_store
from made_facts import STILL, between
from made_rows import row_of
from sharegpt4video.cli.app import app
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.dataset.checks.run import check_dataset
from sharegpt4video.dataset.compare import Comparison, compare
from sharegpt4video.dataset.compare.comparison import Paired
from sharegpt4video.dataset.dataset import open_dataset
from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError

FIRST = (
    "A man in a red jacket stands in a park.",
    "A puppy jumps over the bench.",
    "Three cats sit by a sign: “EXIT”.",
)
SECOND = ("A man in a blue jacket stands in a park.", "An animal walks to the bench.", "Cats sit by a sign.")
SUMMARY = "A man stands in a park."


def caption(texts: Sequence[str], number: int, cost: float = 0.5, tokens: int = 100) -> CaptionRow:
    row = row_of(texts, SUMMARY, number=number, location=f"/videos/{number}.mp4")
    return replace(row, provenance=replace(row.provenance, cost_usd=cost, input_tokens=tokens))


@pytest.fixture
def both(tmp_path: Path) -> tuple[str, str]:
    first = [caption(FIRST, 1), caption(SECOND, 2), caption(SECOND, 3)]
    second = [caption(SECOND, 2, 0.7, 150), caption(SECOND, 1, 0.9, 120), caption(SECOND, 4)]
    return made_store(tmp_path / "a", first).root, made_store(tmp_path / "b", second).root


@pytest.fixture
def found(both: tuple[str, str]) -> Comparison:
    return compare(*both)


def test_what_only_one_says(found: Comparison) -> None:
    (number, one), (_, other) = found.videos()
    told = {"colour": ["red"], "action": ["jump"], "number": ["3 cat"], "text": ["exit"]}
    assert one.only_first == told, "an animal may be the puppy"
    assert one.only_second == {"colour": ["blue"]}
    assert (other.only_first, other.only_second) == ({}, {})
    assert [video.id for _, video in found.videos(only="differ")] == [one.id]
    assert [video.id for _, video in found.videos(after=number)] == [other.id]
    assert found.totals.alone == (1, 1)
    assert found.totals.claims["colour"] == (1, 1, 1)


def test_what_else_decided_the_captions_is_told(tmp_path: Path) -> None:
    captioned = CaptionSettings(mode="fast", facts=FactSettings(ocr=False))
    stores = [
        Store.create(tmp_path / name, settings, name, "0a1b")
        for name, settings in (("a", DatasetSettings()), ("b", DatasetSettings(caption=captioned)))
    ]
    for store in stores:
        store.append("captions", [caption(FIRST, 1)])
    with compare(*(store.root for store in stores)) as found:
        assert found.models == ("a", "b")
        assert found.differs == {"caption.mode": ("sliding", "fast"), "caption.facts.ocr": (None, False)}
        assert "caption.mode: sliding in the first, fast in the second" in found.text()


def test_marks_are_where_the_words_stand(found: Comparison, both: tuple[str, str]) -> None:
    one = found.one(f"{1:032x}")
    marked = {text.text[mark.start : mark.end]: mark.kind for text in one.first.texts for mark in text.marks}
    assert marked == {"red": "colour", "jumps": "action", "Three cats": "number", "“EXIT”": "text"}
    assert [text.text[m.start : m.end] for text in one.second.texts for m in text.marks] == ["blue"]
    assert [(text.step, text.start_seconds, text.end_seconds) for text in one.first.texts][-1] == (-1, 0.0, 4.0)
    with pytest.raises(SettingsError, match="has no caption"):
        found.one(f"{3:032x}")
    open_dataset(both[1]).reviews.add(f"{1:032x}", SECOND[0].replace("blue", "red"), step=0)
    with compare(*both) as again:
        assert again.videos()[0][1].only_second == {}, "reviews are read as well"


def test_tokens_and_cost_are_paired(found: Comparison) -> None:
    tokens = found.totals.measures["input tokens"]
    assert (tokens.videos, tokens.first, tokens.second, tokens.difference) == (2, 100, 135, 35)
    cost = found.totals.measures["cost, US dollars"]
    assert cost.difference == pytest.approx(0.3)
    assert found.totals.measures["facts contradicted"].videos == 0, "nothing was measured"


@pytest.mark.parametrize(("count", "quantile"), [(3, 4.303), (5, 2.776), (11, 2.228), (31, 2.042), (1001, 1.962)])
def test_the_interval_is_students(count: int, quantile: float) -> None:
    """Quantiles of Student's t for 95 % from the usual tables."""
    pair = Paired()
    differences = [float((number * 7) % 5) for number in range(count)]
    for number, difference in enumerate(differences):
        pair.add(float(number), number + difference)
    error = statistics.stdev(differences) / count**0.5
    assert pair.interval is not None
    assert pair.interval[1] - pair.difference == pytest.approx(quantile * error, rel=0.03)
    assert Paired(1).interval is None


def test_facts_contradicted_and_findings_by_kind(tmp_path: Path) -> None:
    still = [between(0.0, 2.0, camera=STILL) for _ in range(3)]
    texts = ("A street lies empty.", "The camera pans left along the street.", "A street lies empty.")
    calm = tuple("A street lies empty." if "camera" in text else text for text in texts)
    rows = [replace(row_of(told, "A street.", still, number=1), location="/v/1.mp4") for told in (texts, calm)]
    first, second = (made_store(tmp_path / name, [row]) for name, row in zip("ab", rows, strict=True))
    check_dataset(first)
    with compare(first.root, second.root) as found:
        assert found.totals.with_facts == (1, 1)
        assert found.totals.findings["camera"] == (1, 0)
        ((_, one),) = found.videos(only="contradicted")
        assert one.contradicted == (1, 0)
        assert [finding.step for finding in found.one(one.id).first.contradicted] == [1]
        with pytest.raises(SettingsError, match="only is one of"):
            found.videos(only="none")  # type: ignore[arg-type]


def test_sets_that_share_nothing_are_refused(tmp_path: Path) -> None:
    roots = [made_store(tmp_path / name, [caption(FIRST, number)]).root for number, name in enumerate("ab", 1)]
    with pytest.raises(SettingsError, match="share no captioned video"):
        compare(*roots)


def test_on_the_command_line(both: tuple[str, str]) -> None:
    told = CliRunner().invoke(app, ["dataset", "compare", *both])
    assert told.exit_code == 0, told.output
    assert "2 videos captioned twice" in told.output
    assert "only second: colour: blue" in told.output
    plain = json.loads(CliRunner().invoke(app, ["dataset", "compare", *both, "--json", "--limit", "1"]).output)
    assert plain["totals"]["measures"]["input tokens"]["second"] == 135
    assert len(plain["videos"]) == 1


def test_the_most_different_come_first_page_by_page(tmp_path: Path) -> None:
    told = [SUMMARY, "A puppy jumps.", "A red puppy jumps.", SUMMARY, "A red cat jumps."]
    a = made_store(tmp_path / "a", [caption([text], number) for number, text in enumerate(told)])
    b = made_store(tmp_path / "b", [caption([SUMMARY], number) for number in range(5)])
    found = compare(a.root, b.root)
    counts = {number: sum(map(len, one.only_first.values())) for number, one in found.videos()}
    pages, after = [], 0
    while page := found.videos(after=after, limit=2, order="different"):
        pages += [number for number, _ in page]
        after = pages[-1]
    assert pages == sorted(counts, key=lambda number: (-counts[number], number))
    assert pages[0] != 1
    with pytest.raises(SettingsError, match="order is one of"):
        found.videos(order="size")  # type: ignore[arg-type]


def test_findings_come_with_the_interval_of_their_difference(tmp_path: Path) -> None:
    broken = "<think>hm</think> A man stands."
    a = made_store(tmp_path / "a", [caption([broken if n < 3 else SUMMARY], n) for n in range(6)])
    b = made_store(tmp_path / "b", [caption([broken if n == 5 else SUMMARY], n) for n in range(6)])
    found = compare(a.root, b.root)
    rows = [one.findings for _, one in found.videos()]
    (check,) = {name for pair in rows for side in pair for name in side}
    differences = [second.get(check, 0) - first.get(check, 0) for first, second in rows]
    pair = found.totals.per_video(check)
    assert pair.difference == pytest.approx(statistics.mean(differences))
    low, high = pair.interval or (0.0, 0.0)
    half = 2.5706 * statistics.stdev(differences) / 6**0.5  # Student's t for 5 degrees of freedom
    assert (low, high) == pytest.approx((pair.difference - half, pair.difference + half), abs=2e-3)
    uneven = [number for number, (first, second) in enumerate(rows, 1) if first != second]
    assert [number for number, _ in found.videos(only="uneven")] == uneven
    assert len(uneven) == 4
