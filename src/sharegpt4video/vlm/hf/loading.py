"""Loading a model of transformers: onto which device, in which precision, and what it means when that fails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from ...errors import VLMError
from ...given import read_json
from ...hub import out_of_reach
from ...tensors import is_lfs_pointer
from ..taught import taught_pictures
from .chat import TemplateForm, form_of, turn_end

_ORIGINAL_LLAVA = ("llava_llama", "llava_mistral", "llava_qwen", "llava_mpt")
_SHARECAPTIONER = "lin-chen/sharecaptioner-video"
_XCOMPOSER_CODE = "internlm_xcomposer2"  # the module that config.json's auto_map names in all of that family
_MESSAGE_LIMIT_CHARS = 500
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


@dataclass(frozen=True)
class Source:
    """What to load, and how: the options of `HfVLM` of the same names. ``kind`` is the name of the backend."""

    model: str
    revision: str | None
    device: str
    dtype: str
    attention: str
    trust_remote_code: bool = False
    kind: str = "hf"

    @property
    def name(self) -> str:
        """As a user writes it."""
        return f"{self.kind}:{self.model}"


@dataclass(frozen=True)
class Loaded:
    """A model that is ready: its processor, the form of its template, the tokens that end an answer.

    ``context_tokens`` is how many tokens question and answer may have together, None if the model does not say.
    """

    model: Any
    processor: Any
    form: TemplateForm
    ends: tuple[int, ...]
    pad: int
    context_tokens: int | None


def load(source: Source) -> Loaded:
    """Load processor and weights. Raises VLMError with the reason and what to do."""
    _check_folder(source)
    device = device_of(source)
    try:
        processor = transformers.AutoProcessor.from_pretrained(source.model, **_where(source), **_pixels(source))
        config = transformers.AutoConfig.from_pretrained(source.model, **_where(source))
        model, found = transformers.AutoModelForImageTextToText.from_pretrained(
            source.model,
            **_where(source),
            dtype=dtype_of(source.dtype, device, config),
            use_safetensors=True,
            output_loading_info=True,
            **({} if source.attention == "auto" else {"attn_implementation": source.attention}),
        )
        model.to(device)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, MemoryError) as error:
        raise VLMError(f"{source.name}: {advice_on(source, error)}") from error
    missing = [*found.get("missing_keys", ()), *(key for key, *_ in found.get("mismatched_keys", ()))]
    if missing:
        raise VLMError(
            f"{source.name}: {len(missing)} weights of {type(model).__name__} are not in the files, such as"
            f" {sorted(missing)[0]}; the files are damaged, or belong to another architecture"
        )
    return _ready(source, model.eval(), processor)


def _where(source: Source) -> dict[str, Any]:
    return {"revision": source.revision or "main", "trust_remote_code": source.trust_remote_code}


def _pixels(source: Source) -> dict[str, Any]:
    """A captioner of ours is shown what it has learned from, which torchvision's pixels are close to, and not equal."""
    return {"backend": "pil"} if taught_pictures(source.model) else {}


def _ready(source: Source, model: Any, processor: Any) -> Loaded:
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None or not hasattr(processor, "image_processor"):
        raise VLMError(
            f"{source.name}: {type(processor).__name__} takes no pictures; preprocessor_config.json or"
            " processor_config.json is missing, or this is a model for text alone"
        )
    if not (getattr(processor, "chat_template", None) or getattr(tokenizer, "chat_template", None)):
        raise VLMError(
            f"{source.name}: it has no chat template; put its template into chat_template.jinja beside the weights,"
            " or take the instruction-tuned version of the model"
        )
    if getattr(processor, "chat_template", None) is None:
        processor.chat_template = tokenizer.chat_template
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    form = form_of(processor)
    text_config = model.config.get_text_config()
    return Loaded(
        model=model,
        processor=processor,
        form=form,
        ends=_ends(model, tokenizer, turn_end(processor, form)),
        pad=tokenizer.pad_token_id,
        context_tokens=getattr(text_config, "max_position_embeddings", None),
    )


def _ends(model: Any, tokenizer: Any, after_answer: str) -> tuple[int, ...]:
    """Every token that ends an answer: the generation config's, the tokenizer's, and the template's end of a turn.

    Checkpoints in the wild name one and train with another (Llama 3 ends turns with ``<|eot_id|>``, while the
    configuration of several fine-tunes says ``<|end_of_text|>`` only).
    """
    configured = model.generation_config.eos_token_id
    ends = list(configured) if isinstance(configured, list | tuple) else [configured]
    ends.append(tokenizer.eos_token_id)
    first = tokenizer(after_answer, add_special_tokens=False)["input_ids"][:1] if after_answer else []
    added = tokenizer.get_added_vocab().values()
    ends += [token for token in first if token in added or token in tokenizer.all_special_ids]
    return tuple(sorted({int(token) for token in ends if token is not None}))


