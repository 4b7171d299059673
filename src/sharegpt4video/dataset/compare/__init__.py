"""The same videos captioned twice, compared: what one says and the other does not, and what is wrong with either.

    with compare(first, second) as found:
        print(found.text())
        for video in found.videos(limit=20):
            print(video.only_first)
        found.one(video.id).first.texts[0].marks

Reading order: ``claims`` (what a caption says), ``sides`` (one data set read once), ``comparison`` (both together).
"""

from .comparison import Comparison, Totals, VideoComparison, compare
from .one import ComparedCaption, Mark, MarkedText, OneComparison

__all__ = [
    "ComparedCaption",
    "Comparison",
    "Mark",
    "MarkedText",
    "OneComparison",
    "Totals",
    "VideoComparison",
    "compare",
]
