"""What the tables of a data set hold: frozen dataclasses, one value per row, units in the names.

A data set is a directory with one folder of Parquet parts per table (see ``store``). ``TABLES`` names them all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..display import Result, caption_html, caption_line
from ..foreign import without_secrets
from ..records import Edit, Finding, Mode, Provenance, Refused, Shot, Sound, Step, VideoCaption
from .sources.ids import with_span

Stage = Literal["list", "survey", "short", "caption", "check", "repair"]
FailureKind = Literal["unreadable", "vanished", "unsafe", "crashed", "stalled", "unavailable", "model", "unexpected"]
ReviewKind = Literal["edit", "replace", "recaption", "filter", "import", "begin", "end", "undo"]
ReviewVerdict = Literal["", "accept", "reject"]


@dataclass(frozen=True)
class SourceVideo:
    """One thing to caption: a file, a member of an archive, or a span of one of these.

    id        32 hex digits: a hash of the content and of the span, the same wherever the file lies
    location  what is opened: a path, an address (``s3://...``), or ``ARCHIVE::MEMBER`` for a member of an archive
    user_id   the id that the user's own list has for it ("" for none)
    caption   a short caption that the user already has ("" for none)
    tags      further columns of the user's list, as text
    size_bytes, modified   with the location they tell whether the file is still the one that was hashed
    """

    id: str
    location: str
    user_id: str = ""
    start_seconds: float | None = None
    end_seconds: float | None = None
    caption: str = ""
    size_bytes: int = 0
    modified: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def content_id(self) -> str:
        """The id of the whole file's content: equal for every span of it."""
        return with_span(self.id, self.start_seconds, self.end_seconds)

    @property
    def can_compare(self) -> bool:
        """Whether a size or date is stored that a file can be held against; released captions have none."""
        return bool(self.modified or self.size_bytes)


@dataclass(frozen=True)
class Survey:
    """What one cheap look at a video measured, before any model is asked. None: not measured.

    Shares are of the surveyed time or area (0..1). ``packet_hash`` is a hash of the coded pictures, equal for the same
    stream in another container. ``brightness`` and ``sharpness`` are medians over the surveyed pictures (as in
    ``records.Look``); ``black_share`` counts nearly black pictures, ``frozen_share`` time in which nothing changes,
    ``letterbox_share`` the area of bars that stay. ``motion`` is the mean of the motion that the camera does not
    explain, ``camera_motion`` that of the camera, both in picture widths per second. ``text_area`` is the mean
    share of the picture under on-screen text. ``hashes`` are 64-bit perceptual hashes of keyframes,
    as 16 hex digits each; ``embedding`` is the unit mean vector of the keyframes, 256 float16 little endian. Both leave
    out bars; ``centre_hashes`` and ``centre_embedding`` are of the middle, which logos and lower thirds leave
    alone. ``silence_share``, ``speech_share`` and ``music_share`` are of the time (extra ``sound``); a video without
    sound is silent throughout.
    """

    id: str
    container: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    average_fps: float | None = None
    duration_seconds: float | None = None
    size_bytes: int = 0
    packet_hash: str = ""
    brightness: float | None = None
    sharpness: float | None = None
    black_share: float | None = None
    frozen_share: float | None = None
    letterbox_share: float | None = None
    shots: int | None = None
    motion: float | None = None
    camera_motion: float | None = None
    text_area: float | None = None
    hashes: tuple[str, ...] = ()
    embedding: bytes = field(default=b"", repr=False)
    centre_hashes: tuple[str, ...] = ()
    centre_embedding: bytes = field(default=b"", repr=False)
    silence_share: float | None = None
    speech_share: float | None = None
    music_share: float | None = None


@dataclass(frozen=True)
class ShortCaption:
    """A short caption made only to find out whether a video brings something new (fast mode)."""

    id: str
    text: str
    problem: str
    provenance: Provenance


@dataclass(frozen=True, repr=False)
class CaptionRow:
    """A captioned video: the fields of ``records.VideoCaption`` beside the ids of its source.

    ``revision`` is 0 for a first caption and one more for each repair; the highest one counts. ``content_id``,
    ``size_bytes`` and ``modified`` are those of the file that was captioned (see `SourceVideo`): "" and 0 in data sets
    of earlier versions, and where nothing is known of the file.

    ``edits`` and ``edit_key`` tell what reviews have changed, see ``reviews``. They are not stored: whoever reads the
    captions gets the texts with the reviews applied, and these two with them. ``edit_key`` is 0 for a caption that no
    review has changed, else a number that differs whenever its reviewed texts do.
    """

    id: str
    location: str
    user_id: str
    revision: int
    video: str
    width: int
    height: int
    start_seconds: float
    end_seconds: float
    mode: Mode
    shots: tuple[Shot, ...]
    steps: tuple[Step, ...]
    summary: str
    summary_problem: str
    warnings: tuple[str, ...]
    provenance: Provenance
    content_id: str = ""
    size_bytes: int = 0
    modified: str = ""
    sound: Sound | None = None
    edits: tuple[Edit, ...] = ()
    edit_key: int = 0
    refused: tuple[Refused, ...] = ()

    def __repr__(self) -> str:
        return caption_line(type(self).__name__, self.location, self)

    def _repr_html_(self) -> str:
        from .report.samples import pictures_beside

        return caption_html(self.location, self, pictures_beside(self))

    @staticmethod
    def of(source: SourceVideo, caption: VideoCaption, revision: int = 0) -> CaptionRow:
        told = {name: getattr(caption, name) for name in _TOLD}
        if source.can_compare:
            told |= {
                "content_id": source.content_id,
                "size_bytes": source.size_bytes,
                "modified": source.modified,
            }
        return CaptionRow(source.id, source.location, source.user_id, revision, **told)

    @property
    def can_compare(self) -> bool:
        """As for its source."""
        return bool(self.modified or self.size_bytes)

    @property
    def original(self) -> SourceVideo:
        """The whole file that was captioned, as far as the row knows it."""
        return SourceVideo(
            self.content_id or self.id, self.location, self.user_id, size_bytes=self.size_bytes, modified=self.modified
        )

    @property
    def caption(self) -> VideoCaption:
        return VideoCaption(**{name: getattr(self, name) for name in _TOLD})


# What both have: in a data set, the id and the description of the whole say what was captioned, and by what.
_TOLD = VideoCaption.__dataclass_fields__.keys() & CaptionRow.__dataclass_fields__.keys()


@dataclass(frozen=True, repr=False)
class Failure(Result):
    """A video that could not be done: at which stage, what kind of failure, and the message for the user.

    Neither the location nor the message keeps the keys and passwords of an address.
    """

    id: str
    location: str
    user_id: str
    stage: Stage
    kind: FailureKind
    message: str

    def __post_init__(self) -> None:
        for name in ("location", "message"):
            object.__setattr__(self, name, without_secrets(getattr(self, name)))

    def text(self) -> str:
        """What went wrong, in words."""
        return f"failed at {self.stage} ({self.kind}): {self.location}: {self.message}"

    def line(self) -> str:
        """The video and what is wrong with it; most messages begin with its name."""
        name = self.location.rpartition("/")[2]
        return self.message if name in self.message else f"{self.location}: {self.message}"


@dataclass(frozen=True)
class Checked:
    """The checks of one caption: what was found, in which revision and reviewed state of it, and who judged.

    ``judge`` is "" for rules alone. ``edit_key`` is that of the caption that was checked.
    """

    id: str
    revision: int
    findings: tuple[Finding, ...]
    judge: str = ""
    edit_key: int = 0

    def is_of(self, row: CaptionRow) -> bool:
        """Whether the caption still reads as it did when it was checked."""
        return (self.revision, self.edit_key) == (row.revision, row.edit_key)


@dataclass(frozen=True)
class Clip:
    """A contiguous run of steps ``[first_step, last_step]`` of a captioned video with a caption of its own.

    ``location`` is that of the whole video and the times are its own; ``media`` is the cut file, once there is one, of
    ``media_bytes`` (0: not known). ``edit_key`` tells what reviews had changed in its steps when it was made.
    """

    id: str
    video_id: str
    location: str
    first_step: int
    last_step: int
    start_seconds: float
    end_seconds: float
    text: str
    problem: str = ""
    media: str = ""
    media_bytes: int = 0
    edit_key: int = 0


@dataclass(frozen=True)
class Selected:
    """What the filters decided about one video: kept, or dropped with a reason; ``split`` is "" when not kept.

    ``group`` is the id of the first of the near-duplicates that it belongs to (its own if there are none). ``gate``,
    ``value``, ``threshold`` and ``other`` say as data what ``reason`` says in a sentence, see ``decide.decisions``;
    rows of earlier versions have the sentence alone.
    """

    id: str
    kept: bool
    reason: str
    group: str
    split: str
    gate: str = ""
    value: float | None = None
    threshold: float | None = None
    other: str = ""


@dataclass(frozen=True)
class Review:
    """What one person (or one bulk change) said about a caption: another text, a verdict, or both. Never changed.

    id               32 hex digits, of the review itself
    caption_id       the caption; "" for rows about a batch
    time_ns          when it was committed, nanoseconds since 1970; later than every review that was there
    author           who; "" if nobody said
    kind             ``edit``; ``replace``, ``recaption``, ``filter`` of a bulk change; ``import``; of a batch itself
                     ``begin`` (``text`` is the change as JSON), ``end`` (from now on its rows count) and ``undo`` (from
                     now on they do not)
    base_revision    the revision that the editor saw
    stored_revision  the revision that was stored when the review was committed
    step             number of the step, -1 for the summary
    was              the text that the editor saw
    text             the new text; None: the review is no edit
    verdict          ``accept``, ``reject`` or "" (taken back); None: the review gives none
    seen             short hash of all texts of the caption, as they were when a verdict was given
    batch            the bulk change it belongs to; for ``undo`` the batch or review that is withdrawn; else ""
    model            the model that wrote the text; "" for a person
    """

    id: str
    caption_id: str
    time_ns: int
    author: str
    kind: ReviewKind
    base_revision: int = 0
    stored_revision: int = 0
    step: int = -1
    was: str = ""
    text: str | None = None
    verdict: ReviewVerdict | None = None
    seen: str = ""
    batch: str = ""
    model: str = ""


TABLES: dict[str, type] = {
    "sources": SourceVideo,
    "surveys": Survey,
    "shorts": ShortCaption,
    "captions": CaptionRow,
    "failures": Failure,
    "checks": Checked,
    "clips": Clip,
    "selection": Selected,
    "reviews": Review,
}
"""Every table of a data set, by the name of its folder."""
