"""What a report counts, held against DuckDB on the same Parquet parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import made_report_rows
from sharegpt4video.dataset.report.numbers import Numbers, gather
from sharegpt4video.dataset.report.scan import SEPARATOR, aspect
from sharegpt4video.dataset.report.waterfall import stored_waterfall
from sharegpt4video.dataset.rows import Checked, Failure, Selected, SourceVideo, Survey
from sharegpt4video.dataset.settings import FilterSettings
from sharegpt4video.dataset.store.store import Store, unpacked_id
from sharegpt4video.records import Finding


@pytest.fixture(scope="module")
def numbers(filled: Store) -> Numbers:
    return gather(filled)


@pytest.fixture(scope="module")
def ask(filled: Store) -> Any:
    """Rows of a query in which each table is a view of the rows that count."""
    duckdb = pytest.importorskip("duckdb")
    base = duckdb.connect()
    base.execute("set threads to 1")
    for table in ("captions", "checks", "selection", "surveys", "clips"):
        base.execute(
            f"create view {table} as select * exclude (filename) from"
            f" read_parquet('{filled.root}/{table}/*.parquet', filename=true)"
            " qualify row_number() over (partition by id order by filename desc) = 1"
        )
    return lambda query: base.execute(query).fetchall()


def test_counts_and_costs(numbers: Numbers, ask: Any) -> None:
    (told,) = ask(
        "select count(*), sum(end_seconds - start_seconds) / 3600, sum(provenance.input_tokens),"
        " sum(provenance.output_tokens), sum(provenance.requests), sum(provenance.cost_usd),"
        " count(provenance.cost_usd) from captions"
    )
    made = numbers.captions
    costs = made.costs
    found = (made.videos, made.hours, costs.input_tokens, costs.output_tokens, costs.requests, costs.cost_usd)
    assert (*found, costs.priced) == pytest.approx(told)
    assert made.videos == 62
    assert (numbers.status.listed, numbers.status.identical, numbers.survey.videos) == (74, 0, 70)
    assert (numbers.failures.count, numbers.clips) == (4, ask("select count(*) from clips")[0][0])


def test_distributions_of_videos_and_steps(numbers: Numbers, ask: Any) -> None:
    made = numbers.captions
    lengths = [row[0] for row in ask("select end_seconds - start_seconds from captions")]
    assert made.duration.mean == pytest.approx(np.mean(lengths))
    assert made.duration.quantile(0.5) == pytest.approx(np.quantile(lengths, 0.5, method="inverted_cdf"), abs=0.1)
    edges = [0, 5, 10, 20, 1000]
    assert made.duration.between(edges) == np.histogram(lengths, edges)[0].tolist()
    counts = ask("select len(steps), len(shots) from captions")
    assert made.steps.total == sum(row[0] for row in counts)
    assert made.shots.quantile(0.5) == np.quantile([row[1] for row in counts], 0.5, method="inverted_cdf")
    (steps,) = ask(
        "select count(*), sum(s.end_seconds - s.start_seconds) from (select unnest(steps) as s from captions)"
    )
    assert (made.step_seconds.count, made.step_seconds.total) == pytest.approx(steps)


def test_words(numbers: Numbers, ask: Any) -> None:
    pattern = r"'[a-zA-Z0-9]+([''-]+[a-zA-Z0-9]+)*'"
    made = numbers.captions
    (summaries,) = ask(f"select sum(len(regexp_extract_all(summary, {pattern}))) from captions")
    assert made.summary_words.total == summaries[0]
    dense = ask(
        f"select sum(len(regexp_extract_all(s.text, {pattern}))), any_value(end_seconds - start_seconds)"
        " from (select id, start_seconds, end_seconds, unnest(steps) as s from captions) group by id"
    )
    assert made.step_words.total == sum(words for words, _ in dense)
    assert made.words_per_second.mean == pytest.approx(np.mean([words / seconds for words, seconds in dense]))


def test_sizes_openings_and_makers(numbers: Numbers, ask: Any) -> None:
    made = numbers.captions
    sizes = ask("select width || ' × ' || height, count(*) from captions group by 1")
    assert dict(made.sizes.top()) == dict(sizes)
    openings = ask(
        r"select lower(array_to_string(regexp_split_to_array(summary, '\s+')[1:4], ' ')), count(*)"
        " from captions group by 1"
    )
    assert dict(made.openings.top()) == dict(openings)
    makers = ask(
        "select provenance.model, provenance.prompt_set, provenance.prompt_hash, provenance.version, count(*)"
        " from captions group by all"
    )
    assert dict(made.makers.top()) == {SEPARATOR.join(row[:4]): row[4] for row in makers}


def test_camera_objects_and_text(numbers: Numbers, ask: Any) -> None:
    made = numbers.captions
    ask(
        "create or replace view facts as select id, unnest(s.facts) as f"
        " from (select id, unnest(steps) as s from captions)"
    )
    moves = ask(
        "select m, count(*), sum(t)"
        " from (select unnest(f.camera.moves) as m, f.end_seconds - f.start_seconds as t from facts) group by m"
    )
    assert dict(made.moves.top()) == {row[0]: row[1] for row in moves}
    assert dict(made.move_seconds.top()) == pytest.approx({row[0]: row[2] for row in moves})
    ((seconds,),) = ask("select sum(f.end_seconds - f.start_seconds) from facts where len(f.camera.moves) > 0")
    assert made.measured_seconds == pytest.approx(seconds)
    objects = ask("select o.label, count(distinct id) from (select id, unnest(f.objects) as o from facts) group by 1")
    assert dict(made.objects.top()) == dict(objects)
    assert len(objects) > 3
    ((read,),) = ask("select count(distinct id) from facts where f.texts is not null")
    ((with_text,),) = ask("select count(distinct id) from facts where len(f.texts) > 0")
    assert (made.text_read_videos, made.text_videos) == (read, with_text)
    ((motion,),) = ask("select avg(f.motion.score) from facts where f.end_seconds > f.start_seconds")
    assert made.motion.mean == pytest.approx(motion)


def test_checks_and_scores(numbers: Numbers, ask: Any) -> None:
    found = {name: (group.count, group.videos) for name, group in numbers.checks.groups.items()}
    told = ask(
        "select f.check, count(*), count(distinct id) from (select id, unnest(findings) as f from checks) group by 1"
    )
    assert found == {name: (count, videos) for name, count, videos in told}
    bad = "count(*) from (select id, unnest(steps) as s from captions) where s.problem <> ''"
    expected = dict.fromkeys((row[0] for row in ask("select id from captions")), 0)
    for query in (f"select id, {bad} group by id", "select id, len(findings) from checks"):
        for id, count in ask(query):
            expected[id] += count
    by_id = {unpacked_id(id): int(score) for id, score in zip(numbers.ids, numbers.scores, strict=True)}
    assert by_id == expected
    assert sum(expected.values()) > 20
    assert numbers.captions.problems.total == ask(f"select {bad}")[0][0] > 0


def test_selection_splits_and_groups(numbers: Numbers, ask: Any) -> None:
    chosen = numbers.selection
    splits = ask(
        "select split, count(*), sum(end_seconds - start_seconds) / 3600 from selection join captions using (id)"
        " where kept group by 1"
    )
    assert {name: pytest.approx(value) for name, value in chosen.splits.items()} == {row[0]: row[1:] for row in splits}
    sizes = ask('select n, count(*) from (select count(*) as n from selection group by "group") group by 1')
    assert chosen.group_sizes == dict(sizes)
    assert {name: group.count for name, group in chosen.reasons.items()} == {"too long": 8}
    assert (chosen.kept, chosen.torn_groups) == (62, 0)


def test_a_group_in_two_splits_is_counted(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, second, third = (made_report_rows.id_of(name) for name in "abc")
    store.append("selection", [
        Selected(first, True, "", first, "train"), Selected(second, True, "", first, "val"),
        Selected(third, False, "dull", first, ""),
    ])  # fmt: skip
    assert gather(store).selection.torn_groups == 1


def test_findings_in_a_caption_that_was_repaired_since_do_not_count(tmp_path: Path) -> None:
    store = Store(tmp_path)
    row = made_report_rows.caption_row(1)
    store.append("captions", [row])
    store.append("checks", [Checked(row.id, 1, (Finding("loop", 0, "again"),)), Checked("0" * 32, 0, ())])
    found = gather(store).checks
    assert (found.captions, found.stale, dict(found.groups)) == (0, 1, {})


def test_the_waterfall_takes_comparisons_from_the_selection(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ids = [made_report_rows.id_of(n) for n in range(4)]
    store.append("sources", [SourceVideo(id, f"/{id}.mp4") for id in ids])
    store.append("surveys", [Survey(id, duration_seconds=10.0 * n, packet_hash=id) for n, id in enumerate(ids, 1)])
    settings = FilterSettings(max_seconds=35.0, min_novelty=0.2)
    without = {row.name: row.dropped for row in stored_waterfall(store, settings).rows}
    assert without["max_seconds"] == 1
    assert "min_novelty" not in without
    said = "nothing new: 0.012 from the nearest short caption, at least 0.200"
    store.append("selection", [Selected(ids[0], True, "", ids[0], "train"), Selected(ids[1], False, said, ids[1], "")])
    found = stored_waterfall(store, settings)
    assert {row.name: row.dropped for row in found.rows if row.dropped} == {"max_seconds": 1, "min_novelty": 1}
    assert found.kept == 2


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ((1920, 1080), "16:9"),
        ((854, 480), "16:9"),
        ((1080, 1920), "9:16"),
        ((640, 480), "4:3"),
        ((3000, 100), "other, wide"),
    ],
)
def test_shapes_have_their_usual_names(size: tuple[int, int], name: str) -> None:
    assert aspect(*size) == name


def test_failures_that_are_over_do_not_count(tmp_path: Path) -> None:
    store = Store(tmp_path)
    row = made_report_rows.caption_row(1)
    others = [made_report_rows.id_of(f"other {n}") for n in range(3)]
    store.append("sources", [SourceVideo(id, f"/{id}.mp4") for id in (row.id, *others)])
    store.append("captions", [row])
    store.append("surveys", [Survey(others[0])])
    store.append("selection", [Selected(others[1], False, "too long", others[1], "")])
    stages = {row.id: "caption", others[0]: "survey", others[1]: "caption", others[2]: "caption"}
    store.append(
        "failures", [Failure(id, f"/{id}.mp4", "", stage, "model", "no answer") for id, stage in stages.items()]
    )
    found = gather(store).failures
    assert (found.count, found.overcome) == (1, 3)
    assert [one.where for one in found.groups["caption", "model"].examples] == [f"/{others[2]}.mp4"]
