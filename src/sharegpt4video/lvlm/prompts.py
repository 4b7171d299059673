"""Words that the released models were trained with, byte for byte (ShareGPT4Omni/ShareGPT4Video, commit 7e02ee6)."""

from __future__ import annotations

GRID_PREFIX = (
    "The provided image arranges keyframes from a video in a grid view, keyframes are separated with white bands."
    " Answer concisely with overall content and context of the video, highlighting any significant events, characters,"
    " or objects that appear throughout the frames."
)
"""Opens every question about a video (run.py); run.py lets the question follow without a space."""

LLAMA3_SYSTEM = (
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user"
    " provides, and assist the user with a variety of tasks using natural language."
)
CHATML_SYSTEM = "Answer the questions."

# One picture is written as the mark and a line break, before the words, as the original puts it.
_CONTENT = (
    "{%- macro said(content) -%}"
    "{%- if content is string -%}{{- content -}}{%- else -%}"
    "{%- for part in content -%}{%- if part['type'] == 'image' -%}{{- '<image>\\n' -}}{%- endif -%}{%- endfor -%}"
    "{%- for part in content -%}{%- if part['type'] == 'text' -%}{{- part['text'] -}}{%- endif -%}{%- endfor -%}"
    "{%- endif -%}{%- endmacro -%}"
)


def _template(begin: str, role_open: str, role_close: str, end: str, system: str) -> str:
    """A Jinja template in the order of the original's conversations; no content is stripped.

    The recipe's system text stands where a conversation brings none.
    """
    header = f"{role_open}' + role + '{role_close}"
    return (
        f"{_CONTENT}{{{{- '{begin}' -}}}}"
        "{%- if messages[0]['role'] != 'system' -%}{%- set role = 'system' -%}"
        f"{{{{- '{header}{system}{end}' -}}}}{{%- endif -%}}"
        "{%- for message in messages -%}{%- set role = message['role'] -%}"
        f"{{{{- '{header}' -}}}}{{{{- said(message['content']) -}}}}{{{{- '{end}' -}}}}"
        "{%- endfor -%}"
        f"{{%- if add_generation_prompt -%}}{{%- set role = 'assistant' -%}}{{{{- '{header}' -}}}}{{%- endif -%}}"
    )


# The original's text begins with <|begin_of_text|>, and its tokenizer puts another in front. Training and answering
# shared both, so both are kept: `with_begin` adds the second. Whoever tokenizes the text of a template must add none.
LLAMA3_TEMPLATE = _template(
    "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>\\n\\n", "<|eot_id|>", LLAMA3_SYSTEM
)
# llava-v1.6-34b's own ("chatml_direct" of the LLaVA code): no line break after the end of a turn.
CHATML_TEMPLATE = _template("", "<|im_start|>", "\\n", "<|im_end|>", CHATML_SYSTEM)


def with_begin(template: str) -> str:
    """The template for a tokenizer that puts its first token in front of every text, as the original let it."""
    return "{{- bos_token -}}" + template
