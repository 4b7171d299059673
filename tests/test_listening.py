"""Who listens to a video, as the settings say and the installation allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from media import solid, write_video
from sees_nothing import SEES_NOTHING
from sharegpt4video import listening
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.errors import SettingsError
from sharegpt4video.listening import hears, listener, transcriber, writes_down
from sharegpt4video.pipeline import caption
from sharegpt4video.records import VideoCaption
from sharegpt4video.video.hearing import RATE
from sharegpt4video.video.reader import VideoReader
from speech_server import speech_server


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_video(tmp_path / "clip.mp4", [solid((200, 0, 0))] * 100, audio_seconds=(1.0, 3.0))
    return tmp_path / "clip.mp4"


class Detector:
    """Takes every tone for speech."""

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        loud = np.abs(samples[: len(samples) // 160 * 160].reshape(-1, 160)).max(axis=1) > 0.05
        return np.column_stack([loud, np.zeros(len(loud))]).astype(np.float32)


@pytest.mark.parametrize(
    ("settings", "installed", "expected"),
    [
        (FactSettings(), True, (True, False)),
        (FactSettings(), False, (False, False)),
        (FactSettings(sound=False), True, (False, False)),
        (FactSettings(sound=True), False, (True, False)),
        (FactSettings(speech_model="server:m@http://x/v1"), True, (True, True)),
        (FactSettings(speech=False, speech_model="server:m@http://x/v1"), True, (True, False)),
        (FactSettings(speech=True), False, (True, True)),
        (FactSettings(measure=False), True, (False, False)),
    ],
)
def test_off_on_and_as_installed(
    settings: FactSettings, installed: bool, expected: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "find_spec", lambda _: object() if installed else None)
    monkeypatch.setattr(listening, "is_installed", lambda: False)
    assert (hears(settings), writes_down(settings)) == expected


@pytest.mark.parametrize(
    "wrong", [{"sound": False, "speech": True}, {"measure": False, "sound": True}, {"measure": False, "speech": True}]
)
def test_settings_that_contradict_each_other(wrong: dict[str, bool]) -> None:
    with pytest.raises(SettingsError, match=r"facts\.(sound|speech)"):
        FactSettings(**wrong)  # type: ignore[arg-type]


def test_a_folder_without_weights_says_what_belongs_in_it(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper", reason="extra speech is not installed")
    with pytest.raises(SettingsError, match=r"no model\.bin and no config\.json; give a folder"):
        transcriber(FactSettings(speech=True, speech_model=str(tmp_path)))


def test_a_caption_carries_what_a_server_heard(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the sound track over the server into the steps, the summary and the record, and back from JSON."""
    monkeypatch.setattr(listening, "_detector", Detector)

    def answer(_asked: object) -> tuple[int, dict[str, object]]:
        segment = {"text": " Good morning.", "start": 0.3, "end": 1.2, "avg_logprob": -0.2}
        doubtful = {"text": "mumble", "start": 1.2, "end": 1.5, "avg_logprob": -1.4}
        return 200, {"text": "Good morning. mumble", "segments": [segment, doubtful]}

    with speech_server(answer) as server:  # type: ignore[arg-type]
        facts = FactSettings(
            every_seconds=4.0,
            ocr=False,
            detector=SEES_NOTHING,
            speech_model=f"server:whisper-1@{server.url}",
            sound=True,
        )
        made = caption(clip, settings=CaptionSettings(facts=facts))
    assert [asked.seconds for asked in server.asked] == [pytest.approx(2.4, abs=0.3)]
    assert made.sound is not None
    assert [(one.text, one.mean_log_probability) for one in made.sound.speech or ()] == [("Good morning.", -0.2)]
    assert made.sound.speech_share == pytest.approx(0.5, abs=0.1)
    assert sum('A voice says "Good morning".' in step.text for step in made.steps) == 1
    assert 'voice says "Good morning"' in made.summary
    assert made.provenance.settings["facts"] | {"sound": True, "speech": True} == made.provenance.settings["facts"]
    assert VideoCaption.from_json(made.to_json()) == made


def test_a_video_that_nobody_listened_to_is_told_apart(clip: Path) -> None:
    made = caption(
        clip,
        settings=CaptionSettings(facts=FactSettings(every_seconds=4.0, ocr=False, sound=False, detector=SEES_NOTHING)),
    )
    assert made.sound is None
    assert made.provenance.settings["facts"]["sound"] is False


def test_a_track_is_closed_with_its_reader(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_detector", Detector)
    with VideoReader(clip) as reader:
        heard = listener(reader, FactSettings(sound=True, speech=False))
        assert heard is not None
    assert len(heard._track.read(1.0)) < RATE
