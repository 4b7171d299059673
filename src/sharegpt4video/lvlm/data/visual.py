"""Pictures and videos as a model takes them: the tokens that stand for each, and the tensors that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL.Image import Resampling

from ...errors import SettingsError
from ..grid import CLIP_MEAN, CLIP_STD, RESCALE, size_for_transformers, tiles
from .media import Clip, Medium, Pixels

_TICKS = 1000  # per second: fine enough for the times that some models write between the frames
_WIDE_PICTURE = (1080, 1920)


@dataclass(frozen=True, eq=False)
class Shown:
    """One picture or video.

    ids       the tokens that take the place of its one placeholder; ``visual`` how many of them the vision tower fills
    pixels    LLaVA-NeXT: (tiles, 3, side, side) float32, and ``size``, the (height, width) that the model is told
    tensors   other models: what is joined along the first axis over all media of a batch
    aligned   other models: values for each of ``ids``, such as their kind
    """

    ids: list[int]
    visual: int
    pixels: torch.Tensor | None = None
    size: tuple[int, int] | None = None
    tensors: Mapping[str, torch.Tensor] = field(default_factory=dict)
    aligned: Mapping[str, list[int]] = field(default_factory=dict)


class TiledPictures:
    """LLaVA-NeXT: an overview and the tiles of the best resolution; tokens for what is not padding, and newlines."""

    packable = True  # positions are one running number, so they can begin anew with each sample

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.placeholders = {"image": int(processor.image_token_id)}
        self.counted = frozenset(self.placeholders.values())
        self.image_mark: str = processor.image_token
        cutter = processor.image_processor
        pinpoints = [(width, height) for height, width in cutter.image_grid_pinpoints]
        self._cut: dict[str, Any] = {
            "pinpoints": pinpoints,
            "tile": cutter.crop_size["height"],
            "patch": processor.patch_size,
        }
        self._plain = _as_clip(cutter)
        self._counts: dict[tuple[int, int], int] = {}

    def show(self, medium: Medium) -> Shown:
        if isinstance(medium, Clip):
            raise SettingsError("this model takes no video; set data.layout to 'grid' or 'frames'")
        width, height = size_for_transformers(medium.shape[1], medium.shape[0], **self._cut)
        ids = [self.placeholders["image"]] * self.tokens((height, width))
        return Shown(ids, len(ids), self._pixels(medium), (height, width))

    def _pixels(self, picture: Pixels) -> torch.Tensor:
        if self._plain:  # the same bits as the processor's, in a quarter of the time
            return torch.from_numpy(tiles(picture, pinpoints=self._cut["pinpoints"], tile=self._cut["tile"]))
        made = self._processor.image_processor(images=[picture], return_tensors="pt", input_data_format="channels_last")
        pixels: torch.Tensor = made["pixel_values"][0]
        return pixels

    def tokens(self, size: tuple[int, int] = _WIDE_PICTURE) -> int:
        """How many tokens a picture of this (height, width) is."""
        if size not in self._counts:
            found = self._processor._get_num_multimodal_tokens(image_sizes=[size])
            self._counts[size] = int(found["num_image_tokens"][0])
        return self._counts[size]


def _as_clip(cutter: Any) -> bool:
    """Whether an image processor does to a picture what `grid.tiles` does, and nothing else."""
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    side = cutter.crop_size["height"]
    steps = ("do_convert_rgb", "do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_pad")
    return (
        type(cutter) is LlavaNextImageProcessorPil
        and all(getattr(cutter, step) for step in steps)
        and int(cutter.resample) == Resampling.BICUBIC
        and dict(cutter.size) == {"shortest_edge": side}
        and dict(cutter.crop_size) == {"height": side, "width": side}
        and (tuple(cutter.image_mean), tuple(cutter.image_std)) == (CLIP_MEAN, CLIP_STD)
        and cutter.rescale_factor == RESCALE
    )


class ProcessedMedia:
    """Any other model: its own processor turns each picture or video, alone, into tokens and tensors."""

    # Positions may have several axes (Qwen's m-RoPE) that the model works out for whole rows, so rows are not shared.
    packable = False

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self._words = {kind: getattr(processor, f"{kind}_token", None) for kind in ("image", "video")}
        tokenizer = processor.tokenizer
        self.placeholders = {
            kind: int(tokenizer.convert_tokens_to_ids(word)) for kind, word in self._words.items() if word
        }
        if "image" not in self.placeholders:
            raise SettingsError(f"{type(processor).__name__} names no image token; is it a model that sees pictures?")
        self.counted = frozenset(self.placeholders.values())
        self.image_mark = str(self._words["image"])

    def show(self, medium: Medium) -> Shown:
        if isinstance(medium, Clip):
            made = self._video(medium)
        else:
            made = self._processor(
                text=[self._words["image"]], images=[_picture(medium)], return_tensors="pt", add_special_tokens=False
            )
        ids = made["input_ids"]
        tensors, aligned = {}, {}
        for name, value in made.items():
            if not isinstance(value, torch.Tensor) or name in ("input_ids", "attention_mask"):
                continue
            if value.shape == ids.shape:
                aligned[name] = [int(v) for v in value[0]]
            else:
                tensors[name] = value
        tokens = [int(token) for token in ids[0]]
        visual = sum(token in self.counted for token in tokens)  # the others say when a frame is, or where a row ends
        return Shown(tokens, visual, tensors=tensors, aligned=aligned)

    def _video(self, clip: Clip) -> Any:
        from transformers.video_utils import VideoMetadata

        if "video" not in self.placeholders:
            raise SettingsError("this model takes no video; set data.layout to 'grid' or 'frames'")
        # Counted in ticks, so that the model reads the true times whatever the frame rate is.
        metadata = VideoMetadata(
            total_num_frames=max(round(clip.duration_seconds * _TICKS), 1),
            fps=_TICKS,
            duration=clip.duration_seconds,
            frames_indices=[round(at * _TICKS) for at in clip.seconds],
            height=clip.pixels.shape[1],
            width=clip.pixels.shape[2],
        )
        return self._processor(
            text=[self._words["video"]],
            videos=[clip.pixels],
            video_metadata=[metadata],
            do_sample_frames=False,
            return_tensors="pt",
            add_special_tokens=False,
        )

    def tokens(self, size: tuple[int, int] = _WIDE_PICTURE) -> int:
        """About how many tokens a picture is; only for sharing out work evenly."""
        return size[0] * size[1] // 1024


def _picture(pixels: Pixels) -> Any:
    from PIL import Image

    return Image.fromarray(pixels)  # of an array, processors guess which axis is colour, wrongly for thin pictures


def visual(processor: Any) -> TiledPictures | ProcessedMedia:
    """The way of a processor's model. Raises SettingsError if it sees no pictures."""
    from transformers import LlavaNextProcessor

    return TiledPictures(processor) if isinstance(processor, LlavaNextProcessor) else ProcessedMedia(processor)
