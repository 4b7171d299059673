"""A converted LLaVA-style checkpoint as a `VLM`: one image grid per question, as the released models were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SettingsError, VLMError
from ..prompts import PromptSet
from ..vlm.base import Request
from ..vlm.hf import Asked, HfVLM, messages
from .convert.configs import is_original
from .grid import size_for_transformers, tiles, visual_tokens
from .prompts import GRID_PREFIX
from .settings import VisualTokens

_KIND = "llava_next"


class LvlmVLM(HfVLM):
    """A ShareGPT4Video or LLaVA-1.6 checkpoint that ``sg4v convert`` made (a folder of transformers' LlavaNext).

    folder         the converted checkpoint
    visual_tokens  "anyres": the overview and all tiles, as trained; "overview": the 576 tokens of the overview alone,
                   which is what the released run.py and MVBench script show the language model (see ``lvlm/grid.py``)
    prompts, hints, device, dtype, attention, max_concurrent, temperature, max_tokens, num_beams, generate
                   as for ``HfVLM``

    A request carries one picture at most. To a question about several frames in it, the words are added that the
    released models were trained with (``lvlm/prompts.py``), unless they are in it already; the system text is the
    recipe's unless the request has one. Pictures may be PNG, then the model sees the very bits of the original.
    """

    kind = "lvlm"
    takes_png = True

    def __init__(
        self,
        folder: str,
        *,
        prompts: PromptSet,
        hints: bool = False,
        visual_tokens: VisualTokens = "anyres",
        device: str = "auto",
        dtype: str = "auto",
        attention: str = "auto",
        max_concurrent: int = 4,
        temperature: float | None = 0.0,
        max_tokens: int | None = None,
        num_beams: int = 1,
        generate: Mapping[str, Any] | None = None,
    ) -> None:
        if visual_tokens not in ("anyres", "overview"):
            raise SettingsError(f"visual_tokens is anyres or overview, not {visual_tokens!r}")
        self.visual_tokens = visual_tokens
        super().__init__(
            str(folder),
            prompts=prompts,
            hints=hints,
            device=device,
            dtype=dtype,
            attention=attention,
            max_concurrent=max_concurrent,
            max_images=1,
            temperature=temperature,
            max_tokens=max_tokens,
            native_video="off",
            num_beams=num_beams,
            generate=generate,
        )

    def own_options(self) -> Mapping[str, Any]:
        return {"visual_tokens": self.visual_tokens}

    def reworded(self, request: Request) -> Request:
        """The request in the words of the recipe."""
        return in_recipe_words(request)

    def prepare(self, loaded: Any, asked: Sequence[Asked]) -> Mapping[str, Any]:
        """Tokens and tiles for some questions, padded on the left. Raises VLMError for ``<image>`` in their words."""
        import torch

        config = loaded.model.config
        vision = config.vision_config
        shape = {
            "mode": self.visual_tokens,
            "pinpoints": [(width, height) for height, width in config.image_grid_pinpoints],
            "tile": vision.image_size,
        }
        pictures = [[np.asarray(picture) for picture in one.pictures()] for one in asked]
        texts = []
        for one, shown in zip(asked, pictures, strict=True):
            counts = [visual_tokens(pixels.shape[1], pixels.shape[0], patch=vision.patch_size, **shape)
                      for pixels in shown]  # fmt: skip
            texts.append(self._text(loaded, one, counts))
        inputs: dict[str, Any] = dict(
            loaded.processor.tokenizer(
                texts, padding=True, padding_side="left", add_special_tokens=False, return_tensors="pt"
            )
        )
        found = [torch.from_numpy(tiles(pixels, **shape)) for shown in pictures for pixels in shown]
        if found and self.visual_tokens == "overview":
            inputs["inputs_embeds"] = overview_embeddings(loaded.model, inputs["input_ids"], torch.cat(found))
        elif found:
            inputs["pixel_values"] = torch.nn.utils.rnn.pad_sequence(found, batch_first=True)
            points = {"pinpoints": shape["pinpoints"], "tile": shape["tile"], "patch": vision.patch_size}
            sizes = [size_for_transformers(pixels.shape[1], pixels.shape[0], **points)
                     for shown in pictures for pixels in shown]  # fmt: skip
            inputs["image_sizes"] = torch.tensor([(height, width) for width, height in sizes])
        return {name: inputs[name] for name in inputs if name != "token_type_ids"}

    def _engine(self) -> Any:
        if not Path(self._model).is_dir():
            raise VLMError(f"{self.name}: there is no such folder; sg4v convert and sg4v train merge write one")
        if is_original(self._model):
            raise VLMError(
                f"{self.name}: this is a checkpoint in LLaVA's original format; convert it first:"
                f" sg4v convert {self._model} --out FOLDER, then use lvlm:FOLDER"
            )
        engine = super()._engine()
        found = engine.loaded.model.config.model_type
        if found != _KIND:
            engine.free()
            raise VLMError(f"{self.name}: is a {found}, not a {_KIND}; use hf:{self._model} for it")
        return engine

    def _text(self, loaded: Any, asked: Asked, counts: Sequence[int]) -> str:
        """The whole conversation, with the mark of the picture once for each of its tokens."""
        mark: str = loaded.processor.image_token
        text: str = loaded.processor.apply_chat_template(
            messages(asked, loaded.form),
            tokenize=False,
            add_generation_prompt=not asked.prompt.prefill,
            continue_final_message=bool(asked.prompt.prefill),
        )
        pieces = text.split(mark)
        if len(pieces) != len(counts) + 1:
            raise VLMError(
                f"{self.name}: a question cannot contain {mark}, which stands for the picture; write it another way"
            )
        return "".join(piece + mark * count for piece, count in zip(pieces, [*counts, 0], strict=True))


def in_recipe_words(request: Request) -> Request:
    """A question about several frames in one picture, opened by the words that the released models know.

    As in run.py, no space follows them; a question that has them already stays as it is.
    """
    several = request.layout == "grid" or len(request.seconds) > 1
    if request.task != "ask" or not request.images or not several:
        return request
    if not request.earlier:
        return replace(request, user_text=_prefixed(request.user_text))
    (question, answer), *later = request.earlier
    return replace(request, earlier=((_prefixed(question), answer), *later))


def overview_embeddings(model: Any, input_ids: Any, pixel_values: Any) -> Any:
    """What the language model reads in ``overview`` mode: (batch, tokens, width), the pictures' features in place.

    ``pixel_values`` (pictures, 3, side, side) are the overview tiles alone. transformers' own way of packing would add
    an end of line to a single tile, which the original's does not.
    """
    import torch

    config, device = model.config, model.device
    with torch.inference_mode():
        ids = input_ids.to(device)
        seen = model.model.vision_tower(pixel_values.to(device, model.dtype), output_hidden_states=True)
        features = seen.hidden_states[config.vision_feature_layer]
        if config.vision_feature_select_strategy == "default":
            features = features[:, 1:]  # without the class token
        features = model.model.multi_modal_projector(features)
        embedded = model.get_input_embeddings()(ids)
        places = (ids == config.image_token_id).unsqueeze(-1).expand_as(embedded)
        return embedded.masked_scatter(places, features.to(embedded.dtype))


def _prefixed(text: str) -> str:
    return text if GRID_PREFIX in text else GRID_PREFIX + text
