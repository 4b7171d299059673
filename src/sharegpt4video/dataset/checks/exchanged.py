"""Answers that went to the wrong video, found from the captions and the measured facts alone.

The texts of a video share words with each other and with what was measured: things that were recognised, lines that
were read. An answer that belongs to another video shares them with that video's texts and facts instead. A step may do
so by chance, so one such text is no finding; but a server that mixes answers up leaves a trail. Where one video's text
is found elsewhere, that video has got somebody else's in its place.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from ...records import Facts, Finding
from ...verify.lexicon import FILLER, concept_of, kinds, kinds_of, things
from ...verify.prose import SUMMARY, Draft, Passage, stem
from ..decide.recordings import recording_keys
from ..rows import CaptionRow
from . import MIXED_UP

WINDOW_VIDEOS = 256
"""How many captions, in the order in which they were finished, may have been in progress at the same time."""
LEAST_VIDEOS = 24
"""With fewer to compare, nobody knows which words are rare."""
LEAST_GAIN = 12.0
"""How much better a text must fit the other video: the sum of ln(videos / videos with the word) over the words that
only that one shares, less that over those that only its own shares."""
LEAST_SPREAD = 6.0
"""How much of that must be left without any one text of the other video."""
LEAST_COMPARED, HONEST_SHARE, LEAST_SIGMAS = 100, 0.7, 4.0
"""When right captions are compared with a random other video, at least 0.7 of the comparisons favour their own
(measured: 0.86 to 0.98; 0.5 for texts that are assigned at random). Four standard errors below that is no accident (1
run in 30,000). Captions of one text have only the facts to agree with, which is too little to judge them by."""

_T = TypeVar("_T")
_READ = re.compile(r"[^\W_]{4,}|\d{3,}")


@dataclass(frozen=True)
class _Text:
    """One text of a video: the words in it that can tell videos apart."""

    number: int
    words: frozenset[str]


@dataclass(frozen=True)
class _Video:
    id: str
    recording: frozenset[str]
    texts: tuple[_Text, ...]
    measured: frozenset[str]

    @cached_property
    def _counts(self) -> Counter[str]:
        counts = Counter(self.measured)
        counts.update(word for text in self.texts if text.number != SUMMARY for word in text.words)
        return counts

    @property
    def words(self) -> Iterable[str]:
        """The words of its steps and facts. The summary repeats the steps, so it proves nothing."""
        return self._counts.keys()

    def holds(self, word: str, besides: _Text | None = None) -> bool:
        """Whether a word is in its steps and facts, not counting this one of its texts."""
        own = besides is not None and besides.number != SUMMARY and word in besides.words
        return self._counts[word] > own

    def strange(self, text: _Text) -> list[str]:
        """The words of a text of its own that nothing else of it has."""
        return [word for word in text.words if not self.holds(word, text)]


@dataclass(frozen=True)
class _Link:
    """A text that fits another video much better than its own, and the words that say so, rarest first.

    ``standing`` are those texts of the other video without which it would still fit.
    """

    number: int
    other: str
    gain: float
    words: tuple[str, ...]
    standing: frozenset[int]


class Exchanges:
    """Takes captions in the order in which they were finished; ``findings`` then says which texts are in doubt.

    Holds the words of the last 256 captions. ``compared`` counts the captions that could be compared with another
    video, ``own`` adds up the shares of their texts that fit their own video better.
    """

    def __init__(self) -> None:
        self.compared, self.own = 0, 0.0
        self._window: deque[_Video] = deque()
        self._having: defaultdict[str, set[int]] = defaultdict(set)
        self._strange: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
        self._first = 0
        self._random = random.Random(0)  # the same captions always give the same findings
        self._links: dict[tuple[str, int], _Link] = {}

    def add(self, draft: Draft) -> None:
        """Take the next caption."""
        video = _video(draft)
        if len(self._window) >= LEAST_VIDEOS:
            self._compare(video)
            self._look_back(video)
            self._look_forward(video)
        self._keep(video)

    def findings(self) -> dict[str, tuple[Finding, ...]]:
        """The findings by the id of the caption."""
        found: defaultdict[str, dict[int, _Link]] = defaultdict(dict)
        for (id, number), link in self._links.items():
            for place in link.standing:
                if instead := self._links.get((link.other, place)):
                    found[id][number], found[link.other][place] = link, instead
        return {id: tuple(_finding(links[number]) for number in sorted(links)) for id, links in found.items()}

    def warning(self) -> str:
        """A warning if the captions fit their own videos no better than others; "" if not, or with too few to tell."""
        if self.compared < LEAST_COMPARED:
            return ""
        share = self.own / self.compared
        error = math.sqrt(HONEST_SHARE * (1 - HONEST_SHARE) / self.compared)
        if share > HONEST_SHARE - LEAST_SIGMAS * error:
            return ""
        return (
            f"these captions do not seem to belong to these videos: only {share:.0%} of {self.compared} fit their own"
            " better than one chosen blindly, where right ones reach 85 % and more; does the server mix its answers up?"
        )

    def _compare(self, video: _Video) -> None:
        """Compare a caption with one of the older half of the window, which has the least to do with it."""
        other = self._window[self._random.randrange(len(self._window) // 2)]
        if min(len(video.texts), len(other.texts)) < 2 or video.recording & other.recording:
            return
        votes = []
        for place, text in enumerate(video.texts):
            gain = self._gain(text, video, other, other.texts[place % len(other.texts)])
            if gain:
                votes.append(gain < 0)
        if votes:
            self.compared += 1
            self.own += sum(votes) / len(votes)

    def _look_back(self, video: _Video) -> None:
        """Find texts of this video that fit an earlier one."""
        for text in video.texts:
            gains: defaultdict[int, float] = defaultdict(float)
            for word in video.strange(text):
                for place in self._having.get(word, ()):
                    gains[place] += self._rarity(word)
            for place, gain in gains.items():
                if gain >= LEAST_GAIN:
                    self._link(video, text, self._window[place - self._first])

    def _look_forward(self, video: _Video) -> None:
        """Find texts of earlier videos that fit this one."""
        gains: defaultdict[tuple[int, int], float] = defaultdict(float)
        for word in video.words:
            for entry in self._strange.get(word, ()):
                gains[entry] += self._rarity(word)
        for (place, number), gain in gains.items():
            if gain >= LEAST_GAIN:
                earlier = self._window[place - self._first]
                self._link(earlier, earlier.texts[number], video)

    def _link(self, video: _Video, text: _Text, other: _Video) -> None:
        gain = self._gain(text, video, other)
        known = self._links.get((video.id, text.number))
        if gain < LEAST_GAIN or (known and known.gain >= gain) or video.recording & other.recording:
            return
        without = {one.number: self._gain(text, video, other, one) for one in other.texts}
        if min(without.values(), default=gain) < LEAST_SPREAD:
            return  # only one text is alike
        words = sorted(filter(other.holds, video.strange(text)), key=lambda word: (-self._rarity(word), word))
        standing = frozenset(number for number, left in without.items() if left >= LEAST_GAIN)
        self._links[video.id, text.number] = _Link(text.number, other.id, gain, tuple(words), standing)

    def _gain(self, text: _Text, video: _Video, other: _Video, besides: _Text | None = None) -> float:
        """How much better a text of a video fits another one, and that one without one of its texts."""
        return sum(self._rarity(word) * (other.holds(word, besides) - video.holds(word, text)) for word in text.words)

    def _rarity(self, word: str) -> float:
        videos = len(self._window) + 1
        return math.log(videos / min(videos, max(1, len(self._having.get(word, ())))))

    def _keep(self, video: _Video) -> None:
        place = self._first + len(self._window)
        self._window.append(video)
        for word in video.words:
            self._having[word].add(place)
        for number, text in enumerate(video.texts):
            for word in video.strange(text):
                self._strange[word].add((place, number))
        if len(self._window) > WINDOW_VIDEOS:
            self._forget()

    def _forget(self) -> None:
        place, video = self._first, self._window.popleft()
        self._first += 1
        for word in video.words:
            _discard(self._having, word, place)
        for number, text in enumerate(video.texts):
            for word in video.strange(text):
                _discard(self._strange, word, (place, number))


def _discard(index: dict[str, set[_T]], word: str, entry: _T) -> None:
    if word in index:
        index[word].discard(entry)
        if not index[word]:
            del index[word]


def _video(draft: Draft) -> _Video:
    row = draft.row
    assert isinstance(row, CaptionRow)
    texts = tuple(_Text(passage.number, words) for passage in draft.texts if (words := _words(passage)))
    measured = frozenset(word for step in row.steps for facts in step.facts for word in _measured(facts))
    return _Video(row.id, _recording(row), texts, measured)


def _recording(row: CaptionRow) -> frozenset[str]:
    return frozenset(recording_keys(row.original))


def _words(passage: Passage) -> frozenset[str]:
    """The stems of a text, also of what it quotes, and the things that it names whatever their word."""
    quoted = {stem(word) for quote in passage.quotes for word in _READ.findall(quote.casefold())}
    told = {one for one in passage.stems - FILLER if len(one) > 2 and not one.isdigit()}
    return frozenset(told | quoted | {f"a {one}" for one in things(passage.stems) | kinds(passage.stems)})


def _measured(facts: Facts) -> Iterator[str]:
    for thing in facts.objects:
        concept = concept_of(thing.label)
        if thing.score >= 0.5 and thing.seen_frames >= 3 and concept:
            yield from (f"a {one}" for one in (concept, *kinds_of(concept)))
    for line in facts.texts or ():
        yield from map(stem, _READ.findall(line.text.casefold()))


def _finding(link: _Link) -> Finding:
    shown = ", ".join(word for word in link.words if not word.startswith("a "))[:80]
    return Finding(
        MIXED_UP, link.number, f"fits video {link.other} better than its own ({shown}), which has lost a text itself"
    )
