"""Answering a batch: from questions to tokens and back, exact counts, and less at a time when memory runs out."""

from __future__ import annotations

import contextlib
import gc
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
import transformers
from PIL.Image import DecompressionBombError

from ...errors import VLMError
from ..markup import is_structural
from .chat import Asked, broken_marks, messages, video_metadata
from .loading import Loaded, is_out_of_memory
from .worker import Job, Reading

logger = logging.getLogger(__name__)

# Of processors and models: "not this"; of pictures that cannot be decoded (Pillow says it in several ways).
_REFUSALS = (VLMError, ValueError, TypeError, KeyError, IndexError, OSError, SyntaxError, DecompressionBombError)

Prepare = Callable[[Loaded, Sequence[Asked]], Mapping[str, Any]]


def prepare(loaded: Loaded, asked: Sequence[Asked]) -> Mapping[str, Any]:
    """The model's inputs for some questions of one kind, padded on the left, by its own template and processor.

    Marks of the template in texts of users and models, such as ``<image>`` in a caption, are read as text:
    transformers (5.23) is asked to; where it or a processor cannot, they are written with a space in them.
    """
    if asked[0].as_video and not loaded.form.videos:
        asked = [replace(one, as_video=False) for one in asked]
    marks = _marks(loaded.processor)
    if any(mark in text for mark in marks for one in asked for text in one.texts()):
        takes = inspect.signature(loaded.processor.apply_chat_template).parameters
        if loaded.form.parts and "sanitize_control_tokens" in takes:
            with contextlib.suppress(*_REFUSALS):
                return _by_parts(loaded, asked, sanitize_control_tokens=True)
        asked = [broken_marks(one, marks) for one in asked]
    return _by_parts(loaded, asked) if loaded.form.parts else _by_text(loaded, asked)


def _marks(processor: Any) -> list[str]:
    """Words that a tokenizer takes for something else than text, the longest first."""
    own = {getattr(processor, name, None) for name in ("image_token", "video_token")}
    added = {str(token) for token in processor.tokenizer.added_tokens_decoder.values() if token.special}
    found = {mark for mark in added | own if isinstance(mark, str) and len(mark.strip()) > 1}
    return sorted(found, key=len, reverse=True)


def _by_parts(loaded: Loaded, asked: Sequence[Asked], **options: bool) -> Mapping[str, Any]:
    """For templates that take a message in parts: transformers renders, tokenizes and makes the pictures ready."""
    continued = bool(asked[0].prompt.prefill)
    kwargs: dict[str, Any] = {"text_kwargs": {"padding": True, "padding_side": "left"}}
    conversations = [messages(one, loaded.form) for one in asked]
    if asked[0].as_video:
        metadata = []
        for one, conversation in zip(asked, conversations, strict=True):
            first = next(part for said in conversation for part in said["content"] if part["type"] == "video")
            width, height = first["video"][0].size
            metadata.append(video_metadata(one.seconds, width, height))
        kwargs["videos_kwargs"] = {"video_metadata": metadata, "do_sample_frames": False}
    inputs: Mapping[str, Any] = loaded.processor.apply_chat_template(
        conversations,
        tokenize=True,
        add_generation_prompt=not continued,
        continue_final_message=continued,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs=kwargs,
        **asked[0].template_kwargs,
        **options,
    )
    return inputs


def _by_text(loaded: Loaded, asked: Sequence[Asked]) -> Mapping[str, Any]:
    """For templates that write messages of plain text: render first, then hand over text and pictures."""
    continued = bool(asked[0].prompt.prefill)
    conversations = [messages(one, loaded.form) for one in asked]
    texts = loaded.processor.apply_chat_template(
        conversations,
        tokenize=False,
        add_generation_prompt=not continued,
        continue_final_message=continued,
        **asked[0].template_kwargs,
    )
    begin = loaded.processor.tokenizer.bos_token
    own_begin = bool(begin) and texts[0].startswith(begin)
    pictures = [one.pictures() for one in asked]
    inputs: Mapping[str, Any] = loaded.processor(
        text=texts,
        images=pictures if any(pictures) else None,
        text_kwargs={"padding": True, "padding_side": "left", "add_special_tokens": not own_begin},
        return_tensors="pt",
    )
    return inputs


