"""Leaving out what nobody asked for: which packets are needed, and whether what is decoded from them is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .restart import Restart, restart_of
from .timing import CLOCK_JUMP_SECONDS

MAX_HELD_BYTES = 32 << 20
"""Compressed packets kept while looking for a keyframe nearer to the wanted time."""
SAME_TIME_SECONDS = 1e-6
"""A frame that starts this little after a wanted time counts as being on screen: 3 x 0.7 is not quite 2.1."""
SEEK_BACK_SECONDS = (0.0, 3.0, 15.0)
"""So far back a seek begins, further each time that it does not lead to the picture that was asked for."""
NEW_HEADERS = "new_extradata"
"""Side data of a packet from which on the stream has other headers."""

Clock = Callable[[int | None], float | None]


def fell_back(before: float | None, now: float | None) -> bool:
    """Whether the clock was set back between two packets in the order of decoding."""
    return before is not None and now is not None and now < before - CLOCK_JUMP_SECONDS


class WrongStart(Exception):
    """What is decoded here is not what decoding from the beginning shows at ``seconds``; never leaves this room."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Skip:
    """The wish to see nothing before ``seconds``, and the packets held until it is known which are needed for that.

    ``begin`` is the latest packet that decoding can begin at, at least ``lead_seconds`` before the wanted time, and
    ``least`` of its kind; what came before it is ``dropped``. ``latest`` is when the packet was due that was decoded
    last, if these packets follow it.
    """

    def __init__(
        self, seconds: float, lead_seconds: float, clock: Clock, stream: Any, least: Restart, latest: float | None
    ) -> None:
        self.seconds = seconds
        self._latest_begin = seconds - lead_seconds + SAME_TIME_SECONDS
        self.packets: list[Any] = []
        self.dropped = False
        self.begin: Any = None
        self._clock, self._stream, self._least = clock, stream, least
        self._held_bytes = 0
        self._latest = latest
        self._bound = False  # to the headers that came with a packet that is held

    def take(self, packet: Any) -> bool:
        """Hold a packet; whether it is known by now what is needed."""
        shown, decoded = self._clock(packet.pts), self._clock(packet.dts if packet.dts is not None else packet.pts)
        set_back = decoded is None or fell_back(self._latest, decoded)
        headed = packet.has_sidedata(NEW_HEADERS)
        usable = not set_back and (headed or not self._bound)
        early = shown is not None and shown <= self._latest_begin
        if usable and early and restart_of(packet, self._stream) >= self._least:
            self.dropped = self.dropped or bool(self.packets)
            self.begin, self.packets, self._held_bytes = packet, [], 0
        self._bound = self._bound or headed
        self._latest = decoded
        self.packets.append(packet)
        self._held_bytes += packet.size
        return decoded is None or set_back or decoded > self.seconds or self._held_bytes > MAX_HELD_BYTES


class Proof:
    """Holds the first picture after a restart against the packet that decoding began at, and the wanted time.

    A decoder that begins at a packet which is no keyframe gives nothing, something later, or something wrong. Pictures
    shown before the packet are passed over: they may need others that were left out. Not every decoder tells which
    pictures are keyframes (``tells_keys``).
    """

    def __init__(self, skip: Skip, clock: Clock, *, tells_keys: bool) -> None:
        if skip.begin is None:
            raise WrongStart(skip.seconds)
        self.seconds = skip.seconds
        self._clock = clock
        self._start = clock(skip.begin.pts)
        self._keyed = tells_keys and not skip.begin.is_discard  # of one that is hidden, another is seen first

    def admits(self, frame: Any) -> bool:
        """Whether the frame is the first that counts. Raises WrongStart when it is not right."""
        at = self._clock(frame.pts)
        if at is None or frame.is_corrupt:
            raise WrongStart(self.seconds)
        if self._start is not None and at < self._start - SAME_TIME_SECONDS:
            return False
        if at > self.seconds + SAME_TIME_SECONDS or (self._keyed and not frame.key_frame):
            raise WrongStart(self.seconds)
        return True
