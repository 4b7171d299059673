"""What a step computes: the network, the text encoder trained with it, and the loss."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..flow import losses, noised
from ..models import Generator, make_transformer, prepare, text_width
from ..settings import T2VSettings
from ..texts import TinyEncoder
from .inputs import TrainingSet, check_fit


class Learner(nn.Module):  # type: ignore[misc]  # torch is not checked
    """Gives the loss of each sample of a batch."""

    def __init__(self, generator: Generator, encoder: TinyEncoder | None, settings: T2VSettings) -> None:
        super().__init__()
        self.generator, self.encoder = generator, encoder
        self._prediction = settings.model.prediction

    def forward(self, video: Tensor, noise: Tensor, times: Tensor, texts: Tensor, blank: Tensor | None) -> Tensor:
        if self.encoder is not None:
            texts, blank = self.encoder(texts)
        predicted = self.generator(noised(video, noise, times), times, texts, blank)
        return losses(predicted.float(), video, noise, times, self._prediction)

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """What learns, by name."""
        return {name: parameter for name, parameter in self.named_parameters() if parameter.requires_grad}


def make_learner(settings: T2VSettings, inputs: TrainingSet) -> Learner:
    """The learner of a run, its random weights decided by the seed. Raises SettingsError as ``make_transformer``."""
    frozen = settings.tune.how == "lora" and settings.run.precision == "bf16"
    torch.manual_seed(settings.optimiser.seed)
    transformer = make_transformer(settings.model, dtype=torch.bfloat16 if frozen else torch.float32)
    width = text_width(transformer, settings.model.family)
    check_fit(inputs, settings, width, int(transformer.config.in_channels))
    prepare(transformer, settings.tune)
    if settings.run.checkpointing:
        transformer.enable_gradient_checkpointing()
    places = inputs.shape(settings)[1:] if settings.model.places else None
    generator = Generator(transformer, settings.model.family, width, pooled=settings.model.pooled, places=places)
    encoder = TinyEncoder(inputs.encoder.vocabulary, settings.text) if inputs.encoder else None
    return Learner(generator, encoder, settings)


def save_model(learner: Learner, settings: T2VSettings, folder: Path, step: int) -> Path:
    """Write what `sg4v t2v sample` reads: the network in the format of diffusers, its text encoder, the settings."""
    import json

    from safetensors.torch import save_file

    from ...files import write_whole

    folder.mkdir(parents=True, exist_ok=True)
    generator = learner.generator
    if settings.tune.how == "lora":
        from peft.utils import get_peft_model_state_dict

        adapters = get_peft_model_state_dict(generator.transformer)
        named = {f"transformer.{name}": tensor.detach().cpu().contiguous() for name, tensor in adapters.items()}
        save_file(named, folder / "pytorch_lora_weights.safetensors", metadata={"format": "pt"})
    else:
        generator.transformer.save_pretrained(folder / "transformer")
    if own := generator.own():
        save_file(own, folder / "generator.safetensors")
    if learner.encoder is not None:
        learner.encoder.save(folder / "text")
    known = {"settings": settings.to_plain(), "step": step}
    write_whole(folder / "generator.json", json.dumps(known, indent=1).encode())
    return folder
