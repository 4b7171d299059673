"""What compares frames: the protocol of an encoder, and CLIP through transformers.

The encoder that needs no download is ``facts.encoder.BackboneEncoder``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtra


class FrameEncoder(Protocol):
    """Turns pictures into vectors whose cosine tells how alike they are.

    ``similarity`` is the cosine below which a frame counts as changed, ``batch_size`` how many pictures it wants at
    once.
    """

    name: str
    similarity: float
    batch_size: int

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """One row of length 1 for each picture (height, width, 3) uint8 RGB of any size: (n, d)."""
        ...


class ClipEncoder:
    """CLIP's vision tower: the class token of the last layer, as the published keyframe script takes it.

    The default model and the threshold 0.93 are those of ShareGPT4Video (``keyframe_extraction_example.py``; there the
    channels were swapped, here the picture is RGB). Weights are read as safetensors only. Raises MissingExtra without
    torch and transformers.
    """

    name = "clip"
    similarity = 0.93

    def __init__(
        self, model: str = "openai/clip-vit-large-patch14-336", *, device: str | None = None, batch_size: int = 8
    ) -> None:
        try:
            import torch
            from transformers import AutoImageProcessor, CLIPVisionModel
        except ImportError as error:
            raise MissingExtra("Comparing frames with CLIP", "hf") from error
        self.batch_size = batch_size
        self._torch: Any = torch
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._processor: Any = AutoImageProcessor.from_pretrained(model)
        self._model: Any = CLIPVisionModel.from_pretrained(model, use_safetensors=True).to(self._device).eval()

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """One row of length 1 for each picture: (n, d)."""
        with self._torch.inference_mode():
            pixels = self._processor(images=list(pictures), return_tensors="pt").to(self._device)
            rows = self._model(**pixels).pooler_output.float()
            unit: NDArray[np.float32] = (rows / rows.norm(dim=-1, keepdim=True)).cpu().numpy()
        return unit
