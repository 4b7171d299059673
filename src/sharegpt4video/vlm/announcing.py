"""Takes off what models say before and after a caption: "Sure! Here is …", "**Caption:**", "Let me know …"."""

from __future__ import annotations

import re

from .quoting import OPENING, is_in_quotes, unquote
from .shown import tells_of_words

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
# What a caption may be of, for, in or based on, so that the line before it only announces it.
_TAIL = (
    r"(?:\s(?:of|for|about|from|covering|describing)\s(?:the|this|that|your|what|all|each|both|these)\b[^.:\n]{0,120}?"
    r"(?:videos?|clips?|images?|pictures?|photos?|frames?|scenes?|footage|changes?|happens|shown|provided|events?|it"
    r"|request|moment|segment|shot|action|recording)\b[^.:\n]{0,100}|\s(?:that|which)\s(?:describes?|captures?|covers?|tells"
    r"|summari[sz]es|reflects?|fits|includes?|meets)\b[^.:\n]{0,120}|,?\s(?:based\son|describing|as\s(?:requested|follows"
    r"|a\ssingle)|following|using|with\s(?:more|the|all|your)|without|under|within|capturing|focusing|you\s(?:asked"
    r"|requested|wanted))\b[^.:\n]{0,120}|\sin\s(?:JSON|YAML|XML|plain|markdown|english|chinese|german|french|spanish"
    r"|japanese|the\s(?:requested|required|desired|specified|given)|one\s(?:sentence|paragraph)|a\s(?:single|few|detailed)"
    r"|\d+)\b[^.:\n]{0,80}|\s\([^()\n]{1,60}\))?"
)
# Behind "… description:", what goes on in small letters is the sentence itself.
_NO_SENTENCE = r"(?!\s(?-i:[a-zà-öø-ÿа-яёąćęłńóśźżğışăâîșț]))"
# One line that announces what follows. It has to say what it announces, and to end in a colon or in the line.
_PREAMBLES = tuple(
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        rf"(?:{_YES}\s{{0,2}}[!,.:]+\s{{0,3}})?(?:(?:based\son|from|using|given|looking\sat)\b[^.:\n]{{3,150}}?,\s)?"
        rf"{_HERE}\b(?:\s[*_]{{0,3}}[\w'’,-]{{1,24}}){{0,7}}?\s[*_]{{0,3}}{_NOUN}[*_]{{0,3}}{_TAIL}\s{{0,2}}"
        rf"(?::[*_]{{0,3}}|[.!]?[*_]{{0,3}}\s{{0,3}}\n)",
        r"(?:sure,\s)?here\s(?:it\sis|you\sgo|goes)\s?:[*_]{0,3}|(?:okay,\s|ok,\s)?here\s(?:it\sis|goes)[:.]?\s{0,3}\n"
        r"|here(?:['’]s|\sis)\smy\s(?:attempt|try|take|version)\s?:|i\shave\scompleted\s(?:the|your)\stask[.!]",
        r"(?:after|having|looking|based|judging)\b[^.:\n]{3,120},\s(?=here)|here(?:['’]s|\sis)\swhat\s(?:changed|changes"
        r"|happened|happens|i\s(?:see|can\ssee))\b[^.:\n]{0,60}:",
        r"as\san?\sai\s(?:assistant|model),\s(?=here)",
        rf"(?:the|an?|my|one|your)\s(?:[\w-]{{1,16}}\s){{0,4}}{_NOUN}\s(?:is|are|would\sbe|could\sbe|might\sbe)"
        r"(?:\sas\sfollows)?\s?:[*_]{0,3}(?=\s*(?-i:[^a-z\s]))",
        r"(?:got\sit|no\sproblem|happy\sto\shelp|i['’]d\sbe\s(?:happy|glad)\sto\shelp|okay|ok|understood)!"
        r"(?=\s+(?-i:[^a-z\s]))|understood\.(?=\s+(?-i:[A-Z]))",
        rf"{_YES}\s{{0,2}}[!,.:]+\s{{1,3}}(?:i['’]ll|i\swill|let\sme|i['’]d\sbe\shappy\sto|i\scan"
        rf"|happy\sto)\b[^.:!\n]{{0,160}}[.:!]",
        r"(?:sure|certainly|of\scourse|absolutely)(?:\sthing)?\s?!(?=\s+(?-i:[^a-z\s]))",
        r"(?:great\squestion|hello|hi)[!.](?=\s+(?:here|the\s(?:video|image|picture|clip)|based|i)\b|\s*\n)",
        r"(?:thank\syou|thanks)\sfor\s(?:sharing|providing|uploading|the\s(?:video|images?|frames?|clip|pictures?))"
        r"\b[^.!:\n]{0,60}[!.](?=\s+(?-i:[A-Z*#\"“]))",
        rf"(?:{_YES}\s{{0,2}}[!,.:]+\s{{0,3}})?(?:here\syou\sgo|here['’]s\swhat\s(?:i\s(?:can\s)?see"
        rf"|is\shappening|happens)\b[^.:\n]{{0,60}})[:!.][*_]{{0,3}}\s{{0,3}}\n",
        rf"as\s(?:requested|you\sasked),\s(?={_HERE})",
        r"(?:(?:i['’]d|i\swould|i\scan|i)\s(?:describe|caption|summari[sz]e)|let\sme\sdescribe"
        r"|i['’]ll\sdescribe)\b[^.:\n]{0,120}:(?=\s*(?-i:[^a-z\s])|\s*\n)",
        r"the\s(?:video|image|picture|clip|scene|frames?|pictures?)\s(?:can\sbe|is|are|could\sbe)\s(?:best\s)?"
        r"(?:described|captioned|summari[sz]ed)\sas(?:\sfollows)?\s?:(?=\s*(?-i:[^a-z\s])|\s*\n)",
        r"(?:好的|当然(?:可以)?|没问题|没有问题|明白了?|可以)[，,。.!！:：]\s{0,3}(?=(?:以下|下面|这是|根据))",
        r"(?:以下|下面|这)(?:是|为)[^。：:\n]{0,60}(?:描述|字幕|说明|说明文字?|总结|概述|标题|內容|内容|說明|總結)[：:]",
        r"(?:以下|下面)(?:是|为)[^。：:\n]{0,60}(?:描述|字幕|说明|总结|概述)[^。：:\n]{0,20}[：:]",
        r"根据[^。：:\n]{1,60}(?:以下|如下)[^。：:\n]{0,40}(?:描述|字幕|说明|总结|概述|内容|回答)[^。：:\n]{0,10}[：:]",
        r"(?:视频|画面|内容|图片|镜头|最终|详细){0,3}(?:描述|字幕|说明|总结|概述)?(?:如下)[：:]|(?:答案|回答|输出|结果)[：:]",
        r"好的[。！!](?!\s*\n)\s{0,3}|(?:当然|當然)[！!](?!\s*\n)\s{0,3}",
        r"(?:はい[、。,!！]\s{0,3}(?=以下|こちら|説明|承知)|(?:もちろん(?:です)?|承知(?:いた)?しました|わかりました|かしこまりました)[、。,!！]\s{0,3}(?!と))",
        r"以下[はがに、][^。：:\n]{0,60}(?:説明|キャプション|描写|要約)[^。：:\n]{0,20}[。：:]",
        r"(?:네[,.!]\s{0,3}(?=다음|아래|여기|알겠|물론|요청)|(?:물론(?:이죠|입니다)?|알겠습니다)[,.!]\s{0,3})",
        r"(?:다음은|아래는)[^.:\n]{0,60}(?:설명|캡션|묘사|요약)[^.:\n]{0,20}[.:]",
        r"(?:natürlich|gerne?|klar|selbstverständlich)\s?(?:!\s{0,3}(?-i:(?![a-zäöü]))|[,.]\s{0,3}(?=hier\b))"
        r"(?:hier\s(?:ist|sind)\b[^.:\n]{0,140}:)?",
        r"hier\s(?:ist|sind)\s(?:ein|eine|die|der)\b[^.:\n]{0,60}(?:beschreibung|zusammenfassung|untertitel"
        r"|caption)\b[^.:\n]{0,80}:" + _NO_SENTENCE,
        r"(?:bien\s(?:sûr|entendu)|certainement|d['’]accord|avec\splaisir)\s?(?:!\s{0,3}(?-i:(?![a-zéà]))|[,.]\s{0,3}(?=voici\b))"
        r"(?:voici\b[^.:\n]{0,140}:)?",
        r"voici\s(?:une?|la|le)\b[^.:\n]{0,60}(?:description|légende|résumé)\b[^.:\n]{0,80}:" + _NO_SENTENCE,
        r"¡?(?:claro(?:\sque\ssí)?|por\ssupuesto|desde\sluego|con\sgusto)\s?(?:!\s{0,3}(?-i:(?![a-zéáñ]))|[,.]\s{0,3}(?=aqu[ií]\b))"
        r"(?:aqu[ií]\s(?:tienes?|está|va)\b[^.:\n]{0,140}:)?",
        r"aqu[ií]\s(?:tienes?|está|va)\s(?:una?|la|el|uma?|a)\b[^.:\n]{0,60}(?:descripción|leyenda|resumen"
        r"|descrição|legenda)\b[^.:\n]{0,80}:" + _NO_SENTENCE,
        r"com\scerteza\s?(?:!\s{0,3}(?-i:(?![a-zéáã]))|[,.]\s{0,3}(?=aqui\b))(?:aqui\s(?:está|vai)\b[^.:\n]{0,140}:)?",
        r"(?:certo|certamente|naturalmente)\s?[!,.]\s{0,3}(?=ecco)",
        r"ecco\s(?:una|la|il)\b[^.:\n]{0,60}(?:descrizione|didascalia|riassunto)\b[^.:\n]{0,80}:" + _NO_SENTENCE,
        r"(?:конечно|хорошо)\s?[!,.]\s{0,3}(?=вот)",
        r"вот\b[^.:\n]{0,60}(?:описание|подпись|резюме)\b[^.:\n]{0,80}:" + _NO_SENTENCE,
        r"(?:natuurlijk|zeker)\s?[!,.]\s{0,3}(?=hier)|hier\sis\seen\b[^.:\n]{0,60}(?:beschrijving"
        r"|samenvatting)\b[^.:\n]{0,80}:" + _NO_SENTENCE,
        r"(?:oczywiście|jasne)\s?[!,.]\s{0,3}(?=oto)|oto\b[^.:\n]{0,60}(?:opis|podsumowanie)\b[^.:\n]{0,80}:"
        + _NO_SENTENCE,
        r"(?:tabii(?:\ski)?|elbette)\s?[!,.]\s{0,3}(?=[iİ̇ı]̇?şte)|[iİı]̇?şte\b[^.:\n]{0,60}(?:açıklama|özet)[^.:\n]{0,80}:"
        + _NO_SENTENCE,
        r"(?:chắc\schắn(?:\srồi)?|tất\snhiên|vâng)\s?[!,.]\s{0,3}(?=dưới|đây)|(?:dưới\s)?đây\slà[^.:\n]{0,60}(?:mô\stả"
        r"|tóm\stắt)[^.:\n]{0,80}:" + _NO_SENTENCE,
        r"(?:بالتأكيد|بالطبع|حسنًا)\s?[!،,.]\s{0,3}(?=إليك|فيما)"
        r"|(?:إليك|فيما)[^.:\n]{0,60}(?:وصف|ملخص)[^.:\n]{0,60}:",
        r"(?:ज़रूर|ज़रूर|बिल्कुल|बेशक)\s?[!,।]\s{0,3}(?=यहाँ|यहां)|(?:यहाँ|यहां)[^.:\n]{0,60}(?:विवरण|सारांश|वर्णन)[^.:\n]{0,40}:",
        r"(?:แน่นอน|ได้เลย)\S{0,6}\s?!?\s{0,3}(?=นี่)|นี่คือ[^:\n]{0,60}(?:คำอธิบาย|คำบรรยาย|สรุป)[^:\n]{0,60}:",
        r"(?:звісно|звичайно)\s?[!,.]\s{0,3}(?=ось)|ось\b[^.:\n]{0,60}опис\b[^.:\n]{0,80}:" + _NO_SENTENCE,
        r"(?:självklart|visst|naturligtvis)\s?[!,.]\s{0,3}(?=här)|här\s(?:är|kommer)\b[^.:\n]{0,60}(?:beskrivning"
        r"|sammanfattning)\w{0,3}\b[^.:\n]{0,80}:" + _NO_SENTENCE,
        r"(?:jistě|samozřejmě)\s?[!,.]\s{0,3}(?=zde|tady)|(?:zde|tady)\sje\b[^.:\n]{0,60}popis\b[^.:\n]{0,80}:"
        + _NO_SENTENCE,
        r"(?:desigur|sigur)\s?[!,.]\s{0,3}(?=iată)|iată\b[^.:\n]{0,60}(?:descriere|rezumat)\w{0,3}\b[^.:\n]{0,80}:"
        + _NO_SENTENCE,
        r"(?:當然(?:可以)?|沒問題)[，,。.!！:：]\s{0,3}(?=(?:以下|下面|這是|根據))|(?:以下|下面|這)是[^。：:\n]{0,60}"
        r"(?:描述|字幕|說明|總結)[：:]",
        r"(?:好的|当然|當然)[。！!]\s{0,3}\n",
        r"こちら[がは][^。：:\n]{0,60}(?:説明|キャプション|描写|要約)[^。：:\n]{0,20}[。：:]",
        r"(?:tentu(?:\ssaja)?)\s?[!,.]\s{0,3}(?=berikut)|berikut\b[^.:\n]{0,60}(?:deskripsi|keterangan"
        r"|ringkasan)\b[^.:\n]{0,80}:" + _NO_SENTENCE,
    )
)  # fmt: skip
_LABEL = re.compile(
    r"(?:#{1,6}\s{0,3})?[*_]{0,3}(?:the\s)?(?:(?:dense|detailed|final|short|long|full|improved|rewritten|revised"
    r"|video|image|alt|my|change|possible|one|new"
    r"|scene|frame|clip|overall)\s){0,3}(?:caption|description|summary|prompt)(?:\s\d{1,2}|\s(?:of|for)\s(?:the"
    r"|this)\s[\w ]{1,40}|\sof\schanges|\s\([\w ]{2,20}\))?"
    r"[*_]{0,3}\s{0,3}(?:[:：][*_]{0,3}|(?<=[*_])\n|\n(?=\n))"
    r"|(?:#{1,6}\s{0,3})?[*_]{0,3}(?:final\s)?(?:answer|output|response|result|option\s1|alt\stext|changes?|tl;dr|in\ssummary)"
    r"[*_]{0,3}:[*_]{0,3}(?=\s*(?-i:[A-Z\"“{\[<`]))"
    r"|(?:#{1,6}\s{1,3})[^\n.:]{0,40}\b(?:caption|description|summary)\b[^\n.]{0,40}\n"
    r"|【(?:视频描述|画面描述|描述|字幕|总结|说明|説明|答案|回答)】\s{0,3}"
    r"|[*_]{0,3}(?:(?:视频|画面|内容|最终|详细){0,3}描述|字幕|总结|説明文?|回答|キャプション|설명|캡션|자막|출력|답변|beschreibung|descripción|descrição|légende|descrizione"
    r"|описание)[*_]{0,3}\s{0,3}[:：][*_]{0,3}",
    re.IGNORECASE,
)
# A last paragraph that talks of the caption, or counts it.
_AFTERWORD = re.compile(
    r"""\n\s{0,8}\n\s{0,3}[*_(\[]{0,3}(?:
        (?:note|please\snote|n\.b\.|disclaimer)\b[^\n]{0,40}\b(?:captions?|descriptions?|frames?|images?|videos?
        |audio|i)\b[^\n]{0,300}
      | (?:this|the\sabove)\s(?:caption|description|summary)\s(?:\w{1,20}ly\s)?(?:describes|captures|reflects|is\sbased
        |provides|covers|summari[sz]es|focuses|highlights|should|aims|avoids|includes|conveys|follows|meets)\b[^\n]{0,200}
      | that(?:['’]s|\sis)\s(?:the|my)\s(?:caption|description|summary)
      | (?:end\sof\s)(?:the\s)?(?:captions?|descriptions?|answer|response|output)\b[^\n]{0,10}
      | (?:word|character)\scount\s?:\s?\d{1,5} | \d{1,5}\s(?:words|characters|tokens)
      | (?:how\s(?:can|may)\si\s(?:help|assist)|anything\selse|is\sthis\s(?:what|ok)|do(?:es)?\sthis
        \s(?:help|work))[^\n]{0,80}\?
      | (?:还有什么|请问还|还需要)[^\n]{0,40}[？?]
      | (?:bitte\slassen\ssie|n['’]hésitez\spas|avísame|háganme|дайте\sзнать|fammi\ssapere|laat\shet\sme)[^\n]{0,200}
      | 必要(?:であれば|なら|でしたら)[^\n]{0,60} | (?:도움이|더)[^\n]{0,40}(?:말씀|알려)[^\n]{0,20}
    )[*_)\]]{0,3}[.!。！]?[*_)\]]{0,3}\s*\Z|\s\((?:\d{1,5}\s(?:words|characters|tokens)|(?:word|character)\scount\s?:\s?\d{1,5})\)\s*\Z""",
    re.IGNORECASE | re.VERBOSE,
)
# A last sentence that talks to the reader instead of telling of the picture.
_CHATTER = re.compile(
    r"""(?:^|(?<=[\n。！？])|(?<=[.!?"”*)])(?=\s))\s{0,3}[*_(]{0,3}(?:
        (?:please\s)?(?:let\sme\sknow|feel\sfree\sto)\b(?!\s(?:is|are|was|['’\"”]|on\b))[^\n]{0,260}
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
_OF_WORDS = re.compile(  # "Sure! The word is sprayed on a wall"
    r"\s*(?:(?:the|these|this|both|two|das|die|le|les?|la|el|o|a|il)\s)?(?:words?|letters?|lettering|text|phrase|wort|mot|palabra|palavra"
    r"|parola|слово)\b[^.!?\n]{0,20}\b(?:is|are|appears?|steht|s['’]affiche|aparece|appare|está)\b"
    r"|\s(?:is|are)\s(?:typed|written|printed|painted|the|shown|in)\b",
    re.IGNORECASE,
)


def unannounced(text: str) -> str:
    """Without a line that announces it, a label, and a last sentence that offers more. Never nothing."""
    spoken = tells_of_words(text)
    for pattern in (*_PREAMBLES, _LABEL):
        found = pattern.match(text)
        if found and (spoken or _OF_WORDS.match(text, found.end())) and "\n" not in found[0]:
            continue  # a word that the picture shows
        if found and found.end() and (rest := text[found.end() :].lstrip(" \t\n\r*_")):
            if pattern is _LABEL and rest[0] in OPENING and unquote(rest) == rest:
                continue  # it tells of words that are shown: 'Caption: "LIVE" in a corner'
            kept = text[found.end() :].strip()
            text = kept if kept.count("**") % 2 == 0 else rest
    for _ in range(3):
        tail_from = max(0, len(text) - _CHATTER_CHARS)
        found = _CHATTER.search(text, tail_from) or _AFTERWORD.search(text, tail_from)
        if found is None or not text[: found.start()].strip() or is_in_quotes(text, found.start()):
            break
        text = text[: found.start()].rstrip()
    return text
