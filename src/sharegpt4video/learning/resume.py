"""Whether and from where a run goes on: the newest sound checkpoint, and what changed since it was written."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..files import write_whole
from . import checkpoints
from .checkpoints import Checkpoint, versions
from .processes import Processes

logger = logging.getLogger(__name__)


def begin(
    out: Path,
    processes: Processes,
    settings: dict[str, Any],
    rounding: Callable[[Checkpoint], Iterable[str]],
    *,
    resume: bool,
    made: Sequence[str] = (),
) -> Checkpoint | None:
    """The checkpoint to go on from, in every process; None for a run that begins. ``settings.json`` is written.

    ``rounding`` tells what changed since and can change the rounding alone; it raises SettingsError where it is another
    run. Without ``resume`` what an earlier run left is removed first, its folders ``made`` among it.
    """
    found: Checkpoint | None = None
    if processes.first:
        if not resume:
            checkpoints.forget(out)
            for name in made:
                shutil.rmtree(out / name, ignore_errors=True)
        (out / "checkpoints").mkdir(parents=True, exist_ok=True)
        checkpoints.clear_unfinished(out)
        found, damaged = checkpoints.newest(out)
        for problem in damaged:
            logger.warning("%s; the checkpoint before it is used. Look at the disk.", problem)
        for note in rounding(found) if found else ():
            logger.warning("not bit for bit the same run, but the same but for rounding: %s", note)
        write_whole(out / "settings.json", json.dumps(settings, indent=1).encode())
    shared: Checkpoint | None = processes.from_first(found)
    return shared


def refuse_another_run(checkpoint: Checkpoint, wrong: Sequence[str]) -> None:
    """Raises SettingsError if anything is wrong."""
    if wrong:
        raise SettingsError(
            f"{checkpoint.folder}: cannot go on with another run: {'; '.join(wrong)}; undo the changes, write to "
            "another folder, or start over with --fresh"
        )


def changes(before: dict[str, Any], now: dict[str, Any]) -> dict[str, str]:
    """The settings that differ, by dotted name, each as a sentence."""
    old, new = flat(before), flat(now)
    names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return {name: f"{name} was {old.get(name)!r}, is {new.get(name)!r}" for name in names}


def version_notes(checkpoint: Checkpoint) -> list[str]:
    """Libraries of another version than those that wrote it."""
    here = versions()
    return [f"{name} was {old}, is {here.get(name)}" for name, old in checkpoint.versions.items()
            if here.get(name) != old]  # fmt: skip


def flat(plain: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings by dotted name; sequences as lists, as JSON gives them back."""
    found: dict[str, Any] = {}
    for name, value in plain.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{name}.")
        else:
            found[before + name] = _as_json(value)
    return found


def _as_json(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_as_json(one) for one in value]
    return {name: _as_json(one) for name, one in value.items()} if isinstance(value, dict) else value
