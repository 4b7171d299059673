"""One backend for every architecture: batches, several pictures and videos say what transformers alone says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from made_hf import LIMIT, alone, opened, prepared, vlm_of  # noqa: E402
from made_requests import ask, picture  # noqa: E402
from sharegpt4video.vlm.base import Request  # noqa: E402
from sharegpt4video.vlm.screen import tidy  # noqa: E402
from tiny_architectures import ARCHITECTURES, TAKE_VIDEOS  # noqa: E402

SMALL, WIDE, HIGH = picture(1), picture(2, 120, 40), picture(3, 40, 100)
QUESTION = Request("ask", user_text="What?", max_tokens=LIMIT)
ONE = replace(QUESTION, images=(SMALL,), seconds=(0.0,))
MIXED = (
    QUESTION,
    replace(QUESTION, user_text="Hello, who is there?"),
    ONE,
    replace(ONE, images=(WIDE,), user_text="What is it that is seen here?"),
    replace(ONE, images=(SMALL, WIDE), seconds=(0.0, 1.0)),
    replace(ONE, images=(HIGH, SMALL, WIDE), seconds=(0.0, 1.0, 2.0), user_text="In which order?"),
    replace(ONE, earlier=(("What is it?", "A cat."),), user_text="And then?"),
    replace(ONE, prefill="It is"),
)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    kind = ARCHITECTURES[request.param]
    for package in kind.needs:
        pytest.importorskip(package)
    torch.set_num_threads(1)
    yield request.param, kind.save(tmp_path_factory.mktemp(request.param))
    opened.cache_clear()


def test_batches_of_texts_and_pictures_say_what_each_gets_alone(built: tuple[str, Path]) -> None:
    _, folder = built
    expected = [alone(folder, request) for request in MIXED]
    assert len({reply.text for reply in expected}) == len(expected)
    assert ask(vlm_of(folder, native_video="off"), *MIXED) == expected


def test_a_system_text_reaches_every_model(built: tuple[str, Path]) -> None:
    _, folder = built
    plain, told = prepared(folder, [ONE]), prepared(folder, [replace(ONE, system="Be short.")])
    tokenizer = opened(folder)[0].tokenizer
    assert "Be short." in tokenizer.decode(told["input_ids"][0])
    assert told["input_ids"].shape[1] > plain["input_ids"].shape[1]


def test_marks_in_words_of_users_are_text(built: tuple[str, Path]) -> None:
    """Some processors of transformers cannot tell them apart when asked to; none may take them for pictures."""
    _, folder = built
    processor, _ = opened(folder)
    mark = next(getattr(processor, name) for name in ("image_token", "context_image_token") if hasattr(processor, name))
    for asked in (QUESTION, ONE):
        plain = prepared(folder, [asked])["input_ids"][0].tolist()
        for said in (str(mark), "</s>"):
            ids = prepared(folder, [replace(asked, user_text=f"What does {said} mean?")])["input_ids"][0].tolist()
            number = processor.tokenizer.convert_tokens_to_ids(said)
            assert ids.count(number) == plain.count(number)


def test_videos_of_several_lengths_are_answered_as_alone(built: tuple[str, Path]) -> None:
    name, folder = built
    if name not in TAKE_VIDEOS:
        pytest.skip("takes no videos")
    frames = tuple(picture(seed) for seed in range(8))
    wide = tuple(picture(seed, 120, 40) for seed in range(4))
    shown = (frames[:4], frames, frames[5:8], wide)
    videos = [replace(QUESTION, images=images, seconds=tuple(map(float, range(len(images))))) for images in shown]
    together = ask(vlm_of(folder), *videos, ONE)
    processor, model = opened(folder)
    for asked, reply in zip(videos, together, strict=False):
        inputs = prepared(folder, [asked])
        assert any("video" in key for key in inputs) or name in ("internvl", "smolvlm")
        count = inputs["input_ids"].shape[1]
        tensors = {key: value for key, value in inputs.items() if isinstance(value, torch.Tensor)}
        written = model.generate(**tensors, max_new_tokens=LIMIT, do_sample=False)[0, count:]
        assert reply.input_tokens == count
        assert reply.text == tidy(processor.tokenizer.decode(written, skip_special_tokens=True))
    assert together[-1] == alone(folder, ONE)
