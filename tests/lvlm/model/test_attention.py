"""Which kernel is chosen, and what is said of it: by what works, not by what is installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.attention import flex_attention as torch_flex

import fake_flash_attn
from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.model import attention, kernels
from sharegpt4video.lvlm.model.attention import Heads, choose, difference_from_sdpa
from sharegpt4video.lvlm.model.shapes import SHAPES
from sharegpt4video.lvlm.settings import ModelSettings

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
HEADS = Heads(8, 2, 64, torch.bfloat16)
BY_SPEED = ("flash_attention_3", "flash_attention_2", "varlen", "flex_attention")


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    attention._problem.cache_clear()
    yield
    attention._problem.cache_clear()


def working(monkeypatch: pytest.MonkeyPatch, **outcomes: Any) -> list[str]:
    """As on a GPU where kernels differ from SDPA by a number, or fail by an error; those not named are missing."""
    tried: list[str] = []

    def varlen(kind: str) -> None:
        if kind not in outcomes:
            raise kernels.Missing(f"{kind} is not there")

    def difference(kind: str, *_: object) -> float:
        tried.append(kind)
        outcome = outcomes.get(kind, RuntimeError("no compiler"))
        if isinstance(outcome, BaseException):
            raise outcome
        return float(outcome)

    monkeypatch.setattr(attention, "varlen", varlen)
    monkeypatch.setattr(attention, "difference_from_sdpa", difference)
    return tried


@pytest.mark.parametrize("best", range(4))
def test_the_fastest_that_works_is_taken(best: int, monkeypatch: pytest.MonkeyPatch) -> None:
    working(monkeypatch, **dict.fromkeys(BY_SPEED[best:], 0.001))
    found = choose("auto", CUDA, HEADS)
    assert found.kind == BY_SPEED[best]
    assert not found.slow
    assert found.text.startswith(f"attention: {found.kind} (")


def test_a_kernel_that_is_installed_but_fails_or_errs_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = RuntimeError("FlashAttention only supports\nAmpere GPUs or newer.")
    tried = working(monkeypatch, flash_attention_3=broken, flash_attention_2=0.4, varlen=ImportError("undefined"))
    found = choose("auto", CUDA, HEADS)
    assert tried == list(BY_SPEED)
    assert (found.kind, found.slow) == ("sdpa", True)
    for said in ("FlashAttention only supports Ampere GPUs or newer.", "differ from SDPA's by 0.4",
                 "(ImportError: undefined)", "(RuntimeError: no compiler)", "slow on a GPU",
                 "pip install flash-attn"):  # fmt: skip
        assert said in found.text


def test_on_other_devices_it_is_sdpa_and_not_called_slow() -> None:
    for device in ("cpu", "mps"):
        found = choose("auto", torch.device(device), HEADS)
        assert (found.kind, found.slow) == ("sdpa", False)
        assert "need a CUDA GPU" in found.text


def test_what_is_forced_is_taken_or_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    working(monkeypatch, flash_attention_2=0.001)
    assert choose("flash_attention_2", CUDA, HEADS).kind == "flash_attention_2"
    with pytest.raises(SettingsError, match=r"varlen does not work here: varlen is not there; set it to auto"):
        choose("varlen", CUDA, HEADS)
    with pytest.raises(SettingsError, match="it trains on a CUDA GPU alone, and this is cpu"):
        choose("flash_attention_2", CPU, HEADS)
    assert choose("sdpa", CUDA, HEADS).slow
    assert not choose("eager", CPU, HEADS).slow


def test_a_dense_mask_is_never_made_on_a_gpu() -> None:
    with pytest.raises(SettingsError, match=r"eager needs a mask .* data\.packing to false"):
        choose("eager", CUDA, HEADS)
    assert choose("eager", CUDA, HEADS, packing=False).slow


def test_kernels_of_16_bits_are_not_for_32_and_dropout_is_for_sdpa(monkeypatch: pytest.MonkeyPatch) -> None:
    working(monkeypatch, **dict.fromkeys(BY_SPEED, 0.0))
    assert choose("auto", CUDA, replace(HEADS, dtype=torch.float32)).kind == "flex_attention"
    dropping = choose("auto", CUDA, replace(HEADS, dropout=0.1))
    assert dropping.kind == "sdpa"
    assert "attention_dropout" in dropping.text


@pytest.mark.parametrize("kind", BY_SPEED)
def test_trying_a_kernel_finds_a_right_one_right_and_a_wrong_one_wrong(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = replace(HEADS, dtype=torch.float32)
    if kind == "flex_attention":
        from transformers.integrations import flex_attention

        monkeypatch.setattr(torch_flex, "_validate_device", lambda *_: None)
        run = torch_flex.flex_attention
        monkeypatch.setattr(
            flex_attention, "compile_friendly_flex_attention", lambda *qkv, training, **more: run(*qkv, **more)  # noqa: ARG005
        )  # fmt: skip
        assert difference_from_sdpa(kind, CPU, heads) < 1e-4
        monkeypatch.setattr(
            flex_attention, "compile_friendly_flex_attention",
            lambda *qkv, training, **more: run(*qkv, **{**more, "block_mask": None}),  # noqa: ARG005
        )  # fmt: skip
    else:
        fake_flash_attn.install(monkeypatch, kind)
        assert difference_from_sdpa(kind, CPU, heads) < 1e-4
        right = fake_flash_attn.attend
        monkeypatch.setattr(fake_flash_attn, "attend", lambda *given: right(*given) * 1.1)
    assert difference_from_sdpa(kind, CPU, heads) > 0.05


def test_what_is_missing_is_said_by_name() -> None:
    """None of them is installed where tests run; torch's own is looked for in torch."""
    for kind, said in (("flash_attention_3", "flash-attn-3"), ("flash_attention_2", "flash-attn is not installed")):
        with pytest.raises(kernels.Missing, match=said):
            kernels.varlen(kind)


def test_heads_are_those_of_the_shapes() -> None:
    text = SHAPES["llava-next-llama3-8b"].config().text_config
    assert Heads.of(text, torch.bfloat16) == Heads(32, 8, 128, torch.bfloat16)


def test_settings_name_the_kinds() -> None:
    assert ModelSettings(base="x", attention="flash2").problems() == [
        "model.attention: there is no kind 'flash2'; known: auto, flash_attention_3, flash_attention_2, varlen,"
        " flex_attention, sdpa, eager"
    ]
