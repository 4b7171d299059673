"""Models of transformers made by construction: real architectures with random weights, a few thousand parameters each.

Nothing is downloaded: configurations come from the classes of transformers, the tokenizer knows every byte and a few
marks of its own. Each ``save_...`` writes a folder that ``from_pretrained`` reads, and returns it. The weights are wide
(standard deviation 0.4), so that what comes out depends on every token and picture that goes in. `save_echo` is no
random model but one whose answer is known: it says the question again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
import transformers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

PAD, BEGIN, END, IMAGE, VIDEO = "<pad>", "<s>", "</s>", "<image>", "<video>"
SYSTEM, USER, ASSISTANT, END_OF_TURN = "<|system|>", "<|user|>", "<|assistant|>", "<|eot|>"
MARKS = (PAD, BEGIN, END, IMAGE, VIDEO, SYSTEM, USER, ASSISTANT, END_OF_TURN)

_TEMPLATE = """
{{- bos_token }}
{%- for message in messages %}
    {%- if message['role'] == 'system' %}NO_SYSTEM{% endif %}
    {{- {'system': '<|system|>', 'user': '<|user|>', 'assistant': '<|assistant|>'}[message['role']] }}
    {%- if message['content'] is string %}{{- message['content'] }}
    {%- else %}
        {%- for part in message['content'] %}
            {%- if part['type'] == 'image' %}{{- 'IMAGE_MARK' }}
            {%- elif part['type'] == 'video' %}{{- 'VIDEO_MARK' }}
            {%- else %}{{- part['text'] }}{% endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' }}{% endif %}
"""
_REFUSES_SYSTEM = "{{- raise_exception('System role not supported') }}"


def chat_template(*, system_role: bool = True, image_mark: str = IMAGE, video_mark: str = VIDEO) -> str:
    """A template in the ordinary form; without ``system_role`` it raises on a system message, as Gemma's does."""
    said = _TEMPLATE.strip().replace("NO_SYSTEM", "" if system_role else _REFUSES_SYSTEM)
    return said.replace("IMAGE_MARK", image_mark).replace("VIDEO_MARK", video_mark)


def byte_tokenizer(
    marks: tuple[str, ...] = MARKS, *, words_of: str = "", **options: Any
) -> transformers.PreTrainedTokenizerFast:
    """A tokenizer with one token for each byte (0..255) and, after them, the ``marks`` in order.

    Words that occur in ``words_of`` become one token each, so that long prompts are few tokens.
    """
    vocabulary = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    core = tokenizers.Tokenizer(BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = ByteLevel(add_prefix_space=False)
    core.decoder = ByteLevelDecoder()
    if words_of:
        learn = BpeTrainer(vocab_size=5000, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
        core.train_from_iterator([words_of], learn)
    core.add_special_tokens(list(marks))
    names = {"bos_token": BEGIN, "eos_token": END, "pad_token": PAD}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, **{**names, **options})


def shake(model: torch.nn.Module, seed: int = 0, deviation: float = 0.4) -> None:
    """Give every weight a random value; norms keep theirs near one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator) * deviation
            weight.copy_(1 + noise * 0.1 if "norm" in name and name.endswith("weight") else noise)


def text_config(vocabulary: int, **options: Any) -> transformers.LlamaConfig:
    """A Llama of two layers, 32 wide."""
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 8192,
    }
    return transformers.LlamaConfig(vocab_size=vocabulary, tie_word_embeddings=False, **{**sizes, **options})


def llava_next_config(tokenizer: transformers.PreTrainedTokenizerFast, **text: Any) -> transformers.LlavaNextConfig:
    """CLIP with tiles of 28 pixels (4 patches) and a Llama, joined as in LLaVA-NeXT; five shapes of pictures."""
    vision = transformers.CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=28, patch_size=14
    )
    return transformers.LlavaNextConfig(
        vision_config=vision,
        text_config=text_config(len(tokenizer), **text),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        image_grid_pinpoints=PINPOINTS,
        vision_feature_layer=-2,
    )


PINPOINTS = [[28, 56], [56, 28], [56, 56], [84, 28], [28, 84]]


def llava_next_processor(
    tokenizer: transformers.PreTrainedTokenizerFast, template: str | None = None
) -> transformers.LlavaNextProcessor:
    """The processor that belongs to `llava_next_config`; its pictures are made by Pillow."""
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    pictures = LlavaNextImageProcessorPil(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}, image_grid_pinpoints=PINPOINTS
    )
    return transformers.LlavaNextProcessor(
        pictures,
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token=IMAGE,
        chat_template=template or chat_template(),
    )


def save_llava_next(
    folder: Path, *, seed: int = 0, template: str | None = None, ends: tuple[str, ...] = (END, END_OF_TURN)
) -> Path:
    """A LLaVA-NeXT with random weights; its generation config ends an answer at ``ends``."""
    tokenizer = byte_tokenizer()
    model = transformers.LlavaNextForConditionalGeneration(llava_next_config(tokenizer))
    shake(model, seed)
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=tokenizer.convert_tokens_to_ids(list(ends)), pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder)
    llava_next_processor(tokenizer, template).save_pretrained(folder)
    return folder


def save_qwen3_vl(folder: Path, *, seed: int = 0) -> Path:
    """A Qwen3-VL with random weights, which takes videos as such. Needs torchvision, as its processor does."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    image, video, start, end = "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"
    template = chat_template(image_mark=start + image + end, video_mark=video)
    tokenizer = byte_tokenizer((*MARKS, image, video, start, end), eos_token=END_OF_TURN, bos_token=BEGIN)
    ids = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in (image, video, start, end)}
    patches: dict[str, Any] = {"patch_size": 8, "temporal_patch_size": 2, "merge_size": 2}
    size = {"shortest_edge": 16 * 16, "longest_edge": 64 * 64 * 16}
    config = transformers.Qwen3VLConfig(
        text_config={**text_config(len(tokenizer)).to_dict(), "head_dim": 8, "rope_parameters": _MROPE},
        vision_config={"depth": 2, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "patch_size": 8,
                       "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 32,
                       "num_position_embeddings": 64, "deepstack_visual_indexes": [0]},
        image_token_id=ids[image], video_token_id=ids[video], vision_start_token_id=ids[start],
        vision_end_token_id=ids[end],
    )  # fmt: skip
    model = transformers.Qwen3VLForConditionalGeneration(config)
    shake(model, seed)
    model.generation_config = transformers.GenerationConfig(eos_token_id=tokenizer.eos_token_id)
    model.save_pretrained(folder)
    transformers.Qwen3VLProcessor(
        Qwen2VLImageProcessorPil(size=size, **patches),
        tokenizer,
        transformers.Qwen3VLVideoProcessor(size=size, **patches),
        chat_template=template,
    ).save_pretrained(folder)
    return folder


_MROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1], "mrope_interleaved": True}


