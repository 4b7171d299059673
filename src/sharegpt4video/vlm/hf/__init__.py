"""Any image-text-to-text model of transformers, in this process. Importing this loads no torch."""

from .backend import HfVLM
from .chat import Asked, messages
from .taught import TAUGHT, taught_text
from .worker import Job, Reading

__all__ = ["TAUGHT", "Asked", "HfVLM", "Job", "Reading", "messages", "taught_text"]
