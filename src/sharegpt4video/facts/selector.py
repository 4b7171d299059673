"""The keyframe selector that settings ask for, with the encoder that it compares pictures with."""

from __future__ import annotations

from ..config import KeyframeSettings
from ..errors import SettingsError
from ..video.encoders import ClipEncoder, FrameEncoder
from ..video.keyframes import SELECTORS, KeyframeSelector
from .encoder import BackboneEncoder


def open_selector(settings: KeyframeSettings) -> KeyframeSelector:
    """Raises SettingsError naming the known selectors when the one asked for is none of them."""

    def encoder() -> FrameEncoder:
        return ClipEncoder() if settings.encoder == "clip" else BackboneEncoder()

    if settings.selector not in SELECTORS:
        raise SettingsError(f"no keyframe selector is called {settings.selector!r}; known are: {', '.join(SELECTORS)}")
    return SELECTORS[settings.selector](settings, encoder)
