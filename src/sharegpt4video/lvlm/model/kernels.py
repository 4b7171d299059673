"""Causal attention in which the samples of a row see themselves alone, by each kernel there may be.

No kernel gets a mask of all tokens by all tokens, whose cost grows with the square of the packed row. Rows are padded
at their end alone, and no token looks ahead, so what is real never sees padding: rows of one sample need no mask.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from .sequences import Sequences


class Missing(Exception):
    """A kernel is not installed, or not whole; the text says what to do."""


class Varlen(Protocol):
    """A kernel that takes where samples begin; tensors are (tokens of all rows, heads, width)."""

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, starts: Tensor, longest: int, scale: float | None
    ) -> Tensor: ...


# Not by their kinds: transformers looks into a name for those of its own kernels, and treats it as one of them.
_NAMES = {"flash_attention_3": "sg4v_fa3", "flash_attention_2": "sg4v_fa2", "varlen": "sg4v_varlen",
          "flex_attention": "sg4v_blocks", "sdpa": "sg4v_samples"}  # fmt: skip


@cache
def _register() -> None:
    from transformers import AttentionInterface

    for kind, forward in FORWARDS.items():
        AttentionInterface.register(_NAMES[kind], forward)


def registered(kind: str) -> str:
    """The name under which transformers finds a kernel, known to it from now on.

    For a kernel that it knows no masks of, transformers makes none, neither for padding nor for packed rows.
    """
    _register()
    return _NAMES[kind]


def tell_sequences(model: nn.Module) -> None:
    """Have a model find out from ``position_ids`` which samples share a row where its caller does not say it.

    A caller that gives ``sequences`` spares it waiting for the device.
    """

    def before(_: nn.Module, args: tuple[Any, ...], inputs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        positions = inputs.get("position_ids")
        generating = inputs.get("past_key_values") is not None  # its rows are padded in front, and hold one sample each
        if positions is not None and inputs.get("sequences") is None and not generating:
            inputs = {**inputs, "sequences": Sequences.in_rows(positions)}
        return args, inputs

    model.register_forward_pre_hook(before, with_kwargs=True)


class _Attend(Protocol):
    def __call__(
        self, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, sequences: Sequences, *, dropout: float,
        scaling: float | None,
    ) -> Tensor: ...  # fmt: skip


def _for_transformers(attend: _Attend) -> Callable[..., tuple[Tensor, None]]:
    """The function that transformers calls in each layer, with (rows, heads, tokens, width)."""

    # A compiled layer is left here: compiled for some lengths, it would be compiled again for the next ones.
    @torch.compiler.disable(recursive=False)  # type: ignore[untyped-decorator]
    def forward(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Any = None,  # noqa: ARG001  # nobody makes one
        dropout: float = 0.0,
        scaling: float | None = None,
        sequences: Sequences | None = None,
        **_: Any,
    ) -> tuple[Tensor, None]:
        rows, _, width, _ = query.shape
        if key.shape[2] != width:
            return _one_more_token(module, query, key, value, scaling)
        found = sequences or _whole_rows(rows, width, query.device)
        # Where the residuals are in 32 bits, so are queries and keys once they are rotated; values come as calculated.
        query, key = query.to(value.dtype), key.to(value.dtype)
        return attend(module, query, key, value, found, dropout=dropout, scaling=scaling), None

    return forward  # type: ignore[no-any-return]


def _one_more_token(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, scaling: float | None
) -> tuple[Tensor, None]:
    """A token of a text that is being written; it sees all before it. Of several texts, padding would be seen, too."""
    if query.shape[0] > 1 or query.shape[2] > 1:
        raise ValueError("a model made for training writes one text at a time; load it with transformers for more")
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    result, _ = sdpa_attention_forward(module, query, key, value, None, scaling=scaling)
    return result, None


@lru_cache(maxsize=8)
def _whole_rows(rows: int, width: int, device: torch.device) -> Sequences:
    return Sequences(((width,),) * rows, device)


def _sdpa(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, sequences: Sequences, *, dropout: float,
    scaling: float | None,
) -> Tensor:  # fmt: skip
    """Torch's own attention, once for each sample."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    def run(*tensors: Tensor) -> Tensor:
        result: Tensor
        result, _ = sdpa_attention_forward(module, *tensors, None, dropout=dropout, scaling=scaling, is_causal=True)
        return result

    if all(len(row) == 1 for row in sequences.lengths):
        return run(query, key, value)
    rows = []
    for number, lengths in enumerate(sequences.lengths):
        pieces = [tensor[number : number + 1].split(lengths, dim=2) for tensor in (query, key, value)]
        rows.append(torch.cat([run(*piece) for piece in zip(*pieces, strict=True)], dim=1))
    return torch.cat(rows)


