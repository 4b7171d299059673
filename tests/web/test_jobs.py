"""Captions as jobs: their events, who watches them, and what is left of them: nothing."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from media import numbered_run, write_video
from sharegpt4video.errors import SG4VError
from sharegpt4video.records import Edit, VideoCaption
from sharegpt4video.web.client import Event, ServerRefused
from sharegpt4video.web.jobs.job import Job
from sharegpt4video.web.jobs.limits import ProcessLimits
from sharegpt4video.web.jobs.queue import JobQueue
from sharegpt4video.web.jobs.tasks import Caption
from sharegpt4video.web.jobs.workers import Workers
from sharegpt4video.web.media import Media
from web_server import FAST, PARK, TOKEN, Running, running, workers


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "numbers.mp4"
    write_video(path, numbered_run(24, 96, 64), fps=4)
    return path


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute at a size whose facts take a while."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    write_video(path, numbered_run(240, 640, 480), fps=4)
    return path


@pytest.fixture(scope="module")
def web() -> Iterator[Running]:
    with running() as served:
        yield served


def reading(web: Running) -> list[psutil.Process]:
    """The processes that have an uploaded video open."""
    found = []
    for process in web.workers():
        with suppress(psutil.NoSuchProcess):
            if any(Path(file.path).is_relative_to(web.server.uploads.folder) for file in process.open_files()):
                found.append(process)
    return found


def wait_until(holds: Callable[[], bool], seconds: float = 8.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def at_work(web: Running) -> int:
    return web.server.queue.running


def test_a_caption_arrives_event_by_event(web: Running, clip: Path) -> None:
    events: list[Event] = []
    caption = web.client.caption(clip, on_event=events.append)
    kinds = [event.kind for event in events]
    assert [event.number for event in events] == list(range(len(events)))
    assert (kinds[0], kinds[-1]) == ("queued", "done")
    assert kinds.index("opened") < kinds.index("keyframe") < kinds.index("step") < kinds.index("summary")
    assert caption.video == "numbers.mp4"
    steps = [event.data for event in events if event.kind == "step"]
    assert [step["number"] for step in steps] == list(range(len(caption.steps)))
    assert [step["step"]["text"] for step in steps] == [step.text for step in caption.steps]
    assert next(event for event in events if event.kind == "opened").data["end_seconds"] == pytest.approx(6.0)


def test_keyframes_have_pictures_that_can_be_fetched(web: Running, clip: Path) -> None:
    events: list[Event] = []
    web.client.caption(clip, on_event=events.append)
    keyframes = [event.data for event in events if event.kind == "keyframe"]
    assert {keyframe["number"] for keyframe in keyframes} == set(range(keyframes[-1]["number"] + 1))
    assert any(keyframe["facts"] for keyframe in keyframes)
    picture = web.as_owner("GET", keyframes[0]["picture"])
    assert (picture.status, picture.headers["content-type"]) == (200, "image/jpeg")
    assert picture.body[:2] == b"\xff\xd8"
    caption = keyframes[0]["picture"].split("/")[3]
    assert web.as_owner("GET", f"/v1/captions/{caption}/keyframes/99").status == 404


def test_a_reader_comes_back_where_it_left(web: Running, clip: Path) -> None:
    media = web.client.upload(clip)
    begun = web.client.begin(media.id)
    whole = list(web.client.events(begun.id))
    assert list(web.client.events(begun.id, after=3)) == whole[4:]
    answer = web.as_owner("GET", f"/v1/captions/{begun.id}/events?after=4")
    assert answer.body.startswith(b"id: 5\n")
    assert web.as_owner("GET", f"/v1/captions/{begun.id}/events", Last_Event_ID="4").body == answer.body
    assert list(web.client.events(begun.id, after=whole[-1].number or 0)) == []


def test_what_there_is_can_be_read_while_it_is_made(web: Running, long_clip: Path) -> None:
    begun = web.client.begin(web.client.upload(long_clip).id, model="embedded")
    for event in web.client.events(begun.id):
        if event.kind == "step":
            break
    state = web.client.state(begun.id)
    assert state.status == "running"
    assert state.caption is not None
    assert state.caption.steps[0].text == event.data["step"]["text"]
    assert [keyframe.number for keyframe in state.keyframes] == list(range(len(state.keyframes)))
    with pytest.raises(ServerRefused) as refused:
        web.client.edit(begun.id, 0, "mine", state.caption.steps[0].text)
    assert refused.value.status == 409
    web.client.cancel(begun.id)


def test_cancelling_ends_the_process_at_once(web: Running, long_clip: Path) -> None:
    begun = web.client.begin(web.client.upload(long_clip).id, model="embedded")
    events = web.client.events(begun.id)
    assert next(event for event in events if event.kind == "opened")
    busy = {process.pid for process in web.workers()}
    web.client.cancel(begun.id)
    assert next(event for event in events if event.kind == "cancelled")
    state = web.client.state(begun.id)
    assert state.status == "cancelled"
    stopped = VideoCaption.from_json(web.client.download(begun.id))
    assert ["it was stopped after" in one for one in stopped.warnings] == [True], "half a film looks like half a film"
    # The one that waits for the next task may be left.
    wait_until(lambda: len({process.pid for process in web.workers()} & busy) <= 1, 4)
    assert at_work(web) == 0


def test_a_job_that_nobody_watches_ends_within_seconds(web: Running, long_clip: Path) -> None:
    begun = web.client.begin(web.client.upload(long_clip).id, model="embedded")
    connection = http.client.HTTPConnection("127.0.0.1", web.port)
    connection.request("GET", f"/v1/captions/{begun.id}/events", headers={"Authorization": f"Bearer {TOKEN}"})
    response = connection.getresponse()
    assert response.readline().startswith(b"id: 0")
    response.close()
    connection.close()
    job = web.server.queue.get(begun.id)
    wait_until(lambda: job.status == "cancelled", 4)
    assert at_work(web) == 0


def test_a_reload_does_not_end_a_job(web: Running, clip: Path) -> None:
    begun = web.client.begin(web.client.upload(clip).id, model="embedded")
    next(iter(web.client.events(begun.id)))  # and away
    assert [*web.client.events(begun.id, after=0)][-1].kind == "done"


def test_jobs_wait_for_their_turn_and_are_told_their_place(long_clip: Path, clip: Path) -> None:
    with running(replace(FAST, jobs=1, jobs_per_client=3)) as web:
        media = web.client.upload(long_clip)
        first = web.client.begin(media.id, model="embedded")
        second, third = web.client.begin(media.id), web.client.begin(web.client.upload(clip).id)
        with pytest.raises(ServerRefused, match="not finished yet") as refused:
            web.client.begin(media.id)
        assert refused.value.status == 429
        assert (web.client.state(first.id).status, web.client.state(third.id).status) == ("running", "queued")
        web.client.cancel(second.id)
        web.client.cancel(first.id)
        events = [*web.client.events(third.id)]
        assert [event.data["position"] for event in events if event.kind == "queued"][:2] == [1, 0]
        assert events[-1].kind == "done"


def test_a_process_that_dies_fails_its_caption_alone(web: Running, long_clip: Path, clip: Path) -> None:
    begun = web.client.begin(web.client.upload(long_clip).id, model="embedded")
    events = web.client.events(begun.id)
    assert next(event for event in events if event.kind == "opened")
    wait_until(lambda: reading(web) != [])
    os.kill(reading(web)[0].pid, signal.SIGKILL)
    last = [*events][-1]
    assert last.kind == "failed"
    assert "memory" in last.data["message"]
    assert web.client.caption(clip).steps


def test_a_job_that_takes_too_long_fails_with_the_reason(long_clip: Path) -> None:
    with running(replace(FAST, job_seconds=0.7)) as web:
        media = web.client.upload(long_clip)
        with pytest.raises(SG4VError, match="longer than"):
            web.client.caption(media, model="embedded")


def test_only_a_part_of_a_long_video_is_captioned(clip: Path) -> None:
    with running(replace(FAST, max_seconds=3.0)) as web:
        media = web.client.upload(clip)
        with pytest.raises(ServerRefused, match="choose a part") as refused:
            web.client.caption(media)
        assert refused.value.status == 413
        assert web.client.caption(media, start_seconds=1, end_seconds=3).end_seconds == pytest.approx(3.0)


def test_a_model_that_fails_leaves_the_steps_there_are(clip: Path) -> None:
    with running(models=("server:nobody@http://127.0.0.1:9/v1",)) as web:
        events: list[Event] = []
        with pytest.raises(SG4VError):
            web.client.caption(clip, on_event=events.append)
        assert events[-1].kind == "failed"
        assert events[-1].data["message"]


def test_finished_captions_are_forgotten_at_last(clip: Path) -> None:
    with running(replace(FAST, kept_captions=1)) as web:
        media = web.client.upload(clip)
        first, second = web.client.begin(media.id), web.client.begin(media.id)
        assert [*web.client.events(first.id)][-1].kind == "done"
        assert [*web.client.events(second.id)][-1].kind == "done"
        wait_until(lambda: len([*web.server.uploads.folder.glob("*/*.jpg")]) > 0)
        wait_until(lambda: web.server.queue.find(first.id) is None)
        assert web.client.state(second.id).status == "done"
        assert not (web.server.uploads.folder / first.id).exists()


def test_nothing_is_left_when_the_server_ends(long_clip: Path) -> None:
    before = {process.pid for process in workers()}
    with running() as web:
        folder = web.server.uploads.folder
        begun = web.client.begin(web.client.upload(long_clip).id, model="embedded")
        next(event for event in web.client.events(begun.id) if event.kind == "opened")
        assert {process.pid for process in workers()} - before
    assert not {process.pid for process in workers()} - before
    assert not folder.exists()


def test_edits_are_kept_and_conflicts_shown(web: Running, clip: Path) -> None:
    begun = web.client.begin(web.client.upload(clip).id)
    done = [*web.client.events(begun.id)][-1].data["caption"]
    text = done["steps"][1]["text"]
    edited = web.client.edit(begun.id, 1, "A ${alert(1)} <b>dog</b>.", text)
    assert edited.steps[1].text == "A ${alert(1)} <b>dog</b>."
    with pytest.raises(ServerRefused) as refused:
        web.client.edit(begun.id, 1, "Another text.", text)
    assert (refused.value.status, refused.value.body["theirs"]) == (409, "A ${alert(1)} <b>dog</b>.")
    assert web.client.edit(begun.id, None, "The whole.", done["summary"]).summary == "The whole."
    stored = VideoCaption.from_json(web.client.download(begun.id))
    assert (stored.summary, stored.steps[1].text) == ("The whole.", "A ${alert(1)} <b>dog</b>.")
    assert stored.edits == (Edit(1, "", by_hand=True), Edit(-1, "", by_hand=True))
    with pytest.raises(ServerRefused, match="no step 99"):
        web.client.edit(begun.id, 99, "x", "y")


def test_memory_of_the_server_does_not_grow_with_the_bytes_that_pass(web: Running) -> None:
    """Sixteen uploads and readings of 700 KB; a server that kept them would show it."""
    media = [web.client.upload(PARK) for _ in range(4)]
    before = psutil.Process().memory_info().rss
    for each in media * 4:
        web.as_owner("GET", f"/v1/media/{each.id}")
        web.client.upload(PARK)
    assert psutil.Process().memory_info().rss - before < 8 << 20


def made_job(folder: Path) -> Job:
    media = Media("m", folder / "a.mp4", "a.mp4", 1, 1, 1.0, 2, 2, 1.0, False, True, "video/mp4", uploaded=False)
    return Job(media, Caption("", "", "fake", "sliding", None, None, 9.0), "me", folder, 9.0)


def test_a_full_disk_costs_a_picture_but_no_caption(tmp_path: Path) -> None:
    job = made_job(tmp_path)
    (tmp_path / job.id).write_bytes(b"")  # where its folder should be
    job.keyframe({"number": 0}, b"jpeg")
    assert job.keyframes[0]["picture"] is None
    (tmp_path / job.id).unlink()
    job.keyframe({"number": 1}, b"jpeg")
    assert job.keyframes[1]["picture"]
    (tmp_path / job.id / "left by somebody").write_bytes(b"")
    job.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_is_cancelled_before_its_first_step_is_over(tmp_path: Path) -> None:
    async def cancelled() -> str:
        workers = Workers(ProcessLimits(0, 1 << 20, 9), 2, 1)
        queue = JobQueue(FAST, workers, tmp_path)
        plain = made_job(tmp_path)
        job = queue.add(plain.media, plain.task, "me")
        await queue.cancel(job)
        await workers.close()
        return job.status

    assert asyncio.run(cancelled()) == "cancelled"


def test_events_after_a_number_that_was_never_given_are_those_to_come(tmp_path: Path) -> None:
    async def followed() -> list[str]:
        job = made_job(tmp_path)
        job.say("queued", {})
        events = job.follow(10**9, 1.0)
        coming = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        job.say("cancelled", {})
        found = [(await coming).kind]
        return found + [event.kind async for event in events]

    assert asyncio.run(asyncio.wait_for(followed(), 5)) == ["cancelled"]
