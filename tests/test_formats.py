import re

from hypothesis import given, settings

from made_captions import captioned, captions, step
from sharegpt4video import foreign, formats, subtitles
from sharegpt4video.records import VideoCaption

YOGA = captioned(
    [
        step("opening", 0.0, 0.0, "A person stands."),
        step("change", 0.0, 2.0, "She raises an arm."),
        step("change", 2.0, 4.5, "She lowers it."),
        step("opening", 4.5, 9.25, "An empty mat.", shot=1),
    ],
    end_seconds=9.25,
)


def clock_ms(clock: str, point: str) -> int:
    match = re.fullmatch(rf"(\d\d):(\d\d):(\d\d){re.escape(point)}(\d\d\d)", clock)
    assert match, clock
    hours, minutes, seconds, milliseconds = map(int, match.groups())
    assert minutes < 60
    assert seconds < 60
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds


def read_cue(lines: list[str], point: str) -> tuple[int, int, list[str]]:
    start, arrow, end = lines[0].split(" ")
    assert arrow == "-->"
    assert lines[1:]
    assert all(line.strip() for line in lines[1:])
    assert not any("-->" in line for line in lines[1:])
    return clock_ms(start, point), clock_ms(end, point), lines[1:]


def read_srt(text: str) -> list[tuple[int, int, list[str]]]:
    """A strict reader of SubRip: numbered blocks, divided by exactly one empty line."""
    assert text.endswith("\n")
    found = []
    for number, block in enumerate(text.removesuffix("\n").split("\n\n"), start=1):
        lines = block.split("\n")
        assert lines[0] == str(number)
        found.append(read_cue(lines[1:], ","))
    return found


def read_vtt(text: str) -> list[tuple[int, int, list[str]]]:
    """A strict reader of WebVTT: the header, one note, then cues without identifiers."""
    header, note, *blocks = text.removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    assert note.startswith("NOTE\n")
    cues = [read_cue(block.split("\n"), ".") for block in blocks]
    for _, _, lines in cues:
        for line in lines:
            assert "<" not in line
            assert ">" not in line
            assert not re.search(r"&(?!(amp|lt|gt);)", line)
    return cues


def check_times(cues: list[tuple[int, int, list[str]]], caption: VideoCaption) -> None:
    shown_ms = 0
    for start_ms, end_ms, _ in cues:
        assert shown_ms <= start_ms < end_ms
        shown_ms = end_ms
    assert shown_ms == round(caption.end_seconds * 1000)


def test_the_opening_has_a_part_of_the_time_of_the_change_after_it() -> None:
    cues = subtitles.cues(YOGA)
    times = [(0, 1000), (1000, 2000), (2000, 4500), (4500, 9250)]
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == times
    assert [cue.text for cue in cues] == [one.text for one in YOGA.steps]
    long = [step("opening", 0.0, 0.0, "x" * 30), step("change", 0.0, 8.0, "y" * 10)]
    assert [(cue.start_ms, cue.end_ms) for cue in subtitles.cues(captioned(long, 8.0))] == [(0, 6000), (6000, 8000)]


def test_what_is_too_short_for_two_subtitles_shows_both_in_one() -> None:
    short = [step("opening", 0.0, 0.0, "A person stands."), step("change", 0.0, 1.9, "She raises an arm.")]
    (cue,) = subtitles.cues(captioned(short, 1.9))
    assert (cue.start_ms, cue.end_ms, cue.text) == (0, 1900, "A person stands.\nShe raises an arm.")


def test_srt_by_hand() -> None:
    assert formats.srt(YOGA) == (
        "1\n00:00:00,000 --> 00:00:01,000\nA person stands.\n\n"
        "2\n00:00:01,000 --> 00:00:02,000\nShe raises an arm.\n\n"
        "3\n00:00:02,000 --> 00:00:04,500\nShe lowers it.\n\n"
        "4\n00:00:04,500 --> 00:00:09,250\nAn empty mat.\n"
    )


@settings(max_examples=60, deadline=None)
@given(captions())
def test_subtitles_are_valid_and_tile_the_video(caption: VideoCaption) -> None:
    for cues in (read_srt(formats.srt(caption)), read_vtt(formats.vtt(caption))):
        check_times(cues, caption)


@settings(max_examples=60, deadline=None)
@given(captions())
def test_no_word_is_lost_in_subtitles(caption: VideoCaption) -> None:
    shown = " ".join(" ".join(lines) for _, _, lines in read_vtt(formats.vtt(caption)))
    for escaped, plain in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        shown = shown.replace(escaped, plain)
    words = [word for one in caption.steps for word in foreign.plain(one.text).split()]
    assert [word for word in shown.split() if word != "…"] == [word for word in words if word != "…"]


@settings(max_examples=60, deadline=None)
@given(captions())
def test_json_reads_back(caption: VideoCaption) -> None:
    assert VideoCaption.from_json(formats.json(caption)) == caption


@settings(max_examples=60, deadline=None)
@given(captions())
def test_text_has_a_line_for_each_step(caption: VideoCaption) -> None:
    lines = formats.text(caption).split("\n")
    assert len(lines) == len(caption.steps) + 3
    assert all(line.startswith("[") for line in lines[: len(caption.steps)])
    assert lines[-3:-1][0] == ""
    assert lines[-2].startswith("Summary:")


def test_an_opening_without_time_at_the_very_end_is_not_lost() -> None:
    late = [*YOGA.steps, step("opening", 9.25, 9.25, "A flash.", shot=2)]
    cues = subtitles.cues(captioned(late, end_seconds=9.25))
    assert cues[-1].text == "An empty mat.\nA flash."
    longer = subtitles.cues(captioned(late, end_seconds=9.5))
    assert (longer[-1].start_ms, longer[-1].end_ms, longer[-1].text) == (9250, 9500, "A flash.")


def test_long_texts_are_wrapped() -> None:
    caption = captioned([step("opening", 0.0, 3.0, "word " * 100)], end_seconds=3.0)
    (_, _, lines) = read_srt(formats.srt(caption))[0]
    assert len(lines) > 5
    assert max(map(len, lines)) <= subtitles.CUE_COLUMNS


def test_a_problem_is_marked_everywhere() -> None:
    caption = captioned([step("opening", 0.0, 3.0, "I am sorry", problem="refused")], 3.0, "Half a", "cut off")
    for write in (formats.text, formats.srt, formats.vtt, formats.md):
        assert "refused" in write(caption), write
        assert "I am sorry" in write(caption), write
    assert "[cut off] Half a" in formats.text(caption)


def test_markdown_marks_in_a_text_stay_text() -> None:
    caption = captioned(
        [step("opening", 0.0, 3.0, "a *b* [c](d) <e> `f`")], 3.0, summary="# not a heading", video="x_y.mp4"
    )
    page = formats.md(caption)
    assert r"a \*b\* \[c\](d) \<e\> \`f\`" in page
    assert r"\# not a heading" in page
    assert page.startswith("# x\\_y.mp4\n")
    assert "## Shot 1, from 0:00.0" in page


def test_every_format_has_an_ending() -> None:
    assert formats.ENDINGS.keys() == formats.FORMATS.keys()
