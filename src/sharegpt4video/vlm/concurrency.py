"""How many requests at once a server answers best: found by trying, from throughput and latency.

By Little's law n requests in flight that take L seconds each are a throughput of n / L. The search maximises
n^(1 - FEWER) / L, which is Kleinrock's power, throughput^r / latency, with a large r ("Power and deterministic rules of
thumb for probabilistic problems in computer communications", ICC 1979): nearly all for throughput, and where that is
flat, because the server only queues, the fewest requests. Vegas, Netflix's Gradient2 and BBR look for the point where
latency begins to rise. A server that batches is far from its best there, so this climbs the hill of what was measured
instead, as .NET's thread pool does (Hellerstein, Morrison, Eilebrecht, FeBID 2008). Being turned away needs no
measuring: `Ceiling` keeps below it with additive increase, as TCP does (RFC 5681).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

START = 16
FEWER = 0.08  # 1 % more requests have to bring at least 0.08 % more throughput
CELLS = 8  # per octave: numbers nearer than 9 % to each other are not told apart

_LEAST_CALLS = 8  # in a cohort
_ENDED = 0.75  # of a cohort, before it is judged
_STRAGGLER = 1.25  # a call that is still out counts as taking at least this many times the usual latency
_LATE = 3.0  # times the usual latency: then a larger number is judged by the answers so far
_PRIOR_CALLS, _PRIOR_VARIANCE = 8, 0.25
_BETTER, _OPEN = 0.7, 1.0  # standard errors
_TIE_CALLS = 32
_LOOK_ROUNDS, _LOOK_CALLS = 24, 400  # until the neighbours are measured again for the first time
_MOST_DOUBLINGS = 3
_JUMP_ERRORS, _JUMP = 5.0, 0.5  # what tells that the server has changed
_MOST_PATIENCE = 8
_SAME_LATENCY = 0.8  # of that with four times as many calls: it would be a quarter if the server only queued

Outcome = Literal["answered", "failed", "turned away", "left"]
"""``failed``: in passing. ``left``: what became of the call says nothing about the server's load."""


@dataclass(eq=False)
class Call:
    """One that is with the server. ``area`` is the integral of the number of calls over time when it began."""

    began: float
    area: float
    cohort: Cohort


@dataclass(eq=False)
class Cohort:
    """Calls begun one after the other while ``number`` held. Judged together: the short ones of them end first."""

    number: int
    size: int
    opened: float
    begun: int = 0
    failed: int = 0
    out: dict[Call, None] = field(default_factory=dict)  # a set in the order of beginning
    ended: list[tuple[float, float]] = field(default_factory=list)
    """The mean number in flight and the latency in seconds of each call, as logarithms."""

    @property
    def judged(self) -> bool:
        return self.begun >= self.size and len(self.out) <= (1 - _ENDED) * self.begun


@dataclass
class Level:
    """What was measured with about the same number of calls in flight."""

    calls: float = 0.0
    failed: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def add(self, other: Level) -> None:
        self.calls += other.calls
        self.failed += other.failed
        self.total += other.total
        self.squares += other.squares

    @property
    def score(self) -> float:
        """The logarithm of the power; failed calls take their share off the throughput."""
        return self.total / self.calls + math.log(self.calls / (self.calls + self.failed))

    @property
    def variance(self) -> float:
        spread = max(self.squares - self.total * self.total / self.calls, 0.0)
        return (spread + _PRIOR_CALLS * _PRIOR_VARIANCE) / (self.calls + _PRIOR_CALLS)

    @property
    def error(self) -> float:
        return math.sqrt(self.variance / self.calls)


