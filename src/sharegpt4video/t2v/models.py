"""Video generators: diffusers' own transformers behind one key, and what stands around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import MissingExtra, SettingsError
from ..hub import need_within_reach
from .settings import Family, ModelSettings, TuneSettings

CLASSES: Mapping[Family, str] = {"wan": "WanTransformer3DModel", "latte": "LatteTransformer3DModel"}
_TIME = {"wan": "condition_embedder.time_embedder", "latte": "adaln_single.emb.timestep_embedder"}
_LOUDNESS = 0.3
"""Of learned places at the beginning, beside patches of about 1."""
_GATE = 0.5
_TIMES = 1000
"""The networks count their time from 0 to this."""


class Generator(nn.Module):  # type: ignore[misc]  # torch is not checked
    """A transformer of diffusers with one face: samples, times (0..1), texts and where these are filled up."""

    def __init__(
        self,
        transformer: nn.Module,
        family: Family,
        text_width: int,
        *,
        pooled: bool = False,
        places: Sequence[int] | None = None,
    ) -> None:
        """``places`` is the (frame, row, column) shape of what is learned, where each patch's place is learned, too."""
        super().__init__()
        self.transformer, self.family = transformer, family
        self.places: nn.Parameter | None = None
        if places is not None:
            grid = [size // patch for size, patch in zip(places, transformer.config.patch_size, strict=True)]
            self.places = nn.Parameter(torch.randn(1, inner_width(transformer), *grid) * _LOUDNESS)
            transformer.patch_embedding.register_forward_hook(self._with_places)
        self.pool: nn.Linear | None = None
        if pooled:
            # Outside of the class: the layer that embeds the time is asked, and the text added to its answer.
            self.pool = nn.Linear(text_width, inner_width(transformer))
            self._mean: Tensor | None = None
            transformer.get_submodule(_TIME[family]).register_forward_hook(self._with_text)

    def own(self) -> dict[str, Tensor]:
        """The weights around the transformer, by name."""
        found = self.state_dict().items()
        return {name: tensor.cpu().contiguous() for name, tensor in found if not name.startswith("transformer.")}

    def _with_places(self, _: nn.Module, __: Any, patches: Tensor) -> Tensor:
        return patches if self.places is None else patches + self.places.to(patches.dtype)

    def _with_text(self, _: nn.Module, __: Any, embedded: Tensor) -> Tensor:
        return embedded if self._mean is None else embedded + self._mean.to(embedded.dtype)

    def forward(self, samples: Tensor, times: Tensor, texts: Tensor, blank: Tensor | None = None) -> Tensor:
        """What the network predicts.

        ``samples`` are (clip, channel, frame, row, column), ``texts`` (clip, token, width); ``blank`` (clip, token) is
        True at the filling.
        """
        if self.pool is not None:
            weight = torch.ones_like(texts[..., :1]) if blank is None else (~blank)[..., None].to(texts.dtype)
            self._mean = self.pool((texts * weight).sum(1) / weight.sum(1))
        given: dict[str, Any] = {"encoder_hidden_states": texts, "timestep": times * _TIMES, "return_dict": False}
        if self.family == "latte" and blank is not None:
            # The class takes what is added to the scores, a row for each frame.
            hidden = torch.zeros(blank.shape, dtype=samples.dtype, device=blank.device).masked_fill(blank, -10_000.0)
            given["encoder_attention_mask"] = hidden[:, None].repeat_interleave(samples.shape[2], dim=0)
        (predicted,) = self.transformer(samples, **given)
        return predicted[:, : samples.shape[1]]  # some of them also say how sure they are


def transformer_class(family: Family) -> Any:
    """The class of diffusers. Raises MissingExtra without it."""
    try:
        import diffusers
    except ImportError as error:
        raise MissingExtra("a video generator (diffusers is not installed)", "t2v") from error
    return getattr(diffusers, CLASSES[family])


def make_transformer(settings: ModelSettings, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Any:
    """The network of the settings: from its base, or with random weights. On ``meta`` nothing is loaded.

    Raises SettingsError for a base that cannot be loaded or a shape that the class does not take.
    """
    kind = transformer_class(settings.family)
    if settings.base and device != "meta":
        return _loaded(kind, settings, dtype)
    try:
        shape = kind.load_config(settings.base, **_where(settings)) if settings.base else dict(settings.shape)
        if device == "meta":
            with torch.device("meta"):
                return kind.from_config(shape)
        made = kind(**shape)
    except (TypeError, ValueError, AttributeError, OSError) as error:
        raise SettingsError(f"model: {CLASSES[settings.family]} cannot be made so: {error}") from error
    if settings.family == "wan":
        _open_gates(made)
    return made


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not checked
def _open_gates(transformer: Any) -> None:
    """Begin with layers that count for half and depend on nothing; the class leaves their gates around 0."""
    for block in transformer.blocks:
        block.scale_shift_table.zero_()
        block.scale_shift_table[:, [2, 5]] = _GATE
    for weight in (transformer.scale_shift_table, *transformer.condition_embedder.time_proj.parameters()):
        weight.zero_()


def _loaded(kind: Any, settings: ModelSettings, dtype: torch.dtype) -> Any:
    try:
        need_within_reach(settings.base)
        return kind.from_pretrained(settings.base, torch_dtype=dtype, **_where(settings))
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(
            f"model.base: {settings.base}: no {CLASSES[settings.family]} can be loaded: {error}; name a folder or a "
            "model on the Hub in the diffusers format (with transformer/config.json)"
        ) from error


def _where(settings: ModelSettings) -> dict[str, Any]:
    """A pipeline has its network in a folder of its own; a network that was saved alone has not."""
    from pathlib import Path

    alone = (Path(settings.base) / "config.json").is_file()
    return {"subfolder": None if alone else "transformer", "revision": settings.revision or None}


def inner_width(transformer: Any) -> int:
    config = transformer.config
    return int(config.num_attention_heads * config.attention_head_dim)


def text_width(transformer: Any, family: Family) -> int:
    """How wide the texts are that a network takes."""
    return int(transformer.config.text_dim if family == "wan" else transformer.config.caption_channels)


def prepare(transformer: Any, tune: TuneSettings) -> None:
    """Let learn what is to learn: all weights, or adapters in the linear layers named.

    Raises SettingsError if there are none of these names, MissingExtra without peft.
    """
    if tune.how == "full":
        transformer.requires_grad_(True)
        return
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingExtra("tune.how: lora", "t2v") from error
    transformer.requires_grad_(False)
    config = LoraConfig(r=tune.lora_rank, lora_alpha=tune.lora_alpha, lora_dropout=tune.lora_dropout,
                        target_modules=list(tune.lora_targets))  # fmt: skip
    try:
        transformer.add_adapter(config)
    except ValueError as error:
        raise SettingsError(f"tune.lora_targets: {error}") from error
    for parameter in transformer.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
