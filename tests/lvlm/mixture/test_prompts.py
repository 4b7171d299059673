"""What a captioner is trained on is what it is asked with: the very tokens and pixels, in all four roles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from made_chains import Truthful, caption_settings, chains, save_captioner  # noqa: E402
from made_dataset import made_store  # noqa: E402
from sharegpt4video import background  # noqa: E402
from sharegpt4video.dataset.export import export  # noqa: E402
from sharegpt4video.dataset.rows import CaptionRow, Clip, SourceVideo  # noqa: E402
from sharegpt4video.lvlm.data.encode import Encoder  # noqa: E402
from sharegpt4video.lvlm.data.masks import IGNORED  # noqa: E402
from sharegpt4video.lvlm.data.samples import read_samples  # noqa: E402
from sharegpt4video.lvlm.mixture import prepare  # noqa: E402
from sharegpt4video.lvlm.mixture.prepare import APART  # noqa: E402
from sharegpt4video.lvlm.model.build import processor  # noqa: E402
from sharegpt4video.lvlm.settings import DataSettings, MixtureSettings, ModelSettings, TrainSettings  # noqa: E402
from sharegpt4video.pipeline import acaption, open_engine, recaption, summarize  # noqa: E402

PROMPT = "a blue ring moves left."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_captioner(tmp_path_factory.mktemp("captioner"))


def asked_in_all_roles(folder: Path, video: Path, scene: Any, prompts: str, apart: bool) -> tuple[Any, list[Any]]:
    """A video captioned in sliding and in fast mode, one part of it summarised, a prompt re-captioned."""
    model = Truthful(folder, scene, prompts, frames_apart=apart)
    settings = caption_settings(prompts)
    told = background.run(acaption(video, settings=settings, engine=open_engine(model, settings)))
    fast = caption_settings(prompts, mode="fast", fast_frames=5)
    background.run(acaption(video, settings=fast, engine=open_engine(model, fast)))
    summarize(told, 2.0, 4.0, model=model, settings=settings)
    recaption(PROMPT, model=model, settings=settings)
    return told, model.given


def exported(told: Any, video: Path, out: Path, apart: bool) -> Path:
    """The same caption as training data: a clip of the second change, and the user's own words as the prompt."""
    row = CaptionRow.of(SourceVideo("0" * 31 + "1", str(video)), told)
    store = made_store(out / "set", [row])
    store.append("sources", [SourceVideo(row.id, str(video), caption=PROMPT)])
    store.append("clips", [Clip("0" * 31 + "2", row.id, row.location, 2, 2, 2.0, 4.0, "it happens.")])
    export(store, "captioner", str(out / "roles"), clips=True, options={"frames": 5, "apart": apart})
    return out / "roles"


def learned(roles: Path, out: Path, apart: bool) -> dict[str, Any]:
    """The examples that the trainer makes of an export, without noise, by their names."""
    mixture = MixtureSettings((str(roles),), wrong_context=0.0, missing_context=0.0, short_prompts=0.0)
    model = ModelSettings(shape="captioner-tiny", random_weights=True)
    settings, made = prepare(TrainSettings(model=model, mixture=mixture), out)
    encoder = Encoder(processor(model), DataSettings(max_tokens=4096))
    assert (made.counts["fast"].get(APART) == made.counts["fast"]["samples"]) is apart
    samples = [sample for source in settings.data.sources for sample in read_samples(source)]
    return {sample.id.split(" ")[0]: encoder.encode(sample) for sample in samples}


@pytest.mark.parametrize(("prompts", "apart"), [("brief", False), ("brief", True), ("default", False), ("paper", False),
                                                ("sharecaptioner", False)])  # fmt: skip
def test_training_asks_what_captioning_asks(folder: Path, prompts: str, apart: bool, tmp_path: Path) -> None:
    ((name, scene),) = chains(tmp_path / "videos", 1, (3, 3)).items()
    video = tmp_path / "videos" / "videos" / name
    told, given = asked_in_all_roles(folder, video, scene, prompts, apart)
    found = learned(exported(told, video, tmp_path, apart), tmp_path / "run", apart)
    whole, part = "0" * 31 + "1", "0" * 31 + "2"
    order = [*(f"{whole}-sliding-{at:04d}" for at in range(4)), f"{whole}-summary", f"{whole}-fast", f"{part}-summary",
             f"{whole}-recaption"]  # fmt: skip
    assert [(r.task, r.seconds, r.reminder) for r, _ in given] == order or len(given) == len(order)
    for sample, (request, inputs) in zip(order, given, strict=True):
        example = found[sample]
        question = example.input_ids[: int((example.labels != IGNORED).nonzero()[0])]
        assert torch.equal(question, inputs["input_ids"][0]), f"{sample} is asked as {request.task} in other words"
        pixels = list(inputs["pixel_values"]) if "pixel_values" in inputs else []
        assert len(pixels) == len(example.pixel_values)
        for theirs, ours in zip(pixels, example.pixel_values, strict=True):
            assert torch.equal(theirs[: len(ours)], ours), f"{sample} shows other pixels"


def test_the_answer_ends_where_the_model_stops(folder: Path, tmp_path: Path) -> None:
    generation = json.loads((folder / "generation_config.json").read_text("utf-8"))
    ((name, scene),) = chains(tmp_path / "videos", 1, (2, 2)).items()
    video = tmp_path / "videos" / "videos" / name
    told, _ = asked_in_all_roles(folder, video, scene, "brief", apart=False)
    for example in learned(exported(told, video, tmp_path, apart=False), tmp_path / "run", apart=False).values():
        answer = example.labels[example.labels != IGNORED].tolist()
        assert answer[-1] == generation["eos_token_id"]
