"""Checkpoints of the original LLaVA code to and from transformers' LlavaNext. Importing this loads no torch."""

from .configs import is_original
from .convert import ConversionReport, convert
from .reverse import to_original

__all__ = ["ConversionReport", "convert", "is_original", "to_original"]
