"""Models by name: built in, behind a server, plugged in; and messages that say what to write instead."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest

from sharegpt4video.errors import SettingsError, VLMError
from sharegpt4video.prompts import prompt_set
from sharegpt4video.vlm import BACKENDS, model_class, model_names, open_model
from sharegpt4video.vlm.embedded import EmbeddedVLM
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.vlm.providers import PROVIDERS
from sharegpt4video.vlm.server import ServerVLM

DEFAULT = prompt_set("default")


PLUG_IN = """
from sharegpt4video.vlm import VLM, Reply


class PluggedIn(VLM):
    def __init__(self, argument, *, prompts, hints, warmth=0.5):
        self.name = f"plugged:{argument}"
        self.got = (argument, prompts, hints, warmth)

    async def generate(self, request):
        return Reply("plugged in", request.key(), self.name)


def plain(argument, prompts, warmth=0.5):
    return PluggedIn(argument, prompts=prompts, hints=False, warmth=warmth)
"""

ENTRY_POINTS = """
[sharegpt4video.vlm]
plugged = third_party_model:PluggedIn
plain = third_party_model:plain
moonshot = third_party_model:plain
broken = no_such_package:Model
"""


@pytest.fixture
def plug_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third party's distribution, installed as pip would leave it."""
    (tmp_path / "third_party_model.py").write_text(PLUG_IN)
    metadata = tmp_path / "third_party-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)


def test_the_built_in_models_open_by_name() -> None:
    assert isinstance(open_model("embedded", prompts=DEFAULT), EmbeddedVLM)
    assert isinstance(open_model("fake", prompts=DEFAULT, max_images=7), FakeVLM)
    assert open_model("fake", prompts=DEFAULT, max_images=7).max_images == 7


@pytest.mark.parametrize(
    "named",
    [
        "gpt-4o@https://api.openai.com/v1",
        "Qwen/Qwen3-VL-8B-Instruct@http://localhost:8000/v1",
        "qwen2.5vl:7b@http://localhost:11434/v1",
        "publishers/x@2024@http://10.0.0.7:8000/v1",
        "m@http://http-host/v1",
    ],
)
def test_a_server_is_named_by_model_and_address(named: str) -> None:
    vlm = open_model(f"server:{named}", prompts=DEFAULT, max_concurrent=3)
    assert isinstance(vlm, ServerVLM)
    assert vlm.name == f"server:{named}"
    assert vlm.max_concurrent == 3


def test_the_password_of_an_address_is_not_taken_for_a_part_of_the_name() -> None:
    vlm = open_model("server:m@http://me:secret@http.example/v1", prompts=DEFAULT)
    assert vlm.name == "server:m@http://http.example/v1"


@pytest.mark.parametrize("name", ["hf", "vllm"])
def test_a_model_in_this_process_is_named_by_hub_name_or_folder(name: str) -> None:
    if name == "hf":  # says at once when its extra is missing
        pytest.importorskip("torch")
        pytest.importorskip("transformers")
    assert open_model(f"{name}:org/model:7b", prompts=DEFAULT).name == f"{name}:org/model:7b"
    for spec in (name, f"{name}:"):
        with pytest.raises(SettingsError, match=rf"model '{name}' needs NAME_OR_FOLDER .* such as {name}:Qwen/"):
            open_model(spec, prompts=DEFAULT)


@pytest.mark.parametrize(
    "spec",
    ["server", "server:", "server:gpt-4o", "server:http://localhost:8000/v1", "server:@http://x/v1", "server:m@x"],
)
def test_a_server_without_model_or_address_gets_an_example(spec: str) -> None:
    with pytest.raises(SettingsError, match=r"such as server:Qwen/.*@http://localhost:8000/v1"):
        open_model(spec, prompts=DEFAULT)


def test_an_unknown_model_is_told_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(
        SettingsError, match=r"'embeded' \(did you mean 'embedded'\?\); known are: embedded, server:MODEL"
    ):
        open_model("embeded", prompts=DEFAULT)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("Qwen/Qwen3-VL-8B-Instruct", "what runs it comes first: server:MODEL@URL"),
        ("Qwen/Qwen3-VL-8B-Instruct@http://localhost:8000/v1", "what runs it comes first: server:MODEL@URL"),
        ("http://localhost:8000/v1", "an address needs a model's name before it: server:MODEL@URL"),
    ],
)
def test_a_bare_name_or_address_is_told_what_goes_before_it(spec: str, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        open_model(spec, prompts=DEFAULT)


def test_a_surplus_argument_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"'embedded' takes nothing after its name, but got 'tiny'"):
        open_model("embedded:tiny", prompts=DEFAULT)


