"""Models that describe what happens in a video, by name."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from ..checking import raise_for, wrong_arguments
from ..errors import SettingsError, VLMError
from ..prompts import PromptSet
from .base import VLM, Problem, Reply, Request, Task
from .hub_models import HUB_MODELS, hub_path
from .providers import ALSO_CALLED, PROVIDERS
from .taught import taught

__all__ = ["VLM", "Problem", "Reply", "Request", "Task", "model_names", "open_model", "own_prompts"]

ENTRY_POINTS = "sharegpt4video.vlm"


class Backend(NamedTuple):
    """A backend: where its class is, the form of its argument ("" for none), and the extra it needs."""

    path: str
    argument: str = ""
    extra: str = ""


BACKENDS = {
    "embedded": Backend("sharegpt4video.vlm.embedded:EmbeddedVLM"),
    "server": Backend("sharegpt4video.vlm.server:ServerVLM", "MODEL@URL"),
    "hf": Backend("sharegpt4video.vlm.hf:HfVLM", "NAME_OR_FOLDER", "hf"),
    "vllm": Backend("sharegpt4video.vlm.vllm:VllmVLM", "NAME_OR_FOLDER", "vllm"),
    "lvlm": Backend("sharegpt4video.lvlm.backend:LvlmVLM", "FOLDER", "hf"),
    "sharecaptioner": Backend("sharegpt4video.vlm.sharecaptioner:ShareCaptionerVLM", "NAME_OR_FOLDER", "hf"),
    "fake": Backend("sharegpt4video.vlm.fake:FakeVLM"),
}

_OLLAMA_TAG = re.compile(r"latest|cloud|[\w.-]*\d+(?:\.\d+)?[bm][\w.-]*", re.IGNORECASE)
OWN_OPTIONS = frozenset({"prompts", "hints", "provider", "named"})
"""Arguments of a model's class that `open_model` gives, and no user."""

EXAMPLES = {
    "server": "server:Qwen/Qwen3-VL-8B-Instruct@http://localhost:8000/v1",
    "hf": "hf:Qwen/Qwen3-VL-8B-Instruct",
    "vllm": "vllm:Qwen/Qwen3-VL-8B-Instruct",
    "lvlm": "lvlm:checkpoints/sharegpt4video-8b",
    "sharecaptioner": "sharecaptioner:Lin-Chen/ShareCaptioner-Video",
}


def open_model(spec: str, *, prompts: PromptSet, hints: bool = False, **options: Any) -> VLM:
    """Make the model that ``spec`` names: ``embedded``, ``ollama:MODEL`` and other providers (`providers.PROVIDERS`),
    ``server:MODEL@URL``, ``hf:NAME_OR_FOLDER``, ``vllm:NAME_OR_FOLDER``, ``lvlm:FOLDER``,
    ``sharecaptioner:NAME_OR_FOLDER``, ``fake`` or an installed plug-in.

    A plug-in is an entry point of the group ``sharegpt4video.vlm``: a class or function that is called with what
    stands after the colon in ``NAME:ARGUMENT`` and with ``prompts``, ``hints`` and the options as keywords. The
    argument, ``prompts`` and ``hints`` are left out for one that does not take them; its name goes before a
    provider's. Raises SettingsError for an unknown name, a missing or surplus argument and an option the model does
    not take; VLMError if a plug-in cannot be loaded.
    """
    name, _, argument = spec.partition(":")
    preset: dict[str, Any] = {}
    factory: Callable[..., Any]
    if name in BACKENDS:
        factory = model_class(name)
        arguments = _arguments(name, argument)
    elif name in PROVIDERS and name not in plug_ins():
        factory = model_class("server")
        arguments, preset = _of_provider(name, argument)
    else:
        factory = _plug_in(spec)
        arguments = (argument,) if _takes_an_argument(factory) else _no_argument(name, argument)
    taken = _keywords(factory, len(arguments))
    unknown = [option for option in options if option in OWN_OPTIONS or (taken is not None and option not in taken)]
    if taken is not None and unknown:
        raise SettingsError(_unknown_options(name, unknown, [key for key in taken if key not in OWN_OPTIONS]))
    raise_for(f"{name}: {problem}" for problem in wrong_arguments(factory, options))
    always = {"prompts": prompts, "hints": hints}
    passed = {key: value for key, value in always.items() if taken is None or key in taken}
    model: VLM = factory(*arguments, **passed, **{**preset, **options})
    return model


def model_class(name: str) -> type[VLM]:
    """The class of a model of the package, by its name in ``BACKENDS``. Raises ImportError without what it needs."""
    module, _, attribute = BACKENDS[name].path.partition(":")
    found: type[VLM] = getattr(importlib.import_module(module), attribute)
    return found


def own_prompts(model: object) -> str:
    """The prompt set that a model, or the one of that name, was trained with; "" if that says nothing."""
    if isinstance(model, VLM):
        return model.own_prompts
    if not isinstance(model, str):
        return ""  # whoever opens it says what is wrong with it
    name, _, argument = model.partition(":")
    if name not in BACKENDS:
        return ""
    return model_class(name).own_prompts or (taught(argument) if "FOLDER" in BACKENDS[name].argument else "")


