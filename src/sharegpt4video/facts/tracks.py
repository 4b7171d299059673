"""Follows detected objects over time, so that only what is seen again and again is named.

Detections are matched to tracks by overlap, with a constant-velocity prediction. Weak detections may continue a track
but not start one (hysteresis; the use of weak detections is from ByteTrack, https://arxiv.org/abs/2110.06864). A track
that has started reaches back over the weak detections that came before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..checking import Count, Seconds, Share, raise_for, wrong_values
from ..records import Box
from . import labels
from .boxes import blend, moved, overlap, share_inside
from .detect import Detection
from .hands import HAND, HANDS, CloseLooks
from .matching import double_overlap, fit

EDGE = 0.02  # a box this near to the picture's border touches it
REACHES_BACK = 0.4  # overlap with a weak detection in the frame before; a little more for one of something else


@dataclass(frozen=True)
class TrackerSettings:
    """When a track starts, goes on, counts and ends. Scores were tuned for NanoDet-g at 416 pixels.

    On 30 photographs and textures, each held for 3 s with jitter and noise, these scores name 5 things that are not
    there (coins read as a clock, a fundus as a bed; nothing in plain noise), .50 for everything would name 10. A thing
    that is really there seldom stays under .30 for more than a frame.
    """

    start_score: Share = 0.42
    """A detection this good starts a track."""
    continue_score: Share = 0.3
    """A detection this good continues one. Weaker ones only show how far back a track reaches."""
    named_score: Share = 0.55
    """The best detection of a track must be this good before the track counts."""
    named_known_score: Share = 0.5
    """The same for ``labels.WELL_KNOWN``."""
    named_person_score: Share = 0.45
    """The same for people, who need no more than this and a second sight: they are seldom mistaken."""
    named_mean_score: Share = 0.45
    """The mean of its detections must be this good: a bicycle taken for a motorcycle stays near .42 all the time."""
    inside_score: Share = 0.6
    """A detection inside a stronger one of the same label is mostly a part of it; it needs this to start a track."""
    least_frames: Count = 3
    """Frames a track must be seen in before it counts, two of them in a row: one as it is, one in a mirror."""
    least_seconds: Seconds = 0.6
    """Time a track must span before it counts: at high sampling rates the same mistake is made several times over."""
    least_share: Share = 0.5
    """Share of the frames since its start in which a track must be seen."""
    gap_seconds: Seconds = 1.0
    """A track that is not seen for longer than this ends."""
    return_seconds: Seconds = 3.0
    """A track that has ended goes on if the same kind of thing is seen at the same place within this time."""
    speed_seconds: Seconds = 0.3
    """Speeds are taken over at least this long."""
    edge_seconds: Seconds = 0.2
    """How far before its first and after its last sight an object at the picture's edge is taken to be there: about
    half a sampling step."""
    inside_seconds: Seconds = 0.5
    """The same for one well inside the picture: it did not come from nowhere, it was missed for a frame."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())


@dataclass(frozen=True)
class Sample:
    """One sight of a tracked object."""

    seconds: float
    box: Box
    score: float