def test_an_option_that_a_model_does_not_take_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"'embedded' does not take temperature; it takes no options"):
        open_model("embedded", prompts=DEFAULT, temperature=0)
    with pytest.raises(
        SettingsError, match=r"does not take max_image \(did you mean 'max_images'\?\), zip; its options"
    ):
        open_model("server:m@http://x/v1", prompts=DEFAULT, max_image=1, zip=2)
    with pytest.raises(SettingsError, match="does not take model"):
        open_model("server:m@http://x/v1", prompts=DEFAULT, model="other")


@pytest.mark.usefixtures("plug_ins")
def test_a_plug_in_gets_its_argument_prompts_hints_and_options() -> None:
    vlm = open_model("plugged:a:b", prompts=DEFAULT, hints=True, warmth=2.0)
    assert vlm.got == ("a:b", DEFAULT, True, 2.0)  # type: ignore[attr-defined]
    assert open_model("plugged", prompts=DEFAULT).got == ("", DEFAULT, False, 0.5)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("plug_ins")
def test_a_plug_in_may_be_a_function_that_takes_no_hints() -> None:
    vlm = open_model("plain:x", prompts=DEFAULT, hints=True, warmth=1.0)
    assert vlm.got == ("x", DEFAULT, False, 1.0)  # type: ignore[attr-defined]
    with pytest.raises(SettingsError, match=r"'plain' does not take warm \(did you mean 'warmth'\?\)"):
        open_model("plain:x", prompts=DEFAULT, warm=1.0)


@pytest.mark.usefixtures("plug_ins")
def test_plug_ins_are_listed_and_a_broken_one_says_so_only_when_wanted() -> None:
    local = ("hf:NAME_OR_FOLDER", "vllm:NAME_OR_FOLDER", "lvlm:FOLDER", "sharecaptioner:NAME_OR_FOLDER")
    served = [f"{name}:MODEL" for name in PROVIDERS if name != "moonshot"]
    added = ("broken", "moonshot", "plain", "plugged")
    assert model_names() == ("embedded", "server:MODEL@URL", *local, "fake", *served, *added)
    assert open_model("moonshot:x", prompts=DEFAULT).name == "plugged:x", "an installed model goes before a provider"
    with pytest.raises(VLMError, match=r"'broken' \(no_such_package:Model\) cannot be loaded"):
        open_model("broken", prompts=DEFAULT)


@pytest.mark.parametrize(
    "option",
    [
        {"max_tokens": "abc"},
        {"max_tokens": 1.5},
        {"temperature": float("nan")},
        {"temperature": "warm"},
        {"retries": None},
        {"timeout_seconds": True},
        {"max_concurrent": [4]},
        {"max_answer_bytes": "10 MB"},
    ],
)
def test_an_option_that_should_be_a_number_is_one(option: dict[str, object]) -> None:
    (name,) = option
    with pytest.raises(SettingsError, match=f"server: {name} is a "):
        open_model("server:m@http://localhost:1/v1", prompts=DEFAULT, **option)


@pytest.mark.parametrize("option", [{"fail": "x"}, {"delay_seconds": "abc"}, {"replies": "one"}, {"replies": 3}])
def test_what_only_python_can_give_is_not_taken_from_a_text(option: dict[str, object]) -> None:
    (name,) = option
    with pytest.raises(SettingsError, match=f"fake: {name} is .*can only be given in Python"):
        open_model("fake", prompts=DEFAULT, **option)


@pytest.mark.parametrize("name", BACKENDS)
def test_the_options_of_every_model_can_be_checked(name: str) -> None:
    """Names in annotations that only a type checker imports would switch the check off."""
    pytest.importorskip(
        {"hf": "torch", "vllm": "torch", "lvlm": "torch", "sharecaptioner": "torch"}.get(name, "openai")
    )
    assert typing.get_type_hints(model_class(name).__init__)


@pytest.mark.parametrize(
    "url", ["http://[::1/v1", "http://h:99999/v1", "http://h:port/v1", "http://h:0/v1", "http://[x]/"]
)
def test_an_address_that_no_server_can_have_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="address must look like"):
        open_model(f"server:m@{url}", prompts=DEFAULT)
