"""From a checkpoint of the original LLaVA code to a folder that transformers, vLLM and this package load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import MissingExtra, SettingsError
from ...tensors import FLOATS, Reader, Stored, count, named_only, stored_in, weight_files
from . import configs, names, texts, tied
from .files import GIB, Planned, fresh_folder, not_floats, write_json, write_shards
from .lora import Adapter, is_adapter, read_adapter, read_tower

RECORD = "sg4v_conversion.json"
"""What a converted folder keeps of its source, so that it can be turned back."""
SHARD_BYTES = 4 * GIB
_LISTED = 12

OnShard = Callable[[int, int], None]


@dataclass(frozen=True)
class ConversionReport:
    """What was converted. ``rows`` are those of the vocabulary; ``merged`` counts weights that LoRA was added to."""

    source: Path
    out: Path
    tensors: int
    parameters: int
    size_bytes: int
    shards: int
    dtype: str
    rows: int
    image_token_id: int | None = None
    merged: int = 0
    dropped: tuple[str, ...] = ()
    template: str = ""
    vision_from: str = ""
    tied: bool = False
    warnings: tuple[str, ...] = ()

    def text(self) -> str:
        """The report for a reader, a line for each fact."""
        image = "" if self.image_token_id is None else f", <image> is {self.image_token_id}"
        lines = [
            f"{self.source} -> {self.out}",
            f"  {self.tensors} tensors, {self.parameters / 1e6:.1f} M parameters, {self.size_bytes / GIB:.2f} GiB in"
            f" {self.shards} file{'s' * (self.shards != 1)}, {self.dtype}",
            f"  vocabulary of {self.rows} rows{image}" + "; the head is the embeddings (tied)" * self.tied,
        ]
        if self.vision_from:
            lines.append(f"  vision tower from {self.vision_from}")
        if self.template:
            lines.append(f"  chat template {self.template}")
        if self.merged:
            lines.append(f"  LoRA merged into {self.merged} weights")
        if self.dropped:
            lines.append(f"  left out {len(self.dropped)} recomputed buffers")
        return "\n".join([*lines, *(f"  warning: {warning}" for warning in self.warnings)])


def convert(
    source: str | Path,
    out: str | Path,
    *,
    base: str | Path | None = None,
    vision_tower: str | Path | None = None,
    dtype: str | None = None,
    shard_bytes: int = SHARD_BYTES,
    on_shard: OnShard | None = None,
) -> ConversionReport:
    """Convert a checkpoint in LLaVA's original format, whole or LoRA weights on a ``base`` in that format.

    ``vision_tower`` is the folder of the CLIP tower's configuration, where it is not beside the checkpoint; its
    weights are taken only if the checkpoint brings none. ``dtype`` None keeps each weight's own type. Weights are read
    one by one and written to files of ``shard_bytes``; ``out`` appears when all is done. Nothing is downloaded.

    Raises SettingsError if this is no such checkpoint or does not fit together (unknown and missing weights are
    listed), StorageError if files are damaged or ``out`` is there already, MissingExtra without torch and transformers.
    """
    _need_extra()
    source, out = Path(source), Path(out)
    if dtype is not None and dtype not in FLOATS:
        raise SettingsError(f"dtype is one of {', '.join(FLOATS)}, not {dtype!r}")
    parts = _gather(source, Path(base) if base else None, Path(vision_tower) if vision_tower else None)
    with fresh_folder(out) as folder:
        return _write(parts, folder, out, dtype, shard_bytes, on_shard)


@dataclass(frozen=True)
class _Parts:
    """Everything that was found, by original names; nothing of it is read yet."""

    source: Path
    config: Mapping[str, Any]
    vision: Mapping[str, Any]
    weights: Mapping[str, Stored]
    adapter: Adapter
    folders: list[Path]
    vision_from: str
    dropped: tuple[str, ...]
    warnings: tuple[str, ...]


def _need_extra() -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("transformers") is None:
        raise MissingExtra("converting checkpoints", "hf")


def _gather(source: Path, base: Path | None, tower: Path | None) -> _Parts:
    # PEFT saves no config.json beside an adapter; the original training does.
    plain = base is not None and is_adapter(source) and not (source / "config.json").is_file()
    config = configs.read_original(base if base is not None and plain else source)
    adapter, folders = Adapter(), [source]
    if is_adapter(source):
        if base is None:
            raise SettingsError(
                f"{source}: holds LoRA weights; give the folder of the model they were trained on (--base)"
            )
        configs.read_original(base)
        adapter, folders = read_adapter(source), [source, base]
    elif base is not None:
        raise SettingsError(f"{source}: holds no LoRA weights (no adapter_config.json); leave out the base")
    found, notes = _stored(folders[-1])
    dropped = tuple(name for name in (*found, *adapter.whole) if names.is_dropped(name))
    weights = {name: stored for name, stored in {**found, **adapter.whole}.items() if not names.is_dropped(name)}
    if lost := sorted(set(adapter.low_rank) - set(weights)):
        raise SettingsError(
            f"{source}: the base has no weights for these LoRA ones: {_list(lost)}; is it another model?"
        )
    if wrong := adapter.misfits(weights):
        raise SettingsError(f"{source}: LoRA weights that do not fit the base: {_list(wrong)}; is it another model?")
    vision, tower_folder = configs.vision_config(folders, config, tower)
    vision_from = "the checkpoint"
    weights, warnings = tied.once(folders[-1], config, weights)
    warnings += (*adapter.warnings, *notes)
    if not _has_tower(weights):
        weights |= _tower_weights(tower_folder, source)
        vision_from = str(tower_folder)
        warnings += (
            f"the checkpoint has no vision tower; it was taken from {tower_folder}, as it was before training",
        )
    return _Parts(source, config, vision, weights, adapter, folders, vision_from, dropped, warnings)


def _stored(folder: Path) -> tuple[dict[str, Stored], list[str]]:
    """Every weight in a folder, the tower's beside them too, and what a reader should know of the index."""
    files = weight_files(folder)
    if not files:
        raise SettingsError(f"{folder}: no weights found (*.safetensors, pytorch_model*.bin)")
    found = stored_in(files)
    absent = [name for name in named_only(folder, found) if not names.is_dropped(name)]
    notes = [
        f"the index in {folder} names weights that no file there holds: {_list(absent)}; all that the model needs is"
        " there, but if the files are of another save than the index, copy them again"
    ] * bool(absent)
    return found if _has_tower(found) else found | read_tower(folder), notes


