"""A closed world of long stories: one thing on nine places, and 1 to 40 events, one after the other.

The same words as in ``world`` itself: ``scenes`` draws the facts, ``render`` shows them, ``captions`` tells them in a
closed vocabulary, ``check`` reads them back from pixels, and ``told`` holds any text against them. Made for captioners:
each event lies between two keyframes, so that what a step has to say is known exactly.
"""
