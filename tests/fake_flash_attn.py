"""Stands in for the packages of FlashAttention and torch's ``varlen_attn``: their interfaces, computed by definition.

Signatures are those of flash-attn 2.8 (``flash_attn_varlen_func``), of flash-attn-3 (the same name, and the sums
besides) and of ``torch.nn.attention.varlen`` of torch 2.13. What must hold for the real kernels is checked at each
call: where sequences begin is int32 and covers all tokens, lengths are plain numbers, tensors are of one 16- or 32-bit
type.
"""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import torch

Tensor = torch.Tensor


@dataclass
class Call:
    """What a kernel was given."""

    starts: Tensor
    longest: int
    tokens: int


def install(patch: pytest.MonkeyPatch, kind: str) -> list[Call]:
    """Make the kernel of ``kind`` the one below; gives the list of its calls from now on."""
    calls: list[Call] = []

    def flash(
        q: Tensor, k: Tensor, v: Tensor, cu_seqlens_q: Tensor, cu_seqlens_k: Tensor, max_seqlen_q: int,
        max_seqlen_k: int, softmax_scale: float | None = None, causal: bool = False,
    ) -> Any:  # fmt: skip
        assert causal, "tokens would see those after them"
        found = attend(calls, q, k, v, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, softmax_scale)
        return (found, None) if kind == "flash_attention_3" else found

    def varlen_attn(
        query: Tensor, key: Tensor, value: Tensor, cu_seq_q: Tensor, cu_seq_k: Tensor, max_q: int, max_k: int, *,
        scale: float | None = None, window_size: tuple[int, int] = (-1, -1), enable_gqa: bool = False,
    ) -> Tensor:  # fmt: skip
        assert window_size == (-1, 0), "tokens would see those after them"
        assert enable_gqa or query.shape[1] == key.shape[1]
        return attend(calls, query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, scale)

    if kind == "varlen":
        patch.setitem(sys.modules, "torch.nn.attention.varlen", types.SimpleNamespace(varlen_attn=varlen_attn))
        return calls
    name = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}[kind]
    module = types.ModuleType(name)
    module.__spec__ = types.SimpleNamespace(name=name)  # type: ignore[assignment]  # that it is there is enough
    module.flash_attn_varlen_func = flash  # type: ignore[attr-defined]
    patch.setitem(sys.modules, name, module)
    return calls


def attend(
    calls: list[Call], q: Tensor, k: Tensor, v: Tensor, starts: Tensor, key_starts: Tensor, longest: int,
    longest_key: int, scale: float | None,
) -> Tensor:  # fmt: skip
    """Causal attention of each sequence by itself, heads of queries sharing those of keys."""
    assert q.ndim == k.ndim == v.ndim == 3
    assert q.dtype == k.dtype == v.dtype
    assert starts.dtype == key_starts.dtype == torch.int32
    assert type(longest) is type(longest_key) is int
    if q.is_meta:  # nothing can be read here: whoever waits for a number fails
        return q * k.sum() * v.sum()
    edges = starts.tolist()
    assert edges[0] == 0
    assert edges == sorted(edges)
    assert edges[-1] == len(q) == len(k)
    assert torch.equal(starts, key_starts)
    calls.append(Call(starts, longest, len(q)))
    shared = q.shape[1] // k.shape[1]
    parts = []
    for begin, end in pairwise(edges):
        assert end - begin <= longest == longest_key
        one = [tensor[begin:end].transpose(0, 1) for tensor in (q, k, v)]
        keys, values = (tensor.repeat_interleave(shared, dim=0) for tensor in one[1:])
        scores = one[0] @ keys.transpose(1, 2) * (q.shape[-1] ** -0.5 if scale is None else scale)
        future = torch.ones(end - begin, end - begin, dtype=torch.bool).triu(1)
        parts.append((scores.masked_fill(future, float("-inf")).softmax(-1) @ values).transpose(0, 1))
    return torch.cat(parts)
