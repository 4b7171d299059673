"""How batches reach the device: pinned, copied beside the computing stream and ahead of it; steps made ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sharegpt4video.lvlm.data.encode import Example
from sharegpt4video.lvlm.data.loader import Step
from sharegpt4video.lvlm.data.packing import Batch, collate
from sharegpt4video.lvlm.train.transfer import Transfer, ahead, inputs_of

CPU = torch.device("cpu")


def batch(number: int, *, packing: bool = True) -> Batch:
    ids = torch.arange(4) + 10 * number
    labels = torch.tensor([-100, -100, 7, 8])
    example = Example(str(number), ids, labels, (torch.zeros(2, 3, 4, 4),), ((6, 9),))
    text = Example(f"{number}t", ids[:3], labels[:3])
    return collate([[example, text]], 0, packing)


def test_a_batch_is_what_the_model_takes_and_what_spares_it_waiting() -> None:
    made = batch(1)
    found = inputs_of(made, CPU)
    assert all(torch.equal(found[name], made.inputs[name]) for name in made.inputs if name != "image_sizes")
    assert found["image_sizes"] == [[6, 9]]
    assert found["learned"].tolist() == [2, 3, 6]
    assert found["sequences"].lengths == ((4, 3),)
    assert found["sequences"].starts.tolist() == [0, 4, 7]
    assert "sequences" not in inputs_of(batch(1, packing=False), CPU)


@pytest.mark.parametrize("packing", [True, False])
def test_without_a_gpu_batches_are_made_ready_when_asked_for(packing: bool) -> None:
    asked: list[int] = []

    def made() -> Iterator[Batch]:
        for number in range(3):
            asked.append(number)
            yield batch(number, packing=packing)

    with Transfer(CPU) as transfer:
        for number, inputs in enumerate(transfer(made())):
            assert asked == list(range(number + 1))
            assert int(inputs["input_ids"][0, 0]) == 10 * number


class Gpu:
    """Stands in for the parts of ``torch.cuda`` that copying uses, and writes down what happens, where."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.pinned: set[int] = set()
        self.local = threading.local()
        self.computing = Stream(self, "computing")
        copy = torch.Tensor.to
        patch.setattr(torch.cuda, "Stream", lambda _: Stream(self, "side"))
        patch.setattr(torch.cuda, "stream", lambda stream: stream)
        patch.setattr(torch.cuda, "current_stream", lambda _: self.computing)
        patch.setattr(torch.Tensor, "pin_memory", lambda tensor: self.pin(tensor))
        patch.setattr(torch.Tensor, "record_stream", lambda _, stream: self.say("used by", stream.name))

        def to(tensor: torch.Tensor, device: Any, non_blocking: bool = False) -> torch.Tensor:
            if not isinstance(device, torch.device) or device.type != "cuda":
                return copy(tensor, device)
            stream = getattr(self.local, "stream", "default")
            self.say("copy", stream, id(tensor) in self.pinned, non_blocking)
            return tensor.clone()

        patch.setattr(torch.Tensor, "to", to)

    def say(self, *what: Any) -> None:
        self.said.append(what)

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        made = tensor.clone()
        self.pinned.add(id(made))
        self.local.kept = [*getattr(self.local, "kept", []), made]  # so that no other tensor gets its number
        return made


class Stream:
    def __init__(self, gpu: Gpu, name: str) -> None:
        self.gpu, self.name = gpu, name

    def __enter__(self) -> None:
        self.gpu.local.stream = self.name

    def __exit__(self, *_: object) -> None:
        del self.gpu.local.stream

    def record_event(self) -> int:
        self.gpu.say("copied")
        return sum(one == ("copied",) for one in self.gpu.said)

    def wait_event(self, event: int) -> None:
        self.gpu.say("waits", event)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    return Gpu(monkeypatch)


def until(what: Any) -> None:
    deadline = time.monotonic() + 240
    while not what() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert what()


def test_on_a_gpu_the_next_batch_is_copied_beside_the_computing_stream(gpu: Gpu) -> None:
    def copied() -> int:
        return sum(one == ("copied",) for one in gpu.said)

    with Transfer(torch.device("cuda")) as transfer:
        for number, inputs in enumerate(transfer(batch(one) for one in range(4))):
            assert int(inputs["input_ids"][0, 0]) == 10 * number
            until(lambda done=number: copied() == min(done + 2, 4))  # this one, and one ahead
            waits = [one[1] for one in gpu.said if one[0] == "waits"]
            assert waits == list(range(1, number + 2)), "for its own copy, before it is used"
    copies = [one for one in gpu.said if one[0] == "copy"]
    # Four tensors of the batch, where something is learned, and where samples begin.
    assert copies == [("copy", "side", True, True)] * 4 * 6
    assert gpu.said.count(("used by", "computing")) == len(copies)


@pytest.mark.usefixtures("gpu")
def test_what_fails_while_it_is_copied_is_raised_where_the_batch_is_asked_for() -> None:
    broken = replace(batch(2), inputs={})
    with Transfer(torch.device("cuda")) as transfer:
        coming = transfer([batch(0), batch(1), broken])
        next(coming)
        next(coming)
        with pytest.raises(KeyError, match="labels"):
            next(coming)


def step(number: int) -> Step:
    return Step(number, [], 0, 0, [], 0.0, 99.0)


def test_steps_come_in_order_one_ahead_and_only_waiting_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    closed: list[str] = []
    now, looks = [0.0], []

    def perf_counter() -> float:
        looks.append(now[0])
        return now[0]

    def steps() -> Iterator[Step]:
        try:
            for number in range(4):
                if number == 2:
                    until(lambda: len(looks) == 5)  # twice for each step before; now this one is waited for
                    now[0] += 7
                made.append(number)
                yield step(number)
        finally:
            closed.append(threading.current_thread().name)

    monkeypatch.setattr("sharegpt4video.lvlm.train.transfer.time", SimpleNamespace(perf_counter=perf_counter))
    coming = ahead(steps())
    first = next(coming)
    until(lambda: made == [0, 1])
    now[0] += 100  # computing
    second, third = next(coming), next(coming)
    assert [one.number for one in (first, second, third)] == [0, 1, 2]
    assert [one.waited_seconds for one in (first, second, third)] == [0, 0, 7]
    coming.close()
    assert made in ([0, 1, 2], [0, 1, 2, 3])
    assert len(closed) == 1
    looks.clear()
    assert [one.number for one in ahead(steps())] == [0, 1, 2, 3]


def test_an_error_in_a_step_is_raised_where_the_step_is_asked_for() -> None:
    def steps() -> Iterator[Step]:
        yield step(0)
        raise ValueError("damaged")

    coming = ahead(steps())
    assert next(coming).number == 0
    with pytest.raises(ValueError, match="damaged"):
        next(coming)
