"""The whole pipeline against a server that misbehaves: no finished step is lost, and no wrong text is kept as right."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

import sharegpt4video as sg4v
from chat_server import (
    Behaviour,
    ChatServer,
    Exchange,
    Received,
    answer,
    drop,
    drop_midway,
    raw,
    stall,
    status,
    wrong_id,
)
from leaping_clock import LeapingClock
from made_requests import server_vlm
from media import write_video
from scenes import texture
from sees_nothing import SEES_NOTHING
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.prompts import prompt_set
from sharegpt4video.records import VideoCaption

SETTINGS = CaptionSettings(
    facts=FactSettings(every_seconds=4.0, ocr=False, detector=SEES_NOTHING),
    keyframes=KeyframeSettings(every_seconds=1.0, selector="uniform", verify_cuts=False),
    image_side_pixels=64,
)


def told(received: Received) -> str:
    """An answer that can be told from every other, and depends on nothing but the time that it was asked about."""
    asked = re.findall(r"in the video from (\S+ s to \S+ s)", received.text)
    return f"From {asked[-1]} a leaf turns over in the wind." if asked else "A leaf lies on dry ground."


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faults") / "clip.mp4"
    write_video(path, [texture(1, 64, 48)] * 60, fps=10)
    return path


@pytest.fixture(scope="module")
def undisturbed(clip: Path) -> VideoCaption:
    with ChatServer(default=answer(told)) as server:
        return sg4v.caption(clip, model=server_vlm(server.base_url), settings=SETTINGS)


FAULTS: dict[str, Behaviour] = {
    "hangs up": drop(),
    "hangs up half-way": drop_midway(),
    "429": status(429, retry_after="0.01"),
    "500": status(500),
    "junk": raw(b"<html>it works</html>"),
    "empty": answer(""),
    "half a text": answer("The leaf is", finish_reason="length"),
    "wrong id": wrong_id("sg4v-" + "0" * 32 + "-12345678", "A text about another video."),
    "stalls": stall(600),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_leaves_no_trace(
    name: str, clip: Path, undisturbed: VideoCaption, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third answer goes wrong once; what comes out is what an undisturbed run gives."""
    clock = LeapingClock(monkeypatch)

    def fault(exchange: Exchange) -> None:
        if name == "stalls":
            clock.leap(61)
        FAULTS[name](exchange)

    script = [behaviour for _ in range(3) for behaviour in (answer(told), answer(told), fault)]
    with ChatServer(*script, default=answer(told)) as server:
        vlm = server_vlm(server.base_url, timeout_seconds=60, retries=5)
        captioned = sg4v.caption(clip, model=vlm, settings=SETTINGS)
    assert captioned.steps == undisturbed.steps
    assert captioned.summary == undisturbed.summary
    assert not captioned.problems


@pytest.mark.parametrize("seed", range(4))
def test_random_faults_lose_no_finished_step(seed: int, clip: Path, undisturbed: VideoCaption) -> None:
    """Whatever fails for good is marked; everything else is as in an undisturbed run, in its place."""
    dice = random.Random(seed)
    quick = [fault for name, fault in FAULTS.items() if name != "stalls"]
    script = [dice.choice(quick) if dice.random() < 0.6 else answer(told) for _ in range(30)]
    with ChatServer(*script, default=answer(told)) as server:
        captioned = sg4v.caption(clip, model=server_vlm(server.base_url, retries=1), settings=SETTINGS)
    assert len(captioned.steps) == len(undisturbed.steps)
    for step, right in zip(captioned.steps, undisturbed.steps, strict=True):
        assert (step.start_seconds, step.end_seconds, step.facts) == (
            right.start_seconds,
            right.end_seconds,
            right.facts,
        )
        assert step.problem or step.text == right.text
        assert "another video" not in step.text or step.problem.startswith("mixed up")


def test_a_server_that_goes_away_leaves_the_finished_steps(clip: Path, undisturbed: VideoCaption) -> None:
    server = ChatServer(answer(told), answer(told), answer(told), default=status(401))
    with server, pytest.raises(sg4v.CaptionInterrupted, match="401") as caught:
        sg4v.caption(clip, model=server_vlm(server.base_url), settings=SETTINGS)
    assert caught.value.caption.steps == undisturbed.steps[:3]
    assert len(server.received) > 4  # a key that was good a moment ago is tried again before it is given up


def test_the_requests_are_those_of_the_prompt_set(clip: Path) -> None:
    """What the server got is, word for word, what the prompt set makes of the structured requests."""
    with ChatServer(default=answer(told)) as server:
        captioned = sg4v.caption(clip, model=server_vlm(server.base_url), settings=SETTINGS)
    change = server.received[1]
    first, second = captioned.steps[:2]
    for words in (f"{second.start_seconds:.2f} s", f"{second.end_seconds:.2f} s", first.text):
        assert words in change.text
    assert len(change.image_urls) == 2
    assert change.image_urls[0] == server.received[0].image_urls[0]  # the same bytes again
    assert change.body["messages"][0]["content"] == prompt_set("default").system
