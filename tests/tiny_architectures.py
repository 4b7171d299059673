"""More architectures of transformers, tiny and random: one function each, which writes a folder and returns it.

`ARCHITECTURES` names them, with the packages that transformers wants for their processors.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import transformers as hf

from tiny_models import (
    BEGIN,
    END,
    END_OF_TURN,
    IMAGE,
    MARKS,
    PAD,
    VIDEO,
    byte_tokenizer,
    chat_template,
    shake,
    text_config,
)

_EYE: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
_TEXT: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
                         "num_key_value_heads": 2, "max_position_embeddings": 8192}  # fmt: skip
_SIDE_28, _SIDE_32 = {"height": 28, "width": 28}, {"height": 32, "width": 32}


def _saved(folder: Path, model: Any, processor: Any) -> Path:
    shake(model)
    tokenizer = processor.tokenizer
    ends = tokenizer.convert_tokens_to_ids([END, END_OF_TURN])
    model.generation_config = hf.GenerationConfig(eos_token_id=ends, pad_token_id=tokenizer.pad_token_id)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _tokenizer(*marks: str, **names: str) -> tuple[Any, Callable[[str], int]]:
    """A byte tokenizer with further marks, of which some have ``names`` that a processor asks for."""
    core = byte_tokenizer((*MARKS, *marks)).backend_tokenizer
    made = hf.PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token=BEGIN, eos_token=END, pad_token=PAD, extra_special_tokens=names
    )
    return made, made.convert_tokens_to_ids


def save_llava(folder: Path) -> Path:
    """LLaVA-1.5: one tile for each picture."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer, number = _tokenizer()
    config = hf.LlavaConfig(
        vision_config=hf.CLIPVisionConfig(**_EYE, image_size=28, patch_size=14),
        text_config=text_config(len(tokenizer)),
        image_token_index=number(IMAGE),
    )
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size=_SIDE_28)
    processor = hf.LlavaProcessor(
        pictures, tokenizer, patch_size=14, vision_feature_select_strategy="default", image_token=IMAGE,
        num_additional_image_tokens=1, chat_template=chat_template(),
    )  # fmt: skip
    return _saved(folder, hf.LlavaForConditionalGeneration(config), processor)


_IDEFICS_MARKS = ("<fake_token_around_image>", "<global-img>", "<end_of_utterance>",
                  *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)))  # fmt: skip


def _idefics_options(tokenizer: Any, number: Any) -> dict[str, Any]:
    return {
        "vision_config": {**_EYE, "image_size": 32, "patch_size": 8},
        "text_config": text_config(len(tokenizer)).to_dict(),
        "image_token_id": number(IMAGE), "scale_factor": 2, "pad_token_id": number(PAD),
    }  # fmt: skip


def save_idefics3(folder: Path) -> Path:
    """Idefics3: pictures cut into tiles that the text names by row and column."""
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    tokenizer, number = _tokenizer(*_IDEFICS_MARKS)
    config = hf.Idefics3Config(**_idefics_options(tokenizer, number))
    pictures = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = hf.Idefics3Processor(pictures, tokenizer, image_seq_len=4, chat_template=chat_template())
    return _saved(folder, hf.Idefics3ForConditionalGeneration(config), processor)


def save_smolvlm(folder: Path) -> Path:
    """SmolVLM: as Idefics3, and videos whose frames the text names by their times."""
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    tokenizer, number = _tokenizer(*_IDEFICS_MARKS)
    config = hf.SmolVLMConfig(**_idefics_options(tokenizer, number))
    sides = {"longest_edge": 32}
    processor = hf.SmolVLMProcessor(
        SmolVLMImageProcessorPil(size={"longest_edge": 64}, max_image_size=sides), tokenizer,
        hf.SmolVLMVideoProcessor(size=sides, max_image_size=sides), image_seq_len=4, chat_template=chat_template(),
    )  # fmt: skip
    return _saved(folder, hf.SmolVLMForConditionalGeneration(config), processor)


