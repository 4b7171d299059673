"""CIDEr-D against values computed by hand, METEOR and ROUGE-L against theirs."""

from __future__ import annotations

import math

import pytest

from sharegpt4video.evaluate.captions.metrics import cider_d, meteor_exact_stem, rouge_l, score, words


def test_words_are_small_and_without_marks() -> None:
    assert words("The man's DOG, a T-shirt; 3 times!") == ["the", "man's", "dog", "a", "t", "shirt", "3", "times"]


def test_cider_of_equal_texts_by_hand() -> None:
    # Two videos, no word in common: every n-gram weighs count * ln 2, and equal texts of four words have cosine 1
    # for n = 1, 2, 3, 4, so 10.
    assert cider_d(["a b c d", "e f g h"], [["a b c d"], ["e f g h"]]) == pytest.approx([10, 10])


def test_cider_of_short_texts_by_hand() -> None:
    # Two words have no 3- and 4-grams: (1 + 1 + 0 + 0) / 4 * 10. "a" alone: cosine of (1, 0) and (1, 1) is 1 / sqrt 2,
    # no 2-gram; lengths differ by one 2-gram.
    found = cider_d(["a b", "e"], [["a b"], ["e f"]])
    assert found[0] == pytest.approx(5)
    assert found[1] == pytest.approx(10 / 4 * 1 / math.sqrt(2) * math.exp(-1 / 72))


def test_cider_clips_repetition_and_weighs_by_rarity() -> None:
    # "a" is in the references of both, so it weighs nothing; "x x x" against "x": vectors (3 ln 2) and (ln 2), clipped
    # product ln 2 * ln 2 over 3 ln 2 * ln 2 = 1 / 3; 2-grams: 2 ("x x") against none; lengths 2 and 0 in 2-grams.
    found = cider_d(["x x x", "a"], [["x"], ["a"]])
    assert found[0] == pytest.approx(10 / 4 * (1 / 3) * math.exp(-4 / 72))
    assert cider_d(["a", "b"], [["a x"], ["a y"]])[0] == 0


def test_cider_is_the_mean_over_references() -> None:
    one, other = (cider_d(["a b c d", "z"], [[text], ["z y"]])[0] for text in ("a b c d", "q r s t"))
    both = cider_d(["a b c d", "z"], [["a b c d", "q r s t"], ["z y"]])[0]
    assert both == pytest.approx((one + other) / 2)


def test_rouge_l_by_hand() -> None:
    pytest.importorskip("rouge_score")
    assert rouge_l(["a b c d"], [["a c b d", "x"]]) == pytest.approx([0.75])  # longest common: a b d or a c d


def test_meteor_by_hand() -> None:
    pytest.importorskip("nltk")
    # All six words match, in one run: 1 - 0.5 * (1 / 6) ** 3.
    text = "the cat sat on the mat"
    assert meteor_exact_stem([text], [[text]]) == pytest.approx([1 - 0.5 / 6**3])
    # Stems match ("dogs" and "dog", "running" and "runs" by Porter), synonyms do not: WordNet is not asked.
    assert meteor_exact_stem(["dogs running"], [["dog runs"]])[0] == pytest.approx(1 - 0.5 / 2**3)
    assert meteor_exact_stem(["automobile"], [["car"]]) == [0.0]
    assert meteor_exact_stem(["..."], [["car"]]) == [0.0]


def test_all_of_them_together() -> None:
    pytest.importorskip("rouge_score")
    found = score(["a man runs", "a dog"], [["a man runs away"], ["a dog", "the dog"]])
    assert set(found.means) == set(found.each) == {"cider_d", "meteor_exact_stem", "rouge_l"}
    assert found.each["rouge_l"][1] == 1.0


@pytest.mark.parametrize(("captions", "references"), [([], []), (["a"], []), (["a"], [[]])])
def test_captions_without_references_are_refused(captions: list[str], references: list[list[str]]) -> None:
    for metric in (cider_d, rouge_l, meteor_exact_stem):
        with pytest.raises(ValueError, match=r"captions|reference"):
            metric(captions, references)
