"""What to do about a server that does not answer, does not know the key, or does not have the model."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .providers import ANY, Provider

_REFUSED = re.compile("Connect call failed|refused", re.IGNORECASE)  # nothing listens there: the user knows by now
_SHOWN = 8
"""Of the models that a server has, as many are named."""


def key_missing(provider: Provider) -> str:
    """What to do where no key is given and one is needed."""
    return f"no API key: set {provider.key} (get a key at {provider.key_page}), or use -O api_key=..."


def key_refused(provider: Provider) -> str:
    """What to do where the server does not know the key."""
    where = f"; get one at {provider.key_page}" if provider.key_page else ""
    return f"set {provider.key or ANY.key} (or api_key) to a key that this server knows{where}"


def not_running(provider: Provider, url: str, model: str, why: str) -> str:
    """Nobody is there: how to start the server, where we know."""
    if not provider.is_local:
        return f"nobody answers at {url} ({why}); is the server running, and is the address right?"
    start = provider.start.format(model=model)
    add = f"; get the model with: {provider.add.format(model=model)}" if provider.add else ""
    reason = "" if _REFUSED.search(why) else f" ({why})"
    return f"nobody answers at {url}{reason}; start it with: {start}{add}"


def model_missing(provider: Provider, model: str, served: Sequence[str]) -> str:
    """The server does not have the model: which ones it has, the nearest first, and how to add this one."""
    ranked = difflib.get_close_matches(model, served, n=_SHOWN, cutoff=0.0)
    has = ", ".join(ranked) if ranked else "no models"
    if len(served) > len(ranked):
        has += f" and {len(served) - len(ranked)} more"
    add = f"; add it with: {provider.add.format(model=model)}" if provider.add else ""
    return f"it has {has}{add}" if served else f"it has no models{add}"


def is_served(model: str, served: Sequence[str]) -> bool:
    """Whether a model is among those that a server lists; Ollama leaves out the tag ``latest``, Gemini may not."""
    names = {name.removeprefix("models/").casefold().removesuffix(":latest") for name in served}
    return model.removeprefix("models/").casefold().removesuffix(":latest") in names


def served_models(body: bytes) -> tuple[str, ...] | None:
    """The ids in an answer to ``GET /models``; None if it is no such list."""
    try:
        plain: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    listed = plain.get("data") if isinstance(plain, Mapping) else None
    if not isinstance(listed, list):
        return None
    ids = (entry.get("id") for entry in listed if isinstance(entry, Mapping))
    return tuple(name for name in ids if isinstance(name, str))
