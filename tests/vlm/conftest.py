"""Tiny models of transformers in folders, for the tests of models that run in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from made_requests import PROMPTS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA-NeXT with random weights."""
    torch = pytest.importorskip("torch")
    import tiny_models

    torch.set_num_threads(1)
    return tiny_models.save_llava_next(tmp_path_factory.mktemp("llava-next"))


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says the question again."""
    torch = pytest.importorskip("torch")
    import tiny_models

    torch.set_num_threads(1)
    words = " ".join(str(words) for words in vars(PROMPTS).values())
    return tiny_models.save_echo(tmp_path_factory.mktemp("echo"), words_of=words)