class Track:
    """One object over time. ``samples`` are its sights in time order; very old ones may have been forgotten."""

    def __init__(self, track_id: int, seconds: float, detection: Detection, settings: TrackerSettings) -> None:
        self.id = track_id
        self.samples: list[Sample] = []
        self.first = Sample(seconds, detection.box, detection.score)
        self.ended = False
        self.best_score = 0.0
        self.close_looks = CloseLooks()
        self.goes_alone = False
        """Set once it was seen to cross the picture with nobody near; then only what moves by itself is its name."""
        self._told = ""
        self.settings = settings
        self._votes: dict[str, float] = {}
        self._forgotten_frames = 0
        self._sights = 0
        self._score_sum = 0.0
        self._seen_before = False
        self._pushes = self._pushes_at_last_sight = 0
        self._steady = False
        self.see(seconds, detection)

    @property
    def label(self) -> str:
        """The name that its sights agree on, each voting with its score: the network wavers between kinds.

        The broader word ("animal", "vehicle") where they are split; the best of them where there is no such word.
        """
        return self._name() or max(self._votes.items(), key=lambda vote: (vote[1], vote[0]))[0]

    def tell(self) -> str:
        """Its name from now on.

        If later sights speak for something related, that is the broader word, once and for all; if they speak for
        something else, it is still what it was called first: one thing has one name.
        """
        if not self._told:
            self._told = self.close_looks.label(self.label)
        elif self.is_hand and self.close_looks.has_faces:
            self._told = "person"
        elif self._told != self.label and labels.related(self._told, self.label):
            self._told = labels.group(self._told)
        return self._told

    @property
    def last(self) -> Sample:
        return self.samples[-1]

    @property
    def seen_frames(self) -> int:
        return self._forgotten_frames + len(self.samples)

    @property
    def score(self) -> float:
        """Mean score of its sights, without those that it reached back to."""
        return self._score_sum / self._sights

    @property
    def confirmed(self) -> bool:
        """Whether it has been seen often and well enough to be named, and what was told of it still holds.

        A horse that was taken for a person at first is told no more: a wrong name is neither repeated nor taken back.
        """
        settings, label = self.settings, self._name()
        if self._told and label and not labels.related("person" if self.is_hand else self._told, label):
            return False
        if label == "person":  # seldom mistaken, and dim ones stay low
            return (
                self._steady
                and self.best_score >= settings.named_person_score
                and self._sights >= settings.least_share * self._pushes_at_last_sight
            )
        known = label in labels.WELL_KNOWN
        return (
            bool(label)
            and self._steady
            and self._sights >= settings.least_frames
            and self.last.seconds - self.first.seconds >= settings.least_seconds
            and self.best_score >= (settings.named_known_score if known else settings.named_score)
            and (self.goes_alone or self.score >= settings.named_mean_score)
            and self._sights >= settings.least_share * self._pushes_at_last_sight
        )

    @property
    def is_hand(self) -> bool:
        """Whether it has been told as a hand, or a pair of hands, of which the detector knows nothing."""
        return self._told in (HAND, HANDS)

    def overlaps(self, start_seconds: float, end_seconds: float, slack_seconds: float = 0.0) -> bool:
        """Whether its life reaches into ``[start_seconds, end_seconds]``, widened by the slack on either side."""
        return self.first.seconds <= end_seconds + slack_seconds and self.last.seconds >= start_seconds - slack_seconds

    def seen_until(self, seconds: float) -> int:
        """In how many frames it was seen up to and at ``seconds``."""
        return self._forgotten_frames + sum(sample.seconds <= seconds for sample in self.samples)

    def box_at(self, seconds: float) -> Box | None:
        """Where it is at ``seconds``: between two sights on the way from one to the other; None where it is not there.

        A track that has not ended yet is taken to be where it was last seen for up to ``gap_seconds``, unless it was
        on its way out of the picture. Ask ``gap_seconds`` late to know.
        """
        if self.samples[0].seconds <= seconds <= self.last.seconds:
            return self._between(seconds)
        if seconds < self.samples[0].seconds:
            box = self.samples[0].box
            return box if self.samples[0].seconds - seconds <= self._reach(box) else None
        waited = seconds - self.last.seconds
        waiting = not self.ended and waited <= self.settings.gap_seconds
        there = (waiting or waited <= self._reach(self.last.box)) and not self._is_leaving(seconds)
        return self.last.box if there or waited <= self.settings.edge_seconds else None

    def predicted_box(self, seconds: float) -> Box:
        """Its box moved on at its last speed."""
        x, y = self._speed()
        waited = seconds - self.last.seconds
        return moved(self.last.box, x * waited, y * waited)

    def see(self, seconds: float, detection: Detection) -> None:
        """Add a sight. Used by ``Tracker``."""
        self.samples.append(Sample(seconds, detection.box, detection.score))
        self._vote(detection)
        self._sights += 1
        self._score_sum += detection.score
        self.best_score = max(self.best_score, detection.score)
        self.ended = False
        self._count(True)
        self._pushes_at_last_sight = self._pushes

    def reach_back(self, seconds: float, detection: Detection) -> None:
        """Add a sight before the first one, too weak to have started the track. Used by ``Tracker``."""
        self.first = Sample(seconds, detection.box, detection.score)
        self.samples.insert(0, self.first)
        self._vote(detection)

    def miss(self) -> None:
        """Note a frame without it. Used by ``Tracker``."""
        self._count(False)

    def forget(self, before_seconds: float) -> None:
        """Drop sights before a time, except what tells its speed. Counts and scores stay."""
        until = min(before_seconds, self.last.seconds - self.settings.gap_seconds)
        count = sum(sample.seconds < until for sample in self.samples)
        self._forgotten_frames += count
        del self.samples[:count]

    def _name(self) -> str:
        return labels.name(labels.of_movers(self._votes) if self.goes_alone else self._votes)

    def _vote(self, detection: Detection) -> None:
        self._votes[detection.label] = self._votes.get(detection.label, 0.0) + detection.score

    def _count(self, seen: bool) -> None:
        self._pushes += 1
        self._steady = self._steady or (seen and self._seen_before)
        self._seen_before = seen

    def _between(self, seconds: float) -> Box:
        for before, after in pairwise(self.samples):
            if before.seconds <= seconds <= after.seconds:
                share = (seconds - before.seconds) / (after.seconds - before.seconds)
                return blend(before.box, after.box, share)
        return self.last.box

    def _speed(self) -> tuple[float, float]:
        """Speed of the centre in picture widths and heights per second; zero while it is not known.

        Taken over at least ``speed_seconds``, for the boxes tremble from frame to frame.
        """
        now = self.last
        for before in reversed(self.samples[:-1]):
            passed = now.seconds - before.seconds
            if passed > self.settings.gap_seconds:
                break
            if passed >= self.settings.speed_seconds:
                (x, y), (x_before, y_before) = now.box.centre, before.box.centre
                return (x - x_before) / passed, (y - y_before) / passed
        return 0.0, 0.0

    def _reach(self, box: Box) -> float:
        at_edge = min(box.left, box.top, 1 - box.right, 1 - box.bottom) < EDGE
        return self.settings.edge_seconds if at_edge else self.settings.inside_seconds

    def _is_leaving(self, seconds: float) -> bool:
        x, y = self.predicted_box(seconds).centre
        return not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0)