def _flex(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, sequences: Sequences, *, dropout: float,
    scaling: float | None,
) -> Tensor:  # fmt: skip
    """FlexAttention, compiled at its first call; blocks of other samples are left out."""
    from transformers.integrations.flex_attention import flex_attention_forward

    result: Tensor
    result, _ = flex_attention_forward(
        module, query, key, value, sequences.block_mask, scaling=scaling, dropout=dropout
    )
    return result


def _by_starts(
    _: nn.Module, query: Tensor, key: Tensor, value: Tensor, sequences: Sequences, *, dropout: float,
    scaling: float | None, kind: str,
) -> Tensor:  # fmt: skip
    """A kernel of FlashAttention, which takes all rows as one and where samples begin in it."""
    if dropout:
        raise ValueError(f"{kind} drops no scores here; set model.attention to sdpa")
    q, k, v = (tensor.transpose(1, 2).flatten(0, 1) for tensor in (query, key, value))
    result = varlen(kind)(q, k, v, sequences.starts, sequences.longest, scaling)
    return result.unflatten(0, (query.shape[0], query.shape[2]))


FORWARDS: dict[str, Callable[..., tuple[Tensor, None]]] = {
    **{
        kind: _for_transformers(partial(_by_starts, kind=kind))
        for kind in ("flash_attention_3", "flash_attention_2", "varlen")
    },
    "flex_attention": _for_transformers(_flex),
    "sdpa": _for_transformers(_sdpa),
}


def varlen(kind: str) -> Varlen:
    """The kernel of FlashAttention by its kind. Raises Missing if it is not there or cannot be loaded."""
    name, advice = {
        "flash_attention_3": ("flash_attn_interface", "flash-attn-3 is not installed"),
        "flash_attention_2": ("flash_attn", "flash-attn is not installed"),
        "varlen": ("torch.nn.attention.varlen", f"torch {torch.__version__} has no varlen_attn, newer ones have"),
    }[kind]
    if kind != "varlen" and find_spec(name) is None:
        raise Missing(advice)
    try:
        module = import_module(name)
        run = module.varlen_attn if kind == "varlen" else module.flash_attn_varlen_func
    except ModuleNotFoundError as error:
        raise Missing(advice) from error
    # An extension that was built for another torch fails like this as it is loaded.
    except (ImportError, AttributeError, OSError) as error:
        raise Missing(f"{name} cannot be loaded ({error})") from error
    return partial(_torch_varlen, run) if kind == "varlen" else partial(_flash_attn, run)


def _torch_varlen(
    run: Any, query: Tensor, key: Tensor, value: Tensor, starts: Tensor, longest: int, scale: float | None
) -> Tensor:
    # A window that reaches back without end and not ahead is how it spells causal.
    result: Tensor = run(
        query, key, value, starts, starts, longest, longest, scale=scale, window_size=(-1, 0), enable_gqa=True
    )
    return result


def _flash_attn(
    run: Any, query: Tensor, key: Tensor, value: Tensor, starts: Tensor, longest: int, scale: float | None
) -> Tensor:
    found = run(
        query, key, value, cu_seqlens_q=starts, cu_seqlens_k=starts, max_seqlen_q=longest, max_seqlen_k=longest,
        softmax_scale=scale, causal=True,
    )  # fmt: skip
    result: Tensor = found[0] if isinstance(found, tuple) else found  # some releases of 3 give the sums as well
    return result
