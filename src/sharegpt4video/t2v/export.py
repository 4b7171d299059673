"""From records to what a trainer reads: clips of exactly the frames it will see, with captions of these frames."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import IO, Any, Literal

from ..checking import raise_for, validated
from ..cores import cores
from ..display import Result
from ..errors import SettingsError, SG4VError
from ..files import is_abandoned
from ..given import from_json
from ..wording import counted
from .claiming import CLIPS, alone_in, claim, finish
from .cutting import CutClip, CutJob, Cutters, Cutting, NotCut
from .fitter import Fitter
from .manifests import MANIFESTS, Manifest, Row, unknown_trainer
from .mixing import chosen, wrong_weights
from .originals import Comparison, Original, original_of
from .planning import ADVICE, Planned, PlanSettings, plan, wrong_frames
from .record import Record
from .suffixes import SuffixStyle, suffix_of
from .told import Told, events_of
from .variants import camera_of, texts_of

OF_THE_WHOLE = ("motion", "camera_motion", "flow", "vmaf_motion")
"""Scores of motion say nothing about a part of the video that they were measured of."""
MOST_EXAMPLES = 20


@dataclass(frozen=True)
class ExportSettings:
    """What ``export`` makes of records.

    plan      how clips are cut out of captioned ones
    cutting   how their files are written
    variants  the captions of each clip by name, the main one first
    weights   how often each is trained on, by name; empty: all alike where a trainer takes several, else the first
    suffix    scores and the camera behind every caption
    encoder   the text encoder that captions are fitted to, by name; "": none
    paths     how the manifest names clips; None: as its trainer needs
    """

    plan: PlanSettings = field(default_factory=PlanSettings)
    cutting: Cutting = field(default_factory=Cutting)
    variants: tuple[str, ...] = ("dense",)
    weights: dict[str, float] = field(default_factory=dict)
    suffix: SuffixStyle = "none"
    encoder: str = ""
    paths: Literal["relative", "absolute"] | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.weights if name not in self.variants]
        wrong = [f"{name} has a weight and is not among the variants" for name in unknown]
        raise_for([*wrong, *wrong_weights(self.weights), *([] if self.variants else ["name at least one variant"])])


@dataclass(repr=False)
class T2VResult(Result):
    """What was written. ``refused`` counts places of which no true caption can be told, ``failed`` clips that could not
    be cut, both by reason. ``files`` are those to name to the trainer, by split.
    """

    trainer: str
    out: str
    records: int = 0
    clips: int = 0
    seconds: float = 0.0
    cut: int = 0
    kept: int = 0
    untold: int = 0
    repeats: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The counts, a line for each kind, and the file to name to the trainer at the end."""
        splits = ", ".join(f"{count} {split}" for split, count in self.splits.items())
        lines = [
            f"{counted(self.clips, 'clip')} of {counted(self.records, 'record')} for {self.trainer}"
            f" ({self.seconds:.1f} s; {splits or 'none'}): {self.cut} cut, {self.kept} were there already"
        ]
        if self.untold:
            lines.append(f"{counted(self.untold, 'caption')} without what happens in the last or first moments")
        if self.repeats:
            lines.append(f"{counted(self.repeats, 'clip')} with repeated frames: the video is slower; lower --fps")
        lines += [f"{count} refused: {reason}" for reason, count in self.refused.most_common()]
        lines += [f"  {advice}" for reason, advice in ADVICE.items() if any(reason in each for each in self.refused)]
        lines += [f"{count} failed: {kind}" for kind, count in self.failed.most_common()]
        lines += [f"  {example}" for example in self.examples]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join([*lines, *(f"{split}: {file}" for split, file in self.files.items())])


def manifest_named(name: str) -> Manifest:
    """The manifest of a trainer. Raises SettingsError for an unknown one."""
    if name not in MANIFESTS:
        raise unknown_trainer(name)
    return MANIFESTS[name]


