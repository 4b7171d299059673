"""Events of long captions that are kept in each text encoder's window: cut off, whole sentences dropped, or ours.

Three sorts of captions of 250 words and more: released ones (``../shared``), whose events a parser finds; events that
people wrote down (``../shared``), with the prose of captioners around them; and scenes of the closed world. An event
counts as kept if it is found again, in its order, by the parser or by the world's own words, never by what sheds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import eq
from pathlib import Path
from typing import Any

from _t2v_events import Event, annotated, composed, composed_events, is_told, kept, lemmas, parsed_events, parser

from sharegpt4video.t2v.budget import fit
from sharegpt4video.t2v.clauses import sentences_of
from sharegpt4video.t2v.encoders import ENCODERS, Counter

SHARED = Path(__file__).resolve().parents[2] / "shared" / "eval"
WINDOWS = ("CLIP-77", "T5-120", "T5-128", "T5-200", "T5-226", "T5-256", "T5-300", "T5-512")
LEAST_WORDS = 250


@dataclass(frozen=True)
class Case:
    """A caption, its events, what reads what is left of it, and whether what was read tells an event."""

    text: str
    events: list[Event]
    read: Callable[[str], list[Any]]
    tells: Callable[[Event, Any], bool]
    once: bool = False

    def kept(self, text: str) -> int:
        return kept(self.events, self.read(text), self.tells, once=self.once)


def truncated(text: str, counter: Counter) -> str:
    """What an encoder reads: the words up to its limit."""
    words = text.split()
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        fits = counter.count(" ".join(words[:middle])) <= counter.encoder.limit_tokens
        low, high = (middle, high) if fits else (low, middle - 1)
    return " ".join(words[:low])


def first_sentences(text: str, counter: Counter) -> str:
    """The first sentences that fit."""
    ends = [sentence.end for sentence in sentences_of(text)]
    fitting = (text[:end] for end in reversed(ends) if counter.count(text[:end]) <= counter.encoder.limit_tokens)
    return next(fitting, "")


def released(nlp: Any) -> Iterator[Case]:
    for row in json.loads((SHARED / "sharegpt4video_60_summaries.json").read_text()):
        if len(row["summary"].split()) >= LEAST_WORDS:
            yield Case(row["summary"], parsed_events(nlp(row["summary"])), lambda text: lemmas(nlp(text)), is_told)


def written_down(nlp: Any, count: int) -> Iterator[Case]:
    rows = [json.loads(line) for line in (SHARED / "DREAM-1k.jsonl").read_text().splitlines()]
    items = [events for row in rows if len(events := row["extra_info"]["events"]) >= 4]
    for number in range(count):
        text, events = annotated(items, number, LEAST_WORDS)
        told = [one for event in events for one in parsed_events(nlp(event))]
        yield Case(text, told, lambda text: lemmas(nlp(text)), is_told)


def world(count: int) -> Iterator[Case]:
    for number in range(count):
        text, events = composed(number, LEAST_WORDS)
        yield Case(text, events, composed_events, eq, once=True)


def table(name: str, cases: Sequence[Case], tokenizers: Path | None) -> None:
    words, told = sum(len(case.text.split()) for case in cases) / len(cases), sum(len(case.events) for case in cases)
    print(f"\n{name}: {len(cases)} captions, {words:.0f} words, {told} events")
    print(f"found again in the whole captions: {sum(case.kept(case.text) for case in cases) / told:.1%}\n")
    print("| encoder | over | cut off | sentences dropped | ours | ours, where the events fit | CPU ms each |")
    print("|---|---|---|---|---|---|---|")
    for window in WINDOWS:
        print(row(window, cases, tokenizers))


def row(window: str, cases: Sequence[Case], tokenizers: Path | None) -> str:
    counter = Counter(ENCODERS[window], tokenizers / window.split("-")[0] if tokenizers else None)
    told, over, seconds = 0, 0, 0.0
    kept_by = {"cut": 0, "dropped": 0, "ours": 0}
    fitting, fitting_kept, fitting_told = 0, 0, 0
    for case in cases:
        started = time.process_time()
        fitted = fit(case.text, counter.encoder, counter=counter)
        seconds += time.process_time() - started
        over += bool(fitted.shed)
        told += len(case.events)
        kept_by["cut"] += case.kept(truncated(case.text, counter))
        kept_by["dropped"] += case.kept(first_sentences(case.text, counter))
        ours = case.kept(fitted.text)
        kept_by["ours"] += ours
        if not fitted.lost_events:
            fitting, fitting_kept, fitting_told = fitting + 1, fitting_kept + ours, fitting_told + len(case.events)
    shares = " | ".join(f"{count / told:.0%}" for count in kept_by.values())
    sure = f"{fitting_kept / fitting_told:.1%} ({fitting})" if fitting_told else "-"
    return f"| {window} | {over} | {shares} | {sure} | {1000 * seconds / len(cases):.1f} |"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="few captions")
    options.add_argument("--parser", default="en_core_web_sm", help="a pipeline of spaCy")
    options.add_argument("--tokenizers", type=Path, help="a folder with folders CLIP and T5 that hold tokenizers")
    chosen = options.parse_args()
    count = 10 if chosen.quick else 60
    nlp = parser(chosen.parser) if SHARED.exists() else None
    if nlp is None:
        print(f"without released captions: needs {SHARED} and the parser {chosen.parser} (pip install spacy)")
    else:
        table("released captions, events by a parser", list(released(nlp)), chosen.tokenizers)
        table("events that people wrote down", list(written_down(nlp, count)), chosen.tokenizers)
    table("scenes of the closed world", list(world(count)), chosen.tokenizers)


if __name__ == "__main__":
    main()
