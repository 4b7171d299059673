"""Native video: frames that go to a model as one video, with their true times."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tiny_models  # noqa: E402
from made_hf import LIMIT, alone, opened, prepared, vlm_of  # noqa: E402
from made_requests import CHANGE, OPENING, PROMPTS, SUMMARY, ask, picture  # noqa: E402
from sharegpt4video.errors import VLMError  # noqa: E402
from sharegpt4video.vlm.base import Request  # noqa: E402
from sharegpt4video.vlm.hf.chat import wants_video  # noqa: E402
from sharegpt4video.vlm.render import render  # noqa: E402
from sharegpt4video.vlm.screen import tidy  # noqa: E402

# Videos


FRAMES = tuple(picture(seed) for seed in range(4))
VIDEO = Request("fast", images=FRAMES, seconds=(0.0, 0.4, 1.03, 2.5))


def test_frames_go_as_a_video_when_they_are_one() -> None:
    assert wants_video(VIDEO, "auto")
    assert not wants_video(CHANGE, "auto")
    assert wants_video(CHANGE, "on")
    assert not wants_video(VIDEO, "off")
    assert not wants_video(replace(VIDEO, layout="grid"), "auto")
    assert not wants_video(replace(VIDEO, images=(*FRAMES[:3], picture(9, 32, 32))), "auto")


def test_a_model_that_takes_no_videos_gets_pictures_or_an_error(folder: Path) -> None:
    assert ask(vlm_of(folder), VIDEO) == [alone(folder, VIDEO)]
    with pytest.raises(VLMError, match="takes no videos"):
        ask(vlm_of(folder, native_video="on"), VIDEO)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torchvision", reason="transformers makes videos ready with torchvision")
    return tiny_models.save_qwen3_vl(tmp_path_factory.mktemp("qwen3-vl"))


def test_a_native_video_reaches_the_model_with_its_true_times(native: Path) -> None:
    """The same pixels and the same text as the processor makes of the frames and hand-made metadata."""
    inputs = prepared(native, [VIDEO])
    processor, _ = opened(native)
    frames = [PIL.Image.open(io.BytesIO(image.jpeg)).convert("RGB") for image in FRAMES]
    metadata = {"total_num_frames": 30, "fps": 100.0, "frames_indices": [0, 40, 103, 250], "duration": 0.3}
    prompt = render(VIDEO, PROMPTS)
    text = processor.apply_chat_template(
        [
            {"role": "system", "content": [{"type": "text", "text": prompt.system}]},
            {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": prompt.text}]},
        ],
        tokenize=False,
        add_generation_prompt=True,
    )
    expected = processor(
        text=[text], videos=[frames], video_metadata=[metadata], do_sample_frames=False, return_tensors="pt"
    )
    assert inputs["video_grid_thw"].tolist() == expected["video_grid_thw"].tolist()
    assert inputs["video_grid_thw"][0][0] == 2  # four frames, two by two
    assert torch.equal(inputs["pixel_values_videos"], expected["pixel_values_videos"])
    assert inputs["input_ids"].tolist() == expected["input_ids"].tolist()
    shown = processor.tokenizer.decode(inputs["input_ids"][0])
    assert "<0.2 seconds>" in shown  # the middle of 0 s and 0.4 s
    assert "<1.8 seconds>" in shown  # the middle of 1.03 s and 2.5 s
    assert "pixel_values" not in inputs


def test_videos_and_pictures_are_answered_as_alone(native: Path) -> None:
    """Batches of videos of several lengths, next to pictures and text: each as if it were asked for itself."""
    longer = replace(VIDEO, images=(*FRAMES, *FRAMES), seconds=tuple(range(8)))
    requests = [VIDEO, longer, OPENING, CHANGE, SUMMARY]
    together = ask(vlm_of(native), *requests)
    assert together == [ask(vlm_of(native), request)[0] for request in requests]
    assert len({reply.text for reply in together}) == len(requests)
    processor, model = opened(native)
    written = model.generate(**prepared(native, [VIDEO]), max_new_tokens=LIMIT, do_sample=False)
    count = together[0].input_tokens
    assert together[0].text == tidy(processor.tokenizer.decode(written[0, count:], skip_special_tokens=True))


def test_without_native_video_the_frames_are_pictures(native: Path) -> None:
    inputs = prepared(native, [VIDEO], native_video="off")
    assert len(inputs["image_grid_thw"]) == 4
    assert "pixel_values_videos" not in inputs
