"""The parts of vLLM that the backend uses, taken from the release that is installed, or one clear error."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any

from ..errors import MissingExtra, VLMError

READ = (0, 33)
"""The release whose interface the backend was written against; older ones have another."""


@dataclass(frozen=True)
class Release:
    """The names that are used, and the version they are of."""

    version: str
    AsyncEngineArgs: Any
    AsyncLLMEngine: Any
    SamplingParams: Any
    RequestOutputKind: Any
    ChatParams: Any
    VLLMError: Any
    VLLMClientError: Any


_PLACES = {"RequestOutputKind": "vllm.sampling_params", "ChatParams": "vllm.renderers",
           "VLLMError": "vllm.exceptions", "VLLMClientError": "vllm.exceptions"}  # fmt: skip


def release(model: str) -> Release:
    """vLLM as it is installed, for a ``model`` that messages name.

    Raises MissingExtra without it; VLMError for a release that is too old, or newer and changed.
    """
    try:
        package = import_module("vllm")
    except ImportError as error:
        if error.name != "vllm":
            raise
        raise MissingExtra(f"the model {model}", "vllm") from error
    version = str(getattr(package, "__version__", ""))
    number = re.match(r"(\d+)\.(\d+)(?!\.dev)", version)  # 0.1.dev5 is any commit at all, built without its tags
    if number and (int(number[1]), int(number[2])) < READ:
        raise VLMError(_other(model, version, "is older"))
    try:
        found = {name: getattr(import_module(_PLACES.get(name, "vllm")), name)
                 for name in (field.name for field in fields(Release)) if name != "version"}  # fmt: skip
    except (ImportError, AttributeError) as error:
        # What fails inside is told as it is: a broken CUDA library is no matter of versions.
        if isinstance(error, ImportError) and not str(error.name or "").startswith("vllm"):
            raise
        raise VLMError(_other(model, version, f"has another interface ({error})")) from error
    return Release(version, **found)


def _other(model: str, version: str, how: str) -> str:
    wanted = ".".join(map(str, READ))
    return (
        f"{model}: vLLM {version or 'of an unknown version'} {how}; this backend was written for {wanted}: pip install"
        f" 'vllm>={wanted}', or start vLLM as a server and name it with --model server:MODEL@URL"
    )