class HfEngine:
    """A loaded model that answers batches of jobs. ``options`` go to every call of ``generate``."""

    def __init__(self, name: str, loaded: Loaded, prepare: Prepare, options: Mapping[str, Any]) -> None:
        self.name, self.loaded = name, loaded
        self._prepare, self._options = prepare, dict(options)
        added = loaded.processor.tokenizer.added_tokens_decoder.items()
        self._structural = {int(number) for number, token in added if token.special and is_structural(str(token))}
        self._most: int | None = None  # how many at once, once memory has run out

    def run(self, jobs: list[Job]) -> None:
        """Answer the jobs, in halves if all together do not fit into memory."""
        line = list(jobs)
        while line:
            batch = line[: self._most]
            line = line[len(batch) :]
            batch = [job for job in batch if not job.unwanted]
            if batch and not self._fits(batch) and len(batch) > 1:
                self._most = len(batch) // 2
                line = batch + line

    def free(self) -> None:
        del self.loaded
        _empty_caches()

    def _fits(self, batch: list[Job]) -> bool:
        """Answer a batch; False if it is too large. A job that is too large alone is told so."""
        try:
            self._answer(batch)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                self._refused(batch, error)
                return True
            said = str(error).splitlines()[0]
        except _REFUSALS as error:
            self._refused(batch, error)
            return True
        else:
            return True
        _empty_caches()  # here the error is gone, and with it the frames that hold the batch's tensors
        logger.warning("%d requests at once do not fit into memory: %s", len(batch), said)
        if len(batch) == 1:
            told = f"out of memory with one request alone ({said}); use fewer or smaller pictures, or a smaller model"
            batch[0].answer(Reading("", problem=told))
        return False

    def _refused(self, batch: list[Job], error: Exception) -> None:
        """One of these is not to the model's taste: ask each alone, so that the others are answered."""
        if len(batch) > 1:
            for job in batch:
                self._fits([job])
            return
        if isinstance(error, VLMError):
            batch[0].fail(error)
            return
        told = VLMError(f"{self.name}: the model failed with {type(error).__name__}: {str(error).strip()[:600]}")
        told.__cause__ = error
        batch[0].fail(told)

    def _answer(self, batch: list[Job]) -> None:
        inputs = self._inputs(batch)
        counts = inputs["attention_mask"].sum(dim=1).tolist()
        limits = [self._limit(job, count) for job, count in zip(batch, counts, strict=True)]
        if too_long := [number for number, limit in enumerate(limits) if limit < 1]:
            for number in too_long:
                batch[number].fail(self._too_long(batch[number], counts[number]))
            rest = [job for number, job in enumerate(batch) if number not in too_long]
            return self._answer(rest) if rest else None
        width = inputs["input_ids"].shape[1]
        written = self._generate(inputs, batch, limits)[:, width:].tolist()
        for job, tokens, limit, count in zip(batch, written, limits, counts, strict=True):
            job.answer(self._reading(tokens[:limit], int(count)))
        return None

    def _inputs(self, batch: list[Job]) -> dict[str, Any]:
        found = self._prepare(self.loaded, [job.asked for job in batch])
        device, dtype = self.loaded.model.device, self.loaded.model.dtype
        tensors = {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}
        return {
            name: value.to(device, dtype) if value.is_floating_point() else value.to(device)
            for name, value in tensors.items()
        }

    def _generate(self, inputs: dict[str, Any], batch: list[Job], limits: list[int]) -> torch.Tensor:
        on_text = batch[0].on_text
        streamer = _Pieces(self.loaded, on_text) if on_text else None
        stop = _Stop(batch, limits, inputs["input_ids"].shape[1])
        with torch.inference_mode():
            written: torch.Tensor = self.loaded.model.generate(
                **inputs,
                **{"eos_token_id": list(self.loaded.ends), "pad_token_id": self.loaded.pad, **self._options},
                max_new_tokens=max(limits),
                stopping_criteria=transformers.StoppingCriteriaList([stop]),
                streamer=streamer,
            )
        return written

    def _reading(self, tokens: list[int], input_tokens: int) -> Reading:
        end = next((number for number, token in enumerate(tokens) if token in self.loaded.ends), None)
        plain = self._structural.isdisjoint(tokens)  # of reasoning in special tokens nothing would tell the end
        text = self.loaded.processor.tokenizer.decode(tokens[:end], skip_special_tokens=plain)
        return Reading(text, end is None, input_tokens, len(tokens) if end is None else end + 1,
                       thinks=self.loaded.form.thinks)  # fmt: skip

    def _limit(self, job: Job, input_tokens: int) -> int:
        context = self.loaded.context_tokens
        return job.max_tokens if context is None else min(job.max_tokens, context - input_tokens)

    def _too_long(self, job: Job, input_tokens: int) -> VLMError:
        pictures = len(job.asked.jpegs)
        fewer = "fewer pictures (max_images) or smaller ones, " if pictures > 1 else "smaller pictures, " * pictures
        return VLMError(
            f"{self.name}: the request is too long for this model: {input_tokens} tokens with its pictures, and the"
            f" model takes {self.loaded.context_tokens}; {fewer}fewer fold_steps, or a shorter question or conversation"
        )


class _Stop(transformers.StoppingCriteria):  # type: ignore[misc]
    """Ends a row at its own limit, and at once when nobody waits for it any more."""

    def __init__(self, batch: list[Job], limits: list[int], width: int) -> None:
        self._batch, self._limits, self._width = batch, limits, width

    def __call__(self, input_ids: torch.Tensor, _scores: torch.Tensor, **_: Any) -> torch.Tensor:
        written = input_ids.shape[1] - self._width
        rows = zip(self._batch, self._limits, strict=True)
        done = torch.tensor([job.unwanted or written >= limit for job, limit in rows], device=input_ids.device)
        return done.repeat_interleave(len(input_ids) // len(done))  # a search with beams has several rows for each


class _Pieces(transformers.TextStreamer):  # type: ignore[misc]
    """Hands on the text as it becomes certain, without the prompt and special tokens, up to the end of the answer.

    A model that is let to write on after that (``eos_token_id`` in ``options``) does so for itself.
    """

    def __init__(self, loaded: Loaded, on_text: Callable[[str], None]) -> None:
        super().__init__(loaded.processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._ends, self._ended = loaded.ends, False
        self._on_text = on_text

    def put(self, value: torch.Tensor) -> None:
        if self.next_tokens_are_prompt:
            super().put(value)
            return
        for token in value.flatten().tolist():
            self._ended = self._ended or token in self._ends
            if not self._ended:
                super().put(torch.tensor([token]))

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: ARG002 - the library's method
        if text:
            self._on_text(text)


def _empty_caches() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
