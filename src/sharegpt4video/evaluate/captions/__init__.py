"""Scores of captions: by a judge (DREAM-1K, VDC), against known facts (ours), and against references (metrics)."""
