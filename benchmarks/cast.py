"""Whether captions speak of the same subjects in the same words, with and without a cast, against made truth.

Videos are made up of shots in which subjects with known looks come and go; some videos have two of a kind. A model that
forgets stands in for a real one: it sees who is there, but words its captions anew each time. Where the request holds
words that fit a subject and no other in sight, it takes these, in nine of ten cases. The real roles and the real run of
a video ask it.

- consistent: the share of a subject's mentions in the words most used for it, over all subjects mentioned twice
- of another: mentions in words that fit another subject of the video better than their own
- summary: the share of subjects whose most used words the summary was told

    python benchmarks/cast.py [--videos 200]
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field

from sharegpt4video.captioner.cast import Member, mentions
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.engines import open_engine
from sharegpt4video.reading import Ended, Event, Opened
from sharegpt4video.records import Keyframe, Segment
from sharegpt4video.run import VideoRun
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM

FOLLOWS = 0.9
PEOPLE = {"man": ("man", "guy"), "woman": ("woman", "lady"), "child": ("child", "kid"), "dog": ("dog",)}
COLOURS = ("red", "blue", "green", "yellow", "black", "white", "grey", "pink")
GARMENTS = ("jacket", "shirt", "dress", "coat", "sweater", "hat", "scarf")
BUILDS = ("young", "elderly", "tall", "slim", "bearded", "small", "brown")
DEEDS = ("walks to the left", "turns around", "looks at the camera", "raises an arm", "sits down", "waits")


@dataclass(frozen=True)
class Subject:
    """One subject as it truly is."""

    kind: str
    build: str
    wears: tuple[tuple[str, str], ...]

    def words(self, rng: random.Random) -> str:
        """Some way of naming it: a synonym, and some of its looks in some form."""
        noun = rng.choice(PEOPLE[self.kind])
        before = f"{self.build} " if rng.random() < 0.5 else ""
        worn = rng.sample(self.wears, rng.choice((0, 1, 1, 2)) if before else rng.choice((1, 1, 2)))
        if not worn:
            return f"{before}{noun}"
        return f"{before}{noun} {rng.choice(('in', 'wearing'))} " + " and ".join(f"a {c} {g}" for c, g in worn)

    def fits(self, member: Member) -> float:
        """How well some words fit it: the share of their traits that it has; -1 for another kind of subject."""
        if member.kind != self.kind:
            return -1.0
        own = {self.build, *(f"{colour} {garment}" for colour, garment in self.wears)}
        return len(member.traits & own) / len(member.traits) if member.traits else 0.5


@dataclass
class Video:
    """Who is in sight in each shot, by number; a shot has ``steps`` keyframes, two seconds apart."""

    subjects: list[Subject]
    shots: list[tuple[int, ...]]
    steps: int
    told: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    summary: str = ""

    @property
    def shot_seconds(self) -> float:
        return 2.0 * self.steps


def made(rng: random.Random) -> Video:
    """A video of 4 to 12 shots with 2 to 5 subjects, often two of a kind."""
    subjects: list[Subject] = []
    for _ in range(rng.randint(2, 5)):
        garments = rng.sample(GARMENTS, 2)
        subject = Subject(
            rng.choice(list(PEOPLE)), rng.choice(BUILDS), tuple((rng.choice(COLOURS), each) for each in garments)
        )
        if subject not in subjects:
            subjects.append(subject)
    shots = [
        tuple(sorted(rng.sample(range(len(subjects)), rng.randint(1, min(3, len(subjects))))))
        for _ in range(rng.randint(4, 12))
    ]
    return Video(subjects, shots, rng.randint(1, 4))


class Forgetful:
    """Replies that name who is in sight, in words of the request where some fit, and anew otherwise."""

    def __init__(self, video: Video, seed: int) -> None:
        self._video, self._seed = video, seed

    def __call__(self, request: Request) -> str:
        video = self._video
        if request.task in ("summary", "fold"):
            video.summary = request.cast
            return "All of it happens."
        rng = random.Random(f"{self._seed} {request.seconds}")
        shot = min(int(request.seconds[-1] / video.shot_seconds), len(video.shots) - 1)
        known = [member for member, _ in mentions(_with_articles(request.cast) + request.before)]
        sentences = []
        for number in video.shots[shot]:
            words = self._words(number, video.shots[shot], known, rng)
            video.told[number].append(words)
            sentences.append(f"The {words} {rng.choice(DEEDS)}.")
        return " ".join(sentences)

    def _words(self, number: int, sight: tuple[int, ...], known: list[Member], rng: random.Random) -> str:
        subject = self._video.subjects[number]
        others = [self._video.subjects[other] for other in sight if other != number]
        fitting = [
            member
            for member in known
            if subject.fits(member) == 1.0 and all(other.fits(member) < 1.0 for other in others)
        ]
        if fitting and rng.random() < FOLLOWS:
            return fitting[0].words
        return subject.words(rng)


def _with_articles(cast: str) -> str:
    """The members of a cast as a sentence would hold them."""
    listed = cast.partition(": ")[2].partition(".")[0]
    return "".join(f"The {words} is here. " for words in listed.split("; ") if words)


async def events(video: Video) -> AsyncGenerator[Event | float, None]:
    """What reading the video would give."""
    yield Opened("made.mp4", 64, 48, 0.0, video.shot_seconds * len(video.shots))
    for index in range(len(video.shots)):
        start = index * video.shot_seconds
        times = [start + 2.0 * step for step in range(video.steps)]
        keyframes = tuple(Keyframe(seconds, index, "change") for seconds in times)
        yield Segment(index, start, start + video.shot_seconds, "cut" if index else "start", False, keyframes, ())
    yield Ended(video.shot_seconds * len(video.shots), ())


async def captioned(video: Video, seed: int, *, cast: bool) -> None:
    """Caption one video; what was said of whom is kept in it."""
    settings = CaptionSettings(cast=cast, facts=FactSettings(measure=False), fold_steps=1000)
    engine = open_engine(FakeVLM(Forgetful(video, seed)), settings)
    await VideoRun(engine, settings).describe(events(video))


def consistent(videos: list[Video]) -> float:
    """The share of mentions in a subject's most used words, of those mentioned at least twice."""
    told = [words for video in videos for words in video.told.values() if len(words) > 1]
    return sum(Counter(words).most_common(1)[0][1] for words in told) / sum(map(len, told))


