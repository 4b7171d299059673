"""The smallest closed world: one thing, two moves round a corner, seven facts; for training video generators on a CPU.

The same words as one floor up: ``scenes`` draws the facts, ``render`` shows them, ``captions`` tells them, ``check``
reads them back from pixels. Everything fits into 24 x 24 pixels and eight pictures.
"""
