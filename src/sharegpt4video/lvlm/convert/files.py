"""Weights in files: read tensor by tensor, written shard by shard, never all in memory."""

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

GIB = 1 << 30
_DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int64": "I64", "int32": "I32",
           "uint8": "U8", "bool": "BOOL"}  # fmt: skip
FLOATS = ("float32", "float16", "bfloat16", "float64")
_WIDER = {"float16": "bfloat16", "bfloat16": "float32"}
_TORCH_NAMES = {code: name for name, code in _DTYPES.items()}
_COMPARED_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: where it is, its shape, and torch's name of its type."""

    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: str


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


def count(shape: Sequence[int]) -> int:
    """How many numbers a tensor of that shape holds."""
    total = 1
    for side in shape:
        total *= side
    return total


def width_bytes(dtype: str) -> int:
    """Bytes of one number of that type."""
    return {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2}.get(dtype, 1)


def weight_files(folder: Path, stem: str = "") -> list[Path]:
    """The files that hold a folder's weights: safetensors if there are any, else PyTorch's own (``.bin``)."""
    stems = (stem,) if stem else ("model", "pytorch_model")
    for ending in (".safetensors", ".bin"):
        for name in stems:
            found = sorted(folder.glob(f"{name}*{ending}"))
            index = folder / f"{name}{ending}.index.json"
            if index.is_file():
                return _indexed(folder, index)
            if found:
                return found
    return []


def named_only(folder: Path, found: Mapping[str, Stored]) -> list[str]:
    """Weights that the index of a folder names and that no file of it holds."""
    files = {stored.file for stored in found.values()}
    for index in sorted(folder.glob("*.index.json")):
        places = read_json(index).get("weight_map")
        if isinstance(places, dict) and files and {folder / str(name) for name in places.values()} >= files:
            return [name for name in places if name not in found]
    return []


def stored_in(files: Sequence[Path]) -> dict[str, Stored]:
    """Every tensor of some files by name, in order; only headers are read. Raises StorageError."""
    found: dict[str, Stored] = {}
    for file in files:
        for tensor in _safetensors(file) if file.suffix == ".safetensors" else _pickled(file):
            if tensor.name in found:
                raise StorageError(
                    f"{file}: {tensor.name} is also in {found[tensor.name].file.name}; remove files of another save"
                )
            found[tensor.name] = tensor
    return found


class Reader:
    """Reads tensors of one file after another and keeps only the current file open."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._open: Any = None

    def tensor(self, stored: Stored) -> Any:
        """A tensor as torch has it. Raises StorageError if the file is damaged."""
        if stored.file != self._file:
            self.close()
            self._open = _opened(stored.file)
            self._file = stored.file
        return self._open.get_tensor(stored.name) if stored.file.suffix == ".safetensors" else self._open[stored.name]

    def close(self) -> None:
        """Let go of the file and its memory."""
        self._open = self._file = None


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


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises StorageError if the file is not one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise StorageError(f"{path}: holds a {type(found).__name__}, not an object")
    return found


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _indexed(folder: Path, index: Path) -> list[Path]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise StorageError(f"{index}: has no weight_map of weights to files; copy or download it again")
    names = dict.fromkeys(places.values())
    missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
    if missing:
        raise StorageError(f"{folder}: shards named by {index.name} are missing: {', '.join(missing)}; copy them, too")
    return [folder / name for name in names]


def _safetensors(file: Path) -> Iterator[Stored]:
    with _opened(file) as opened:
        for name in opened.keys():  # noqa: SIM118 - no mapping
            part = opened.get_slice(name)
            yield _stored(file, name, part.get_shape(), _TORCH_NAMES.get(part.get_dtype(), part.get_dtype()))


def _pickled(file: Path) -> Iterator[Stored]:
    import torch

    found = _opened(file)
    if not isinstance(found, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in found.values()):
        raise StorageError(f"{file}: holds other things than weights by name; save the model's state_dict alone")
    for name, tensor in found.items():
        if tensor.layout is not torch.strided or tensor.is_meta:
            what = "has no numbers (it is on the device meta)" if tensor.is_meta else f"is stored as {tensor.layout}"
            raise StorageError(f"{file}: {name} {what}; save the model's state_dict from memory, with dense weights")
        yield _stored(file, name, tensor.shape, str(tensor.dtype).removeprefix("torch."))


def _stored(file: Path, name: str, shape: Sequence[int], dtype: str) -> Stored:
    if dtype not in _DTYPES:
        raise StorageError(
            f"{file}: {name} is stored as {dtype}, which is not converted; take the checkpoint that is not quantized"
        )
    return Stored(file, name, tuple(shape), dtype)


def _opened(file: Path) -> Any:
    """A file of weights, mapped into memory: pages come from the disk as they are read, and can go again."""
    import pickle

    import torch
    from safetensors import SafetensorError, safe_open

    try:
        if file.suffix == ".safetensors":
            return safe_open(file, framework="pt")
        return torch.load(file, map_location="cpu", mmap=_is_zip(file), weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        if _begins(file, b"version https://git-lfs"):
            raise StorageError(
                f"{file}: is a pointer of Git LFS, not the weights; get those with: git lfs pull"
            ) from error
        said = (str(error).split(". ")[0].splitlines() or [type(error).__name__])[0]
        raise StorageError(f"{file}: cannot be read as weights ({said}); copy or download it again") from error


def _is_zip(file: Path) -> bool:
    """Files of torch before 1.6 are none, and cannot be mapped."""
    return _begins(file, b"PK")


def _begins(file: Path, how: bytes) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(len(how)) == how
    except OSError:
        return False


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
            "dtype": _DTYPES[tensor.dtype],
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
