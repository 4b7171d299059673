"""Worker processes that are started afresh, for decoding and for training data."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_STARTING = threading.Lock()


@contextmanager
def without_main() -> Iterator[None]:
    """Processes started in here do not run the user's script again, as multiprocessing would have them do.

    They need nothing of it, and a script without ``if __name__ == "__main__"`` would begin its whole work anew in each.
    """
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
