"""Window-true captions held against scenes: what a clip shows is known from its rendering, and read from its pixels.

Films of two scenes with a cut between them. No text is compared with a text: captions are taken apart into claims, and
these are held against the events that lie in the clip.
"""

from __future__ import annotations

import random
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path

import pytest

from made_captions import captioned
from media import write_video
from sharegpt4video.evaluate.captions.ours import Fact, score, world_facts, world_language
from sharegpt4video.files import file_content_id
from sharegpt4video.t2v.export import ExportSettings, export
from sharegpt4video.t2v.manifests import MANIFESTS, Row
from sharegpt4video.t2v.planning import PlanSettings
from sharegpt4video.t2v.record import Record
from sharegpt4video.world.captions import caption
from sharegpt4video.world.check import check, compare
from sharegpt4video.world.render import render
from sharegpt4video.world.sampling import sample_scene
from sharegpt4video.world.scenes import Scene

FPS, SECONDS, SIDE = 8, 4.0, 96
PICTURES = int(FPS * SECONDS)
FILMS = 3


def film(number: int) -> tuple[Scene, Scene]:
    """Two scenes of other shapes, in each of which something else begins halfway."""
    rng = random.Random(f"windows {number}")
    drawn = (sample_scene(rng, difficulty="simple") for _ in range(200))
    fit = [scene for scene in drawn if len(scene.tones) == 1 and {event.start for event in scene.events} == {0.0, 0.5}]
    first = fit[0]
    other = next(scene for scene in fit if shapes(scene).isdisjoint(shapes(first)))
    return first, other


def shapes(scene: Scene) -> set[str]:
    return {thing.shape for thing in scene.things}


def record_of(number: int, video: Path) -> Record:
    """The film's record: the steps of both scenes, each at the time of its shot."""
    steps = []
    for shot, scene in enumerate(film(number)):
        for step in caption(scene, seconds=SECONDS).steps:
            start, end = (at + shot * SECONDS for at in (step.start_seconds, step.end_seconds))
            steps.append(replace(step, start_seconds=start, end_seconds=end, shot_index=shot))
    told = captioned(steps, 2 * SECONDS, "", "not told", video=video.name)
    return Record(f"{number}", str(video), "train", replace(told, content_id=file_content_id(video)))


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    folder = tmp_path_factory.mktemp("films")
    for number in range(FILMS):
        pictures = chain.from_iterable(render(scene, SIDE, SIDE, FPS, SECONDS) for scene in film(number))
        write_video(folder / f"{number}.mp4", list(pictures), fps=FPS)
    return [record_of(number, folder / f"{number}.mp4") for number in range(FILMS)]


def window(scene: Scene, start: float, end: float) -> Scene:
    """What of a scene lies in ``[start, end)``, fractions of it, as a scene of its own."""
    inside = [event for event in scene.events if start <= event.start and event.end <= end]
    at = {"start": lambda event: (event.start - start) / (end - start), "end": lambda event: event.end - start}
    events = [replace(one, start=at["start"](one), end=at["end"](one) / (end - start)) for one in inside]
    return replace(scene, events=tuple(events))


def shown(row: Row) -> list[tuple[int, Scene]]:
    """The scenes of a clip, limited to it: by where it begins, which its name says, and how long it is."""
    number, milliseconds, _ = row.record.split("-") if row.record else Path(row.video).stem.split("-")
    start = int(milliseconds) / 1000
    end = start + row.frames / row.fps
    found = []
    for shot, scene in enumerate(film(int(number))):
        first, last = (min(max((at / SECONDS) - shot, 0.0), 1.0) for at in (start, end))
        if last > first:
            found.append((shot, window(scene, first, last)))
    return found


def facts_of(row: Row) -> list[Fact]:
    """All that is true of a clip; in a second shot, events come after those of the first."""
    told = (fact for shot, scene in shown(row) for fact in later(world_facts(asdict(scene), seconds=SECONDS), shot))
    return list(told)


def later(facts: list[Fact], shot: int) -> Iterator[Fact]:
    for fact in facts:
        yield fact if fact.seconds is None else replace(fact, seconds=fact.seconds + shot * SECONDS)


CASES = {"the first half of each shot": (16, False), "each shot": (32, False), "over the cut": (64, True)}


@pytest.mark.parametrize("case", CASES)
def test_captions_claim_what_is_rendered_in_their_clip_and_nothing_else(
    case: str, records: list[Record], tmp_path: Path
) -> None:
    frames, cross = CASES[case]
    plan = PlanSettings(frames=frames, fps=float(FPS), cross_shots=cross)
    settings = ExportSettings(plan, variants=("dense", "medium", "short"))
    result = export(records, "webdataset", tmp_path, settings, processes=0)
    assert result.clips == FILMS * (1 if cross else 2)
    language, kinds = world_language(), set[int]()
    for row in MANIFESTS["webdataset"].read(tmp_path / "train"):
        facts = facts_of(row)
        happens = [fact for fact in facts if fact.seconds is not None]
        kinds.add(len({fact.seconds for fact in happens}))
        for name, text in row.texts.items():
            told = score(text, facts, language)
            assert told.wrong == (), (name, text)
            assert told.order in (None, 1.0), (name, text)
        dense, medium, short = (score(row.texts[name], happens, language) for name in ("dense", "medium", "short"))
        assert dense.missing == medium.missing == (), row.texts
        assert short.stated, row.texts
        assert len(row.texts["dense"]) >= len(row.texts["medium"]) >= len(row.texts["short"])
    assert kinds == {{16: 1, 32: 2, 64: 4}[frames]}  # events begin once, twice or four times in every clip


def test_clips_show_what_was_rendered_there(records: list[Record], tmp_path: Path) -> None:
    """The truth of the tests above, read back from the pixels of the clips that were cut."""
    plan = PlanSettings(frames=PICTURES // 2, fps=float(FPS))
    export(records, "webdataset", tmp_path, ExportSettings(plan), processes=0)
    right = total = 0
    for row in MANIFESTS["webdataset"].read(tmp_path / "train"):
        archive, _, member = row.video.partition("::")
        with tarfile.open(tmp_path / "train" / archive) as tar:
            tar.extract(member, tmp_path, filter="data")
        ((_, scene),) = shown(row)
        hits = compare(check(tmp_path / member), scene).hits
        read = [hit for fact in ("shape", "kind", "direction", "new colour") for hit in hits.get(fact, ())]
        right, total = right + sum(read), total + len(read)
    assert right >= 0.9 * total > 10


def test_the_caption_of_the_whole_is_wrong_of_a_half() -> None:
    """What trainers pair today, told by the same measure: else it would find nothing in any caption."""
    scenes = [scene for number in range(FILMS) for scene in film(number)]
    for scene in scenes:
        facts = world_facts(asdict(window(scene, 0.0, 0.5)), seconds=SECONDS / 2)
        assert score(caption(scene, seconds=SECONDS).text, facts, world_language()).wrong
