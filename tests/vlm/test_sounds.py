"""Sound beside the pictures, for models that hear: what reaches the server is heard at the times it describes."""

from __future__ import annotations

import base64
import io
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from chat_server import ChatServer, Received, status
from made_requests import CHANGE, FAST, SUMMARY, ask, server_vlm
from media import quadrants, solid, write_video
from sharegpt4video import background
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.dataset.places.jobs import ReadAlong, read_job, survey_job
from sharegpt4video.dataset.rows import SourceVideo
from sharegpt4video.dataset.settings import SurveySettings
from sharegpt4video.errors import SettingsError, VLMError
from sharegpt4video.pipeline import caption
from sharegpt4video.records import Audio, Segment
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.complaints import NO_SOUND_ADVICE

HERTZ = (500, 800, 1100, 1400, 1700)
"""The pitch in each second of the clip."""
SETTINGS = CaptionSettings(
    keyframes=KeyframeSettings(selector="uniform", every_seconds=0.8), facts=FactSettings(measure=False)
)
HEARD = Audio(np.zeros(16_000, "<i2").tobytes(), 0.0, 1.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots, 0 to 2 s and 2 to 5 s."""
    path = tmp_path_factory.mktemp("heard") / "clip.mp4"
    shots = [quadrants()] * 20 + [solid((0, 0, 200))] * 30
    write_video(path, shots, fps=10, audio_seconds=(0.0, 5.0), audio_hertz=HERTZ)
    return path


def captioned(clip: Path, settings: CaptionSettings = SETTINGS, **options: Any) -> tuple[list[Received], Any]:
    with ChatServer() as server:
        vlm = server_vlm(server.base_url, **options)
        made = caption(clip, model=vlm, settings=settings)
        background.run(vlm.close())
    return server.received, made


def sounds(received: Received) -> list[dict[str, str]]:
    return [part["input_audio"] for part in received.content if part["type"] == "input_audio"]


def decoded(sound: dict[str, str]) -> np.ndarray:
    """The samples, as another program decodes them."""
    with av.open(io.BytesIO(base64.b64decode(sound["data"]))) as file:
        assert file.format.name == sound["format"]
        assert file.streams.audio[0].rate == 16_000
        return np.concatenate([frame.to_ndarray().ravel() for frame in file.decode(audio=0)]).astype(np.float64)


def check_pitch(samples: np.ndarray, start_seconds: float, end_seconds: float, late_seconds: float = 0.0) -> None:
    """Each tenth of a second has the pitch of its time, but where the pitch changes."""
    assert len(samples) / 16_000 == pytest.approx(end_seconds - start_seconds, abs=0.002 + 2 * late_seconds)
    for at in range(0, len(samples) - 1600, 1600):
        first = start_seconds + at / 16_000 - late_seconds
        if int(first) == int(first + 0.1 + late_seconds) and first > 0.1:
            loudest = np.abs(np.fft.rfft(samples[at : at + 1600] * np.hanning(1600))).argmax() * 10
            assert loudest == pytest.approx(HERTZ[int(first)], abs=15), first


@pytest.mark.parametrize(("form", "late_seconds"), [("wav", 0.0), ("mp3", 0.07)])  # a coder of MP3 adds silence
def test_each_step_comes_with_the_sound_of_its_span(clip: Path, form: str, late_seconds: float) -> None:
    received, made = captioned(clip, send_sound=form)
    with_sound = [got for got in received if sounds(got)]
    spans = [(step.start_seconds, step.end_seconds) for step in made.steps if step.end_seconds > step.start_seconds]
    labels = {got.content[-3]["text"].partition(",")[0]: got for got in with_sound}
    assert [f"The sound from {start:.2f} s to {end:.2f} s" for start, end in sorted(spans)] == sorted(labels)
    assert spans[0][0] == 0.0
    assert max(end for _, end in spans) == pytest.approx(5.0)
    for got, (start, end) in zip((labels[name] for name in sorted(labels)), sorted(spans), strict=True):
        assert [part["type"] for part in got.content][-3:] == ["text", "input_audio", "text"]
        (sound,) = sounds(got)
        assert sound["format"] == form
        check_pitch(decoded(sound), start, end, late_seconds)
    assert not made.warnings


def test_a_part_is_heard_from_where_it_starts_to_where_it_ends(clip: Path) -> None:
    for mode in ("sliding", "fast"):
        part = replace(SETTINGS, mode=mode, start_seconds=1.3, end_seconds=3.7)
        received, made = captioned(clip, part, send_sound="wav")
        whole = np.concatenate([decoded(sound) for got in received for sound in sounds(got)])
        assert (made.start_seconds, made.end_seconds) == (1.3, 3.7)
        assert len(whole) == pytest.approx(2.4 * 16_000, abs=4)
        if mode == "fast":
            check_pitch(whole, 1.3, 3.7)


def test_nothing_of_it_is_there_unless_asked_for(clip: Path, tmp_path: Path) -> None:
    assert not [got for got in captioned(clip)[0] if sounds(got)]
    write_video(tmp_path / "silent.mp4", [quadrants()] * 10, fps=10)
    received, made = captioned(tmp_path / "silent.mp4", send_sound="wav")
    assert not [got for got in received if sounds(got)]
    assert not made.warnings


def test_a_request_without_sound_has_the_key_that_it_always_had() -> None:
    assert replace(CHANGE, sound=None).key() == CHANGE.key()
    keys = {replace(CHANGE, sound=sound).key() for sound in (None, HEARD, replace(HEARD, pcm=b"\1\0" * 16_000))}
    assert len(keys) == 3
    plain = server_vlm("http://localhost:1/v1")
    assert server_vlm("http://localhost:1/v1", send_sound="off").identity == plain.identity
    assert "mp3" in server_vlm("http://localhost:1/v1", send_sound="mp3").identity


@pytest.mark.parametrize("form", ["ogg", True, 3])
def test_another_kind_of_file_is_an_error(form: object) -> None:
    with pytest.raises(SettingsError, match="send_sound is off, wav or mp3, not"):
        server_vlm("http://localhost:1/v1", send_sound=form)


def test_what_a_source_does_not_give_twice_is_said(clip: Path) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with ChatServer() as server:
        vlm = server_vlm(server.base_url, send_sound="wav")
        made = caption(Pipe(clip.read_bytes()), model=vlm, settings=SETTINGS)
        background.run(vlm.close())
    assert [warning for warning in made.warnings if "the source can be read only once" in warning]
    assert not [got for got in server.received if sounds(got)]


def test_too_long_a_stretch_is_left_out_and_said(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharegpt4video.wanted.MOST_SECONDS", 4.0)
    received, made = captioned(clip, replace(SETTINGS, mode="fast"), send_sound="wav")
    assert not sounds(received[0])
    assert [warning for warning in made.warnings if "minutes of it at most" in warning]


def test_sound_takes_at_most_half_of_a_request_and_pictures_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    limit = 60_000
    with ChatServer() as server, caplog.at_level(logging.WARNING):
        wav = server_vlm(server.base_url, send_sound="wav", max_request_bytes=limit)
        mp3 = server_vlm(server.base_url, send_sound="mp3", max_request_bytes=limit)
        for request in (replace(CHANGE, sound=HEARD), replace(FAST, sound=HEARD)):
            ask(wav, request)
            ask(mp3, request)
    assert [len(sounds(got)) for got in server.received] == [0, 1, 0, 1]
    for got in server.received:
        size = sum(map(len, got.image_urls)) + sum(len(sound["data"]) for sound in sounds(got))
        assert size <= limit + 100
    told = [record.message for record in caplog.records if "sound" in record.message]
    assert len(told) == 1, "once for all requests"
    assert told[0].endswith("(0.06 MB, max_request_bytes) is left out; send_sound=mp3 sends a fifth of it")


def test_a_question_of_the_callers_own_is_not_added_to() -> None:
    with ChatServer() as server:
        ask(server_vlm(server.base_url, send_sound="wav"), Request("ask", user_text="What is it?", sound=HEARD))
    assert server.received[0].content[0]["text"] == "The sound from 0.00 s to 1.00 s:"


def test_a_prompt_is_estimated_with_its_sound() -> None:
    hears, deaf = (server_vlm("http://localhost:1/v1", send_sound=form) for form in ("wav", "off"))
    request = replace(CHANGE, sound=HEARD)
    assert 10 <= hears.estimate_tokens(request) - hears.estimate_tokens(CHANGE) <= 50
    assert deaf.estimate_tokens(request) == deaf.estimate_tokens(CHANGE)


@pytest.mark.parametrize(
    "said",
    [
        "This model does not support audio input.",
        "At most 0 audio(s) may be provided in one prompt.",  # vLLM
        "audio input is not supported - hint: if this is unexpected, you may need to provide the mmproj",  # llama.cpp
        "Audio input modality is not enabled for models/gemma-3-27b-it",  # Gemini
        "No endpoints found that support input audio",  # OpenRouter
        "Unknown part type: input_audio",
        "Input tag 'input_audio' found using 'type' does not match any of the expected tags: 'text', 'image_url'",
    ],
)
def test_a_server_that_takes_no_sound_is_told_what_to_do(said: str) -> None:
    with ChatServer(default=status(400, said)) as server, pytest.raises(VLMError) as caught:
        ask(server_vlm(server.base_url, send_sound="wav"), replace(CHANGE, sound=HEARD))
    assert NO_SOUND_ADVICE in str(caught.value)
    assert "-O send_sound=off" in NO_SOUND_ADVICE
    assert len(server.received) == 1


def test_summaries_carry_none_and_a_deaf_model_is_sent_none(clip: Path) -> None:
    received, _ = captioned(clip, send_sound="wav")
    assert not sounds(received[-1]), "the summary, of texts"
    with ChatServer() as server:
        ask(server_vlm(server.base_url), replace(CHANGE, sound=HEARD), SUMMARY)
    assert not [got for got in server.received if sounds(got)]


def test_the_readers_of_a_data_set_send_it_along(clip: Path) -> None:
    source = SourceVideo("0" * 32, str(clip), size_bytes=clip.stat().st_size)
    apart: list[Any] = []
    read_job(apart.append, source, SETTINGS, True, True)
    along: list[Any] = []
    survey_job(along.append, source, SurveySettings(), ReadAlong(SETTINGS, True, True))
    pieces = [
        [sound for each in items if isinstance(each, Segment) for sound in each.sound] for items in (apart, along)
    ]
    assert pieces[0] == pieces[1]
    assert sum(len(sound.pcm) for sound in pieces[0] if sound is not None) == pytest.approx(5 * 32_000, abs=200)
