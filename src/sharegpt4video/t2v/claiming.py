"""The output folder of an export: which export it belongs to, and a lock against a second one writing there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from ..checking import Limits, one_of, raise_for, wrong_values
from ..errors import SettingsError, StorageError
from ..files import open_own, write_whole
from ..given import from_json, read_json
from .manifests import MANIFESTS
from .record import SPLITS

CLIPS = "clips"
"""The folder of the clips, in that of a split."""
REPORT = "t2v.json"
LOCK = ".t2v.lock"


@dataclass(frozen=True)
class Made:
    """Whose files a folder of an export holds, and how its clips were made; None: as the trainer has it."""

    trainer: str
    frames: Annotated[int, Limits(1, 100_000)] | None
    fps: Annotated[float, Limits(0.001, 1000)] | None


def made_for(folder: Path) -> Made | None:
    """What an export says of the folder of one of its splits; None for a folder that no export has written.

    Raises SettingsError for a report that no export of ours has written so.
    """
    folder = folder.absolute()
    report = folder.parent / REPORT
    try:
        told = read_json(report) if report.exists() else {}
        if folder.name not in told.get("splits", {}):
            return None
        plan = told["settings"]["plan"]
        made = Made(told["trainer"], plan["frames"], plan["fps"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{report}: cannot be read as the report of an export: {error!r}") from error
    raise_for([*wrong_values(made, f"{report}: ").values(), *one_of(f"{report}: trainer", made.trainer, MANIFESTS)])
    return made


def split_folder(folder: Path) -> Path:
    """The folder of a split: the folder itself, or the one that is meant where it is that of a whole export.

    Raises SettingsError where such an export has no clips, or several splits to choose from.
    """
    if not (folder / REPORT).is_file():
        return folder
    try:
        splits = [folder / name for name in SPLITS if name in read_json(folder / REPORT)["splits"]]
    except (OSError, ValueError, KeyError, TypeError):
        return folder  # of some other tool, or not finished
    if len(splits) != 1:
        choose = f"give one of its splits: {', '.join(map(str, splits))}" if splits else "it made no clips"
        raise SettingsError(f"{folder}: written by sg4v t2v export; {choose}")
    return splits[0]


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Only one export at a time writes to a folder, where the system can see to it: each removes what is not its own.

    Raises SettingsError if another one does.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = open_own(out / LOCK, "ab")
    except OSError as error:
        raise StorageError(f"{out}: cannot be written to ({error.strerror}); give another folder") from error
    with handle:
        try:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(f"{out}: another export is writing to it; wait, or choose another folder") from None
        except (ImportError, OSError):  # Windows and some network disks have no such locks
            pass
        yield


def claim(out: Path, said: dict[str, Any], clips: str, *, overwrite: bool) -> None:
    """Make the folder that of an export with these settings; with ``overwrite``, clips of other settings are removed.

    ``clips`` is their pattern. Raises SettingsError if it holds something else, or clips of an export with other
    settings: who mends those of a run that came to nothing need not overwrite anything.
    """
    said = from_json(json.dumps(said))
    report = out / REPORT
    try:
        _refuse_links(out)
        earlier = read_json(report) if report.exists() else None
        if earlier is None and any(path.name not in ("records", LOCK) for path in out.iterdir()):
            raise SettingsError(f"{out}: is not empty and holds no export of ours; choose another folder")
        if earlier is not None and {name: earlier.get(name) for name in said} != said:
            if not overwrite and next(out.glob(clips), None):
                raise SettingsError(
                    f"{out}: holds an export with other settings; choose another folder, or overwrite it (--overwrite)"
                )
            for path in out.glob(clips):
                path.unlink()
        write_whole(report, json.dumps(said | {"finished": False}, indent=1) + "\n")
    except SettingsError:
        raise
    except (ValueError, AttributeError) as damaged:
        raise SettingsError(f"{report}: cannot be read ({damaged}); choose another folder") from None
    except OSError as error:
        raise StorageError(f"{out}: cannot be written to ({error.strerror}); give another folder") from error


def _refuse_links(out: Path) -> None:
    """Clips are cut, and earlier ones removed, in the folders of the splits: these must not be elsewhere."""
    for folder in (*out.glob("*"), *out.glob(f"*/{CLIPS}")):
        if folder.is_symlink() and folder.is_dir():
            raise SettingsError(
                f"{folder}: is a link, and clips are written and removed there; put a folder in its place, or make the"
                " whole of --out a link"
            )


def finish(out: Path, counts: dict[str, Any]) -> None:
    """Add what came of it."""
    said = read_json(out / REPORT)
    write_whole(out / REPORT, json.dumps(said | {"finished": True, **counts}, indent=1, ensure_ascii=False) + "\n")
