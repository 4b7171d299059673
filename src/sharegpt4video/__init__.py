"""Dense, time-true captions for any video."""

__version__ = "0.1.0"