class Ceiling:
    """The number at which a server turns calls away, less one; tried again now and then, later after each failure."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.room = most
        self._patience, self._stride, self._calm = 1, 1, 0.0
        self._raised, self._probe = False, None

    _probe: Call | None

    def begun(self, call: Call, in_flight: int) -> None:
        if self._raised and self._probe is None and in_flight >= self.room:
            self._probe = call

    def answered(self, call: Call) -> None:
        self._calm += 1
        if call is self._probe:
            self._raised, self._probe, self._patience = False, None, 1
            self._stride *= 2
            self._calm = math.inf
        if self.room < self.most and not self._raised and self._calm >= self._patience * self.room:
            self._raised, self._calm = True, 0.0
            self.room = min(self.room + self._stride, self.most)

    def turned_away(self, call: Call, in_flight: int) -> None:
        """``in_flight`` counts this call, too: without it there may have been just enough room."""
        if call is self._probe:
            self._raised, self._probe, self._stride, self._calm = False, None, 1, 0.0
            self._patience = min(2 * self._patience, _MOST_PATIENCE)
        if in_flight > 1:  # one that is turned away alone was not one too many
            self.room = min(self.room, in_flight - 1)

    def gone(self, call: Call) -> None:
        if call is self._probe:
            self._probe = None


class Search:
    """Finds how many calls to have with one server, at most ``most``.

    Tell it of each call with `begin` and `end`, times in seconds of one clock, and keep to `limit`. Neighbours of the
    best number are tried, an octave away at first and closer once that is decided, and again from time to time: the
    server may have changed. Calls count for the number that was in flight while they ran, so when the work runs out
    nothing is learned about more. Answers that usually take over ``slow_seconds``, or one that takes twice that, halve
    the number, unless they took no longer with four times as many calls: then slow is what takes longer still.
    ``is_measured`` tells whether the best number was ever in flight long enough to be compared with others.
    """

    def __init__(self, most: int, slow_seconds: float = math.inf) -> None:
        self.ceiling = Ceiling(most)
        self.best = self._number = min(START, most)
        self.is_measured = False
        self.in_flight = 0
        self._slow_seconds, self._usual_seconds = slow_seconds, math.inf
        self._while_halving: list[float] = []
        self._step, self._direction, self._up_first = CELLS, 0, True
        self._levels: dict[int, Level] = {}
        self._since_look, self._doublings, self._best_then = 0, 0, 1
        self._now = self._area = 0.0
        self._open = self._new_cohort()
        self._cohorts = [self._open]

    @property
    def limit(self) -> int:
        return min(self._number, self.ceiling.room)

    @property
    def settled(self) -> int:
        """The best number so far, without what is being tried."""
        return min(self.best, self.ceiling.room)

    def begin(self, now: float) -> Call:
        self._tick(now)
        self.in_flight += 1
        if self._open.begun >= self._open.size:
            self._open_cohort()
        call = Call(now, self._area, self._open)
        self._open.begun += 1
        self._open.out[call] = None
        self.ceiling.begun(call, self.in_flight)
        return call

    def end(self, call: Call, now: float, outcome: Outcome) -> None:
        self._tick(now)
        if outcome == "turned away":
            self.ceiling.turned_away(call, self.in_flight)
        elif outcome == "answered":
            self.ceiling.answered(call)
        else:
            self.ceiling.gone(call)
        self.in_flight -= 1
        if call in call.cohort.out:
            self._leave(call, outcome)
        timed_out = outcome == "failed" and self._is_too_slow(now - call.began, self._usual_seconds)
        if timed_out and self._number >= call.cohort.number:
            self._halve()
        for cohort in self._cohorts[:]:
            if cohort.judged or self._is_late(cohort):
                self._judge(cohort)

    def _tick(self, now: float) -> None:
        self._area += self.in_flight * (now - self._now)
        self._now = now

    def _leave(self, call: Call, outcome: Outcome) -> None:
        cohort, seconds = call.cohort, self._now - call.began
        del cohort.out[call]
        if outcome in ("turned away", "left"):
            cohort.begun -= 1
            if cohort is not self._open:  # nobody will take its place
                cohort.size = cohort.begun
            return
        self._since_look += 1
        cohort.failed += outcome == "failed"
        if outcome == "answered" or seconds > self._slow_seconds:
            cohort.ended.append(self._measured(call, seconds))

    def _is_too_slow(self, longest: float, usual: float) -> bool:
        """A call that hangs on a server that answers others quickly has nothing to do with load."""
        return usual > self._slow_seconds < longest or (
            longest > 2 * self._slow_seconds and usual > self._slow_seconds / 8
        )

    def _is_slow_anyway(self, cohort: Cohort) -> bool:
        """Whether load is not to blame. Calls that timed out do not tell how long they would have taken."""
        usual, before = self._usual_seconds, self._while_halving
        self._while_halving = [] if cohort.failed or self._number == 1 else [*before[-1:], usual]
        if cohort.failed or len(before) < 2 or usual < _SAME_LATENCY * before[0]:
            return False
        self._slow_seconds = _STRAGGLER * usual
        return True

    def _halve(self) -> None:
        self.best = max(self._number // 2, 1)
        self._go(self.best)

    def _measured(self, call: Call, seconds: float) -> tuple[float, float]:
        passed = self._now - call.began
        in_flight = (self._area - call.area) / passed if passed > 0 else self.in_flight
        return math.log(max(in_flight, 1.0)), math.log(max(seconds, 1e-6))

    def _new_cohort(self) -> Cohort:
        level = self._level(self.best)
        variance = level.variance if level else 0.1
        is_leap = self._number >= 1.9 * self.best  # what an octave brings is plain to see
        calls = max(_LEAST_CALLS, self.limit / 2 if is_leap else self.limit)
        return Cohort(self._number, math.ceil(calls * (1 + variance)), self._now)

    def _open_cohort(self) -> None:
        if not self._open.begun and self._open in self._cohorts:
            self._cohorts.remove(self._open)
        self._open.size = min(self._open.size, self._open.begun)
        self._open = self._new_cohort()
        self._cohorts.append(self._open)

    def _is_late(self, cohort: Cohort) -> bool:
        """Whether a larger number has clearly brought less: nobody has to wait until all that queue are answered."""
        level = self._level(self.best) if cohort.number > self.best and cohort.begun else None
        if level is None:
            return False
        usual = math.exp((1 - FEWER) * math.log(self.best) - level.score)
        return self._now - cohort.opened > _LATE * usual

    def _judge(self, cohort: Cohort) -> None:
        """Add what a cohort has measured to its level, and choose the next number if it was tried with this one."""
        if cohort is self._open:
            self._open_cohort()
        if cohort in self._cohorts:
            self._cohorts.remove(cohort)
        usual = sum(seconds for _, seconds in cohort.ended) / max(len(cohort.ended), 1)
        for call in cohort.out:  # those that take longest must not be left out, nor be waited for
            passed = max(self._now - call.began, _STRAGGLER * math.exp(usual) if cohort.ended else 0.0)
            cohort.ended.append(self._measured(call, passed))
        cohort.out = {}
        if not cohort.ended:
            return  # a server that answers nobody is down: that says nothing about load
        scores = [(1 - FEWER) * in_flight - seconds for in_flight, seconds in cohort.ended]
        squares = sum(score * score for score in scores)
        level = Level(float(len(scores)), float(cohort.failed), sum(scores), squares)
        cell = round(CELLS / math.log(2) * sum(in_flight for in_flight, _ in cohort.ended) / len(scores))
        self._forget_if_changed(cell, level)
        self._levels.setdefault(cell, Level()).add(level)
        self._usual_seconds = math.exp(usual)
        longest = math.exp(max(seconds for _, seconds in cohort.ended))
        if cohort.number != self._number:
            return
        if self._is_too_slow(longest, self._usual_seconds) and not self._is_slow_anyway(cohort):
            self._halve()
        else:
            self._while_halving = []
            self._choose()

    def _forget_if_changed(self, cell: int, new: Level) -> None:
        old = self._levels.get(cell)
        if cell != _cell(self.best) or old is None or old.calls < _LEAST_CALLS or new.calls < _LEAST_CALLS / 2:
            return
        change = new.score - old.score
        if abs(change) > _JUMP_ERRORS * math.hypot(new.error, old.error) + _JUMP:
            self._levels = {}
            self._step, self._up_first = CELLS, change > 0

    def _look_again(self) -> None:
        """Measure the neighbours again, at longer and longer intervals while the best number stays the same."""
        due = max(_LOOK_ROUNDS * self.best, _LOOK_CALLS) * 2**self._doublings
        if self._since_look > due:
            is_same = abs(_cell(self.best) - _cell(self._best_then)) <= 1
            self._doublings = min(self._doublings + 1, _MOST_DOUBLINGS) if is_same else 0
            self._best_then, self._since_look = self.best, 0
            self._levels = {}
            self._step, self._direction = max(self._step, 2), 0

    def _choose(self) -> None:
        """Go to the best number, or to a neighbour of it that may be better."""
        self.best = min(self.best, self.ceiling.room)
        self._look_again()
        been = {self.best}
        while True:
            levels = {number: self._level(number) for number in (self.best, self._beside(1), self._beside(-1))}
            known = {number: level for number, level in levels.items() if level and level.calls >= min(number / 4, 8)}
            if self.best not in known:
                return self._go(self.best)
            self.is_measured = True
            top = max(known, key=lambda number: known[number].score)
            if top not in been and _lead(known[top], known[self.best], -_BETTER) > 0:
                been.add(top)
                self._move(top)
                continue
            if unknown := levels.keys() - known.keys():
                return self._go(max(unknown) if self._up_first else min(unknown))
            self._up_first = True
            promising = self._promising(known)
            if promising != self.best or self._step == 1:
                return self._go(promising)
            self._step //= 2

    def _move(self, number: int) -> None:
        direction = 1 if number > self.best else -1
        if self._direction in (0, direction):  # a slope: longer strides
            self._step = min(2 * self._step, CELLS)
        self.best, self._direction = number, direction

    def _promising(self, known: dict[int, Level]) -> int:
        """The one with the highest upper bound: the best, or a neighbour that is not yet known to be worse.

        Between neighbours that are equally good lies the top of a hill, or a plain: they are not measured for ever.
        """
        best = known[self.best]
        open_numbers = [
            number
            for number, level in known.items()
            if number != self.best
            and _lead(level, best, _OPEN) > 0
            and not (self._step > 1 and level.calls > max(_TIE_CALLS, number / 2))
        ]
        return max([*open_numbers, self.best], key=lambda number: known[number].score + _OPEN * known[number].error)

    def _beside(self, direction: int) -> int:
        number = round(self.best * 2 ** (direction * self._step / CELLS))
        number = max(number, self.best + 1) if direction > 0 else min(number, self.best - 1)
        return max(1, min(number, self.ceiling.room))

    def _level(self, number: int) -> Level | None:
        """What is known of a number: the larger the steps, the more numbers beside it count as the same."""
        reach, middle, pooled = max(self._step // 2 - 1, 0), _cell(number), Level()
        for cell in range(middle - reach, middle + reach + 1):
            if cell in self._levels:
                pooled.add(self._levels[cell])
        return pooled if pooled.calls else None

    def _go(self, number: int) -> None:
        if number != self._number:
            self._number = number
            self._open_cohort()


def _lead(level: Level, best: Level, errors: float) -> float:
    return level.score + errors * math.hypot(level.error, best.error) - best.score


def _cell(number: int) -> int:
    return round(CELLS * math.log2(number))
