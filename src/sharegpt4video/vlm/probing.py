"""Which providers of models answer now. A probe asks for the list of models, which costs nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .clients import Address, Clients
from .faults import Fault
from .providers import PROVIDERS, Provider
from .reach import list_models

State = Literal["ready", "not running", "no key", "key refused", "unreachable", "silent"]
_TIMEOUT_SECONDS = 3.0
_MAX_BYTES = 4 * 2**20  # OpenRouter's list has half a megabyte


@dataclass(frozen=True)
class Probe:
    """What a provider said. ``served`` are its models, () where it did not say; ``detail`` is the reason in words."""

    state: State
    served: tuple[str, ...] = ()
    detail: str = ""


async def probe(provider: Provider) -> Probe:
    """Ask one provider for its models; without a key that it needs, nobody is asked."""
    key = (os.environ.get(provider.key) or "").strip() if provider.key else ""
    if provider.needs_key and not key:
        return Probe("no key", detail=f"set {provider.key}")
    clients = Clients(Address(provider.url), key, _TIMEOUT_SECONDS, _MAX_BYTES)
    try:
        async with clients.separate() as client:
            served = await list_models(client)
    except Fault as fault:
        said = str(fault.said).replace(key, "***") if key else fault.said
        if not fault.connected:
            return Probe("not running" if provider.is_local else "unreachable", detail=said)
        return Probe("key refused" if fault.about == "key" or fault.kind == "denied" else "silent", detail=said)
    return Probe("ready", served) if served is not None else Probe("silent", detail="it lists no models")


async def probes() -> Mapping[str, Probe]:
    """Ask all providers at the same time."""
    found = await asyncio.gather(*(probe(provider) for provider in PROVIDERS.values()))
    return dict(zip(PROVIDERS, found, strict=True))
