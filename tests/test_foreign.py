"""Foreign text in each output, read back by a reader of that output that is not ours."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from markdown_it import MarkdownIt

import hostile_texts
from hostile_texts import TEXTS
from made_captions import captioned, step
from sharegpt4video import foreign, formats, subtitles
from sharegpt4video.dataset.report import markup
from sharegpt4video.errors import VideoError
from sharegpt4video.records import VideoCaption

av = pytest.importorskip("av")

# Written out by hand: the code has its own list.
STEERING = {chr(n) for n in [*range(0x20), *range(0x7F, 0xA0)]} - {"\t", "\n"}
STEERING |= {chr(n) for n in [0x61C, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0xFEFF, 0x2028, 0x2029]}
FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


def steers(text: str) -> bool:
    return bool(STEERING & set(text)) or any(unicodedata.category(one) == "Cs" for one in text)


def words(text: str) -> list[str]:
    """What is left of a text where there is no place for what cannot be seen."""
    return foreign.plain(text).split()


def test_there_are_enough_of_them() -> None:
    assert len(set(TEXTS)) >= 120


@pytest.mark.parametrize(
    "text", ["می\u200cخواهم", "\U0001f468\u200d\U0001f469\u200d\U0001f467", FLAG, "שלום\u200f!", "é\n\tx"]
)
def test_scripts_and_emoji_keep_what_they_need(text: str) -> None:
    assert foreign.terminal(text) == text
    assert foreign.plain(text) == text


@settings(max_examples=150, deadline=None)
@given(hostile_texts.texts)
@example("\x1b[2J\u202e")
def test_a_terminal_is_not_steered(text: str) -> None:
    assert not steers(foreign.terminal(text))
    line = foreign.terminal_line(text)
    assert not steers(line)
    assert not set("\n\t") & set(line)
    assert foreign.terminal(foreign.terminal(text)) == foreign.terminal(text)


def test_what_a_terminal_is_spared_is_shown() -> None:
    assert foreign.terminal("\x1b[2J\u202e\ud800\U000e0041\r\n\x9b") == "\\x1b[2J\\u202e\\ud800\\U000e0041\n\\x9b"
    assert foreign.terminal_line("a\nerror: b") == "a\\nerror: b"


def caption_of(*texts: str) -> VideoCaption:
    steps = [step("opening", float(number), number + 1.0, text, number) for number, text in enumerate(texts)]
    return captioned(steps, float(len(texts)), summary=" ".join(texts), video="x\x1b]0;y\x07\n\n# z.mp4")


def decoded(path: Path) -> list[str]:
    """The cues as FFmpeg shows them: in its markup for players, tags acted upon."""
    with av.open(str(path)) as container:
        shown = [subtitle for packet in container.demux() if packet.size for subtitle in packet.decode()]
    lines = [line.ass.decode() for one in shown for line in (one if hasattr(one, "__iter__") else [one])]
    return [line.split(",", 8)[8] for line in lines]


@pytest.mark.parametrize("ending", ["srt", "vtt"])
def test_every_word_survives_in_a_player(tmp_path: Path, ending: str) -> None:
    texts = [text for text in TEXTS if words(text)]
    path = tmp_path / f"x.{ending}"
    path.write_text(formats.FORMATS[ending](caption_of(*texts)), "utf-8")
    shown = decoded(path)
    assert len(shown) == len(texts)
    for text, cue in zip(texts, shown, strict=True):
        if ending == "srt":
            assert not re.search(r"[{<>]|\\[^N]", cue), "a player would take it for a tag"
            cue = unicodedata.normalize("NFKC", cue.replace("\\N", " "))
            assert cue.split() == unicodedata.normalize("NFKC", foreign.plain(text)).split()
        else:
            cue = cue.replace("\\N", " ").replace("{{}", "{")  # FFmpeg escapes braces so, or with a backslash
            cue = re.sub("[\\\\\u2060]", "", cue)
            assert cue.split() == words(text.replace("\\", ""))


@settings(max_examples=60, deadline=None)
@given(hostile_texts.texts, hostile_texts.texts)
def test_no_subtitle_gives_birth_to_another(first: str, second: str) -> None:
    caption = caption_of(first, second)
    for written, point in ((formats.srt(caption), ","), (formats.vtt(caption), ".")):
        assert not steers(written)
        assert written.count("-->") == len(subtitles.cues(caption)) == 2
        assert len(re.findall(rf"^\d\d:\d\d:\d\d\{point}\d{{3}} --> ", written, re.MULTILINE)) == 2
        assert written.count("\n\n") == (1 if point == "," else 3)
    assert not re.search(r"[<{]", formats.srt(caption))


@settings(max_examples=150, deadline=None)
@given(hostile_texts.texts)
def test_markdown_shows_the_text_as_it_is(text: str) -> None:
    wanted = " ".join(words(text))
    for before, page in (("", "{}"), ("0:01", "- **0:01** {}"), ("", "# {}")):
        made = (
            MarkdownIt("commonmark").enable("table").enable("strikethrough").render(page.format(foreign.markdown(text)))
        )
        assert html.unescape(re.sub(r"<[^>]+>", "", made)).split() == f"{before} {wanted}".split()
        assert not re.search(r"<(a|img|script|h2|code|hr|del|em|table|blockquote)\b", made)


def test_a_markdown_page_keeps_its_headings() -> None:
    page = MarkdownIt().render(formats.md(caption_of(*TEXTS)))
    assert page.count("<h1>") == 1
    assert page.count("<h2>") == len(TEXTS)
    assert page.count("<li>") == len(TEXTS)
    assert not steers(formats.md(caption_of(*TEXTS)))


@settings(max_examples=150, deadline=None)
@given(hostile_texts.texts)
def test_json_is_an_equal_value_on_one_line(text: str) -> None:
    document = foreign.json_text(json.dumps([text], ensure_ascii=False))
    assert not steers(document)
    assert len(document.splitlines()) == 1
    assert json.loads(document) == [text.encode("utf-8", "backslashreplace").decode()]


def test_a_caption_of_such_texts_reads_back() -> None:
    caption = caption_of(*TEXTS)
    for indent in (None, 2):
        document = caption.to_json(indent=indent)
        assert not steers(document)
        back = VideoCaption.from_json(document.encode())
        for written, text in zip(back.steps, TEXTS, strict=True):
            assert written.text == text.encode("utf-8", "backslashreplace").decode()


@settings(max_examples=150, deadline=None)
@given(hostile_texts.texts)
def test_no_cell_is_a_formula(text: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow([foreign.csv_cell(text), foreign.csv_path(text or "x")])
    file.getvalue().encode()
    ((cell, path),) = csv.reader(io.StringIO(file.getvalue().replace("\0", ""), newline=""))
    assert not re.match(r"[\t\r\n]|\s*[=+@\uff1d\uff0b\uff0d\uff20]|\s*-(?![\w.-]*$)", cell)
    assert not re.match(r"[=+@\t\r\n-]", path)
    assert "".join(words(cell)).lstrip("'") == "".join(words(text)).lstrip("'")


@settings(max_examples=150, deadline=None)
@given(hostile_texts.texts)
def test_html_shows_what_cannot_be_seen(text: str) -> None:
    for made in (markup.text(text), markup.attribute(text)):
        assert not steers(made)
        assert not re.search(r"<(?!/?span)", made)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pw@host/x.mp4", "https://***@host/x.mp4"),
        ("https://me:p@ss:w@host:8443/x", "https://***@host:8443/x"),
        ("sftp://me:pa/ss@host/x: gone", "sftp://***@host/x: gone"),
        ("https://ghp_0a1b@host/x", "https://***@host/x"),
        ("https://host:443/a@b.mp4", "https://host:443/a@b.mp4"),
        ("https://host/a@b.mp4 and me@host", "https://host/a@b.mp4 and me@host"),
        (
            "https://h/x?X-Amz-Credential=AK%2F1&X-Amz-Signature=ab&v=7",
            "https://h/x?X-Amz-Credential=***&X-Amz-Signature=***&v=7",
        ),
        ("https://h/x?sv=1&se=2026&sig=a%2Bb%3D", "https://h/x?sv=1&se=2026&sig=***"),
        ("https://h/x?Expires=9&Signature=q~&Key-Pair-Id=K1", "https://h/x?Expires=9&Signature=***&Key-Pair-Id=***"),
        ("https://h/x?GoogleAccessId=me&Signature=q", "https://h/x?GoogleAccessId=***&Signature=***"),
        ("https://h/x?access_token=t#token=u", "https://h/x?access_token=***#token=***"),
        ("'https://h/x?api_key=t' failed (403)", "'https://h/x?api_key=***' failed (403)"),
        ("https://h/watch?v=abc&list=key&author=me", "https://h/watch?v=abc&list=key&author=me"),
        ("The key=1 and password=2 are no address.", "The key=1 and password=2 are no address."),
        ("s3://AK:secret@bucket/x, then https://u:p@h/y", "s3://***@bucket/x, then https://***@h/y"),
    ],
)
def test_addresses_are_shown_without_what_opens_them(text: str, shown: str) -> None:
    assert foreign.without_secrets(text) == shown
    assert foreign.without_secrets(shown) == shown
    assert foreign.terminal(text) == shown
    assert str(VideoError(text)) == shown
