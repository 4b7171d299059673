"""A question in the form that chat templates of transformers take: messages of parts, pictures as objects."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import PIL.Image

from ..base import Request
from ..media import can_be_video
from ..reasoning import template_kwargs
from ..render import Prompt

NativeVideo = Literal["auto", "on", "off"]

_CLOCK_HZ = 1000  # frame numbers are counted in milliseconds, so that number / rate is the frame's true time
_MARK = "qxzqxz"  # a word that no template contains


@dataclass(frozen=True)
class Asked:
    """One question in words, with its pictures as JPEG bytes and their times; ``as_video``: they are one video.

    ``template_kwargs`` are told to the chat template, the same for all of a batch; ``labels`` stand before
    the pictures.
    """

    prompt: Prompt
    jpegs: tuple[bytes, ...] = ()
    seconds: tuple[float, ...] = ()
    as_video: bool = False
    template_kwargs: Mapping[str, bool] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    def pictures(self) -> list[PIL.Image.Image]:
        """The decoded pictures, RGB."""
        return [PIL.Image.open(io.BytesIO(jpeg)).convert("RGB") for jpeg in self.jpegs]

    def texts(self) -> list[str]:
        """All that was written by people and models, and not by the template."""
        prompt = self.prompt
        return [prompt.system, prompt.text, prompt.prefill, *(text for turn in prompt.earlier for text in turn)]


@dataclass(frozen=True)
class TemplateForm:
    """What one chat template takes, found out by trying it.

    system       it knows the system role; if not, the system's text opens the first question
    parts        a message's content is a list of parts; if not, a text with ``image_mark`` where a picture belongs
    videos       it writes videos down, and the processor takes them
    thinks       it writes something else where thinking is off
    """

    system: bool = True
    parts: bool = True
    image_mark: str = ""
    videos: bool = False
    thinks: bool = False


def wants_video(request: Request, choice: NativeVideo) -> bool:
    """Whether the pictures of a request go to the model as one video.

    "auto": three or more frames that stay apart. Two frames stay two pictures: models with native video merge
    neighbouring frames (Qwen2-VL: two to one, arXiv 2409.12191, section 2.1), and a question about what changed
    between two frames is lost when they become one. "on": two or more.
    """
    least = {"auto": 3, "on": 2, "off": 0}[choice]
    return bool(least) and can_be_video(request, least)


def messages(asked: Asked, form: TemplateForm) -> list[dict[str, Any]]:
    """The conversation: system text, questions and answers before, the question, the beginning of the answer."""
    prompt = asked.prompt
    said = [text for question, answer in prompt.earlier for text in (question, answer)] + [prompt.text]
    if prompt.system and not form.system:
        said[0] = f"{prompt.system}\n\n{said[0]}"
    found = [_message("system", prompt.system, form)] if prompt.system and form.system else []
    for number, text in enumerate(said):
        media = asked if number == 0 else None
        found.append(_message("assistant" if number % 2 else "user", text, form, media))
    if prompt.prefill:
        found.append(_message("assistant", prompt.prefill, form))
    return found


def _message(role: str, text: str, form: TemplateForm, media: Asked | None = None) -> dict[str, Any]:
    pictures = media.pictures() if media else []
    parts: list[dict[str, Any]]
    labels = media.labels if media and media.labels and not media.as_video else ("",) * len(pictures)
    if not form.parts:
        marks = "".join(f"{label}{form.image_mark}\n" for label in labels)
        return {"role": role, "content": marks + text}
    if media and media.as_video:
        parts = [{"type": "video", "video": pictures}]
    else:
        shown = zip(labels, pictures, strict=True)
        before = ((_text(label), {"type": "image", "image": picture}) for label, picture in shown)
        parts = [part for pair in before for part in pair if part.get("text") != ""]
    return {"role": role, "content": [*parts, {"type": "text", "text": text}]}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def broken_marks(asked: Asked, marks: Sequence[str]) -> Asked:
    """The same question with a space in every one of the ``marks`` in its texts: ``< image>`` is a mark no more."""

    def broken(text: str) -> str:
        for mark in marks:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text

    prompt = asked.prompt
    changed = replace(
        prompt,
        system=broken(prompt.system),
        text=broken(prompt.text),
        earlier=tuple((broken(question), broken(answer)) for question, answer in prompt.earlier),
        prefill=broken(prompt.prefill),
    )
    return replace(asked, prompt=changed)


def video_metadata(seconds: Sequence[float], width: int, height: int) -> dict[str, Any]:
    """Metadata of frames chosen from a video, as transformers' ``VideoMetadata`` has it.

    ``frames_indices[i] / fps`` is the time of frame i to the millisecond, and the number of frames over the total
    is the rate at which they were taken, so processors that count in either way come to the true times.
    """
    numbers = [round(moment * _CLOCK_HZ) for moment in seconds]
    step = (numbers[-1] - numbers[0]) / (len(numbers) - 1) if len(numbers) > 1 else _CLOCK_HZ
    total = max(round(step * len(numbers)), 1)
    return {
        "total_num_frames": total,
        "fps": float(_CLOCK_HZ),
        "frames_indices": numbers,
        "duration": total / _CLOCK_HZ,
        "width": width,
        "height": height,
        "video_backend": "pyav",
    }


def form_of(processor: Any) -> TemplateForm:
    """Try a processor's chat template. Raises whatever a template raises that takes no plain question at all."""
    import jinja2

    def rendered(conversation: list[dict[str, Any]], **more: bool) -> str:
        try:
            return str(processor.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True, **more))
        except (jinja2.TemplateError, TypeError, KeyError):
            return ""

    in_parts = TemplateForm()
    question = Asked(Prompt("", _MARK, 1))
    shown = rendered(messages(question, in_parts))
    parts = _MARK in shown and "'type'" not in shown
    form = TemplateForm(parts=parts, image_mark="" if parts else str(getattr(processor, "image_token", "<image>")))
    if not rendered(messages(question, form)):
        processor.apply_chat_template(messages(question, form), tokenize=False, add_generation_prompt=True)
    with_system = rendered(messages(Asked(Prompt(_MARK, "?", 1)), form))
    video = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": _MARK}]}]
    videos = parts and getattr(processor, "video_processor", None) is not None and rendered(video) not in ("", shown)
    # Names that a template does not know would be taken for the processor's, with a warning.
    template = str(getattr(processor, "chat_template", ""))
    off, on = ({name: value for name, value in template_kwargs(choice).items() if name in template}
               for choice in ("off", "on"))  # fmt: skip
    thinks = off != on and rendered(messages(question, form), **off) != rendered(messages(question, form), **on)
    return replace(form, system=_MARK in with_system, videos=videos, thinks=thinks)


def turn_end(processor: Any, form: TemplateForm) -> str:
    """What a template writes after an answer ("" if nothing): where a model's turn ends."""
    said = messages(Asked(Prompt("", "?", 1, earlier=(("?", _MARK),))), form)[:2]
    shown = str(processor.apply_chat_template(said, tokenize=False, add_generation_prompt=False))
    return shown.partition(_MARK)[2].strip()
