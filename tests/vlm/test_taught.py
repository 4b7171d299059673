"""A captioner says which prompts it has learned, and whoever asks with others is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sharegpt4video.prompts import prompt_set
from sharegpt4video.vlm.hf import TAUGHT, taught_text
from sharegpt4video.vlm.hf.taught import noticed


def test_only_other_prompts_are_worth_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / TAUGHT).write_text(taught_text(["brief"]))
    brief, default = prompt_set("brief"), prompt_set("default")
    assert noticed(brief, str(tmp_path)) is brief
    assert not caplog.text
    assert noticed(default, str(tmp_path)) is default
    assert "learned to be asked with the prompts brief, and is asked with others" in caplog.text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"prompts": 3}', '{"prompts": {}}', '{"prompts": [1]}'])
def test_other_files_of_that_name_say_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    (tmp_path / TAUGHT).write_text(text)
    noticed(prompt_set("default"), str(tmp_path))
    noticed(prompt_set("default"), "some/name-of-the-hub")
    assert not caplog.text
