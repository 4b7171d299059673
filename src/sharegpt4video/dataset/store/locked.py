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

    Raises lock.Busy, which names the other writer, and SG4VError if there is no data set (and leaves no lock file).
    """
    Store.open(root)
    with lock(root) as held:
        yield Store(root, guard=held.check)
