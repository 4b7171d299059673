"""What a network learns in: pixels as they are, or the latents of an autoencoder of diffusers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ..errors import MissingExtra, SettingsError
from ..hub import need_within_reach
from .settings import BASE, ModelSettings


class Space(Protocol):
    """Turns videos, (clip, 3, frame, row, column) in -1..1, into what is learned, and back."""

    def shape(self, frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """(channel, frame, row, column) of what is learned."""

    def encode(self, videos: Tensor) -> Tensor: ...

    def decode(self, learned: Tensor) -> Tensor: ...


class PixelSpace:
    """Nothing is changed."""

    def shape(self, frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        return 3, frames, height, width

    def encode(self, videos: Tensor) -> Tensor:
        return videos

    def decode(self, learned: Tensor) -> Tensor:
        return learned.clamp(-1, 1)


class LatentSpace:
    """An autoencoder of diffusers, its latents brought to mean 0 and deviation 1 as its configuration says."""

    def __init__(self, vae: Any) -> None:
        self.vae = vae
        config = vae.config
        mean, deviation = config.get("latents_mean"), config.get("latents_std")
        if mean is None or deviation is None:
            mean = [float(config.get("shift_factor") or 0.0)]
            deviation = [1.0 / float(config.get("scaling_factor") or 1.0)]
        self._mean, self._deviation = (torch.tensor(values).view(1, -1, 1, 1, 1) for values in (mean, deviation))

    def shape(self, frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """Found by encoding nothing: autoencoders differ in how they count frames."""
        with torch.no_grad():
            found = self.encode(torch.zeros(1, 3, frames, height, width, device=self.vae.device))
        channels, length, rows, columns = found.shape[1:]
        return int(channels), int(length), int(rows), int(columns)

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not checked
    def encode(self, videos: Tensor) -> Tensor:
        latents = self.vae.encode(videos.to(self.vae.device, self.vae.dtype)).latent_dist.mode().float()
        return (latents - self._mean.to(latents)) / self._deviation.to(latents)

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not checked
    def decode(self, learned: Tensor) -> Tensor:
        latents = learned.to(self.vae.device).float()
        latents = latents * self._deviation.to(latents) + self._mean.to(latents)
        return self.vae.decode(latents.to(self.vae.dtype), return_dict=False)[0].float().clamp(-1, 1)


def space_of(settings: ModelSettings, device: torch.device, dtype: torch.dtype) -> Space:
    """Where a model of these settings learns. Raises SettingsError for an autoencoder that cannot be loaded."""
    if not settings.vae:
        return PixelSpace()
    try:
        import diffusers
    except ImportError as error:
        raise MissingExtra("model.vae (diffusers is not installed)", "t2v") from error
    where = settings.base if settings.vae == BASE else settings.vae
    alone = (Path(where) / "config.json").is_file()
    folder = None if alone else "vae"
    try:
        need_within_reach(where)
        config = diffusers.AutoModel.load_config(where, subfolder=folder, revision=settings.revision or None)
        vae = _class_of(config).from_pretrained(where, subfolder=folder, torch_dtype=dtype)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise SettingsError(f"model.vae: {where}: no autoencoder of diffusers can be loaded: {error}") from error
    return LatentSpace(vae.to(device).eval().requires_grad_(False))


def _class_of(config: Any) -> Any:
    """The class that a file names, which must be one of an autoencoder: others load and run more. Raises ValueError."""
    import diffusers

    name = str(config["_class_name"])
    kind = getattr(diffusers, name, None)
    if "Autoencoder" not in name or not isinstance(kind, type) or not issubclass(kind, diffusers.ModelMixin):
        raise ValueError(f"it names the class {name}, which is no autoencoder of diffusers")
    return kind


def as_video(pixels: Tensor) -> Tensor:
    """(clip, frame, row, column, 3) uint8 as (clip, 3, frame, row, column) in -1..1."""
    return (pixels.permute(0, 4, 1, 2, 3).float() / 127.5 - 1).contiguous()


def as_pixels(video: Tensor) -> Any:
    """The way back, as arrays of NumPy."""
    whole = ((video.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return whole.permute(0, 2, 3, 4, 1).cpu().numpy()