def device_of(source: Source) -> torch.device:
    """The device that is wanted, or the best there is. Raises VLMError for one that is not there."""
    if source.device != "auto":
        try:
            device = torch.device(source.device)
        except RuntimeError as error:
            raise VLMError(f"{source.name}: device is auto, cuda, cuda:1, mps or cpu, not {source.device!r}") from error
        if device.type == "cuda" and not torch.cuda.is_available():
            raise VLMError(f"{source.name}: this torch finds no GPU for device={source.device}; leave that out")
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def dtype_of(name: str, device: torch.device, config: Any) -> torch.dtype:
    """ "auto": 32 bits on a CPU; elsewhere the checkpoint's own 16 bits where the device computes in them."""
    if name != "auto":
        dtype = getattr(torch, name)
        return dtype if isinstance(dtype, torch.dtype) else torch.float32
    if device.type == "cpu":
        return torch.float32
    own = getattr(config, "dtype", None) or getattr(config.get_text_config(), "dtype", None)
    has_bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if own == torch.float16 or not has_bfloat16:
        return torch.float16
    return torch.bfloat16


def _check_folder(source: Source) -> None:
    """What can be told from a folder's files before anything is loaded."""
    folder = Path(source.model)
    if not folder.is_dir():
        if source.model.casefold() == _SHARECAPTIONER:
            raise VLMError(f"{source.name}: {_sharecaptioner(source.model)}")
        if source.model.startswith(("/", ".")) or source.model.count("/") > 1:
            raise VLMError(f"{source.name}: there is no such folder")
        if problem := out_of_reach(source.model):
            raise VLMError(f"{source.name}: {problem}; check the name and the connection")
        return
    config = folder / "config.json"
    if not config.is_file() and ((folder / "checkpoints").is_dir() or (folder / "state.json").is_file()):
        raise VLMError(
            f"{source.name}: this is a run of sg4v train, not yet a model; merge it: sg4v train merge {source.model}"
            " --out FOLDER, then use hf:FOLDER"
        )
    if not config.is_file():
        raise VLMError(f"{source.name}: the folder has no config.json; is it a checkpoint in transformers' format?")
    found = read_json(config)
    if _XCOMPOSER_CODE in str(found.get("auto_map")):
        raise VLMError(f"{source.name}: {_sharecaptioner(source.model)}")
    kind = str(found.get("model_type", ""))
    if kind in _ORIGINAL_LLAVA:
        raise VLMError(f"{source.name}: {_original_llava(source.model)}")
    if not any(folder.glob("*.safetensors")):
        others = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern))
        has = f"but has {others[0]}, which can run code when it is loaded" if others else "and no weights at all"
        raise VLMError(
            f"{source.name}: the folder has no .safetensors file {has}; save the model again with"
            " save_pretrained of a transformers of your trust, which writes safetensors"
        )
    if pointers := sorted(path.name for path in folder.glob("*.safetensors") if is_lfs_pointer(path)):
        raise VLMError(
            f"{source.name}: {pointers[0]} is a pointer of Git LFS, not the weights; get those with: git lfs pull"
        )


def _original_llava(model: str) -> str:
    return (
        f"this is a checkpoint in LLaVA's original format; convert it first: sg4v convert {model} --out FOLDER,"
        " then use hf:FOLDER"
    )


def _sharecaptioner(model: str) -> str:
    return (
        "the code that comes with this model does not run on this transformers; if it is ShareCaptioner-Video, use"
        f" sharecaptioner:{model}, which needs none of it"
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine has no room for what was to be done."""
    said = str(error).casefold()
    known = isinstance(error, MemoryError | torch.cuda.OutOfMemoryError)
    return known or (isinstance(error, RuntimeError) and any(word in said for word in _OUT_OF_MEMORY))


def advice_on(source: Source, error: BaseException) -> str:
    """What a failure to load means, by the words of transformers and huggingface_hub."""
    chain = [error, *(cause for cause in (error.__cause__, error.__context__) if cause)]
    said = " ".join(str(part) for part in chain).casefold()
    first = " ".join(str(error).split())[:_MESSAGE_LIMIT_CHARS] or type(error).__name__
    advice = {
        "gated": "ask for access on its page at huggingface.co, then log in with: hf auth login",
        "trust_remote_code": "it runs code of its own; read that code, then set trust_remote_code=true",
        "couldn't connect": "huggingface.co cannot be reached and it is not in the local cache; name a local folder",
        "cannot find the requested files in the disk cache": "it is not in the local cache; name a local folder",
        "is not a local folder": "is the name right? For a private one log in with: hf auth login",
        "not a valid model identifier": "is the name right? For a private one log in with: hf auth login",
        "safetensors": "only safetensors weights are loaded; choose a revision or a copy of the model that has them",
        "requires the torchvision library": "its processor needs it: pip install 'sharegpt4video[native-video]'",
        "num2words": "its processor needs it: pip install 'sharegpt4video[native-video]'",
        "unrecognized configuration class": "it is not an image-text-to-text model of this transformers",
    }
    if any(f"`{kind}`" in said for kind in _ORIGINAL_LLAVA):
        return _original_llava(source.model)
    found = next((tip for word, tip in advice.items() if word in said), "")
    if is_out_of_memory(error):
        found = "it needs more memory than is free; free some, or take another device or a smaller model"
    if not found and isinstance(error, ImportError):
        found = "install what it names"
    return f"cannot be loaded: {first}" + (f" - {found}" if found else "")
