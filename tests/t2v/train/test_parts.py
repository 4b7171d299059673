"""What is drawn, averaged and cached in a run, against other libraries and by counting."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

from made_generators import changed, clips, settings  # noqa: E402
from sharegpt4video.errors import SettingsError, VideoError  # noqa: E402
from sharegpt4video.files import file_content_id  # noqa: E402
from sharegpt4video.t2v.clips import Clip, captions_of, chosen, covered, read_clips, read_pixels  # noqa: E402
from sharegpt4video.t2v.latents import PixelSpace, as_pixels, as_video  # noqa: E402
from sharegpt4video.t2v.manifests import MANIFESTS, Row  # noqa: E402
from sharegpt4video.t2v.train.average import Average  # noqa: E402
from sharegpt4video.t2v.train.cache import cached_clips  # noqa: E402
from sharegpt4video.t2v.train.draws import NONE, Draws  # noqa: E402
from sharegpt4video.world.files import read_scenes  # noqa: E402
from sharegpt4video.world.tiny.render import picture  # noqa: E402


def test_the_average_is_that_of_diffusers() -> None:
    from diffusers.training_utils import EMAModel

    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    named = dict(layer.named_parameters())
    ours, theirs = Average(named, 0.95), EMAModel(layer.parameters(), decay=0.95)
    for step in range(1, 60):
        with torch.no_grad():
            for weight in layer.parameters():
                weight += torch.randn_like(weight)
        ours.update(step)
        theirs.step(layer.parameters())
    for mine, other in zip(ours.values, theirs.shadow_params, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
    before = {name: weight.detach().clone() for name, weight in named.items()}
    ours.swap()
    torch.testing.assert_close(layer.weight, theirs.shadow_params[0], rtol=1e-4, atol=1e-5)
    ours.swap()
    assert all(torch.equal(weight, before[name]) for name, weight in named.items())


def test_captions_are_drawn_by_their_weights_and_left_out_as_often_as_asked_for() -> None:
    asked = changed(settings(steps=1000, batch=16), "text", drop=0.25)
    draws = Draws(asked, [([0, 1], [3.0, 1.0]) for _ in range(10)], (1, 1, 1, 1))
    seen, shown = Counter[int](), Counter[int]()
    for number in range(0, 1000, 5):
        draw = draws.step(number)
        seen.update(draw.captions)
        shown.update(draw.clips)
    total = sum(seen.values())
    assert seen[NONE] / total == pytest.approx(0.25, abs=0.03)
    assert seen[0] / (seen[0] + seen[1]) == pytest.approx(0.75, abs=0.03)
    assert min(shown.values()) > 0.8 * total / 10


def test_a_step_is_the_same_whenever_it_is_drawn() -> None:
    made = [Draws(settings(steps=steps), [([0], [1.0])] * 7, (3, 2, 8, 8)) for steps in (50, 50, 400)]
    made[0].step(3)
    one, two, longer = (draws.step(31) for draws in made)
    for other in (two, longer):
        assert (one.clips, one.captions) == (other.clips, other.captions)
        assert torch.equal(one.noise, other.noise)
        assert torch.equal(one.times, other.times)
    assert not torch.equal(one.noise, made[0].step(32).noise)


def test_clips_are_read_once_and_again_when_they_change(tmp_path: Path) -> None:
    source = clips(tmp_path / "set", 3)
    found, data = read_clips(source), settings().data
    cached = cached_clips(found, data, PixelSpace(), tmp_path / "cache", "")
    for row, scene in zip(cached.array, read_scenes(source).values(), strict=True):
        true = np.stack([picture(scene, at / 4) for at in range(4)])  # type: ignore[arg-type]
        assert np.abs(row.astype(int) - true).mean() < 4  # coded, but the frames at these times
    marked = tmp_path / "cache"
    (array,) = marked.glob("clips-*/array.npy")
    stamp = array.stat().st_mtime_ns
    cached_clips(found, data, PixelSpace(), marked, "")
    assert array.stat().st_mtime_ns == stamp
    found[0].video.write_bytes(found[1].video.read_bytes())
    again = cached_clips(found, data, PixelSpace(), marked, "")
    assert again.kept == [1, 2]  # the caption is of what was there before
    assert "not the video that the caption was made from" in again.problems[0][1]
    again = cached_clips([replace(clip, content_id="") for clip in found], data, PixelSpace(), marked, "")
    assert np.array_equal(again.array[0], again.array[1])


def test_frames_are_taken_from_where_the_window_says() -> None:
    assert chosen(16, 8, "spread") == [0, 2, 4, 6, 8, 10, 12, 14]
    assert chosen(10, 4, "spread") == [0, 2, 5, 7]
    assert chosen(10, 4, "head") == [0, 1, 2, 3]
    assert chosen(10, 4, "middle") == [3, 4, 5, 6]


def test_a_random_window_is_a_run_within_the_file(tmp_path: Path) -> None:
    data = changed(settings(), "data", window="random").data
    cached = cached_clips(read_clips(clips(tmp_path / "set", 2)), data, PixelSpace(), tmp_path / "cache", "")
    frames = as_video(torch.from_numpy(np.array(cached.array)))
    for first, start in ((0.0, 0), (0.5, 2), (0.999, 4)):
        batch = cached.batch([1], torch.tensor([first]), 4)
        assert torch.equal(batch[0], frames[1, :, start : start + 4])


def test_pictures_are_scaled_to_cover_and_cropped_in_the_middle(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 200
    assert covered(wide, 20, 20).shape == (20, 20, 3)
    assert (covered(wide, 20, 20) == 200).all()
    assert covered(wide, 10, 30).shape == (30, 10, 3)
    clip = read_clips(clips(tmp_path, 1))[0]
    assert read_pixels(clip, 4, "spread", 32, 16).shape == (4, 16, 32, 3)


def test_a_clip_that_was_replaced_is_not_learned_with_the_old_caption(tmp_path: Path) -> None:
    clip = read_clips(clips(tmp_path, 2))[0]
    other = clip.video.with_name("000001.mp4")
    kept = replace(clip, content_id=file_content_id(clip.video))
    assert read_pixels(kept, 4, "spread", 32, 16).shape == (4, 16, 32, 3)
    clip.video.write_bytes(other.read_bytes())
    with pytest.raises(VideoError, match="not the video that the caption was made from"):
        read_pixels(kept, 4, "spread", 32, 16)


def test_pixels_come_back_as_they_were() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 3)).astype(np.uint8)
    assert np.array_equal(as_pixels(as_video(torch.from_numpy(pixels))), pixels)


@pytest.mark.parametrize("name", ["finetrainers", "diffsynth", "fastvideo"])
def test_manifests_are_read_as_data(name: str, tmp_path: Path) -> None:
    found = read_clips(clips(tmp_path, 2))
    rows = [Row(f"videos/{clip.video.name}", {"dense": clip.texts["dense"]}, 8, 8.0, 24, 24) for clip in found]
    MANIFESTS[name].write(rows, tmp_path, MANIFESTS[name].options())
    read = read_clips(f"{name}:{tmp_path}")
    assert [clip.video.resolve() for clip in read] == [clip.video.resolve() for clip in found]
    assert [next(iter(clip.texts.values())) for clip in read] == [clip.texts["dense"] for clip in found]


def test_a_clip_without_a_caption_is_refused() -> None:
    with pytest.raises(SettingsError, match="no caption"):
        captions_of([Clip(Path("a.mp4"), {})], {})


def test_clips_without_a_caption_give_those_they_have(tmp_path: Path) -> None:
    found = read_clips(clips(tmp_path, 2))
    only = [found[0], Clip(found[1].video, {"short": "a thing."})]
    (first, _), (second, weights) = captions_of(only, {"dense": 0.9, "short": 0.1})
    assert len(first) == 2
    assert (second, weights) == (("a thing.",), (0.1,))
