"""Speech written down by a server that speaks the real protocol: what is sent, what is made of answers and errors."""

from __future__ import annotations

import socket
from typing import Any

import numpy as np
import pytest

from sharegpt4video.errors import ModelDenied, ModelUnavailable, SettingsError, VLMError
from sharegpt4video.vlm.transcribing import RATE, ServerTranscriber, quietest, segments_of
from speech_server import Answer, Asked, speech_server

SPEECH = (np.sin(np.arange(4 * RATE) / 20) * 0.5).astype(np.float32)


def asking(url: str, **options: Any) -> ServerTranscriber:
    return ServerTranscriber("whisper-1", url, **{"api_key": "sk-secret", "backoff_seconds": 0.01, **options})


def verbose(text: str, start: float = 0.5, end: float = 1.5, **more: float) -> Answer:
    return 200, {"text": text, "segments": [{"text": text, "start": start, "end": end, "avg_logprob": -0.2, **more}]}


def test_sound_goes_out_as_a_form_and_segments_come_back_at_their_times() -> None:
    with speech_server(lambda _: verbose(" Hello \n there ")) as server:
        (said,) = asking(server.url)(SPEECH, 60.0)
    assert (said["text"], said["start"], said["end"], said["avg_logprob"]) == ("Hello there", 60.5, 61.5, -0.2)
    (asked,) = server.asked
    assert asked.fields == {"model": "whisper-1", "response_format": "verbose_json"}
    assert (asked.seconds, asked.rate, asked.channels, asked.key) == (4.0, RATE, 1, "sk-secret")


def test_a_server_that_knows_plain_json_only_is_asked_so_from_then_on() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.fields["response_format"] != "json":
            return 400, {"error": {"message": "unsupported value", "param": "response_format"}}
        return 200, {"text": "Hello there."}

    with speech_server(answer) as server:
        transcriber = asking(server.url)
        for _ in range(2):
            assert transcriber(SPEECH, 10.0) == [{"text": "Hello there.", "start": 10.0, "end": 14.0}]
    assert [asked.fields["response_format"] for asked in server.asked] == ["verbose_json", "json", "json"]


def test_what_is_too_large_is_halved_where_it_is_quiet() -> None:
    quiet = SPEECH.copy()
    quiet[round(1.5 * RATE) : round(1.7 * RATE)] = 0

    def answer(asked: Asked) -> Answer:
        return (413, {"error": {"message": "too large"}}) if asked.seconds > 3 else verbose("part", 0.0, 1.0)

    with speech_server(answer) as server:
        said = asking(server.url)(quiet, 5.0)
    assert [asked.seconds for asked in server.asked] == [4.0, pytest.approx(1.6, abs=0.1), pytest.approx(2.4, abs=0.1)]
    assert [one["start"] for one in said] == [5.0, pytest.approx(6.6, abs=0.1)]


def test_an_error_that_passes_is_asked_again() -> None:
    answers = [(503, {"error": {"message": "loading"}}), (500, {"error": {"message": "oops"}}), verbose("Hello")]
    with speech_server(lambda _: answers.pop(0)) as server:  # type: ignore[arg-type, return-value]
        (said,) = asking(server.url)(SPEECH, 0.0)
    assert (said["text"], len(server.asked)) == ("Hello", 3)


@pytest.mark.parametrize(
    ("status", "message", "kind", "named"),
    [
        (401, "Incorrect API key provided: sk-secret", ModelDenied, "OPENAI_API_KEY"),
        (404, "model whisper-1 does not exist", ModelDenied, "model's name right"),
        (400, "could not decode the audio", VLMError, "could not decode"),
        (413, "too large", VLMError, "too large"),
        (500, "out of order", ModelUnavailable, "out of order"),
    ],
)
def test_what_does_not_pass_says_what_to_do_and_no_key(status: int, message: str, kind: type, named: str) -> None:
    with (
        speech_server(lambda _: (status, {"error": {"message": message}})) as server,
        pytest.raises(kind, match=named) as raised,
    ):
        asking(server.url, retries=1)(SPEECH[:RATE], 0.0)
    assert "sk-secret" not in str(raised.value)


@pytest.mark.parametrize("body", [{}, {"text": None}, {"text": 3}])
def test_an_answer_without_text_is_no_answer(body: dict[str, Any]) -> None:
    with speech_server(lambda _: (200, body)) as server, pytest.raises(VLMError, match="no text"):
        asking(server.url, retries=1)(SPEECH, 0.0)


def test_nobody_there_is_told_with_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ModelUnavailable, match="nobody answers at http"):
            asking(url, retries=0)(SPEECH, 0.0)


@pytest.mark.parametrize("name", ["server:whisper", "whisper@http://x/v1", "server:@http://x/v1", "server:m@http://"])
def test_an_odd_name_is_told(name: str) -> None:
    with pytest.raises(SettingsError):
        ServerTranscriber.named(name)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"text": "a"}, [("a", 2.0, 6.0)]),
        ({"text": "a", "segments": []}, [("a", 2.0, 6.0)]),
        ({"text": "a", "segments": "odd"}, [("a", 2.0, 6.0)]),
        ({"text": " ", "segments": [{"text": " "}]}, []),
        ({"text": "a", "segments": [{"text": "a", "start": -3, "end": 99}]}, [("a", 2.0, 6.0)]),
        ({"text": "a", "segments": [{"text": "a", "start": float("nan"), "end": None}]}, [("a", 2.0, 6.0)]),
        ({"text": "a", "segments": [{"text": "a", "start": 3.0, "end": 1.0}]}, [("a", 5.0, 5.0)]),
        ({"text": "a b", "segments": [{"text": "a", "start": 0, "end": 1}, {}]}, [("a", 2.0, 3.0)]),
    ],
)
def test_odd_segments_stay_within_the_sound(told: dict[str, Any], expected: list[tuple[str, float, float]]) -> None:
    assert [(one["text"], one["start"], one["end"]) for one in segments_of(told, 2.0, 4.0)] == expected


def test_the_quietest_place_of_the_middle_half() -> None:
    sound = np.ones(10 * RATE, np.float32)
    sound[: 2 * RATE] = 0  # too early
    sound[6 * RATE : 6 * RATE + RATE // 5] = 0.1
    assert quietest(sound) / RATE == pytest.approx(6.1, abs=0.11)
