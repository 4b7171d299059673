"""Whether a caption of the closed world makes a claim true, false, or leaves it open.

Claims are in the words of questions and options (see ``asking`` and ``asking_mvbench``). What a question takes for
granted is taken for granted here: that a thing asked about its one change has no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from . import words as w
from .asking import ACTS, SPEED_WORDS, UNCHANGED
from .asking_mvbench import AT_ONCE, INSTANT, NEVER_MOVES, SIDES
from .scenes import COLOURS, DIRECTIONS, OPPOSITE, SHAPES, TONES
from .told import Deed, Told, read_deed

Truth = bool | None
Check = Callable[..., Truth]

_ACT_OF = {words: kind for kind, words in ACTS.items()}
_SPEED_OF = {words: speed for speed, words in SPEED_WORDS.items()}
_SHAPE, _WAY, _COLOUR = "|".join(SHAPES), "|".join(DIRECTIONS), "|".join(COLOURS)


def holds(told: Told, claim: str) -> Truth:
    """Whether a claim is true of what is told; None if that is left open, or if the claim is not of this world."""
    for pattern, check in _CHECKS:
        if found := pattern.fullmatch(claim):
            return check(told, *found.groups())
    return None


def _does(told: Told, shape: str, wanted: Deed) -> Truth:
    """Whether a thing does something: false only where all that it does is told."""
    if any(deed.same(wanted) for deed in told.of(shape)):
        return True
    return False if told.complete else None


def _acts(told: Told, shape: str, act: str) -> Truth:
    return _does(told, shape, Deed(shape, _ACT_OF[act]))  # type: ignore[arg-type]


def _deed(told: Told, shape: str, text: str) -> Truth:
    wanted = read_deed(text)
    return _does(told, shape, wanted) if wanted is not None else None


def _moves(told: Told, shape: str, way: str, speed: str = "") -> Truth:
    """Asked of a thing that moves once: another way than the one that is told is wrong."""
    own = [deed for deed in told.of(shape) if deed.travels]
    if not own:
        return False if told.complete else None
    if way and all(deed.way != way for deed in own):
        return False
    if not speed:
        return True
    speeds = {deed.speed for deed in own if deed.way == way or not way}
    return None if "" in speeds else speeds == {_SPEED_OF[speed]}


def _this_way(told: Told, shape: str, way: str) -> Truth:
    if way != NEVER_MOVES:
        return _moves(told, shape, way)
    moves = _moves(told, shape, "")
    return None if moves is None else not moves


def _speed(told: Told, shape: str, speed: str) -> Truth:
    return _moves(told, shape, "", speed)


def _before_back(told: Told, shape: str, way: str) -> Truth:
    turns = [deed for deed in told.of(shape) if deed.kind == "turns"]
    if not turns:
        return False if told.complete else None
    return turns[0].way == way


def _at_end_of_row(told: Told, which: str, shape: str, way: str) -> Truth:
    """The first or last way of a thing that moves several times; what else it does does not count."""
    own = told.ordered(shape)
    if own is None:
        return None
    ways = [deed.way for deed in own if deed.travels]
    if len(ways) > 1:
        return ways[0 if which == "first" else -1] == way
    return _first_of_all(told, shape, f"moves {way}") if which == "first" else None


def _first_of_all(told: Told, shape: str, text: str) -> Truth:
    """Which of two things begins."""
    wanted = read_deed(text)
    if wanted is None or not told.complete:
        return None
    own = [deed.part for deed in told.of(shape) if deed.same(wanted)]
    others = [deed.part for deed in told.deeds if deed.shape != shape and deed.kind != "stays"]
    if not own:
        return False
    return None if not others or min(own) == min(others) else min(own) < min(others)


def _faster(told: Told, shape: str) -> Truth:
    speeds = {deed.shape: deed.speed for deed in told.deeds if deed.travels}
    if speeds.get(shape):
        return speeds[shape] == "fast"
    known = [speed for other, speed in speeds.items() if other != shape and speed]
    return known == ["slow"] if len(known) == 1 else None


def _in_order(told: Told, shape: str, first: str, second: str) -> Truth:
    wanted = [read_deed(text) for text in (first, second)]
    if None in wanted:
        return None
    if any(_does(told, shape, one) is False for one in wanted if one):
        return False
    own = told.ordered(shape)
    if own is None:
        return None
    places = [[at for at, deed in enumerate(own) if one and deed.same(one)] for one in wanted]
    return bool(places[0] and places[1]) and min(places[0]) < max(places[1])


def _right_after(told: Told, first: str, shape: str, second: str) -> Truth:
    own, wanted = told.ordered(shape), [read_deed(text) for text in (first, second)]
    if own is None or wanted[0] is None or wanted[1] is None:
        return None
    return any(a.same(wanted[0]) and b.same(wanted[1]) for a, b in pairwise(own))


def _colour_changes(told: Told, shape: str, how: str) -> Truth:
    changes = [deed for deed in told.of(shape) if deed.kind == "recolours"]
    if how == UNCHANGED:
        return False if changes else True if told.complete else None
    pair = re.fullmatch(r"changes from (\w+) to (\w+)", how)
    if pair is None:
        return None
    if not changes:
        return False if told.complete else None
    if changes[0].colour != pair[2]:
        return False
    return changes[0].before == pair[1] if changes[0].before else None


def _size_changes(told: Told, shape: str, how: str) -> Truth:
    changes = {str(deed.kind) for deed in told.of(shape)} & {"grows", "shrinks"}
    if how == UNCHANGED:
        return False if changes else True if told.complete else None
    return how in changes if changes or told.complete else None


def _colour_count(told: Told, shape: str, number: str) -> Truth:
    changes = sum(deed.kind == "recolours" for deed in told.of(shape))
    if told.complete:
        return changes == int(number)
    return False if int(number) < changes else None


def _stays_at(told: Told, shape: str, place: str) -> Truth:
    looks = told.looks.get(shape)
    return looks.place == place if looks is not None and looks.at_start else None


def _passes(told: Told, shape: str, behind: str) -> Truth:
    hidden = [deed.behind for deed in told.of(shape) if deed.kind == "passes"]
    return hidden[0] == behind.removeprefix("the ") if hidden else False if told.complete else None


def _side(told: Told, shape: str, side: str) -> Truth:
    """Before it goes left behind something, it is on the right of it."""
    ways = [deed.way for deed in told.of(shape) if deed.kind == "passes"]
    return SIDES[OPPOSITE[ways[0]]] == side if ways else None


def _exists(told: Told, text: str) -> Truth:
    wanted = read_deed(text)
    if wanted is None:
        return None
    return True if any(deed.same(wanted) for deed in told.deeds) else False if told.complete else None


def _movers(told: Told, number: str) -> Truth:
    moving = len({deed.shape for deed in told.deeds if deed.travels})
    if told.complete:
        return moving == int(number)
    return False if int(number) < moving else None


def _mover(told: Told, name: str) -> Truth:
    """Asked where one thing moves: its shape, or its colour."""
    moving = {deed.shape for deed in told.deeds if deed.travels}
    if len(moving) != 1:
        return None
    (shape,) = moving
    if name in SHAPES:
        return name == shape
    seen = told.seen.get(shape, frozenset())
    return name in seen if seen else None


def _first_to_do(told: Told, name: str) -> Truth:
    """Instants are in the middle of their part, so an instant and a move that are told together do not tie."""
    busy = [deed for deed in told.deeds if deed.kind != "stays"]
    if not told.complete or not busy:
        return None
    first = [deed for deed in busy if deed.part == min(each.part for each in busy)]
    if len({deed.kind in INSTANT for deed in first}) > 1 or (first[0].kind in INSTANT and len(first) < len(busy)):
        return None
    shapes = {deed.shape for deed in first}
    everybody = shapes == {deed.shape for deed in busy}
    if name == AT_ONCE:
        return everybody and len(shapes) > 1
    return shapes == {name.removeprefix("the ")}


def _background_changes(told: Told, how: str) -> Truth:
    stays = re.fullmatch(r"stays (\w+)", how)
    if not told.tones:
        return None
    if stays:
        return told.tones == (stays[1],) if len(told.tones) == 1 else False
    pair = re.fullmatch(r"changes from (\w+) to (\w+)", how)
    if pair is None or len(told.tones) == 1:
        return False
    return told.tones == pair.groups() if told.cut else None


def _camera(told: Told, move: str) -> Truth:
    return told.camera == move if told.camera else None


def _is_colour(told: Told, shape: str, colour: str) -> Truth:
    seen = told.seen.get(shape, frozenset())
    return colour in seen if seen else None


def _coloured(told: Told, colour: str, shape: str) -> Truth:
    shapes = {name for name, seen in told.seen.items() if colour in seen}
    return shape in shapes if shapes else None


def _is_at(told: Told, shape: str, place: str) -> Truth:
    looks = told.looks.get(shape)
    return looks.place == place if looks else None


def _count(told: Told, number: str) -> Truth:
    return len(told.looks) == int(number) if told.complete else None


def _tone(told: Told, tone: str) -> Truth:
    return tone in told.tones if told.tones else None


def _matching(rows: Sequence[tuple[str, Check]]) -> tuple[tuple[re.Pattern[str], Check], ...]:
    return tuple((re.compile(pattern), check) for pattern, check in rows)


_WHO = rf"the ({_SHAPE})"
_CHECKS = _matching((
    (rf"the camera ({'|'.join(w.CAMERA_MOVES.values())})", _camera),
    (rf"the thing that moves faster is {_WHO}", _faster),
    (rf"the (?:thing that moves) is (?:the )?({_SHAPE}|{_COLOUR})", _mover),
    (rf"the first to do something is ({AT_ONCE}|the (?:{_SHAPE}))", _first_to_do),
    (r"the number of things that move is (\d)", _movers),
    (r"the number of things is (\d)", _count),
    (rf"the number of times {_WHO} changes its colour is (\d)", _colour_count),
    (rf"the colour of {_WHO} (.+)", _colour_changes),
    (rf"the size of {_WHO} (.+)", _size_changes),
    (rf"the background is ({'|'.join(TONES)})", _tone),
    (r"the background (.+)", _background_changes),
    (r"there a thing that (.+)", _exists),
    (rf"right after it (.+), {_WHO} (.+)", _right_after),
    (rf"of two things, first {_WHO} (.+)", _first_of_all),
    (rf"(first|at last) {_WHO} moves ({_WAY})", _at_end_of_row),
    (rf"first {_WHO} (.+)", _first_of_all),
    (rf"{_WHO} ({'|'.join(ACTS.values())})", _acts),
    (rf"{_WHO} moves this way: (.+)", _this_way),
    (rf"{_WHO} moves ({_WAY}) before it comes back", _before_back),
    (rf"{_WHO} moves ({_WAY})", _moves),
    (rf"{_WHO} moves ({_WAY}) ({'|'.join(_SPEED_OF)})", _moves),
    (rf"{_WHO} moves ({'|'.join(_SPEED_OF)})", _speed),
    (rf"{_WHO} would be (.+) at the end", _stays_at),
    (rf"{_WHO} is (.+) before it is hidden", _side),
    (rf"{_WHO} passes behind (the \w+)", _passes),
    (rf"{_WHO} is ({_COLOUR})", _is_colour),
    (rf"the ({_COLOUR}) thing is a ({_SHAPE})", _coloured),
    (rf"{_WHO} is (.+)", _is_at),
    (rf"{_WHO} (.+), then (.+)", _in_order),
    (rf"{_WHO} (.+)", _deed),
))  # fmt: skip
