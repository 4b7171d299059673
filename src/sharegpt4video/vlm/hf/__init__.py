"""Any image-text-to-text model of transformers, in this process. Importing this loads no torch."""

from .backend import HfVLM
from .chat import Asked, messages
from .worker import Job, Reading

__all__ = ["Asked", "HfVLM", "Job", "Reading", "messages"]
