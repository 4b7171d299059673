"""Words of a package that load what they need when they are first used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..errors import MissingExtra


@dataclass(frozen=True)
class Words:
    """The words of ``package`` with their modules in it; ``what`` they do wants the packages of ``extra``."""

    package: str
    homes: Mapping[str, str]
    what: str
    extra: str
    needs: tuple[str, ...]

    def load(self, name: str) -> Any:
        """For ``__getattr__``. Raises MissingExtra when a package of the extra is not installed."""
        if name not in self.homes:
            raise AttributeError(f"module {self.package!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f".{self.homes[name]}", self.package), name)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in self.needs:
                raise
            raise MissingExtra(f"{self.what} ({error.name} is not installed)", self.extra) from error
