"""What turns a picture into a vector, so that two pictures can be compared by the angle between theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtra, SettingsError
from ..hub import out_of_reach


class FrameEncoder(Protocol):
    """Pictures in, unit vectors out.

    name        as stored with a caption
    similarity  two frames whose cosine is below this differ enough to be described (measured for this encoder)
    batch_size  how many pictures to give at once
    """

    name: str
    similarity: float
    batch_size: int

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """One row of length 1 for each picture (upright RGB of any size), shape (pictures, dimensions)."""


class ClipEncoder:
    """CLIP's image tower through transformers (extra ``hf``): the class token after the last layer, unit length.

    Model, feature and threshold are those of the published script (keyframe_extraction_example.py of
    ShareGPT4Omni/ShareGPT4Video), which takes the token before the final layer norm and the projection. That script
    gives CLIP blue for red; here it gets RGB, as it was trained. Weights are read as safetensors only. ``device`` is a
    torch device; None takes the GPU when there is one.

    Raises MissingExtra without torch or transformers, SettingsError when the model cannot be loaded.
    """

    similarity = 0.93

    def __init__(
        self, model: str = "openai/clip-vit-large-patch14-336", device: str | None = None, batch_size: int = 8
    ) -> None:
        try:
            import torch
            from transformers import AutoImageProcessor, CLIPVisionModel
        except ImportError as error:
            raise MissingExtra("the keyframe encoder 'clip'", "hf") from error
        if batch_size < 1:
            raise SettingsError(f"batch_size must be at least 1, not {batch_size}")
        if problem := out_of_reach(model):
            raise SettingsError(f"the keyframe encoder {model}: {problem}; check the name and the connection")
        self.name, self.batch_size = model, batch_size
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            self._processor: Any = AutoImageProcessor.from_pretrained(model, trust_remote_code=False)
            tower: Any = CLIPVisionModel.from_pretrained(model, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"{model}: cannot be loaded as a CLIP image model; give a folder or a hub name that holds one with "
                f"safetensors weights: {error}"
            ) from error
        self._tower = tower.to(self._device).eval()

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """One row of length 1 for each picture (upright RGB of any size)."""
        import torch

        if not pictures:
            return np.zeros((0, self._tower.config.hidden_size), np.float32)
        inputs = self._processor(images=list(pictures), return_tensors="pt", input_data_format="channels_last")
        with torch.inference_mode():
            found = self._tower(pixel_values=inputs["pixel_values"].to(self._device)).last_hidden_state[:, 0]
            rows = torch.nn.functional.normalize(found.float(), dim=-1)
        return np.asarray(rows.cpu().numpy(), np.float32)
