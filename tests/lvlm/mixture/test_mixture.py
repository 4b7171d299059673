"""The mixture of roles: how often what comes, what is told wrongly before, and that it is the same each time."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from sharegpt4video.errors import SettingsError, StorageError
from sharegpt4video.learning import checkpoints
from sharegpt4video.learning.order import Order
from sharegpt4video.lvlm.mixture import prepare
from sharegpt4video.lvlm.mixture.contexts import Contexts, spliced
from sharegpt4video.lvlm.mixture.shorten import sentences, shortened
from sharegpt4video.lvlm.settings import MixtureSettings, ModelSettings, TrainSettings
from sharegpt4video.prompts import prompt_set
from sharegpt4video.records import Step
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.render import render
from sharegpt4video.vlm.stored import plain_request, request_of

MODEL = ModelSettings(shape="tiny", random_weights=True)


def exported(folder: Path, videos: int = 40) -> Path:
    """An export as ``sg4v dataset export --format captioner`` writes it: three changes, a caption, a short prompt."""
    rows = []
    for video in range(videos):
        steps = tuple(Step("change", 2.0 * n, 2.0 * n + 2, f"Thing {video} does {n}. It goes on.", 0, (2.0 * n,))
                      for n in range(3))  # fmt: skip
        answer = " ".join(step.text for step in steps)
        for number, step in enumerate(steps):
            before = steps[number - 1].text if number else ""
            request = Request("change", seconds=(2.0 * number, 2.0 * number + 2), before=before)
            rows.append(_row(video, f"sliding-{number:04d}", "sliding", request, step.text, 2))
        rows.append(_row(video, "fast", "fast", Request("fast", seconds=(0.0, 1.0), layout="grid"), answer, 1))
        rows.append(_row(video, "summary", "summary", Request("summary", steps=steps, end_seconds=6.0), answer, 0))
        rows.append(_row(video, "recaption", "recaption", Request("recaption", user_text="A thing."), answer, 0))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def _row(video: int, name: str, role: str, request: Request, answer: str, pictures: int) -> dict[str, Any]:
    prompts = prompt_set("default")
    shown = request_of(plain_request(request), pictures)
    text = "<image>\n" * pictures + render(shown, prompts).text
    turns = [{"from": "human", "value": text}, {"from": "gpt", "value": answer}]
    images = {"image": [f"{video}-{at}.jpg" for at in range(pictures)]} if pictures else {}
    return {"id": f"v{video}-{name}", "role": role, "task": request.task, "source_video": f"{video}.mp4", **images,
            "system": prompts.system, "conversations": turns, "prompt_set": "default",
            "request": plain_request(request)}  # fmt: skip


def settings(folder: Path, **changes: Any) -> TrainSettings:
    return TrainSettings(model=MODEL, mixture=MixtureSettings((str(folder),), **changes))


def rows_of(made: TrainSettings, role: str) -> list[dict[str, Any]]:
    (path,) = [source.path for source in made.data.sources if source.path.endswith(f"-{role}.jsonl")]
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def test_roles_come_as_often_as_asked_for(tmp_path: Path) -> None:
    folder = exported(tmp_path / "roles")
    asked = settings(folder, sliding=5.0, fast=2.0, summary=2.0, recaption=1.0)
    made, _ = prepare(asked, tmp_path / "run")
    sizes = [len(rows_of(made, role)) for role in ("sliding", "fast", "summary", "recaption")]
    assert sizes == [120, 40, 40, 40]
    order = Order(sizes, [source.weight for source in made.data.sources], epochs=10)
    counts = Counter(source for source, _ in order.part(0, len(order)))
    shares = [counts[at] / len(order) for at in range(4)]
    assert shares == pytest.approx([0.5, 0.2, 0.2, 0.1], abs=0.005)


def test_a_role_of_weight_0_is_left_out(tmp_path: Path) -> None:
    made, mixture = prepare(settings(exported(tmp_path / "roles"), fast=0.0), tmp_path / "run")
    assert len(made.data.sources) == 3
    assert "fast" not in mixture.counts


def test_contexts_are_spoiled_in_the_shares_asked_for_and_answers_stay_right(tmp_path: Path) -> None:
    folder = exported(tmp_path / "roles", 200)
    made, mixture = prepare(settings(folder, wrong_context=0.3, missing_context=0.1), tmp_path / "run")
    counts = mixture.counts["sliding"]
    told = 400  # two of three changes have a step before
    assert counts["nothing before"] == 200
    assert counts["missing"] / told == pytest.approx(0.1, abs=0.04)
    kinds = ("another", "spliced", "dropped", "swapped")
    assert sum(counts[kind] for kind in kinds) / told == pytest.approx(0.3, abs=0.06)
    assert all(counts[kind] > 5 for kind in kinds)
    plain = {row["id"]: row for row in json.loads((folder / "train.json").read_text("utf-8"))}
    same = 0
    for row in rows_of(made, "sliding"):
        asked, said = row["conversations"]
        assert said["value"] == plain[row["id"]]["conversations"][1]["value"]
        assert asked["value"].startswith("<image>\n<image>\nThe 2 pictures are frames of one video")
        same += asked["value"] == plain[row["id"]]["conversations"][0]["value"]
    assert same == 200 + counts["true"]


def test_the_same_settings_make_the_same_mixture_and_another_seed_another(tmp_path: Path) -> None:
    asked = settings(exported(tmp_path / "roles"), copies=2)
    first, _ = prepare(asked, tmp_path / "one")
    second, _ = prepare(asked, tmp_path / "two")
    assert rows_of(first, "sliding") == rows_of(second, "sliding")
    assert len({row["id"] for row in rows_of(first, "sliding")}) == len(rows_of(first, "sliding")) == 240
    written = Path(first.data.sources[0].path).stat().st_mtime_ns
    prepare(asked, tmp_path / "one")
    assert Path(first.data.sources[0].path).stat().st_mtime_ns == written, "what is there is kept"
    other, _ = prepare(replace(asked, optimiser=replace(asked.optimiser, seed=1)), tmp_path / "one")
    assert rows_of(other, "sliding") != rows_of(second, "sliding")


def test_prompts_to_recaption_are_shortened_captions_of_several_lengths(tmp_path: Path) -> None:
    folder = exported(tmp_path / "roles", 120)
    made, mixture = prepare(settings(folder, short_prompts=0.75, short_sentences=(1, 3)), tmp_path / "run")
    assert mixture.counts["recaption"]["shortened"] / 120 == pytest.approx(0.75, abs=0.1)
    lengths = Counter()
    for row in rows_of(made, "recaption"):
        prompt = row["conversations"][0]["value"].split("\n<<<")[1].split(">>>\n")[0]
        lengths[len(sentences(prompt)) if prompt != "A thing." else 0] += 1
        assert prompt == "A thing." or all(part in row["conversations"][1]["value"] for part in sentences(prompt))
    assert set(lengths) == {0, 1, 3}


def test_half_of_a_character_is_refused_where_it_enters(tmp_path: Path) -> None:
    folder, own = exported(tmp_path / "roles"), tmp_path / "own.jsonl"
    own.write_text('{"id": "v3-sliding-0001", "before": "cut \\ud83d"}\n')
    asked = settings(folder, wrong_context=1.0, missing_context=0.0, wrong_kinds=("own",), own_mistakes=str(own))
    with pytest.raises(SettingsError, match=r"own\.jsonl, line 1: before has half of a character"):
        prepare(asked, tmp_path / "run")
    train = folder / "train.json"
    train.write_text(train.read_text().replace("Thing 3", "\\ud83d", 1))
    with pytest.raises(SettingsError, match=r"at byte .* half of a character"):
        prepare(settings(folder), tmp_path / "other")


def test_own_mistakes_are_told_where_there_are_some(tmp_path: Path) -> None:
    folder, own = exported(tmp_path / "roles"), tmp_path / "own.jsonl"
    own.write_text(json.dumps({"id": "v3-sliding-0001", "before": "Thing 3 was never there."}) + "\n")
    asked = settings(folder, wrong_context=1.0, missing_context=0.0, wrong_kinds=("own",), own_mistakes=str(own))
    made, mixture = prepare(asked, tmp_path / "run")
    assert mixture.counts["sliding"]["own"] == 1
    (row,) = [row for row in rows_of(made, "sliding") if row["id"] == "v3-sliding-0001"]
    assert "<<<Thing 3 was never there.>>>" in row["conversations"][0]["value"]


def test_mistakes_of_other_samples_are_refused(tmp_path: Path) -> None:
    folder, own = exported(tmp_path / "roles", 4), tmp_path / "own.jsonl"
    own.write_text('{"id": "of-another-export", "before": "Thing 3 was never there."}\n')
    asked = settings(folder, wrong_context=0.1, wrong_kinds=("own",), own_mistakes=str(own))
    with pytest.raises(SettingsError, match=r"none of the changes in the exports .* of-another-export"):
        prepare(asked, tmp_path / "run")


def test_a_run_goes_on_with_the_mixture_that_it_began_with(tmp_path: Path) -> None:
    folder, run = exported(tmp_path / "roles", 4), tmp_path / "run"
    first, _ = prepare(settings(folder), run)
    rows = rows_of(first, "sliding")
    (run / "checkpoints" / "step-000001").mkdir(parents=True)
    exported(folder, 5)
    again, mixture = prepare(settings(folder), run)
    assert rows_of(again, "sliding") == rows
    assert "as it was when the run began" in mixture.text()
    fresh, mixture = prepare(settings(folder), run, resume=False)
    assert len(rows_of(fresh, "sliding")) == 15
    assert "as it was" not in mixture.text()


def test_the_mixture_of_a_run_at_work_is_left_alone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made, _ = prepare(settings(exported(tmp_path / "roles", 4)), run)
    rows = rows_of(made, "sliding")
    with checkpoints.alone(run), pytest.raises(StorageError, match="another run is writing there"):
        prepare(settings(tmp_path / "roles", wrong_context=0.9), run, resume=False)
    assert rows_of(made, "sliding") == rows


def test_files_of_two_mixtures_are_not_taken_for_one(tmp_path: Path) -> None:
    """As if rewriting had been interrupted: what is there then must be written again."""
    folder, run = exported(tmp_path / "roles", 4), tmp_path / "run"
    prepare(settings(folder), run)
    with pytest.raises(SettingsError, match="no samples of opening"):
        prepare(settings(folder, opening_share=0.5, copies=2), run)
    made, _ = prepare(settings(folder), run)
    assert len(rows_of(made, "sliding")) == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exports": ()}, "mixture.exports is empty"),
        ({"sliding": 0.0, "fast": 0.0, "summary": 0.0, "recaption": 0.0}, "are all 0"),
        ({"wrong_context": 0.7, "missing_context": 0.6}, "more than 1 together"),
        ({"wrong_kinds": ("own",)}, "go together"),
        ({"wrong_kinds": ()}, "wrong_kinds is empty"),
        ({"sliding": -1.0}, "mixture.sliding must be"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TrainSettings(model=MODEL, mixture=MixtureSettings(**{"exports": ("a",), **changes}))


def test_exports_of_another_kind_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no .*nowhere; export it: sg4v"):
        prepare(settings(tmp_path / "nowhere"), tmp_path / "run")
    (tmp_path / "train.json").write_text('[{"id": "a", "conversations": []}]', encoding="utf-8")
    with pytest.raises(SettingsError, match="not a sample of the format captioner"):
        prepare(settings(tmp_path), tmp_path / "run")
    folder = exported(tmp_path / "roles")
    first, *others = json.loads((folder / "train.json").read_text("utf-8"))
    said = [{"from": "human", "value": 3}, {"from": "gpt", "value": None}]
    for wrong in ({"conversations": said}, {"conversations": [said[1], first["conversations"][1]]}, {"role": []},
                  {"image": [1]}, {"system": {}}, {"id": 5}, {"request": 7}):  # fmt: skip
        (tmp_path / "train.json").write_text(json.dumps([{**first, **wrong}, *others]), encoding="utf-8")
        with pytest.raises(SettingsError, match="not a sample of the format captioner"):
            prepare(settings(tmp_path), tmp_path / "run")
    rows = [row for row in json.loads((folder / "train.json").read_text("utf-8")) if row["role"] != "summary"]
    (folder / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"no samples of summary; set mixture\.summary to 0"):
        prepare(settings(folder), tmp_path / "run")


def test_a_question_that_was_put_otherwise_is_learned_as_it_is(tmp_path: Path) -> None:
    """With measured facts in it, or of an older version: its context cannot be changed."""
    folder = exported(tmp_path / "roles", 4)
    rows = json.loads((folder / "train.json").read_text("utf-8"))
    for row in rows:
        row["conversations"][0]["value"] += " A program measured nothing."
    (folder / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    made, mixture = prepare(settings(folder, wrong_context=1.0, missing_context=0.0), tmp_path / "run")
    assert mixture.counts["sliding"] == {"samples": 12, "as exported": 12}
    assert all(row["conversations"][0]["value"].endswith("nothing.") for row in rows_of(made, "sliding"))


def test_a_spliced_context_has_something_of_both() -> None:
    for seed in range(20):
        text = spliced("a b c d e f", "1 2 3 4 5 6 7 8", random.Random(seed)).split()
        assert text[0] == "a"
        assert text[-1] == "8"


def test_a_context_is_of_another_video() -> None:
    chosen = MixtureSettings(("a",), wrong_context=1.0, missing_context=0.0, wrong_kinds=("another",))
    drawn = Contexts(chosen, [("v", "mine"), ("v", "mine too"), ("w", "theirs")], {})
    assert {drawn.draw("id", "v", "mine", random.Random(seed)) for seed in range(30)} <= {
        ("theirs", "another"),
        ("mine", "true"),  # nothing else was found
    }


@pytest.mark.parametrize("kind", ["spliced", "swapped", "own"])
def test_a_context_with_other_blanks_is_not_wrong(kind: Any) -> None:
    chosen = MixtureSettings(("a",), wrong_context=1.0, missing_context=0.0, wrong_kinds=(kind,))
    before = "It goes on.\n\nIt goes on."
    drawn = Contexts(chosen, [("v", before)], {"id": [" ".join(before.split())]})
    assert {drawn.draw("id", "v", before, random.Random(seed)) for seed in range(30)} == {(before, "true")}


@pytest.mark.parametrize(
    ("text", "lengths", "expected"),
    [
        ("One. Two. Three.", (1,), {"One."}),
        ("One. Two. Three.", (2,), {"One. Two.", "One. Three."}),
        ("One. Two.", (5,), {"One."}),
        ("A dog runs, then it rests.", (1,), {"A dog runs."}),
        ("A dog runs fast", (1,), {"A dog."}),
        ("狗在跑。猫在睡。", (1,), {"狗在跑。"}),
        ("一只狗在跑。", (1,), {"一只"}),  # never the whole caption, which would be asked to be copied
        ("Dogs.", (1,), {"Do"}),
        ("A.", (1,), {""}),
    ],
)
def test_captions_are_shortened_by_sentences(text: str, lengths: tuple[int, ...], expected: set[str]) -> None:
    assert {shortened(text, lengths, random.Random(seed)) for seed in range(30)} == expected


def test_a_request_is_stored_and_made_again() -> None:
    steps = (Step("opening", 0.0, 0.0, "A.", 0, (0.0,)), Step("change", 0.0, 2.0, "", 0, (0.0, 2.0), problem="empty"))
    for request in (
        Request("change", seconds=(1 / 3, 2.0), before="A {brace}.", first_number=3, layout="pair"),
        Request("summary", steps=steps, start_seconds=1.0, end_seconds=2.0, cast="She."),
    ):
        plain = json.loads(json.dumps(plain_request(request)))
        assert request_of(plain, 0) == request
    with pytest.raises(ValueError, match="not a request"):
        request_of({"task": "change", "colour": "red"}, 1)


def test_first_frames_come_as_often_as_asked_for(tmp_path: Path) -> None:
    folder = exported(tmp_path / "roles")
    rows = json.loads((folder / "train.json").read_text("utf-8"))
    rows += [_row(video, "sliding-first", "sliding", Request("opening", seconds=(0.0,)), "A thing.", 1)
             for video in range(40)]  # fmt: skip
    (folder / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    made, mixture = prepare(settings(folder, opening_share=0.5, fast=0.0, summary=0.0, recaption=0.0), tmp_path / "run")
    assert {role: counts["samples"] for role, counts in mixture.counts.items()} == {"sliding": 120, "opening": 40}
    seen = {Path(source.path).stem: source.weight * {"000-sliding": 120, "000-opening": 40}[Path(source.path).stem]
            for source in made.data.sources}  # fmt: skip
    assert seen["000-sliding"] == pytest.approx(seen["000-opening"], rel=0.01)
