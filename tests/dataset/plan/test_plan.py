"""The arithmetic of a plan worked out by hand, the tokens of a picture as published, and rates of what is known."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from made_captions import PROVENANCE, captioned, step
from media import solid, write_video
from sharegpt4video.config import CaptionSettings
from sharegpt4video.dataset.plan.picture_tokens import picture_tokens
from sharegpt4video.dataset.plan.plan import PlanInputs, plan, shown_number
from sharegpt4video.dataset.plan.rates import Rates, measure_rates
from sharegpt4video.dataset.rows import CaptionRow, SourceVideo
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, VideoError


@pytest.mark.parametrize(
    ("family", "size", "tokens"),
    [
        ("qwen2-vl", (224, 224), 66),  # arXiv 2409.12191, section 2.1
        ("qwen2-vl", (1280, 720), 46 * 26 + 2),
        ("qwen3-vl", (1280, 736), 40 * 23 + 2),
        ("llava-next", (672, 672), 2928),  # the most that vLLM reserves for it: 576 + 48 x 49
        ("llava-next", (336, 672), 576 + 48 * 25),
        ("internvl", (448, 448), 256),
        ("internvl", (1344, 1792), 256 * 13),
        ("gpt-4o", (1024, 1024), 765),  # the two examples of OpenAI's guide to vision
        ("gpt-4o", (2048, 4096), 1105),
        ("576", (1920, 1080), 576),
    ],
)
def test_tokens_of_a_picture_as_published(family: str, size: tuple[int, int], tokens: int) -> None:
    assert picture_tokens(family, *size) == tokens


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(1280, 720, 1948), (720, 1280, 1968), (640, 480, 2340), (1920, 400, 1744), (300, 900, 2376), (50, 50, 1176)],
)
def test_anyres_as_transformers_counts_it(width: int, height: int, tokens: int) -> None:
    """The figures are those of LlavaNextProcessor in transformers 5.23, with the grids of LLaVA-NeXT."""
    assert picture_tokens("llava-next", width, height) == tokens


def test_an_unknown_family_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="qwen2-vl"):
        picture_tokens("gpt-9", 1, 1)


GIVEN = PlanInputs(
    videos=40_000,
    seconds=36.0,
    steps=10.0,
    shots=2.0,
    pictures="1000",
    prompt_tokens_per_second=10_000.0,
    output_tokens_per_second=1_000.0,
    gpus=4,
    usd_per_gpu_hour=2.0,
    usd_per_million_input=0.5,
    usd_per_million_output=2.0,
    cores=10,
)


def test_the_arithmetic_by_hand() -> None:
    made = plan(GIVEN)
    assert made.value("playing time") == 400.0
    assert made.value("requests per video") == 2 + 8 + 1
    assert made.value("requests") == 440_000
    texts = [int(n) for n in re.findall(r"(?:opening|change|summary) (\d+)", made.notes[0])]
    opening, change, summary = texts
    read = 2 * (opening + 1000) + 8 * (change + 2000) + summary
    said = 2 * 200 + 8 * 120 + 350
    assert made.value("input tokens") == 40_000 * read
    assert made.value("output tokens") == 40_000 * said
    hours = (40_000 * read / 10_000 + 40_000 * said / 1_000) / 3600
    assert made.value("GPU hours") == pytest.approx(hours)
    assert made.value("GPU time") == pytest.approx(hours / 4)
    assert made.value("GPU cost") == pytest.approx(2 * hours)
    assert made.value("token cost") == pytest.approx(0.04 * read * 0.5 + 0.04 * said * 2.0)
    assert made.value("requests per second") == pytest.approx(440_000 / (hours / 4 * 3600))
    assert made.value("CPU hours") == pytest.approx(128.0)
    assert made.value("time") == pytest.approx(max(hours / 4, 12.8))


def test_the_texts_are_those_of_the_prompt_set() -> None:
    default, paper = (plan(GIVEN, settings=CaptionSettings(prompts=name)) for name in ("default", "paper"))
    assert default.value("input tokens") != paper.value("input tokens")
    assert "'paper'" in paper.notes[0]


def test_many_steps_are_folded_and_short_videos_have_few() -> None:
    assert plan(replace(GIVEN, steps=100.0)).value("summary requests per video") == 3 + 1
    assert plan(replace(GIVEN, steps=None, shots=None, seconds=2.25)).value("steps per video") == 2
    assert plan(replace(GIVEN, steps=None, seconds=60.0)).value("steps per video") == 10
    assert plan(GIVEN, settings=CaptionSettings(mode="fast")).value("requests") == 40_000
    assert plan(replace(GIVEN, clips=5.0)).value("requests") == 40_000 * 16


def test_cost_grows_with_the_number_of_videos_and_nothing_else_does() -> None:
    one, hundred = plan(GIVEN), plan(replace(GIVEN, videos=4_000_000))
    grows = {line.name for line in one.lines if hundred.value(line.name) == pytest.approx(100 * line.value)}
    assert {"videos", "requests", "input tokens", "GPU hours", "token cost", "CPU hours", "tables", "time"} <= grows
    same = {line.name for line in one.lines if hundred.value(line.name) == line.value}
    assert grows | same == {line.name for line in one.lines}


def test_each_line_shows_numbers_that_give_its_result() -> None:
    """The products and sums that are printed, worked out again from what is printed."""
    worked_out = 0
    for line in plan(replace(GIVEN, keep_media=True)).text().splitlines():
        found = re.match(r"  [^:]+: +(?P<how>.+) = (?P<result>[\d,.]+)( |$)", line)
        how = (
            re.sub(r"(?<=[\d)]) ?[a-zA-Z$][a-zA-Z$/]*( a second)?", "", found["how"].replace(" x ", " * "))
            if found
            else ""
        )
        how = how.replace(",", "")
        if not found or not re.fullmatch(r"[\d.e()+*/ -]+", how) or not re.search(r"[*+/]", how):
            continue
        result = float(found["result"].replace(",", ""))
        assert eval(how, {"__builtins__": {}}) == pytest.approx(result, rel=0.02), line
        worked_out += 1
    assert worked_out >= 12


def test_nothing_is_said_of_gpus_whose_rate_nobody_gave() -> None:
    made = plan(PlanInputs(videos=10))
    with pytest.raises(KeyError):
        made.value("GPU hours")
    assert any("vllm bench serve" in note for note in made.notes)
    assert "[assumed]" in made.text()


def test_what_was_measured_counts_before_what_is_assumed_and_given_before_both() -> None:
    rates = Rates("a test", 5, 20.0, 7.0, 3.0, 9.5, 30_000.0, 900.0, 4_000.0, 2_000.0, 1e6, 0.5)
    made = plan(PlanInputs(videos=100, keep_media=True), rates)
    assert made.value("length") == 20.0
    assert made.value("requests") == 950
    assert made.value("input tokens") == 3_000_000
    assert made.value("output tokens") == 90_000
    assert made.value("CPU hours") == pytest.approx(100 * 20 / 3600 * 0.5)
    assert made.value("tables") == pytest.approx(100 * 4_000 / 1e9)
    assert made.value("media") == pytest.approx(0.1)
    assert "mean of a test" in made.text()
    assert plan(PlanInputs(videos=100, seconds=60.0), rates).value("length") == 60.0
    assert plan(PlanInputs(videos=100, steps=4.0), rates).value("requests per video") == 5


def test_contradicting_inputs_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match=r"videos.*seconds.*output_tokens_per_second.*usd_per_million.*pictures"):
        PlanInputs(
            videos=0, seconds=-1.0, prompt_tokens_per_second=1.0, usd_per_million_input=1.0, pictures="some-model"
        )


def test_rates_of_a_data_set(tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    with pytest.raises(SettingsError, match="has no caption"):
        measure_rates(store)
    steps = [step("opening", 0, 0, "A"), step("change", 0, 2, "B"), step("change", 2, 4, "C")]
    for name, end, spent in (("a", 4, 4), ("b", 8, 6)):
        caption = replace(
            captioned(steps, end),
            provenance=replace(PROVENANCE, requests=spent, input_tokens=1000 * spent, output_tokens=100 * spent),
        )
        store.append("captions", [CaptionRow.of(SourceVideo(name * 32, "x"), caption)])
        store.append("sources", [SourceVideo(name * 32, "x", size_bytes=500_000 * spent)])
    found = measure_rates(store)
    assert (found.videos, found.seconds, found.steps, found.shots, found.requests) == (2, 6.0, 3.0, 1.0, 5.0)
    assert (found.input_tokens, found.output_tokens, found.media_bytes) == (5000.0, 500.0, 2_500_000.0)
    parts = [*store.parts("captions"), *store.parts("sources")]
    assert found.parquet_bytes == sum(Path(part).stat().st_size for part in parts) / 2
    assert found.reply_bytes is None
    (tmp_path / "set" / "replies").mkdir()
    (tmp_path / "set" / "replies" / "replies.sqlite").write_bytes(b"x" * 3000)
    (tmp_path / "set" / "replies" / "replies.reserve").write_bytes(
        b"x" * 90_000
    )  # the same for two videos or a million
    assert measure_rates(store).reply_bytes == 1500.0


def test_rates_of_videos(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [solid((200, 30, 30), 160, 120)] * 25 + [solid((20, 30, 200), 160, 120)] * 25)
    write_video(tmp_path / "b.mp4", [solid((200, 30, 30), 160, 120)] * 25)
    found = measure_rates([tmp_path / "a.mp4", tmp_path / "b.mp4"])
    assert found.videos == 2
    assert found.seconds == pytest.approx(1.5)
    assert found.shots == pytest.approx(1.5)
    assert (found.steps or 0) >= 1.5
    assert (found.cpu_seconds or 0) > 0
    assert found.media_bytes == sum((tmp_path / name).stat().st_size for name in ("a.mp4", "b.mp4")) / 2
    assert plan(PlanInputs(videos=10), found).value("playing time") == pytest.approx(10 * 1.5 / 3600)
    with pytest.raises(VideoError):
        measure_rates([tmp_path / "none.mp4"])
    with pytest.raises(SettingsError):
        measure_rates([])


def test_the_plans_in_the_docs_are_what_comes_out() -> None:
    page = (Path(__file__).parents[3] / "docs" / "planning.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^sg4v dataset plan (.*gpus=64.*)$", page, re.MULTILINE)
    whole = {"videos", "gpus", "cores"}
    given = {name: int(value) if name in whole else float(value)
             for name, value in re.findall(r"(\w+)[= ]([\d.]+)", command)}  # fmt: skip
    large = plan(PlanInputs(**given))  # type: ignore[arg-type]
    small = plan(PlanInputs(**(given | {"videos": 40_000, "gpus": 8, "cores": 16})))  # type: ignore[arg-type]
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page.partition("| 4.8 million |\n|---|---|---|\n")[2], re.M
    )
    rows = rows[: [name for name, *_ in rows].index("time in days") + 1]
    assert len(rows) == 13
    for name, *results in rows:
        for made, result in zip((small, large), results, strict=True):
            (line,) = [line for line in made.lines if line.name == name]
            assert result == f"{shown_number(line.value)} {line.unit}".strip(), name
    (shown,) = re.findall(r"<!-- plan: GPUs -->\n```text\n(.*?)\n```", page, re.DOTALL)
    assert f"\n\n{shown}\n\n" in small.text()
    assert f"{4_800_000 / 0.85 / 3600 * 8:,.0f}" in page
    assert plan(PlanInputs(videos=4_800_000, seconds=2.25)).value("requests") == 14_400_000
