"""Sound as files that servers take. All of it is one channel of 16 bits at 16 kHz, which is what models listen to."""

from __future__ import annotations

import io
import wave
from typing import Literal

from ..errors import SettingsError
from ..records import Audio
from .reasoning import as_word

RATE = 16_000
_MP3_BITS_PER_SECOND = 48_000

SoundForm = Literal["off", "wav", "mp3"]
"""The file that goes with a request; ``mp3`` is a fifth of the size."""


def sound_form(choice: object) -> SoundForm:
    """The value of the option ``send_sound`` of a server. Raises SettingsError for an unknown one."""
    form: SoundForm = as_word(choice)
    if form not in ("off", "wav", "mp3"):
        raise SettingsError(f"send_sound is off, wav or mp3, not {choice!r}")
    return form


def sound_file(audio: Audio, form: SoundForm) -> bytes:
    """The file of that form."""
    return as_mp3(audio.pcm) if form == "mp3" else as_wav(audio.pcm)


def as_wav(pcm: bytes) -> bytes:
    """Samples of 16 bits, little end first, as a WAV file."""
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    return whole.getvalue()


def as_mp3(pcm: bytes) -> bytes:
    """The same as an MP3 file."""
    import av

    whole = io.BytesIO()
    with av.open(io.BytesIO(as_wav(pcm))) as source, av.open(whole, "w", format="mp3") as file:
        made = file.add_stream("libmp3lame", rate=RATE, layout="mono", bit_rate=_MP3_BITS_PER_SECOND)
        for frame in source.decode(audio=0):
            file.mux(made.encode(frame))
        file.mux(made.encode(None))
    return whole.getvalue()
