"""The marks that models and templates put into text: what each says of reasoning, answers, turns.

The tables hold what chat templates and tokenizers write. They cover every reasoning parser of vLLM and SGLang (read in
November 2026), and what vision models are known to leak: GLM's boxes, LLaVA-CoT's sections, Keye's analysis, Qwen's and
Kosmos' grounding. A new model needs a word in a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["think", "unthink", "open", "close", "box", "unbox", "end", "header", "drop"]

# Names of tags that hold reasoning, whatever stands before or behind them: <seed:think>, <longcat_think>, ◁think▷.
_THINK = r"(?:\w{1,12}[:_|])?think(?:[:_]\w{1,12})?"
_THINK += r"|(?:internal_|inner_|ant)?(?:thinking|thoughts?|reasoning)(?:_(?:process|trace|steps|content|budget))?"
_THINK += r"|reason|reflection|analysis|scratch_?pad|rationale|evaluation|observations?|plan|planning"
_THINK += r"|inner_monologue|chain_of_thought|cot|step_by_step|思考|思考过程|推理|推理过程|分析"
_THINK += r"|(?:\w{1,12}[:_|])?(?:tool|function)_(?:calls?|use|responses?)(?::\w{1,12})?"  # a call is no answer either
# Sections that hold text. The highest rank that says something is the answer: LLaVA-CoT has a summary, then a caption,
# then its reasoning, then a conclusion.
_SECTIONS = {
    **dict.fromkeys(("answer", "final_answer", "final", "response", "conclusion", "solution", "output"), 3),
    **dict.fromkeys(("final_response", "final-answer", "final answer", "回答", "答案", "最终答案", "结论"), 3),
    **dict.fromkeys(("caption", "description", "video_caption", "video_description", "caption_text", "result"), 2),
    **dict.fromkeys(("detailed_caption", "dense_caption", "image_caption", "final_caption", "描述", "字幕"), 2),
    "summary": 1,
}
_ANGLED = (
    r"s|bos|eos|eop|eod|pad|unk|mask|sep|cls|start_of_turn|end_of_turn|end_of_utterance|image_soft_token|image"
    r"|video|img|img_context|sop|gmask|no_?think|text_end"
)
_ANGLED += (
    r"|start_of_image|end_of_image|start_of_audio|end_of_audio|grounding|phrase|ref|object|p|delimiter_of_multi_objects|unused\d{1,6}|patch_index_\d{1,6}|loc_?\d{1,6}|seg\d{3}"
    r"|extra_id_\d{1,4}|ctrl\d{1,4}|reserved_\d{1,4}"
)
_ENDS = r"/s|/longcat_s|eos|eop|eod|eot|end_of_turn|end_of_text|end_of_utterance|turn\|"
_BRACKETED = r"思考(?:过程)?|推理(?:过程)?|分析|reasoning|thinking|think"  # in brackets of other kinds

_MARK = re.compile(
    rf"""
      <(?:thinking|think|reasoning)_(?P<edge>start|begin|end)>
    | [<◁]\s{{0,4}}(?P<slash>/?)\s{{0,4}}(?!no_?think)(?P<tag>{_THINK}|{"|".join(map(re.escape, _SECTIONS))})
      (?:\s[^<>◁▷\n]{{0,200}}?)?\s{{0,4}}(?P<void>/?)[>▷]
    | [\[⟨＜‹【{{](?P<bslash>/?)(?P<bracket>{_BRACKETED})[\]⟩＞›】}}]
    | \ufffd(?P<fslash>/?)(?P<broken>think)\ufffd
    | \[(?P<response>BEGIN|END)\ FINAL\ RESPONSE\]
    | \[unused(?P<pangu>16|17)\] | <unused(?P<medgemma>94|95)>(?:thought\b)?
    | <(?P<call>/(?:function|invoke)|(?:function|invoke)(?:=|\sname=)[^<>\n]{{0,100}})>
    | <(?P<dsml>/?)[|｜]DSML[|｜]\s?(?:function_calls|tool_calls|calls)>
    | <\|(?P<xtml>open|close)\|>\s{{0,4}}(?P<channel>\w{{1,30}})[^<>|\n]{{0,100}}<\|sep\|>
    | <\|start_header_id\|>\s{{0,4}}(?P<llama>\w{{1,30}})\s{{0,4}}(?:<\|end_header_id\|>|\Z)
    | <\|im_(?P<kimi>user|assistant|system)\|>\w{{0,30}}<\|im_middle\|>
    | <\|im_start\|>\s{{0,4}}(?P<chatml>[a-z]{{1,30}}(?:/think)?)?\n?
    | (?:<\|start\|>\s{{0,4}}(?P<start>\w{{1,30}})\s{{0,4}}(?:to=(?P<to>[\w.-]{{1,60}})\s{{0,4}})?)?
      (?:<\|channel\|>\s{{0,4}}(?P<harmony>\w{{1,30}})[^<\n]{{0,100}}(?:<\|constrain\|>[^<\n]{{0,30}})?)?
      <\|message\|>
    | <\|channel\|>\s{{0,4}}(?P<unheaded>analysis|commentary|final)\b
    | <(?:start_of_turn>|\|turn>)\s{{0,4}}(?P<gemma>user|model|system)?\n?
    | (?P<end><(?:{_ENDS})>|\[(?:EOS|EOT|END|end\ of\ text)\]|\[\|endofturn\|\]|\[e~\[)
    | \[\|(?P<exaone>user|assistant|system)\|\] | \]~b\](?P<minimax>ai|user|system)\n?
    | <role>(?P<ling>ASSISTANT|HUMAN|SYSTEM|OBSERVATION)</role>
    | (?P<angled></?(?:{_ANGLED})>|\]~!b\[|\[/?(?:INST|TOOL_CALLS)\]|\[(?:BOS|gMASK)\]|<<?/?SYS>>?|<0x0A>
        |</points?>|<points?\s(?:[xy]\d{{0,3}}|coords|alt)=[^<>\n]{{0,400}}>|</?[|｜]DSML[|｜][^<>\n]{{0,100}}>|</?parameter(?:[=\s][^<>\n]{{0,100}})?>)
    | <[|｜](?P<token>[\w▁./:-]{{1,60}}?)(?:[|｜]>|>) | <(?P<gemma4>channel|tool_call|tool_response)\|>
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What is between <| and |>: the tokens whose meaning goes beyond being taken out.
_TOKENS: tuple[tuple[str, Kind], ...] = (
    (r"(?:start_|begin_of_)(?:thinking|thought|reasoning)|think:start|inner_prefix|plamo:begin_think:plamo", "think"),
    (r"(?:thinking|reasoning|think)_(?:start|begin)|thought|reasoning", "think"),
    (r"(?:thinking|reasoning|think)_end|/thought|/reasoning", "unthink"),
    (r"tool_calls_section_begin|tool_call_begin|tool_calls?|tool_response|python_tag", "think"),
    (r"tool_calls_section_end|/tool_calls?", "unthink"),
    (r"(?:content_)?(?:think|thinking)|channel|begin▁of▁think(?:ing)?", "think"),
    (r"(?:end_|end_of_)(?:thinking|thought|reasoning)|think:end|inner_suffix|plamo:end_think:plamo", "unthink"),
    (r"/(?:think|thinking)|end▁of▁think(?:ing)?", "unthink"),
    (r"start_(?:text|response)|begin_of_(?:solution|answer)|content_text", "open"),
    (r"end_(?:text|response)|end_of_(?:solution|answer)", "close"),
    (r"begin_of_box", "box"),  # what is in a box is the answer to a question, but part of a caption
    (r"end_of_box", "unbox"),
    (
        r"im_end|eot_id|eom_id|end|eom|eot|return|call|endoftext|end_of_text|end_of_turn|end_of_turn_token|role_end",
        "end",
    ),
    (r"end_of_msg|end_message|content_model_end_sampling|end▁of▁sentence|plamo:tag|endofturn|eos|eot_token", "end"),
    (r"user|human|assistant|system|observation|im_user|im_assistant|im_system", "header"),
    (r"user_token|chatbot_token|system_token|message_model|message_user|user▁|assistant▁", "header"),
)
_TOKEN_KINDS: dict[str, Kind] = {}
BOXES = re.compile(
    r"(?:<box>|<\|box_start\|>)[\s\d.,()\[\]]{0,400}(?:</box>|<\|box_end\|>)|<img>[^<>\n]{0,200}</img>"
    r"|<\|det\|>[\s\d.,()\[\]]{0,400}<\|/det\|>",
    re.IGNORECASE,
)
SIGN = re.compile(  # how every mark begins
    r"<(?=\s{0,4}/?\s{0,4}[a-z思推分回答最结描字]|/?[|｜]|<SYS|0x0A)|◁"
    r"|\[(?=\||e~\[)|\](?=~b\]|~!b\[)|\[(?=/?(?:THINK|INST|SYS|BEGIN|END|EO|BOS|gMASK|TOOL|unused))"
    rf"|[\[⟨＜‹【{{](?=/?(?:{_BRACKETED})[\]⟩＞›】}}])|\ufffd(?=/?think)",
    re.IGNORECASE,
)
SIGNS = "<◁[]{⟨＜‹【\ufffd"
"""The characters that they begin with."""

