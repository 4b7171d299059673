"""Scorers compared with published scores: stored predictions of other tools, read and scored again.

Only ``sg4v evaluate verify-scorers`` needs it, and ``score`` for predictions that no run of ours wrote.

No predictions of Video-MME, MVBench and TVBench are published with their scores, so the rules were compared with the
tools' own code, on synthetic answers to all real questions: for lmms-eval 5,400 of Video-MME (both of its rules),
4,000 of MVBench and 433 of TVBench; for VLMEvalKit (e8e78f0) 2,700 of Video-MME, 4,000 of MVBench and 5,536 of
TempCompass, as ``.tsv`` and, except TempCompass, as ``.xlsx`` and ``.json``; and 1,116 for TVBench's notebook. Every
row was scored alike and every printed cell was equal.

Of TempCompass' stored ratings, rules and the judge's stored replies, parsed again, reproduce 5,529 and 2,011 for
Video-LLaVA, 5,384 and 2,102 for Gemini (54 answers are null), 4,363 and 3,177 for Reka-Core. 132 of Video-LLaVA's
stored captions are not those that were judged; the judged ones decide. Its fine-grained multi-choice aspects equal
those of the README.
"""
