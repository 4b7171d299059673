"""A model of transformers in somebody's program: loops, threads, cancelling, closing, streaming; options and errors."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny_models  # noqa: E402
from made_hf import WIDE, alone, prepared, run_with_room_for, vlm_of  # noqa: E402
from made_requests import CHANGE, JUDGE, OPENING, PROMPTS, RECAPTION, ask, picture  # noqa: E402
from sharegpt4video.errors import MissingExtra, SettingsError, VLMError  # noqa: E402
from sharegpt4video.vlm.base import Reply, Request  # noqa: E402
from sharegpt4video.vlm.hf import Asked, HfVLM  # noqa: E402
from sharegpt4video.vlm.hf.chat import TemplateForm  # noqa: E402
from sharegpt4video.vlm.hf.generation import HfEngine  # noqa: E402
from sharegpt4video.vlm.hf.loading import Loaded  # noqa: E402
from sharegpt4video.vlm.hf.worker import Job  # noqa: E402
from sharegpt4video.vlm.markup import strip  # noqa: E402
from sharegpt4video.vlm.render import Prompt  # noqa: E402

# Living in somebody's program


def test_several_event_loops_share_one_model(folder: Path) -> None:
    vlm = vlm_of(folder)
    got: dict[int, Reply] = {}
    requests = [replace(OPENING, images=(picture(seed),)) for seed in range(4)]

    def in_a_loop(number: int) -> None:
        got[number] = asyncio.run(vlm.generate(requests[number]))

    threads = [threading.Thread(target=in_a_loop, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(vlm.close())
    assert [got[number] for number in range(4)] == [alone(folder, request) for request in requests]
    assert vlm.usage.answers == 4


def test_a_request_cancelled_in_the_line_is_never_answered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = run_with_room_for(99, monkeypatch)

    async def cancel_one() -> Reply:
        vlm = vlm_of(folder, max_concurrent=1)
        first = asyncio.create_task(vlm.generate(OPENING))
        await asyncio.sleep(0)
        waiting, last = asyncio.create_task(vlm.generate(WIDE)), asyncio.create_task(vlm.generate(RECAPTION))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await first
        reply = await last
        await vlm.close()
        return reply

    assert asyncio.run(cancel_one()) == alone(folder, RECAPTION)
    assert sizes[:2] == [1, 1]
    assert len(sizes) == 3  # the third is the one asked alone


def test_closing_stops_at_the_next_token_and_tells_those_who_wait(tmp_path: Path) -> None:
    tiny_models.save_echo(tmp_path, delay_seconds=0.3, says=1000)  # five minutes

    async def close_early() -> list[Any]:
        vlm = vlm_of(tmp_path, max_tokens=1000, max_concurrent=1)
        asked = [asyncio.create_task(vlm.generate(request)) for request in (OPENING, RECAPTION)]
        await asyncio.sleep(0.5)
        await asyncio.wait_for(vlm.close(), 120)
        return await asyncio.gather(*asked, return_exceptions=True)

    threads = threading.active_count()
    for error in asyncio.run(close_early()):
        assert isinstance(error, VLMError)
        assert "closed before this request" in str(error)
    assert threading.active_count() <= threads


def test_the_answer_streams_as_it_is_written(echo: Path) -> None:
    asked = Request("ask", user_text="red then green then blue")

    async def pieces() -> list[str]:
        vlm = vlm_of(echo, max_tokens=100)
        said = [piece async for piece in vlm.stream(asked)]
        await vlm.close()
        return said

    said = asyncio.run(pieces())
    assert len(said) > 3
    assert "".join(said) == "red then green then blue"


def test_a_stream_that_is_left_stops_the_model(tmp_path: Path) -> None:
    tiny_models.save_echo(tmp_path, delay_seconds=0.2, says=1000)  # over three minutes

    async def leave() -> str:
        vlm = vlm_of(tmp_path, max_tokens=1000)
        stream = vlm.stream(OPENING)
        await stream.__anext__()
        await stream.aclose()
        reply = await asyncio.wait_for(vlm.generate(Request("ask", user_text="next")), 120)
        await vlm.close()
        return reply.text

    assert asyncio.run(leave()) == "next"


def test_a_stream_without_an_answer_says_so(tmp_path: Path) -> None:
    tiny_models.save_echo(tmp_path, says=0)

    async def read() -> list[str]:
        return [piece async for piece in vlm_of(tmp_path).stream(OPENING)]

    with pytest.raises(VLMError, match="no answer: the model said nothing"):
        asyncio.run(read())


# Options and errors


def test_load_loads_now_and_errors_reach_every_asker(folder: Path, tmp_path: Path) -> None:
    vlm = vlm_of(folder)
    vlm.load()
    asyncio.run(vlm.close())
    with pytest.raises(VLMError, match="no such folder"):
        vlm_of(tmp_path / "nothing").load()

    async def both() -> list[Any]:
        missing = vlm_of(tmp_path / "nothing")
        return await asyncio.gather(missing.generate(OPENING), missing.generate(JUDGE), return_exceptions=True)

    assert [type(error) for error in asyncio.run(both())] == [VLMError, VLMError]


def copy_of(folder: Path, to: Path) -> Path:
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def test_what_cannot_be_loaded_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    copy_of(folder, tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(VLMError, match=r"no \.safetensors file but has pytorch_model.bin, which can run code"):
        vlm_of(tmp_path).load()
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(VLMError, match=r"model\.safetensors is a pointer of Git LFS, .* git lfs pull"):
        vlm_of(tmp_path).load()
    (tmp_path / "pytorch_model.bin").rename(weights)
    (tmp_path / "chat_template.jinja").unlink()
    with pytest.raises(VLMError, match="no chat template"):
        vlm_of(tmp_path).load()
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "llava_llama"}))
    with pytest.raises(VLMError, match=r"original format; convert it first: sg4v convert"):
        vlm_of(tmp_path).load()
    code = {"auto_map": {"AutoModel": "modeling_internlm_xcomposer2.InternLMXComposer2ForCausalLM"}}
    (tmp_path / "config.json").write_text(json.dumps({**config, **code}))
    for model in (tmp_path, "Lin-Chen/ShareCaptioner-Video"):
        with pytest.raises(VLMError, match=rf"ShareCaptioner-Video, use sharecaptioner:{model}"):
            vlm_of(model).load()
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "vocab_size": 8}))
    with pytest.raises(VLMError, match="cannot be loaded"):
        vlm_of(tmp_path).load()
    (tmp_path / "config.json").unlink()
    with pytest.raises(VLMError, match=r"no config\.json"):
        vlm_of(tmp_path).load()


def test_a_device_that_is_not_there_is_said_before_anything_is_loaded(folder: Path) -> None:
    with pytest.raises(VLMError, match=r"device is auto, cuda, .* not 'quantum'"):
        vlm_of(folder, device="quantum").load()
    if not torch.cuda.is_available():
        with pytest.raises(VLMError, match="finds no GPU for device=cuda:1"):
            vlm_of(folder, device="cuda:1").load()


def test_a_device_without_room_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def to(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")

    monkeypatch.setattr("transformers.PreTrainedModel.to", to)
    with pytest.raises(VLMError, match=r"CUDA out of memory.* - it needs more memory than is free"):
        vlm_of(folder).load()


def test_weights_that_are_missing_are_an_error_not_random_numbers(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy_of(folder, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    dropped = next(name for name in weights if "mlp" in name)
    del weights[dropped]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(VLMError, match="1 weights of LlavaNextForConditionalGeneration are not in the files"):
        vlm_of(tmp_path).load()


def test_too_many_pictures_and_options_that_make_no_sense(folder: Path) -> None:
    with pytest.raises(VLMError, match="carries 2 pictures, but max_images is 1"):
        ask(vlm_of(folder, max_images=1), CHANGE)
    with pytest.raises(SettingsError, match=r"max_concurrent.*temperature.*dtype.*native_video"):
        vlm_of(folder, max_concurrent=0, temperature=-1, dtype="int8", native_video="maybe")
    with pytest.raises(VLMError, match=r"the model failed with ValueError.*top_x"):
        ask(vlm_of(folder, generate={"top_x": 1}), OPENING)


def test_thinking_is_told_to_the_template(tmp_path: Path) -> None:
    told = "{% if enable_thinking is defined %}<{{ enable_thinking }} {{ thinking }}>{% endif %}"
    tiny_models.save_echo(tmp_path, template=tiny_models.chat_template() + told)
    decode = tiny_models.byte_tokenizer().decode
    choices = ("default", "off", True)
    shown = [decode(prepared(tmp_path, [OPENING], thinking=choice)["input_ids"][0]) for choice in choices]
    assert [text.rpartition("<")[2] for text in shown[1:]] == ["False False>", "True True>"]
    assert "False" not in shown[0]
    identities = {vlm_of(tmp_path, thinking=choice).identity for choice in ("default", "on", "off")}
    assert len(identities) == 3
    assert '"thinking"' not in vlm_of(tmp_path).identity


def test_reasoning_between_special_tokens_is_told_from_the_answer() -> None:
    tokenizer = tiny_models.byte_tokenizer((*tiny_models.MARKS, "<|channel>", "<channel|>"))
    written = torch.tensor([tokenizer("<|channel>thought\nHm.<channel|>A cat.<|eot|>")["input_ids"]])
    model = SimpleNamespace(generate=lambda **_: written, device="cpu", dtype=torch.float32)
    ends = (tokenizer.convert_tokens_to_ids("<|eot|>"),)
    loaded = Loaded(model, SimpleNamespace(tokenizer=tokenizer), TemplateForm(), ends, 0, None)
    nothing = {"input_ids": torch.zeros(1, 0, dtype=torch.long), "attention_mask": torch.ones(1, 0)}
    job = Job(Asked(Prompt("", "", 99)), 99)
    HfEngine("m", loaded, lambda *_: nothing, {}).run([job])
    assert strip(job.done.result().text).text == "A cat."


def test_a_missing_package_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'sharegpt4video\[hf\]'"):
        HfVLM("some/model", prompts=PROMPTS)


def test_what_decides_answers_is_its_identity(folder: Path, tmp_path: Path) -> None:
    assert vlm_of(folder).identity == vlm_of(folder, device="cuda", max_concurrent=3).identity
    options: list[dict[str, Any]] = [{}, {"temperature": 0.5}, {"num_beams": 2}, {"dtype": "float16"}]
    assert len({vlm_of(folder, **option).identity for option in options}) == 4
    copy_of(folder, tmp_path)
    before = vlm_of(tmp_path).identity
    (tmp_path / "model.safetensors").touch()
    assert vlm_of(tmp_path).identity != before
