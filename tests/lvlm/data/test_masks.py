"""Golden token lists written by hand, and the property that what is learned decodes to the answers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.data.samples import SampleError, Turn

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

import tiny_models  # noqa: E402
from sharegpt4video.lvlm.data.masks import IGNORED, Masker  # noqa: E402
from sharegpt4video.lvlm.data.templates import RECIPES, ChatTemplate, template  # noqa: E402

LLAMA = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<image>", "<pad>")
YI = ("<|im_start|>", "<|im_end|>", "<image>", "<pad>")


def letters_tokenizer(marks: Sequence[str]) -> Any:
    """A toy: one token for each letter, and the marks."""
    words = {letter: at for at, letter in enumerate("\nabcdefghijklmnopqrstuvwxyzA .")}
    core = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="."))
    core.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")
    core.add_special_tokens(list(marks))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>")


LLAMA_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def pairs_tokenizer(marks: Sequence[str]) -> Any:
    """Bytes joined to frequent pairs, split as Llama 3 splits: tokens reach over spaces and line ends."""
    core = tokenizers.Tokenizer(tokenizers.models.BPE())
    core.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Split(tokenizers.Regex(LLAMA_WORDS), "isolated"),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = tokenizers.decoders.ByteLevel()
    text = ["\n\nthe cat sat\n\n the user sat. assistant\n\n\n the end \n user\n"] * 9
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=330, initial_alphabet=alphabet, special_tokens=list(marks), show_progress=False
    )
    core.train_from_iterator(text, trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>")


def encoded(tokenizer: Any, way: Any, turns: Sequence[tuple[str, str, int]], system: str | None = None) -> Any:
    """(ids, labels) of question, answer, pictures."""
    said = [turn for asked, answer, shown in turns
            for turn in (Turn("user", asked, shown), Turn("assistant", answer))]  # fmt: skip
    kinds = [("image",) * turn.places for turn in said]
    masker = Masker(tokenizer, [tokenizer.convert_tokens_to_ids("<image>")])
    return masker.encode("x", way.chunks(system, said, kinds))


def words_of(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    return list(tokenizer.convert_ids_to_tokens(list(ids)))


def test_the_llama3_recipe_token_by_token() -> None:
    tokenizer = letters_tokenizer(LLAMA)
    ids, labels = encoded(tokenizer, RECIPES["llama3"], [("ab", "c", 1), ("d", "ef", 0)], system="s")
    begin, head, tail, end = LLAMA[:4]
    plain = [begin, begin, head, *"system", tail, "\n", "\n", "s", end]
    plain += [head, *"user", tail, "\n", "\n", "<image>", "\n", "a", "b", end, head, *"assistant", tail, "\n", "\n"]
    second = [head, *"user", tail, "\n", "\n", "d", end, head, *"assistant", tail, "\n", "\n"]
    assert words_of(tokenizer, ids) == [*plain, "c", end, *second, "e", "f", end]
    learned = [*[False] * len(plain), True, True, *[False] * len(second), True, True, True]
    assert [label != IGNORED for label in labels] == learned
    assert all(label in (IGNORED, token) for label, token in zip(labels, ids, strict=True))


def test_the_yi_recipe_token_by_token() -> None:
    tokenizer = letters_tokenizer(YI)
    ids, labels = encoded(tokenizer, RECIPES["yi-chatml"], [("ab", "c", 2)])
    start, end = YI[:2]
    system = [start, *"system", "\n", *"Answer the questions.", end]
    asked = [start, *"user", "\n", "<image>", "\n", "<image>", "\n", "a", "b", end, start, *"assistant", "\n"]
    assert words_of(tokenizer, ids) == [*system, *asked, "c", end]
    assert labels == [IGNORED] * (len(system) + len(asked)) + ids[-2:]


def test_the_llama3_system_text_is_that_of_the_original() -> None:
    text = RECIPES["llama3"].system_text
    assert text.startswith("You are a helpful language and vision assistant. You are able to understand the visual")
    assert text.endswith("assist the user with a variety of tasks using natural language.")
    no_system = RECIPES["llama3"].chunks("", [Turn("user", "a"), Turn("assistant", "b")], [(), ()])
    assert "system" not in "".join(chunk.text for chunk in no_system)


WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    [
        *LLAMA,
        *YI,
        *tiny_models.MARKS,
        "\n\nassistant",
        " the cat",
        "the user\n",
        "é👍🏽",
        "\n\n\n",
        "Ġ",
        "\ue0001\ue001",
    ]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(lambda words: "".join(words).strip()).filter(bool)
TURNS = st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 2)), min_size=1, max_size=3)

TOKENIZERS = {
    "llama3": (pairs_tokenizer(LLAMA), RECIPES["llama3"], "<|eot_id|>"),
    "yi-chatml": (pairs_tokenizer(YI), RECIPES["yi-chatml"], "<|im_end|>"),
}
BYTES = tiny_models.byte_tokenizer()
TOKENIZERS["own"] = (
    BYTES,
    ChatTemplate(tiny_models.llava_next_processor(BYTES), tiny_models.MARKS),
    tiny_models.END_OF_TURN,
)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(turns=TURNS, system=st.none() | TEXTS)
def test_what_is_learned_decodes_to_the_answers(name: str, turns: Any, system: str | None) -> None:
    tokenizer, way, end = TOKENIZERS[name]
    ids, labels = encoded(tokenizer, way, turns, system)
    learned = tokenizer.decode([label for label in labels if label != IGNORED])
    assert learned == "".join(answer + end for _, answer, _ in turns)
    # What people said is letters: marks stand where the template puts them, and nowhere else.
    kinds = [token for token in words_of(tokenizer, ids) if token == end]
    assert len(kinds) == 2 * len(turns) + bool(system or (system is None and name != "own"))
    assert ids.count(tokenizer.convert_tokens_to_ids("<image>")) == sum(shown for _, _, shown in turns)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_texts_without_marks_are_read_as_one_text(name: str) -> None:
    tokenizer, way, _ = TOKENIZERS[name]
    turns = [("the cat sat. the user?", "the end\n\n the cat", 1), ("é the", "sat", 0)]
    ids, _ = encoded(tokenizer, way, turns)
    said = [t for asked, answer, shown in turns for t in (Turn("user", asked, shown), Turn("assistant", answer))]
    whole = "".join(chunk.text for chunk in way.chunks(None, said, [("image",) * turn.places for turn in said]))
    assert ids == tokenizer(whole, add_special_tokens=False)["input_ids"]


def test_the_own_template_gives_what_its_processor_renders() -> None:
    processor = tiny_models.llava_next_processor(BYTES)
    ids, _ = encoded(BYTES, TOKENIZERS["own"][1], [("a?", "b", 1), ("c?", "d", 0)], system="s")
    said = [("system", "s", 0), ("user", "a?", 1), ("assistant", "b", 0), ("user", "c?", 0), ("assistant", "d", 0)]
    messages = [
        {"role": role, "content": [*[{"type": "image"}] * shown, {"type": "text", "text": text}]}
        for role, text, shown in said
    ]
    assert ids == BYTES(processor.apply_chat_template(messages), add_special_tokens=False)["input_ids"]


PLAIN = "{% for m in messages %}{{ m['role'] + ': ' }}{% for p in m['content'] %}{{ p.get('text', '<image>') }}"
MARKED = """{% for m in messages %}<|user|>{% for p in m['content'] %}{% if m['role'] == 'assistant' %}
{%- generation %}{{ p['text'] }}<|eot|>!{% endgeneration %}{% else %}{{ p['text'] }}{% endif %}{% endfor %}
{%- endfor %}"""


def own(text: str) -> ChatTemplate:
    return ChatTemplate(tiny_models.llava_next_processor(BYTES, text), tiny_models.MARKS)


def test_a_template_that_says_what_is_generated_is_taken_at_its_word() -> None:
    ids, labels = encoded(BYTES, own(MARKED), [("ab", "cd", 0), ("ef", "gh", 0)])
    assert BYTES.decode(ids) == "<s><|user|>ab<|user|>cd<|eot|>!<|user|>ef<|user|>gh<|eot|>!"[3:]
    assert BYTES.decode([label for label in labels if label != IGNORED]) == "cd<|eot|>!gh<|eot|>!"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN + "{% endfor %}\n{% endfor %}", "does not end an answer"),
        ("{{ messages[0]['content'][0]['text'] }}", "leaves out"),
        ("{{ raise_exception('only poems') }}", "only poems"),
        (MARKED.replace("== 'assistant'", "== 'user'"), "not generated"),
    ],
)
def test_a_template_that_cannot_be_masked_is_refused(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        encoded(BYTES, own(text), [("ab", "cd", 0)])


def test_a_token_across_the_edge_of_an_answer_is_refused() -> None:
    tokenizer = pairs_tokenizer((*tiny_models.MARKS,))
    way = own(PLAIN + "{% endfor %}<|eot|>{% endfor %}")
    with pytest.raises(SampleError, match="across the edge"):
        encoded(tokenizer, way, [("ab", "the cat", 0)])  # " the" is one token, and the space is the template's


def test_a_control_token_that_cannot_be_read_as_text_is_refused() -> None:
    tokenizer = letters_tokenizer(("<|im_start|>", "<|im_end|>", "<pad>"))
    tokenizer.add_tokens(["<image>"])  # not as a special token, so it is found in every text
    with pytest.raises(SampleError, match="control token"):
        encoded(tokenizer, RECIPES["yi-chatml"], [("an <image>", "c", 0)])


def test_an_unknown_recipe_and_a_missing_template_are_refused() -> None:
    with pytest.raises(SettingsError, match="llama3, yi-chatml"):
        template(None, "vicuna", ())
    with pytest.raises(SettingsError, match="no chat template"):
        template(BYTES, None, ())


def test_a_text_longer_than_the_tokenizers_own_limit_brings_no_warning() -> None:
    tokenizer = letters_tokenizer(LLAMA)
    tokenizer.model_max_length = 16
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("transformers")
    logger.addHandler(handler)
    try:
        encoded(tokenizer, RECIPES["llama3"], [("a" * 40, "b" * 40, 0)])
        assert told == []
        tokenizer("a" * 40)
        assert "indexing errors" in told[0]  # what the tokenizer says unless it is told not to
    finally:
        logger.removeHandler(handler)