def export(
    records: Iterable[Record],
    trainer: str,
    out: Path,
    settings: ExportSettings | None = None,
    *,
    options: dict[str, Any] | None = None,
    processes: int | None = None,
    overwrite: bool = False,
    on_progress: Callable[[T2VResult], None] | None = None,
) -> T2VResult:
    """Cut clips into ``OUT/SPLIT/clips`` and write the manifest of a trainer into ``OUT/SPLIT``, for each split.

    A run that was stopped goes on: what is cut is kept. The same run again writes the same files. Raises SettingsError
    if ``out`` holds something else, and for settings that the trainer cannot take; SG4VError where not one clip can be
    made.
    """
    manifest, settings = manifest_named(trainer), settings or ExportSettings()
    chosen_options, result = _options(manifest, settings, options or {}), T2VResult(trainer, str(out))
    settings = _as_trained(settings, manifest, chosen_options)
    raise_for(_wrong(settings, manifest))
    fit = Fitter(settings.encoder) if settings.encoder else None
    said = {"trainer": manifest.name, "settings": asdict(settings), "options": options or {}}
    with alone_in(out):
        claim(out, said, f"*/{CLIPS}/*.mp4", overwrite=overwrite)
        work = _Work(manifest, settings, chosen_options, out, result, fit)
        work.run(records, cores() if processes is None else processes, on_progress)
        result.notes += [fit.text()] if fit else []
        counts = {one.name: getattr(result, one.name) for one in fields(result) if one.name not in ("trainer", "out")}
        finish(out, counts)
    return result


def _as_trained(settings: ExportSettings, manifest: Manifest, options: Any) -> ExportSettings:
    """Clips of as many frames as the trainer's own configuration will say, where it takes only some of each, and of
    the frame rate that it says.

    Else captions of whole shots would meet their first moments.
    """
    frames, fps = getattr(options, "frames", None), getattr(options, "fps", None)
    if fps is not None and settings.plan.fps is None:
        settings = replace(settings, plan=replace(settings.plan, fps=fps))
    if frames is None or settings.plan.frames is not None or manifest.window.frames in ("whole", "spread"):
        return settings
    if getattr(options, "frame_extraction", "head") == "full":
        longest = min(settings.plan.max_seconds, frames / settings.plan.rate(manifest.window))
        return replace(settings, plan=replace(settings.plan, max_seconds=longest))
    return replace(settings, plan=replace(settings.plan, frames=frames))


def _wrong(settings: ExportSettings, manifest: Manifest) -> Iterator[str]:
    """What of the settings does not go with a trainer."""
    # Where the layout itself says how many frames are trained on, the trainer's usual number is no limit.
    told = any(one.name == "frames" for one in fields(manifest.options))
    yield from wrong_frames(settings.plan, replace(manifest.window, minimum=1) if told else manifest.window)
    if settings.suffix == "open-sora-2" and manifest.name == "open-sora":
        yield "the loader of Open-Sora 2.0 writes this suffix itself; leave it out"


def _as_cut(row: Row, clip: CutClip) -> str:
    """A row with the size of its picture, as a line of JSON."""
    row = replace(row, width=clip.width, height=clip.height, has_sound=clip.has_sound)
    return json.dumps(asdict(row)) + "\n"


def _options(manifest: Manifest, settings: ExportSettings, given: dict[str, Any]) -> Any:
    """The options of a trainer: those that were given, and what the export knows itself."""
    known = {one.name for one in fields(manifest.options)}
    own: dict[str, Any] = {"overwrite": True}  # `_claim` has seen to it that all of it is ours
    if "frames" in known and settings.plan.frames is not None:
        own["frames"] = settings.plan.frames
    if "fps" in known and settings.plan.fps is not None:
        own["fps"] = settings.plan.fps
    first: Any = validated(manifest.options, given, f"options of {manifest.name}")
    if "frames" in given and settings.plan.frames not in (None, first.frames):
        raise SettingsError(f"--frames {settings.plan.frames} and --set frames={first.frames} differ; leave one out")
    if "weights" in known and settings.weights and getattr(first, "several", manifest.variants):
        own["weights"] = settings.weights
    return validated(manifest.options, own | given, f"options of {manifest.name}")


_Item = tuple[Record, Planned, Row]


