"""The four roles of a captioner as one mixture: from a data set's export to sources of the trainer.

``read`` knows the export, ``contexts`` spoils what a step is told before, ``shorten`` makes short prompts, ``prepare``
writes it all down.
"""

from .prepare import prepare

__all__ = ["prepare"]
