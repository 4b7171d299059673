"""What a data set will take before it is begun: requests, tokens, hours and money, each line with its arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from ...checking import Count, Interval, Limits, wrong_values
from ...config import STRICT, CaptionSettings
from ...errors import SettingsError
from ...estimate import CHANGE_TOKENS, GRID_SIDE_PIXELS, OPENING_TOKENS, SUMMARY_TOKENS, TYPICAL_TEXT
from ...prompts import prompt_set
from ...records import Step
from ...video.picture import fitted_size
from ...vlm.base import Request
from ...vlm.render import render
from ...vlm.usage import estimate_text_tokens
from .picture_tokens import FAMILIES, picture_tokens
from .rates import Rates

__all__ = ["FAMILIES", "Line", "Plan", "PlanInputs", "plan"]

Basis = Literal["given", "measured", "assumed", ""]

ASSUMED_SECONDS = 30.0
ASSUMED_STEPS = 10.0  # the paper: 400 K clips from 40 K videos
ASSUMED_SHOTS = 1.0
ASSUMED_CPU_SECONDS = 0.32  # 19.3 s for a minute of 720p, see docs/benchmarks.md
CPU_SECONDS_WITHOUT_FACTS = 0.1  # a third of it, measured side by side on 720p
ASSUMED_STEP_BYTES, ASSUMED_VIDEO_BYTES = 1500.0, 2000.0
ASSUMED_REPLY_BYTES = 1000.0
ASSUMED_MEGABITS = 4.0


Speed = Annotated[float, Limits(0, 1e12, over=True)]
Price = Annotated[float, Limits(0, 1e6)]


@dataclass(frozen=True)
class PlanInputs:
    """What is to be built and with what. None: measured if it was, else assumed; or left out of the plan."""

    __pydantic_config__ = STRICT

    videos: Annotated[int, Limits(1, 10**12)]
    """How many videos are captioned."""
    seconds: Interval | None = None
    """Their mean length."""
    steps: Annotated[float, Limits(0, 1e6, over=True)] | None = None
    """Steps (windows between keyframes, and openings) of one video."""
    shots: Annotated[float, Limits(0, 1e6, over=True)] | None = None
    """Shots of one video: each opens with a request of its own kind."""
    clips: Annotated[float, Limits(0, 1e6)] = 0.0
    """Clips of one video that get a text from several steps: one request each, without pictures."""
    width: Annotated[int, Limits(1, 65536)] = 1280
    """Width of the videos in pixels."""
    height: Annotated[int, Limits(1, 65536)] = 720
    """Height of the videos in pixels."""
    pictures: str = "qwen2-vl"
    """Whose rule counts the tokens of a picture: a family of models, or a number of tokens."""
    prompt_tokens_per_second: Speed | None = None
    """How many input tokens one GPU takes per second when it does nothing else."""
    output_tokens_per_second: Speed | None = None
    """How many output tokens one GPU gives per second over all requests that it serves together."""
    gpus: Count = 1
    """How many GPUs work at the same time."""
    usd_per_gpu_hour: Price | None = None
    """What one hour of one GPU costs."""
    usd_per_million_input: Price | None = None
    """What an endpoint asks for a million input tokens."""
    usd_per_million_output: Price | None = None
    """What an endpoint asks for a million output tokens."""
    cores: Count = 16
    """How many CPU cores read the videos at the same time."""
    keep_media: bool = False
    """Count the storage of the videos themselves."""

    def __post_init__(self) -> None:
        found = [*wrong_values(self).values()]
        if (self.prompt_tokens_per_second is None) != (self.output_tokens_per_second is None):
            found.append("give both prompt_tokens_per_second and output_tokens_per_second, or neither")
        if (self.usd_per_million_input is None) != (self.usd_per_million_output is None):
            found.append("give both usd_per_million_input and usd_per_million_output, or neither")
        if isinstance(self.pictures, str) and self.pictures not in FAMILIES and not self.pictures.isdecimal():
            found.append(f"pictures is one of {', '.join(FAMILIES)} or a number of tokens, not {self.pictures!r}")
        if found:
            raise SettingsError("plan: " + "; ".join(found))


@dataclass(frozen=True)
class Line:
    """One result: ``how`` it came about, with the numbers, and what it rests on ("" for arithmetic alone)."""

    part: str
    name: str
    how: str
    value: float
    unit: str
    basis: Basis = ""


@dataclass(frozen=True)
class Plan:
    """Lines in the order of the arithmetic. ``notes`` say what was left out and what is uncertain."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    def value(self, name: str) -> float:
        """The number of a line. Raises KeyError for a name that the plan does not have."""
        for line in self.lines:
            if line.name == name:
                return line.value
        raise KeyError(name)

    def text(self) -> str:
        """The arithmetic, line by line, then the notes."""
        shown: list[str] = []
        part = ""
        for line in self.lines:
            if line.part != part:
                part = line.part
                shown += ["", part] if shown else [part]
            basis = f"   [{line.basis}]" if line.basis else ""
            how = f"{line.how} = " if line.how else ""
            shown.append(f"  {line.name + ':':<34} {how}{shown_number(line.value)} {line.unit}{basis}".rstrip())
        return "\n".join([*shown, *([""] if self.notes else []), *(f"- {note}" for note in self.notes)])


