"""``train``: from settings, a YAML file, or the name of a configuration that comes with the package."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..checking import expect
from ..config import load_yaml
from ..learning.configs import find_config
from .settings import TrainSettings

if TYPE_CHECKING:
    from .train import StepReport, TrainResult


def train(
    settings: TrainSettings | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    resume: bool = True,
    on_step: Callable[[StepReport], None] | None = None,
) -> TrainResult:
    """Train a video-language model, or resume the run in the folder ``out`` (extra ``train``).

        result = train("tiny", "run")
        print(result.text())

    settings  a ``TrainSettings``, a YAML file, or the name of one of the package's configurations
    out       folder for checkpoints and logs
    resume    continue from the newest intact checkpoint; False: delete what an earlier run left in ``out``
    on_step   called after each step, in the first process

    Raises SettingsError for settings that do not fit the machine or the checkpoint, StorageError for damaged or
    unwritable files, TrainingError for a loss that is not finite or too little memory, MissingExtra without the extra.
    """
    if isinstance(settings, (str, os.PathLike)):
        settings = load_yaml(find_config(Path(settings)), TrainSettings)
    expect(settings, TrainSettings)
    from .train import train as run

    return run(settings, Path(out), resume=resume, on_step=on_step)
