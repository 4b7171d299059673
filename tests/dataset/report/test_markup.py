from __future__ import annotations

import html

import pytest
from markupsafe import Markup

from sharegpt4video.dataset.report.markup import attribute, clock, cut, duration, number, percent, plural, text
from sharegpt4video.foreign import UNSEEN


def test_numbers_for_people() -> None:
    assert [number(value) for value in (0, 12, 1234567, 0.12345, float("nan"))] == [
        "0",
        "12",
        "1\u202f234\u202f567",
        "0.123",
        "–",
    ]
    assert [percent(value) for value in (0, 0.0004, 0.034, 0.5, 0.9999, 1)] == [
        "0 %",
        "< 0.1 %",
        "3.4 %",
        "50 %",
        "> 99.9 %",
        "100 %",
    ]
    assert [duration(value) for value in (0, 59.94, 3600, 1e6)] == ["0 s", "59.9 s", "60 min", "278 h"]
    assert [clock(value) for value in (0, 59.96, 61.25, 3600)] == ["0:00.0", "1:00.0", "1:01.2", "60:00.0"]
    assert [plural(count, "video") for count in (0, 1, 1234)] == ["0 videos", "1 video", "1\u202f234 videos"]
    assert plural(2, "body", "bodies") == "2 bodies"


def test_what_is_no_html_is_escaped_once() -> None:
    assert text("\u202e<") == '<span class="unseen">U+202E</span>&lt;'
    assert text(text("<b>")) == "&lt;b&gt;"
    assert text(Markup("<b>")) == "<b>"
    assert attribute('\u202e"\n') == "[U+202E]&quot; "
    assert attribute(Markup("<b>")) == "&lt;b&gt;"


@pytest.mark.parametrize("shown", [text, attribute])
def test_no_character_reaches_the_page_unseen_or_as_a_tag(shown: type[Markup]) -> None:
    made = shown("".join(map(chr, (*range(0x3000), *range(0xD7F0, 0x10010), *range(0xE0000, 0xE0100)))))
    assert UNSEEN.search(made) is None
    bare = made.replace('<span class="unseen">', "").replace("</span>", "")
    assert not set("<>\"'") & set(bare)
    assert "\u200d" in html.unescape(bare)  # what emoji and scripts need is left alone


def test_half_an_address_keeps_its_secret() -> None:
    address = "https://me:secret@host/x.mp4?X-Amz-Signature=ab12"
    assert not any("secret" in cut(address, letters) or "ab12" in cut(address, letters) for letters in range(1, 60))
