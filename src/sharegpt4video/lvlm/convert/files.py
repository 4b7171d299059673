"""Weights written shard by shard, never all in memory, and what is odd about them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import StorageError
from ...files import whole_folder
from ...tensors import DTYPES, FLOATS, Stored, count, width_bytes

GIB = 1 << 30
_WIDER = {"float16": "bfloat16", "bfloat16": "float32"}
_COMPARED_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Planned:
    """A tensor to be written; ``make`` reads or calculates it when its turn comes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    make: Callable[[], Any]

    @property
    def size_bytes(self) -> int:
        return count(self.shape) * width_bytes(self.dtype)


@dataclass(frozen=True)
class Oddities:
    """Names of written weights that a reader should know of.

    broken     with NaN or infinity, kept as they are
    lost       changed by their narrower type by more than its rounding: too small for it, so that many became zero
    """

    broken: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def warnings(self) -> Iterator[str]:
        """A line for each kind that there is."""
        if self.broken:
            yield (
                f"NaN or infinity in {_first(self.broken)}, kept as they are: a model with such weights says nothing"
                " of use; its training diverged or its files are damaged, so convert an earlier checkpoint or copy it"
                " again"
            )
        if self.lost:
            yield (
                f"too small for the type that they were written in, so that numbers became zero or coarse:"
                f" {_first(self.lost)}; the model may answer otherwise than the source does, so take bfloat16 or"
                " float32 (--dtype)"
            )


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def write_shards(
    tensors: Sequence[Planned],
    folder: Path,
    shard_bytes: int,
    on_shard: Callable[[int, int], None] | None = None,
) -> tuple[list[Path], Oddities]:
    """Write tensors as safetensors of at most ``shard_bytes`` each (a larger tensor alone), with an index if several.

    Sizes are known before anything is read, so a file's header comes first and each tensor goes straight to the disk:
    one tensor is in memory at a time. ``on_shard`` is told the number of shards done and of all. Returns the files, and
    what is odd about the weights. Raises StorageError when the disk is full.
    """
    shards = list(_shards(tensors, shard_bytes))
    paths: list[Path] = []
    odd = Oddities()
    for number, shard in enumerate(shards, start=1):
        name = "model.safetensors" if len(shards) == 1 else f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        try:
            _write(folder / name, shard, odd)
        except OSError as error:
            whole = sum(tensor.size_bytes for tensor in tensors) / GIB
            raise StorageError(f"{name}: cannot be written ({error}); {whole:.2f} GiB are needed in all") from error
        paths.append(folder / name)
        if on_shard is not None:
            on_shard(number, len(shards))
    if len(shards) > 1:
        places = {tensor.name: path.name for path, shard in zip(paths, shards, strict=True) for tensor in shard}
        total = sum(tensor.size_bytes for tensor in tensors)
        write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": places})
    return paths, odd


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _shards(tensors: Sequence[Planned], shard_bytes: int) -> Iterator[list[Planned]]:
    shard: list[Planned] = []
    held = 0
    for tensor in tensors:
        if shard and held + tensor.size_bytes > shard_bytes:
            yield shard
            shard, held = [], 0
        shard.append(tensor)
        held += tensor.size_bytes
    if shard:
        yield shard


def _write(path: Path, tensors: Sequence[Planned], odd: Oddities) -> None:
    """One file: the length of the header, the header, then the numbers (the format is that of safetensors)."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in tensors:
        end = at + tensor.size_bytes
        header[tensor.name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, end],
        }
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # numbers begin at a multiple of 8
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            out.write(_bytes(tensor, odd))


def _bytes(planned: Planned, odd: Oddities) -> memoryview:
    import torch

    made = planned.make()
    if not is_finite(made):
        odd.broken.append(planned.name)
    tensor = made.to(getattr(torch, planned.dtype)).contiguous()
    check_room(made, tensor, planned.name)
    if is_coarser(made, tensor):
        odd.lost.append(planned.name)
    if tuple(tensor.shape) != planned.shape:
        raise StorageError(f"{planned.name}: has the shape {tuple(tensor.shape)}, but {planned.shape} was announced")
    return memoryview(tensor.reshape(-1).view(torch.uint8).numpy()) if tensor.numel() else memoryview(b"")


def check_room(before: Any, after: Any, name: str) -> None:
    """Raise StorageError where numbers became infinite in a narrower type."""
    import torch

    if before.dtype != after.dtype and not is_finite(after) and is_finite(before):
        kind = str(after.dtype).removeprefix("torch.")
        raise StorageError(
            f"{name}: holds {float(before.abs().max()):.3g}, and {kind} ends at {torch.finfo(after.dtype).max:.6g};"
            f" take {_WIDER.get(kind, 'float64')} instead (--dtype)"
        )


def is_coarser(before: Any, after: Any) -> bool:
    """Whether a narrower type changed a tensor by more than rounding does: what is too small for it becomes zero."""
    import torch

    if before.dtype == after.dtype or not (before.is_floating_point() and after.is_floating_point()):
        return False
    change = total = 0.0
    # Part by part, so that no copy of the whole is made.
    for one, other in zip(*(tensor.reshape(-1).split(_COMPARED_AT_ONCE) for tensor in (before, after)), strict=True):
        exact = one.double()
        change += float((exact - other.double()).square().sum())
        total += float(exact.square().sum())
    return change > float(torch.finfo(after.dtype).eps) ** 2 * total


def is_finite(tensor: Any) -> bool:
    """Whether a tensor holds numbers alone. Its ends tell, so that no copy of it is made."""
    import torch

    if not tensor.is_floating_point() or not tensor.numel():
        return True
    return all(bool(end.isfinite()) for end in torch.aminmax(tensor))


def not_floats(weights: Iterable[Stored | Planned]) -> list[str]:
    """Weights that are stored in a type without fractions, each with its type."""
    return [f"{weight.name} ({weight.dtype})" for weight in weights if weight.dtype not in FLOATS]


@contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """A folder to write into that becomes ``out`` when all went well, and disappears when not.

    Raises StorageError if ``out`` cannot be made, or is there already and not an empty folder.
    """
    with ExitStack() as stack:
        with _told(out):
            part = stack.enter_context(whole_folder(out))
        yield part
        with _told(out):
            stack.close()


@contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise StorageError(f"{out}: is there already; remove it or name another folder") from error
    except OSError as error:
        raise StorageError(f"{out}: no folder can be made there ({error}); name another one") from error
