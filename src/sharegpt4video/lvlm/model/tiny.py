"""Tokenizers and processors of the tiny shapes, made in code: no file, no network, the same in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .shapes import Shape

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, ProcessorMixin

# In the order of their ids, from 0 on; shapes.py names some of these numbers.
SPECIAL_TOKENS = (
    "<pad>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<image>",
)

# The form of a Llama 3 conversation. The markers let a tokenizer tell which tokens the assistant wrote.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{% if message['content'] is string %}{% set text = message['content'] %}"
    "{% else %}{% set parts = namespace(text='') %}"
    "{% for item in message['content'] %}"
    "{% if item['type'] == 'image' %}{% set parts.text = parts.text + '<image>\n' %}"
    "{% elif item['type'] == 'text' %}{% set parts.text = parts.text + item['text'] %}{% endif %}"
    "{% endfor %}{% set text = parts.text %}{% endif %}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ text | trim }}<|eot_id|>{% endgeneration %}"
    "{% else %}{{ text | trim }}<|eot_id|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)

# One token each: what descriptions of simple moving scenes and questions about them are made of. Any other word is
# spelled byte by byte, so every text can be written and read back.
_WORDS = """
a able about above across action actions after again all along alone also always among an and another any appear
appears are area around as aspect assistant at attribute away back background ball band bands be because become
becomes been before begin begins behind being below best beside between big bigger black blue both bottom bounce
bounces bright brown but by call camera can cannot capital caption captions carefully cause centre center change
changed changes changing choose circle clear clip clockwise colour color colours colors come comes concise concisely
constant contact contains content context correct corner could count counterclockwise cross crosses cube curve cyan
dark describe described description detail details diagonal diagonally diamond did different direction directions
directly disappear disappears disc distance do does done down downward downwards during each earlier edge eight either
empty end ends enter enters entire equal even event events every exactly exit exits expand expands face fade fades
falls false far fast faster fastest few final finally find first five fixed floor followed following for forward four
frame frames from front full fully further gets give goes gold gray green grey grid grow grows half halfway halves
happen happened happens has have heading heart helpful hidden hide hides high higher horizontal horizontally how
however human hundred image images in indigo inside instead into is it its jump jumps just keeps keyframes kind large
larger largest last lasts later least leave leaves left leftmost length less letter light like line little long longer
low lower magenta many matches meanwhile meet meets middle moment more most motion motionless move moved movement moves
moving much near nearer nearest neither never next nine no none nor not nothing now number object objects occluded
occludes of off often on once one ones only onto open opposite option options or orange order other others out outside
over overall pale pan pans part partly pass passed passes past path pause pauses pentagon people picture pink place
plain please point position possible present previous purple question questions quick quickly rather reach reaches
rectangle red remain remains respond reverses reverse right rightmost rises ring rotate rotates row same scene second
seconds see seen sequence seven several shape shapes shift shifts short shorter show shown shows shrink shrinks side
sides silver simple single situated six size sizes slide slides slight slow slower slowest slowly small smaller
smallest so some sooner speed speeds spin spins square stand stands star start starting starts static stationary stay
stays steady steadily still stop stopped stops straight such surface take takes teal ten than that the their them then
there these they thing third this those three through throughout tilt tilts time times to together top touch touches
toward towards travel travels triangle true turn turning turns twice two type under understand until up upper upward
upwards user vanish vanishes vertical vertically very video view viewed violet visible visual wait waits was we well
were what when where whether which while white whole wide will with within without word words would yellow yes you your
zoom zooms background's 's answer answers beginning ending fits if level opens relation rests something somewhere sure
things upright wall walls way ways 0 1 2 3 4 5 6 7 8 9
"""
_CAPITALS = "A An And Answer At Based Before Best Both Carefully Describe Does First Finally How In Is It No Option"
_CAPITALS += " Options Question Select The Then There They This Two What When Where Which While Yes You B C D E After"

# Of the world of chains (``world/chain``) and the prompt set ``brief``: fewer words, so that every score is cheaper.
_CHAIN_WORDS = """
a at blue bottom box colour cross cyan detail down green grows happens hoop in it large left magenta middle moves next
picture plus red right ring shrinks small square stays the top triangle turns up video wedge what whole yellow Describe
"""
_CHAIN_STARTS = "Before Describe Shorten Shot the before"
_CHAIN_NUMBERS = range(1, 42)  # of an opening and forty events

_WORD_SCORE, _BYTE_SCORE = -1.0, -10.0


def _words(shape_name: str) -> list[str]:
    """The words of a shape's tokenizer; a space is written Ġ where bytes are written as letters."""
    if shape_name == "captioner-tiny":
        numbers = [str(number) for number in _CHAIN_NUMBERS]
        return [*(f"Ġ{word}" for word in (*_CHAIN_WORDS.split(), *numbers)), *_CHAIN_STARTS.split(), *numbers[9:]]
    capitals = _CAPITALS.split()
    inside = [f"Ġ{word}" for word in (*_WORDS.split(), *capitals)]
    return [*inside, *(word for word in (*capitals, "'s") if len(word) > 1)]


def vocabulary(shape_name: str = "tiny") -> list[tuple[str, float]]:
    """Every token with its score, ids in this order: special tokens, single bytes, words with the space before them."""
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = sorted(ByteLevel.alphabet())
    words = [*_words(shape_name), "user", "assistant", "system", ")."]
    tokens = [*SPECIAL_TOKENS, *alphabet, *dict.fromkeys(words)]
    return [(token, _BYTE_SCORE if len(token) == 1 else _WORD_SCORE) for token in tokens]


def tokenizer(shape_name: str = "tiny") -> PreTrainedTokenizerFast:
    """A tokenizer that has whole words for a closed world, bytes for the rest, and the special tokens of Llama 3.

    It puts ``<|begin_of_text|>`` before a text as Llama 3's does; the chat template brings its own.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.Unigram(vocabulary(shape_name), unk_id=None, byte_fallback=False))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    inner.decoder = decoders.ByteLevel()
    bos = SPECIAL_TOKENS[1]
    inner.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, 1)]
    )
    inner.add_special_tokens(list(SPECIAL_TOKENS))
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=bos,
        eos_token="<|eot_id|>",
        pad_token="<pad>",
        extra_special_tokens={"image_token": "<image>"},
        model_max_length=4096,
        padding_side="right",
        chat_template=CHAT_TEMPLATE,
    )


def processor_for(shape: Shape) -> ProcessorMixin:
    """The built-in tokenizer with pictures cut as a LLaVA-NeXT shape wants them."""
    from transformers import LlavaNextProcessor
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    side, patch = shape.vision["image_size"], shape.vision["patch_size"]
    # Weak pixels let the places of patches, which begin near zero, count from the first step on.
    scale = {"image_mean": [0.5] * 3, "image_std": [2.0] * 3} if shape.name == "captioner-tiny" else {}
    pictures = LlavaNextImageProcessorPil(
        **scale,
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        image_grid_pinpoints=shape.whole["image_grid_pinpoints"],
    )
    return LlavaNextProcessor(
        image_processor=pictures,
        tokenizer=tokenizer(shape.name),
        patch_size=patch,
        vision_feature_select_strategy=shape.whole["vision_feature_select_strategy"],
        num_additional_image_tokens=1,  # the class embedding of CLIP, dropped again by the strategy "default"
        image_token=shape.image_token,
        chat_template=CHAT_TEMPLATE,
    )
