"""Questions about a scene with their answers: all formats of TempCompass, multiple choice for the tasks of MVBench.

A picture whose time is known tells a little: a thing that starts at the right edge is more likely to go left, as in any
picture with edges. In the split ``train`` only horizontal moves have both speeds, so only their speed is asked (in
``composition`` too, for comparison); turns and passes, which are always fast, are horizontal there. Options mirror each
other: an order or a camera move stands beside its reverse, and so do the other two options; places are alike in twos;
what comes next is drawn as true ones are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from . import words as w
from .asking import Draft, static_drafts, tempcompass_drafts
from .asking_mvbench import mvbench_drafts
from .sampling import Split
from .scenes import Scene

Benchmark = Literal["tempcompass", "mvbench", "static"]
Form = Literal["multi-choice", "yes_no", "caption_matching", "captioning"]

MVBENCH_TASKS = (
    "action_sequence", "action_antonym", "fine_grained_action", "object_existence", "object_interaction",
    "object_shuffle", "moving_direction", "action_localization", "scene_transition", "action_count", "moving_count",
    "moving_attribute", "state_change", "character_order", "egocentric_navigation", "counterfactual_inference",
)  # fmt: skip
NOT_APPLICABLE: Mapping[str, str] = {
    "action_prediction": "what a thing does next is drawn at random, so nothing before it tells",
    "unexpected_action": "nothing is usual here, so nothing can be unusual",
    "fine_grained_pose": "shapes have no pose",
    "episodic_reasoning": "there is no story behind a scene, no motive and no dialogue",
}
"""The tasks of MVBench that cannot exist in this world, and why."""

_PICKS = ("which description fits the video?", "which of these happens in the video?")
_TELL = "one of these is true of the video. describe the video with it."
_TRUE = "is it true that {claim}?"


@dataclass(frozen=True)
class Question:
    """A question and its answer.

    ``kind`` is an aspect of TempCompass, a task of MVBench, or what a static question is about; ``topic`` says closer
    what is asked. ``text`` is the whole question with its options as they are shown; ``stem`` without them.
    ``answer`` is the option ``options[right]`` (for yes_no the options are "yes" and "no"). ``temporal`` is True when
    no single picture of the video tells the answer. ``reference`` is a true sentence that settles the question.
    """

    id: str
    benchmark: Benchmark
    kind: str
    topic: str
    form: Form
    stem: str
    text: str
    options: tuple[str, ...]
    right: int
    temporal: bool
    reference: str

    @property
    def answer(self) -> str:
        return self.options[self.right]

    @property
    def letter(self) -> str:
        return w.SPARE_LETTERS[self.right]


def questions(scene: Scene, *, video: str = "", seed: int = 0, split: Split = "any") -> list[Question]:
    """All questions that can be asked about a scene; the same scene, seed and split give the same ones.

    In the split ``train`` only moves to the left and right come at both speeds, so the speed of others is not asked.
    Every option list has exactly one right answer and no option twice; where the right one stands, and whether a
    yes_no question is about something true, is drawn evenly. ``video`` goes into the ids.
    """
    rng = random.Random(f"{scene.seed} {seed} questions")
    found: list[Question] = []
    for draft in tempcompass_drafts(scene, rng, split):
        found += _in_all_forms(draft, rng)
    found += [_choice("mvbench", draft, rng) for draft in mvbench_drafts(scene, rng, split)]
    found += [_choice("static", draft, rng) for draft in static_drafts(scene, rng)]
    return [_numbered(question, video, number) for number, question in enumerate(found)]


def _numbered(question: Question, video: str, number: int) -> Question:
    parts = [part for part in (video, f"{number:03d}", question.kind, question.form) if part]
    return Question(**{**question.__dict__, "id": "-".join(parts)})


def _in_all_forms(draft: Draft, rng: random.Random) -> Iterator[Question]:
    yield _choice("tempcompass", draft, rng)
    yield _yes_no(draft, rng)
    yield _matching(draft, rng)
    yield _captioning(draft, rng)


def _choice(benchmark: Benchmark, draft: Draft, rng: random.Random) -> Question:
    options, right = _shuffled(draft, rng, 4)
    lines = [f"{letter}. {option}" for letter, option in zip(w.SPARE_LETTERS, options, strict=False)]
    return _question(benchmark, draft, "multi-choice", draft.stem, lines, options, right)


def _yes_no(draft: Draft, rng: random.Random) -> Question:
    """True half of the time; what is false is the option that is hardest to tell from the right one."""
    true = rng.random() < 0.5
    claim = draft.sentence(draft.right if true else draft.wrong[0])
    return _question("tempcompass", draft, "yes_no", _TRUE.format(claim=claim), [], ("yes", "no"), 0 if true else 1)


def _matching(draft: Draft, rng: random.Random) -> Question:
    options, right = _shuffled(draft, rng, 2)
    sentences = tuple(f"{draft.sentence(option)}." for option in options)
    lines = [f"Option {number}: {sentence}" for number, sentence in enumerate(sentences, 1)]
    return _question("tempcompass", draft, "caption_matching", rng.choice(_PICKS), lines, sentences, right)


def _captioning(draft: Draft, rng: random.Random) -> Question:
    options, right = _shuffled(draft, rng, 4)
    sentences = tuple(f"{draft.sentence(option)}." for option in options)
    lines = [f"{letter}. {sentence}" for letter, sentence in zip(w.SPARE_LETTERS, sentences, strict=False)]
    return _question("tempcompass", draft, "captioning", _TELL, lines, sentences, right)


def _shuffled(draft: Draft, rng: random.Random, most: int) -> tuple[tuple[str, ...], int]:
    options = [draft.right, *draft.wrong][:most]
    rng.shuffle(options)
    return tuple(options), options.index(draft.right)


def _question(
    benchmark: Benchmark, draft: Draft, form: Form, stem: str, lines: list[str], options: tuple[str, ...], right: int
) -> Question:
    text = "\n".join([stem, *lines])
    reference = f"{draft.sentence(draft.right)}."
    return Question("", benchmark, draft.kind, draft.topic, form, stem, text, options, right, draft.temporal, reference)


def question_words() -> set[str]:
    """Every word that a question or an answer can have besides those of captions."""
    from .asking import PHRASES
    from .asking_mvbench import MVBENCH_PHRASES

    marks = "A. B. C. D. E. Option 1: 2: 0 3"
    return w.words_of((*_PICKS, _TELL, _TRUE, "yes no", marks, *PHRASES, *MVBENCH_PHRASES))


def vocabulary() -> tuple[str, ...]:
    """All words and marks of captions, questions and answers, sorted; nothing else is ever written."""
    return tuple(sorted(w.caption_words() | question_words()))
