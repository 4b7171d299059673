"""Takes off what models put around a caption: JSON, fences, quotes, labels, "Sure! Here is …", "Let me know …"."""

from __future__ import annotations

import ast
import html
import json
import re
from typing import Any

_MOST_ROUNDS = 8  # wrappers inside wrappers; each round takes one layer off
_MOST_JSON_CHARS = 1_000_000

# Keys under which a caption comes, the surest first. Compared without case, blanks, "_" and "-".
_CAPTION_KEYS = (
    "caption", "captions", "videocaption", "imagecaption", "framecaption", "densecaption", "detailedcaption",
    "finalcaption", "description", "videodescription", "imagedescription", "framedescription", "scenedescription",
    "detaileddescription", "descriptions", "summary", "videosummary", "changedescription", "changes", "change",
    "recaption", "rewrittenprompt", "answer", "finalanswer", "response", "output", "result", "text", "content",
    "message", "描述", "视频描述", "画面描述", "字幕", "内容", "总结", "説明", "キャプション", "설명", "캡션",
    "descripción", "descripcion",
    "descrição", "descricao", "légende", "legende", "beschreibung", "descrizione", "описание",
)  # fmt: skip
_SURE_KEYS = 20  # of these any other keys may stand beside it; of the rest only what says nothing of the picture
_ASIDE_KEYS = frozenset((
    "role", "type", "id", "name", "language", "lang", "confidence", "score", "reasoning", "thought", "thoughts",
    "thinking", "analysis", "explanation", "title", "time", "timestamp", "start", "end", "startseconds",
    "endseconds", "duration", "frame", "frames", "status", "success", "error", "model", "format",
))  # fmt: skip
_BEGUN_JSON = re.compile(
    r"""[\[\s]{0,8}\{\s{0,40}["']?([\w -]{1,40})["']?\s{0,8}:\s{0,8}(?:"(?!\s*[,}])|'(?!\s*[,}]))"""
)

