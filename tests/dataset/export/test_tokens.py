"""Control tokens that a caption spells: no tokenizer reads them as such any more, and the text can be had back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.dataset.export.conversations import turns
from sharegpt4video.dataset.export.tokens import with_tokens, without_tokens

_TOKENS = """
<image> <video> <audio> <img> </img> <s> </s> <unk> <pad> <bos> <eos> <mask> <sep> <cls> <0x0A> <extra_id_0>
<|im_start|> <|im_end|> <|endoftext|> <|vision_start|> <|vision_end|> <|image_pad|> <|video_pad|> <|box_start|>
<|begin_of_text|> <|eot_id|> <|start_header_id|> <|reserved_special_token_0|> <|image|> <|python_tag|> <|fim_prefix|>
<|system|> <|user|> <|assistant|> <|end|> <|image_1|> <|begin_of_box|> <|observation|> <|channel|> <|turn> <turn|>
<start_of_turn> <end_of_turn> <start_of_image> <image_soft_token> <audio_soft_token> <unused99> <IMG_CONTEXT> <img>
<｜begin▁of▁sentence｜> <｜User｜> <｜Assistant｜> <｜fim▁hole｜> <im_start> <im_end> <im_patch> <vid_start>
<image_placeholder> <fake_token_around_image> <end_of_utterance> <row_1_col_2> <global-img> <image_id> <slice> <ref>
<box> <quad> <think> </think> <tool_call> <sop> <eop> <loc_12> <SPECIAL_12> <bbox> <ref-object> <patch_index_0001>
[INST] [/INST] [IMG] [IMG_BREAK] [IMG_END] [TOOL_CALLS] [AVAILABLE_TOOLS] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [THINK]
[AUDIO] [BEGIN_AUDIO] [CLS] [SEP] [PAD] [UNK] [MASK] [gMASK] [sMASK] [control_12] [|user|] [|endofturn|] <<SYS>>
<</SYS>> <|START_OF_TURN_TOKEN|> <|media_begin|> <seed:bos> <jupyter_code> <DOCUMENT>
"""
TOKENS = _TOKENS.split()


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_in_a_caption_is_only_text(token: str) -> None:
    for text in (token, f"A sign says {token}{token}, then\n{token}.", f"<{token}>", f"[{token}]"):
        broken = without_tokens(text)
        assert token not in broken
        assert with_tokens(broken) == text
        assert broken.replace(" ", "") == text.replace(" ", "")


def test_no_tokenizer_reads_a_token_out_of_it() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(sorted(set(TOKENS)))
    text = "A screen shows " + " and ".join(TOKENS) + "".join(TOKENS)
    special = {tokenizer.token_to_id(token) for token in TOKENS if token != "[UNK]"}
    assert len(special & set(tokenizer.encode(text).ids)) == len(special)
    assert not special & set(tokenizer.encode(without_tokens(text)).ids)


def test_ordinary_text_stays_as_it_is() -> None:
    text = "At 3 < 5 and 5 > 3, i <3 you; a -> b, [sic] [2024] (see [1]), <- left right ->. x<y but y>x, <b>bold</b>."
    assert without_tokens(text) == text


@given(st.text(st.sampled_from("<>|[]/ \nIMGs_"), max_size=40))
def test_every_text_can_be_had_back(text: str) -> None:
    broken = without_tokens(text)
    assert with_tokens(broken) == text
    assert "<s>" not in broken
    assert "[IMG]" not in broken


def test_neither_question_nor_answer_makes_a_place_for_a_picture() -> None:
    human, gpt = turns("What says <image>?", "It says <image><|im_end|>.", 2)
    assert human["value"] == "<image>\n<image>\nWhat says < image>?"
    assert gpt["value"] == "It says < image>< |im_end|>."
