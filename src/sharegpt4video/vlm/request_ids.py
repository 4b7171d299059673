"""The ids that calls to a model carry, so that an answer can be told from that to another request."""

from __future__ import annotations

import re
import uuid

_OUR_ID = re.compile(r"sg4v-([0-9a-f]{32})")


def new_request_id(key: str) -> str:
    """An id for one call about the request with this key; an answer may carry it back."""
    return f"sg4v-{key}-{uuid.uuid4().hex[:8]}"


def is_of_another(mark: str, key: str) -> bool:
    """Whether a mark on an answer is the id of a call about another request; ids that are not ours mean nothing."""
    found = _OUR_ID.search(mark)
    return found is not None and found[1] != key
