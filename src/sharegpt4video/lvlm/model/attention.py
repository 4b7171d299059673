"""Which attention kernel trains the language model. ``kernels`` holds them.

- ``flash_attention_3``, ``flash_attention_2`` (packages of their own) and ``varlen`` (the FlashAttention inside torch)
  take where each sample of a packed row begins;
- ``flex_attention`` takes the blocks of 128 tokens that hold anything, and compiles its kernel at the first step;
- ``sdpa`` runs torch's scaled dot-product attention once for each sample;
- ``eager`` is transformers' own arithmetic with a mask of all tokens by all, for comparison.

A kernel is not chosen because its package is installed but because it worked: it is run on a few tokens, forwards and
backwards, and held against SDPA.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import torch
from torch import nn

from ...errors import SettingsError
from ..settings import AttentionKind
from .kernels import FORWARDS, Missing, varlen
from .sequences import Sequences

# By speed, and why each is taken.
_FAST: dict[AttentionKind, str] = {
    "flash_attention_3": "FlashAttention 3 is installed and works here",
    "flash_attention_2": "FlashAttention 2 is installed and works here",
    "varlen": "the FlashAttention inside torch works here",
    "flex_attention": "no FlashAttention works here, but FlexAttention does",
}
_FORCED = "as model.attention says"
_LENGTHS = (5, 130, 121)  # of the samples that kernels are tried on


@dataclass(frozen=True)
class Heads:
    """What a kernel has to cope with: heads of queries and of keys, their width, the type, and dropout of scores."""

    query: int
    key: int
    width: int
    dtype: torch.dtype
    dropout: float = 0.0

    @classmethod
    def of(cls, text_config: Any, dtype: torch.dtype) -> Heads:
        """Those of a language model's configuration."""
        query = text_config.num_attention_heads
        width = getattr(text_config, "head_dim", None) or text_config.hidden_size // query
        dropout = float(getattr(text_config, "attention_dropout", None) or 0.0)
        return cls(query, text_config.num_key_value_heads, width, dtype, dropout)


@dataclass(frozen=True)
class Attention:
    """The kernel that was chosen, why, and whether a faster one is wanting."""

    kind: AttentionKind
    why: str
    slow: bool = False

    @property
    def text(self) -> str:
        """One line for a log."""
        found = f"attention: {self.kind} ({self.why})"
        advice = "; this is slow on a GPU: update torch, or pip install flash-attn" if self.slow else ""
        return found + advice


def choose(wanted: str, device: torch.device, heads: Heads, *, packing: bool = True) -> Attention:
    """The kernel for ``wanted``: an `AttentionKind`, or ``auto`` for the fastest that works here.

    Raises SettingsError for one that does not work on this device or with this model, saying why.
    """
    kind = cast(AttentionKind, wanted)
    if wanted == "eager" and packing and device.type == "cuda":
        raise SettingsError(
            "model.attention: eager needs a mask of all tokens of a packed row by all of them, which is no way to train"
            " on a GPU; set it to auto, or data.packing to false"
        )
    if wanted in ("sdpa", "eager"):
        return Attention(kind, _FORCED, slow=device.type == "cuda")
    if wanted != "auto":
        if problem := _problem(wanted, device, heads):
            raise SettingsError(f"model.attention: {wanted} does not work here: {problem}; set it to auto")
        return Attention(kind, _FORCED)
    if device.type != "cuda":
        return Attention("sdpa", "once for each sample; the faster kernels need a CUDA GPU")
    problems = []
    for kind, reason in _FAST.items():
        problem = _problem(kind, device, heads)
        if not problem:
            return Attention(kind, reason)
        problems.append(f"{kind}: {problem}")
    told = "; ".join(problems)
    return Attention("sdpa", f"once for each sample, since no faster kernel works here: {told}", slow=True)


@cache
def _problem(kind: str, device: torch.device, heads: Heads) -> str:
    """Why a kernel cannot be used; "" if it can, because it was."""
    if device.type != "cuda":
        return f"it trains on a CUDA GPU alone, and this is {device.type}"
    if heads.dropout:
        return "the base drops attention scores (attention_dropout), which sdpa alone does here"
    if kind != "flex_attention":
        if heads.dtype not in (torch.bfloat16, torch.float16):
            return "it calculates in 16 bits, and run.precision asks for 32"
        try:
            varlen(kind)
        except Missing as missing:
            return str(missing)
    try:
        worst = difference_from_sdpa(kind, device, heads)
    # Whatever a kernel or the compiler behind it raises: another one does the work, and the reason is told.
    except Exception as error:  # noqa: BLE001
        said = " ".join(str(error).split())[:200]
        return f"it failed on a few tokens ({type(error).__name__}: {said})"
    limit = 0.05 if heads.dtype.itemsize == 2 else 1e-3
    return "" if worst <= limit else f"its results differ from SDPA's by {worst:.3g} of the largest"


def difference_from_sdpa(kind: str, device: torch.device, heads: Heads) -> float:
    """How far a kernel's results and gradients for some packed samples are from SDPA's, as a share of the largest."""
    sequences = Sequences((_LENGTHS,), device)
    source = torch.Generator().manual_seed(0)
    values = [torch.randn(1, count, sum(_LENGTHS), heads.width, generator=source)
              for count in (heads.query, heads.key, heads.key)]  # fmt: skip
    found = []
    for one in (kind, "sdpa"):
        inputs = [value.to(device, heads.dtype).requires_grad_() for value in values]
        result, _ = FORWARDS[one](_Layer(heads), *inputs, scaling=heads.width**-0.5, sequences=sequences)
        slopes = torch.autograd.grad(result.float().square().sum(), inputs)
        found.append([tensor.detach().float() for tensor in (result, *slopes)])
    pairs = zip(*found, strict=True)
    return max(float((mine - other).abs().max() / other.abs().max()) for mine, other in pairs)


class _Layer(nn.Module):  # type: ignore[misc]  # torch is not checked
    """What a kernel asks of the layer that calls it."""

    is_causal = True

    def __init__(self, heads: Heads) -> None:
        super().__init__()
        self.num_key_value_groups = heads.query // heads.key