def plan(inputs: PlanInputs, rates: Rates | None = None, settings: CaptionSettings | None = None) -> Plan:
    """Work out what captioning ``inputs.videos`` takes, with these caption settings.

    What is given counts before what was measured (``rates``, see ``rates.measure_rates``), that before what is
    assumed; each line says which it was. GPU hours need the throughput of one GPU, which is not assumed.
    """
    return _Planner(inputs, rates, settings or CaptionSettings()).plan()


def shown_number(value: float) -> str:
    """A number as people read it: whole ones with separators, small ones with three digits that count."""
    if value >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


@dataclass
class _Planner:
    """Adds lines one after the other; each method is one part of the plan."""

    inputs: PlanInputs
    rates: Rates | None
    settings: CaptionSettings
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _part: str = ""

    def plan(self) -> Plan:
        self._videos()
        self._requests()
        self._tokens()
        self._gpus()
        self._endpoint()
        self._reading()
        self._storage()
        self._time()
        return Plan(tuple(self.lines), tuple(self.notes))

    def _line(self, name: str, how: str, value: float, unit: str, basis: Basis = "") -> float:
        self.lines.append(Line(self._part, name, how, value, unit, basis))
        return value

    def _product(self, name: str, unit: str, *factors: tuple[float, str]) -> float:
        """A line whose value is a product; the factors come with their units."""
        how = " x ".join(f"{shown_number(value)} {what}".rstrip() for value, what in factors)
        return self._line(name, how, math.prod(value for value, _ in factors), unit)

    def _chosen(self, name: str, unit: str, given: float | None, measured: str, assumed: float, why: str) -> float:
        """A line for what is given, else measured, else assumed."""
        found = getattr(self.rates, measured, None) if self.rates else None
        if given is not None:
            return self._line(name, "", given, unit, "given")
        if found is not None and self.rates:
            return self._line(name, f"mean of {self.rates.what}", found, unit, "measured")
        return self._line(name, why, assumed, unit, "assumed")

    def _videos(self) -> None:
        self._part = "Videos"
        self._line("videos", "", self.inputs.videos, "", "given")
        seconds = self._chosen("length", "s", self.inputs.seconds, "seconds", ASSUMED_SECONDS, "")
        how = f"{self.inputs.videos:,} videos x {shown_number(seconds)} s / 3,600"
        self._line("playing time", how, self.inputs.videos * seconds / 3600, "h")

    def _requests(self) -> None:
        self._part = "Requests"
        total = [(float(self.inputs.videos), "videos")]
        if self.settings.mode == "fast":
            self._line("requests per video", "fast mode asks once", 1, "")
        else:
            self._sliding_requests()
        if self.inputs.clips:
            self._line("clips per video", "each told from its steps", self.inputs.clips, "", "given")
        per_video = self.value("requests per video") + self.inputs.clips
        self._product("requests", "", *total, (per_video, "requests"))

    def _sliding_requests(self) -> None:
        every, fold = self.settings.keyframes.every_seconds, self.settings.fold_steps
        most = math.floor(self.value("length") / every) + 1
        why = f"10 windows a video as in the paper (400 K / 40 K), no more than one each {every:g} s"
        steps = self._chosen("steps per video", "", self.inputs.steps, "steps", min(ASSUMED_STEPS, most), why)
        shots = self._chosen("shots per video", "", self.inputs.shots, "shots", ASSUMED_SHOTS, "")
        shots = min(shots, steps)
        told = math.ceil(steps / fold) if steps > fold else 0
        how = f"{told} folds of at most {fold} steps + 1" if told else f"up to {fold} steps fit one request"
        summaries = self._line("summary requests per video", how, told + 1, "")
        how = f"{shown_number(shots)} openings + {shown_number(steps - shots)} changes + {shown_number(summaries)}"
        computed = steps + summaries
        measured = self.rates.requests if self.rates and self.inputs.steps is None else None
        if measured:
            self._line(
                "requests per video", f"mean of {self.rates.what}" if self.rates else "", measured, "", "measured"
            )
        else:
            self._line("requests per video", how, computed, "")

    def _tokens(self) -> None:
        self._part = "Tokens"
        rates, videos = self.rates, self.inputs.videos
        if rates and rates.input_tokens and rates.output_tokens and self.inputs.steps is None:
            read = self._line("input per video", f"mean of {rates.what}", rates.input_tokens, "", "measured")
            said = self._line("output per video", f"mean of {rates.what}", rates.output_tokens, "", "measured")
        else:
            read, said = self._fast_tokens() if self.settings.mode == "fast" else self._sliding_tokens()
        if self.inputs.clips:
            text = self._text_tokens("summary", 4)
            how = f"{shown_number(self.inputs.clips)} clips x ({text} text of 4 steps in, {SUMMARY_TOKENS} out)"
            more = self.inputs.clips * (text + SUMMARY_TOKENS)
            self._line("clips, tokens per video", how, more, "", "assumed")
            read, said = read + self.inputs.clips * text, said + self.inputs.clips * SUMMARY_TOKENS
        self._product("input tokens", "", (videos, "videos"), (read, "tokens"))
        self._product("output tokens", "", (videos, "videos"), (said, "tokens"))

    def _picture(self, side_pixels: int) -> int:
        width, height = self.inputs.width, self.inputs.height
        if max(width, height) > side_pixels:
            width, height = fitted_size(width, height, side_pixels)
        count = picture_tokens(self.inputs.pictures, width, height)
        self._line("tokens per picture", f"{width}x{height} by the rule of {self.inputs.pictures}", count, "")
        return count

    def _sliding_tokens(self) -> tuple[float, float]:
        picture = self._picture(self.settings.image_side_pixels)
        steps, summaries = self.value("steps per video"), self.value("summary requests per video")
        shots = min(self.value("shots per video"), steps)
        told = min(math.ceil(steps), self.settings.fold_steps)
        opening, change = self._text_tokens("opening", 1), self._text_tokens("change", 1)
        whole = self._text_tokens("summary", told)
        self.notes.append(
            f"Text of one request, by its length in bytes / 4 (prompt set {self.settings.prompts!r}): opening"
            f" {opening}, change {change} with the text of the step before, summary {whole} with {told} steps."
        )
        changes = steps - shots
        seen = shown_number(picture)
        how = (
            f"{shown_number(shots)} x ({opening} + {seen}) + {shown_number(changes)} x ({change} + 2 x {seen})"
            f" + {shown_number(summaries)} x {shown_number(whole)}"
        )
        read = shots * (opening + picture) + changes * (change + 2 * picture) + summaries * whole
        self._line("input per video", how, read, "")
        how = (
            f"{shown_number(shots)} x {OPENING_TOKENS} + {shown_number(changes)} x {CHANGE_TOKENS}"
            f" + {shown_number(summaries)} x {SUMMARY_TOKENS}"
        )
        said = shots * OPENING_TOKENS + changes * CHANGE_TOKENS + summaries * SUMMARY_TOKENS
        return read, self._line("output per video", how, said, "", "assumed")

    def _fast_tokens(self) -> tuple[float, float]:
        self.inputs = replace(self.inputs, width=max(self.inputs.width, GRID_SIDE_PIXELS), height=self._grid_height())
        picture, text = self._picture(GRID_SIDE_PIXELS), self._text_tokens("fast", 1)
        read = self._line("input per video", f"{text} text + one grid of {picture}", text + picture, "")
        return read, self._line("output per video", "", SUMMARY_TOKENS, "", "assumed")

    def _grid_height(self) -> int:
        return max(round(self.inputs.height * max(self.inputs.width, GRID_SIDE_PIXELS) / self.inputs.width), 1)

    def _text_tokens(self, task: Literal["opening", "change", "summary", "fast"], steps: int) -> int:
        """The words of one request, with texts of the usual length where the model's own would stand."""
        step = Step("change", 0.0, 2.0, TYPICAL_TEXT, 0, (0.0, 2.0))
        seconds = tuple(map(float, range(self.settings.fast_frames if task == "fast" else 2)))
        request = Request(
            task,
            seconds=seconds,
            before=TYPICAL_TEXT if task == "change" else "",
            steps=(step,) * steps,
            end_seconds=2.0,
        )
        prompt = render(request, prompt_set(self.settings.prompts))
        return estimate_text_tokens(prompt.system + prompt.text)

    def _gpus(self) -> None:
        self._part = "GPUs"
        prompt, output = self.inputs.prompt_tokens_per_second, self.inputs.output_tokens_per_second
        if prompt is None or output is None:
            self.notes.append(
                "GPU hours: not planned. Give the throughput of one GPU in prompt and output tokens per second;"
                " `vllm bench serve` measures it for your model, your pictures and your GPU."
            )
            return
        read, said = self.value("input tokens"), self.value("output tokens")
        how = (
            f"({shown_number(read)} tokens / {shown_number(prompt)} per second"
            f" + {shown_number(said)} / {shown_number(output)}) / 3,600"
        )
        hours = self._line("GPU hours", how, (read / prompt + said / output) / 3600, "h")
        self._line("GPU time", f"{shown_number(hours)} h / {self.inputs.gpus} GPUs", hours / self.inputs.gpus, "h")
        rate = self.value("requests") / (hours / self.inputs.gpus * 3600)
        how = f"{shown_number(self.value('requests'))} requests / ({shown_number(hours / self.inputs.gpus)} h x 3,600)"
        self._line("requests per second", how, rate, "/s")
        if self.inputs.usd_per_gpu_hour is not None:
            self._product("GPU cost", "US dollars", (hours, "h"), (self.inputs.usd_per_gpu_hour, "$/h"))

    def _endpoint(self) -> None:
        self._part = "Endpoint that asks by the token"
        read, said = self.inputs.usd_per_million_input, self.inputs.usd_per_million_output
        if read is None or said is None:
            return
        tokens = self.value("input tokens") / 1e6, self.value("output tokens") / 1e6
        how = f"{shown_number(tokens[0])} M x {read:g} $ + {shown_number(tokens[1])} M x {said:g} $"
        self._line("token cost", how, tokens[0] * read + tokens[1] * said, "US dollars")

    def _reading(self) -> None:
        self._part = "Reading the videos"
        assumed, why = ASSUMED_CPU_SECONDS, "19.3 s for a minute of 720p, facts included (docs/benchmarks.md)"
        if not self.settings.facts.measure:
            assumed, why = CPU_SECONDS_WITHOUT_FACTS, "6 s for a minute of 720p without facts"
        cost = self._chosen("CPU per second of video", "s", None, "cpu_seconds", assumed, why)
        hours = self._product("CPU hours", "core h", (self.value("playing time"), "h"), (cost, ""))
        self._line(
            "reading time", f"{shown_number(hours)} h / {self.inputs.cores} cores", hours / self.inputs.cores, "h"
        )

    def _storage(self) -> None:
        self._part = "Storage"
        requests = self.value("requests")
        steps = self.value("steps per video") if self.settings.mode == "sliding" else 1.0
        assumed = ASSUMED_VIDEO_BYTES + steps * ASSUMED_STEP_BYTES
        why = f"{ASSUMED_VIDEO_BYTES:,.0f} + {shown_number(steps)} steps x {ASSUMED_STEP_BYTES:,.0f}"
        row = self._chosen("Parquet per video", "B", None, "parquet_bytes", assumed, why)
        self._gigabytes("tables", row)
        each = requests / self.inputs.videos * ASSUMED_REPLY_BYTES
        why = f"{shown_number(requests / self.inputs.videos)} replies x {ASSUMED_REPLY_BYTES:,.0f} B"
        reply = self._chosen("replies per video", "B", None, "reply_bytes", each, why)
        self._gigabytes("reply cache", reply)
        if self.inputs.keep_media:
            size = self.value("length") * ASSUMED_MEGABITS * 125_000
            why = f"{shown_number(self.value('length'))} s x {ASSUMED_MEGABITS * 1e6:,.0f} bit/s / 8"
            media = self._chosen("media per video", "B", None, "media_bytes", size, why)
            self._gigabytes("media", media)

    def _gigabytes(self, name: str, each: float) -> None:
        how = f"{self.inputs.videos:,} videos x {shown_number(each)} B / 1,000,000,000"
        self._line(name, how, self.inputs.videos * each / 1e9, "GB")

    def _time(self) -> None:
        self._part = "Time from start to end"
        hours = {"reading": self.value("reading time")}
        if any(line.name == "GPU time" for line in self.lines):
            hours["GPUs"] = self.value("GPU time")
        slowest = max(hours, key=lambda name: hours[name])
        how = "the longer of " + ", ".join(f"{name} {shown_number(value)} h" for name, value in hours.items())
        self._line("time", how if len(hours) > 1 else "reading alone", hours[slowest], "h")
        self._line("time in days", f"{shown_number(hours[slowest])} h / 24", hours[slowest] / 24, "days")
        self.notes.append("Reading and describing run side by side, so the slower of the two decides the time.")

    def value(self, name: str) -> float:
        return Plan(tuple(self.lines)).value(name)
