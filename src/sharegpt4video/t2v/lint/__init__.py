"""Lint: what a trainer would silently drop, mis-pair, cut off or mistake in a folder, made by us or by anybody.

``lint`` reads the folder as the trainer does (``folders``, ``configs``), then looks at files (``clips``), texts
(``captions``) and who belongs to whom (``pairing``). ``trainers`` has what each trainer does about it, and the source.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...errors import InputMissing, SettingsError
from ..claiming import REPORT, made_for, split_folder
from ..encoders import Counter, encoders_of
from ..manifests import MANIFESTS, unknown_trainer
from ..record import SPLITS
from .captions import check_captions, check_name
from .clips import check_clip, check_settings
from .finding import KINDS, Finding, LintReport, counts_of
from .folders import FOLDERS
from .notes import LintSettings, Notes
from .pairing import Pairing, owners_of
from .trainers import TRAINERS

__all__ = ["KINDS", "TRAINERS", "Finding", "LintReport", "LintSettings", "lint"]


def lint(folder: str | Path, trainer: str = "", settings: LintSettings | None = None) -> LintReport:
    """Look at a trainer's folder. ``trainer`` is one of ``TRAINERS``; "": the one that our export made the folder for,
    with the frames and the rate that it was made with, where ``settings`` do not say others. The folder of a whole
    export stands for its only split then.

    Raises SettingsError for an unknown trainer, or where none is given for a folder of other origin, InputMissing where
    there is no such folder. What is wrong in the folder is in the report.
    """
    root, settings = Path(folder) if trainer else split_folder(Path(folder)), settings or LintSettings()
    if trainer and trainer not in TRAINERS:
        raise unknown_trainer(trainer)
    if not root.is_dir():
        raise InputMissing(f"{folder}: is not a folder; give the one of the manifest")
    made = made_for(root)
    if made and trainer in ("", made.trainer):
        trainer = made.trainer
        frames, fps = settings.frames or made.frames or 0, settings.fps or made.fps or 0.0
        settings = replace(settings, frames=frames, fps=fps)
    if not trainer:
        raise SettingsError(f"{folder}: not written by sg4v t2v export; name its trainer: --for {'|'.join(TRAINERS)}")
    notes = _notes(root, trainer, settings)
    known, window = TRAINERS[trainer], MANIFESTS[trainer].window
    pairing = Pairing(notes, known.name_of, owners_of(notes))
    samples = 0
    for sample in FOLDERS[trainer](notes):
        if not samples:
            check_settings(notes, window, known.multiple)
        samples += 1
        pairing.look(sample)
        check_clip(notes, sample, window, known.needs)
        check_captions(notes, sample, several=known.several)
        if "name-too-long" in known.rules and sample.texts == (Path(sample.video).stem.replace("_", " "),):
            check_name(notes, sample)
    if not samples:
        inner = [f"{folder}/{split}" for split in SPLITS if (root / REPORT).exists() and (root / split).is_dir()]
        instead = f"; the trainer is given {' or '.join(inner)}" if inner else ""
        notes.found("unreadable-manifest", f"no clip with a caption is found{instead}")
    _say_what_was_not_checked(notes)
    findings = tuple(notes.findings)
    return LintReport(trainer, str(folder), samples, findings, counts_of(notes.counts), tuple(notes.notes))


def _notes(root: Path, trainer: str, settings: LintSettings) -> Notes:
    names = settings.encoders or MANIFESTS[trainer].encoders[:1]
    return Notes(
        root,
        trainer,
        TRAINERS[trainer].rules,
        settings,
        tuple(Counter(one) for one in dict.fromkeys(one for name in names for one in encoders_of(name))),
        settings.frames,
        settings.fps or (MANIFESTS[trainer].window.fps or 0.0),
        settings.width,
        settings.height,
    )


def _say_what_was_not_checked(notes: Notes) -> None:
    if notes.prefix:
        notes.found("prefix", f"{notes.prefix!r}")
    if not notes.frames and MANIFESTS[notes.trainer].window.frames != "whole":
        notes.note("how many frames are trained on is not known here, so lengths were not checked; give --frames")
    if not notes.settings.files:
        notes.note("the videos were not opened")
    if not notes.settings.encoders and notes.encoders:
        one = notes.encoders[0].encoder
        notes.note(f"captions were measured for {one.name} ({one.used_by}); name others with --encoder")