def of_another(videos: list[Video]) -> float:
    """The share of mentions whose words fit another subject of the video better than their own."""
    judged = [wrong for video in videos for wrong in _wrong(video)]
    return sum(judged) / len(judged)


def _wrong(video: Video) -> Iterator[bool]:
    for number, told in video.told.items():
        for words in told:
            for member, _ in mentions(f"The {words} waits."):
                own = video.subjects[number].fits(member)
                yield any(other.fits(member) > own for other in video.subjects)


def in_summary(videos: list[Video]) -> float:
    """The share of subjects whose most used words the summary was told."""
    held = [
        Counter(told).most_common(1)[0][0] in video.summary for video in videos for told in video.told.values() if told
    ]
    return sum(held) / len(held)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=int, default=200)
    count = parser.parse_args().videos
    print(f"{platform.machine()}, Python {platform.python_version()}; {count} made videos")
    print("| | consistent | of another | summary |\n|---|---|---|---|")
    for cast in (False, True):
        videos = [made(random.Random(seed)) for seed in range(count)]
        for seed, video in enumerate(videos):
            asyncio.run(captioned(video, seed, cast=cast))
        figures = consistent(videos), of_another(videos), in_summary(videos)
        print(
            f"| {'with' if cast else 'without'} a cast | " + " | ".join(f"{100 * one:.1f} %" for one in figures) + " |"
        )


if __name__ == "__main__":
    main()
