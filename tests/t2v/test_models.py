"""The two families behind one face, texts that reach the picture by both ways, and the sizes of the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from made_generators import LATTE, WAN  # noqa: E402
from sharegpt4video.config import load_yaml  # noqa: E402
from sharegpt4video.errors import SettingsError  # noqa: E402
from sharegpt4video.learning.configs import T2V, config_names, find_config  # noqa: E402
from sharegpt4video.t2v.models import Generator, make_transformer, prepare, text_width  # noqa: E402
from sharegpt4video.t2v.settings import ModelSettings, T2VSettings, TuneSettings  # noqa: E402

FAMILIES = (("wan", WAN), ("latte", LATTE))


def generator(family: Any, shape: dict[str, Any], **options: Any) -> Generator:
    torch.manual_seed(0)
    transformer = make_transformer(ModelSettings(family=family, shape=shape))
    torch.nn.init.normal_(transformer.proj_out.weight, std=0.1)
    if family == "wan":
        torch.nn.init.normal_(transformer.condition_embedder.time_proj.weight, std=0.1)
    return Generator(transformer, family, text_width(transformer, family), **options).eval()


@pytest.mark.parametrize(("family", "shape"), FAMILIES)
def test_text_and_time_decide_the_picture(family: str, shape: dict[str, Any]) -> None:
    dice = torch.Generator().manual_seed(0)
    made = generator(family, shape, pooled=True)
    sample, texts = torch.randn(2, 3, 4, 24, 24, generator=dice), torch.randn(2, 5, 16, generator=dice)
    blank = torch.zeros(2, 5, dtype=torch.bool)
    blank[:, 3:] = True
    with torch.no_grad():
        one = made(sample, torch.tensor([0.3, 0.3]), texts, blank)
        assert one.shape == sample.shape
        later = made(sample, torch.tensor([0.3, 0.9]), texts, blank)
        other = made(sample, torch.tensor([0.3, 0.3]), torch.cat([texts[:1], -texts[1:]]), blank)
    for changed in (later, other):
        torch.testing.assert_close(changed[0], one[0])
        assert (changed[1] - one[1]).abs().max() > 1e-4


def test_what_fills_up_a_text_is_not_seen_by_latte() -> None:
    made = generator("latte", LATTE, pooled=True)
    sample, texts = torch.randn(1, 3, 4, 24, 24), torch.randn(1, 5, 16)
    blank = torch.tensor([[False, False, False, True, True]])
    noise = texts.clone()
    noise[:, 3:] = 7.0
    with torch.no_grad():
        seen = [made(sample, torch.tensor([0.5]), each, blank) for each in (texts, noise)]
    torch.testing.assert_close(seen[0], seen[1])


def test_the_mean_of_the_text_and_the_places_are_added_outside_of_the_class() -> None:
    sample, texts = torch.randn(1, 3, 4, 24, 24), torch.randn(1, 5, 16)
    plain, both = generator("wan", WAN), generator("wan", WAN, pooled=True, places=(4, 24, 24))
    both.transformer.load_state_dict(plain.transformer.state_dict())
    assert both.own().keys() == {"pool.weight", "pool.bias", "places"}
    with torch.no_grad():
        assert (plain(sample, torch.tensor([0.5]), texts) - both(sample, torch.tensor([0.5]), texts)).abs().max() > 1e-4
        for weight in (both.pool.weight, both.pool.bias, both.places):
            weight.zero_()
        torch.testing.assert_close(plain(sample, torch.tensor([0.5]), texts), both(sample, torch.tensor([0.5]), texts))


def test_adapters_learn_and_the_base_does_not(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    make_transformer(ModelSettings(shape=WAN)).save_pretrained(tmp_path / "transformer")
    base = ModelSettings(base=str(tmp_path))
    transformer = make_transformer(base)
    prepare(transformer, TuneSettings(how="lora", lora_rank=2))
    learned = {name for name, parameter in transformer.named_parameters() if parameter.requires_grad}
    assert learned
    assert all("lora_" in name for name in learned)
    with pytest.raises(SettingsError, match="lora_targets"):
        prepare(make_transformer(base), TuneSettings(how="lora", lora_targets=("nothing",)))
    with pytest.raises(SettingsError, match=r"model\.base"):
        make_transformer(ModelSettings(base=str(tmp_path / "elsewhere")))
    with pytest.raises(SettingsError, match="cannot be made"):
        make_transformer(ModelSettings(shape={"layers": 3}))


def latte_weights(inside: int, out: int) -> int:
    """LatteT2V-XL/122 counted by hand: 28 pairs of layers, 1152 wide, patches of 2 x 2, captions of 4096."""
    width, layers, captions, frequencies = 1152, 28, 4096, 256
    linear = width * width + width
    feedforward = (width * 4 * width + 4 * width) + (4 * width * width + width)
    spatial = 4 * linear + 4 * linear + feedforward + 6 * width  # itself, the text, and the table of shifts
    temporal = 4 * linear + feedforward + 6 * width
    patches = 4 * inside * width + width
    time = (frequencies * width + width) + linear + (width * 6 * width + 6 * width)
    text = (captions * width + width) + linear
    end = 2 * width + (width * 4 * out + 4 * out)
    return layers * (spatial + temporal) + patches + time + text + end


def test_the_paper_s_model_has_the_size_of_the_original() -> None:
    settings = load_yaml(find_config("t2v-latte-opensora-plan", T2V), T2VSettings)
    made = make_transformer(settings.model, device="meta")
    assert sum(weight.numel() for weight in made.parameters()) == latte_weights(16, 16)
    theirs = ModelSettings(family="latte", shape={**settings.model.shape, "in_channels": 4, "out_channels": 8})
    made = make_transformer(theirs, device="meta")
    assert sum(weight.numel() for weight in made.parameters()) == latte_weights(4, 8)


@pytest.mark.parametrize("name", config_names(T2V))
def test_every_shipped_configuration_is_read_strictly(name: str) -> None:
    settings = load_yaml(find_config(name, T2V), T2VSettings)
    assert settings.name == name
    with pytest.raises(SettingsError, match="either a base"):
        T2VSettings()
