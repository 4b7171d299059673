"""Settings of a data set: how videos are surveyed, which thresholds they have to pass, how they are captioned."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from ..checking import Cosine, Interval, Limits, Seconds, Seed, Share, did_you_mean, raise_for, wrong_values
from ..config import STRICT, CaptionSettings
from ..errors import SettingsError


@dataclass(frozen=True)
class SurveySettings:
    """The one cheap look at every video, before a model is asked."""

    __pydantic_config__ = STRICT

    pictures: bool = True
    """Look at the pictures. False: read the headers and hash the packets only."""
    every_seconds: Interval = 0.5
    """Distance between the pictures that are measured; shots are looked for in all of them."""
    text: bool = False
    """Measure the area under on-screen text."""
    sound: bool = False
    """Measure for how much of the time there is silence, speech and music (extra ``sound``)."""
    verify_cuts: bool = True
    """Let a network decide about what looks like a cut, as ``caption.keyframes.verify_cuts`` does for captions."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self, "survey.").values())


_SPEECH = ("min_speech_share", "max_speech_share")


@dataclass(frozen=True)
class FilterSettings:
    """Thresholds; None leaves a filter out. They can be changed later: the scores are stored, nothing is run again."""

    __pydantic_config__ = STRICT

    min_seconds: Seconds | None = None
    """Drop shorter videos."""
    max_seconds: Seconds | None = None
    """Drop longer videos (paper, section 3.1: 120)."""
    min_side_pixels: Annotated[int, Limits(0, 65536)] | None = None
    """Drop videos whose shorter side has fewer pixels."""
    duplicate_packets: bool = True
    """Drop a video whose coded pictures are those of an earlier one."""
    max_black_share: Share | None = 0.9
    """Drop videos that are nearly black for more than this share of their time."""
    max_frozen_share: Share | None = 0.98
    """Drop videos in which nothing changes for more than this share of their time."""
    max_letterbox_share: Share | None = None
    """Drop videos in which bars, of any colour or blurred, cover more than this share of the picture."""
    min_sharpness: Annotated[float, Limits(0, 1e6)] | None = None
    """Drop videos whose median picture is blurred below this (variance of the Laplacian at 320 pixels width)."""
    max_cuts_per_minute: Annotated[float, Limits(0, 1e5)] | None = None
    """Drop videos with more cuts per minute."""
    min_motion: Annotated[float, Limits(0, 1e4)] | None = None
    """Drop videos with less motion that the camera does not explain (picture widths per second)."""
    max_motion: Annotated[float, Limits(0, 1e4)] | None = None
    """Drop videos with more of it."""
    max_text_area: Share | None = None
    """Drop videos with more of the picture under on-screen text (needs ``survey.text``)."""
    max_silence_share: Share | None = None
    """Drop videos that are silent for more than this share of their time (needs ``survey.sound``)."""
    min_speech_share: Share | None = None
    """Drop videos in which somebody speaks for less than this share of the time (needs ``survey.sound``)."""
    max_speech_share: Share | None = None
    """Drop videos in which somebody speaks for more than this share of the time (needs ``survey.sound``)."""
    min_novelty: Annotated[float, Limits(0, 2)] | None = None
    """Drop a video whose short caption is nearer than this (1 - cosine) to one already in the pool (paper, 3.1)."""
    near_duplicate_bits: Annotated[int, Limits(0, 16)] | None = 8
    """Two keyframes are alike when their perceptual hashes differ in at most so many of 64 bits."""
    near_duplicate_similarity: Cosine | None = 0.85
    """Of videos with alike keyframes, those whose embeddings have at least this cosine are near-duplicates."""
    drop_near_duplicates: bool = False
    """Keep only the first of each group of near-duplicates; if not, a group still never spans two splits."""
    max_findings: Annotated[int, Limits(0, 10**6)] | None = None
    """Drop captions in which the checks found more than this many things wrong."""

    def __post_init__(self) -> None:
        wrong = wrong_values(self, "filters.")
        found = [*wrong.values()]
        for low, high in (("min_seconds", "max_seconds"), ("min_motion", "max_motion"), _SPEECH):
            least, most = (None if name in wrong else getattr(self, name) for name in (low, high))
            if least is not None and most is not None and least > most:
                found.append(f"filters.{low} ({least}) must not be over filters.{high} ({most})")
        raise_for(found)


@dataclass(frozen=True)
class NoveltySettings:
    """How the text novelty filter gets and compares short captions (used with ``filters.min_novelty``)."""

    __pydantic_config__ = STRICT

    encoder: str = "minilm"
    """What compares texts: ``minilm`` (extra ``novelty``, offline) or ``hf:NAME``, any encoder of transformers."""
    use_given: bool = True
    """Take the user's own caption where the source has one, instead of asking the model."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self, "novelty.").values())
        if self.encoder != "minilm" and not (self.encoder.startswith("hf:") and len(self.encoder) > 3):
            near = did_you_mean(self.encoder, ["minilm"])
            raise SettingsError(f"novelty.encoder is 'minilm' or 'hf:NAME', not {self.encoder!r}{near}")


@dataclass(frozen=True)
class SplitSettings:
    """How kept videos are divided; near-duplicates always fall on the same side."""

    __pydantic_config__ = STRICT

    val: Share = 0.0
    """Share of the validation split."""
    test: Share = 0.0
    """Share of the test split."""
    seed: Seed = 0
    """Another seed gives another division; the same one always the same, also when videos are added."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self, "splits.").values())
        if self.val + self.test >= 1:
            raise SettingsError(f"splits.val and splits.test are shares under 1 together, not {self.val}, {self.test}")


@dataclass(frozen=True)
class DatasetSettings:
    """Everything that decides a data set besides its sources and the model."""

    __pydantic_config__ = STRICT

    caption: CaptionSettings = field(default_factory=CaptionSettings)
    survey: SurveySettings = field(default_factory=SurveySettings)
    filters: FilterSettings = field(default_factory=FilterSettings)
    novelty: NoveltySettings = field(default_factory=NoveltySettings)
    splits: SplitSettings = field(default_factory=SplitSettings)

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())
        if self.caption.start_seconds is not None or self.caption.end_seconds is not None:
            raise SettingsError(
                "caption.start_seconds and caption.end_seconds are for one video; give spans in a table"
            )

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)
