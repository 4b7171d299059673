"""The released captioner as a `VLM`: its pictures, its words and its search, on the engine that all of `vlm.hf` has."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ...errors import MissingExtra, SettingsError
from ...prompts import SHARECAPTIONER, PromptSet
from ..base import FREE_TASKS, Request
from ..hf.backend import HfVLM
from ..hf.chat import Asked
from ..hf.worker import Job
from ..render import render
from ..usage import estimate_text_tokens
from .numbering import as_released
from .pictures import HD_NUM, HD_NUM_OTHERWISE, tokens_of
from .sizes import Quantized

if TYPE_CHECKING:
    from ..hf.generation import HfEngine
    from ..hf.loading import Loaded

logger = logging.getLogger(__name__)

_MOST_TILES = 256


@dataclass(frozen=True)
class TiledAsked(Asked):
    """A question whose pictures become at most ``hd_num`` tiles each."""

    hd_num: int = HD_NUM_OTHERWISE


class ShareCaptionerVLM(HfVLM):
    """ShareCaptioner-Video from its released files, in a folder or on the Hub (Lin-Chen/ShareCaptioner-Video).

    model, prompts, hints, revision, device, dtype, attention, max_concurrent, temperature, max_tokens, generate
                  as for ``HfVLM``; no code that comes with the weights is ever run
    num_beams     the original searches with 3; 1 is several times as fast
    quantized     "none"; "int8" or "int4" (nf4) with bitsandbytes, for the linear layers of the language model
    hd_num        tiles that a picture may become; None: 9 for steps, 16 for the strip of fast mode, 25 for others
    as_released   number frames as the released demo does, from 0 and every 2 seconds whatever their time, and let
                  beams end at the end of the text alone

    A request carries one picture at most. The model knows the prompt set ``sharecaptioner``, which goes with its name
    where settings say nothing; other words are told in a warning. A ``repetition_penalty`` in ``generate`` counts the
    prompt, too, as with all models of transformers. Raises SettingsError and MissingExtra as ``HfVLM``.
    """

    kind = "sharecaptioner"
    takes_png = True
    own_prompts = SHARECAPTIONER.name
    weight_files = ("*.safetensors", "pytorch_model*.bin")

    def __init__(
        self,
        model: str,
        *,
        prompts: PromptSet = SHARECAPTIONER,
        hints: bool = False,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        attention: str = "auto",
        max_concurrent: int = 4,
        temperature: float | None = 0.0,
        max_tokens: int | None = None,
        num_beams: int = 3,
        generate: Mapping[str, Any] | None = None,
        quantized: Quantized = "none",
        hd_num: int | None = None,
        as_released: bool = False,
    ) -> None:
        _check(quantized, hd_num, generate)
        _check_extra(model, quantized)
        self.quantized, self.hd_num, self.as_released = quantized, hd_num, as_released
        self._warned = prompts.hash == SHARECAPTIONER.hash
        super().__init__(
            model,
            prompts=prompts,
            hints=hints,
            revision=revision,
            device=device,
            dtype=dtype,
            attention=attention,
            max_concurrent=max_concurrent,
            max_images=1,
            temperature=temperature,
            max_tokens=max_tokens,
            native_video="off",
            num_beams=num_beams,
            generate=generate,
        )

    def own_options(self) -> Mapping[str, Any]:
        return {"quantized": self.quantized, "hd_num": self.hd_num, "as_released": self.as_released}

    def reworded(self, request: Request) -> Request:
        """The request with its frames numbered as in the release, if that is wanted."""
        return as_released(request) if self.as_released else request

    def estimate_tokens(self, request: Request) -> int:
        """About how many input tokens a request will be; those of the pictures exactly."""
        prompt = render(self.reworded(request), self._prompts, hints=self._hints)
        seen = sum(tokens_of(image.width, image.height, self._tiles(request)) for image in request.images)
        return estimate_text_tokens(prompt.system + prompt.text) + seen

    def prepare(self, loaded: Loaded, asked: Sequence[Asked]) -> Mapping[str, Any]:
        """Words and pictures of some questions, padded on the left; pictures go through the tower here."""
        from .inputs import inputs

        return inputs(loaded, asked)

    def _tiles(self, request: Request) -> int:
        return self.hd_num or HD_NUM.get(request.task, HD_NUM_OTHERWISE)

    def _job(self, request: Request, *, alone: bool = False) -> Job:
        self._warn(request)
        job = super()._job(request, alone=alone)
        parts = {part.name: getattr(job.asked, part.name) for part in fields(Asked)}
        job.asked = TiledAsked(**parts, hd_num=self._tiles(request))
        return job

    def _sampling(self) -> dict[str, Any]:
        ends = {"eos_token_id": 2} if self.as_released else {}
        return {**ends, **super()._sampling()}

    def _engine(self) -> HfEngine:
        from ..hf.generation import HfEngine
        from ..hf.loading import Source
        from .loading import load

        source = Source(self._model, self._revision, self._device, self._dtype, self._attention, kind=self.kind)
        return HfEngine(self.name, load(source, self.quantized), self.prepare, self._sampling())

    def _warn(self, request: Request) -> None:
        if not self._warned and request.task not in FREE_TASKS:
            self._warned = True
            logger.warning(
                "%s: was trained with the prompts %s, not %s; add --prompts %s",
                self.name, SHARECAPTIONER.name, self._prompts.name, SHARECAPTIONER.name,
            )  # fmt: skip


def _check(quantized: object, hd_num: object, generate: Mapping[str, Any] | None) -> None:
    found = []
    if quantized not in ("none", "int8", "int4"):
        found.append(f"quantized is none, int8 or int4, not {quantized!r}")
    whole = isinstance(hd_num, int) and not isinstance(hd_num, bool)
    if hd_num is not None and not (whole and 1 <= hd_num <= _MOST_TILES):  # type: ignore[operator]
        found.append(f"hd_num is a number of tiles from 1 to {_MOST_TILES}, not {hd_num!r}")
    if generate and "prefill_chunk_size" in generate:
        found.append("leave prefill_chunk_size out of generate: a prompt with a picture goes through the model whole")
    if found:
        raise SettingsError("sharecaptioner: " + "; ".join(found))


def _check_extra(model: str, quantized: Quantized) -> None:
    needed = () if quantized == "none" else ("bitsandbytes", "accelerate")
    if any(importlib.util.find_spec(package) is None for package in needed):
        raise MissingExtra(f"sharecaptioner:{model} in {quantized}", "quantized")