def model_names() -> tuple[str, ...]:
    """What `open_model` knows: the built-in names with the form of their argument, providers, then the plug-ins."""
    built_in = (f"{name}:{backend.argument}" if backend.argument else name for name, backend in BACKENDS.items())
    added = sorted(plug_ins())
    return (*built_in, *(f"{name}:MODEL" for name in PROVIDERS if name not in added), *added)


def _arguments(name: str, argument: str) -> tuple[str, ...]:
    if name == "server":
        return _model_and_url(argument)
    if wanted := BACKENDS[name].argument:
        if not argument:
            raise SettingsError(f"model {name!r} needs {wanted} after a colon, such as {EXAMPLES[name]}")
        return (hub_path(argument, name) if name in ("hf", "vllm") else argument,)
    return _no_argument(name, argument)


def _no_argument(name: str, argument: str) -> tuple[()]:
    if argument:
        raise SettingsError(f"model {name!r} takes nothing after its name, but got {argument!r}; write: {name}")
    return ()


def _of_provider(name: str, argument: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The model and the address of ``PROVIDER:MODEL`` or ``PROVIDER:MODEL@URL``, and the provider's options."""
    provider = PROVIDERS[name]
    model, url = argument, provider.url
    if elsewhere := re.fullmatch(r"(.+)@(https?://.+)", argument):
        model, url = elsewhere.groups()
    if not model or re.match(r"@?https?://", model):
        raise SettingsError(f"model {name!r} needs a model's name after a colon, such as {name}:{provider.example}")
    options = {"picture_times": "auto", **provider.options}
    return (model, url), {**options, "provider": provider, "named": name}


def _model_and_url(argument: str) -> tuple[str, str]:
    """Split off the address; names of models may contain :, / and even @."""
    if not (parts := re.fullmatch(r"(.+)@(https?://.+)", argument)):
        shown = argument.rpartition("@")[2] if "://" in argument else argument  # no password in a message
        raise SettingsError(f"model 'server:{shown}' needs a model's name and an address, such as {EXAMPLES['server']}")
    return parts[1], parts[2]


def plug_ins() -> dict[str, EntryPoint]:
    """The models that other packages add, by name."""
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _plug_in(spec: str) -> Callable[..., Any]:
    name = spec.partition(":")[0]
    found = plug_ins()
    if name not in found:
        known = [name for name in model_names() if name.partition(":")[0] not in PROVIDERS or name in found]
        sure = ":" not in spec or bool(_OLLAMA_TAG.fullmatch(spec.partition(":")[2]))
        near = _other_form(spec) or _near(name.lower(), [*BACKENDS, *PROVIDERS, *found], sure=sure)
        near = near or _who_runs_it(spec)
        raise SettingsError(
            f"unknown model {name!r}{near}; known are: {', '.join(known)}, and {len(PROVIDERS)} providers such as"
            " ollama:MODEL (sg4v models lists them)"
        )
    try:
        factory: Callable[..., Any] = found[name].load()
    except (ImportError, AttributeError) as error:
        raise VLMError(f"the plug-in for model {name!r} ({found[name].value}) cannot be loaded: {error}") from error
    return factory


def _other_form(spec: str) -> str:
    """How to write a name that other tools write otherwise: ``ollama/qwen3-vl:8b``, ``google:gemini``."""
    parts = re.fullmatch(r"([\w.-]+)([:/])(.+)", spec)
    known = {name: name for name in (*BACKENDS, *PROVIDERS)}
    if parts is not None and parts[2] == ":":  # before a slash, such a word is an organisation on the Hub
        known |= ALSO_CALLED
    if parts is None or parts[1].lower() not in known:
        return ""
    return f" (did you mean {known[parts[1].lower()]}:{parts[3]}?)"


def _who_runs_it(spec: str) -> str:
    """What is missing where only the name or only the address of a model was given."""
    name, colon, tag = spec.partition(":")
    if re.match(r"https?://", spec):
        return " (an address needs a model's name before it: server:MODEL@URL)"
    if not colon and (short := difflib.get_close_matches(name.lower(), HUB_MODELS, n=1, cutoff=0.75)):
        return f" (what runs it comes first: hf:{short[0]})"
    if "/" in spec.partition("@")[0]:
        return " (what runs it comes first: server:MODEL@URL for one behind a server, hf:NAME_OR_FOLDER for one here)"
    if _OLLAMA_TAG.fullmatch(tag):
        return f" (is it a model of Ollama? then write ollama:{spec})"
    if colon:
        return " (another service with OpenAI's chat format is server:MODEL@URL)"
    return f" (who serves it comes first, such as openai:{name} or ollama:{name})" if name.strip() else ""


def _takes_an_argument(factory: Callable[..., Any]) -> bool:
    by_place = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    )
    return any(parameter.kind in by_place for parameter in inspect.signature(factory).parameters.values())


def _keywords(factory: Callable[..., Any], positional: int) -> list[str] | None:
    """The keywords a factory takes besides its first ``positional`` arguments; None if it takes any."""
    parameters = list(inspect.signature(factory).parameters.values())
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [parameter.name for parameter in parameters[positional:] if parameter.kind in named]


def _unknown_options(name: str, unknown: list[str], known: list[str]) -> str:
    said = ", ".join(f"{option}{_near(option, known)}" for option in unknown)
    takes = f"its options are: {', '.join(known)}" if known else "it takes no options"
    return f"model {name!r} does not take {said}; {takes}"


def _near(word: str, known: Iterable[str], *, sure: bool = False) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.75 if sure else 0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
