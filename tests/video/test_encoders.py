"""CLIP through transformers: equal to plain calls of that library on a tiny random model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sharegpt4video.errors import MissingExtra, SettingsError
from sharegpt4video.video.encoders import ClipEncoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    made = tmp_path_factory.mktemp("clip")
    config = transformers.CLIPVisionConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    transformers.CLIPVisionModel(config).eval().save_pretrained(made)
    processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}, do_center_crop=True
    )
    processor.save_pretrained(made)
    return made


def pictures() -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, size, dtype=np.uint8) for size in ((30, 50, 3), (64, 36, 3), (28, 28, 3), (90, 31, 3))]


def test_it_is_the_class_token_of_the_last_layer(folder: Path) -> None:
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor, CLIPVisionModel

    model = CLIPVisionModel.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    expected = []
    for picture in pictures():
        inputs = processor(images=Image.fromarray(picture), return_tensors="pt")
        with torch.no_grad():
            token = model(**inputs, output_hidden_states=True).hidden_states[-1][0, 0].double().numpy()
        expected.append(token / np.linalg.norm(token))
    found = ClipEncoder(str(folder), device="cpu").encode(pictures())
    assert found.dtype == np.float32
    assert found.shape == (4, 16)
    np.testing.assert_allclose(found, np.stack(expected), atol=2e-6)


def test_the_batch_changes_nothing_and_red_is_not_blue(folder: Path) -> None:
    encoder = ClipEncoder(str(folder), device="cpu")
    together = encoder.encode(pictures())
    alone = np.concatenate([encoder.encode([picture]) for picture in pictures()])
    np.testing.assert_allclose(together, alone, atol=2e-6)
    mirrored = encoder.encode([np.ascontiguousarray(picture[:, :, ::-1]) for picture in pictures()])
    assert np.abs(together - mirrored).max() > 1e-3
    assert encoder.encode([]).shape == (0, 16)


def test_a_grey_strip_three_rows_high_is_a_picture_like_any_other(folder: Path) -> None:
    strip = np.full((3, 40, 3), 90, np.uint8)  # its shape could be read as three channels of 40 x 3
    assert ClipEncoder(str(folder), device="cpu").encode([strip]).shape == (1, 16)


def test_what_it_says_of_itself(folder: Path) -> None:
    encoder = ClipEncoder(str(folder), device="cpu", batch_size=3)
    assert (encoder.name, encoder.similarity, encoder.batch_size) == (str(folder), 0.93, 3)
    with pytest.raises(SettingsError, match="batch_size"):
        ClipEncoder(str(folder), batch_size=0)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(SettingsError, match="cannot be loaded as a CLIP image model"):
        ClipEncoder(str(tmp_path))


def test_pickled_weights_are_not_read(folder: Path, tmp_path: Path) -> None:
    import torch
    from transformers import CLIPVisionModel

    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    torch.save(CLIPVisionModel.from_pretrained(folder).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(SettingsError, match="safetensors"):
        ClipEncoder(str(tmp_path))


def test_without_the_extra_the_line_that_adds_it_is_given() -> None:
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "from sharegpt4video.errors import MissingExtra\n"
        "from sharegpt4video.video.encoders import ClipEncoder\n"
        "assert 'torch' not in sys.modules\n"
        "try:\n    ClipEncoder()\n"
        "except MissingExtra as error:\n    print(error, error.extra)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'sharegpt4video[hf]' hf" in done.stdout
    assert issubclass(MissingExtra, ImportError)
