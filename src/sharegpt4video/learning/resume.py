"""What changed since a checkpoint was written, for a run to decide whether it may go on from it."""

from __future__ import annotations

from typing import Any

from .checkpoints import Checkpoint, versions


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
