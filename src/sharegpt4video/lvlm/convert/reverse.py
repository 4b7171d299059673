"""From transformers' LlavaNext back to the format of the original LLaVA code."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...tensors import Reader, Stored, count, read_json, stored_in, weight_files
from . import configs, names, texts, tied
from .convert import RECORD, SHARD_BYTES, ConversionReport, OnShard, _list, _need_extra
from .files import Planned, fresh_folder, not_floats, write_json, write_shards
from .lora import TOWER

_COPIED = ("tokenizer.model", "special_tokens_map.json", "vocab.json", "merges.txt")


def to_original(
    source: str | Path,
    out: str | Path,
    *,
    shard_bytes: int = SHARD_BYTES,
    on_shard: OnShard | None = None,
) -> ConversionReport:
    """Write a LlavaNext as the original code saves it: names, configuration, without the rows that were added.

    A folder that `convert` made comes back bit by bit (but for recomputed buffers); of another one, such
    as a model trained further, the row of ``<image>`` goes if it is the last. Raises as `convert` does.
    """
    _need_extra()
    source, out = Path(source), Path(out)
    config = read_json(source / "config.json")
    if config.get("model_type") != "llava_next":
        raise SettingsError(
            f"{source}: model_type is {config.get('model_type')!r}, not 'llava_next'; nothing to convert back"
        )
    config = configs.complete(source, config)
    stored = stored_in(weight_files(source))
    unknown = [name for name in stored if names.to_original(name) is None]
    if unknown or not stored:
        raise SettingsError(
            f"{source}: weights that the original does not have: {_list(unknown) or 'there are none at all'}"
        )
    if whole := not_floats(stored.values()):
        raise SettingsError(f"{source}: weights that are not floating-point numbers: {_list(whole)}; is it quantized?")
    by_name = {names.to_original(name) or "": tensor for name, tensor in stored.items()}
    original, notes = tied.once(source, config, by_name)
    record = read_json(source / RECORD) if (source / RECORD).is_file() else {}
    with fresh_folder(out) as folder:
        return _write(source, folder, out, config, original, record, notes, shard_bytes, on_shard)


def _write(
    source: Path,
    folder: Path,
    out: Path,
    config: Mapping[str, Any],
    stored: Mapping[str, Stored],
    record: Mapping[str, Any],
    notes: tuple[str, ...],
    shard_bytes: int,
    on_shard: OnShard | None,
) -> ConversionReport:
    rows = _rows(config, record)
    reader = Reader()
    tensors = [_planned(name, tensor, rows, reader) for name, tensor in stored.items()]
    paths, odd = write_shards(tensors, folder, shard_bytes, on_shard)
    reader.close()
    dtype = configs.main_dtype(stored)
    plain = record.get("original_config") or configs.to_original(config, rows=rows, dtype=dtype)
    if "original_config" not in record and (tower := configs.own_tower(config)):
        (folder / TOWER).mkdir()
        write_json(folder / TOWER / "config.json", tower)
        plain = {**plain, "mm_vision_tower": TOWER}
    write_json(folder / "config.json", plain)
    warnings = [*notes] if record else [*notes, "the original configuration is not known; one was made from this one"]
    warnings += [*configs.several_dtypes(tensors), *odd.warnings()]
    _write_texts(source, folder, rows)
    return ConversionReport(
        source=source,
        out=out,
        tensors=len(tensors),
        parameters=sum(count(tensor.shape) for tensor in tensors),
        size_bytes=sum(path.stat().st_size for path in paths),
        shards=len(paths),
        dtype=dtype,
        rows=rows,
        tied=tied.is_tied(config),
        warnings=tuple(warnings),
    )


def _rows(config: Mapping[str, Any], record: Mapping[str, Any]) -> int:
    rows = int(config["text_config"]["vocab_size"])
    if "original_rows" in record:
        return min(rows, int(record["original_rows"]))
    return rows - 1 if config.get("image_token_index") == rows - 1 else rows


def _planned(name: str, stored: Stored, rows: int, reader: Reader) -> Planned:
    has_rows = name in (tied.EMBEDDINGS, tied.HEAD)
    shape = (min(rows, stored.shape[0]), *stored.shape[1:]) if has_rows else stored.shape
    return Planned(name, shape, stored.dtype, partial(_first_rows, stored, shape, reader))


def _first_rows(stored: Stored, shape: tuple[int, ...], reader: Reader) -> Any:
    tensor = reader.tensor(stored)
    return tensor if tuple(tensor.shape) == shape else tensor[: shape[0]]


def _write_texts(source: Path, folder: Path, rows: int) -> None:
    """The files of the language: the original's own where they were kept, else made from the current ones."""
    if (source / texts.ORIGINAL).is_dir():
        shutil.copytree(source / texts.ORIGINAL, folder, dirs_exist_ok=True)
        return
    for name, text in texts.without_added(source, rows).items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in _COPIED:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    if (source / "generation_config.json").is_file():
        plain = read_json(source / "generation_config.json")
        plain.pop("suppress_tokens", None)
        write_json(folder / "generation_config.json", plain)
