from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import media  # noqa: E402
import tiny_models  # noqa: E402
from sharegpt4video.errors import SettingsError  # noqa: E402
from sharegpt4video.lvlm.data.encode import Encoder  # noqa: E402
from sharegpt4video.lvlm.data.packing import collate  # noqa: E402
from sharegpt4video.lvlm.data.samples import Sample, SampleError, Turn, read_samples  # noqa: E402
from sharegpt4video.lvlm.data.visual import TiledPictures, visual  # noqa: E402
from sharegpt4video.lvlm.settings import DataSettings, DataSource  # noqa: E402

TURNS = (Turn("user", "What?", 1), Turn("assistant", "That."))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """50 numbered frames, two seconds."""
    path = tmp_path / "v.mp4"
    media.write_video(path, media.numbered_run(50))
    return path


def image_token(example: Any) -> int:
    return int((example.input_ids == tiny_models.byte_tokenizer().convert_tokens_to_ids("<image>")).sum())


@pytest.mark.parametrize("size", [(30, 40), (200, 31), (31, 200), (56, 56), (1, 90), (100, 60)])
def test_the_model_takes_as_many_tokens_as_the_picture_gives(
    processor: Any, size: tuple[int, int], tmp_path: Path
) -> None:
    from PIL import Image

    model = transformers.LlavaNextForConditionalGeneration(tiny_models.llava_next_config(processor.tokenizer))
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(path)
    example = Encoder(processor, DataSettings()).encode(Sample("a", TURNS, images=(str(path),)))
    batch = collate([[example]], 0, True)
    model(**batch.inputs)  # raises if tokens and features differ
    assert image_token(example) == example.visual_tokens == batch.visual_tokens
    assert example.image_sizes == (size,)
    assert set(example.labels[example.input_ids == processor.image_token_id].tolist()) == {-100}


@pytest.mark.parametrize("means", [None, [0.5, 0.5, 0.5]], ids=["CLIP's own", "other means"])
def test_pixels_are_those_of_the_processor(means: list[float] | None) -> None:
    """They are cut without it where it is CLIP's, which is faster, and by it where it is not."""
    made = tiny_models.llava_next_processor(tiny_models.byte_tokenizer())
    made.image_processor.image_mean = means or made.image_processor.image_mean
    shown = visual(made)
    assert isinstance(shown, TiledPictures)
    for size in ((28, 28), (40, 61), (13, 200)):
        picture = np.random.default_rng(size[0]).integers(0, 255, (*size, 3), dtype=np.uint8)
        theirs = made.image_processor(images=[picture], return_tensors="pt", input_data_format="channels_last")
        assert torch.equal(shown.show(picture).pixels, theirs["pixel_values"][0])


def test_a_video_becomes_a_grid_of_the_right_frames(processor: Any, video: Path) -> None:
    settings = DataSettings(frames=4, sampler="uniform")
    example = Encoder(processor, settings).encode(Sample("a", TURNS, video=str(video)))
    assert example.image_sizes == ((2 * 48 + 50, 2 * 64 + 50),)
    from sharegpt4video.lvlm.data.media import media_of

    grid = media_of(Sample("a", TURNS, video=str(video)), settings)[0]
    cells = [grid[y : y + 48, x : x + 64] for y in (0, 98) for x in (0, 114)]
    assert [media.number_of(cell) for cell in cells] == [6, 18, 31, 43]  # middles of four quarters of 50
    assert (grid[48:98] == 255).all()


def test_a_video_becomes_separate_frames_of_the_part_that_is_shown(processor: Any, video: Path) -> None:
    settings = DataSettings(layout="frames", frames=3, sampler="uniform")
    sample = Sample("a", TURNS, video=str(video), start_seconds=1.0, end_seconds=2.0)
    example = Encoder(processor, settings).encode(sample)
    assert example.media == len(example.pixel_values) == 3
    from sharegpt4video.lvlm.data.media import media_of

    assert [media.number_of(frame) for frame in media_of(sample, settings)] == [29, 37, 45]
    model = transformers.LlavaNextForConditionalGeneration(tiny_models.llava_next_config(processor.tokenizer))
    model(**collate([[example]], 0, True).inputs)


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"images": ("/none/a.png",)}, "missing", "/none/a.png"),
        ({"images": (__file__,)}, "undecodable", "cannot be read as a picture"),
        ({"video": __file__}, "undecodable", "test_encode.py"),
        ({"turns": (Turn("user", "a" * 500), Turn("assistant", "b"))}, "too long", "max_tokens is 300"),
    ],
)
def test_a_sample_that_cannot_be_used_says_why(processor: Any, changes: dict[str, Any], kind: str, said: str) -> None:
    with pytest.raises(SampleError, match=said) as caught:
        Encoder(processor, DataSettings(max_tokens=300)).encode(Sample(**{"id": "a", "turns": TURNS, **changes}))
    assert (caught.value.id, caught.value.kind) == ("a", kind)


