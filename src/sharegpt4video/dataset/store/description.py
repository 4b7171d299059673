"""What a data set was built with: the file ``dataset.json`` beside its tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...checking import validated
from ...errors import SettingsError, StorageError
from ...given import from_json
from ..settings import DatasetSettings
from . import generations, parts, storage
from .schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from .store import Store

FILE = "dataset.json"
FORMAT = "sharegpt4video data set"
FIXED = ("caption", "survey")
"""Settings that decide what is stored. The others are applied to what is stored, so they may change at any time."""


class AlreadyDescribed(StorageError):
    """The directory is a data set already."""


def describe(fs: Any, root: str, settings: DatasetSettings, model: str, prompt_hash: str) -> None:
    """Make a directory a data set. Raises StorageError if it is one already."""
    plain = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "package_version": __version__,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **_plain(settings, model, prompt_hash),
    }
    if _rebuilt(fs, root) or not storage.create(fs, f"{root}/{FILE}", _text(plain)):
        raise AlreadyDescribed(f"{root}: is already a data set; open it to continue, or choose another directory")


def is_described(fs: Any, root: str) -> bool:
    """Whether a directory is a data set."""
    return storage.read(fs, f"{root}/{FILE}") is not None or bool(_rebuilt(fs, root))


def description(fs: Any, root: str) -> dict[str, Any]:
    """What ``dataset.json`` says; where it is gone, what the parts of the tables say that it was.

    Raises StorageError where there is neither, or none that this version can read.
    """
    path = f"{root}/{FILE}"
    data = storage.read(fs, path)
    if data is None and (rebuilt := _rebuilt(fs, root)):
        return rebuilt
    if data is None:
        raise StorageError(f"{root}: not a data set (no {FILE}); sg4v dataset build VIDEOS --out {root} makes one")
    try:
        plain = from_json(data)
    except ValueError as error:
        raise StorageError(
            f"{path}: is damaged ({error}); put it back from a copy, or delete it: it is then rebuilt from the tables"
        ) from error
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise StorageError(f"{path}: was not written by this package; choose another directory")
    if isinstance(plain.get("schema_version"), int) and plain["schema_version"] > SCHEMA_VERSION:
        raise StorageError(
            f"{path}: the data set has version {plain['schema_version']} of the table layout, this package knows"
            f" up to version {SCHEMA_VERSION}; upgrade it: pip install -U sharegpt4video"
        )
    for name, kind in (("schema_version", int), ("model", str), ("prompt_hash", str), ("settings", dict)):
        if not isinstance(plain.get(name), kind):
            raise StorageError(
                f"{path}: does not say {name}; put it back from a copy, or delete it: it is rebuilt from the tables"
            )
    return plain


def _rebuilt(fs: Any, root: str) -> dict[str, Any]:
    """What the newest part says of ``dataset.json``; of the tables first of all the captions. Empty: nothing."""
    for table in ("captions", "shorts", "surveys", "sources"):
        for made in reversed(list(_made_with(fs, f"{root}/{table}"))):
            if made:
                plain: dict[str, Any] = from_json(made)
                return plain
    return {}


def _made_with(fs: Any, folder: str) -> Iterator[str]:
    for name in generations.contents(fs, folder).live:
        with parts.opened(fs, f"{folder}/{name}", whole=False) as file:
            yield parts.made(file)


def made_with(fs: Any, root: str) -> str:
    """What a part keeps of ``dataset.json``; "" for a folder that is no data set."""
    return _text(description(fs, root)).decode() if storage.read(fs, f"{root}/{FILE}") is not None else ""


def stored_settings(fs: Any, root: str) -> DatasetSettings:
    """The settings in ``dataset.json``. Raises SettingsError naming every one that does not fit."""
    return validated(DatasetSettings, description(fs, root)["settings"], f"{root}/{FILE}")


def check_same(fs: Any, root: str, settings: DatasetSettings, model: str, prompt_hash: str, *, bound: bool) -> None:
    """Raises SettingsError listing what decides captions and differs from what they were made with.

    That is what ``dataset.json`` says, and what each part of the captions says that it said: somebody may have edited
    it. Nothing is compared unless there are captions (``bound``).
    """
    if not bound:
        return
    told = description(fs, root)
    _require_same(root, _decides(told), _decides(_plain(settings, model, prompt_hash)), "was built with")
    for table in ("captions", "shorts"):
        for made in set(_made_with(fs, f"{root}/{table}")) - {""}:
            _require_same(root, _decides(from_json(made)), _decides(told), f"holds {table} that were made with")


def check_captions(store: Store, settings: DatasetSettings, model: str, prompt_hash: str) -> None:
    """Hold captions of an earlier version against a model's name: their ``dataset.json`` is gone, they alone can tell.

    Raises SettingsError when another model, other prompts or other settings made them.
    """
    plain = settings.to_plain()
    now = {"model": _ADDRESS.sub("", model), "prompts (hash)": prompt_hash} | _flat(
        "caption", {**plain["caption"], **_NO_SPAN}
    )
    columns = [f"provenance.{name}" for name in ("model", "prompt_hash", "settings")]
    seen: set[tuple[str, str, str]] = set()
    for table in ("captions", "shorts"):
        for batch in store.batches(table, columns, batch_rows=1 << 12):
            for row in batch.column("provenance").to_pylist():
                key = (row["model"], row["prompt_hash"], row["settings"])
                if key in seen:
                    continue
                seen.add(key)
                made = {**from_json(row["settings"] or "{}"), **_NO_SPAN}
                known = _flat("caption", DatasetSettings().to_plain()["caption"]) if made.keys() - _NO_SPAN else {}
                if table == "shorts":
                    made["mode"] = plain["caption"]["mode"]
                before = {"model": _ADDRESS.sub("", row["model"]), "prompts (hash)": row["prompt_hash"]}
                _require_same(
                    store.root,
                    before | known | _flat("caption", made),
                    now,
                    f"has no {FILE}, and its {table} were made with",
                )


_ADDRESS = re.compile(r"@https?://.*", re.S)
_NO_SPAN = {"start_seconds": None, "end_seconds": None}


def _require_same(root: str, before: Mapping[str, Any], now: Mapping[str, Any], what: str) -> None:
    different = [f"{name} was {before[name]!r}, is {now[name]!r}" for name in now if before.get(name) != now[name]]
    if different:
        raise SettingsError(
            f"{root}: {what} other settings, captions of two kinds must not be mixed: {'; '.join(different)};"
            " use the former settings (without --model, the former model is taken) or another directory"
        )


def _decides(told: Mapping[str, Any]) -> dict[str, Any]:
    """What decides captions, flat, with defaults for settings that an earlier version did not know."""
    found = {"model": told["model"], "prompts (hash)": told["prompt_hash"]}
    defaults = DatasetSettings().to_plain()
    for name in FIXED:
        found |= _flat(name, defaults[name]) | _flat(name, told["settings"].get(name, {}))
    return found


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What decides captions and is not the same in two descriptions, by name: the model, the prompts, settings."""
    before, now = _decides(first), _decides(second)
    names = dict.fromkeys([*before, *now])
    return {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}


def update_settings(fs: Any, root: str, settings: DatasetSettings, more: Mapping[str, Any], *, bound: bool) -> None:
    """Store settings, and ``more`` fields. Raises SettingsError if they differ and may not (see ``check_same``)."""
    told = {**description(fs, root), **more}
    check_same(fs, root, settings, told["model"], told["prompt_hash"], bound=bound)
    storage.put(fs, f"{root}/{FILE}", _text({**told, "settings": settings.to_plain()}))


def _plain(settings: DatasetSettings, model: str, prompt_hash: str) -> dict[str, Any]:
    return {"model": model, "prompt_hash": prompt_hash, "settings": settings.to_plain()}


def _flat(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {name: value}
    return {key: plain for inner, each in value.items() for key, plain in _flat(f"{name}.{inner}", each).items()}


def _text(plain: dict[str, Any]) -> bytes:
    return (json.dumps(plain, ensure_ascii=False, indent=2) + "\n").encode()
