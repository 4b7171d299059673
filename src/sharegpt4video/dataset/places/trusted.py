"""Whether a data set's model, and its server for speech, were named by this user on this machine.

A data set goes on with the model that it was built with. One from a stranger could so name any server, which would get
frames and an API key, or weights that bring code. Whoever builds leaves a note of that in their own cache; without one,
what reaches out of this machine has to be named again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from ...errors import SettingsError
from ...files import user_cache, write_whole
from ...given import read_text
from ..store.store import Store
from .models import NAME, OPTIONS

WITHIN = frozenset({"embedded", "fake"})
"""Models that reach nobody and load nothing."""


def note(store: Store) -> None:
    """Remember that the model and the server of a data set are this user's choice, if the cache can be written."""
    if _model(store) or _speech(store):
        with contextlib.suppress(OSError):
            write_whole(_place(store), _sum(store))


def check_model(store: Store) -> None:
    """Raises SettingsError for a model that reaches out, and that this user did not name."""
    if (model := _model(store)) and not _is_noted(store):
        raise _unknown(store, model, f"--model {model}")


def check_speech(store: Store) -> None:
    """Raises SettingsError for a server that writes speech down, and that this user did not name."""
    if (server := _speech(store)) and not _is_noted(store):
        raise _unknown(store, server, f"--set caption.facts.speech_model={server}")


def _unknown(store: Store, named: str, option: str) -> SettingsError:
    return SettingsError(
        f"{store.root}: would go on with {named}, which you have not named here: it could be anybody's server or code."
        f" If you know it, name it yourself: {option}"
    )


def _model(store: Store) -> str:
    """The model in ``dataset.json``; "" where it reaches nobody."""
    name = str(store.description.get(NAME) or "")
    return "" if name.partition(":")[0] in WITHIN else name


def _speech(store: Store) -> str:
    facts = store.description["settings"].get("caption", {}).get("facts", {})
    model = str(facts.get("speech_model") or "")
    return model if model.startswith("server:") else ""


def _is_noted(store: Store) -> bool:
    try:
        return read_text(_place(store)) == _sum(store)
    except (OSError, ValueError):
        return False


def _place(store: Store) -> Path:
    return user_cache() / "datasets" / hashlib.blake2b(store.address.encode(), digest_size=16).hexdigest()


def _sum(store: Store) -> str:
    told = [store.description.get(NAME), store.description.get(OPTIONS), _speech(store)]
    return hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).hexdigest()