def _has_tower(weights: Mapping[str, Stored]) -> bool:
    return any(name.startswith("model.vision_tower.") for name in weights)


def _tower_weights(folder: Path | None, source: Path) -> dict[str, Stored]:
    found = stored_in(weight_files(folder)) if folder else {}
    prefix = "model.vision_tower.vision_tower."
    weights = {
        prefix + name: stored
        for name, stored in found.items()
        if name.startswith("vision_model.") and not names.is_dropped(name)
    }
    if not weights:
        raise SettingsError(
            f"{source}: neither the checkpoint nor {folder or 'a folder beside it'} holds a vision tower's weights;"
            " give a folder with model.safetensors (--vision-tower)"
        )
    return weights


def _write(
    parts: _Parts, folder: Path, out: Path, dtype: str | None, shard_bytes: int, on_shard: OnShard | None
) -> ConversionReport:
    rows = _rows(parts)
    spoken = texts.language(parts.folders, rows, parts.config)
    main = dtype or configs.main_dtype(parts.weights)
    config = configs.to_transformers(
        parts.config, parts.vision, rows=spoken.rows, image_token_id=spoken.image_token_id, dtype=main
    )
    readers = Reader(), Reader()
    tensors = _plan(parts, spoken.rows, dtype, readers)
    _check(parts.source, config, tensors)
    paths, odd = write_shards(tensors, folder, shard_bytes, on_shard)
    for reader in readers:
        reader.close()
    notes = _write_texts(parts, folder, config, spoken, rows, dtype)
    return ConversionReport(
        source=parts.source,
        out=out,
        tensors=len(tensors),
        parameters=sum(count(tensor.shape) for tensor in tensors),
        size_bytes=sum(path.stat().st_size for path in paths),
        shards=len(paths),
        dtype=main,
        rows=spoken.rows,
        image_token_id=spoken.image_token_id,
        merged=len(parts.adapter.low_rank),
        dropped=parts.dropped,
        template=spoken.template.name if spoken.template else "",
        vision_from=parts.vision_from,
        tied=tied.is_tied(config),
        warnings=(*parts.warnings, *spoken.warnings, *notes, *configs.several_dtypes(tensors), *odd.warnings()),
    )


def _rows(parts: _Parts) -> int:
    sizes = {name: parts.weights[name].shape[0] for name in (tied.EMBEDDINGS, tied.HEAD) if name in parts.weights}
    if len(set(sizes.values())) != 1:
        told = ", ".join(f"{name} has {rows}" for name, rows in sizes.items())
        raise SettingsError(
            f"{parts.source}: the embeddings and the head must have a row for each token: {told}; the checkpoint is"
            " not complete"
        )
    return next(iter(sizes.values()))