def save_gemma3(folder: Path) -> Path:
    """Gemma 3: token types, attention in windows, and a template without system role."""
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    begin, end, soft = "<start_of_image>", "<end_of_image>", "<image_soft_token>"
    tokenizer, number = _tokenizer(begin, end, soft, boi_token=begin, eoi_token=end, image_token=soft)
    windows = {"sliding_window": 64, "layer_types": ["sliding_attention", "full_attention"]}
    config = hf.Gemma3Config(
        vision_config={**_EYE, "image_size": 32, "patch_size": 8, "vision_use_head": False},
        text_config={**_TEXT, **windows, "vocab_size": len(tokenizer), "head_dim": 8, "query_pre_attn_scalar": 8,
                     "tie_word_embeddings": False},
        mm_tokens_per_image=4, image_token_index=number(soft), boi_token_index=number(begin),
        eoi_token_index=number(end), tie_word_embeddings=False,
    )  # fmt: skip
    processor = hf.Gemma3Processor(
        Gemma3ImageProcessorPil(size=_SIDE_32), tokenizer, image_seq_length=4,
        chat_template=chat_template(image_mark=begin, system_role=False),
    )  # fmt: skip
    return _saved(folder, hf.Gemma3ForConditionalGeneration(config), processor)


def save_mllama(folder: Path) -> Path:
    """Llama 3.2 Vision: pictures are attended to, and are no tokens of the text."""
    from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

    tokenizer, number = _tokenizer("<|image|>")
    text = {**_TEXT, "num_hidden_layers": 3, "vocab_size": len(tokenizer) - 1, "cross_attention_layers": [1],
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}, "pad_token_id": number(PAD),
            "bos_token_id": number(BEGIN), "eos_token_id": number(END)}  # fmt: skip
    eye = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_global_layers": 1,
           "attention_heads": 2, "image_size": 28, "patch_size": 14, "max_num_tiles": 2, "vision_output_dim": 32,
           "intermediate_layers_indices": [0], "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]]}  # fmt: skip
    config = hf.MllamaConfig(vision_config=eye, text_config=text, image_token_index=number("<|image|>"))
    pictures = MllamaImageProcessorPil(size=_SIDE_28, max_image_tiles=2)
    processor = hf.MllamaProcessor(pictures, tokenizer, chat_template=chat_template(image_mark="<|image|>"))
    return _saved(folder, hf.MllamaForConditionalGeneration(config), processor)


def save_llava_onevision(folder: Path) -> Path:
    """LLaVA-OneVision: tiles as in LLaVA-NeXT, and videos."""
    from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil

    tokenizer, number = _tokenizer()
    shapes = [[28, 28], [28, 56], [56, 28], [56, 56], [28, 84], [84, 28]]
    config = hf.LlavaOnevisionConfig(
        vision_config=hf.SiglipVisionConfig(**_EYE, image_size=28, patch_size=14),
        text_config=hf.Qwen2Config(vocab_size=len(tokenizer), **_TEXT), image_token_index=number(IMAGE),
        video_token_index=number(VIDEO), image_grid_pinpoints=shapes, vision_feature_layer=-1,
    )  # fmt: skip
    processor = hf.LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessorPil(size=_SIDE_28, image_grid_pinpoints=shapes), tokenizer,
        hf.LlavaOnevisionVideoProcessor(size=_SIDE_28), num_image_tokens=4, vision_feature_select_strategy="full",
        chat_template=chat_template(),
    )  # fmt: skip
    return _saved(folder, hf.LlavaOnevisionForConditionalGeneration(config), processor)


