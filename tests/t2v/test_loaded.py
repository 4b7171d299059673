"""LoRA on a pipeline in the diffusers format, with tiny random weights of the same classes as Wan 2.1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

from made_generators import WAN, clips  # noqa: E402
from sharegpt4video.t2v.latents import LatentSpace  # noqa: E402
from sharegpt4video.t2v.sample import Sampling, open_model  # noqa: E402
from sharegpt4video.t2v.settings import (  # noqa: E402
    DataSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    T2VSettings,
    TextSettings,
    TuneSettings,
)
from sharegpt4video.t2v.texts import cut_of, load_encoder  # noqa: E402
from sharegpt4video.t2v.train import train  # noqa: E402

WORDS = ["<pad>", "</s>", "<unk>", "a", "red", "ring", "at", "the", "beginning", "there", "is", "it", "moves", "up"]


def autoencoder() -> object:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLWan(
        base_dim=4, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, latents_mean=[0.1] * 4, latents_std=[2.0] * 4
    )


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path_factory.mktemp("pipeline")
    made = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    torch.manual_seed(0)
    config = transformers.UMT5Config(vocab_size=32, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    transformer = diffusers.WanTransformer3DModel(
        **{**WAN, "patch_size": (1, 2, 2), "in_channels": 4, "out_channels": 4}
    )
    diffusers.WanPipeline(
        tokenizer, transformers.UMT5EncoderModel(config), autoencoder(),
        diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0), transformer,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def settings(pipeline: Path) -> T2VSettings:
    return T2VSettings(
        model=ModelSettings(base=str(pipeline), vae="base"),
        text=TextSettings(encoder="base", max_tokens=8),
        data=DataSettings(frames=5, width=32, height=32, window="head"),
        tune=TuneSettings(how="lora", lora_rank=2, lora_alpha=2.0),
        optimiser=OptimiserSettings(steps=3, batch=2, micro_batch=1, rate=0.01, warmup_steps=0, ema=0.0, shift=3.0),
        run=RunSettings(precision="fp32", checkpointing=True),
    )


def test_adapters_are_learned_sampled_and_read_by_diffusers(pipeline: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    result = train(settings(pipeline), clips(tmp_path / "data", 3), tmp_path / "run", on_note=notes.append)
    assert result.steps == 3
    assert any("window of 8 tokens" in note for note in notes)
    video = next(open_model(tmp_path / "run").videos(["a red ring"], Sampling(steps=2)))
    assert video.shape == (5, 32, 32, 3)
    theirs = diffusers.WanPipeline.from_pretrained(pipeline)
    sample, texts = torch.randn(1, 4, 2, 4, 4), torch.randn(1, 8, 16)
    with torch.no_grad():
        before = theirs.transformer(sample, torch.tensor([500.0]), texts, return_dict=False)[0]
        theirs.load_lora_weights(tmp_path / "run" / "model")
        after = theirs.transformer(sample, torch.tensor([500.0]), texts, return_dict=False)[0]
        ours = open_model(tmp_path / "run").generator(sample, torch.tensor([0.5]), texts)
    assert (after - before).abs().max() > 1e-5
    torch.testing.assert_close(ours, after, rtol=1e-4, atol=1e-5)


def test_texts_are_encoded_as_the_pipeline_does(pipeline: Path) -> None:
    asked = settings(pipeline)
    encoder = load_encoder(asked.text, asked.model, torch.device("cpu"), torch.float32)
    texts = ["a red ring", "at the beginning there is a red ring it moves up"]
    encoded, blank = encoder.encode(texts)
    theirs, _ = diffusers.WanPipeline.from_pretrained(pipeline).encode_prompt(
        texts, do_classifier_free_guidance=False, max_sequence_length=8, device="cpu"
    )
    torch.testing.assert_close(encoded, theirs)
    assert (~blank).sum(1).tolist() == [4, 8]
    cut = cut_of(encoder, texts, 8)
    assert (cut.over, cut.longest, cut.lost) == (1, 12, 4)


def test_latents_are_normalised_as_the_pipeline_does() -> None:
    space = LatentSpace(autoencoder().eval())
    video = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    latents = space.encode(video)
    assert latents.shape[1:] == space.shape(5, 32, 32) == (4, 2, 4, 4)
    with torch.no_grad():
        raw = space.vae.encode(video).latent_dist.mode()
    torch.testing.assert_close(latents * 2.0 + 0.1, raw, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(space.decode(latents), space.vae.decode(raw)[0].clamp(-1, 1), rtol=1e-3, atol=1e-4)
    assert np.isfinite(space.decode(latents).numpy()).all()
