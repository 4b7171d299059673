"""Handles models that think: more tokens for it, and another try if only reasoning came back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from .base import FREE_TASKS, Request
from .chat import Answer
from .reasoning import ROOM_TOKENS, Thinking, ThinkingWay, ending, thinking_choice, way_for
from .render import Prompt
from .screen import Screened, screen, thinks_aloud

logger = logging.getLogger(__name__)


class ThinkingControl:
    """What is known of one model's thinking.

    name        the model's, for warnings; ``url`` decides how its server is told
    choice      the user's: "on", "off" or "default"
    max_tokens  the user's limit of an answer, which stays as it is; None: that of the prompts

    Raises SettingsError for a choice that there is not.
    """

    def __init__(self, name: str, url: str, choice: Thinking, max_tokens: int | None) -> None:
        self.choice = thinking_choice(choice)
        self.way, self._off = way_for(url, self.choice), way_for(url, "off")
        self._name, self._max_tokens = name, max_tokens
        self._room_tokens = ROOM_TOKENS if self.choice == "on" else 0
        self._told: set[str] = set()

    def budget(self, prompt: Prompt) -> int:
        """The token limit of an answer: the prompt set's, plus room for thinking."""
        return self._max_tokens or prompt.max_tokens + self._room_tokens

    def screened(self, request: Request, answer: Answer, max_tokens: int, way: ThinkingWay | None = None) -> Screened:
        """The text of an answer, what is wrong with it, and what to do; ``way``: how this request alone was asked."""
        if answer.refused:
            return Screened(answer.text.strip(), "refused")
        text, reasoning = answer.text, answer.reasoning
        off = self.choice == "off" or (way is not None and way.choice == "off")
        if off and not text.strip() and ending(answer.finish_reason) == "stop" and not thinks_aloud(reasoning):
            # Nobody thinks: the server's parser took an answer without an end of thinking for the thinking itself.
            text, reasoning = reasoning, ""
        caption = request.task not in FREE_TASKS
        return screen(text, answer.finish_reason, caption=caption, reasoning=reasoning, max_tokens=max_tokens,
                      switch="off" if off else "can")  # fmt: skip

    def why_nothing(self, request: Request, answer: Answer, prompt: Prompt) -> str:
        """Why an answer without text has none, in words."""
        screened = self.screened(request, answer, self.budget(prompt))
        return f"{screened.problem}: {screened.detail}" if screened.detail else screened.problem

    async def answered(self, ask: Callable[[ThinkingWay | None], Coroutine[Any, Any, Screened]]) -> Screened:
        """Ask; if only reasoning came back, ask once with more tokens, then once without thinking.

        The room is for all later requests, too: each would have to be paid twice. What the user set stays as it is.
        """
        roomless = not self._room_tokens and not self._max_tokens
        screened = await ask(None)
        if screened.thought_only and screened.problem == "cut off" and roomless:
            self._room_tokens = ROOM_TOKENS
            self._say(f"it thinks before it answers and gets {ROOM_TOKENS} tokens more; -O thinking=off saves them")
            screened = await ask(None)
        if screened.thought_only and self.choice == "default":
            again = await ask(self._off)
            if not again.thought_only:
                self._say("its thinking left no answer, so it was asked without; -O thinking=off saves the second call")
                return again
        return screened

    def _say(self, remark: str) -> None:
        if remark not in self._told:
            self._told.add(remark)
            logger.warning("%s: %s", self._name, remark)
