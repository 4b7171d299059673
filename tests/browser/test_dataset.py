"""The data set page in a real browser: found, watched, judged, mended, changed many at a time, growing meanwhile."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from browsed import NARROW, Sets, Site, Visit, until
from made_sets import quick, write_clips
from sharegpt4video.dataset.dataset import open_dataset

Visiting = Callable[..., Visit]
TILES, STEPS = ".tile", "ol.steps > li"
HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)} [x](javascript:alert(3)) \u202eback"


def items(site: Site, query: str = "") -> list[dict[str, Any]]:
    return list(site.ask("GET", f"/v1/dataset/captions?{query}")["items"])


def whole(site: Site, id: str) -> dict[str, Any]:
    return dict(site.ask("GET", f"/v1/dataset/captions/{id}"))


@pytest.fixture(autouse=True)
def indexed(site: Site) -> None:
    def whole_and_checked() -> bool:  # until then the list comes in the order of the files
        return site.ask("GET", "/v1/dataset/captions")["total"] is not None and bool(items(site, "where=findings%3E0"))

    until(whole_and_checked, "the index")


@pytest.fixture
def visit(visiting: Visiting) -> Visit:
    """The data set, in the browser of somebody who has told her name."""
    found = visiting(expect=("409",))
    found.page.add_init_script("localStorage.setItem('sg4v author', 'Ann')")
    return found


def opened(visit: Visit, id: str, steps: int = 1) -> None:
    visit.open(f"#dataset/all/{id}")
    visit.wait(f"{STEPS}:nth-child({steps})")


def said(visit: Visit, text: str) -> None:
    until(lambda: text in visit.page.locator("#said").inner_text(), f"{text!r} is announced")


def on(visit: Visit, name: str) -> None:
    until(lambda: visit.page.locator("h1").inner_text() == name, f"{name} is on the desk")
    visit.wait(".accept:enabled")


def test_captions_are_reviewed_with_keys_alone(site: Site, visiting: Visiting) -> None:
    rows = items(site)
    names = [one["video"] for one in rows]
    visit = visiting()
    visit.open("#dataset")
    visit.wait(f"{TILES} img")
    visit.shot("dataset")
    keys = visit.page.keyboard
    keys.press("j")
    keys.press("Enter")
    visit.wait(f"{STEPS}:nth-child(3)")
    on(visit, names[0])
    keys.press("j")
    assert "chosen" in visit.page.locator(STEPS).nth(0).get_attribute("class")
    keys.press("a")
    visit.wait("dialog input")
    keys.type("Ann")
    keys.press("Enter")
    on(visit, names[1])
    keys.press("a")
    on(visit, names[2])
    keys.press("r")
    on(visit, names[3])
    until(lambda: [whole(site, one["id"])["verdict"] for one in rows[:3]] == ["accept", "accept", "reject"], "stored")
    assert {one["author"] for row in rows[:3] for one in whole(site, row["id"])["reviews"]} == {"Ann"}
    keys.press("u")
    on(visit, names[2])
    until(lambda: whole(site, rows[2]["id"])["verdict"] == "", "the last one is undone")
    keys.press("p")
    on(visit, names[1])
    visit.wait(".judged.accept")
    visit.wait("video")
    keys.press(" ")
    until(lambda: visit.time() > 0.2, "it plays")
    keys.press(" ")
    keys.press("f")
    (found,) = items(site, "where=findings%3E0")
    on(visit, found["video"])
    assert "1:30 is after the end" in visit.page.locator(STEPS).nth(1).inner_text()
    visit.shot("desk")
    keys.press("f")
    until(lambda: "No finding" in visit.page.locator(".notes").inner_text(), "there is no other")
    visit.wait("video")  # the help names the keys that work
    keys.press("?")
    help_text = visit.wait("dialog").inner_text()
    assert all(label in help_text for label in ("Accept and go on", "Next with a finding", "Play or pause"))
    keys.press("Escape")
    until(lambda: visit.page.locator("dialog").count() == 0, "the help is closed")
    keys.press("Escape")
    visit.wait(TILES)
    focused = "document.activeElement.closest('li')?.dataset.id"
    until(lambda: visit.page.evaluate(focused) == found["id"], "the card that was open has the focus")
    assert visit.page.locator(".verdict.accept").count() == 2


def test_play_pressed_while_the_next_video_comes_plays_that_one(site: Site, visit: Visit) -> None:
    """At once, while the caption is on its way, and by going on from one that plays."""
    rows = items(site)
    opened(visit, rows[0]["id"], 3)
    visit.wait("video")
    held: list[Any] = []
    visit.page.route(f"**/v1/dataset/captions/{rows[2]['id']}", lambda route: held.append(route))
    keys = visit.page.keyboard
    keys.press("n")
    keys.press(" ")
    on(visit, rows[1]["video"])
    until(lambda: visit.time() > 0.2, "it plays")
    keys.press(" ")
    keys.press("n")
    until(lambda: held and visit.page.locator("h1").inner_text() == rows[2]["video"], "the caption is asked for")
    assert visit.page.locator("video").count() == 0
    keys.press(" ")
    held[0].continue_()
    visit.wait("video")
    until(lambda: visit.time() > 0.2, "the one that was not there yet plays")
    keys.press("n")
    on(visit, rows[3]["video"])
    until(lambda: visit.time() > 0.2, "so does the one after it")


def test_an_edit_is_there_after_a_reload_and_found_by_a_search(site: Site, visit: Visit) -> None:
    row = items(site)[4]
    opened(visit, row["id"], 3)
    keys = visit.page.keyboard
    keys.press("j")
    keys.press("j")
    keys.press("e")
    visit.page.get_by_label("Text of step 2").fill(f"A zebra walks by. {HOSTILE}")
    keys.press("Control+Enter")
    until(lambda: "zebra" in visit.texts(STEPS)[1], "the step shows the new text")
    visit.page.reload()
    visit.wait(f"{STEPS}:nth-child(3)")
    assert HOSTILE in visit.page.locator(f"{STEPS} .words").nth(1).text_content()
    assert "Ann" in visit.page.locator(".reviews").inner_text()
    assert "Step 2 was edited since" in visit.page.locator(".retell").inner_text()
    keys.press("/")
    until(lambda: visit.page.evaluate("document.activeElement.type") == "search", "the search has the focus")
    keys.type("zebra")
    until(lambda: visit.page.locator(TILES).count() == 1, "one is left")
    visit.page.locator(TILES).click()
    on(visit, row["video"])
    visit.page.go_back()
    until(lambda: visit.page.locator(TILES).count() == 1, "back to what was searched for")
    assert visit.page.get_by_label("Search the captions").input_value() == "zebra"
    assert visit.page.locator("img[src=x], main script, a[href^=javascript]").count() == 0


def test_who_comes_second_sees_both_texts(site: Site, visit: Visit) -> None:
    row = items(site)[5]
    opened(visit, row["id"], 3)
    before = whole(site, row["id"])["caption"]["summary"]
    visit.page.keyboard.press("E")
    visit.page.get_by_label("Text of the summary").fill("Mine is this.")
    theirs = {"caption": row["id"], "base_revision": 0, "step": None, "was": before, "text": "Theirs is that.",
              "author": "Bo"}  # fmt: skip
    site.ask("POST", "/v1/dataset/reviews", theirs)
    visit.page.keyboard.press("Control+Enter")
    conflict = visit.wait(".conflict").inner_text()
    assert all(word in conflict for word in ("Mine", "Theirs", "Keep mine", "Take theirs"))
    visit.page.get_by_role("button", name="Keep mine").click()
    until(lambda: visit.page.locator(".editor").count() == 0, "it is saved")
    assert whole(site, row["id"])["caption"]["summary"] == "Mine is this."


def test_a_conflict_is_settled_by_picking_or_merging(site: Site, visit: Visit, sets: Sets) -> None:
    row = items(site)[6]
    before = whole(site, row["id"])["caption"]["steps"]
    desk = open_dataset(sets.dataset).reviews
    for step in (1, 2):
        for text, author in ((f"First {step}", "Ann"), (f"Second {step}", "Bo")):
            desk.add(row["id"], text, step=step, was=before[step]["text"], author=author, stale="keep")
    until(lambda: len(whole(site, row["id"])["conflicts"]) == 2, "the server knows")
    opened(visit, row["id"], 3)
    visit.wait(".conflict")
    visit.shot("two-texts")
    visit.page.get_by_role("button", name="Take this one").first.click()
    until(lambda: visit.page.locator(".conflict").count() == 1, "one is settled")
    visit.page.get_by_role("button", name="Merge").click()
    visit.page.get_by_label("Merged text").fill("Both 2")
    visit.page.keyboard.press("Control+Enter")
    until(lambda: visit.page.locator(".conflict").count() == 0, "the other one too")
    now = whole(site, row["id"])
    assert now["conflicts"] == []
    assert [one["text"] for one in now["caption"]["steps"]][1:] == ["First 1", "Both 2"]


def test_filters_are_chips_that_the_address_keeps(site: Site, visit: Visit) -> None:
    visit.open("#dataset")
    visit.wait(TILES)
    visit.page.get_by_role("button", name="With findings").click()
    until(lambda: visit.page.locator(TILES).count() == len(items(site, "where=findings%3E0")), "those with findings")
    visit.page.get_by_role("button", name="With findings").click()
    visit.page.get_by_role("button", name="Filter", exact=True).click()
    visit.page.get_by_label("Filter by").select_option("seconds")
    visit.page.get_by_label("At least").fill("1000000")
    visit.shot("filter")
    visit.page.get_by_role("button", name="Add", exact=True).click()
    until(lambda: "Nothing in this data set" in visit.page.locator(".end").inner_text(), "none is so long")
    visit.page.reload()
    chip = visit.page.get_by_role("button", name="Remove the filter seconds at least 1000000")
    chip.wait_for()
    chip.click()
    until(lambda: visit.page.locator(TILES).count() >= 8, "all are back")


def test_many_are_changed_after_a_preview_and_undone(site: Site, visit: Visit) -> None:
    summaries = {one["id"]: one["summary"] for one in items(site)}
    visit.open("#dataset")
    visit.wait(TILES)
    visit.page.get_by_role("button", name="Change many").click()
    visit.page.get_by_label("Find", exact=True).fill("video has (two|one)")
    visit.page.get_by_label("Put instead").fill(r"clip has \1")
    visit.page.get_by_label("Regular expression").check()
    visit.page.get_by_role("button", name="Preview").click()
    visit.wait(".examples li")
    touched = [id for id, text in summaries.items() if "video has two" in text]
    assert f"{len(touched)} texts would change" in visit.page.locator(".examples h3").inner_text()
    assert visit.page.locator(".examples mark").first.text_content() == "[before: video]"
    visit.shot("bulk")
    visit.page.get_by_role("button", name=f"Change {len(touched)} texts").click()
    until(lambda: "clip has two" in whole(site, touched[0])["caption"]["summary"], "it is done")
    undo = visit.page.locator(".batches").get_by_role("button", name="Undo")
    undo.wait_for()
    undo.click()
    until(lambda: "undone" in visit.page.locator(".batches").inner_text(), "it is undone")
    assert whole(site, touched[0])["caption"]["summary"] == summaries[touched[0]]


def test_a_data_set_that_is_being_built_tells_so_and_moves_nothing(visit: Visit, sets: Sets) -> None:
    visit.open("#dataset")
    visit.wait(TILES)
    until(lambda: visit.page.locator(".end .hint, .end:empty").count() or True, "the list is read")
    before = visit.page.locator(TILES).count()
    more = sets.videos.parent / "more"
    write_clips(more, 3, seconds=40.0, first_seed=50)  # three seconds of building: the page asks once a second
    (more / "broken.mp4").write_bytes(b"no video")
    settings: Path = more.parent / "settings.yaml"
    settings.write_text(yaml.safe_dump(quick().to_plain()))
    command = [sys.executable, "-m", "sharegpt4video", "dataset", "build", str(more), "--out", str(sets.dataset)]
    build = subprocess.Popen([*command, "--config", str(settings)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        visit.wait(".live.building")
        visit.shot("building")
    finally:
        output = build.communicate(timeout=60)[0].decode()
    fresh = visit.page.locator(".fresh")
    until(lambda: fresh.count() and "3 new captions" in fresh.inner_text(), output)
    said(visit, "new caption")
    assert visit.page.locator(TILES).count() == before
    until(lambda: visit.page.locator(".live.building").count() == 0, "it is done")
    until(lambda: visit.page.locator(".failures").count() == 1, "one has failed")
    visit.page.locator(".failures summary").click()
    assert "broken.mp4" in visit.page.locator(".failures .panel").inner_text()
    fresh.click()
    until(lambda: visit.page.locator(f"{TILES}:not(.failed)").count() == before + 3, "now they are shown")


def test_the_desk_works_on_a_phone(site: Site, visiting: Visiting) -> None:
    row = items(site)[0]
    visit = visiting(NARROW, "dark", has_touch=True)
    opened(visit, row["id"], 3)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
    accept = visit.page.get_by_role("button", name="Accept")
    box = accept.bounding_box()
    assert box["y"] + box["height"] <= NARROW[1]
    visit.shot("desk-390-dark")
    visit.page.get_by_role("button", name="Next video").tap()
    on(visit, items(site)[1]["video"])
