"""Load the released files; none of the code that comes with them is run or downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from ...errors import StorageError, VLMError
from ...hub import fetched, out_of_reach
from ...tensors import FLOATS, Reader, Stored, named_only, read_json, stored_in, weight_files
from ..hf.chat import TemplateForm
from ..hf.loading import Loaded, Source, advice_on, device_of, dtype_of, is_out_of_memory
from .config import shape_of
from .model import ShareCaptioner, configuration, translated
from .shape import UNUSED, Shape, expected
from .sizes import Quantized, weight_bytes
from .words import Words

_TEXTS = ("config.json", "tokenizer.model")
_WEIGHTS = (("*.safetensors", "*.safetensors.index.json"), ("pytorch_model*.bin", "pytorch_model*.bin.index.json"))
"""What is fetched from the Hub: the second only where a release has none of the first."""
_LISTED = 3
_NOT_QUANTIZED = (r"tower\..*", r"projector\..*", "lm_head", r".*\.down", r".*\.up")


@dataclass(frozen=True)
class Processor:
    """What `vlm.hf` calls a processor, of which this model needs the tokenizer alone."""

    tokenizer: Words


def load(source: Source, quantized: Quantized = "none") -> Loaded:
    """Load tokenizer and weights. Raises VLMError with the reason and what to do."""
    device = device_of(source)
    try:
        folder = _folder(source)
        config = read_json(folder / "config.json")
        words = Words(folder / "tokenizer.model")
        shape, weights = _weights(folder, config)
        if len(words) > shape.vocabulary:
            raise VLMError(
                f"{source.name}: tokenizer.model has {len(words)} pieces and the weights rows for {shape.vocabulary}:"
                " they are of two models; copy both from one release"
            )
        model = _model(source, shape, weights, device, quantized)
    except StorageError as error:
        raise VLMError(f"{source.name}: {error}") from error
    return Loaded(
        model=model,
        processor=Processor(words),
        form=TemplateForm(),
        ends=tuple(sorted({words.end, words.end_of_turn, *shape.ends})),
        pad=words.pad_token_id,
        context_tokens=shape.positions,
    )


def _folder(source: Source) -> Path:
    """Where the files lie; those of a name on the Hub are fetched, if they are not in its cache."""
    folder = Path(source.model)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise VLMError(f"{source.name}: the folder has no config.json; copy it from the release")
        return folder
    if source.model.startswith(("/", ".", "~")) or source.model.count("/") != 1:
        raise VLMError(f"{source.name}: there is no such folder")
    if problem := out_of_reach(source.model):
        raise VLMError(f"{source.name}: {problem}; check the name and the connection")
    try:
        for patterns in _WEIGHTS:
            folder = fetched(source.model, source.revision, [*_TEXTS, *patterns])
            if weight_files(folder):
                break
    except (OSError, ValueError) as error:
        raise VLMError(f"{source.name}: {advice_on(source, error)}") from error
    return folder


def _weights(folder: Path, config: Mapping[str, Any]) -> tuple[Shape, dict[str, Stored]]:
    """The shape, and the weights that are needed. Raises VLMError where they are others."""
    files = weight_files(folder)
    if not files:
        raise VLMError(f"{folder}: there are no weights (*.safetensors or pytorch_model*.bin); copy them, too")
    found = stored_in(files)
    if lost := named_only(folder, found):
        raise VLMError(f"{folder}: {_several(lost)} named by the index and in no file; copy the files again")
    found = {name: stored for name, stored in found.items() if not UNUSED.fullmatch(name)}
    shape = shape_of(config, {name: stored.shape for name, stored in found.items()}, str(folder))
    wanted = expected(shape)
    problems = []
    if missing := [name for name in wanted if name not in found]:
        problems.append(f"{_several(missing)} missing")
    if surplus := [name for name in found if name not in wanted]:
        problems.append(f"{_several(surplus)} not of this model")
    other = [f"{name} {found[name].shape}, not {wanted[name]}" for name in wanted.keys() & found.keys()
             if found[name].shape != wanted[name]]  # fmt: skip
    if whole := [f"{name} ({found[name].dtype})" for name in wanted.keys() & found.keys()
                 if found[name].dtype not in FLOATS]:  # fmt: skip
        problems.append(f"{_several(sorted(whole))} in numbers without fractions")
    if other:
        problems.append(f"{_several(sorted(other))} of another shape")
    if problems:
        raise VLMError(
            f"{folder}: {'; '.join(problems)}. Either files are damaged, or this is a relative of ShareCaptioner-Video"
            " (InternLM-XComposer2-4KHD) such as XComposer2-VL or 2.5, which sees pictures in another way"
        )
    return shape, found


def _several(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{', '.join(names[:_LISTED])}{more} {'is' if len(names) == 1 else 'are'}"


def _model(
    source: Source, shape: Shape, weights: Mapping[str, Stored], device: torch.device, quantized: Quantized
) -> ShareCaptioner:
    """The model on its device. Files are mapped into memory, so that only what is on its way is in it twice."""
    config = configuration(shape, attention=None if source.attention == "auto" else source.attention)
    config.dtype = getattr(torch, own_dtype(shape, weights))
    # bitsandbytes multiplies int8 in this type whatever is asked for, and warns of another each time.
    in_half = quantized == "int8" and source.dtype == "auto"
    dtype = torch.float16 if in_half else dtype_of(source.dtype, device, config)
    reader = Reader()
    how: dict[str, Any] = {"config": config, "dtype": dtype}
    if quantized != "none":
        how |= {"quantization_config": quantization(quantized, dtype), "device_map": {"": device}}
    try:
        model: ShareCaptioner = ShareCaptioner.from_pretrained(
            None, shape, state_dict=translated(weights, reader.tensor, shape), **how
        )
        if quantized == "none":
            model.to(device)
    except (OSError, ValueError, ImportError, RuntimeError, MemoryError) as error:
        room = _room(shape, dtype, quantized) if is_out_of_memory(error) else ""
        raise VLMError(f"{source.name}: {advice_on(source, error)}{room}") from error
    finally:
        reader.close()
    # Not learned and in no file; transformers 5.0 leaves it empty in a tower that is not a model of its own.
    places = model.tower.embeddings.position_ids
    model.tower.embeddings.position_ids = torch.arange(places.shape[-1], device=places.device)[None]
    model.eval()
    return model


def own_dtype(shape: Shape, weights: Mapping[str, Stored]) -> str:
    """The 16 bits that the head is stored in, else what ``config.json`` says, which may tell of training in 32."""
    stored = weights["output.weight"].dtype
    return stored if stored in ("float16", "bfloat16") else shape.dtype


def _room(shape: Shape, dtype: torch.dtype, quantized: Quantized) -> str:
    """How much memory the weights take, and what takes less."""
    needed = weight_bytes(quantized, shape, dtype.itemsize)
    others = {"dtype=bfloat16": weight_bytes("none", shape)}
    others |= {f"quantized={how}": weight_bytes(how, shape) for how in ("int8", "int4")}
    less = ", ".join(f"{option} ({size / 1e9:.1f} GB)" for option, size in others.items() if size < needed)
    return f"; the weights take {needed / 1e9:.1f} GB" + (f", less with {less}" if less else "")


def quantization(quantized: Quantized, dtype: torch.dtype) -> Any:
    """How transformers is told to quantize: linear layers of the language model alone, with bitsandbytes.

    The tower, the projector, the head and the low-rank additions stay as they are.
    """
    kept = list(_NOT_QUANTIZED)
    if quantized == "int8":
        return transformers.BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=kept)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=kept,
    )
