"""TempCompass' judge prompts, by protocol, and the ways to extract captions from long answers.

The texts are facts of the protocol, byte for byte, mistakes included: llyx97/TempCompass, ``prompt_templates.py`` and
``utils/eval_utils.py`` (commit e1b4631); lmms-eval, ``tasks/tempcompass/utils.py``, which indents the same texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .base import Protocol

JUDGE_SYSTEM = "You are an AI assistant for question answering."
JUDGE_TOKENS = 128

_WHAT = {"multi-choice": "multi-choice", "yes_no": "Yes/No", "caption_matching": "caption matching"}
_HEADS = {"multi-choice": "Multi-Choice", "yes_no": "Yes/No", "caption_matching": "Caption Matching"}

_CAPTION = """
You will receive a video description and a multi-choice question. Your task is to choose the correct answer and \
briefly explain the reason why you choose the answer. {indent}\
If none of the choice candidates are correct or the video description lacks enough information to answer the \
question, just answer "None of the choices are correct". {indent}\
Please organize your response in this format:
```
Reasoning: [Your reason to obtain the answer]
Answer: [Your answer]
```

Here are some examples of video description, multi-choice question and the expected answer:
```
Video Description: A person is palying football.
Multi-Choice Question:
What is the person doing in the video?
A. cooking
B. palying football
C. playing basketball
D. reading book
Reasoning: The video description mentions that the person is playing football.
Answer: B. palying football

Video Description: A bird is flying clockwise.
Multi-Choice Question:
In which direction is the bird flying?
A. backwark
B. counter-clockwise
C. clockwise
D. downward
Reasoning: The video description mentions that the bird is flying clockwise
Answer: C. clockwise

Video Description: An air balloon is inflating.
Multi-Choice Question:
What is happening to the air balloon?
A. exploding
B. getting smaller
C. flying
Reasoning: The video description mentions that the air balloon is inflating, while none of the coices can be \
explained as inflating.
Answer: None of the choices are correct
```
"""


def choice_prompt(form: str, question: str, answer: str, said: str, protocol: Protocol) -> str:
    """Ask whether an answer to a multiple-choice, yes/no or caption-matching question is right."""
    indent = " " * 8 if protocol == "lmms-eval" else ""
    return (
        f"\n{indent}You will receive a {_WHAT[form]} question, the ground-truth answer and the prediction from a "
        f"question answering (QA) model. {indent}Your task is to determine whether QA model prediction is correct, "
        f"based on the question and ground-truth answer. {indent}"
        f'If the prediction is correct, respond "Correct". If the prediction is incorrect, respond "Incorrect".\n'
        f"{indent}\n{_HEADS[form]} Question:\n{question}\nGround-Truth Answer: {answer}\nModel Prediction: {said}"
    )


def caption_prompt(caption: str, question: str, protocol: Protocol) -> str:
    """Ask for the answer to a multiple-choice question from a caption alone. lmms-eval adds ``Answer:``."""
    if protocol != "lmms-eval":
        return f"{_CAPTION.format(indent='')}\nVideo Description:{caption}\nMulti-Choice Question:\n{question}\n"
    indent = " " * 4
    lines = _CAPTION.format(indent=indent).split("\n")
    text = "\n".join(f"{indent}{line}" if line or number == len(lines) - 1 else "" for number, line in enumerate(lines))
    return f"{text}\nVideo Description:{caption}\nMulti-Choice Question:\n{question}\nAnswer:"


def chosen_from_caption(reply: str) -> str:
    """The text after ``Answer:`` in a judge's reply (the last line with "Answer"), else the whole reply."""
    lines = [line.strip() for line in reply.split("\n") if "Answer" in line]
    return lines[-1].replace("Answer:", "").strip() if lines else reply


def last_line(said: str) -> str:
    """Extract Gemini's captions: the last line, without stars and quotes; with colons, the part between the first two.

    TempCompass does this to the published captions of its Gemini run before they are judged.
    """
    caption = said.strip().split("\n")[-1].replace("*", "").strip().strip('"')
    return caption.split(":")[1].strip().strip('"') if ":" in caption else caption


def quoted(said: str) -> str:
    """Extract Reka's captions: the quoted part of the whole or of the last line; else the part after its only colon.

    TempCompass does this to the published captions of its Reka run before they are judged.
    """
    last = said.split("\n")[-1]
    for text in (said, last):
        found = re.findall(r'"(.*?)"', text) if text.count('"') == 2 else []
        if found:
            return str(found[0])
    for text in (said, last):
        if text.count(": ") == 1:
            return text.split(": ")[1]
    return said


def unchanged(said: str) -> str:
    """The model's answer, unchanged."""
    return said


CAPTION_CUTS: dict[str, Callable[[str], str]] = {"plain": unchanged, "last-line": last_line, "quoted": quoted}


def cut_for(model: str) -> str:
    """How TempCompass extracts a model's captions, by its name: ``gemini`` and ``reka`` have their own ways."""
    if "gemini" in model.lower():
        return "last-line"
    return "quoted" if "reka" in model.lower() else "plain"
