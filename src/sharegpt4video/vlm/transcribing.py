"""Speech written down by a server: any OpenAI-style ``/audio/transcriptions`` endpoint (OpenAI, vLLM, whisper.cpp)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import openai
from numpy.typing import NDArray

from .. import background
from ..errors import ModelDenied, ModelUnavailable, SettingsError, VLMError
from ..foreign import well_formed
from .clients import Address, Clients, check_options
from .faults import Fault, client_faults, fault_of_status, raw_response, read_error
from .pace import Pace, persist, within
from .sounds import RATE, as_wav
from .throttle import Throttle

MOST_ANSWER_BYTES = 4 * 2**20
LEAST_SECONDS = 1.0  # a shorter piece is not halved again
_MAX_WAIT_SECONDS = 60.0
_TOO_LARGE = 413

Samples = NDArray[np.float32]


class ServerTranscriber:
    """Asks a server what is said; retries as a chat server is retried.

    A piece that is too large for the server is halved where it is quietest. ``segments`` with their log-probabilities
    are asked for; a server that knows plain JSON only gives one text for the whole piece.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_seconds: float = 300.0,
        deadline_seconds: float = 900.0,
        retries: int = 4,
        backoff_seconds: float = 0.5,
    ) -> None:
        limits = {"timeout_seconds": timeout_seconds, "deadline_seconds": deadline_seconds}
        check_options(model, base_url, {}, limits, {"retries": retries, "backoff_seconds": backoff_seconds})
        self._model, self._address = model, Address(base_url)
        self.name = f"server:{model}@{self._address.url}"
        self._api_key = (api_key or os.environ.get("OPENAI_API_KEY") or "").strip()
        self._timeout_seconds, self._deadline_seconds = timeout_seconds, deadline_seconds
        self._retries, self._backoff_seconds = retries, backoff_seconds
        self._clients = Clients(self._address, self._api_key, timeout_seconds, MOST_ANSWER_BYTES)
        self._in_detail = True

    @classmethod
    def named(cls, name: str) -> ServerTranscriber:
        """From ``server:MODEL@URL``. Raises SettingsError for anything else."""
        model, at, url = name.removeprefix("server:").rpartition("@http")
        if not name.startswith("server:") or not at:
            raise SettingsError(f"facts.speech_model is a folder or server:MODEL@URL, not {name!r}")
        return cls(model, f"http{url}")

    def __call__(self, samples: Samples, start_seconds: float) -> list[dict[str, Any]]:
        """The segments, as ``text``, ``start``, ``end`` in seconds of the video, and what else the server says of them.

        Raises ModelDenied, ModelUnavailable or VLMError, as a chat server does. Blocks; never call it in an event loop.
        """
        return background.run(self._segments(samples, start_seconds))

    async def _segments(self, samples: Samples, start_seconds: float) -> list[dict[str, Any]]:
        try:
            return await self._whole_or_halves(samples, start_seconds)
        except Fault as fault:
            raise self._error(fault) from fault
        finally:
            await self._clients.close()

    async def _whole_or_halves(self, samples: Samples, start_seconds: float) -> list[dict[str, Any]]:
        pace = Pace(self._retries, self._deadline_seconds, self._backoff_seconds, _MAX_WAIT_SECONDS)
        throttle = Throttle(1, slow_seconds=self._timeout_seconds)
        try:
            told = await persist(pace, throttle, lambda: self._ask(samples))
        except _TooLarge:
            if len(samples) < 2 * LEAST_SECONDS * RATE:
                raise
            middle = quietest(samples)
            first = await self._whole_or_halves(samples[:middle], start_seconds)
            return first + await self._whole_or_halves(samples[middle:], start_seconds + middle / RATE)
        return segments_of(told, start_seconds, len(samples) / RATE)

    async def _ask(self, samples: Samples) -> Mapping[str, Any]:
        form = {"model": self._model, "response_format": "verbose_json" if self._in_detail else "json"}
        options: Any = {"headers": {"Content-Type": "multipart/form-data"}}
        pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        file = ("sound.wav", as_wav(pcm), "audio/wav")
        try:
            with client_faults():
                post = self._clients.client().post(
                    "/audio/transcriptions", cast_to=raw_response(), body=form, files=[("file", file)], options=options
                )
                raw = await within(self._timeout_seconds, post)
        except openai.APIStatusError as error:
            told = read_error(error)
            if told.status == _TOO_LARGE:
                raise _TooLarge(str(fault_of_status(told)), "final") from error
            if self._in_detail and told.status in (400, 422) and "response_format" in f"{told.message} {told.param}":
                self._in_detail = False
                return await self._ask(samples)
            raise fault_of_status(told) from error
        try:
            found = json.loads(raw.content)
        except ValueError as error:
            raise Fault("the answer is no JSON") from error
        if not isinstance(found, dict) or not isinstance(found.get("text"), str):
            raise Fault("the answer has no text")
        return found

    def _error(self, fault: Fault) -> VLMError:
        message = str(fault)
        for secret in (self._api_key, *self._address.secrets):
            message = message.replace(secret, "***") if len(secret) > 3 else message
        if not fault.connected:
            return ModelUnavailable(
                f"{self.name}: nobody answers at {self._address.url} ({message});"
                " is the server running, and is the address right?"
            )
        kind = ModelDenied if fault.kind == "denied" else VLMError if fault.kind == "final" else ModelUnavailable
        return kind(f"{self.name}: {message}")


class _TooLarge(Fault):
    """The server takes no file of this size."""


def segments_of(told: Mapping[str, Any], start_seconds: float, seconds: float) -> list[dict[str, Any]]:
    """The segments of an answer at their times in the video; the whole text as one where it has none that fit."""
    listed = told.get("segments")
    found = []
    for one in listed if isinstance(listed, list) else []:
        text = one.get("text") if isinstance(one, dict) else None
        if not isinstance(text, str):
            continue
        start = _number(one.get("start"), 0.0) or 0.0
        end = _number(one.get("end"), seconds) or seconds
        start = min(max(start, 0.0), seconds)
        found.append({
            **{name: _number(one.get(name)) for name in ("avg_logprob", "no_speech_prob", "compression_ratio")},
            "text": " ".join(well_formed(text).split()), "start": start_seconds + start,
            "end": start_seconds + min(max(end, start), seconds),
        })  # fmt: skip
    text = " ".join(well_formed(str(told["text"])).split())
    if not found and text:
        found = [{"text": text, "start": start_seconds, "end": start_seconds + seconds}]
    return [one for one in found if one["text"]]


def _number(value: object, otherwise: float | None = None) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else otherwise


def quietest(samples: Samples) -> int:
    """Where to halve samples: the quietest tenth of a second of the middle half."""
    size = RATE // 10
    quarter = len(samples) // 4
    middle = samples[quarter : quarter + max(len(samples) // 2 // size, 1) * size]
    level = (middle.reshape(-1, size).astype(np.float64) ** 2).mean(axis=1)
    return quarter + int(level.argmin()) * size + size // 2