def save_internvl(folder: Path) -> Path:
    """InternVL in its ``-hf`` form: patches of pictures, and videos."""
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    start, end, context = "<img>", "</img>", "<IMG_CONTEXT>"
    names = {"start_image_token": start, "end_image_token": end, "context_image_token": context, "video_token": VIDEO}
    tokenizer, number = _tokenizer(start, end, context, **names)
    config = hf.InternVLConfig(
        vision_config={**_EYE, "image_size": [32, 32], "patch_size": [8, 8]},
        text_config={**_TEXT, "model_type": "qwen2", "vocab_size": len(tokenizer)},
        image_token_id=number(context), image_seq_length=4,
    )  # fmt: skip
    processor = hf.InternVLProcessor(
        GotOcr2ImageProcessorPil(size=_SIDE_32, crop_to_patches=True, min_patches=1, max_patches=4), tokenizer,
        hf.InternVLVideoProcessor(size=_SIDE_32), image_seq_length=4,
        chat_template=chat_template(image_mark=f"{context}\n", video_mark=f"{VIDEO}\n"),
    )  # fmt: skip
    return _saved(folder, hf.InternVLForConditionalGeneration(config), processor)


def save_qwen25_vl(folder: Path) -> Path:
    """Qwen2.5-VL: pictures of any size, and videos whose frames go two by two."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    image, video, start, end = "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"
    tokenizer, number = _tokenizer(image, video, start, end)
    patches: dict[str, Any] = {"patch_size": 8, "temporal_patch_size": 2, "merge_size": 2}
    size = {"shortest_edge": 16 * 16, "longest_edge": 64 * 64}
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
    config = hf.Qwen2_5_VLConfig(
        text_config={**_TEXT, "vocab_size": len(tokenizer), "rope_parameters": rope, "bos_token_id": number(BEGIN),
                     "eos_token_id": number(END)},
        vision_config={"depth": 2, "hidden_size": 16, "out_hidden_size": 32, "intermediate_size": 32, "num_heads": 2,
                       "patch_size": 8, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 32,
                       "fullatt_block_indexes": [1], "tokens_per_second": 2},
        image_token_id=number(image), video_token_id=number(video), vision_start_token_id=number(start),
        vision_end_token_id=number(end),
    )  # fmt: skip
    processor = hf.Qwen2_5_VLProcessor(
        Qwen2VLImageProcessorPil(size=size, **patches), tokenizer, hf.Qwen2VLVideoProcessor(size=size, **patches),
        chat_template=chat_template(image_mark=start + image + end, video_mark=start + video + end),
    )  # fmt: skip
    return _saved(folder, hf.Qwen2_5_VLForConditionalGeneration(config), processor)


def save_mistral3(folder: Path) -> Path:
    """Mistral Small 3 with Pixtral's eye: pictures of any size, a mark at the end of each row."""
    from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

    tokenizer, number = _tokenizer("[IMG]", "[IMG_BREAK]", "[IMG_END]")
    config = hf.Mistral3Config(
        vision_config={**_EYE, "model_type": "pixtral", "image_size": 64, "patch_size": 8, "head_dim": 8},
        text_config={**_TEXT, "model_type": "mistral", "vocab_size": len(tokenizer), "sliding_window": None},
        image_token_index=number("[IMG]"), spatial_merge_size=2,
    )  # fmt: skip
    pictures = PixtralImageProcessorPil(size={"longest_edge": 64}, patch_size={"height": 8, "width": 8})
    processor = hf.PixtralProcessor(
        pictures, tokenizer, patch_size=8, spatial_merge_size=2, chat_template=chat_template(image_mark="[IMG]")
    )
    return _saved(folder, hf.Mistral3ForConditionalGeneration(config), processor)


class Architecture(NamedTuple):
    """How a model is made, and which packages besides torch its processor needs."""

    save: Callable[[Path], Path]
    needs: tuple[str, ...] = ()


ARCHITECTURES = {
    "llava-1.5": Architecture(save_llava),
    "idefics3": Architecture(save_idefics3),
    "gemma3": Architecture(save_gemma3),
    "mllama": Architecture(save_mllama),
    "llava-onevision": Architecture(save_llava_onevision, ("torchvision",)),
    "internvl": Architecture(save_internvl, ("torchvision",)),
    "qwen2.5-vl": Architecture(save_qwen25_vl, ("torchvision",)),
    "mistral3": Architecture(save_mistral3, ("torchvision",)),
    "smolvlm": Architecture(save_smolvlm, ("torchvision", "num2words")),
}
TAKE_VIDEOS = ("llava-onevision", "internvl", "qwen2.5-vl", "smolvlm")