def _plan(parts: _Parts, rows: int, dtype: str | None, readers: tuple[Reader, Reader]) -> list[Planned]:
    """What will be written, in the order in which it is read."""
    unknown = [name for name in parts.weights if names.to_transformers(name) is None]
    if unknown:
        raise SettingsError(
            f"{parts.source}: weights that LlavaNext does not have: {_list(unknown)}; the model is of another kind"
        )
    planned = []
    for name, stored in parts.weights.items():
        new = names.to_transformers(name) or ""
        shape = (rows, *stored.shape[1:]) if new in (names.EMBEDDINGS, names.HEAD) else stored.shape
        make = partial(_make, name, stored, parts, readers, rows if shape != stored.shape else 0)
        kind = dtype if dtype and stored.dtype in FLOATS else stored.dtype
        planned.append(Planned(new, shape, kind, make))
    return planned


def _make(name: str, stored: Stored, parts: _Parts, readers: tuple[Reader, Reader], rows: int) -> Any:
    main, beside = readers
    adapter = parts.adapter
    weight = (beside if name in adapter.whole else main).tensor(stored)
    if name in adapter.low_rank:
        weight = adapter.merged(name, weight, beside)
    # What is the head as well must not win there; as an embedding, pictures take its place in any case.
    zero = name != tied.HEAD and not tied.is_tied(parts.config)
    return _with_rows(weight, rows, zero=zero) if rows else weight


def _with_rows(weight: Any, rows: int, *, zero: bool) -> Any:
    """More rows at the end: zeros for embeddings, which pictures replace; the mean for the head, which never wins."""
    import torch

    whole = torch.empty((rows, *weight.shape[1:]), dtype=weight.dtype)
    whole[: weight.shape[0]] = weight
    whole[weight.shape[0] :] = 0 if zero else weight.mean(dim=0, dtype=torch.float32).to(weight.dtype)
    return whole


def _check(source: Path, config: Mapping[str, Any], tensors: Sequence[Planned]) -> None:
    """Hold names and shapes against transformers' own model. Raises SettingsError listing all that is amiss."""
    with configs.taken_by_transformers(source):
        wanted = expected_shapes(config)
    if tied.is_tied(config):
        wanted.pop(names.HEAD, None)
    made = {tensor.name: tensor.shape for tensor in tensors}
    found = []
    if missing := sorted(set(wanted) - set(made)):
        found.append(f"missing weights: {_list(missing)}")
    if unknown := sorted(set(made) - set(wanted)):
        found.append(f"weights too many: {_list(unknown)}")
    wrong = [f"{name} is {made[name]}, not {wanted[name]}" for name in sorted(set(wanted) & set(made))
             if made[name] != wanted[name]]  # fmt: skip
    if whole := not_floats(tensors):
        found.append(f"weights that are not floating-point numbers: {_list(whole)}; is it quantized or damaged?")
    if wrong:
        found.append(f"shapes that differ from the configuration: {_list(wrong)}")
    if found:
        raise SettingsError(f"{source}: {'; '.join(found)}")


def expected_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight of the LlavaNext that a configuration describes; no memory is taken."""
    import torch
    import transformers

    made = transformers.LlavaNextConfig.from_dict(dict(config))
    with torch.device("meta"):
        model = transformers.LlavaNextForConditionalGeneration(made)
    return {names.usual(name): tuple(weight.shape) for name, weight in model.named_parameters(remove_duplicate=False)}


def _write_texts(
    parts: _Parts, folder: Path, config: Mapping[str, Any], spoken: texts.Language, rows: int, dtype: str | None
) -> list[str]:
    write_json(folder / "config.json", config)
    plain, notes = texts.generation_config(parts.folders[0], spoken, parts.config)
    write_json(folder / "generation_config.json", plain)
    options = configs.preprocessor(parts.vision, config["image_grid_pinpoints"])
    save_processor(folder, options, config, spoken)
    retyped = {"torch_dtype": dtype} if dtype else {}
    record = {"original_config": {**parts.config, **retyped}, "original_rows": rows, "dropped": list(parts.dropped)}
    write_json(folder / RECORD, record)
    texts.keep_files(parts.folders, folder)
    return notes


def save_processor(folder: Path, options: Mapping[str, Any], config: Mapping[str, Any], spoken: texts.Language) -> None:
    """Write transformers' processor; its picture part alone where there is no tokenizer."""
    import transformers
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    pictures = LlavaNextImageProcessorPil(**options)
    pictures.save_pretrained(folder)
    if spoken.tokenizer is None:
        return
    processor = transformers.LlavaNextProcessor(
        pictures,
        spoken.tokenizer,
        patch_size=config["vision_config"]["patch_size"],
        vision_feature_select_strategy=config["vision_feature_select_strategy"],
        num_additional_image_tokens=1,
        image_token=texts.IMAGE_TOKEN,
        chat_template=spoken.template.text if spoken.template else None,
    )
    processor.save_pretrained(folder)


def _list(found: Sequence[str]) -> str:
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return ", ".join(found[:_LISTED]) + more