class Tracker:
    """Turns the detections of frame after frame into tracks. Memory does not grow if ``forget`` is called."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self.tracks: list[Track] = []
        self._next_id = 1
        self._cut_seconds: float | None = None
        self._now = float("-inf")
        self._loose: deque[tuple[float, list[Detection]]] = deque()  # what no track took, of the last frames

    def push(self, seconds: float, detections: Sequence[Detection]) -> None:
        """Take the detections of the next frame. Raises ValueError if time does not advance."""
        if seconds <= self._now:
            raise ValueError(f"frames must come in time order: {seconds} s after {self._now} s")
        self._now = seconds
        self._end_lost(seconds)
        alive = [track for track in self.tracks if not track.ended]
        good = [detection for detection in detections if detection.score >= self.settings.continue_score]
        missed, left = self._match(seconds, alive, good)
        for track in missed:
            track.miss()
        loose = [detection for detection in detections if detection.score < self.settings.continue_score]
        for detection in left:
            if detection.score >= self.settings.start_score and self._revive(seconds, detection):
                continue
            if detection.score < self.settings.start_score or self._is_part(detection, good, alive):
                loose.append(detection)
                continue
            self.tracks.append(Track(self._next_id, seconds, detection, self.settings))
            self._next_id += 1
            self._reach_back(self.tracks[-1])
        self._loose.append((seconds, loose))
        while self._loose[0][0] < seconds - self.settings.return_seconds:
            self._loose.popleft()
        self._drop_doubles(seconds)

    def cut(self) -> None:
        """End all tracks: the next frame belongs to another shot."""
        self._cut_seconds = self._now
        self._loose.clear()
        for track in self.tracks:
            track.ended = True

    def forget(self, before_seconds: float) -> None:
        """Drop ended tracks last seen before a time, and the sights of the others that are older than it."""
        keep_from = min(before_seconds, self._now - self.settings.return_seconds)
        self.tracks = [track for track in self.tracks if not track.ended or track.last.seconds >= keep_from]
        for track in self.tracks:
            track.forget(before_seconds)

    def _end_lost(self, seconds: float) -> None:
        for track in self.tracks:
            if seconds - track.last.seconds > self.settings.gap_seconds:
                track.ended = True

    def _match(
        self, seconds: float, tracks: list[Track], detections: Sequence[Detection]
    ) -> tuple[list[Track], list[Detection]]:
        """Give each track the detection that fits best, best pairs first; returns what is left of both."""
        predicted = [track.predicted_box(seconds) for track in tracks]
        pairs = [
            (fit(track, predicted[row], detection, seconds), row, column)
            for row, track in enumerate(tracks)
            for column, detection in enumerate(detections)
        ]
        used_rows: set[int] = set()
        used_columns: set[int] = set()
        for score, row, column in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
            if score > 0 and row not in used_rows and column not in used_columns:
                tracks[row].see(seconds, detections[column])
                used_rows.add(row)
                used_columns.add(column)
        return (
            [track for row, track in enumerate(tracks) if row not in used_rows],
            [detection for column, detection in enumerate(detections) if column not in used_columns],
        )

    def _reach_back(self, track: Track) -> None:
        """Give a new track the weak detections that lead up to it, whatever they were taken for."""
        for seconds, loose in reversed(self._loose):
            if track.first.seconds - seconds > self.settings.gap_seconds:
                return
            fits = [
                (
                    overlap(track.first.box, found.box) - (0.0 if labels.related(track.label, found.label) else 0.1),
                    number,
                )
                for number, found in enumerate(loose)
            ]
            best, number = max(fits, default=(0.0, 0))
            if best >= REACHES_BACK:
                track.reach_back(seconds, loose.pop(number))

    def _revive(self, seconds: float, detection: Detection) -> bool:
        """Go on with an ended track if it was of this kind, here, and not before a cut."""
        for track in reversed(self.tracks):
            recent = seconds - track.last.seconds <= self.settings.return_seconds
            same_shot = self._cut_seconds is None or track.last.seconds > self._cut_seconds
            fits = labels.related(track.label, detection.label) and overlap(track.last.box, detection.box) >= 0.4
            if track.ended and recent and same_shot and fits:
                track.see(seconds, detection)
                return True
        return False

    def _is_part(self, detection: Detection, detections: Sequence[Detection], alive: Sequence[Track]) -> bool:
        """Whether a middling detection lies inside something of its own label: an arm is not a second person."""
        whole = [d.box for d in detections if d.label == detection.label and d.score > detection.score]
        whole += [track.last.box for track in alive if track.label == detection.label]
        weak = detection.score < self.settings.inside_score
        return weak and any(share_inside(detection.box, box) > 0.8 for box in whole)

    def _drop_doubles(self, seconds: float) -> None:
        """Of two tracks at the same place in the same frame, keep the one with more score behind it."""
        seen = [track for track in self.tracks if track.last.seconds == seconds]
        seen.sort(key=lambda track: (-track.score * track.seen_frames, track.id))
        for position, track in enumerate(seen):
            if any(
                overlap(track.last.box, better.last.box) > double_overlap(track, better) for better in seen[:position]
            ):
                self.tracks.remove(track)
