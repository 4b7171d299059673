"""Training on preferences: pairs of answers (DPO), and the model's own answers with a judge (GRPO).

A newcomer reads ``run`` first, then ``losses``.
"""
