"""A build on a real local Ray cluster of several worker processes gives what a local build gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from made_sets import QUICK, quick, same_captions, write_clips
from sharegpt4video.dataset.build import BuildOptions, build
from sharegpt4video.dataset.cluster import ClusterOptions, build_on_ray
from sharegpt4video.dataset.counts import BuildCounts
from sharegpt4video.dataset.rows import Failure
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, SurveySettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError

ray = pytest.importorskip("ray", reason="needs the extra ray")

VIDEOS = 60
TWO = ClusterOptions(readers=2, describers=2)
# Half a second of the time allowed for one video: Ray starts its processes one after the other.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_clips(folder, VIDEOS, seconds=1.0)
    (folder / f"clip-{VIDEOS:03d}.mp4").write_bytes(b"this is no video" * 64)
    (folder / f"clip-{VIDEOS + 1:03d}.mp4").write_bytes((folder / "clip-007.mp4").read_bytes())
    write_clips(folder / "long", 2, seconds=3.0, first_seed=900)
    return folder


def settings() -> DatasetSettings:
    return quick(filters=FilterSettings(max_seconds=2.5), survey=SurveySettings(pictures=False))


def failures(out: Path) -> list[Failure]:
    return sorted(Store(out).rows("failures"), key=lambda failure: failure.id)


def comparable(counts: BuildCounts) -> BuildCounts:
    return replace(counts, seconds=0.0)


def test_videos_built_here_and_on_ray_are_equal_data_sets(videos: Path, tmp_path: Path) -> None:
    here = build([str(videos)], tmp_path / "here", settings=settings(), options=BuildOptions(processes=2))
    there = build_on_ray([str(videos)], tmp_path / "there", settings=settings(), cluster=TWO)
    assert (here.captioned, here.identical, dict(here.failed)) == (VIDEOS, 1, {"unreadable": 1})
    assert dict(here.dropped) == {"max_seconds": 2}
    assert comparable(there) == comparable(here)
    same_captions(tmp_path / "here", tmp_path / "there")
    assert failures(tmp_path / "here") == failures(tmp_path / "there")
    for table in ("sources", "surveys", "selection", "checks"):
        ours, theirs = (list(Store(tmp_path / name).rows(table)) for name in ("here", "there"))
        assert sorted(ours, key=repr) == sorted(theirs, key=repr), table


def test_what_ray_began_is_carried_on_here_and_the_other_way_round(videos: Path, tmp_path: Path) -> None:
    some = [str(videos / f"clip-00{number}.mp4") for number in range(4)]
    build_on_ray(some[:2], tmp_path, settings=QUICK, cluster=TWO)
    here = build(some[:3], tmp_path, settings=QUICK, options=BuildOptions(processes=1))
    assert (here.known, here.captioned) == (2, 1)
    again = build_on_ray(some, tmp_path, settings=QUICK, cluster=TWO)
    assert (again.known, again.captioned) == (3, 1)


def test_a_model_that_does_not_exist_is_told_before_anything_is_begun(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown model"):
        build_on_ray([str(videos)], tmp_path / "out", model="no-such-model", settings=QUICK)
    assert not (tmp_path / "out").exists()


def test_a_cluster_that_we_start_does_not_report_its_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = pytest.importorskip("ray._common.usage.usage_lib", reason="Ray keeps it elsewhere")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    assert usage.usage_stats_enabled()
    build_on_ray([str(tmp_path)], tmp_path / "set")
    assert not usage.usage_stats_enabled()
