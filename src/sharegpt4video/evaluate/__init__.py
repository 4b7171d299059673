"""Benchmarks of video understanding and of captions, for any model, with scorers verified against published scores."""
