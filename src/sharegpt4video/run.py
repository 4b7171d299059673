"""One video on its way through the house: read in a thread, described shot by shot, told as a whole."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from . import __version__
from .background import in_thread
from .captioner.engine import Engine, Role
from .captioner.fast import fast
from .captioner.outcome import Summary
from .captioner.sliding import sliding
from .captioner.summary import summary
from .captioner.timeline import Timeline
from .config import CaptionSettings, KeyframeSettings
from .errors import SettingsError, VideoError
from .facts.encoder import BackboneEncoder
from .facts.segments import segments
from .prompts import prompt_set
from .records import Facts, Frame, Keyframe, Provenance, Segment, Shot, Step, VideoCaption
from .video.compose import encode_jpeg
from .video.encoders import ClipEncoder, FrameEncoder
from .video.keyframes import SELECTORS, KeyframeSelector, UniformSelector
from .video.picture import DecodedFrame
from .video.reader import VideoReader
from .vlm.base import Reply

T = TypeVar("T")

SEGMENTS_AHEAD = 128  # decoding waits when so many segments (of at most 4 new pictures) are not described yet
PROGRESS_EVERY_SECONDS = 0.5  # of video


@dataclass(frozen=True)
class Progress:
    """How far one video is. ``step`` is set when one has been finished; steps come in the order of the video."""

    phase: Literal["reading", "summarizing"]
    read_seconds: float
    end_seconds: float | None
    steps_done: int
    steps_known: int
    step: Step | None = None


class VideoRun:
    """One video on its way: what has been read, described and counted so far."""

    def __init__(
        self,
        reader: VideoReader,
        engine: Engine,
        settings: CaptionSettings,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._reader, self._engine, self._settings, self._on_progress = reader, engine, settings, on_progress
        self._prompts = prompt_set(settings.prompts)
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._start_seconds = self._read_seconds = settings.start_seconds or 0.0
        self._shots: dict[int, Shot] = {}
        self._timeline = Timeline(self._step_done)
        self._steps_done = 0
        self._summary = Summary("", "")
        self._replies: list[Reply] = []

    async def sliding(self) -> None:
        """Describe each segment in a chain of its own, then tell the whole."""
        looks = self._engine.vlm.max_images > 0
        flow = segments(self._decoded(), open_selector(self._settings.keyframes), self._settings, with_images=looks)
        room = asyncio.Semaphore(SEGMENTS_AHEAD)
        chains: list[asyncio.Task[str]] = []
        try:
            async for segment in in_thread(flow, self._stop.set):
                self._note_shot(segment)
                await room.acquire()
                chain = asyncio.create_task(self._chain(segment, chains[-1] if segment.continues else None))
                chain.add_done_callback(lambda _: room.release())
                chains.append(chain)
                for done in (chain for chain in chains if chain.done()):
                    done.result()  # a model that is gone ends the reading, too
            await asyncio.gather(*chains)
        finally:
            for chain in chains:
                chain.cancel()
            await asyncio.gather(*chains, return_exceptions=True)
        await self._summarize()

    async def _chain(self, segment: Segment, segment_before: asyncio.Task[str] | None) -> str:
        """Describe one segment; returns the text that the segment after it carries on from."""
        number = self._timeline.open(segment)
        before = await segment_before if segment_before else ""
        role = sliding(
            segment,
            video=self._reader.info.name,
            layout=self._prompts.pair_layout,
            before=before,
            later=self._steps_after(segment),
            on_step=lambda step: self._timeline.add(number, step),
        )
        steps = await self._ask(role)
        self._timeline.finish(number)
        return next((step.text for step in reversed(steps) if not step.problem), before)

    def _steps_after(self, segment: Segment) -> int:
        """At most how many steps the chain of a shot may have yet; none once the shot is closed."""
        end = self._reader.info.duration_seconds
        if segment.shot_end_seconds is not None or end is None:
            return 0
        end = end if self._settings.end_seconds is None else min(end, self._settings.end_seconds)
        return max(round((end - segment.keyframes[-1].seconds) / self._settings.keyframes.every_seconds), 0)

    async def _summarize(self) -> None:
        self._report("summarizing")
        self._summary = await self._ask(
            summary(
                self._timeline.steps,
                video=self._reader.info.name,
                start_seconds=self._start_seconds,
                end_seconds=self._read_seconds,
                fold_steps=self._settings.fold_steps,
            )
        )

    async def fast(self) -> None:
        """Ask once, with frames spread evenly; the facts are measured when the model needs them."""
        end = await asyncio.to_thread(self._announced_end)
        every = (end - self._start_seconds) / self._settings.fast_frames
        facts: list[Facts] = []
        if self._engine.vlm.max_images == 0:
            facts = await self._measured(self._decoded(), every)
            keyframes = [Keyframe(seconds, 0, "change") for seconds in self._even_times(self._read_seconds)]
        elif self._settings.hints:
            pictures = _Pictures(self._even_times(end), self._settings)
            facts = await self._measured(pictures.watch(self._decoded()), every)
            keyframes = pictures.taken
        else:
            keyframes = await self._sampled(end)
        step = await self._ask(
            fast(
                keyframes,
                facts,
                video=self._reader.info.name,
                start_seconds=self._start_seconds,
                end_seconds=self._read_seconds,
                layout=self._prompts.fast_layout,
            )
        )
        self._timeline.add_whole(step)
        self._summary = Summary(step.text, step.problem)

    async def _measured(self, decoded: Iterable[DecodedFrame], every_seconds: float) -> list[Facts]:
        facts: list[Facts] = []
        flow = segments(decoded, UniformSelector(max(every_seconds, 0.1)), self._settings, with_images=False)
        async for segment in in_thread(flow, self._stop.set):
            self._note_shot(segment)
            facts.extend(segment.facts[1:] if segment.continues else segment.facts)
        return facts

    async def _sampled(self, end_seconds: float) -> list[Keyframe]:
        """Frames spread evenly; when the header announced more than there is, over what there is."""
        try:
            found = await self._frames_at(self._even_times(end_seconds))
        except VideoError:
            end_seconds = await asyncio.to_thread(self._decoded_end)
            found = await self._frames_at(self._even_times(end_seconds))
        self._read_seconds = end_seconds
        return [
            Keyframe(frame.seconds, 0, "change", None, encode_jpeg(frame.pixels, self._settings.jpeg_quality))
            for frame in found
        ]

    async def _frames_at(self, times: list[float]) -> list[Frame]:
        """The frames on display at these times, each once."""
        frames = self._reader.frames(at_seconds=times, side_pixels=self._settings.image_side_pixels)
        return list({frame.seconds: frame async for frame in in_thread(frames)}.values())

    def _even_times(self, end_seconds: float) -> list[float]:
        """The middles of ``fast_frames`` equal parts."""
        start, count = self._start_seconds, self._settings.fast_frames
        return [start + (end_seconds - start) * (number + 0.5) / count for number in range(count)]

    async def _ask(self, role: Role[T]) -> T:
        return await self._engine.run(role, on_reply=self._replies.append)

    def _decoded(self) -> Iterator[DecodedFrame]:
        """The frames of the video, while somebody wants them; runs in the reading thread."""
        reported = self._read_seconds
        for frame in self._reader.decoded():
            if self._stop.is_set():
                return
            self._read_seconds = frame.end_seconds
            if frame.seconds >= reported + PROGRESS_EVERY_SECONDS:
                reported = frame.seconds
                self._loop.call_soon_threadsafe(self._report, "reading")
            yield frame

    def _announced_end(self) -> float:
        """Where the wanted part ends as the header says, or as decoding tells where no header does."""
        known = self._reader.info.duration_seconds
        end = self._decoded_end() if known is None else known
        wanted = self._settings.end_seconds
        return end if wanted is None else min(end, wanted)

    def _decoded_end(self) -> float:
        return max((frame.end_seconds for frame in self._reader.decoded()), default=self._start_seconds)

    def _note_shot(self, segment: Segment) -> None:
        end = segment.shot_end_seconds or segment.keyframes[-1].seconds
        self._shots[segment.shot_index] = Shot(segment.shot_start_seconds, end, segment.opens_with)

    def _step_done(self, step: Step) -> None:
        self._steps_done += 1
        self._report("reading", step)

    def _report(self, phase: Literal["reading", "summarizing"], step: Step | None = None) -> None:
        if self._on_progress is None:
            return
        end = self._settings.end_seconds or self._reader.info.duration_seconds
        known = self._timeline.known
        self._on_progress(Progress(phase, self._read_seconds, end, self._steps_done, known, step))

    def caption(self) -> VideoCaption:
        """What there is by now."""
        info = self._reader.info
        return VideoCaption(
            video=info.name,
            width=info.width,
            height=info.height,
            start_seconds=self._start_seconds,
            end_seconds=self._read_seconds,
            mode=self._settings.mode,
            shots=tuple(self._shots[index] for index in sorted(self._shots)),
            steps=self._timeline.steps,
            summary=self._summary.text,
            summary_problem=self._summary.problem,
            warnings=tuple(self._reader.warnings),
            provenance=self._provenance(),
        )

    def _provenance(self) -> Provenance:
        tokens_in = sum(reply.input_tokens for reply in self._replies)
        tokens_out = sum(reply.output_tokens for reply in self._replies)
        return Provenance(
            model=next((reply.model for reply in self._replies), self._engine.vlm.name),
            prompt_set=self._prompts.name,
            prompt_hash=self._prompts.hash,
            version=__version__,
            settings=self._settings.to_plain(),
            requests=len(self._replies),
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=self._engine.vlm.cost_usd(tokens_in, tokens_out),
            request_keys=tuple(reply.request_key for reply in self._replies),
        )


class _Pictures:
    """Takes the frames on display at some times out of a stream that flows on to others."""

    def __init__(self, times: list[float], settings: CaptionSettings) -> None:
        self._times = times
        self._settings = settings
        self.taken: list[Keyframe] = []

    def watch(self, decoded: Iterable[DecodedFrame]) -> Iterator[DecodedFrame]:
        waiting = iter(self._times)
        wanted = next(waiting, None)
        for frame in decoded:
            if wanted is not None and frame.end_seconds > wanted:
                picture = frame.frame(self._settings.image_side_pixels).pixels
                image = encode_jpeg(picture, self._settings.jpeg_quality)
                self.taken.append(Keyframe(frame.seconds, 0, "change", None, image))
                while wanted is not None and wanted < frame.end_seconds:
                    wanted = next(waiting, None)  # a frame that stays on screen for long is taken once
            yield frame


def open_selector(settings: KeyframeSettings) -> KeyframeSelector:
    """Raises SettingsError naming the known selectors when the one asked for is none of them."""

    def encoder() -> FrameEncoder:
        return ClipEncoder() if settings.encoder == "clip" else BackboneEncoder()

    if settings.selector not in SELECTORS:
        raise SettingsError(f"no keyframe selector is called {settings.selector!r}; known are: {', '.join(SELECTORS)}")
    return SELECTORS[settings.selector](settings, encoder)
