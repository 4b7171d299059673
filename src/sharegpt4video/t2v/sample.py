"""Videos from prompts: the way back from noise, guided by the text; files and a sheet to look at."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from ..checking import validated
from ..errors import InputMissing, SettingsError, StorageError
from ..files import write_whole
from ..given import read_json
from .flow import back, velocity_of
from .latents import Space, as_pixels, space_of
from .models import Generator, make_transformer, text_width, transformer_class
from .settings import TINY, T2VSettings
from .texts import Cut, Encoder, TinyEncoder, cut_of, load_encoder

Videos = NDArray[np.uint8]
GAP = 2
"""Pixels between the pictures of a sheet."""


@dataclass(frozen=True)
class Sampling:
    """How videos are made of noise.

    steps  Euler steps from noise to video
    guidance  how far the text pulls (classifier-free guidance): 1 not at all beyond what was learned, 0 without a text
    seed   decides the noise; the noise of a prompt depends on its place, not on the batch
    batch  prompts at the same time
    """

    steps: int = 16
    guidance: float = 2.0
    seed: int = 0
    batch: int = 32

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or not 0 <= self.guidance <= 100:
            raise SettingsError("at least one step, a batch of at least one, and a guidance of 0 to 100")


class Model:
    """A trained video generator, ready to sample. ``open_model`` reads one."""

    def __init__(self, settings: T2VSettings, generator: Generator, encoder: Encoder, space: Space) -> None:
        self.settings, self.generator, self.encoder, self.space = settings, generator.eval(), encoder, space
        self._device = next(generator.parameters()).device

    def cut(self, prompts: Sequence[str]) -> Cut:
        """How many prompts are longer than the window of the encoder."""
        return cut_of(self.encoder, prompts, self.settings.text.max_tokens)

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not checked
    def videos(self, prompts: Sequence[str], how: Sampling = Sampling()) -> Iterator[Videos]:
        """A video for each prompt, (frame, row, column, 3) uint8; an empty prompt asks for any video."""
        data = self.settings.data
        shape = self.space.shape(data.frames, data.height, data.width)
        for begin in range(0, len(prompts), how.batch):
            part = list(prompts[begin : begin + how.batch])
            noise = torch.stack([_noise(shape, how.seed, begin + place) for place in range(len(part))])
            learned = self._back(noise.to(self._device), part, how)
            yield from as_pixels(self.space.decode(learned))

    def _back(self, noise: Tensor, prompts: list[str], how: Sampling) -> Tensor:
        """From noise to what was learned. With guidance each step asks twice, with the text and without."""
        twice = how.guidance not in (0.0, 1.0)
        asked = [""] * len(prompts) if how.guidance == 0 else prompts
        texts, blank = self.encoder.encode([*asked, *[""] * len(prompts)] if twice else asked)
        texts = texts.to(self._device)
        blank = blank.to(self._device)
        kind = self.settings.model.prediction

        def velocity(sample: Tensor, time: float) -> Tensor:
            both = torch.cat([sample, sample]) if twice else sample
            times = torch.full((len(both),), time, device=both.device)
            found = velocity_of(self._predicted(both, times, texts, blank), both, times, kind)
            if not twice:
                return found
            told, untold = found.chunk(2)
            return untold + how.guidance * (told - untold)

        *_, learned = back(noise, how.steps, self.settings.optimiser.shift, velocity)
        return learned

    def _predicted(self, samples: Tensor, times: Tensor, texts: Tensor, blank: Tensor) -> Tensor:
        bf16 = self.settings.run.precision == "bf16"
        with torch.autocast(samples.device.type, torch.bfloat16, enabled=bf16):
            predicted: Tensor = self.generator(samples, times, texts.to(samples.dtype), blank)
        return predicted.float()


def _noise(shape: Sequence[int], seed: int, place: int) -> Tensor:
    generator = torch.Generator().manual_seed((seed * 1_000_003 + place) % 2**63)
    return torch.randn(*shape, generator=generator)


def open_model(folder: str | Path, *, device: str = "") -> Model:
    """Read the model that a training run left (its ``model`` folder, or the folder of the run).

    Raises InputMissing if there is none, StorageError if it is damaged, SettingsError, MissingExtra.
    """
    root = Path(folder)
    root = root / "model" if (root / "model" / "generator.json").is_file() else root
    if not (root / "generator.json").is_file():
        raise InputMissing(f"{folder}: no trained video generator (generator.json); name what sg4v t2v train wrote")
    try:
        plain = read_json(root / "generator.json")["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{root / 'generator.json'}: damaged: {error!r}; train again or copy it again") from error
    settings = validated(T2VSettings, plain, str(root / "generator.json"))
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dtype = torch.bfloat16 if settings.run.precision == "bf16" else torch.float32
    generator = _generator(root, settings, dtype).to(place)
    tiny = settings.text.encoder == TINY
    encoder: Encoder = (
        TinyEncoder.load(root / "text").to(place) if tiny else load_encoder(settings.text, settings.model, place, dtype)
    )
    return Model(settings, generator, encoder, space_of(settings.model, place, dtype))


def _generator(root: Path, settings: T2VSettings, dtype: torch.dtype) -> Generator:
    family = settings.model.family
    if settings.tune.how == "lora":
        transformer = make_transformer(settings.model, dtype=dtype)
        transformer.load_lora_adapter(load_file(root / "pytorch_lora_weights.safetensors"), prefix="transformer")
    else:
        try:
            transformer = transformer_class(family).from_pretrained(root / "transformer")
        except (OSError, ValueError) as error:
            raise StorageError(f"{root / 'transformer'}: cannot be loaded: {error}") from error
    width = text_width(transformer, family)
    own = load_file(root / "generator.safetensors") if (root / "generator.safetensors").is_file() else {}
    patch = transformer.config.patch_size
    places = [size * one for size, one in zip(own["places"].shape[2:], patch, strict=True)] if "places" in own else None
    generator = Generator(transformer, family, width, pooled=settings.model.pooled, places=places)
    generator.load_state_dict(own, strict=False)
    return generator


def write_samples(
    model: Model,
    prompts: Sequence[str],
    out: str | Path,
    how: Sampling = Sampling(),
    *,
    fps: float = 8.0,
    on_video: Callable[[int], None] | None = None,
) -> Path:
    """Write an MP4 file for each prompt, ``prompts.jsonl`` that says which is which, and ``sheet.png`` to look at.

    Returns the sheet. Raises StorageError if the folder cannot be written.
    """
    folder = Path(out)
    rows, shown = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, video in enumerate(model.videos(prompts, how)):
            name = f"{number:06d}.mp4"
            write_mp4(video, folder / name, fps)
            rows.append({"video": name, "prompt": prompts[number], "seed": how.seed, "guidance": how.guidance,
                         "steps": how.steps})  # fmt: skip
            if number < 64:
                shown.append(video)
            if on_video:
                on_video(number + 1)
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_whole(folder / "prompts.jsonl", lines.encode())
        sheet(shown).save(folder / "sheet.png")
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error}; is the disk full, the folder yours?") from error
    return folder / "sheet.png"


def write_mp4(video: Videos, path: Path, fps: float) -> None:
    """H.264; colours at full resolution where the picture is small, as small things would blur."""
    from fractions import Fraction

    height, width = video.shape[1:3]
    small = min(width, height) < 96 or width % 2 or height % 2
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv444p" if small else "yuv420p"
        stream.options = {"crf": "10" if small else "18"}
        for picture in video:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode(None))


def sheet(videos: Sequence[Videos], *, frames: int = 8, widest: int = 1600) -> Image.Image:
    """A contact sheet: a row for each video, some of its frames from left to right; small pictures are enlarged."""
    height, width = videos[0].shape[1:3]
    count = min(frames, len(videos[0]))
    scale = max(1, min(4, widest // (count * (width + GAP))))
    columns, rows = count * (width * scale + GAP) + GAP, len(videos) * (height * scale + GAP) + GAP
    canvas = Image.new("RGB", (columns, rows), "white")
    for row, video in enumerate(videos):
        for column in range(count):
            at = column * len(video) // count
            picture = Image.fromarray(video[at]).resize((width * scale, height * scale), Image.Resampling.NEAREST)
            canvas.paste(picture, (GAP + column * (width * scale + GAP), GAP + row * (height * scale + GAP)))
    return canvas if columns <= widest else canvas.resize((widest, math.ceil(rows * widest / columns)))