_BEGUN_OBJECT = re.compile(r"""[\[\s]{0,8}\{\s{0,40}["'][^"'\n]{1,60}["']\s{0,8}:""")
_CODE = re.compile(r"```(?!(?:markdown|md|text|txt|plain|plaintext|json|caption)\b)\w+[ \t]*\n", re.IGNORECASE)
_FENCE = re.compile(r"(?:```|~~~)[\w-]*[ \t]*\n?(.*?)\n?[ \t]*(?:```|~~~)", re.DOTALL)
_FENCED_INSIDE = re.compile(r"```(?:json|JSON)[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_QUOTES = (('"', '"'), ("“", "”"), ("「", "」"), ("«", "»"), ("『", "』"), ("„", "“"), ("”", "”"), ("`", "`"))
_OPENING = frozenset(opening for opening, _ in _QUOTES) | {"'", "‘"}
_EMPHASIS = ("***", "**", "__", "*", "_")
_BOXED = re.compile(r"\$?\\boxed\{(?:\\text\{)?(.*?)\}?\}\$?", re.DOTALL)

_NOUN = (
    r"(?:captions?|descriptions?|summary|summaries|depictions?|narrations?|account|breakdown|overview|analysis|rewrite"
    r"|(?:rewritten|revised|improved|expanded|refined|enhanced)\s(?:version|prompt|text|caption)|prompt|JSON"
    r"|answer|response)"
)
_YES = (
    r"(?:sure(?:\sthing)?|certainly|of\scourse|absolutely|okay|ok|alright|all\sright|great|got\sit|understood"
    r"|no\sproblem|yes)"
)
_HERE = (
    r"(?:here(?:['’]s|\sis|\sare)|below\s(?:is|are)|this\sis|(?:the\s)?following\s(?:is|are)|i['’]ve\s(?:written"
    r"|prepared))"
)
# One line that announces what follows. It has to say what it announces, and to end in a colon or in the line.
_PREAMBLES = tuple(
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        rf"(?:{_YES}\s{{0,2}}[!,.:]+\s{{0,3}})?(?:(?:based\son|from|using|given|looking\sat)\b[^.:\n]{{3,150}}?,\s)?"
        rf"{_HERE}\b[^.:\n]{{0,100}}?\b{_NOUN}\b[^.:\n]{{0,160}}(?::[*_]{{0,3}}|\.?[*_]{{0,3}}\n)",
        rf"{_YES}\s{{0,2}}[!,.:]+\s{{1,3}}(?:i['’]ll|i\swill|let\sme|i['’]d\sbe\shappy\sto|i\scan"
        rf"|happy\sto)\b[^.:!\n]{{0,160}}[.:!]",
        r"(?:sure|certainly|of\scourse|absolutely)(?:\sthing)?\s?!(?=\s+(?-i:[^a-z\s]))",
        r"(?:i['’]d\sbe\s(?:happy|glad)\sto\shelp|great\squestion|(?:thank\syou|thanks)\sfor\s(?:sharing|the|providing)"
        r"\b[^.!:\n]{0,60}|hello|hi)[!.](?=\s+(?-i:[A-Z*#\"“]))",
        rf"(?:{_YES}\s{{0,2}}[!,.:]+\s{{0,3}})?(?:here\syou\sgo|here['’]s\swhat\s(?:i\s(?:can\s)?see"
        rf"|is\shappening|happens)\b[^.:\n]{{0,60}})[:!.][*_]{{0,3}}\s{{0,3}}\n",
        rf"as\s(?:requested|you\sasked),\s(?={_HERE})",
        r"(?:(?:i['’]d|i\swould|i\scan|i)\s(?:describe|caption|summari[sz]e)|let\sme\sdescribe"
        r"|i['’]ll\sdescribe)\b[^.:\n]{0,120}:",
        r"the\s(?:video|image|picture|clip|scene|frames?|pictures?)\s(?:can\sbe|is|are|could\sbe)\s(?:best\s)?"
        r"(?:described|captioned|summari[sz]ed)\sas(?:\sfollows)?\s?:",
        r"(?:好的|当然(?:可以)?|没问题|没有问题|明白了?|可以)[，,。.!！:：]\s{0,3}(?=(?:以下|下面|这是|根据))",
        r"(?:以下|下面|这)(?:是|为)[^。：:\n]{0,60}(?:描述|字幕|说明|说明文字?|总结|概述|标题|內容|内容|說明|總結)[：:]",
        r"(?:以下|下面)(?:是|为)[^。：:\n]{0,60}(?:描述|字幕|说明|总结|概述)[^。：:\n]{0,20}[：:]",
        r"根据[^。：:\n]{1,60}(?:以下|如下)[^。：:\n]{0,40}[：:]",
        r"(?:はい[、。,!！]\s{0,3}(?=以下|こちら|説明|承知)|(?:もちろん(?:です)?|承知(?:いた)?しました|わかりました|かしこまりました)[、。,!！]\s{0,3}(?!と))",
        r"以下[はがに、][^。：:\n]{0,60}(?:説明|キャプション|描写|要約)[^。：:\n]{0,20}[。：:]",
        r"(?:네[,.!]\s{0,3}(?=다음|아래|여기|알겠|물론|요청)|(?:물론(?:이죠|입니다)?|알겠습니다)[,.!]\s{0,3})",
        r"(?:다음은|아래는)[^.:\n]{0,60}(?:설명|캡션|묘사|요약)[^.:\n]{0,20}[.:]",
        r"(?:natürlich|gerne?|klar|selbstverständlich)\s?(?:!\s{0,3}(?-i:(?![a-zäöü]))|[,.]\s{0,3}(?=hier\b))"
        r"(?:hier\s(?:ist|sind)\b[^.:\n]{0,140}:)?",
        r"hier\s(?:ist|sind)\s(?:ein|eine|die|der)\b[^.:\n]{0,60}(?:beschreibung|zusammenfassung|untertitel"
        r"|caption)\b[^.:\n]{0,80}:",
        r"(?:bien\s(?:sûr|entendu)|certainement|d['’]accord|avec\splaisir)\s?(?:!\s{0,3}(?-i:(?![a-zéà]))|[,.]\s{0,3}(?=voici\b))"
        r"(?:voici\b[^.:\n]{0,140}:)?",
        r"voici\s(?:une?|la|le)\b[^.:\n]{0,60}(?:description|légende|résumé)\b[^.:\n]{0,80}:",
        r"¡?(?:claro(?:\sque\ssí)?|por\ssupuesto|desde\sluego|con\sgusto)\s?(?:!\s{0,3}(?-i:(?![a-zéáñ]))|[,.]\s{0,3}(?=aqu[ií]\b))"
        r"(?:aqu[ií]\s(?:tienes?|está|va)\b[^.:\n]{0,140}:)?",
        r"aqu[ií]\s(?:tienes?|está|va)\s(?:una?|la|el|uma?|a)\b[^.:\n]{0,60}(?:descripción|leyenda|resumen"
        r"|descrição|legenda)\b[^.:\n]{0,80}:",
        r"com\scerteza\s?(?:!\s{0,3}(?-i:(?![a-zéáã]))|[,.]\s{0,3}(?=aqui\b))(?:aqui\s(?:está|vai)\b[^.:\n]{0,140}:)?",
        r"(?:certo|certamente|naturalmente)\s?[!,.]\s{0,3}(?=ecco)",
        r"ecco\s(?:una|la|il)\b[^.:\n]{0,60}(?:descrizione|didascalia|riassunto)\b[^.:\n]{0,80}:",
        r"(?:конечно|хорошо)\s?[!,.]\s{0,3}(?=вот)",
        r"вот\b[^.:\n]{0,60}(?:описание|подпись|резюме)\b[^.:\n]{0,80}:",
        r"(?:natuurlijk|zeker)\s?[!,.]\s{0,3}(?=hier)|hier\sis\seen\b[^.:\n]{0,60}(?:beschrijving"
        r"|samenvatting)\b[^.:\n]{0,80}:",
        r"(?:oczywiście|jasne)\s?[!,.]\s{0,3}(?=oto)|oto\b[^.:\n]{0,60}(?:opis|podsumowanie)\b[^.:\n]{0,80}:",
        r"(?:tabii(?:\ski)?|elbette)\s?[!,.]\s{0,3}(?=[iİ̇ı]̇?şte)|[iİı]̇?şte\b[^.:\n]{0,60}(?:açıklama|özet)[^.:\n]{0,80}:",
        r"(?:chắc\schắn(?:\srồi)?|tất\snhiên|vâng)\s?[!,.]\s{0,3}(?=dưới|đây)|(?:dưới\s)?đây\slà[^.:\n]{0,60}(?:mô\stả"
        r"|tóm\stắt)[^.:\n]{0,80}:",
        r"(?:بالتأكيد|بالطبع|حسنًا)\s?[!،,.]\s{0,3}(?=إليك|فيما)"
        r"|(?:إليك|فيما)[^.:\n]{0,60}(?:وصف|ملخص)[^.:\n]{0,60}:",
        r"(?:ज़रूर|ज़रूर|बिल्कुल|बेशक)\s?[!,।]\s{0,3}(?=यहाँ|यहां)|(?:यहाँ|यहां)[^.:\n]{0,60}(?:विवरण|सारांश|वर्णन)[^.:\n]{0,40}:",
        r"(?:แน่นอน|ได้เลย)\S{0,6}\s?!?\s{0,3}(?=นี่)|นี่คือ[^:\n]{0,60}(?:คำอธิบาย|คำบรรยาย|สรุป)[^:\n]{0,60}:",
        r"(?:звісно|звичайно)\s?[!,.]\s{0,3}(?=ось)|ось\b[^.:\n]{0,60}опис\b[^.:\n]{0,80}:",
        r"(?:självklart|visst|naturligtvis)\s?[!,.]\s{0,3}(?=här)|här\s(?:är|kommer)\b[^.:\n]{0,60}(?:beskrivning"
        r"|sammanfattning)\w{0,3}\b[^.:\n]{0,80}:",
        r"(?:jistě|samozřejmě)\s?[!,.]\s{0,3}(?=zde|tady)|(?:zde|tady)\sje\b[^.:\n]{0,60}popis\b[^.:\n]{0,80}:",
        r"(?:desigur|sigur)\s?[!,.]\s{0,3}(?=iată)|iată\b[^.:\n]{0,60}(?:descriere|rezumat)\w{0,3}\b[^.:\n]{0,80}:",
        r"(?:當然(?:可以)?|沒問題)[，,。.!！:：]\s{0,3}(?=(?:以下|下面|這是|根據))|(?:以下|下面|這)是[^。：:\n]{0,60}"
        r"(?:描述|字幕|說明|總結)[：:]",
        r"(?:好的|当然|當然)[。！!]\s{0,3}\n",
        r"こちら[がは][^。：:\n]{0,60}(?:説明|キャプション|描写|要約)[^。：:\n]{0,20}[。：:]",
        r"(?:tentu(?:\ssaja)?)\s?[!,.]\s{0,3}(?=berikut)|berikut\b[^.:\n]{0,60}(?:deskripsi|keterangan"
        r"|ringkasan)\b[^.:\n]{0,80}:",
    )
)  # fmt: skip
_LABEL = re.compile(
    r"(?:#{1,6}\s{0,3})?[*_]{0,3}(?:the\s)?(?:(?:dense|detailed|final|short|long|full|improved|rewritten|revised"
    r"|video|image"
    r"|scene|frame|clip|overall)\s){0,3}(?:caption|description|summary|prompt)(?:\s(?:of|for)\s(?:the"
    r"|this)\s[\w ]{1,40})?"
    r"[*_]{0,3}\s{0,3}(?:[:：][*_]{0,3}|(?<=[*_])\n|\n(?=\n))"
    r"|[*_]{0,3}(?:final\s)?(?:answer|output|response)[*_]{0,3}:[*_]{0,3}(?=\s*(?-i:[A-Z\"“]))"
    r"|(?:#{1,6}\s{1,3})[^\n.:]{0,40}\b(?:caption|description|summary)\b[^\n.]{0,40}\n"
    r"|[*_]{0,3}(?:视频描述|画面描述|描述|字幕|总结|説明|キャプション|설명|캡션|beschreibung|descripción|descrição|légende|descrizione"
    r"|описание)[*_]{0,3}\s{0,3}[:：][*_]{0,3}",
    re.IGNORECASE,
)
# A last sentence that talks to the reader instead of telling of the picture.
_CHATTER = re.compile(
    r"""(?:^|(?<=[\n。！？])|(?<=[.!?"”*)])(?=\s))\s{0,3}[*_(]{0,3}(?:
        (?:please\s)?(?:let\sme\sknow|feel\sfree\sto)\b[^\n]{0,260}
      | (?:i\shope\s(?:this|that|it)\b|hope\s(?:this|that)\shelps)[^\n]{0,160}
      | (?:would|do)\syou\s(?:like|want)\s(?:me\sto|a\b|any|more|to)[^\n]{0,200}\?
      | if\syou(?:['’]d\slike|\sneed|\swant|\shave\sany|\swould\slike)\b[^\n]{0,200}(?:let\sme\sknow|feel\sfree
        |ask|happy\sto|i\scan|just\ssay)[^\n]{0,120}
      | is\sthere\sanything\selse\b[^\n]{0,120}\?
      | (?:如果|如有|若)[^。\n]{0,60}(?:请|欢迎|可以)(?:随时)?(?:告诉我|告知|联系|提问|问我)[^\n]{0,40}
      | (?:希望|希望这)[^。\n]{0,40}(?:有帮助|有所帮助|能帮到您?你?)[^\n]{0,20}
      | (?:何か|他に)[^。\n]{0,40}(?:お知らせください|お申し付けください|ありますか)[^\n]{0,20}
    )[*_)]{0,3}\s*\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_CHATTER_CHARS = 600
_RULE = re.compile(r"(?:\A\s{0,4}(?:-{3,}|\*{3,}|_{3,})[ \t]*\n|\n[ \t]*(?:-{3,}|\*{3,}|_{3,})\s*\Z)")


def unquote(text: str) -> str:
    """The text without a fence or quotation marks around the whole, and without outer blanks."""
    text = text.strip()
    if (fenced := _FENCE.fullmatch(text)) and "```" not in fenced[1]:
        text = fenced[1].strip()
    for opening, closing in _QUOTES:
        inner = text[1:-1]
        if len(text) > 1 and text[0] == opening and text[-1] == closing and not {opening, closing} & set(inner):
            text = inner.strip()
    return text


def unwrap(text: str) -> str:
    """A caption without what stands around it. A text that is nothing but a caption comes back as it is."""
    for _ in range(_MOST_ROUNDS):
        before = text
        text = _unannounced(unquote(_unframed(unquote(text))))
        if (inner := _caption_in_json(text)) is not None:
            text = inner
        if text == before:
            break
    return text


def leftover(text: str, raw: str = "") -> str:
    """What kind of data a text still is instead of prose, in words for the user; "" for prose.

    ``raw`` is the text before it was unwrapped: what stood in a fence for code is no prose.
    """
    text, raw = text.strip(), raw.strip()
    if text[:1] in ("{", "[") and (_BEGUN_OBJECT.match(text) or _parsed(text) is not None):
        followed = _json_and_more(text)
        return "" if followed is not None and not followed[1].startswith("\n") else "JSON"
    if text[:200].lower().startswith(("<!doctype", "<html", "<?xml", "<svg")):
        return "a page of markup"
    return "code" if _CODE.match(raw) and raw.endswith("```") else ""


def _unframed(text: str) -> str:
    """Without rules, emphasis, a heading's marks and a LaTeX box around the whole."""
    text = _RULE.sub("", text).strip()
    if text[:8].lower().startswith("json") and (rest := text[4:].lstrip())[:1] in ("{", "["):
        text = rest
    if boxed := _BOXED.fullmatch(text):
        text = boxed[1].strip()
    for mark in _EMPHASIS:
        inner = text[len(mark) : -len(mark)]
        if (
            len(inner) > 1
            and text.startswith(mark)
            and text.endswith(mark)
            and mark[0] not in inner
            and "\n" not in inner
        ):
            return inner.strip()
    if text.startswith("> ") and all(line.startswith(">") for line in text.splitlines()):
        return "\n".join(line[1:].strip() for line in text.splitlines()).strip()
    return text


def _unannounced(text: str) -> str:
    """Without a line that announces it, a label, and a last sentence that offers more. Never nothing."""
    for pattern in (*_PREAMBLES, _LABEL):
        found = pattern.match(text)
        if found and found.end() and (rest := text[found.end() :].lstrip(" \t\n\r*_")):
            if pattern is _LABEL and rest[0] in _OPENING and unquote(rest) == rest:
                continue  # it tells of words that are shown: 'Caption: "LIVE" in a corner'
            kept = text[found.end() :].strip()
            text = kept if kept.count("**") % 2 == 0 else rest
    tail_from = max(0, len(text) - _CHATTER_CHARS)
    for _ in range(3):
        found = _CHATTER.search(text, tail_from)
        if found is None or not text[: found.start()].strip() or _is_in_quotes(text, found.start()):
            break
        text = text[: found.start()].rstrip()
    return text


def _caption_in_json(text: str) -> str | None:
    """The caption that a text gives as JSON, alone or as the one block in a fence; None if it is something else."""
    if text.startswith('"{') and isinstance(inside := _parsed(text), str):
        return _caption_of(_parsed(inside))
    if text[:1] not in ("{", "["):
        blocks = list(_FENCED_INSIDE.finditer(text)) if "```" in text[:200] or "```" in text[-20:] else []
        if len(blocks) != 1 or (text[: blocks[0].start()].strip() and text[blocks[0].end() :].strip()):
            return None  # with words on both sides it is a part of the picture
        return _caption_of(_parsed(blocks[0][1]))
    if text.startswith(("{“", "[“")):
        text = text.translate({ord("“"): '"', ord("”"): '"'})
    plain = _parsed(text)
    if plain is not None:
        return _caption_of(plain)
    if (followed := _json_and_more(text)) is not None:
        return _caption_of(followed[0]) if followed[1].startswith("\n") else None
    begun = _BEGUN_JSON.match(text)
    if begun is None or _norm(begun[1]) not in _CAPTION_KEYS:
        return None
    inner = re.sub(r"""["']\s*,?\s*\}?\s*\]?\s*\Z""", "", text[begun.end() :][-_MOST_JSON_CHARS:])
    return inner.replace('\\"', '"').replace("\\n", "\n").strip() or None


def _parsed(text: str) -> Any:
    """What a text is as JSON, or as Python writes a dictionary; None if it is neither."""
    if len(text) > _MOST_JSON_CHARS:
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    if not (text.startswith(("{'", "['")) and len(text) < 20_000):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _json_and_more(text: str) -> tuple[Any, str] | None:
    """The object or list that a text begins with, and the words behind it; None where there are not both."""
    if len(text) > _MOST_JSON_CHARS:
        return None
    try:
        plain, end = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return None
    more = text[end:].lstrip(" \t")
    return (plain, more) if re.search(r"\w", more) else None


def _is_in_quotes(text: str, at: int) -> bool:
    """Whether quotation marks are open at a place: somebody in the picture says what follows."""
    return text.count('"', 0, at) % 2 == 1 or any(
        text.count(opening, 0, at) > text.count(closing, 0, at) for opening, closing in _QUOTES[1:6]
    )


def _caption_of(plain: Any, depth: int = 4) -> str | None:
    if isinstance(plain, str):
        return html.unescape(plain).strip() or None
    if depth and isinstance(plain, list) and len(plain) == 1:
        return _caption_of(plain[0], depth - 1)
    if not depth or not isinstance(plain, dict):
        return None
    keys = {_norm(str(key)): key for key in plain}
    for number, name in enumerate(_CAPTION_KEYS):
        if name in keys and (number < _SURE_KEYS or not set(keys) - _ASIDE_KEYS - set(_CAPTION_KEYS)):
            found = _caption_of(plain[keys[name]], depth - 1)
            if found is not None:
                return found
    only = next(iter(plain.values())) if len(plain) == 1 else None
    is_text = isinstance(only, dict) or (isinstance(only, str) and " " in only)
    return _caption_of(only, depth - 1) if is_text else None


def _norm(key: str) -> str:
    return re.sub(r"[\s_-]", "", key).lower()
