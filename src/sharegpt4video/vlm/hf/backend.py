"""A transformers model as a `VLM`: waiting requests are answered in batches."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib.util
import inspect
import itertools
import json
import os
import threading
from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import MissingExtra, SettingsError, VLMError
from ...prompts import PromptSet
from ..base import FREE_TASKS, VLM, Reply, Request
from ..chat import Dialect
from ..media import Media, labels
from ..media import picture_times as picture_times_of
from ..reasoning import Thinking, as_word, template_kwargs, thinking_choice
from ..render import render
from ..screen import Screened, screen
from ..taught import noticed, taught, taught_apart, taught_pictures
from ..usage import Usage, estimate_image_tokens, estimate_text_tokens
from .chat import Asked, NativeVideo, wants_video
from .worker import Job, Reading, Worker

if TYPE_CHECKING:
    from .generation import HfEngine
    from .loading import Loaded

_PREVIEW_URL = "data:image/jpeg;base64,"
_DTYPES = ("auto", "float32", "bfloat16", "float16")
_TEXTS = ("*.json", "*.jinja", "*.model", "*.txt")


class HfVLM(VLM):
    """Any image-text-to-text model of transformers 5, with its own chat template.

    model             a name on the Hub or a folder in transformers' format; safetensors weights only
    prompts, hints    the prompt set, and whether the measured facts are given with the pictures
    revision          a branch, tag or commit of a name on the Hub
    device            "auto": cuda, else mps, else cpu; or torch's name of one
    dtype             "auto": the checkpoint's own 16 bits on a GPU that computes in them, 32 bits on a CPU
    attention         "auto": what transformers chooses; or "sdpa", "flash_attention_2", "eager" ...
    max_concurrent    requests answered in one batch; less when memory runs out
    max_images        pictures one request may carry
    temperature       0: greedy, the same answer every time; None: as the checkpoint's generation config says
    max_tokens        None: as the prompt set says for each task
    native_video      "auto": three or more separate frames of one size go as one video with their true times, if the
                      model's processor takes videos and it is no captioner that `sg4v train merge` wrote, which has
                      learned from pictures; "on": two or more, and a model that takes none is an error; "off"
    frames_apart      fast mode shows the frames one by one, not in one grid (at most ``max_images``); None: as a
                      captioner that `sg4v train merge` wrote has learned it, else in a grid
    picture_times     text before each picture: "none", "seconds" ("<2.0 seconds>"), "clock" ("00:02"), "auto" (as the
                      model's family is trained), or a template with {seconds}, {clock} or {number}
    num_beams, generate  beams of the search, and more arguments for ``generate`` such as {"top_p": 0.9}
    trust_remote_code run code that comes with the weights
    thinking          "on" or "off", passed to the chat template of a model that can do both

    The model is loaded at the first request, or by ``load()``, in a thread of its own; ``close()`` frees it, and a
    later request loads it again. Safe to use from any number of threads and event loops. Batches are padded on the
    left, each request keeps its own limit, and an answer ends at any end-of-sequence token of the generation config or
    the tokenizer, or at the one that the chat template writes after an answer. Cancelled requests leave the queue or
    stop at the next token. ``usage`` counts tokens exactly, picture tokens and end token included.
    Raises SettingsError for an invalid option, MissingExtra without torch and transformers.

    A subclass that prepares its pictures in its own way overrides ``prepare``; one that asks in words of its own
    overrides ``reworded``.
    """

    kind = "hf"
    weight_files: tuple[str, ...] = ("*.safetensors",)
    _worker: Worker | None = None
    _numbers = itertools.count()

    def __init__(
        self,
        model: str,
        *,
        prompts: PromptSet,
        hints: bool = False,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        attention: str = "auto",
        max_concurrent: int = 8,
        max_images: int = 16,
        temperature: float | None = 0.0,
        max_tokens: int | None = None,
        native_video: NativeVideo = "auto",
        frames_apart: bool | None = None,
        picture_times: str = "none",
        num_beams: int = 1,
        generate: Mapping[str, Any] | None = None,
        trust_remote_code: bool = False,
        thinking: Thinking = "default",
    ) -> None:
        at_least_one = {"max_concurrent": max_concurrent, "max_images": max_images, "max_tokens": max_tokens,
                        "num_beams": num_beams}  # fmt: skip
        learned: NativeVideo = "off" if taught_pictures(model) else "auto"
        self._native_video: NativeVideo = learned if native_video == "auto" else as_word(native_video)
        _check_options(model, at_least_one, temperature, dtype, self._native_video)
        for package in ("torch", "transformers"):
            if importlib.util.find_spec(package) is None:
                raise MissingExtra(f"the model {self.kind}:{model}", "hf")
        self.name = f"{self.kind}:{model}" + (f"@{revision}" if revision else "")
        self.uses_facts, self.own_prompts = hints, self.own_prompts or taught(model)
        self.frames_apart = taught_apart(model) if frames_apart is None else frames_apart
        self.max_images, self.max_concurrent, self.usage = max_images, max_concurrent, Usage()
        self._model = os.path.expanduser(model)  # noqa: PTH111  # a Path would make ./folder a name of the Hub
        self._prompts, self._prompt_hash, self._hints = noticed(prompts, self.kind, model), prompts.hash, hints
        self._revision, self._device, self._dtype, self._attention = revision, device, dtype, attention
        self._temperature, self._max_tokens, self._num_beams = temperature, max_tokens, num_beams
        self._thinking, self._times = thinking_choice(thinking), picture_times_of(picture_times, model)
        self._generate, self._trust_remote_code, self._lock = dict(generate or {}), trust_remote_code, threading.Lock()

    @property
    def identity(self) -> str:
        """The model, its files and the options that decide its answers; not the device or how many go together."""
        options = {
            "revision": self._revision,
            "files": _fingerprint(Path(self._model), self.weight_files),
            "dtype": self._dtype,
            "temperature": self._temperature,
            "max_tokens": self._max_tokens,
            "max_images": self.max_images,
            "native_video": self._native_video,
            "num_beams": self._num_beams,
            "generate": self._generate,
            "hints": self._hints,
            **({} if self._thinking == "default" else {"thinking": self._thinking}),
            **({"picture_times": self._times} if self._times else {}),
            **self.own_options(),
        }
        return f"{self.kind}:{self._model} {json.dumps(options, sort_keys=True, default=str)}"

    def own_options(self) -> Mapping[str, Any]:
        """Options of a subclass that decide its answers; for ``identity``."""
        return {}

    def prepare(self, loaded: Loaded, asked: Sequence[Asked]) -> Mapping[str, Any]:
        """The model's inputs for questions of one kind, padded on the left. Runs in the model's thread.

        Returns at least ``input_ids`` and ``attention_mask`` (batch, tokens); tensors only are given to the model.
        """
        from .generation import prepare

        return prepare(loaded, asked)

    def reworded(self, request: Request) -> Request:
        """What the model is asked for a request. The reply belongs to the request all the same."""
        return request

    async def generate(self, request: Request) -> Reply:
        """Answer one request, in a batch with others that are waiting.

        Raises VLMError when the model cannot be loaded, when the request carries too many pictures or too long a
        text, and when the model fails or is closed meanwhile. No memory for a single request is a Reply's problem.
        """
        job = self._job(request)
        self._put(job)
        try:
            return self._reply(request, await asyncio.wrap_future(job.done))
        except asyncio.CancelledError:
            job.drop()
            raise

    async def stream(self, request: Request) -> AsyncGenerator[str, None]:
        """The answer as the model writes it, as it comes (``generate`` tidies); it shares no batch. Raises VLMError.

        With beams there is nothing certain before the end, so it comes at once.
        """
        if self._num_beams > 1:
            async for piece in super().stream(request):
                yield piece
            return
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        job = self._job(request, alone=True)
        job.on_text = lambda text: _hand_over(loop, pieces, text)
        job.done.add_done_callback(lambda _done: _hand_over(loop, pieces, None))
        self._put(job)
        said = False
        try:
            while (text := await pieces.get()) is not None:
                said = True
                yield text
            reply = self._reply(request, await asyncio.wrap_future(job.done))
            if reply.problem and not said:
                raise VLMError(f"{self.name}: no answer: {reply.detail or reply.problem}")
        finally:
            job.drop()

    def load(self) -> None:
        """Load the model now and wait for it. Raises VLMError if that fails."""
        self._open_worker().load()

    def preview(self, request: Request) -> Mapping[str, Any]:
        """The conversation that the model's chat template would get; a video as a list of its frames."""
        asked = self._job(request).asked
        urls = [_PREVIEW_URL + base64.b64encode(jpeg).decode("ascii") for jpeg in asked.jpegs]
        media = Media(tuple(urls), asked.seconds, asked.labels, "frame_list" if asked.as_video else "off")
        limit = self._max_tokens or asked.prompt.max_tokens
        return Dialect().body(self._model, asked.prompt, media, limit, self._temperature)

    def estimate_tokens(self, request: Request) -> int:
        """About how many input tokens a request will be: words and pictures, without asking the model's processor."""
        prompt = render(request, self._prompts, hints=self._hints)
        pictures = sum(estimate_image_tokens(image) for image in request.images)
        return estimate_text_tokens(prompt.system + prompt.text) + pictures

    async def close(self) -> None:
        """Free the model and end its thread; waiting calls get a VLMError."""
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            await asyncio.to_thread(worker.end)

    def _put(self, job: Job) -> None:
        while not self._open_worker().put(job):
            pass  # closed between the two calls: the next one is open

    def _open_worker(self) -> Worker:
        with self._lock:
            if self._worker is None:
                self._worker = Worker(self.name, self._engine, self.max_concurrent)
            return self._worker

    def _engine(self) -> HfEngine:
        from .generation import HfEngine
        from .loading import Source, load

        source = Source(
            self._model, self._revision, self._device, self._dtype, self._attention, self._trust_remote_code
        )
        loaded = load(source)
        if self._native_video == "on" and not loaded.form.videos:
            raise VLMError(f"{self.name}: its processor takes no videos; leave out native_video=on")
        return HfEngine(self.name, loaded, self.prepare, self._sampling())

    def _sampling(self) -> dict[str, Any]:
        if self._temperature is None:
            how: dict[str, Any] = {}
        elif self._temperature == 0:
            how = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        else:
            how = {"do_sample": True, "temperature": self._temperature}
        return {**how, "num_beams": self._num_beams, **self._generate}

    def _job(self, request: Request, *, alone: bool = False) -> Job:
        request = self.reworded(request)
        if len(request.images) > self.max_images:
            more = "raise max_images if the model takes more, or " if self._takes("max_images") else ""
            raise VLMError(
                f"{self.name}: a {request.task} request carries {len(request.images)} pictures, but max_images is"
                f" {self.max_images}; {more}have them put into one picture (video.compose.arrange)"
            )
        prompt = render(request, self._prompts, hints=self._hints)
        jpegs = tuple(image.jpeg for image in request.images)
        as_video = wants_video(request, self._native_video)
        told = () if as_video else labels(request, self._times)
        asked = Asked(prompt, jpegs, request.seconds, as_video, template_kwargs(self._thinking), told)
        max_tokens = self._max_tokens or prompt.max_tokens
        # Of videos in one batch some processors fill up the shorter ones, and tell the model of frames that are not.
        media = len(jpegs) if asked.as_video else "pictures" if jpegs else "text"
        kind: Hashable = (media, bool(prompt.prefill), max_tokens if self._num_beams > 1 else 0)
        return Job(asked, max_tokens, next(self._numbers) if alone else kind)

    def _takes(self, option: str) -> bool:
        """Whether the user can give this option: subclasses settle some of them."""
        return option in inspect.signature(type(self)).parameters

    def _reply(self, request: Request, reading: Reading) -> Reply:
        screened = Screened(reading.text, "unavailable", reading.problem)
        if not reading.problem:
            self.usage.add(reading.input_tokens, reading.output_tokens)
            thinks = reading.thinks and self._takes("thinking")
            screened = screen(
                reading.text,
                "length" if reading.cut_off else "stop",
                caption=request.task not in FREE_TASKS,
                max_tokens=self._max_tokens or render(request, self._prompts, hints=self._hints).max_tokens,
                switch="off" if self._thinking == "off" else "can" if thinks else "none",
            )
        return Reply(
            text=screened.text,
            request_key=request.key(),
            model=self.name,
            prompt_hash=self._prompt_hash,
            input_tokens=reading.input_tokens,
            output_tokens=reading.output_tokens,
            problem=screened.problem,
            detail=screened.detail,
        )


def _hand_over(loop: asyncio.AbstractEventLoop, pieces: asyncio.Queue[str | None], piece: str | None) -> None:
    if not loop.is_closed():  # the asker may be gone with its loop
        loop.call_soon_threadsafe(pieces.put_nowait, piece)


def _fingerprint(folder: Path, weights: tuple[str, ...]) -> str:
    """What tells one state of a folder from another without reading the weights: names, sizes and times of change."""
    if not folder.is_dir():
        return ""
    files = sorted({path for pattern in (*weights, *_TEXTS) for path in folder.glob(pattern)})
    states = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(states).encode()).hexdigest()[:16]


def _check_options(
    model: str,
    at_least_one: Mapping[str, int | None],
    temperature: float | None,
    dtype: str,
    native_video: str,
) -> None:
    found = [] if model else ["the model's name or folder is missing"]
    found += [f"{name} must be at least 1, not {n}" for name, n in at_least_one.items() if n is not None and n < 1]
    if temperature is not None and temperature < 0:
        found.append(f"temperature cannot be negative, as {temperature} is")
    if dtype not in _DTYPES:
        found.append(f"dtype is one of {', '.join(_DTYPES)}, not {dtype!r}")
    if native_video not in ("auto", "on", "off"):
        found.append(f"native_video is auto, on or off, not {native_video!r}")
    if found:
        raise SettingsError("hf: " + "; ".join(found))
