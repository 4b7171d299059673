"""Small models of the Hugging Face Hub by a short name: ``--model hf:qwen3-vl-2b``."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingsError


@dataclass(frozen=True)
class HubModel:
    """A model on the Hub.

    path           its name there
    billions       parameters
    takes_video    whether its processor takes frames as one video
    is_gated       whether its licence has to be accepted on the Hub first
    """

    path: str
    billions: float
    takes_video: bool = False
    is_gated: bool = False

    @property
    def download_gb(self) -> float:
        """About how much is downloaded: 16-bit weights."""
        return 2 * self.billions

    @property
    def memory_gb(self) -> float:
        """About how much memory it needs: weights in 16 bits, and a fifth more for pictures and texts."""
        return 2.4 * self.billions


HUB_MODELS: Mapping[str, HubModel] = {
    "smolvlm2-256m": HubModel("HuggingFaceTB/SmolVLM2-256M-Video-Instruct", 0.26, takes_video=True),
    "smolvlm2-500m": HubModel("HuggingFaceTB/SmolVLM2-500M-Video-Instruct", 0.51, takes_video=True),
    "smolvlm2-2.2b": HubModel("HuggingFaceTB/SmolVLM2-2.2B-Instruct", 2.2, takes_video=True),
    "llava-onevision-0.5b": HubModel("llava-hf/llava-onevision-qwen2-0.5b-ov-hf", 0.9, takes_video=True),
    "internvl3-1b": HubModel("OpenGVLab/InternVL3-1B-hf", 0.9, takes_video=True),
    "internvl3-2b": HubModel("OpenGVLab/InternVL3-2B-hf", 2.1, takes_video=True),
    "qwen3-vl-2b": HubModel("Qwen/Qwen3-VL-2B-Instruct", 2.1, takes_video=True),
    "qwen3-vl-4b": HubModel("Qwen/Qwen3-VL-4B-Instruct", 4.4, takes_video=True),
    "qwen3-vl-8b": HubModel("Qwen/Qwen3-VL-8B-Instruct", 8.8, takes_video=True),
    "qwen2.5-vl-3b": HubModel("Qwen/Qwen2.5-VL-3B-Instruct", 3.8, takes_video=True),
    "gemma-3-4b": HubModel("google/gemma-3-4b-it", 4.3, is_gated=True),
}


def hub_path(name: str, backend: str) -> str:
    """The name on the Hub that a short name stands for; folders and whole names as they are.

    Raises SettingsError for a name that is none of these.
    """
    if name.casefold() in HUB_MODELS:
        return name if Path(name).expanduser().is_dir() else HUB_MODELS[name.casefold()].path
    if "/" in name or os.sep in name or name in (".", "..") or Path(name).expanduser().exists():
        return name
    close = difflib.get_close_matches(name.casefold(), HUB_MODELS, n=1)
    near = f" (did you mean {backend}:{close[0]}?)" if close else ""
    raise SettingsError(
        f"{backend}: there is no folder {name!r} here{near}; a model of the Hub is ORGANIZATION/NAME, and short names"
        f" are: {', '.join(HUB_MODELS)}"
    )
