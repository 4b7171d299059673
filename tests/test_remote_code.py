"""Checkpoints of strangers: code that comes with the weights, pickles and classes by name, for everything that loads.

Each folder holds a module that leaves a mark when it is imported. Nobody is asked, either: an answer may lie in stdin.
"""

from __future__ import annotations

import io
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sharegpt4video.errors import SG4VError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from sharegpt4video.dataset.similar.novelty import open_encoder  # noqa: E402
from sharegpt4video.learning.checkpoints import Checkpoint  # noqa: E402
from sharegpt4video.lvlm.convert.texts import _from_files  # noqa: E402
from sharegpt4video.lvlm.model.build import processor  # noqa: E402
from sharegpt4video.lvlm.settings import ModelSettings  # noqa: E402
from sharegpt4video.lvlm.train.merging import settings_of  # noqa: E402
from sharegpt4video.tensors import stored_in  # noqa: E402
from sharegpt4video.video.encoders import ClipEncoder  # noqa: E402

PARTS = (
    "AutoConfig",
    "AutoModel",
    "AutoModelForImageTextToText",
    "AutoTokenizer",
    "AutoProcessor",
    "AutoImageProcessor",
)


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "theirs.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\nclass Theirs: pass\n")
    told = {"auto_map": dict.fromkeys(PARTS, "theirs.Theirs"), "model_type": "theirs"}
    tokenizer = {**told, "tokenizer_class": "Theirs", "auto_map": {"AutoTokenizer": ["theirs.Theirs", None]}}
    for name, plain in {"config": told, "preprocessor_config": told, "processor_config": told,
                        "tokenizer_config": tokenizer}.items():  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps(plain))
    return folder


def text_encoder(folder: Path) -> object:
    pytest.importorskip("diffusers")
    from sharegpt4video.t2v.settings import ModelSettings as Generator
    from sharegpt4video.t2v.settings import TextSettings
    from sharegpt4video.t2v.texts import load_encoder

    text = TextSettings(encoder=str(folder))
    return load_encoder(text, Generator(), torch.device("cpu"), torch.float32)


def hf(folder: Path) -> object:
    from sharegpt4video.vlm.hf.loading import Source, load

    return load(Source(str(folder), None, "cpu", "auto", "auto"))


LOADERS: dict[str, Callable[[Path], object]] = {
    "a text encoder of a generator": text_encoder,
    "a text encoder": lambda folder: open_encoder(f"hf:{folder}"),
    "a picture encoder": lambda folder: ClipEncoder(str(folder)),
    "a tokenizer to convert": _from_files,
    "a model": hf,
    "a base to train": lambda folder: processor(ModelSettings(base=str(folder))),
}


@pytest.mark.parametrize("name", LOADERS)
def test_no_code_of_a_checkpoint_is_run_and_nobody_is_asked(
    stranger: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n" * 9))
    with pytest.raises(SG4VError):
        LOADERS[name](stranger)
    assert not (stranger.parent / "mark").exists()


def test_a_checkpoint_that_wants_to_run_code_is_not_merged_unasked(tmp_path: Path) -> None:
    plain = {"name": "x", "model": {"base": "evil/base", "trust_remote_code": True}}
    found = Checkpoint(tmp_path, 1, plain, 1, {}, {})
    with pytest.raises(SG4VError, match=r"evil/base runs code of its own.*--trust-remote-code"):
        settings_of(found)
    assert settings_of(found, trust_remote_code=True).model.trust_remote_code


class _Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.mark,))


def test_a_pickle_is_no_program(tmp_path: Path) -> None:
    for name, write in {
        "old.bin": lambda path: path.write_bytes(pickle.dumps({"weight": _Bomb(tmp_path / "mark")})),
        "new.bin": lambda path: torch.save({"weight": _Bomb(tmp_path / "mark")}, path),
    }.items():
        write(tmp_path / name)
        with pytest.raises(SG4VError, match="cannot be read as weights"):
            stored_in([tmp_path / name])
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a header of gigabytes", (1 << 40).to_bytes(8, "little") + b"{}"),
        ("a header that is cut", (100).to_bytes(8, "little") + b"{"),
        ("a tensor outside", b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'),
        ("a tensor of zettabytes", b'{"a":{"dtype":"F32","shape":[999999999,999999999],"data_offsets":[0,4]}}'),
        ("a tensor upside down", b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}'),
    ],
)
def test_a_header_of_safetensors_is_not_believed(tmp_path: Path, name: str, data: bytes) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(data if "header" in name else len(data).to_bytes(8, "little") + data + b"\0" * 4)
    with pytest.raises(SG4VError, match="cannot be read as weights"):
        stored_in([file])


@pytest.mark.parametrize("named", ["DiffusionPipeline", "StableDiffusionPipeline", "UNet2DModel", "os", "utils"])
def test_a_generators_folder_names_no_class_but_an_autoencoder(tmp_path: Path, named: str) -> None:
    pytest.importorskip("diffusers")
    from sharegpt4video.t2v.latents import space_of
    from sharegpt4video.t2v.settings import ModelSettings as Generator

    (tmp_path / "config.json").write_text(json.dumps({"_class_name": named}))
    with pytest.raises(SG4VError, match=f"it names the class {named}, which is no autoencoder"):
        space_of(Generator(vae=str(tmp_path)), torch.device("cpu"), torch.float32)
