"""The folder of an export: whose it is, with which settings, and that no other export writes to it meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import SettingsError, StorageError
from ..files import write_whole
from ..given import from_json, read_json

REPORT = "t2v.json"
LOCK = ".t2v.lock"


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Only one export at a time writes to a folder, where the system can see to it: each removes what is not its own.

    Raises SettingsError if another one does.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = (out / LOCK).open("ab")
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

    ``clips`` is their pattern. Raises SettingsError if it holds something else, or an export with other settings.
    """
    said = from_json(json.dumps(said))
    report = out / REPORT
    try:
        earlier = read_json(report) if report.exists() else None
        if earlier is None and any(path.name not in ("records", LOCK) for path in out.iterdir()):
            raise SettingsError(f"{out}: is not empty and holds no export of ours; choose another folder")
        if earlier is not None and {name: earlier.get(name) for name in said} != said:
            if not overwrite:
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


def finish(out: Path, counts: dict[str, Any]) -> None:
    """Add what came of it."""
    said = read_json(out / REPORT)
    write_whole(out / REPORT, json.dumps(said | {"finished": True, **counts}, indent=1, ensure_ascii=False) + "\n")
