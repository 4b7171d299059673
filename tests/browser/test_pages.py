"""What holds for all pages: nothing hostile runs, nothing is too wide for a phone, everybody can use them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browsed import NARROW, WIDE, Site, Visit, until

Visiting = Callable[..., Visit]
NAME = "\u202e<img src=x onerror=alert(1)>${alert(2)}{{7*7}}.mp4"
TEXT = "<script>alert(3)</script><img src=x onerror=alert(4)> ${alert(5)} \u202eback [x](javascript:alert(6)) A dog"


def test_hostile_names_and_texts_are_only_text(site: Site, visiting: Visiting, clip: Path) -> None:
    site.told.say(TEXT)
    visit = visiting()
    visit.open()
    visit.page.get_by_label("Model").select_option(site.told_name)
    visit.page.set_input_files("input[type=file]", {"name": NAME, "mimeType": "video/mp4", "buffer": clip.read_bytes()})
    visit.wait(".state.done")
    shown = visit.page.locator("h1").text_content()
    assert "<img src=x onerror=alert(1)>${alert(2)}{{7*7}}" in shown
    text = visit.page.locator("ol.steps .words").first.text_content()
    assert "<script>alert(3)</script><img src=x onerror=alert(4)> ${alert(5)}" in text
    assert visit.page.locator("img[src=x], main script, a[href^=javascript]").count() == 0
    assert visit.page.locator("ol.steps .words").first.get_attribute("dir") == "auto"


def addresses(site: Site, captioned: str, sample: str) -> dict[str, tuple[str, str]]:
    """Each page with what has to be there before it is looked at."""
    row = site.ask("GET", "/v1/dataset/captions?where=findings%3E0")["items"][0]["id"]
    different = site.ask("GET", "/v1/compare/videos?order=different")["items"][0]["id"]
    return {
        "start": ("", ".drop"),
        "caption": (f"#caption/{captioned}", ".state.done"),
        "side": (f"#caption/{captioned}/{captioned}", ".rows li"),
        "ask": (f"#ask/{sample}", ".question"),
        "recaption": ("#recaption", ".ask-for"),
        "dataset": ("#dataset", ".tile img"),
        "desk": (f"#dataset/all/{row}", ".about-it"),
        "compare": ("#compare", ".pair-row img"),
        "compared": (f"#compare/all/different/{different}", ".rows mark, .summaries mark"),
        "docs": ("docs", "main"),
    }


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide-light", "narrow-dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    site: Site, captioned: str, sample: str, visiting: Visiting, size: tuple[int, int], scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    visit = visiting(size, scheme, bypass_csp=True)  # axe is injected, which the policy forbids
    for name, (address, ready) in addresses(site, captioned, sample).items():
        visit.open(address)
        visit.wait(ready)
        if name == "caption":
            visit.page.locator("ol.steps > li").nth(2).locator(".thumb").click()
            if size == NARROW:
                visit.page.keyboard.press("i")
                visit.wait(".clip .words")
            visit.page.get_by_label("Edit step 2").click()
        visit.shot(f"{name}-{size[0]}-{scheme}")
        found = axe.run(visit.page).response
        assert len(found["passes"]) > 10
        assert serious(found) == [], name
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0], name


def test_a_data_set_on_a_phone_whose_videos_cannot_be_shown(
    rootless: Site, visiting: Visiting, cut_short: Path
) -> None:
    visit = visiting(
        NARROW, at=rootless
    )  # which fails for anything that the console says, such as pictures that are not there
    visit.open("#compare")
    assert "--root" in visit.wait(".browse > .problem-note").inner_text()
    assert visit.texts(".top nav a")[-2:] == ["Data set", "Compare"]
    assert within(visit, ".top nav a", visit.page.locator(".top nav").bounding_box())  # every page can be reached
    visit.open("#dataset")
    assert "--root" in visit.wait(".browse > .problem-note").inner_text()
    visit.wait("a.tile").click()
    visit.wait(".desk header .problem-note")
    assert "announces 8.00 s" in " ".join(visit.texts(".desk header .problem-note"))
    for name in ("Video before", "Next video"):
        button = visit.page.get_by_role("button", name=name)
        assert button.bounding_box()["width"] > button.locator(".icon").bounding_box()["width"] > 12
    visit.shot("desk-390")
    assert within(visit, ".desk .actions > *", {"x": 0, "width": NARROW[0]})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    visit.open(f"#caption/{rootless.caption(rootless.upload(cut_short))}")
    visit.wait(".watch .problem-note")
    assert "announces 8.00 s" in " ".join(visit.texts(".below .problem-note"))
    visit.shot("cut-short-390")
    visit.page.set_viewport_size({"width": 240, "height": 400})
    visit.open("#compare")
    visit.wait(".browse")
    nav = visit.page.locator(".top nav").bounding_box()
    assert not within(visit, ".top nav a", nav)
    until(lambda: within(visit, ".top nav a[aria-current]", nav), "not all have room; the open one has", 9)


def within(visit: Visit, selector: str, room: dict[str, float]) -> bool:
    """Whether all of these lie between the left and the right end of the room."""
    boxes = [one.bounding_box() for one in visit.page.locator(selector).all()]
    left, right = room["x"] - 1, room["x"] + room["width"] + 1  # pixels: scrolling rounds
    return bool(boxes) and all(box["x"] >= left and box["x"] + box["width"] <= right for box in boxes)


def serious(found: dict[str, Any]) -> list[str]:
    return [
        f"{one['impact']} {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("moderate", "serious", "critical")
    ]
