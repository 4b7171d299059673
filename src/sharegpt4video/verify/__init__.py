"""What a text says against what was measured: rules that need no model.

``prose`` takes texts apart, ``lexicon`` knows which words can stand for which; ``camera``, ``facts`` and ``support``
are the rules. ``answers`` holds a model's answer against them while a video is captioned, ``dataset.checks`` stored
captions.
"""
