"""The previous step's text in a prompt, corrupted on purpose: missing, from another video, spliced, cut or shuffled."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...checking import check_texts
from ...errors import SettingsError
from ...given import from_json, read_text
from ..settings import MixtureSettings, Wrong
from .shorten import sentences

_TRIES = 20  # for a step of another video that says something else


class Contexts:
    """Draws contexts. ``pool``: (video, text) of all correct ones; ``own``: the model's mistakes by sample id."""

    def __init__(
        self, settings: MixtureSettings, pool: Sequence[tuple[str, str]], own: Mapping[str, Sequence[str]]
    ) -> None:
        self._settings, self._pool, self._own = settings, pool, own
        self._known = not own
        """Whether any sample was among those that mistakes are known of."""

    def draw(self, id: str, video: str, before: str, rng: random.Random) -> tuple[str, str]:
        """The context for one sample, and what it is: "true", "missing", or the kind of what is wrong with it.

        A kind that cannot be made from this text falls back to a step of another video.
        """
        self._known = self._known or id in self._own
        chance = rng.random()
        if chance < self._settings.missing_context:
            return "", "missing"
        if chance >= self._settings.missing_context + self._settings.wrong_context:
            return before, "true"
        kind = rng.choice(self._settings.wrong_kinds)
        text = self._wrong(kind, id, video, before, rng)
        if _same(text, before):
            kind, text = "another", self._another(video, before, rng)
        return (text, kind) if not _same(text, before) else (before, "true")

    def check_mistakes(self) -> None:
        """Once all is drawn, raises SettingsError if the model's mistakes were of other samples than these."""
        if not self._known:
            raise SettingsError(
                f"mixture.own_mistakes: none of the changes in the exports has an id of {self._settings.own_mistakes}"
                f" (the first there: {next(iter(self._own))}); were they exported again?"
            )

    def _wrong(self, kind: Wrong, id: str, video: str, before: str, rng: random.Random) -> str:
        if kind == "own":
            said = [text for text in self._own.get(id, ()) if text.strip() and not _same(text, before)]
            return rng.choice(said) if said else before
        if kind == "another":
            return self._another(video, before, rng)
        if kind == "spliced":
            tries = (spliced(before, self._another(video, before, rng), rng) for _ in range(_TRIES))
            return next((text for text in tries if not _same(text, before)), before)
        parts = sentences(before)
        if len(parts) < 2:
            return before
        first, second = sorted(rng.sample(range(len(parts)), 2))
        if kind == "dropped":
            del parts[first]
        else:
            parts[first], parts[second] = parts[second], parts[first]
        return " ".join(parts)

    def _another(self, video: str, before: str, rng: random.Random) -> str:
        for _ in range(_TRIES):
            other, text = rng.choice(self._pool)
            if other != video and not _same(text, before):
                return text
        return before


def _same(one: str, other: str) -> bool:
    """Whether two texts differ in blanks at most."""
    return one == other or one.split() == other.split()


def spliced(first: str, second: str, rng: random.Random) -> str:
    """The first words of one text and the last of another, cut at the same share of both."""
    one, other = first.split(), second.split()
    if len(one) < 2 or len(other) < 2:
        return first
    share = rng.uniform(0.2, 0.8)
    begin, end = max(round(share * len(one)), 1), min(round(share * len(other)), len(other) - 1)
    return " ".join([*one[:begin], *other[end:]])


def read_mistakes(path: str) -> dict[str, list[str]]:
    """What a model itself said of the step before, by sample. Raises SettingsError for a file of another kind."""
    found: dict[str, list[str]] = {}
    if not path:
        return found
    number = 0
    try:
        lines = read_text(Path(path).expanduser()).split("\n")
        for number, line in enumerate(lines, start=1):
            if line.strip():
                plain = from_json(line)
                check_texts(plain, f"mixture.own_mistakes: {path}, line {number}: ")
                found.setdefault(str(plain["id"]), []).append(str(plain["before"]))
    except OSError as error:
        raise SettingsError(f"mixture.own_mistakes: {path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"mixture.own_mistakes: {path}, line {number}: JSON lines with id and before are wanted ({error!r})"
        ) from error
    return found
