"""Settings: frozen dataclasses with a line under each field, checked at construction, read strictly from YAML."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .checking import expect, one_of, raise_for, too_often, validated, wrong_types
from .errors import SettingsError
from .prompts import PROMPT_SETS
from .records import Mode

T = TypeVar("T")

STRICT = {"extra": "forbid"}  # read by pydantic, from the attribute __pydantic_config__: unknown keys are errors

SELECTORS = ("semantic", "uniform")
"""The keyframe selectors of the package. What a program adds to ``video.keyframes.SELECTORS`` is known as well."""

MOST_FAST_FRAMES = 1024
"""In one grid; each is as small as a stamp then."""


def selector_names() -> tuple[str, ...]:
    """Every keyframe selector that there is: nobody can have added one without loading the module that has them."""
    loaded = sys.modules.get(f"{__package__}.video.keyframes")
    return tuple(dict.fromkeys((*SELECTORS, *getattr(loaded, "SELECTORS", ()))))


@dataclass(frozen=True)
class KeyframeSettings:
    """Which frames are worth describing (paper, section 3.2: one candidate every 2 s, kept when it differs)."""

    __pydantic_config__ = STRICT

    every_seconds: float = 2.0
    """Distance between candidates, counted from the start of each shot."""
    selector: str = "semantic"
    """``semantic`` keeps candidates that differ from the last kept one, ``uniform`` keeps them all."""
    encoder: str = "embedded"
    """What compares frames: ``embedded`` (ships with the package) or ``clip`` (extra ``hf``)."""
    similarity: float | None = None
    """Keep a candidate whose cosine to the last kept frame is below this. None: the encoder's own value."""
    max_gap_seconds: float = 20.0
    """Keep a candidate anyway after this long, so that no step grows without end."""

    def __post_init__(self) -> None:
        raise_for(wrong_types(self, "keyframes.").values())
        found = one_of("keyframes.selector", self.selector, selector_names())
        found += one_of("keyframes.encoder", self.encoder, ("embedded", "clip"))
        found += too_often("keyframes.every_seconds", self.every_seconds)
        if self.similarity is not None and not -1 <= self.similarity <= 1:
            found.append(f"keyframes.similarity is a cosine in [-1, 1], not {self.similarity}")
        if self.max_gap_seconds < self.every_seconds:
            found.append("keyframes.max_gap_seconds must be at least keyframes.every_seconds")
        raise_for(found)


@dataclass(frozen=True)
class FactSettings:
    """What is measured between keyframes."""

    __pydantic_config__ = STRICT

    every_seconds: float = 1 / 3
    """Distance between the frames in which objects are looked for."""
    ocr: bool | None = None
    """Read on-screen text (extra ``ocr``). None: when the extra is installed."""

    def __post_init__(self) -> None:
        raise_for(wrong_types(self, "facts.").values())
        raise_for(too_often("facts.every_seconds", self.every_seconds))


@dataclass(frozen=True)
class CaptionSettings:
    """Everything that decides a caption besides the video and the model."""

    __pydantic_config__ = STRICT

    mode: Mode = "sliding"
    """``sliding`` describes each keyframe against the one before; ``fast`` asks once, with one image grid."""
    prompts: str = "default"
    """The prompt set: ``default``, ``paper`` or ``sharecaptioner``."""
    hints: bool = False
    """Give the measured facts to a model that looks at the pictures itself."""
    start_seconds: float | None = None
    """Caption from here. None: from the first frame."""
    end_seconds: float | None = None
    """Caption up to here, not included. None: to the end."""
    image_side_pixels: int = 1280
    """Longer side of the pictures sent to a model; smaller ones are not enlarged."""
    jpeg_quality: int = 92
    """Quality (1 to 100) of the pictures sent to a model."""
    fast_frames: int = 16
    """How many frames the image grid of fast mode holds."""
    fold_steps: int = 40
    """How many steps one summary request may carry; more are condensed in groups first."""
    keyframes: KeyframeSettings = field(default_factory=KeyframeSettings)
    facts: FactSettings = field(default_factory=FactSettings)

    def __post_init__(self) -> None:
        raise_for(wrong_types(self).values())
        found = one_of("prompts", self.prompts, PROMPT_SETS)
        if self.start_seconds is not None and self.start_seconds < 0:
            found.append(f"start_seconds cannot be negative, as {self.start_seconds} is")
        if self.start_seconds is not None and self.end_seconds is not None and self.start_seconds >= self.end_seconds:
            found.append(f"start_seconds ({self.start_seconds}) must be before end_seconds ({self.end_seconds})")
        if not 1 <= self.jpeg_quality <= 100:
            found.append(f"jpeg_quality is 1 to 100, not {self.jpeg_quality}")
        for name, least in (("image_side_pixels", 32), ("fast_frames", 1), ("fold_steps", 2)):
            if getattr(self, name) < least:
                found.append(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.fast_frames > MOST_FAST_FRAMES:
            found.append(f"fast_frames can be {MOST_FAST_FRAMES} at most, not {self.fast_frames}")
        raise_for(found)

    def to_plain(self) -> dict[str, Any]:
        """The settings as plain data, as stored with every caption."""
        return asdict(self)


def caption_settings(given: CaptionSettings | None) -> CaptionSettings:
    """The settings, or the defaults. Raises SettingsError for anything else, such as a dict or the name of a file."""
    expect(given, CaptionSettings)
    return given or CaptionSettings()


def load_yaml(path: str | Path, settings_type: type[T]) -> T:
    """Read settings from a YAML file; a key that is not a field is an error.

    Raises SettingsError naming the file and every key that does not fit.
    """
    import yaml

    try:
        plain = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: cannot be read as YAML: {error}") from error
    return validated(settings_type, {} if plain is None else plain, str(path))
