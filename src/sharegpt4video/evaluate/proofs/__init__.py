"""Scorers compared with published scores: stored predictions of other tools, read and scored again.

A run needs none of it. ``sg4v evaluate verify-scorers`` does, and so does ``score`` for predictions that no run wrote.
"""
