from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import made_report_rows
import sharegpt4video.dataset.report
from sharegpt4video.dataset.report import ReportResult, write_report
from sharegpt4video.dataset.report.page import _environment
from sharegpt4video.dataset.rows import Checked, Failure, Selected, SourceVideo
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, SG4VError
from sharegpt4video.records import Finding

ROOM = Path(sharegpt4video.dataset.report.__file__).parent
VOID = {"meta", "img", "input", "br", "link", "hr"}
ADDRESSES = ("src", "href", "action", "data", "poster", "srcset", "xlink:href", "style")


class Page(HTMLParser):
    """What a page holds: elements that are open or closed wrongly, ids, addresses, text outside style and script."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: Counter[str] = Counter()
        self.tags: Counter[str] = Counter()
        self.addresses: list[tuple[str, str, str]] = []
        self.handlers: list[str] = []
        self.said: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids[value or ""] += 1
            if name in ADDRESSES:
                self.addresses.append((tag, name, value or ""))
            if name.startswith("on"):
                self.handlers.append(name)
            if "class=" in (value or ""):
                self.wrong.append(f"a tag in {name} of {tag}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


def sound(content: str) -> Page:
    """The page, after making sure that it is well formed and loads nothing."""
    page = Page(content)
    assert page.wrong == []
    assert page.open == []
    assert [name for name, count in page.ids.items() if count > 1] == []
    assert page.handlers == []
    assert page.tags["script"] == page.tags["style"] == 1
    for tag, name, value in page.addresses:
        assert (tag, name) in (("a", "href"), ("img", "src")), (tag, name)
        assert value.startswith("data:image/jpeg;base64," if tag == "img" else "#")
        assert tag == "img" or value[1:] in page.ids
    assert not re.search(r"@import|url\(", content)
    return page


def shown(store: Store, folder: Path, samples: int = 5) -> Page:
    result = write_report(store, folder / "report.html", samples=samples)
    return sound(Path(result.path).read_text(encoding="utf-8"))


def test_a_full_page_is_sound_and_says_what_there_is(written: tuple[ReportResult, str]) -> None:
    result, content = written
    page = sound(content)
    assert (result.videos, result.samples, result.without_pictures) == (62, 62, 60)
    assert page.tags["img"] == result.pictures >= 2
    assert page.tags["article"] == 62
    assert result.size_bytes == len(content.encode()) < 15_000_000
    for words in (
        "captioned",
        "Length of videos",
        "Camera moves",
        "Objects tracked",
        "Openings",
        "too long",
        "gave no answer",
    ):
        assert words in page.text, words
    assert "An earlier caption that was replaced." not in page.text
    assert "the file is not there any more" in page.text
    assert f"{result.videos} captioned videos" in result.text()


def test_the_policy_allows_only_the_own_style_and_script(written: tuple[ReportResult, str]) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', written[1])
    assert policy is not None
    rules = policy.group(1).replace("&#x27;", "'")
    assert rules.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in rules


def test_findings_stand_at_their_step(tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    row = made_report_rows.caption_row(3)
    store.append("captions", [row])
    store.append(
        "checks", [Checked(row.id, 0, (Finding("camera", 1, "said to pan"), Finding("loop", -1, "said twice")))]
    )
    write_report(store, tmp_path / "r.html")
    content = (tmp_path / "r.html").read_text(encoding="utf-8")
    article = content[content.index("<article") :]
    items = re.findall(r"<li.*?</li>", article, re.S)
    assert [number for number, item in enumerate(items) if "said to pan" in item] == [1]
    assert 'class="suspect"' in items[1]
    assert "said twice" in article[: article.index("<ol")]


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'><svg/onload=alert(3)>",
    "</style></script><b>",
    "\u202egnp.exe\u2066 \x00 \x1b[31m",
    "W" * 5000,
    "two\nlines\r\n\tand more\u2028",
    "🎉👩‍👩‍👧 猫が走っている مرحبا بالعالم &amp; &#60;",
    "{{7*7}} ${x} %s",
)


@pytest.mark.parametrize("bad", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(bad: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    row = made_report_rows.caption_row(1)
    provenance = replace(row.provenance, model=bad, prompt_set=bad, prompt_hash=bad, version=bad)
    fact = row.steps[0].facts[0]
    fact = replace(
        fact,
        objects=tuple(replace(thing, label=bad) for thing in fact.objects or ()),
        camera=replace(fact.camera, moves=(bad,)),
    )
    steps = tuple(replace(step, text=bad, problem=bad, facts=(fact,)) for step in row.steps)
    row = replace(
        *(row,), location=bad, user_id=bad, video=bad, summary=bad, summary_problem=bad, warnings=(bad,), steps=steps,
        provenance=provenance,
    )  # fmt: skip
    store.append("captions", [row])
    store.append("sources", [SourceVideo(row.id, bad, bad, tags={bad: bad})])
    store.append("failures", [Failure(made_report_rows.id_of("x"), bad, bad, "caption", "model", bad)])
    store.append("checks", [Checked(row.id, 0, (Finding(bad, 0, bad), Finding(bad, -1, bad)), bad)])
    page = shown(store, tmp_path)
    assert page.tags["img"] == 0
    assert "alert" not in "".join(page.ids)
    assert all(letter not in page.text for letter in "\u202e\u2066\x00\x1b\u2028")
    if bad.startswith("<script>"):
        assert page.text.count("<script>alert(1)</script>") > 5


def test_an_empty_data_set_says_what_to_run(tmp_path: Path) -> None:
    page = shown(Store.create(tmp_path / "set", DatasetSettings(), "embedded", "0"), tmp_path)
    assert page.tags["svg"] == 0
    assert page.text.count("sg4v dataset build") >= 5
    assert "sg4v dataset check" in page.text


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SG4VError, match="not a data set"):
        write_report(Store(tmp_path), tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


def test_half_a_data_set_gives_half_a_report(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "set", DatasetSettings(), "embedded", "0")
    rows = [made_report_rows.caption_row(number) for number in range(5)]
    store.append("sources", [SourceVideo(row.id, row.location) for row in rows])
    store.append("surveys", [made_report_rows.survey(row) for row in rows])
    page = shown(store, tmp_path)
    assert "Length of videos" in page.text
    assert "There are no captions yet." in page.text
    assert "Nothing is kept or dropped yet." in page.text


def test_converted_captions_without_facts_and_sizes(tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    for seed in range(4):
        row = made_report_rows.caption_row(seed)
        steps = tuple(replace(step, facts=(), frame_seconds=()) for step in row.steps)
        store.append("captions", [replace(row, steps=steps, width=0, height=0, shots=(), end_seconds=0.0)])
    page = shown(store, tmp_path)
    assert "carry no measured facts" in page.text
    assert "not checked yet" in page.text
    assert "Settings are not known" in page.text
    assert "nan" not in page.text.lower().split()


def test_one_video_alone_makes_a_page(tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    store.append("captions", [made_report_rows.caption_row(1)])
    assert shown(store, tmp_path).tags["article"] == 1


def test_samples_can_be_left_out_and_must_be_a_number_that_makes_sense(filled: Store, tmp_path: Path) -> None:
    assert shown(filled, tmp_path, samples=0).tags["article"] == 0
    with pytest.raises(SettingsError, match="0 to 1000, not -1"):
        write_report(filled, tmp_path / "r.html", samples=-1)


def test_what_cannot_be_written_is_said(filled: Store, tmp_path: Path) -> None:
    with pytest.raises(SG4VError, match=r"report\.html"):
        write_report(filled, tmp_path, samples=0)
    (tmp_path / "file").write_text("x")
    with pytest.raises(SG4VError, match="cannot be written"):
        write_report(filled, tmp_path / "file" / "report.html", samples=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_progress_is_told(filled: Store, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    write_report(filled, tmp_path / "r.html", samples=2, on_progress=lambda *said: told.append(said))
    assert ("captions", 62, 62) in told
    assert told[-1] == ("samples", 2, 2)


def test_equal_data_gives_equal_pages_but_for_the_time(filled: Store, tmp_path: Path) -> None:
    pages = []
    for name in "ab":
        write_report(filled, tmp_path / name, samples=6)
        pages.append(re.sub(r"<time.*?</time>", "", (tmp_path / name).read_text(encoding="utf-8")))
    assert pages[0] == pages[1]


def test_groups_are_counted_by_size_and_torn_ones_are_reported(tmp_path: Path) -> None:
    store = Store(tmp_path / "set")
    rows = []
    for group, size in enumerate((1, 2, 2, 7, 120)):
        ids = [made_report_rows.id_of(f"{group} {member}") for member in range(size)]
        rows += [Selected(id, True, "", ids[0], "val" if group == 3 and id != ids[0] else "train") for id in ids]
    store.append("selection", rows)
    page = shown(store, tmp_path)
    assert "131 videos in 4 groups of two or more" in page.text
    assert re.search(r"2 videos 2 5 to 9 1 100 or more 1", page.text)
    assert "1 group of near-duplicates on both sides of a split" in page.text


def test_the_title_has_no_tag_in_it(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "a\u202e<b>b", DatasetSettings(), "embedded", "0")
    write_report(store, tmp_path / "r.html")
    content = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<title>a[U+202E]&lt;b&gt;b: report</title>" in content


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_words_and_tags_stand_in_the_templates(path: Path) -> None:
    """No tag is put together in Python, where one could forget to escape what is in it; charts escape their own."""
    if path.stem == "charts":
        return
    texts = [node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)]
    tags = [text for text in texts if isinstance(text, str) and re.search(r"(?<!P)</?[a-z]+[ >]", text)]
    assert tags == (['<span class="unseen">U+{:04X}</span>'] if path.stem == "markup" else [])


@pytest.mark.parametrize("path", sorted((ROOM / "templates").glob("*.html")), ids=lambda path: path.stem)
def test_no_template_switches_escaping_off(path: Path) -> None:
    content = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", content)
    assert not re.search(r"\son\w+=|\sstyle=|javascript:", content)


def test_a_template_escapes_every_value_and_lacks_none() -> None:
    made = _environment()
    assert made.from_string("{{ x }}").render(x="<\u202e") == '&lt;<span class="unseen">U+202E</span>'
    assert made.from_string("{{ x | cut(3) }}").render(x="<b>&") == "&lt;b…"
    with pytest.raises(UndefinedError, match="x"):
        made.from_string("{{ x }}").render()
    with pytest.raises(UndefinedError, match="no_such"):
        made.from_string("{% if x.no_such %}{% endif %}").render(x=DatasetSettings())
