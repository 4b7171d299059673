"""Samples on their way to the device: the next step is put together, and its batches copied, while one is computed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..model.loss import learned_places
from ..model.sequences import Sequences, sent

if TYPE_CHECKING:
    from ..data.example import Step
    from ..data.packing import Batch

Inputs = dict[str, Any]
"""What the model takes: tensors on the device, where something is ``learned``, ``sequences`` of a packed batch."""


def inputs_of(batch: Batch, device: torch.device) -> Inputs:
    """A batch as the model takes it, copied from pinned memory where there is a GPU, without waiting for the copy."""
    found: Inputs = {name: sent(value, device) for name, value in batch.inputs.items() if name != "image_sizes"}
    if "image_sizes" in batch.inputs:
        # Plain numbers: the model's Python code reads them, and would wait for the device to learn them.
        found["image_sizes"] = batch.inputs["image_sizes"].tolist()
    found["learned"] = sent(learned_places(batch.inputs["labels"]), device)
    if batch.lengths:
        found["sequences"] = Sequences(batch.lengths, device)
    return found


class Transfer:
    """Copies batches to a device, ``ahead`` of them before they are asked for. A context manager.

    On a GPU a thread pins each batch's memory and copies it on a stream of its own; the computing stream waits for
    that copy and for nothing else, and Python for neither. Elsewhere batches are made ready when asked for.
    """

    def __init__(self, device: torch.device, *, ahead: int = 1) -> None:
        self._device, self._ahead = device, ahead
        self._stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._thread = ThreadPoolExecutor(1, "sg4v-copy") if self._stream else None

    def __enter__(self) -> Transfer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread:
            self._thread.shutdown(cancel_futures=True)

    def __call__(self, batches: Iterable[Batch]) -> Iterator[Inputs]:
        """The inputs of batches, in order."""
        if not self._thread:
            yield from (inputs_of(batch, self._device) for batch in batches)
            return
        waiting = iter(batches)
        coming: deque[Future[tuple[Inputs, Any]]] = deque()
        while True:
            for batch in waiting:
                coming.append(self._thread.submit(self._send, batch))
                if len(coming) > self._ahead:
                    break
            if not coming:
                return
            yield self._received(*coming.popleft().result())

    def _send(self, batch: Batch) -> tuple[Inputs, Any]:
        with torch.cuda.stream(self._stream):
            inputs = inputs_of(batch, self._device)
            if "sequences" in inputs:
                _ = inputs["sequences"].starts  # made now, on this stream
            return inputs, self._stream.record_event()

    def _received(self, inputs: Inputs, copied: Any) -> Inputs:
        """Let the computing stream wait for the copy, whose memory is not used anew before that stream is done."""
        computing = torch.cuda.current_stream(self._device)
        computing.wait_event(copied)
        copies = [value for value in inputs.values() if isinstance(value, Tensor)]
        if "sequences" in inputs:
            copies.append(inputs["sequences"].starts)
        for tensor in copies:
            tensor.record_stream(computing)
        return inputs


def ahead(steps: Iterable[Step]) -> Generator[Step, None, None]:
    """The same steps, each put together by a thread while the one before is computed; waiting is counted here.

    Leaving it early ends the steps, too.
    """
    made: Any = iter(steps)
    with ThreadPoolExecutor(1, "sg4v-steps") as thread:
        coming: Future[Step | None] = thread.submit(next, made, None)
        try:
            while True:
                begun = time.perf_counter()
                step = coming.result()
                if step is None:
                    return
                waited = time.perf_counter() - begun
                coming = thread.submit(next, made, None)
                yield replace(step, waited_seconds=waited)
        finally:
            coming.cancel()
            if hasattr(made, "close"):
                thread.submit(made.close)  # after what the thread is doing; leaving waits for both
