"""Runs of steps as clips with captions of their own, and their media. Begin with ``clips``."""
