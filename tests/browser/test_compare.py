"""The page that compares two data sets, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from browsed import NARROW, Site, Visit, until

Visiting = Callable[..., Visit]


def different(row: dict[str, Any]) -> int:
    """What only one of both says, and what was found in only one of both."""
    said = [len(words) for side in (row["only_first"], row["only_second"]) for words in side.values()]
    a, b = row["findings"]
    return sum(said) + sum(abs(a.get(check, 0) - b.get(check, 0)) for check in {*a, *b})


def test_two_data_sets_are_compared_video_by_video(site: Site, visiting: Visiting) -> None:
    visit = visiting()
    visit.open("#compare")
    visit.wait(".pair-row img")
    assert visit.page.locator("h1").inner_text() == "colours and edited"
    words = visit.page.locator(".totals tr", has_text="words").first
    assert words.locator("td").nth(2).inner_text().startswith("+")
    assert "same prompts and settings" in visit.page.locator(".totals").inner_text()
    visit.shot("compare")
    pages = site.ask("GET", "/v1/compare/videos?order=different")["items"]
    counts = [different(row) for row in pages]
    assert counts == sorted(counts, reverse=True)
    names = [row["video"].rsplit("/", 1)[1] for row in pages]
    assert [text.split("\n")[0] for text in visit.texts(".pair-row")] == names
    visit.page.keyboard.press("j")
    visit.page.keyboard.press("Enter")
    mark = visit.wait(".rows mark, .summaries mark")
    assert "[only in B: " in mark.text_content()
    assert visit.page.locator("h1").inner_text() == names[0]
    visit.wait("video")
    rows = visit.page.locator(".rows > li")
    visit.page.keyboard.press("j")
    visit.page.keyboard.press("j")
    visit.page.keyboard.press("j")
    until(lambda: "chosen" in rows.nth(2).get_attribute("class"), "j walks through the rows")
    until(lambda: abs(visit.time() - 1.5) < 0.1, "and the video follows")
    visit.shot("compared")
    visit.page.keyboard.press("n")
    until(lambda: visit.page.locator("h1").inner_text() == names[1], "n is the next video")
    visit.page.reload()
    until(lambda: visit.page.locator("h1").inner_text() == names[1], "a reload stays there")
    visit.page.keyboard.press("Escape")
    visit.wait(".pair-row")
    visit.page.get_by_role("button", name="Only A says something").click()
    until(lambda: "No video is like that" in visit.page.locator(".end").inner_text(), "A says nothing of its own")
    visit.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert visit.page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
