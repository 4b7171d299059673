"""A data set that this process alone may write, for everything that changes one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .lock import lock
from .store import Store


@contextmanager
def writing(root: str | os.PathLike[str]) -> Iterator[Store]:
    """The data set in a directory, which nobody else may write meanwhile.

    Raises lock.Busy, saying who writes there, and SG4VError if there is no data set: then no lock is left behind.
    """
    Store.open(root)
    with lock(root) as held:
        yield Store(root, guard=held.check)
