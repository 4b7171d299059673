"""Settings: frozen dataclasses with a line under each field, checked at construction, read strictly from YAML."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from .checking import (
    Cosine,
    GridFrames,
    Interval,
    JpegQuality,
    Limits,
    Seconds,
    expect,
    one_of,
    raise_for,
    validated,
    wrong_values,
)
from .errors import SettingsError
from .given import read_text
from .prompts import PROMPT_SETS
from .records import Mode

T = TypeVar("T")

STRICT = {"extra": "forbid"}  # read by pydantic, from the attribute __pydantic_config__: unknown keys are errors

EMBEDDED = "embedded"
"""The name of whatever ships with the package."""

SELECTORS = ("semantic", "uniform")
"""The keyframe selectors of the package. What a program adds to ``video.keyframes.SELECTORS`` is known as well."""


def selector_names() -> tuple[str, ...]:
    """Every keyframe selector that there is: nobody can have added one without loading the module that has them."""
    loaded = sys.modules.get(f"{__package__}.video.keyframes")
    return tuple(dict.fromkeys((*SELECTORS, *getattr(loaded, "SELECTORS", ()))))


@dataclass(frozen=True)
class KeyframeSettings:
    """Which frames are worth describing (paper, section 3.2: one candidate every 2 s, kept when it differs)."""

    __pydantic_config__ = STRICT

    every_seconds: Interval = 2.0
    """Distance between candidates, counted from the start of each shot."""
    selector: str = "semantic"
    """``semantic`` keeps candidates that differ from the last kept one, ``uniform`` keeps them all."""
    encoder: str = "embedded"
    """What compares frames: ``embedded`` (ships with the package) or ``clip`` (extra ``hf``)."""
    similarity: Cosine | None = None
    """Keep a candidate whose cosine to the last kept frame is below this. None: the encoder's own value."""
    max_gap_seconds: Interval = 20.0
    """Keep a candidate anyway after this long, so that no step grows without end."""
    cuts: bool = True
    """Look for cuts. False: each video, or its part that is captioned, is one shot; for videos known to be one take."""
    verify_cuts: bool = True
    """Let a network decide about what looks like a cut but may be none. False: cheaper detectors decide alone."""

    def __post_init__(self) -> None:
        wrong = wrong_values(self, "keyframes.")
        found = [*wrong.values()]
        for name, known in (("selector", selector_names()), ("encoder", ("embedded", "clip"))):
            if name not in wrong:
                found += one_of(f"keyframes.{name}", getattr(self, name), known)
        if not wrong.keys() & {"every_seconds", "max_gap_seconds"} and self.max_gap_seconds < self.every_seconds:
            found.append("keyframes.max_gap_seconds must be at least keyframes.every_seconds")
        raise_for(found)


@dataclass(frozen=True)
class FactSettings:
    """What is measured between keyframes."""

    __pydantic_config__ = STRICT

    measure: bool = True
    """Measure objects, motion, camera, colours and text. False reads videos two to three times as fast, for models that
    look at the pictures and get no hints; no check then holds captions against the picture."""
    every_seconds: Interval = 1 / 3
    """Distance between the frames in which objects are looked for."""
    detector: str = EMBEDDED
    """What finds objects: ``embedded`` (ships with the package) or an ONNX file of the DETR family (FILE.onnx, with its
    labels in FILE.json)."""
    ocr: bool | None = None
    """Read on-screen text. None: as true."""
    sound: bool | None = None
    """Listen for silence, speech and music (extra ``sound``). None: when the extra is installed."""
    speech: bool | None = None
    """Write speech down. None: when the extra ``speech`` is installed, or ``speech_model`` is a server."""
    speech_model: str = "tiny.en"
    """What writes speech down: a folder with Whisper weights for CTranslate2, or server:MODEL@URL, any OpenAI-style
    /audio/transcriptions endpoint. tiny.en: the small English weights of the extra ``speech``."""

    def __post_init__(self) -> None:
        wrong = wrong_values(self, "facts.")
        found = [*wrong.values()]
        if "detector" not in wrong and self.detector != EMBEDDED and not self.detector.endswith(".onnx"):
            found.append(f"facts.detector is {EMBEDDED} or the path of an .onnx file, not {self.detector!r}")
        if self.measure is False and self.ocr:
            found.append("facts.ocr reads text, which facts.measure: false leaves out; drop one of the two")
        for name in ("sound", "speech"):
            if self.measure is False and getattr(self, name):
                found.append(f"facts.{name} listens, which facts.measure: false leaves out; drop one of the two")
        if self.sound is False and self.speech:
            found.append("facts.speech needs facts.sound, which finds where somebody speaks; drop one of the two")
        raise_for(found)


