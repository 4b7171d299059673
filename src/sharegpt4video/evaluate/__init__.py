"""Benchmarks of video understanding and of captions, for any model, with scorers held against published scores."""