MOST_SIGNS = 5_000
"""More marks than any answer has: no one reads a flood of them."""


@dataclass(frozen=True)
class Mark:
    kind: Kind
    start: int
    end: int
    rank: int = 0  # of a section; of a header, -1 for a role that is not the model's


def marks(text: str) -> Iterator[Mark]:
    closed: dict[str, bool] = {}
    for sign in SIGN.finditer(text):
        if (found := _MARK.match(text, sign.start())) is None:
            continue
        group = found.lastgroup or "drop"
        if group == "bracket" and (name := found["bracket"]).lower() != "think":
            if name not in closed:
                closed[name] = f"/{name}" in text
            if not closed[name]:
                continue  # a sound, as in subtitles: "[thinking]"
        kind, rank = _READERS[group](found) if group in _READERS else ("drop", 0)
        yield Mark(kind, found.start(), found.end(), rank)


def _tag(found: re.Match[str]) -> tuple[Kind, int]:
    if found["void"]:
        return "drop", 0
    rank = _SECTIONS.get(found["tag"].lower(), 0)
    if rank:
        return ("close" if found["slash"] else "open"), rank
    return _thought_mark(found["slash"])


def _thought_mark(slash: str) -> tuple[Kind, int]:
    return ("unthink" if slash else "think"), 0


