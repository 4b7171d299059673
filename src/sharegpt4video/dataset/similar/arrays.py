"""Arrays that grow at their end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class GrowingArray:
    """Rows of one kind; adding is cheap on average, and what is not yet used takes no memory."""

    def __init__(self, dtype: Any, row_shape: tuple[int, ...] = ()) -> None:
        self._held: NDArray[Any] = np.empty((1024, *row_shape), dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, rows: NDArray[Any]) -> None:
        end = self._count + len(rows)
        if end > len(self._held):
            larger: NDArray[Any] = np.empty((max(end, 2 * len(self._held)), *self._held.shape[1:]), self._held.dtype)
            larger[: self._count] = self.rows
            self._held = larger
        self._held[self._count : end] = rows
        self._count = end

    @property
    def rows(self) -> NDArray[Any]:
        """All rows, as a view that may be written to; not valid after the next ``add``."""
        return self._held[: self._count]
