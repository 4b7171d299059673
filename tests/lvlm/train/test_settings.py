"""Numbers that make no sense are refused when settings are made, all of them in one message."""

from __future__ import annotations

import math

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.settings import (
    DataSettings,
    DataSource,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    TrainSettings,
    TuneSettings,
)

MODEL = ModelSettings(shape="tiny", random_weights=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (OptimiserSettings(max_grad_norm=-1.0), "optimiser.max_grad_norm must be at least 0 .*, not -1.0"),
        (OptimiserSettings(weight_decay=-0.1), "optimiser.weight_decay must be at least 0"),
        (OptimiserSettings(betas=(0.9, 1.5)), "optimiser.betas must be at least 0 and under 1, not"),
        (OptimiserSettings(epsilon=0.0), "optimiser.epsilon must be over 0"),
        (OptimiserSettings(epochs=math.inf), "optimiser.epochs is a number, not inf"),
        (OptimiserSettings(warmup_share=math.nan), "optimiser.warmup_share is a number, not nan"),
        (OptimiserSettings(seed=2**70), "optimiser.seed must be at least -9,223"),
        (TuneSettings(language_rate=math.nan), "tune.language_rate is a number, not nan"),
        (TuneSettings(lora_alpha=math.inf), "tune.lora_alpha is a number, not inf"),
        (DataSettings(sources=(DataSource("a.json", weight=math.inf),)), "a.json: weight is a number, not inf"),
        (RunSettings(save_every_steps=0), "run.save_every_steps must be at least 1 and .*, not 0"),
        (RunSettings(log_every_steps=0), "run.log_every_steps must be at least 1 and .*, not 0"),
        (RunSettings(keep_checkpoints=0), "run.keep_checkpoints must be at least 1 and .*, not 0"),
    ],
)
def test_a_number_that_makes_no_sense_is_named(wrong: object, said: str) -> None:
    groups = {OptimiserSettings: "optimiser", TuneSettings: "tune", DataSettings: "data", RunSettings: "run"}
    with pytest.raises(SettingsError, match=said):
        TrainSettings(model=MODEL, **{groups[type(wrong)]: wrong})  # type: ignore[arg-type]


def test_all_problems_are_in_one_message() -> None:
    with pytest.raises(SettingsError, match=r"lora_rank .*; optimiser.micro_batch .*; run.log_every_steps"):
        TrainSettings(
            model=MODEL, tune=TuneSettings(lora_rank=0), optimiser=OptimiserSettings(micro_batch=0),
            run=RunSettings(log_every_steps=0),
        )  # fmt: skip
