"""The released code's own results for a tiny checkpoint in its format: grids, pixels, token counts and scores."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from sharegpt4video.lvlm.backend import overview_embeddings  # noqa: E402
from sharegpt4video.lvlm.convert import convert, to_original  # noqa: E402
from sharegpt4video.lvlm.grid import tiles, video_grid, visual_tokens  # noqa: E402

torch.set_num_threads(1)
GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "llava_tiny"
IMAGE = 1000  # the row after the last of the checkpoint

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"the golden checkpoint is not at {GOLDEN}")


@pytest.fixture(scope="module", params=range(5))
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())["cases"][request.param]
    files = sorted((GOLDEN / f"case{request.param}").glob("frame_*.png"))
    frames = [np.array(Image.open(file)) for file in files]
    return {**found, "frames": frames, "grid": video_grid(frames)}


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("golden") / "converted"
    report = convert(GOLDEN / "checkpoint", out, shard_bytes=300_000)
    assert report.shards > 1
    assert [warning for warning in report.warnings if "no tokenizer found" in warning]
    return out


@pytest.fixture(scope="module")
def model(converted: Path) -> Any:
    made, info = transformers.LlavaNextForConditionalGeneration.from_pretrained(converted, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    return made.eval()


def question(visual: int) -> Any:
    """[1, 5, <image>, 7, 8, 9] with the picture's tokens in place."""
    return torch.tensor([[1, 5, *[IMAGE] * visual, 7, 8, 9]])


def test_grid(case: dict[str, Any]) -> None:
    whole = video_grid(case["frames"], max_side_pixels=None)
    assert list(whole.shape[1::-1]) == case["grid_size_before_resize"]
    assert list(case["grid"].shape[1::-1]) == case["grid_size"]
    assert hashlib.sha256(case["grid"].tobytes()).hexdigest() == case["grid_rgb_sha256"]


@pytest.fixture
def _same_order(case: dict[str, Any]) -> None:
    """Skips where this Pillow cannot make the pixels that were expected of it."""
    width, height = case["grid_size"]
    if height > width and int(PIL.__version__.partition(".")[0]) < 13:
        pytest.skip("made with Pillow 13, which reduces tall pictures in height first")


@pytest.mark.usefixtures("_same_order")
def test_pixels_and_token_counts(case: dict[str, Any]) -> None:
    made, (width, height) = tiles(case["grid"]), case["grid_size"]
    assert list(made.shape) == case["pixel_values_shape"]
    assert hashlib.sha256(made.astype("<f4").tobytes()).hexdigest() == case["pixel_values_float32_sha256"]
    assert visual_tokens(width, height) == case["visual_tokens_anyres"]
    assert visual_tokens(width, height, mode="overview") == case["visual_tokens_overview_only"]


@pytest.mark.usefixtures("_same_order")
def test_scores_with_all_tiles(case: dict[str, Any], model: Any) -> None:
    pixels = torch.from_numpy(tiles(case["grid"]))[None]
    ids = question(case["visual_tokens_anyres"])
    with torch.no_grad():
        sizes = torch.tensor([case["grid"].shape[:2]])
        made = model(input_ids=ids, pixel_values=pixels, image_sizes=sizes, logits_to_keep=4).logits
    assert np.abs(made[0, :, :IMAGE].numpy() - case["logits_last4_anyres"]).max() < 1e-5


@pytest.mark.usefixtures("_same_order")
def test_scores_with_the_overview_alone(case: dict[str, Any], model: Any) -> None:
    ids = question(case["visual_tokens_overview_only"])
    with torch.no_grad():
        pixels = torch.from_numpy(tiles(case["grid"], mode="overview"))
        made = model(inputs_embeds=overview_embeddings(model, ids, pixels), logits_to_keep=4).logits
    assert np.abs(made[0, :, :IMAGE].numpy() - case["logits_last4_overview_only"]).max() < 1e-5


def test_there_and_back(converted: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    to_original(converted, tmp_path / "back")
    old, new = (load_file(folder / "model.safetensors") for folder in (GOLDEN / "checkpoint", tmp_path / "back"))
    assert old.keys() == new.keys()
    assert all(old[name].equal(new[name]) for name in old)
    for name in ("config.json",):
        assert json.loads((tmp_path / "back" / name).read_text()) == json.loads(
            (GOLDEN / "checkpoint" / name).read_text()
        )
