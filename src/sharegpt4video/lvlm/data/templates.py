"""A conversation as the text that a model reads, in chunks: what the template says, what people said, what is learned.

The template is the tokenizer's own, or one of two recipes of the released models, in the layout of the original
training code (ShareGPT4Omni/ShareGPT4Video, ``llava/conversation.py`` and ``preprocess_llama3``, commit 7e02ee6).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ...errors import SettingsError
from .samples import Turn


@dataclass(frozen=True)
class Chunk:
    """A piece of the text. ``said``: by people, so marks of the template in it are mere letters. ``learned``: loss."""

    text: str
    said: bool = False
    learned: bool = False


@dataclass(frozen=True)
class Recipe:
    """A template written out: what stands before the system text, a question and an answer, and what ends each.

    ``image`` stands in front of a question, once for each picture.
    """

    name: str
    system_text: str
    start: str
    system: str
    user: str
    assistant: str
    end: str
    image: str = "<image>\n"

    def chunks(self, system: str | None, turns: Sequence[Turn], media: Sequence[Sequence[str]]) -> list[Chunk]:
        """The whole conversation; ``media[i]`` names the kinds of what turn ``i`` shows (pictures only)."""
        system = self.system_text if system is None else system
        found = [Chunk(self.start)]
        if system:
            found += [Chunk(self.system), Chunk(system, said=True), Chunk(self.end)]
        for turn, shown in zip(turns, media, strict=True):
            if turn.role == "user":
                opening = self.user + self.image * len(shown)
                found += [Chunk(opening), Chunk(turn.text, said=True), Chunk(self.end)]
            else:
                found += [Chunk(self.assistant), Chunk(turn.text, said=True, learned=True)]
                found.append(Chunk(self.end, learned=True))
        return [chunk for chunk in found if chunk.text]


RECIPES = {
    "llama3": Recipe(
        name="llama3",
        system_text="You are a helpful language and vision assistant. You are able to understand the visual content "
        "that the user provides, and assist the user with a variety of tasks using natural language.",
        # Twice: the original's template begins with it and its tokenizer put another in front. Training and test agree.
        start="<|begin_of_text|><|begin_of_text|>",
        system="<|start_header_id|>system<|end_header_id|>\n\n",
        user="<|start_header_id|>user<|end_header_id|>\n\n",
        assistant="<|start_header_id|>assistant<|end_header_id|>\n\n",
        end="<|eot_id|>",
    ),
    "yi-chatml": Recipe(
        name="yi-chatml",
        system_text="Answer the questions.",
        start="",
        system="<|im_start|>system\n",
        user="<|im_start|>user\n",
        assistant="<|im_start|>assistant\n",
        end="<|im_end|>",
    ),
}

_SLOT = re.compile("\ue000(\\d+)\ue001")
_GENERATION = re.compile(r"\{%-?\s*generation\b")


class ChatTemplate:
    """The template that comes with a tokenizer or processor, taken apart by rendering it with numbers for texts."""

    def __init__(self, processor: Any, marks: Sequence[str]) -> None:
        tokenizer = getattr(processor, "tokenizer", processor)
        found = getattr(processor, "chat_template", None) or getattr(tokenizer, "chat_template", None)
        if not isinstance(found, str):
            raise SettingsError(
                "the model has no chat template; copy the chat_template.jinja of its chat version into its folder (in"
                f" Python, name a recipe: {', '.join(RECIPES)})"
            )
        self._template: str = found
        self._specials = dict(tokenizer.special_tokens_map)
        self._bos: str = tokenizer.bos_token or ""
        self._begin = _begin(tokenizer)
        self._parts = processor is not tokenizer  # only processors take lists of parts
        self._mark = re.compile(r"\s*(?:" + "|".join(re.escape(m) for m in sorted(marks, key=len, reverse=True)) + ")")
        self._rendered: dict[str, tuple[str, list[tuple[int, int]]]] = {}  # conversations of one form render alike
        self._strips = self._found_stripping()

    def chunks(self, system: str | None, turns: Sequence[Turn], media: Sequence[Sequence[str]]) -> list[Chunk]:
        """The whole conversation. Raises SettingsError if the template cannot hold it, or not be told apart."""
        texts = [*([system] if system else []), *(turn.text for turn in turns)]
        texts = [text.strip() for text in texts] if self._strips else texts
        messages = [{"role": "system", "content": self._content(0, ())}] if system else []
        for number, (turn, shown) in enumerate(zip(turns, media, strict=True), start=len(messages)):
            messages.append({"role": turn.role, "content": self._content(number, shown)})
        form = repr(messages)
        if form not in self._rendered:
            self._rendered[form] = self._render(messages)
        rendered, spans = self._rendered[form]
        found = self._cut(rendered, texts, answers=range(len(texts) - len(turns) + 1, len(texts), 2), spans=spans)
        begins = bool(self._bos) and rendered.startswith(self._bos)
        return found if begins or not self._begin else [Chunk(self._begin), *found]

    def _found_stripping(self) -> bool:
        """Whether the template takes the space around a question away, which it cannot do with a number for it."""
        spaced = [{"role": "user", "content": self._content(0, (), around=" ")}]
        try:
            rendered, _ = self._render([*spaced, {"role": "assistant", "content": self._content(1, ())}])
        except SettingsError:
            return False
        return " \ue0000\ue001 " not in rendered

    def _content(self, number: int, shown: Sequence[str], around: str = "") -> Any:
        text = f"{around}\ue000{number}\ue001{around}"
        return [*({"type": kind} for kind in shown), {"type": "text", "text": text}] if self._parts else text

    def _render(self, messages: list[dict[str, Any]]) -> tuple[str, list[tuple[int, int]]]:
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template

        try:
            rendered, spans = render_jinja_template(
                conversations=[messages],
                chat_template=self._template,
                return_assistant_tokens_mask=bool(_GENERATION.search(self._template)),
                add_generation_prompt=False,
                **self._specials,
            )
        except TemplateError as error:
            raise SettingsError(f"the model's chat template refuses a conversation: {error}; name a recipe") from error
        return rendered[0], [(begin, end) for begin, end in spans[0]] if spans else []

    def _cut(
        self, rendered: str, texts: Sequence[str], answers: Sequence[int], spans: list[tuple[int, int]]
    ) -> list[Chunk]:
        slots = list(_SLOT.finditer(rendered))
        if [int(slot.group(1)) for slot in slots] != list(range(len(texts))):
            raise SettingsError("the model's chat template leaves out or moves some of the texts; name a recipe")
        learned = spans or [self._answer(rendered, slots[answer]) for answer in answers]
        for answer in answers:
            if not any(begin <= slots[answer].start() and slots[answer].end() <= end for begin, end in learned):
                raise SettingsError("the model's chat template marks an answer as not generated; name a recipe")
        edges = {0, len(rendered), *(at for span in learned for at in span)}
        edges |= {at for slot in slots for at in slot.span()}
        cuts = sorted(edges)
        found = []
        for begin, end in pairwise(cuts):
            slot = _SLOT.fullmatch(rendered, begin, end)
            inside = any(first <= begin and end <= last for first, last in learned)
            text = texts[int(slot.group(1))] if slot else rendered[begin:end]
            found.append(Chunk(text, said=slot is not None, learned=inside))
        return [chunk for chunk in found if chunk.text]

    def _answer(self, rendered: str, slot: re.Match[str]) -> tuple[int, int]:
        """An answer and the mark that ends it."""
        mark = self._mark.match(rendered, slot.end())
        if mark is None:
            raise SettingsError("the model's chat template does not end an answer with a special token; name a recipe")
        return slot.start(), mark.end()


def template(processor: Any, recipe: str | None, marks: Sequence[str]) -> Recipe | ChatTemplate:
    """A recipe by name, or the processor's own template. Raises SettingsError if there is none."""
    if recipe is None:
        return ChatTemplate(processor, marks)
    if recipe not in RECIPES:
        raise SettingsError(f"no recipe is called {recipe!r}; known are: {', '.join(RECIPES)}")
    return RECIPES[recipe]


def _begin(tokenizer: Any) -> str:
    """What the tokenizer puts in front of a text by itself; models are asked with it if their template has none."""
    plain = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    full = list(tokenizer("a", add_special_tokens=True)["input_ids"])
    first = next((at for at in range(len(full)) if full[at : at + len(plain)] == plain), 0)
    return "".join(tokenizer.convert_ids_to_tokens(full[:first]))