def _header(role: str) -> tuple[Kind, int]:
    role = role.lower()
    if role.endswith("/think"):
        return "header", 1
    others = ("user", "human", "system", "observation", "tool", "im_user", "im_system", "user_token", "system_token")
    return "header", -1 if role in others or role == "message_user" else 0


def _message(found: re.Match[str]) -> tuple[Kind, int]:
    """A header of harmony: the role, the channel, and whom it is to (``self`` is reasoning, in Muse's form of it)."""
    channel, to = (found["harmony"] or "").lower(), (found["to"] or "").lower()
    if channel in ("analysis", "commentary") or to not in ("", "user"):
        return "header", 1
    if channel == "final" or to == "user":
        return "header", 2
    return _header(found["start"] or "assistant")


def _token(found: re.Match[str]) -> tuple[Kind, int]:
    name = found["token"].lower()
    if name in ("no_think", "nothink"):
        return "drop", 0
    if found[0].endswith(("|>", "｜>")) and name == "channel":
        return "drop", 0  # harmony's own; that of Gemma 4 is <|channel>
    if name not in _TOKEN_KINDS:
        kind: Kind = next((kind for pattern, kind in _TOKENS if re.fullmatch(pattern, name)), "drop")
        if len(_TOKEN_KINDS) > 4096:  # a flood of made-up tokens fills no memory
            _TOKEN_KINDS.clear()
        _TOKEN_KINDS[name] = kind
    kind = _TOKEN_KINDS[name]
    return _header(name) if kind == "header" else (kind, 3 if kind in ("open", "close") else 0)


_CHANNELS: dict[str, dict[str, tuple[Kind, int]]] = {
    "open": {"think": ("think", 0), "response": ("header", 2)},
    "close": {"think": ("unthink", 0), "response": ("end", 0), "message": ("end", 0)},
}
_READERS: dict[str, Callable[[re.Match[str]], tuple[Kind, int]]] = {
    "edge": lambda found: _thought_mark("/" if found["edge"].lower() == "end" else ""),
    "void": _tag,
    "call": lambda found: _thought_mark("/" if found["call"].startswith("/") else ""),
    "dsml": lambda found: _thought_mark(found["dsml"]),
    "bracket": lambda found: _thought_mark(found["bslash"]),
    "broken": lambda found: _thought_mark(found["fslash"]),
    "response": lambda found: ("open" if found["response"].upper() == "BEGIN" else "close", 3),
    "pangu": lambda found: _thought_mark("/" if found["pangu"] == "17" else ""),
    "medgemma": lambda found: _thought_mark("/" if found["medgemma"] == "95" else ""),
    "channel": lambda found: _CHANNELS[found["xtml"].lower()].get(found["channel"].lower(), ("drop", 0)),
    "llama": lambda found: _header(found["llama"]),
    "exaone": lambda found: _header(found["exaone"]),
    "minimax": lambda found: _header("assistant" if found["minimax"].lower() == "ai" else found["minimax"]),
    "ling": lambda found: _header(found["ling"]),
    "kimi": lambda found: _header(found["kimi"]),
    "chatml": lambda found: _header(found["chatml"]),
    "start": _message,
    "to": _message,
    "harmony": _message,
    "unheaded": lambda found: ("header", 2 if found["unheaded"].lower() == "final" else 1),
    "gemma": lambda found: _header(found["gemma"]),
    "end": lambda _: ("end", 0),
    "token": _token,
    "gemma4": lambda _: ("unthink", 0),
}