class EchoConfig(transformers.PretrainedConfig):  # type: ignore[misc]
    """``user``, ``assistant`` and ``end`` are the ids of marks, ``image`` that of a picture's place.

    ``says`` bounds how many tokens of the question are said again; each token takes ``delay_seconds``.
    """

    model_type = "echo"

    def __init__(self, marks: tuple[int, ...] = (0, 0, 0, 0), vocab_size: int = 1, **options: Any) -> None:
        self.marks, self.vocab_size = marks, vocab_size
        self.says, self.delay_seconds = options.pop("says", 0), options.pop("delay_seconds", 0.0)
        self.max_position_embeddings, self.num_hidden_layers, self.use_cache = 8192, 1, False
        super().__init__(**options)


class EchoModel(transformers.PreTrainedModel, transformers.GenerationMixin):  # type: ignore[misc]
    """Says the last question again, token by token, then ends its turn. It computes nothing and keeps no cache."""

    config_class = EchoConfig

    def __init__(self, config: EchoConfig) -> None:
        super().__init__(config)
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.post_init()

    def prepare_inputs_for_generation(self, input_ids: torch.Tensor, **kwargs: Any) -> dict[str, Any]:  # noqa: ARG002 - the name is looked for
        return {"input_ids": input_ids}

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: Any = None,  # noqa: ARG002 - transformers looks for the names
        pixel_values: Any = None,  # noqa: ARG002
        image_sizes: Any = None,  # noqa: ARG002
        **_: Any,
    ) -> Any:
        config = self.config
        return said_again(input_ids, config.marks, config.says, config.delay_seconds, config.vocab_size)


