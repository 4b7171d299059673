"""Watch the frames of a video go by once, and answer afterwards what happened between any two times of a shot."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from math import hypot
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..config import EMBEDDED, FactSettings
from ..cores import cores
from ..records import Box, CameraMotion, Facts, LabelCount, Look, PictureMotion, Pose, Side, TrackedObject
from ..video.picture import DecodedFrame
from .arrivals import Glance, Passage, arrival, departure, small_grey
from .colour import colour_names, colour_shares
from .counting import counts
from .detect import Detection, ObjectDetector
from .following import followed
from .hands import CloseLook, HandFinder
from .identity import WHOLE, Appearance, Signature, Subjects, signature
from .listen import Listener
from .motion import MotionMeter
from .onnx_detector import OnnxDetector
from .pose import Keypoints, PoseEstimator, posture, steady
from .text_tracks import TextWatch
from .tracks import Track, Tracker, TrackerSettings

SAMPLE_SIDE_PIXELS = 640  # the detector sees 416 pixels, a pose crop 192: more would not help them
LOOKAHEAD_SECONDS = 1.0  # how far past a keyframe a track may be confirmed and a pose steadied
LOOKBACK_SECONDS = 2.0  # how far before an interval it is asked whether a place was empty
HELD_SECONDS = 1.0  # what is found this late, or lost this early, without a passage was there
GOES_FAR = 0.2  # of the picture: a thing that does so by itself is no phone and no bench
WEAKEST_SCORE = 0.2  # of detections that show how far a track reaches, and whether a place was empty
LEAST_SCORE = TrackerSettings().continue_score
MOST_PEOPLE_POSED = 3  # the largest ones; a pose costs about a third of a detection
TRUSTED_POSE = 0.4  # mean keypoint score: below it (a body cut by the picture's edge) the joints are guesses
CLOTHES_SHARE = 0.5  # a colour is that of somebody's clothes when it covers this much between shoulders and hips
# Skin, and skin against the light, has these colours as often as clothes have.
NOT_SURELY_CLOTHES = frozenset(
    {"beige", "brown", "light brown", "dark brown", "orange", "pink", "light pink", "grey", "light grey", "dark grey"}
)
LEG_SAMPLES = 2  # a foot off the ground for one sample is a stride, or a mistake
STEADY_SAMPLES = 1  # a pose is steadied over this many samples on either side
MOST_UNSEEN = 3  # pictures that wait for the networks: they must not fall behind the decoder, which would fill memory

NO_CAMERA = CameraMotion()
NO_MOTION = PictureMotion(score=0.0, area=0.0, centre=None)


@dataclass(frozen=True)
class Span:
    """The part of a shot that is known: ``[start_seconds, end_seconds)`` holds no cut."""

    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class _Seen:
    """What the networks found in one picture; poses, colours and signatures are of the things in these boxes."""

    detections: tuple[Detection, ...]
    poses: dict[Box, Pose]
    colours: dict[Box, tuple[str, ...]]
    signatures: dict[Box, Signature]
    close_looks: dict[Box, CloseLook]


@dataclass(frozen=True)
class _Sample:
    seconds: float
    seen: Future[_Seen]
    grey: NDArray[np.uint8]


class Observer:
    """Measures frames as they pass through ``watch``; ``facts`` then answers for intervals, in time order.

    Where there are several cores, the networks look at a picture while the next ones are decoded. Holds the
    measurements (and pixels of at most three pictures) from the last ``forget`` on, so memory does not grow with the
    video.
    """

    def __init__(self, settings: FactSettings, listener: Listener | None = None) -> None:
        self._listener = listener
        self._every_seconds = settings.every_seconds
        self._detector = open_detector(settings.detector)
        self._poser = PoseEstimator()
        self._hand_finder = HandFinder()
        self._meter = MotionMeter()
        self._tracker = Tracker()
        self._writing = None if settings.ocr is False else TextWatch()
        self._beside = ThreadPoolExecutor(1, "facts") if cores() > 1 else None
        self._unseen: deque[Future[_Seen]] = deque()
        self._samples: deque[_Sample] = deque()
        self._glances: list[Glance] = []  # of the shot that is being followed
        self._poses: dict[tuple[float, Box], Pose] = {}
        self._colours: dict[tuple[float, Box], tuple[str, ...]] = {}
        self._signatures: dict[tuple[float, Box], Signature] = {}
        self._subjects = Subjects()
        self._followed_shot: float | None = None
        self._next_sample = self._next_motion = float("-inf")
        self._mirrored = False

    def watch(self, decoded: Iterable[DecodedFrame]) -> Iterator[DecodedFrame]:
        """Pass the frames on unchanged, measuring some of them on the way."""
        for frame in decoded:
            if frame.seconds >= self._next_motion:
                self._next_motion = frame.seconds + self._meter.every_seconds
                self._meter.push(frame.seconds, frame.small(self._meter.side_pixels))
            if frame.seconds >= self._next_sample:
                self._next_sample = frame.seconds + self._every_seconds
                self._sample(frame)
            if self._writing is not None:
                self._writing.push(frame)
            yield frame

    def facts(
        self, start_seconds: float, end_seconds: float, span: Span, look: Look, heard_until_seconds: float | None = None
    ) -> Facts:
        """What happened in ``[start_seconds, end_seconds)`` of the shot ``span`` belongs to.

        Ask in time order. ``look`` is that of the keyframe at the end. After the last keyframe of a shot there is no
        picture any more, but sound: ``heard_until_seconds`` is the shot's end.
        """
        self._follow(span, end_seconds + LOOKAHEAD_SECONDS)
        instant = start_seconds == end_seconds
        tracks = [
            track
            for track in self._tracker.tracks
            if track.first.seconds >= span.start_seconds  # those of the shot before end at the cut
        ]
        writing, listener = self._writing, self._listener
        heard = end_seconds if heard_until_seconds is None else heard_until_seconds
        for track in tracks:
            track.goes_alone = track.goes_alone or self._goes_alone(track, tracks)
        named = [track for track in tracks if track.confirmed]
        objects = [
            self._object(track, start_seconds, end_seconds, tracks)
            for track in named
            if track.overlaps(start_seconds, end_seconds, HELD_SECONDS)
        ]
        objects = [thing for thing in objects if thing.start_box or thing.end_box or thing.enters or thing.leaves]
        return Facts(
            start_seconds=start_seconds,
            end_seconds=end_seconds,
            camera=NO_CAMERA if instant else followed(self._meter.camera(start_seconds, end_seconds), objects),
            motion=NO_MOTION if instant else self._meter.residual(start_seconds, end_seconds),
            look=look,
            objects=tuple(objects),
            texts=None if writing is None else writing.between(start_seconds, end_seconds, span.start_seconds),
            counts=self._counts(objects, named, end_seconds),
            sound=None if listener is None else listener.between(start_seconds, heard),
        )

    def forget(self, before_seconds: float) -> None:
        """Drop what was measured before that time; later questions must not reach back beyond it."""
        keep_from = before_seconds - LOOKAHEAD_SECONDS
        self._meter.forget(keep_from)
        self._tracker.forget(keep_from)
        self._glances = [glance for glance in self._glances if glance.seconds >= before_seconds - LOOKBACK_SECONDS]
        for kept in (self._poses, self._colours, self._signatures):
            for key in [key for key in kept if key[0] < keep_from]:
                del kept[key]

    def _sample(self, frame: DecodedFrame) -> None:
        picture = frame.small(SAMPLE_SIDE_PIXELS)
        while len(self._unseen) >= MOST_UNSEEN:
            self._unseen.popleft().result()
        look = partial(self._look, picture, self._mirrored)
        self._mirrored = not self._mirrored
        seen = _done(look) if self._beside is None else self._beside.submit(look)
        self._unseen.append(seen)
        self._samples.append(_Sample(frame.seconds, seen, small_grey(picture)))

    def _look(self, picture: NDArray[np.uint8], mirrored: bool) -> _Seen:
        """Everything that the networks find in a picture; changes nothing, so that it can run in another thread."""
        seen = _Seen(tuple(self._detector(picture, mirrored=mirrored)), {}, {}, {}, {})
        if (look := signature(picture, WHOLE)) is not None:
            seen.signatures[WHOLE] = look
        people = [d.box for d in seen.detections if d.label == "person" and d.score >= LEAST_SCORE]
        people.sort(key=lambda box: box.width * box.height, reverse=True)
        keypoints = {box: self._poser(picture, box) for box in people[:MOST_PEOPLE_POSED]}
        for box, points in keypoints.items():
            seen.close_looks[box] = self._hand_finder(picture, box, points)
        for detection in seen.detections:
            box = detection.box
            if detection.score < LEAST_SCORE:
                continue
            if (look := signature(picture, box)) is not None:
                seen.signatures[box] = look
            if detection.label != "person":
                seen.colours[box] = _paint(_crop(picture, box))
                continue
            points = keypoints.get(box)
            if points is not None and points.confidence >= TRUSTED_POSE:
                seen.poses[box] = posture(points)
                seen.colours[box] = _clothes(picture, points, seen.poses[box])
        return seen

    def _follow(self, span: Span, until_seconds: float) -> None:
        if self._followed_shot != span.start_seconds:
            self._tracker.cut()
            self._glances.clear()
            self._followed_shot = span.start_seconds
        while self._samples and self._samples[0].seconds < min(until_seconds, span.end_seconds):
            sample = self._samples.popleft()
            seen = sample.seen.result()
            if sample.seconds >= span.start_seconds:
                self._tracker.push(sample.seconds, seen.detections)
                for track in self._tracker.tracks:
                    if track.last.seconds == sample.seconds and (look := seen.close_looks.get(track.last.box)):
                        track.close_looks.add(look)
                self._glances.append(Glance(sample.seconds, seen.detections, sample.grey))
                self._poses.update({(sample.seconds, box): pose for box, pose in seen.poses.items()})
                self._colours.update({(sample.seconds, box): colours for box, colours in seen.colours.items()})
                self._signatures.update({(sample.seconds, box): look for box, look in seen.signatures.items()})

    def _counts(self, objects: list[TrackedObject], tracks: list[Track], seconds: float) -> tuple[LabelCount, ...]:
        """How many there are from ``seconds`` on, as far as it is known."""
        hands = {
            (sample.seconds, sample.box): track.tell() for track in tracks if track.is_hand for sample in track.samples
        }
        near = [
            replace(
                glance,
                detections=tuple(
                    replace(found, label=hands.get((glance.seconds, found.box), found.label))
                    for found in glance.detections
                ),
            )
            for glance in self._glances
            if -self._every_seconds < glance.seconds - seconds <= LOOKAHEAD_SECONDS
        ]
        return counts([thing.label for thing in objects if thing.end_box], near)

    def _goes_alone(self, track: Track, tracks: list[Track]) -> bool:
        """Whether it crosses a good part of the picture by itself: the camera is still, and nobody is near."""
        first, last = track.samples[0], track.last
        way = hypot(*(now - before for now, before in zip(last.box.centre, first.box.centre, strict=True)))
        if way < GOES_FAR or set(self._meter.camera(first.seconds, last.seconds).moves) != {"static"}:
            return False
        return not any(
            other.label == "person" and other.overlaps(first.seconds, last.seconds, HELD_SECONDS) for other in tracks
        )

    def _passages(self, track: Track, tracks: list[Track]) -> tuple[Passage | None, Passage | None]:
        """How a track came and how it went, where that was measured."""

        def still(from_seconds: float, to_seconds: float) -> bool:
            return set(self._meter.camera(from_seconds, to_seconds).moves) == {"static"}

        first, last, reach = track.first.seconds, track.last.seconds, LOOKAHEAD_SECONDS
        came = arrival(track, self._glances, tracks, still(first - reach, first))
        return came, departure(track, self._glances, tracks, still(last, last + reach))

    def _object(self, track: Track, start_seconds: float, end_seconds: float, tracks: list[Track]) -> TrackedObject:
        before = [sample for sample in track.samples if sample.seconds <= start_seconds][-1:]  # how limbs were at first
        inside = [sample for sample in track.samples if start_seconds < sample.seconds <= end_seconds]
        seen = [self._poses.get((sample.seconds, sample.box)) for sample in (*before, *inside)]
        label = track.tell()
        poses = [] if track.is_hand else [pose for pose in seen if pose]
        came, went = self._passages(track, tracks)
        subject = self._subject_of(track, label)

        def box(seconds: float) -> Box | None:
            if (came and seconds < came.seconds) or (went and seconds > went.seconds):
                return None
            late, early = track.first.seconds - seconds, seconds - track.last.seconds
            held = track.first.box if late > 0 else track.last.box
            return track.box_at(seconds) or (held if max(late, early) <= HELD_SECONDS else None)

        def side(passage: Passage | None) -> Side:
            return passage.side if passage and start_seconds < passage.seconds <= end_seconds else ""

        return TrackedObject(
            track_id=track.id,
            label=self._subjects.label_of(subject, label),
            score=round(track.score, 3),
            seen_frames=track.seen_until(end_seconds + self._every_seconds),
            start_box=box(start_seconds),
            end_box=box(end_seconds),
            colours=() if track.is_hand else self._colours_of(track),
            start_pose=None if track.is_hand else self._pose_at(track, start_seconds),
            end_pose=None if track.is_hand else self._pose_at(track, end_seconds),
            arm_raises=raises([pose.arms_raised for pose in poses]),
            leg_raises=raises([pose.legs_raised for pose in poses], LEG_SAMPLES),
            enters=side(came),
            leaves=side(went),
            subject_id=subject,
        )

    def _subject_of(self, track: Track, label: str) -> int | None:
        looks = [
            look for sample in track.samples if (look := self._signatures.get((sample.seconds, sample.box))) is not None
        ]
        setting = self._signatures.get((track.last.seconds, WHOLE))
        return self._subjects.of(Appearance(track.id, label, track.first, track.last, looks, setting))

    def _colours_of(self, track: Track) -> tuple[str, ...]:
        """The colour named in more than half of the samples: light flickers, paint does not."""
        named = [self._colours.get((sample.seconds, sample.box), ()) for sample in track.samples]
        votes = Counter(colours[0] for colours in named if colours)
        if not votes:
            return ()
        colour, count = votes.most_common(1)[0]
        return (colour,) if count * 2 > len(named) else ()

    def _pose_at(self, track: Track, seconds: float) -> Pose | None:
        reach = (STEADY_SAMPLES + 0.5) * self._every_seconds
        near = [
            (abs(sample.seconds - seconds), pose)
            for sample in track.samples
            if abs(sample.seconds - seconds) <= reach and (pose := self._poses.get((sample.seconds, sample.box)))
        ]
        if not near or track.box_at(seconds) is None:
            return None
        _, nearest = min(near, key=lambda one: one[0])  # counts twice: its neighbours may be on the way
        return steady([*(pose for _, pose in near), nearest])


def open_detector(name: str) -> ObjectDetector | OnnxDetector:
    """The detector that ships with the package, or that in the file of this name.

    Raises SettingsError if there is no such file, or nothing that can be used in it.
    """
    return (
        ObjectDetector(min_score=WEAKEST_SCORE)
        if name == EMBEDDED
        else OnnxDetector(Path(name), min_score=WEAKEST_SCORE)
    )


def _done(work: Callable[[], _Seen]) -> Future[_Seen]:
    """The result of work that is done at once, as if it had been done beside."""
    future: Future[_Seen] = Future()
    future.set_result(work())
    return future


def raises(counts: Iterable[int | None], least_samples: int = 1) -> tuple[int, ...]:
    """Each time that limbs went up, how many were up at most; None where they were not seen.

    Limbs that are up from the start have not been raised, nor have those that are up in fewer than ``least_samples``.
    """
    seen = [count for count in counts if count is not None]
    runs = [list(run) for _, run in groupby(seen, key=bool)]
    return tuple(max(run) for run in runs[1:] if run[0] and len(run) >= least_samples)


def _paint(crop: NDArray[np.uint8]) -> tuple[str, ...]:
    """The colour that covers most of a thing, unless it is a grey.

    Judged by eye on real video, things called grey were white, black, red or of glass more often: shade, gloss
    and the background in a box are grey.
    """
    return tuple(name for name in colour_names(crop, 1) if "grey" not in name)


def _clothes(picture: NDArray[np.uint8], points: Keypoints, pose: Pose) -> tuple[str, ...]:
    """The colour between shoulders and hips, where it is surely that of clothes: an upright body, no colour of skin."""
    area = points.torso_box() if pose.torso == "upright" else None
    if area is None:
        return ()
    return tuple(
        name
        for name, share in colour_shares(_crop(picture, area))[:1]
        if share >= CLOTHES_SHARE and name not in NOT_SURELY_CLOTHES
    )


def _crop(picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    left, right = int(max(box.left, 0) * width), int(min(box.right, 1) * width) + 1
    top, bottom = int(max(box.top, 0) * height), int(min(box.bottom, 1) * height) + 1
    return picture[top:bottom, left:right]
