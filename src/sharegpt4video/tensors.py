"""Weights in files: which files hold them, and what is in them, read tensor by tensor and never all in memory.

PyTorch's own files are read with ``weights_only``, so no code in them is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import given
from .errors import StorageError

DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int64": "I64", "int32": "I32",
          "uint8": "U8", "bool": "BOOL"}  # fmt: skip
"""Types of stored weights, by torch's names and those of safetensors."""
FLOATS = ("float32", "float16", "bfloat16", "float64")
_SHARD = re.compile(r"(.+)-\d{5}-of-(\d{5})(\.\w+)")
_TORCH_NAMES = {code: name for name, code in DTYPES.items()}


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: where it is, its shape, and torch's name of its type."""

    file: Path
    name: str
    shape: tuple[int, ...]
    dtype: str


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
    """The files that hold a folder's weights: safetensors if there are any, else PyTorch's own (``.bin``).

    Raises StorageError if the index or the files' own numbers ("1 of 2") name one that is not there.
    """
    stems = (stem,) if stem else ("model", "pytorch_model")
    for ending in (".safetensors", ".bin"):
        for name in stems:
            found = sorted(folder.glob(f"{name}*{ending}"))
            index = folder / f"{name}{ending}.index.json"
            if index.is_file():
                return _indexed(folder, index)
            if found:
                return _all_shards(folder, found)
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


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises StorageError if the file is not one."""
    try:
        found = given.read_json(path)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise StorageError(f"{path}: holds a {type(found).__name__}, not an object")
    return found


def _indexed(folder: Path, index: Path) -> list[Path]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise StorageError(f"{index}: has no weight_map of weights to files; copy or download it again")
    names = dict.fromkeys(places.values())
    missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
    if missing:
        raise StorageError(f"{folder}: shards named by {index.name} are missing: {', '.join(missing)}; copy them, too")
    return [folder / name for name in names]


def _all_shards(folder: Path, files: list[Path]) -> list[Path]:
    """The files again, if none of them says that there are more."""
    for part in filter(None, (_SHARD.fullmatch(file.name) for file in files)):
        names = [f"{part[1]}-{number:05d}-of-{part[2]}{part[3]}" for number in range(1, int(part[2]) + 1)]
        if missing := [name for name in names if not (folder / name).is_file()]:
            raise StorageError(f"{folder}: has {part[0]}, but not {', '.join(missing[:3])}; copy all shards")
    return files


def is_lfs_pointer(file: Path) -> bool:
    """Whether this is what Git leaves in place of a large file that was not fetched."""
    return _begins(file, b"version https://git-lfs")


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
    if dtype not in DTYPES:
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
        given.open_file(file).close()  # refuses a pipe, which the others would wait for
        if file.suffix == ".safetensors":
            return safe_open(file, framework="pt")
        return torch.load(file, map_location="cpu", mmap=_is_zip(file), weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        if is_lfs_pointer(file):
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
        with given.open_file(file) as opened:
            return opened.read(len(how)) == how
    except OSError:
        return False
