"""Measures the most bytes that tensors hold at one time, on a CPU as well as anywhere.

    with LiveBytes(those_that_are_there_already) as live:
        step()
    live.peak_bytes

Each operation's results are followed by their storage: one that is freed, or emptied (as FSDP2 does with gathered
weights), no longer counts. What operations allocate inside and free before they return is not seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_SMALL_BYTES = 1024  # numbers and short vectors, of which there are thousands


class LiveBytes(TorchDispatchMode):  # type: ignore[misc]  # torch is not checked
    def __init__(self, present: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()
        self.peak_bytes = 0
        self.casts = 0
        """Of whole weights from 32 to 16 bits, as autocast makes them."""
        self._storages: dict[int, weakref.ref[Any]] = {}
        self._follow(present)
        self.start_bytes = self.bytes()

    def bytes(self) -> int:
        """What is held now."""
        total = 0
        for key, reference in list(self._storages.items()):
            storage = reference()
            if storage is None:
                del self._storages[key]
            else:
                total += storage.nbytes()
        return total

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        if "_to_copy" in str(operation) and isinstance(args[0], torch.nn.Parameter):
            self.casts += args[0].dtype == torch.float32 and result.dtype == torch.bfloat16
        if self._follow(tree_leaves(result)):
            self.peak_bytes = max(self.peak_bytes, self.bytes())
        return result

    def _follow(self, tensors: Iterable[Any]) -> bool:
        """Whether any of them is new."""
        new = False
        for tensor in tensors:
            if not isinstance(tensor, torch.Tensor):
                continue
            local = getattr(tensor, "_local_tensor", tensor)
            storage = local.untyped_storage()
            if storage.nbytes() < _SMALL_BYTES:
                continue
            known = self._storages.get(storage._cdata)
            if known is None or known() is None:
                self._storages[storage._cdata] = weakref.ref(storage)
                new = True
        return new