def test_a_damaged_avif_costs_one_sample(processor: Any, tmp_path: Path) -> None:
    """Pillow says RuntimeError of it, and of nothing else; pictures of the web are called .jpg whatever they are."""
    from PIL import Image, features

    if not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    path = tmp_path / "a.jpg"
    Image.new("RGB", (16, 16)).save(path, "AVIF")
    path.write_bytes(path.read_bytes().replace(b"iloc", b"free"))
    shown = Sample("a", (Turn("user", "a", 1), Turn("assistant", "b")), images=(str(path),))
    with pytest.raises(SampleError, match="cannot be read as a picture") as caught:
        Encoder(processor, DataSettings()).encode(shown)
    assert caught.value.kind == "undecodable"


def test_a_long_text_is_refused_before_its_picture_is_opened(processor: Any) -> None:
    long = (Turn("user", "a" * 500, 1), Turn("assistant", "b"))
    with pytest.raises(SampleError, match="max_tokens"):
        Encoder(processor, DataSettings(max_tokens=300)).encode(Sample("a", long, images=("/none/a.png",)))


def test_the_system_text_of_the_sample_goes_before_that_of_the_settings(processor: Any) -> None:
    text = (Turn("user", "a"), Turn("assistant", "b"))
    encoder = Encoder(processor, DataSettings(system="of all"))
    said = [
        processor.tokenizer.decode(encoder.encode(Sample("a", text, system=s)).input_ids) for s in (None, "own", "")
    ]
    assert said[0].startswith("<s><|system|>of all<|eot|>")
    assert said[1].startswith("<s><|system|>own<|eot|>")
    assert said[2].startswith("<s><|user|>")


def test_a_video_for_a_model_that_takes_none_is_refused(processor: Any) -> None:
    with pytest.raises(SettingsError, match=r"data\.layout"):
        Encoder(processor, DataSettings(layout="video"))


def test_any_other_processor_is_asked_itself(conversations: Callable[..., Path]) -> None:
    """LLaVA 1.5, whose processor is not known by name: tokens and pixels as when it reads the whole text at once."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    pictures = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    tokenizer = tiny_models.byte_tokenizer()
    processor = transformers.LlavaProcessor(
        pictures, tokenizer, patch_size=14, vision_feature_select_strategy="default", image_token="<image>",
        num_additional_image_tokens=1, chat_template=tiny_models.chat_template(),
    )  # fmt: skip
    samples = read_samples(DataSource(str(conversations(3))))
    encoder = Encoder(processor, DataSettings(packing=False))
    batch = collate([[encoder.encode(sample)] for sample in samples], encoder.pad_id, packing=False)
    from PIL import Image

    texts = [f"<s><|user|><image>{s.turns[0].text}<|eot|><|assistant|>{s.turns[1].text}<|eot|>" for s in samples]
    tokenizer.padding_side = "right"
    shown = [Image.open(sample.images[0]) for sample in samples]
    wanted = processor(text=texts, images=shown, return_tensors="pt", padding=True, add_special_tokens=False)
    for name in ("input_ids", "attention_mask", "pixel_values"):
        assert torch.equal(batch.inputs[name], wanted[name]), name
    assert not encoder.packable


def test_a_video_goes_in_as_it_is_with_its_true_times(video: Path) -> None:
    """Qwen3-VL: the same tokens and pixels as when its processor reads the whole text at once."""
    pytest.importorskip("torchvision", reason="the video processors of transformers need it", exc_type=ImportError)
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
    from transformers.video_utils import VideoMetadata

    inner = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    tokenizer = tiny_models.byte_tokenizer((*tiny_models.MARKS, *inner))
    marks = {f"{kind}_mark": f"<|vision_start|><|{kind}_pad|><|vision_end|>" for kind in ("image", "video")}
    processor = transformers.Qwen3VLProcessor(
        Qwen2VLImageProcessorPil(patch_size=16), tokenizer, transformers.Qwen3VLVideoProcessor(),
        chat_template=tiny_models.chat_template(**marks),
    )  # fmt: skip
    settings = DataSettings(layout="video", frames=4, sampler="uniform", packing=False)
    example = Encoder(processor, settings).encode(Sample("a", TURNS, video=str(video)))
    times = [6 / 25, 18 / 25, 31 / 25, 43 / 25]
    from sharegpt4video.video.samplers import frames_of

    frames = frames_of(video, 4, sampler="uniform")
    assert [frame.seconds for frame in frames] == pytest.approx(times)
    known = VideoMetadata(total_num_frames=1520, fps=1000, frames_indices=[round(at * 1000) for at in times])
    whole = processor(
        text=["<s><|user|><|vision_start|><|video_pad|><|vision_end|>What?<|eot|><|assistant|>That.<|eot|>"],
        videos=[np.stack([frame.pixels for frame in frames])], video_metadata=[known], do_sample_frames=False,
        add_special_tokens=False, return_tensors="pt",
    )  # fmt: skip
    assert torch.equal(example.input_ids, whole["input_ids"][0])
    assert torch.equal(example.tensors["pixel_values_videos"], whole["pixel_values_videos"])
    assert torch.equal(example.aligned["mm_token_type_ids"], whole["mm_token_type_ids"][0])
    assert "<0.5 seconds>" in tokenizer.decode(example.input_ids)  # between the first two frames
    assert example.visual_tokens == int((example.input_ids == processor.video_token_id).sum())
