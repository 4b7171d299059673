"""What is true of a whole story rather than of one moment: the cast, the camera, the look, and what could be read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher

from ...records import Facts, Look, ScreenText
from .camera import MOST_MOVES, plain_action
from .chapters import Chapter
from .clauses import shortened
from .look import notable, plain_screen, strong_colour
from .scene import folded, readable
from .words import clock, counted, listed, number, plural, quoted, verb

MOST_TEXTS = 8
COMPARED_TEXTS = 200  # comparing every line with every other would take minutes for a film with subtitles
SAME_TEXT = 0.85
STILL_ENOUGH = 0.8
CHANGING_LIGHT = 0.35
RESTS = ("static", "hand-held")
MOST_RUNS = 3  # of camera moves that are told with their times


def cast_sentence(found: Sequence[Chapter], told: set[str], *, everything: bool) -> str:
    """Name what has not been named yet; of a video with many shots, name everything with the number of its shots."""
    shots: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for chapter in found:
        labels: set[str] = set()
        for facts in chapter.facts:
            here = Counter(thing.label for thing in facts.objects if thing.end_box)
            labels |= set(here)
            most |= here
        shots.update(labels)
    ranked = sorted(shots, key=lambda label: (label != "person", -shots[label], label))
    if everything and ranked:
        return _by_shots(ranked, shots, most, len(found))
    missing = [counted(label, most[label]) for label in ranked if label not in told]
    many = len(missing) > 1 or any(most[label] > 1 for label in ranked if label not in told)
    return f"{listed(missing)} {'are' if many else 'is'} also seen" if missing else ""


def _by_shots(ranked: Sequence[str], shots: Counter[str], most: Counter[str], count: int) -> str:
    def who(label: str) -> str:
        return plural(label) if most[label] > 1 else counted(label, 1)

    first, *others = ranked
    be = "are" if most[first] > 1 else "is"
    where = "all shots" if shots[first] == count else f"{number(shots[first])} of the {number(count)} shots"
    parts = [f"{who(first)} {be} seen in {where}", *(f"{who(label)} in {number(shots[label])}" for label in others[:4])]
    more = f"; also seen: {listed([who(label) for label in others[4:]])}" if others[4:] else ""
    return listed(parts) + more


def camera_sentence(found: Sequence[Chapter]) -> str:
    """What the camera does over the whole, in two moves at most; "" if it was never measured."""
    held: defaultdict[str, float] = defaultdict(float)
    runs: list[tuple[str, float, float]] = []
    total = 0.0
    for chapter in found:
        for facts in chapter.facts:
            seconds = facts.end_seconds - facts.start_seconds
            if not facts.camera.moves or seconds <= 0:
                continue
            total += seconds
            for move in facts.camera.moves[:MOST_MOVES]:
                held[move] += seconds
                _run(runs, move, facts)
    if not total:
        return ""
    rests = [move for move in RESTS if held[move]]
    moves = [move for move in sorted(held, key=lambda move: (-held[move], move)) if plain_action(move)]
    moves = [move for move in moves if move not in RESTS]
    still, by_hand = held["static"] / total, held["hand-held"] / total
    if not moves:
        return "the camera is hand-held" if by_hand > still else "the camera stays still"
    turns = [move for move, *_ in runs if move not in RESTS]
    if len(turns) <= MOST_RUNS and len(set(turns) - {"shake"}) <= MOST_MOVES and not by_hand:
        return _timed(runs, still)
    actions = listed(shortened([verb(plain_action(move), False) for move in sorted(moves[:MOST_MOVES])]))
    if still >= STILL_ENOUGH:
        return f"the camera is still most of the time; now and then it {actions}"
    if by_hand >= STILL_ENOUGH / 2:
        return f"the camera is hand-held; at times it {actions}"
    return f"the camera {actions}" + (" at times" if rests else "")


def _run(runs: list[tuple[str, float, float]], move: str, facts: Facts) -> None:
    """Add a move to the runs; one that goes on from the interval before makes that run longer."""
    for place, (name, start, end) in enumerate(runs[-4:], start=max(len(runs) - 4, 0)):
        if name == move and abs(end - facts.start_seconds) < 1e-6:
            runs[place] = (name, start, facts.end_seconds)
            return
    runs.append((move, facts.start_seconds, facts.end_seconds))


def _timed(runs: Sequence[tuple[str, float, float]], still: float) -> str:
    """Up to three moves with their times; moves at the same time are told together, and those that come again."""
    together: dict[tuple[float, float], list[str]] = {}
    for move, start, end in runs:
        if move not in RESTS:
            together.setdefault((start, end), []).append(verb(plain_action(move), False))
    times: dict[str, list[str]] = {}
    for (start, end), actions in together.items():
        times.setdefault(listed(shortened(actions)), []).append(f"from {clock(start)} to {clock(end)}")
    if not still and len(together) == 1:
        return f"the camera {next(iter(times))} throughout"
    parts = [f"{actions} {listed(spans)}" for actions, spans in times.items()]
    if still >= STILL_ENOUGH:
        return f"the camera is still most of the time; it {listed(parts)}"
    return f"the camera {listed(parts)}" + ("; otherwise it is still" if still else "")


def look_sentence(found: Sequence[Chapter]) -> str:
    """Light and colours of the whole, where they are worth telling; means over all frames that show something."""
    looks = [facts.look for chapter in found for facts in chapter.facts]
    shown = [look for look in looks if not plain_screen(look)]
    if not shown:
        return ""
    mean = blended(shown)
    light = [look.brightness for look in shown]
    if max(light) - min(light) > CHANGING_LIGHT:
        colour = strong_colour(mean)
        return (
            f"the picture is {colour}, and its brightness changes a lot" if colour else "the brightness changes a lot"
        )
    return notable(mean)


def blended(looks: Sequence[Look]) -> Look:
    """The mean of several looks."""
    shares: defaultdict[str, float] = defaultdict(float)
    for look in looks:
        for name, share in look.palette:
            shares[name] += share
    palette = sorted(
        ((name, share / len(looks)) for name, share in shares.items()), key=lambda pair: (-pair[1], pair[0])
    )
    count = len(looks)
    return Look(
        brightness=sum(look.brightness for look in looks) / count,
        contrast=sum(look.contrast for look in looks) / count,
        sharpness=sum(look.sharpness for look in looks) / count,
        palette=tuple(palette),
    )


def texts_sentence(found: Sequence[Chapter]) -> str:
    """Every different line that was read, with the time at which it was read first."""
    lines = different([line for chapter in found for facts in chapter.facts for line in readable(facts.new_texts)])
    if not lines:
        return ""
    if len(lines) == 1:
        return f"the text {quoted(lines[0].text)} can be read on the screen"
    named = [f"{quoted(line.text)} ({clock(_since(line))})" for line in lines[:MOST_TEXTS]]
    rest = len(lines) - MOST_TEXTS
    if rest > 0:
        named.append(f"{number(rest)} more line{'s' if rest > 1 else ''}")
    return f"the texts on the screen read {listed(named)}"


def _since(line: ScreenText) -> float:
    return line.seconds if line.from_seconds is None else line.from_seconds


def different(lines: Sequence[ScreenText]) -> list[ScreenText]:
    """The lines without those that read like an earlier one."""
    kept: list[ScreenText] = []
    plain: list[str] = []
    for line in lines:
        text = folded(line.text)
        if text in plain or any(_reads_like(text, other) for other in plain[-COMPARED_TEXTS:]):
            continue
        kept.append(line)
        plain.append(text)
    return kept


def _reads_like(one: str, other: str) -> bool:
    """Whether two readings are so close that one is a misreading; "chapter1" and "chapter2" are not."""
    digits = [[character for character in text if character.isdigit()] for text in (one, other)]
    return digits[0] == digits[1] and SequenceMatcher(None, one, other, autojunk=False).ratio() >= SAME_TEXT
