"""ShareCaptioner-Video, the released captioner of ShareGPT4Video, in this process. Importing this loads no torch."""

from .backend import ShareCaptionerVLM

__all__ = ["ShareCaptionerVLM"]
