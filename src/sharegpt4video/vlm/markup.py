"""Takes a model's own markup off its text: reasoning, answer tags, channels, control tokens, roles. One linear pass.

The tables hold what chat templates and tokenizers write. They cover every reasoning parser of vLLM (0.33,
``vllm/reasoning``) and SGLang (``srt/parser/reasoning_parser.py``), and what vision models are known to leak: GLM's
boxes, LLaVA-CoT's sections, Keye's analysis, Qwen's and Kosmos' grounding. A new model needs a word in a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from .shown import is_shown
from .turns import decoded, without_roles

Kind = Literal["think", "unthink", "open", "close", "end", "header", "drop"]

# Names of tags that hold reasoning, whatever stands before or behind them: <seed:think>, <longcat_think>, ◁think▷.
_THINK = r"(?:\w{1,12}[:_|])?think(?:[:_]\w{1,12})?"
_THINK += r"|(?:internal_|inner_|ant)?(?:thinking|thoughts?|reasoning)(?:_(?:process|trace|steps|content|budget))?"
_THINK += r"|reason|reflection|analysis|scratchpad|rationale|evaluation|observations?|plan|planning"
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
    r"|grounding|phrase|ref|object|p|delimiter_of_multi_objects|unused\d{1,6}|patch_index_\d{1,6}|loc_?\d{1,6}|seg\d{3}"
    r"|extra_id_\d{1,4}|ctrl\d{1,4}|reserved_\d{1,4}"
)
_ENDS = r"/s|eos|eop|eod|eot|end_of_turn|end_of_text|end_of_utterance|turn\|"
_BRACKETED = r"思考(?:过程)?|推理(?:过程)?|分析|reasoning|thinking|think"  # in brackets of other kinds

_MARK = re.compile(
    rf"""
      <(?:thinking|think|reasoning)_(?P<edge>start|begin|end)>
    | [<◁]\s{{0,4}}(?P<slash>/?)\s{{0,4}}(?!no_?think)(?P<tag>{_THINK}|{"|".join(map(re.escape, _SECTIONS))})
      (?:\s[^<>◁▷\n]{{0,200}}?)?\s{{0,4}}(?P<void>/?)[>▷]
    | [\[⟨＜‹【{{](?P<bslash>/?)(?P<bracket>{_BRACKETED})[\]⟩＞›】}}]
    | \ufffd(?P<fslash>/?)(?P<broken>think)\ufffd
    | \[(?P<response>BEGIN|END)\ FINAL\ RESPONSE\]
    | \[unused(?P<pangu>16|17)\]
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
    | (?P<end><(?:{_ENDS})>|\[(?:EOS|EOT|END|end\ of\ text)\])
    | (?P<angled></?(?:{_ANGLED})>|\[/?(?:INST|TOOL_CALLS)\]|\[(?:BOS|gMASK)\]|<<?/?SYS>>?|<0x0A>
        |</?[|｜]DSML[|｜][^<>\n]{{0,100}}>|</?parameter(?:[=\s][^<>\n]{{0,100}})?>)
    | <[|｜](?P<token>[\w▁./:-]{{1,60}}?)(?:[|｜]>|>) | <(?P<gemma4>channel|tool_call|tool_response)\|>
    """,
    re.IGNORECASE | re.VERBOSE,
)
# What is between <| and |>: the tokens whose meaning goes beyond being taken out.
_TOKENS: tuple[tuple[str, Kind], ...] = (
    (r"(?:start_|begin_of_)(?:thinking|thought|reasoning)|think:start|inner_prefix|plamo:begin_think:plamo", "think"),
    (r"(?:thinking|reasoning|think)_(?:start|begin)|thought|reasoning", "think"),
    (r"(?:thinking|reasoning|think)_end|/thought|/reasoning", "unthink"),
    (r"tool_calls_section_begin|tool_call_begin|tool_calls?|tool_response", "think"),
    (r"tool_calls_section_end|/tool_calls?", "unthink"),
    (r"(?:content_)?(?:think|thinking)|channel|begin▁of▁think(?:ing)?", "think"),
    (r"(?:end_|end_of_)(?:thinking|thought|reasoning)|think:end|inner_suffix|plamo:end_think:plamo", "unthink"),
    (r"/(?:think|thinking)|end▁of▁think(?:ing)?", "unthink"),
    (r"start_(?:text|response)|begin_of_(?:solution|answer)|content_text", "open"),
    (r"end_(?:text|response)|end_of_(?:solution|answer)", "close"),
    (r"im_end|eot_id|eom_id|end|eom|eot|return|call|endoftext|end_of_text|end_of_turn|end_of_turn_token", "end"),
    (r"end_of_msg|end_message|content_model_end_sampling|end▁of▁sentence|plamo:tag|endofturn|eos|eot_token", "end"),
    (r"user|human|assistant|system|observation|im_user|im_assistant|im_system", "header"),
    (r"user_token|chatbot_token|system_token|message_model|message_user|user▁|assistant▁", "header"),
)
_TOKEN_KINDS: dict[str, Kind] = {}
_BOXES = re.compile(
    r"(?:<box>|<\|box_start\|>)[\s\d.,()\[\]]{0,400}(?:</box>|<\|box_end\|>)|<img>[^<>\n]{0,200}</img>", re.IGNORECASE
)
_SIGN = re.compile(  # how every mark begins
    r"<(?=\s{0,4}/?\s{0,4}[a-z思推分回答最结描字]|/?[|｜]|<SYS|0x0A)|◁"
    r"|\[(?=/?(?:THINK|INST|SYS|BEGIN|END|EO|BOS|gMASK|TOOL|unused))"
    rf"|[\[⟨＜‹【{{](?=/?(?:{_BRACKETED})[\]⟩＞›】}}])|\ufffd(?=/?think)",
    re.IGNORECASE,
)
_MOST_SIGNS = 5_000
"""More marks than any answer has: no one reads a flood of them."""
_FLOOD = re.compile(r"((?:<[^<>\n]{1,40}>){1,4}?)\1{8,}")  # a model in a loop: once says the same
_ADDRESSED = re.compile(r"\s*to=[\w.-]{1,60}\s*<\|message\|>")  # the template wrote the header's beginning

# Reasoning that is told in words or headings; each opens the whole text.
_SPOKEN_THOUGHT = re.compile(
    r"\s*(?:here(?:'s|’s| is) my thought process:|here are my reasoning steps:"
    r"|#{1,4} \**(?:thinking|reasoning|thoughts?|analysis)(?: process| steps)?\**[ :]*(?:\n|\Z))",
    re.IGNORECASE,
)
_SPOKEN_ANSWER = re.compile(
    r"here(?:'s|’s| is) my response:|^#{1,4} \**(?:final |video )?(?:response|answer|caption|description)\**[ :]*$"
    r"|\[BEGIN FINAL RESPONSE\]",
    re.IGNORECASE | re.MULTILINE,
)
# What clients show while a model thinks, and Ollama's command line prints around it.
_WAITING = re.compile(
    r"(?:[^\w\n]|_){0,6}(?:thinking(?:[.…](?:[^\w\n]|_){0,8}|(?:[^\w\n]|_){1,8})"
    r"|thought for (?:a |an? few )?(?:\d[\d.]{0,6}\s?)?(?:seconds?|minutes?|moments?|s|m)(?:[^\w\n]|_){0,6})(?:\n\s*|\Z)"
    r"|>\s?(?:[^\w\n]|_){0,4}(?:thinking|thoughts?|reasoning)\b[^\n]*\n(?:>[^\n]*\n)*\s*",
    re.IGNORECASE,
)
_DONE_THINKING = re.compile(r"^\.{3}\s?done thinking\.?\s*$", re.IGNORECASE | re.MULTILINE)
# The same as labels; only where both are there. A page's fold-out that a chat front end writes reasoning into.
_LABELLED_THOUGHT = re.compile(
    r"\s*[*_>]{0,3}\s?(?:(?:thinking|thoughts?|reasoning|analysis|observations?|step \d{1,2})(?: process)?:"
    r"|(?:思考|推理|分析)(?:过程)?[:：])[*_]{0,3}\s?",
    re.IGNORECASE,
)
_LABELLED_ANSWER = re.compile(
    r"^[*_]{0,3}(?:(?:final )?(?:answer|caption|description|response):|(?:最终)?(?:答案|回答|描述)[:：])[*_]{0,3}",
    re.IGNORECASE | re.MULTILINE,
)
_FOLDED_THOUGHT = re.compile(
    r"\s*<details\b[^<>]{0,100}>\s{0,8}<summary>[^<>\n]{0,40}\b(?:think|thought|reason).*?</details>",
    re.IGNORECASE | re.DOTALL,
)
# Harmony and Gemma 4 whose special tokens were left out in decoding: "analysisWe need …assistantfinalA man …".
_BARE_HARMONY = re.compile(r"\s*(?:assistant)?(analysis|commentary|final)(?=\s?[A-Za-z\"'“*(<])")
_BEGINNING = re.compile(  # of a sentence: "finalA man walks", not "finalScore is shown"
    r"(?:An?|The|In|On|At|One|Two|Three|It|He|She|They|There|This|We|I|Let's|User|Need|Okay|People|Several|Someone"
    r"|From|With|During|As|First|Over|No)\b|[\"'“*(<]"
)
_BARE_FINAL = "assistantfinal"
_BARE_GEMMA = re.compile(r"\s*thought\n")

_TAIL = re.compile(r"[<◁\[](?=\S)[/|｜]?[\w:▁]{0,40}\|?\Z")
_TAILS = (
    *(f"<{name}>" for name in ("think", "thinking", "thought", "reasoning", "seed:think", "mm:think", "answer")),
    *(f"</{name}>" for name in ("think", "thinking", "thought", "reasoning", "seed:think", "mm:think", "answer")),
    "◁think▷", "◁/think▷", "[think]", "[/think]", "<start_of_turn>", "<end_of_turn>", "<channel|>", "</s>",
)  # fmt: skip
# An element of a page that a sentence shows, "the page has a <summary>More</summary> in it": words go on behind it.
_SHOWN = re.compile(
    r"(?<=[\w:,] )<(summary|caption|output|description|answer|response|think|result|final)(?:\s[^<>\n]{0,100})?>"
    r"[^<>\n]{0,200}(?P<end></\1>)(?=[ ,.;:]{1,2}(?-i:[a-z])|, )",
    re.IGNORECASE,
)
_PROMPT = re.compile(r"(?:<s>|\s){0,4}\[INST\].{1,20000}?\[/INST\](?=\s*\w)", re.DOTALL)  # the question, repeated
_HYPERCLOVA = ("/think\n", "<|im_start|>assistant")
_QUOTE_WINDOW_CHARS = 100
_MOST_QUOTED = 200  # marks; who writes more quotes nothing
_QUOTES = {'"': '"', "“": "”", "‘": "’", "'": "'", "`": "`", "«": "»", "「": "」", "『": "』", "„": "“"}


@dataclass(frozen=True)
class Stripped:
    """A text without markup. ``thought``: there was reasoning, which never came to an end if ``unfinished``."""

    text: str
    thought: bool = False
    unfinished: bool = False


@dataclass(frozen=True)
class _Mark:
    kind: Kind
    start: int
    end: int
    rank: int = 0  # of a section; of a header, -1 for a role that is not the model's


def strip(text: str, *, caption: bool = True) -> Stripped:
    """Take reasoning and control tokens off a model's text.

    With ``caption=False``, control tokens that stand in a sentence like words stay: somebody may have asked about them.

    Reasoning that never ends takes the rest of the text with it; an end of reasoning whose beginning the template wrote
    takes what is before it. Marks that the text quotes, as words on a screen, stay.
    """
    text = decoded(text.strip())
    if sum(map(text.count, "<◁[{")) > _MOST_SIGNS:
        text = _FLOOD.sub(r"\1", text)
        if sum(map(text.count, "<◁[{")) > _MOST_SIGNS:
            return Stripped(text)
    if (echo := _PROMPT.match(text)) is not None:
        text = text[echo.end() :].lstrip()
    if text.startswith(_HYPERCLOVA[0]) and _HYPERCLOVA[1] in text:
        text = f"<think>{text[len(_HYPERCLOVA[0]) :]}"
    bare = _spoken(text)
    if bare is not None:
        rest = strip(bare.text, caption=caption)
        return Stripped(rest.text, True, bare.unfinished or rest.unfinished)
    if not may_be_marked(text):
        return Stripped(without_roles(text))
    text = _FLOOD.sub(r"\1", _BOXES.sub("", text))
    walk = _Walk(f"<|start|>assistant {text.lstrip()}" if _ADDRESSED.match(text) else text, caption)
    walk.run()
    found = Stripped(without_roles(walk.answer()), walk.thought, walk.thinking)
    if (walk.thought or walk.turned) and (again := _spoken(found.text)) is not None:
        found = Stripped(again.text, True, again.unfinished)
    return found


def may_be_marked(text: str) -> bool:
    """Whether there is a mark in a text, or what may become one when more of it comes."""
    return bool(_SIGN.search(text) or _TAIL.search(text[-48:]))


def is_structural(token: str) -> bool:
    """Whether a token tells where reasoning or an answer begins or ends: without it, no one can tell them apart."""
    if token in ("<|channel|>", "<|message|>", "<|open|>", "<|close|>"):
        return True
    return any(mark.kind in ("think", "unthink", "open", "close") for mark in _marks(token))


class _Walk:
    """The state while the marks of a text are read from left to right."""

    def __init__(self, text: str, caption: bool) -> None:
        self.text, self._caption = text, caption
        self.thought = self.thinking = self.turned = False
        self._parts: dict[int, list[str]] = {}
        self._rank = 0
        self._said = self._silent = False
        self._shown = False  # a mark was told of: so is the one that closes it

    def run(self) -> None:
        at = 0
        outer = _whole_is_quoted(self.text)
        shown = {at for found in _SHOWN.finditer(self.text) for at in (found.start(), found.start("end"))}
        for number, mark in enumerate(_marks(self.text)):
            if mark.start < at:
                continue
            if not self.thinking and number < _MOST_QUOTED and (mark.start in shown or self._is_told_of(mark, outer)):
                continue
            self._say(self.text[at : mark.start])
            at = mark.end
            self._on(mark)
        rest = self.text[at:]
        self._say(rest if self.thinking else _without_tail(rest))
        self.thinking = self.thinking or (not self.answer() and bool(_TAIL.search(rest)))

    def _is_told_of(self, mark: _Mark, outer: bool) -> bool:
        if self._shown and mark.kind in ("unthink", "close"):
            self._shown = False
            return True
        found = _is_quoted(self.text, mark, outer) or (not self._caption and _is_spoken_of(self.text, mark))
        if not found:
            before = self.text[max(0, mark.start - 2 * _QUOTE_WINDOW_CHARS) : mark.start].rpartition("\n")[2]
            after = self.text[mark.end : mark.end + _QUOTE_WINDOW_CHARS].partition("\n")[0]
            found = is_shown(before, after, structural=mark.kind in ("think", "unthink", "open", "close"))
            self._shown = found and mark.kind in ("think", "open")
        return found

    def answer(self) -> str:
        """The section of the highest rank that says something."""
        for rank in sorted(self._parts, reverse=True):
            if text := "".join(self._parts[rank]).strip():
                return text
        return ""

    def _say(self, piece: str) -> None:
        if piece and not self.thinking and not self._silent:
            self._parts.setdefault(self._rank, []).append(piece)
            self._said = self._said or not piece.isspace()

    def _on(self, mark: _Mark) -> None:
        if self.thinking and mark.kind not in ("unthink", "header", "end"):
            if mark.kind != "open" or mark.rank < 3:
                return
            self.thinking = False  # an answer begins, though nothing said that the reasoning ends
        if mark.kind == "think":
            self.thought = self.thinking = True
        elif mark.kind == "unthink":
            if not self.thinking:  # the template wrote the beginning: all before was reasoning
                self._parts.clear()
                self._said = False
            self.thought, self.thinking, self._silent = True, False, False
        elif mark.kind == "open":
            self._rank = mark.rank
        elif mark.kind == "close":
            self._close(mark.rank)
        elif mark.kind == "header":
            self._header(mark)
        elif mark.kind == "end":
            self.turned = True
            self._silent = self._said  # what follows an answer is a turn that the model made up

    def _close(self, rank: int) -> None:
        if self._rank != rank and rank >= 3 and self._rank == 0:  # the template wrote the beginning
            self._parts.setdefault(rank, []).extend(self._parts.pop(0, []))
        self._rank = 0

    def _header(self, mark: _Mark) -> None:
        """The beginning of a turn or channel: the model's answer, its reasoning (rank 1), or somebody else's (-1)."""
        self.turned = True
        if mark.rank == 1:
            self.thought = self.thinking = True
            return
        self.thinking = False
        self._silent = self._said or mark.rank < 0
        if mark.rank == 2:  # the final channel: what came before it is none
            self._parts.clear()
            self._silent = False


def _marks(text: str) -> Iterator[_Mark]:
    for sign in _SIGN.finditer(text):
        if (found := _MARK.match(text, sign.start())) is None:
            continue
        group = found.lastgroup or "drop"
        if group == "bracket" and found["bracket"].lower() != "think" and f"/{found['bracket']}" not in text:
            continue
        kind, rank = _READERS[group](found) if group in _READERS else ("drop", 0)
        yield _Mark(kind, found.start(), found.end(), rank)


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
    "channel": lambda found: _CHANNELS[found["xtml"].lower()].get(found["channel"].lower(), ("drop", 0)),
    "llama": lambda found: _header(found["llama"]),
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


def _is_quoted(text: str, mark: _Mark, outer: bool) -> bool:
    """Whether a mark stands in quotation marks on its line: words that the text tells of, not markup."""
    left = text[max(0, mark.start - _QUOTE_WINDOW_CHARS) : mark.start].rpartition("\n")[2]
    right = text[mark.end : mark.end + _QUOTE_WINDOW_CHARS].partition("\n")[0]
    for opening, closing in _QUOTES.items():
        at, to = left.rfind(opening), right.find(closing)
        if at < 0 or to < 0:
            continue
        whole = outer and mark.start - len(left) + at == len(text) - len(text.lstrip())
        opens = (at == 0 or not left[at - 1].isalnum()) and not left[at + 1 : at + 2].isspace()
        closes = not right[to + 1 : to + 2].isalnum() and not right[max(to - 1, 0) : to].isspace()
        if opens and closes and not whole and (opening == closing or closing not in left[at + 1 :]):
            return True
    return False


def _is_spoken_of(text: str, mark: _Mark) -> bool:
    """Whether a control token stands where a word would: after a blank, and before one or the end of a sentence."""
    wordless = mark.kind in ("think", "unthink", "open", "close") or not text[: mark.start].strip()
    after = text[mark.end : mark.end + 2]
    like_a_word = after[:1] in tuple(".,;:?!)") or (after[:1] == " " and after[1:2].isalnum())
    return not wordless and text[mark.start - 1] == " " and like_a_word


def _whole_is_quoted(text: str) -> bool:
    text = text.strip()
    return len(text) > 1 and _QUOTES.get(text[0]) == text[-1]


def _without_tail(text: str) -> str:
    """The text without a mark that broke off at its very end."""
    found = _TAIL.search(text, max(0, len(text) - 48))
    if found is None:
        return text
    tail = found[0].lower()
    known = tail.startswith(("<|", "<｜")) or (len(tail) > 1 and any(mark.startswith(tail) for mark in _TAILS))
    return text[: found.start()] if known else text


def _spoken(text: str) -> Stripped | None:
    """Reasoning without a mark of its own; None if there is none. The text that follows may hold marks."""
    if opened := _WAITING.match(text):
        done = _DONE_THINKING.search(text, opened.end())
        return Stripped(text[(done or opened).end() :], True)
    if opened := _SPOKEN_THOUGHT.match(text):
        answers = list(_SPOKEN_ANSWER.finditer(text, opened.end()))
        return Stripped(text[answers[-1].end() :] if answers else "", True, not answers)
    if (opened := _FOLDED_THOUGHT.match(text)) or (
        _LABELLED_THOUGHT.match(text) and (opened := _LABELLED_ANSWER.search(text))
    ):
        return Stripped(text[opened.end() :], True)
    if opened := _BARE_HARMONY.match(text):
        rest = text[opened.end() :]
        if _BARE_FINAL in rest:
            return Stripped(rest.rpartition(_BARE_FINAL)[2], True)
        if opened[1] == "final" and _BEGINNING.match(rest):
            return Stripped(rest, True)
        return Stripped("", True, True) if opened[1] != "final" and _BEGINNING.match(rest) else None
    if opened := _BARE_GEMMA.match(text):
        return Stripped(text[opened.end() :], True)
    return None
