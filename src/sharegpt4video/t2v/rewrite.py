"""Prompts rewritten in the style of a caption set, each checked against what the prompt asks for.

A model is told the facts of the prompt as a numbered list, what captions of the set look like, the nearest of them,
and how much the text encoder reads. What it writes is held against the facts. If anything is wrong it is told what,
once; if that does not help, rules put the user's own words into sentences (``filling``). What was added is listed.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from ..background import mapped
from ..captioner.outcome import problem_of
from ..checking import check_text
from ..config import CaptionSettings, caption_settings
from ..engines import engine_for
from ..errors import SettingsError
from ..prompts import REWRITE, RewritePrompts
from ..verify.rewriting import Invented, compared
from ..vlm.base import VLM, Reply, Request
from ..vlm.embedded import EmbeddedVLM
from ..vlm.forwarding import ForwardingVLM
from .audit import language_problem
from .encoders import Counted, TextEncoder, count_tokens
from .fidelity import Fidelity, Judged, judge
from .filling import filled
from .likeness import is_person
from .profile import Profile
from .prompt_facts import PromptFacts, check_length, facts_of
from .shared import copied

SURE = 0.9
"""Where tokens are estimated, a text must fit into this share of the window."""
NEAREST = 3
MUST_BE_EXACT = ("subject", "count", "colour", "camera", "relation", "text", "whole")
"""Kinds of facts for which a near word is not enough: a puppy for a dog, a zoom without its direction."""
FREE_WORDS = 80, 150
"""How long a text should be where no profile says it."""
_LEAST_WORDS = 12


@dataclass(frozen=True)
class Attempt:
    """What a model wrote, and what was wrong with it."""

    text: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Rewritten:
    """A rewritten prompt.

    by        "model", or "rules" where no usable text came from a model
    why       why rules had to write it; "" for a model's text
    attempts  what the model wrote, in order, with the problems of each
    problem   why even this text is not to be trusted: it does not fit into the encoder's window
    """

    prompt: str
    text: str
    by: Literal["model", "rules"]
    why: str
    attempts: tuple[Attempt, ...]
    tokens: Counted
    encoder: str
    limit_tokens: int
    problem: str = ""

    @cached_property
    def facts(self) -> PromptFacts:
        return facts_of(self.prompt)

    @cached_property
    def fidelity(self) -> Fidelity:
        return judge(self.facts, self.text)

    @cached_property
    def invented(self) -> tuple[Invented, ...]:
        """What the text says beyond the prompt, word by word, with its place."""
        return compared(self.prompt, self.text).invented

    def plain(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt, "rewritten": self.text, "by": self.by, "why": self.why,
            "facts": [{"number": one.fact.number, "kind": one.fact.kind, "text": one.fact.text,
                       "standing": one.standing} for one in self.fidelity.judged],
            "invented": [one.text for one in self.invented],
            "tokens": self.tokens.tokens, "estimated": self.tokens.estimated, "encoder": self.encoder,
            "limit_tokens": self.limit_tokens, "attempts": [asdict(one) for one in self.attempts],
            "problem": self.problem,
        }  # fmt: skip


@dataclass(frozen=True)
class Rewriter:
    """How prompts are rewritten: the encoder that reads them, the profile of the captions, the words of the request."""

    encoder: TextEncoder
    profile: Profile | None = None
    prompts: RewritePrompts = REWRITE

    def role(self, prompt: str, *, asks: bool = True) -> Generator[Request, Reply, Rewritten]:
        """Rewrite one prompt; without ``asks``, by rules alone. Raises SettingsError if it is empty or too long."""
        prompt = prompt.strip()
        _check(prompt, "the prompt")
        asked = facts_of(prompt)
        if not asks:
            return self._by_rules(asked, (), "the embedded model adds nothing to a prompt")
        shown = self.profile.nearest.find(prompt, NEAREST) if self.profile else ()
        question = self.question(asked, shown)
        request = Request("ask", user_text=question, system=self.prompts.system, max_tokens=self._most_tokens())
        attempts: list[Attempt] = []
        for _ in range(2):
            reply = yield request
            text = " ".join(reply.text.split()).strip('"“”')
            problems = (
                (f"no usable answer: {problem_of(reply)}",) if reply.problem else self.problems(asked, text, shown)
            )
            if not problems:
                return self._told(prompt, text, "model", "", (*attempts, Attempt(text, ())))
            attempts.append(Attempt(text, problems))
            lines = "\n".join(f"- {problem}" for problem in problems)
            again = self.prompts.again.format(problems=lines)
            request = Request(
                "ask", user_text=again, system=self.prompts.system, earlier=((question, reply.text),),
                max_tokens=self._most_tokens(),
            )  # fmt: skip
        return self._by_rules(asked, tuple(attempts), "; ".join(attempts[-1].problems))

    def question(self, asked: PromptFacts, shown: Sequence[str]) -> str:
        """What a model is asked: prompt and facts, nearest captions, style, rules."""
        least, most = self._words()
        examples = "".join(self.prompts.example.format(text=text) for text in shown)
        return self.prompts.task.format(
            prompt=asked.prompt,
            facts="\n".join(asked.lines()),
            examples=self.prompts.examples.format(examples=examples) if examples else "",
            style=_style(self.profile),
            least_words=least,
            most_words=most,
        )

    def problems(self, asked: PromptFacts, text: str, shown: Sequence[str] = ()) -> tuple[str, ...]:
        """What is wrong with a text, as sentences that a model can act on; none for a good one."""
        kept = judge(asked, text)
        found = [_fault(one) for one in kept.judged if _is_fault(one)]
        found += [f"{first.text!r} must come before {second.text!r}" for first, second in kept.swapped]
        if problem := language_problem(asked.prompt, text):
            found.append(f"the language is wrong: {problem}")
        if not self.fits(counted := count_tokens(text, self.encoder)):
            found.append(f"it is too long: {counted.tokens} tokens, at most {self._room()} fit; write fewer words")
        found += [
            f"it takes over the words {words!r} from a caption shown" for words in copied(text, shown, asked.prompt)
        ]
        return tuple(found)

    def fits(self, counted: Counted) -> bool:
        """Whether the encoder reads the whole text; an estimate must leave some room."""
        return counted.tokens <= (self._room() if counted.estimated else self.encoder.limit_tokens)

    def _room(self) -> int:
        return math.floor(SURE * self.encoder.limit_tokens)

    def _words(self) -> tuple[int, int]:
        """How long the text should be: as the middle half of the captions are, as far as the encoder reads."""
        least, most = (self.profile.words.p25, self.profile.words.p75) if self.profile else FREE_WORDS
        room = (self._room() - self.encoder.marks) / self.encoder.tokens_per_word
        most = max(_LEAST_WORDS, min(round(most), math.floor(0.95 * room)))
        return min(round(least), round(0.75 * most)), most

    def _most_tokens(self) -> int:
        return max(256, 4 * self._words()[1])

    def _by_rules(self, asked: PromptFacts, attempts: tuple[Attempt, ...], why: str) -> Rewritten:
        return self._told(asked.prompt, filled(asked.prompt, self.profile), "rules", why, attempts)

    def _told(
        self, prompt: str, text: str, by: Literal["model", "rules"], why: str, attempts: tuple[Attempt, ...]
    ) -> Rewritten:
        tokens = count_tokens(text, self.encoder)
        limit = self.encoder.limit_tokens
        over = "" if tokens.tokens <= limit else f"{tokens.tokens} tokens, {self.encoder.name} reads {limit}"
        return Rewritten(prompt, text, by, why, attempts, tokens, self.encoder.name, limit, over)


def _check(prompt: str, where: str) -> None:
    if not prompt.strip():
        raise SettingsError(f"{where} to rewrite is empty; give a sentence such as 'a dog runs over a beach'")
    check_text(prompt, where)
    check_length(prompt, where)


def _is_fault(one: Judged) -> bool:
    if one.standing == "near":
        return one.fact.kind in MUST_BE_EXACT and not is_person(one.fact.text)
    return one.standing != "kept"


def _fault(one: Judged) -> str:
    fact, reason = one.fact, f" ({one.reason})" if one.reason else ""
    if one.standing == "contradicted":
        return f"point {fact.number}, {fact.kind} {fact.text!r}, is contradicted{reason}"
    if one.standing == "near":
        return f"point {fact.number}, {fact.kind} {fact.text!r}, is not said exactly{reason}"
    return f"point {fact.number}, {fact.kind} {fact.text!r}, is missing"


def _style(profile: Profile | None) -> str:
    """What the captions of a profile are like, in lines for a model."""
    if profile is None:
        return ""
    lines = [f"{profile.sentences.p25:.0f} to {profile.sentences.p75:.0f} sentences, {profile.main_tense} tense"]
    for name, words in (("openings", "they often begin with"), ("order", "order is told with")):
        if shares := getattr(profile, name)[:6]:
            lines.append(f"{words}: {', '.join(repr(one) for one, _ in shares)}")
    if profile.camera:
        lines.append(f"of the camera they say: {', '.join(one for one, _ in profile.camera[:8])}")
    return "\nHow such captions are written: " + "; ".join(lines) + ".\n"


async def rewrite(
    prompts: Sequence[str], rewriter: Rewriter, model: str | VLM = "embedded", settings: CaptionSettings | None = None
) -> AsyncGenerator[Rewritten, None]:
    """Rewrite prompts, as many at once as the model serves, and yield them in their order.

    Raises SettingsError for an unknown model, and, before anything is asked, for a prompt that is empty or too long;
    VLMError if the model cannot answer.
    """
    for number, prompt in enumerate(prompts, start=1):
        _check(prompt, f"prompt {number}" if len(prompts) > 1 else "the prompt")
    async with engine_for(model, caption_settings(settings)) as engine:
        inner = engine.vlm.vlm if isinstance(engine.vlm, ForwardingVLM) else engine.vlm
        asks = not isinstance(inner, EmbeddedVLM)

        async def one(prompt: str) -> Rewritten:
            return await engine.run(rewriter.role(prompt, asks=asks))

        async with aclosing(mapped(prompts, one, at_once=2 * engine.slots, in_order=True)) as done:
            async for _, rewritten in done:
                yield rewritten