@dataclass(frozen=True)
class CaptionSettings:
    """Everything that decides a caption besides the video and the model."""

    __pydantic_config__ = STRICT

    mode: Mode = "sliding"
    """``sliding`` describes each keyframe against the one before; ``fast`` asks once, with one image grid."""
    prompts: str = "default"
    """The prompt set: ``default``, ``paper``, ``sharecaptioner`` or ``brief``."""
    hints: bool = False
    """Give the measured facts to a model that looks at the pictures itself."""
    verify: bool = False
    """Hold each text against the measured facts and the texts before; ask once more for what they contradict."""
    start_seconds: Seconds | None = None
    """Caption from here. None: from the first frame."""
    end_seconds: Seconds | None = None
    """Caption up to here, not included. None: to the end."""
    image_side_pixels: Annotated[int, Limits(32, 16384)] = 1280
    """Longer side of the pictures sent to a model; smaller ones are not enlarged."""
    jpeg_quality: JpegQuality = 92
    """Quality (1 to 100) of the pictures sent to a model."""
    fast_frames: GridFrames = 16
    """How many frames the image grid of fast mode holds."""
    fold_steps: Annotated[int, Limits(2, 10_000)] = 40
    """How many steps one summary request may carry; more are condensed in groups first."""
    cast: bool = False
    """Tell each step, and the summary, what earlier steps called the subjects, so that names hold across cuts. The
    shots of a video then wait for each other."""
    keyframes: KeyframeSettings = field(default_factory=KeyframeSettings)
    facts: FactSettings = field(default_factory=FactSettings)

    def __post_init__(self) -> None:
        wrong = wrong_values(self)
        found = [*wrong.values()]
        if "prompts" not in wrong:
            found += one_of("prompts", self.prompts, PROMPT_SETS)
        start, end = (None if name in wrong else getattr(self, name) for name in ("start_seconds", "end_seconds"))
        if start is not None and end is not None and start >= end:
            found.append(f"start_seconds ({start}) must be before end_seconds ({end})")
        if self.hints is True and isinstance(self.facts, FactSettings) and not self.facts.measure:
            found.append("hints are the measured facts, which facts.measure: false leaves out; drop one of the two")
        if self.verify is True and isinstance(self.facts, FactSettings) and not self.facts.measure:
            found.append("verify holds texts against measured facts, which facts.measure: false leaves out")
        if self.cast is True and self.prompts == "sharecaptioner":
            found.append("cast adds words that the prompts sharecaptioner were not trained with; drop one of the two")
        raise_for(found)

    def to_plain(self) -> dict[str, Any]:
        """The settings as plain data, as stored with every caption."""
        return asdict(self)


def caption_settings(given: CaptionSettings | None) -> CaptionSettings:
    """The settings, or the defaults. Raises SettingsError for anything else, such as a dict or the name of a file."""
    expect(given, CaptionSettings)
    return given or CaptionSettings()


def yaml_problem(error: Exception) -> str:
    """The error of a YAML parser on one line: the place, and what is wrong there."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or not problem:
        return str(error).replace("\n", " ")
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def load_yaml(path: str | Path, settings_type: type[T]) -> T:
    """Read settings from a YAML file; a key that is not a field is an error.

    Raises SettingsError naming the file and every key that does not fit.
    """
    import yaml

    try:
        plain = yaml.safe_load(read_text(Path(path)))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: cannot be read as YAML: {yaml_problem(error)}") from error
    return validated(settings_type, {} if plain is None else plain, str(path))
