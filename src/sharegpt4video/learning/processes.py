"""The processes of one run: who this one is, and sums over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


class Processes:
    """What torchrun, Slurm or nobody set up. One process needs no process group.

    accelerate reads the environment and picks device and backend (NCCL on GPUs, gloo on CPUs).
    """

    def __init__(self) -> None:
        from accelerate import PartialState

        # Told so, it sets up processes without GPUs, too.
        state = PartialState(cpu=not torch.accelerator.is_available())
        self.rank: int = state.process_index
        self.count: int = state.num_processes
        self.device: torch.device = state.device
        self.state: Any = state

    @property
    def first(self) -> bool:
        """This process writes what only one may write."""
        return self.rank == 0

    def gather(self, numbers: Sequence[float]) -> list[list[float]]:
        """The numbers of every process, in the order of their ranks."""
        if self.count == 1:
            return [list(numbers)]
        # MPS has no float64, but it has no second process either.
        mine = torch.tensor(list(numbers), dtype=torch.float64, device=self.device)
        everyones = [torch.empty_like(mine) for _ in range(self.count)]
        dist.all_gather(everyones, mine)
        return [one.tolist() for one in everyones]

    def gather_lists(self, mine: Sequence[T]) -> list[T]:
        """What is listed in every process, joined in the order of their ranks."""
        if self.count == 1:
            return list(mine)
        everyones: list[Any] = [None] * self.count
        dist.all_gather_object(everyones, list(mine))
        return [each for one in everyones for each in one]

    def from_first(self, value: Any) -> Any:
        """What the first process has, in every process."""
        if self.count == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def wait(self) -> None:
        """Until every process is here."""
        if self.count > 1:
            dist.barrier()


def end_processes() -> None:
    """Wait for the other processes of this program, and let go of them; nothing distributed works after it.

    For the end of a program: a process that leaves while another still works breaks its connections.
    """
    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
