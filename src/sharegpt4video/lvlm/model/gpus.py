"""GPUs by name: memory, and the most they calculate in 16 bits without sparsity, as their makers state it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ...errors import SettingsError


@dataclass(frozen=True)
class Gpu:
    """One kind of GPU. ``peak_flops``: dense bf16 operations per second by NVIDIA's data sheet."""

    name: str
    memory_bytes: float
    peak_flops: float


_ALL = (
    Gpu("A100-40", 40e9, 312e12),
    Gpu("A100-80", 80e9, 312e12),
    Gpu("L40S", 48e9, 362e12),
    Gpu("H100", 80e9, 989e12),  # the SXM module; the PCIe card is slower
    Gpu("H200", 141e9, 989e12),
    Gpu("B200", 180e9, 2250e12),
)

GPUS: Mapping[str, Gpu] = MappingProxyType({one.name: one for one in _ALL})


def gpu(name: str) -> Gpu:
    """The GPU of that name. Raises SettingsError naming those there are."""
    if name not in GPUS:
        raise SettingsError(f"there is no GPU {name!r} in the list; known: {', '.join(GPUS)}")
    return GPUS[name]


def gpu_by_device_name(name: str) -> Gpu | None:
    """The GPU that a driver calls by a name such as ``NVIDIA A100-SXM4-80GB``; None for one that is not listed."""
    found = name.upper()
    if " MIG " in f"{found} ":
        return None  # a slice of a card
    if re.search(r"\bA100\b", found):  # not the RTX A1000
        return GPUS["A100-80" if "80GB" in found else "A100-40"]
    # Other builds of the same chip are slower, or (GB200) faster, than the modules of the list.
    if any(build in found for build in ("PCIE", "NVL")):
        return None
    return next((one for one in _ALL if re.search(rf"\b{one.name}\b", found)), None)