class _Work:
    """One export: what is to be cut, what is counted, what is written."""

    def __init__(
        self,
        manifest: Manifest,
        settings: ExportSettings,
        options: Any,
        out: Path,
        result: T2VResult,
        fit: Fitter | None,
    ) -> None:
        self._manifest, self._settings, self._options = manifest, settings, options
        self._out, self._result, self._fit = out, result, fit
        self._window = manifest.window
        if self._window.minimum > 1:  # the usual number, unless the layout itself says how many are trained on
            least = getattr(options, "frames", self._window.minimum)
            self._window = replace(self._window, minimum=least)
        self._several = bool(getattr(options, "several", manifest.variants))
        self._names = set[str]()
        self._comparison = Comparison()
        some_frames = manifest.window.frames not in ("whole", "spread")
        if settings.plan.frames is None and some_frames and not hasattr(options, "frames"):
            few = {"head": "the first", "middle": "the middle", "random": "a random run of its"}
            which = few.get(manifest.window.frames, "some")
            result.notes.append(
                f"clips are as long as their shots, and {manifest.name} trains on {which} frames of a clip if it is "
                "set to fewer; give --frames with the count that you train on"
            )
        rate, its = settings.plan.rate(manifest.window), manifest.window.fps
        if its is not None and abs(rate - its) > 1e-3:
            result.notes.append(f"{manifest.name} takes {its:g} frames per second unless told otherwise; set {rate:g}")
        if len(settings.variants) > 1 and not self._several:
            how = "is taken by its weight" if settings.weights else "is the first"
            result.notes.append(f"{manifest.name} reads one caption per clip; which {how}")

    def run(
        self, records: Iterable[Record], processes: int, on_progress: Callable[[T2VResult], None] | None = None
    ) -> None:
        """Cut the clips of all records, and write the manifest of each split."""
        with ExitStack() as stack:
            spools: dict[str, IO[str]] = {}
            cutters: Cutters[_Item] = stack.enter_context(Cutters(processes))
            for (record, planned, row), outcome in cutters.done(self.jobs(records)):
                if isinstance(outcome, NotCut):
                    if outcome.stops:
                        raise SG4VError(
                            f"{outcome.message}: there is no room left after {counted(self._result.clips, 'clip')}; "
                            "make room and run the same command again, which keeps them"
                        )
                    _count_failed(self._result, record, outcome)
                    continue
                if record.split not in spools:
                    spool = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", dir=self._out))
                    spools[record.split] = spool
                self.count(planned, record, outcome)
                spools[record.split].write(_as_cut(row, outcome))
                if on_progress:
                    on_progress(self._result)
            if addresses := self._comparison.addresses:
                self._result.notes.append(
                    f"{counted(addresses, 'video')} at web addresses: not checked to be still those that were captioned"
                )
            self.write(spools)

    def jobs(self, records: Iterable[Record]) -> Iterator[tuple[CutJob, _Item]]:
        """The clips to cut, record by record; what is refused is counted."""
        for record in records:
            self._result.records += 1
            if "::" in record.video:
                self._refuse(record, "the video is in an archive; unpack it and caption the file")
                continue
            original = original_of(record)
            if isinstance(original, NotCut):
                _count_failed(self._result, record, original)
                continue
            found = plan(record, self._settings.plan, self._window)
            for reason in found.refused:
                self._refuse(record, reason)
            rows = [(planned, self._row(record, planned, original)) for planned in found.clips]
            yield from self._cuts(record, original, [(planned, row) for planned, row in rows if row is not None])

    def _cuts(
        self, record: Record, original: Original, clips: list[tuple[Planned, Row]]
    ) -> Iterator[tuple[CutJob, _Item]]:
        """The clips of one record, if its video is the one that was captioned: it is read before anything is cut."""
        targets = [self._out / record.split / CLIPS / f"{row.record}.mp4" for _, row in clips]
        if not all(target.exists() for target in targets) and (problem := self._comparison.problem(original)):
            _count_failed(self._result, record, problem)
            return
        for (planned, row), target in zip(clips, targets, strict=True):
            name = f"{record.split}/{row.record}"
            if name in self._names:
                self._refuse(record, "an earlier record has the same id and video, so that both would be one file")
                continue
            self._names.add(name)
            how = planned.start_seconds, planned.frames, planned.fps, self._settings.cutting
            yield CutJob(record.video, str(target), *how, original.state), (record, planned, row)

    def _row(self, record: Record, planned: Planned, original: Original) -> Row | None:
        """What is written about a clip, but for the size of its picture. None, counted, where it has no caption."""
        part = _part(record, planned)
        texts = texts_of(part, self._settings.variants)
        if set(texts) != set(self._settings.variants):
            missing = [name for name in self._settings.variants if name not in texts]
            self._refuse(record, f"the record has no caption called {', '.join(missing)}")
            return None
        camera, id = camera_of(part.caption), clip_id(record, planned, original)
        if len(texts) > 1 and not self._several:
            name = chosen(id, self._settings.weights, texts) if self._settings.weights else next(iter(texts))
            texts = {name: texts[name]}
        suffix = suffix_of(part.scores, self._settings.suffix, fps=planned.fps, camera=camera)
        behind = f" {suffix}" if suffix else ""
        if self._fit:
            # Open-Sora's own loader puts more behind it, which is counted, and written there.
            its = suffix_of(part.scores, "open-sora-2", fps=planned.fps) if self._manifest.name == "open-sora" else ""
            events, after = events_of(part.caption.steps), f"{behind} {its}".rstrip()
            texts = {name: self._fit(Told(text, events), after) for name, text in texts.items()}
        texts = {name: f"{text}{behind}" for name, text in texts.items()}
        video = f"{CLIPS}/{id}.mp4"
        if (self._settings.paths or self._manifest.paths) == "absolute":
            video = (self._out.absolute() / record.split / video).as_posix()
        return Row(video, texts, planned.frames, planned.fps, 0, 0, False, part.scores, camera, record.split, record=id)

    def _refuse(self, record: Record, reason: str) -> None:
        general = _general(reason)
        if not self._result.refused[general] and len(self._result.examples) < MOST_EXAMPLES:
            self._result.examples.append(f"{record.id}: {reason}")
        self._result.refused[general] += 1

    def count(self, planned: Planned, record: Record, outcome: CutClip) -> None:
        result = self._result
        result.clips += 1
        result.seconds += planned.frames / planned.fps
        result.kept += outcome.kept
        result.cut += not outcome.kept
        result.repeats += outcome.repeats
        result.untold += planned.told.untold_seconds > 0
        result.splits[record.split] += 1

    def write(self, spools: dict[str, IO[str]]) -> None:
        """The manifest of each split; prompts to sample from while training come from what is held out.

        Raises SG4VError where there is not one clip.
        """
        if not spools:
            raise SG4VError(f"no clip could be made for {self._manifest.name}\n{self._result.text()}")
        self._remove_others(spools)
        for split, spool in spools.items():
            folder = self._out / split
            files = self._manifest.write(_rows(spool), folder, self._options)
            self._result.files[split] = str(files[0])
        held_out = next((spools[split] for split in ("val", "test") if split in spools), None)
        if self._manifest.validation and held_out is not None and "train" in spools:
            file = self._manifest.validation(_rows(held_out), self._out / "train", self._options)
            self._result.files["validation"] = str(file)

    def _remove_others(self, splits: Iterable[str]) -> None:
        """Clips of an earlier run that are in none of the manifests now: some trainers read all that is there."""
        removed = 0
        for split in splits:
            for path in (self._out / split / CLIPS).iterdir():
                ours = path.suffix in (".mp4", ".txt") and not path.name.startswith(".")
                if ours and f"{split}/{path.stem}" not in self._names:
                    path.unlink(missing_ok=True)
                    removed += path.suffix == ".mp4"
                elif path.name.startswith(".") and path.is_file() and is_abandoned(path):
                    path.unlink(missing_ok=True)
        if removed:
            self._result.notes.append(f"{counted(removed, 'clip')} of an earlier run removed: no record has them now")