def said_again(
    input_ids: torch.Tensor, marks: Sequence[int], says: int, delay_seconds: float, vocabulary: int
) -> transformers.modeling_outputs.CausalLMOutput:
    """The step of generation by which each row of tokens goes on with its own last question."""
    return logits_of([_next(tokens, *marks, says=says) for tokens in input_ids.tolist()], vocabulary, delay_seconds)


def logits_of(
    tokens: Sequence[int], vocabulary: int, delay_seconds: float
) -> transformers.modeling_outputs.CausalLMOutput:
    """A step of generation that has taken its time and goes on with one token in each row."""
    time.sleep(delay_seconds)
    logits = torch.zeros(len(tokens), 1, vocabulary)
    for row, token in enumerate(tokens):
        logits[row, 0, token] = 1.0
    return transformers.modeling_outputs.CausalLMOutput(logits=logits)


def _next(tokens: list[int], user: int, assistant: int, end: int, image: int, *, says: int) -> int:
    said = len(tokens) - 1 - last(tokens, assistant)
    question = tokens[last(tokens, user) + 1 :]
    question = [token for token in question[: question.index(end)] if token != image]
    return question[said] if said < min(len(question), says) else end


def last(tokens: list[int], wanted: int) -> int:
    """Where a token stands for the last time."""
    return len(tokens) - 1 - tokens[::-1].index(wanted)


def save_echo(
    folder: Path, *, says: int = 100, delay_seconds: float = 0.0, words_of: str = "", template: str | None = None
) -> Path:
    """A model that repeats the question, up to ``says`` tokens of it; pictures are taken and not looked at."""
    transformers.AutoConfig.register("echo", EchoConfig, exist_ok=True)
    transformers.AutoModelForImageTextToText.register(EchoConfig, EchoModel, exist_ok=True)
    tokenizer = byte_tokenizer(words_of=words_of)
    config = EchoConfig(_echo_marks(tokenizer), len(tokenizer), says=says, delay_seconds=delay_seconds)
    EchoModel(config).save_pretrained(folder)
    llava_next_processor(tokenizer, template).save_pretrained(folder)
    return folder


def _echo_marks(tokenizer: transformers.PreTrainedTokenizerFast) -> tuple[int, ...]:
    return tuple(tokenizer.convert_tokens_to_ids([USER, ASSISTANT, END_OF_TURN, IMAGE]))


@contextmanager
def echoing_llava_next(
    folder: Path, *, says: int = 100, delay_seconds: float = 0.0, words_of: str = ""
) -> Iterator[Path]:
    """A LLaVA-NeXT that, as long as this lasts, repeats the question instead of computing an answer."""
    tokenizer = byte_tokenizer(words_of=words_of)
    model = transformers.LlavaNextForConditionalGeneration(llava_next_config(tokenizer))
    ends = tokenizer.convert_tokens_to_ids([END, END_OF_TURN])
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=ends, pad_token_id=tokenizer.pad_token_id, use_cache=False
    )
    model.save_pretrained(folder)
    llava_next_processor(tokenizer).save_pretrained(folder)
    marks, vocabulary = _echo_marks(tokenizer), len(tokenizer)

    def forward(
        _self: Any,
        input_ids: torch.Tensor,
        pixel_values: Any = None,  # noqa: ARG001 - transformers looks for the names
        image_sizes: Any = None,  # noqa: ARG001
        **_: Any,
    ) -> Any:
        return said_again(input_ids, marks, says, delay_seconds, vocabulary)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformers.LlavaNextForConditionalGeneration, "forward", forward)
        yield folder
