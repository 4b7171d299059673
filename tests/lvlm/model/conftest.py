"""The tiny model and a picture question for it, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from sharegpt4video.lvlm.model.build import build, processor  # noqa: E402
from sharegpt4video.lvlm.settings import ModelSettings  # noqa: E402

TINY = ModelSettings(shape="tiny", random_weights=True)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def tiny() -> Any:
    return build(TINY, dtype=torch.float32, seed=3)


@pytest.fixture(scope="session")
def tiny_processor() -> Any:
    return processor(TINY)


@pytest.fixture(scope="session")
def example(tiny_processor: Any) -> Callable[..., dict[str, Any]]:
    """Inputs of one sample: a noisy picture of a size, a question, an answer that is to be learned."""
    from PIL import Image

    def make(answer: str = "A red circle.", size: tuple[int, int] = (96, 96), seed: int = 0) -> dict[str, Any]:
        pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}]
        told = tiny_processor.apply_chat_template([*asked, {"role": "assistant", "content": answer}])
        inputs = tiny_processor(
            images=Image.fromarray(pixels), text=told, return_tensors="pt", add_special_tokens=False
        )
        question = tiny_processor.apply_chat_template(asked, add_generation_prompt=True)
        begins = len(tiny_processor.tokenizer(question, add_special_tokens=False).input_ids)
        answered = len(tiny_processor.tokenizer(told, add_special_tokens=False).input_ids) - begins
        labels = inputs["input_ids"].clone()
        labels[:, :-answered] = -100
        return {
            "input_ids": inputs["input_ids"],
            "labels": labels,
            "pixel_values": inputs["pixel_values"][0],
            "image_sizes": inputs["image_sizes"],
        }

    return make


@pytest.fixture
def small_qwen() -> Any:
    """A Qwen3-VL of few numbers, with DeepStack."""
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.for_model(
        "qwen3_vl",
        text_config={"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
                     "num_key_value_heads": 2, "head_dim": 24, "vocab_size": 200, "tie_word_embeddings": True,
                     "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 4, 4],
                                         "mrope_interleaved": True}},
        vision_config={"hidden_size": 32, "intermediate_size": 48, "depth": 3, "num_heads": 2, "patch_size": 4,
                       "out_hidden_size": 64, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]},
        image_token_id=190, video_token_id=191, vision_start_token_id=192, vision_end_token_id=193,
        tie_word_embeddings=True,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForImageTextToText.from_config(config, dtype=torch.float32, attn_implementation="eager")


@pytest.fixture
def qwen_inputs() -> dict[str, Any]:
    """Two pieces of a video, 8 x 8 patches each, then an answer of four tokens."""
    seen = [192, *[191] * 16, 193]
    ids = torch.tensor([[1, 2, *seen, 3, *seen, 10, 11, 12, 13]])
    labels = torch.full_like(ids, -100)
    labels[:, -4:] = ids[:, -4:]
    generator = torch.Generator().manual_seed(0)
    kinds = torch.where(ids == 191, 2, 0)
    return {
        "input_ids": ids,
        "labels": labels,
        "mm_token_type_ids": kinds,
        "pixel_values_videos": torch.randn(2 * 64, 3 * 2 * 4 * 4, generator=generator),
        "video_grid_thw": torch.tensor([[2, 8, 8]]),
    }