def _part(record: Record, planned: Planned) -> Record:
    """The record of a clip: what was measured or written of the whole is kept only if it is the whole."""
    scores = record.scores if planned.is_whole else {n: s for n, s in record.scores.items() if n not in OF_THE_WHOLE}
    caption = replace(planned.told.caption, summary=planned.told.text, summary_problem="")
    return Record(record.id, record.video, record.split, caption, scores, record.texts if planned.is_whole else {})


def clip_id(record: Record, planned: Planned, original: Original) -> str:
    """The name of a clip: the record, where it begins, and a mark of the file that it is cut from."""
    return f"{record.id}-{round(planned.start_seconds * 1000):08d}-{original.mark()}"


def _general(reason: str) -> str:
    """A reason without its times, so that equal ones are counted together."""
    head, mark, rest = reason.partition(" s ")
    return f"a step{rest and f' {rest}'}" if mark and head.startswith("the step from") else reason.split(";")[0]


def _count_failed(result: T2VResult, record: Record, outcome: NotCut) -> None:
    result.failed[outcome.kind] += 1
    if len(result.examples) < MOST_EXAMPLES:
        result.examples.append(f"{record.id}: {outcome.message}")


def _rows(spool: IO[str]) -> Iterator[Row]:
    spool.seek(0)
    for line in spool:
        yield Row(**from_json(line))
