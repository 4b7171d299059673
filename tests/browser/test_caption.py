"""The caption page in a real browser: a video comes in, its steps come one by one, then it is watched and mended."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from browsed import NARROW, Site, Visit, until

Visiting = Callable[..., Visit]
CHAPTERS = "ol.steps > li"
WATCH_WHAT_LIGHTS_UP = """() => {
  window.litUp = [];
  const steps = document.querySelector('ol.steps');
  new MutationObserver(() => {
    const now = [...steps.children].findIndex((one) => one.matches('.now'));
    if (now !== window.litUp.at(-1)) window.litUp.push(now);
  }).observe(steps, { subtree: true, attributeFilter: ['class'] });
}"""
PARK_STARTS = [0.0, 0.0, 2.0, 4.0, 6.0]


def test_steps_of_an_upload_come_one_by_one_and_a_reload_carries_on(site: Site, visiting: Visiting, clip: Path) -> None:
    site.told.say("First", "Second", "Third", "Fourth", "All four")
    site.told.hold()
    visit = visiting()
    visit.open()
    visit.shot("start")
    visit.page.get_by_label("Model").select_option(site.told_name)
    visit.page.set_input_files("input[type=file]", clip)
    visit.wait(".watch .coming")
    assert "#caption/" in visit.page.url
    until(lambda: visit.page.locator("h1").inner_text() == "a slow pan.mp4", "the name is there")
    visit.wait(".strip .frame")
    assert visit.page.locator(CHAPTERS).count() == 0
    for count in (1, 2):
        site.told.let()
        until(lambda count=count: visit.page.locator(CHAPTERS).count() == count, f"{count} steps")
    assert [text.split("\n")[-1] for text in visit.texts(CHAPTERS)] == ["First", "Second"]
    assert "Watching" in visit.page.locator(".state").inner_text()
    visit.shot("streaming")
    visit.page.reload()
    until(lambda: visit.page.locator(CHAPTERS).count() == 2, "both steps are there again")
    site.told.let_all()
    visit.wait(".state.done")
    assert [text.split("\n")[-1] for text in visit.texts(CHAPTERS)] == ["First", "Second", "Third", "Fourth"]
    assert "All four" in visit.page.locator(".summary").inner_text()
    assert "4 steps" in until(lambda: visit.page.locator("#said").inner_text(), "the end is announced")


def test_a_file_dropped_anywhere_is_captioned_until_that_is_cancelled(
    site: Site, visiting: Visiting, clip: Path
) -> None:
    site.told.hold()
    visit = visiting()
    visit.open()
    visit.page.get_by_label("Model").select_option(site.told_name)
    files = visit.page.evaluate_handle(
        "(bytes) => { const all = new DataTransfer();"
        " all.items.add(new File([new Uint8Array(bytes)], 'dropped.mp4')); return all; }",
        list(clip.read_bytes()),
    )
    visit.page.dispatch_event("h1", "dragenter", {"dataTransfer": files})
    visit.wait(".drop-over")
    visit.page.dispatch_event("h1", "drop", {"dataTransfer": files})
    visit.wait(".watch")
    until(lambda: visit.texts("h1") == ["dropped.mp4"], "the name is there")
    visit.page.get_by_role("button", name="Cancel").click()
    visit.wait(".state.cancelled")
    site.told.let_all()
    job = visit.page.url.rsplit("/", 1)[1]
    assert site.ask("GET", f"/v1/captions/{job}")["status"] == "cancelled"


def test_what_cannot_be_opened_is_said(visiting: Visiting) -> None:
    visit = visiting(expect=("the server responded with a status of",))
    visit.open()
    visit.page.get_by_label("Path").fill("/etc/passwd")
    visit.page.get_by_label("Path").press("Enter")
    message = visit.wait(".note.error").inner_text()
    assert "passwd" in message
    visit.page.get_by_label("Dismiss").click()
    visit.page.set_input_files(
        "input[type=file]", {"name": "notes.mp4", "mimeType": "video/mp4", "buffer": b"no video at all" * 50}
    )
    assert "notes.mp4" in visit.wait(".note.error").inner_text()
    visit.open("#caption/nothinghere")
    visit.wait(".empty")


def test_steps_lead_the_video_and_the_video_lights_up_steps(captioned: str, visiting: Visiting) -> None:
    visit = visiting()
    visit.open(f"#caption/{captioned}")
    visit.wait(f"{CHAPTERS}:nth-child(5)")
    for number, start in enumerate(PARK_STARTS):
        visit.page.locator(CHAPTERS).nth(number).locator(".thumb").click()
        until(lambda start=start: abs(visit.time() - start) < 0.05, f"the video is at {start}")
        assert "chosen" in visit.page.locator(CHAPTERS).nth(number).get_attribute("class")
    visit.page.locator(".lane.step .span").nth(2).click()
    until(lambda: abs(visit.time() - 2) < 0.05, "a click on the timeline jumps as well")
    visit.shot("caption")
    visit.page.keyboard.press("k")
    until(lambda: abs(visit.time()) < 0.05, "k is the step before")
    visit.page.keyboard.press("k")
    assert "chosen" in visit.page.locator(CHAPTERS).nth(0).get_attribute("class")  # at the same time as the next step
    visit.page.evaluate("document.querySelector('video').muted = true")
    visit.page.evaluate("document.querySelector('video').playbackRate = 2")
    visit.page.evaluate(WATCH_WHAT_LIGHTS_UP)
    visit.page.keyboard.press(" ")
    until(lambda: visit.page.evaluate("document.querySelector('video').ended"), "it has played to the end")
    assert visit.page.evaluate("window.litUp") == [2, 3, 4]
    assert "chosen" in visit.page.locator(CHAPTERS).nth(0).get_attribute("class")  # playing has not moved it
    assert visit.page.locator(".subtitles").count() == 1
    visit.page.keyboard.press("c")
    until(lambda: visit.page.locator(".subtitles").count() == 0, "c hides the subtitles")
    names = visit.texts(".names .name")
    assert names[:4] == ["", "frames", "steps", "camera"]
    assert any(name.startswith("person") for name in names)
    visit.page.keyboard.press("?")
    visit.shot("keys")
    assert "Next step" in visit.wait("dialog").inner_text()


def test_a_span_is_chosen_by_mouse_keys_and_touch_and_summed_up(captioned: str, visiting: Visiting) -> None:
    visit = visiting()
    visit.open(f"#caption/{captioned}")
    visit.wait(f"{CHAPTERS}:nth-child(5)")
    lane = visit.page.locator(".lane.camera")
    lane.scroll_into_view_if_needed()
    box = lane.bounding_box()
    y, at = box["y"] + box["height"] / 2, lambda share: box["x"] + box["width"] * share
    visit.page.mouse.move(at(0.3), y)
    visit.page.mouse.down()
    visit.page.mouse.move(at(0.5), y)
    visit.page.mouse.move(at(0.7), y)
    visit.page.mouse.up()
    clip = visit.wait(".clip .words")
    assert 20 < len(clip.inner_text()) < 400
    assert visit.time() == 0  # choosing does not play
    visit.shot("clip")
    first = visit.page.locator(".clip h2").inner_text()
    visit.page.locator(".grip.end").press("ArrowRight")
    until(lambda: visit.page.locator(".clip h2").inner_text() != first, "an arrow key moves the end")
    visit.page.evaluate("document.activeElement.blur()")
    visit.page.keyboard.press("Escape")
    until(lambda: visit.page.locator(".clip").count() == 0, "Escape lets go")
    visit.page.locator(CHAPTERS).nth(2).locator(".thumb").click()
    visit.page.keyboard.press("i")
    until(lambda: "0:02.0 – 0:07.7" in visit.page.locator(".clip h2").inner_text(), "i is where a clip begins")
    visit.wait(".clip .words")

    phone = visiting(NARROW, has_touch=True)
    phone.open(f"#caption/{captioned}")
    phone.wait(f"{CHAPTERS}:nth-child(5)")
    lane = phone.page.locator(".lane.camera")
    lane.scroll_into_view_if_needed()
    box = lane.bounding_box()
    finger = phone.page.context.new_cdp_session(phone.page)
    for kind, share in (("touchStart", 0.2), ("touchMove", 0.4), ("touchMove", 0.8), ("touchEnd", None)):
        points = [] if share is None else [{"x": box["x"] + box["width"] * share, "y": box["y"] + 12}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert " – 0:0" in phone.wait(".clip h2").inner_text()
    phone.shot("clip-390")


def test_a_pasted_path_is_captioned_twice_side_by_side(site: Site, visiting: Visiting) -> None:
    site.told.say("A dog", "It sits", "The dog sleeps", "It wakes", "A dog rests")
    visit = visiting()
    visit.open()
    visit.page.get_by_label("Model").select_option(site.told_name)
    visit.page.get_by_label("Path").fill("lent.mp4")
    visit.page.get_by_label("Path").press("Enter")
    visit.wait(".state.done")
    assert visit.texts("h1") == ["lent.mp4"]
    first = visit.page.url.rsplit("/", 1)[1]
    site.told.say("A dog", "It sits", "The cat sleeps", "It wakes", "A pet rests")
    site.told.hold()
    visit.page.get_by_role("button", name="Side by side").click()
    visit.page.locator("dialog select").select_option(site.told_name)
    visit.page.locator("dialog").get_by_text("Sliding").click()
    visit.page.locator("dialog").get_by_role("button", name="Caption").click()
    site.told.let()
    until(lambda: visit.page.locator(".rows .marked").count() == 5, "the first step of B stands beside the four of A")
    assert visit.page.locator("mark, .nothing, .check").count() == 0  # nothing is judged before both are done
    site.told.let_all()
    until(lambda: visit.page.locator(".beside .state.done").count() == 2, "both are done")
    assert visit.page.locator("video").count() == 1
    assert visit.page.url.split("#caption/")[1].split("/")[0] == first
    marks = [visit.page.locator(f"{where} mark.only").all_text_contents() for where in (".rows", ".summaries")]
    assert marks == [["[only in A: dog]", "[only in B: cat]"], ["[only in A: dog]", "[only in B: pet]"]]
    assert visit.page.locator(".rows > li").count() == 4
    visit.page.get_by_text("Only what differs").click()
    assert visit.page.locator(".rows > li").count() == 1
    visit.page.locator(".rows .chip").click()
    until(lambda: abs(visit.time() - 2) < 0.05, "a row leads to its time")
    visit.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert visit.page.evaluate("document.documentElement.scrollWidth") == NARROW[0]


def test_a_text_is_edited_in_place_and_still_there_after_a_reload(
    site: Site, captioned: str, visiting: Visiting
) -> None:
    visit = visiting(expect=("409",))
    visit.open(f"#caption/{captioned}")
    last = visit.page.locator(CHAPTERS).nth(4)
    last.locator(".thumb").click()
    visit.page.keyboard.press("e")
    visit.page.get_by_label("Text of step 5").fill("Mended by hand.")
    visit.page.keyboard.press("Control+Enter")
    until(lambda: "Mended by hand." in last.inner_text(), "the step shows the new text")
    visit.page.reload()
    until(lambda: "Mended by hand." in last.inner_text(), "it is still there")

    retell = visit.wait(".retell")
    assert "Step 5 was edited since. The summary is as it was." in retell.inner_text()
    before = site.ask("GET", f"/v1/captions/{captioned}")["caption"]["summary"]
    retell.get_by_role("button", name="New summary from the steps").click()
    retell.get_by_role("button", name="Take this one").click()
    until(lambda: visit.page.locator(".retell").count() == 0, "it is taken, and tells of all edits")
    told = site.ask("GET", f"/v1/captions/{captioned}")["caption"]
    assert told["summary"] != before
    assert told["edits"][-1] == {"step": -1, "author": site.told_name, "by_hand": False}

    last.locator(".thumb").click()
    visit.page.keyboard.press("e")
    box = visit.page.get_by_label("Text of step 5")
    box.fill("Mine is this.")
    site.ask("PATCH", f"/v1/captions/{captioned}", {"step": 4, "text": "Theirs is that.", "was": "Mended by hand."})
    box.press("Control+Enter")
    conflict = visit.wait(".conflict")
    assert all(word in conflict.inner_text() for word in ("Mine", "Theirs"))
    visit.shot("conflict")
    visit.page.get_by_role("button", name="Keep mine").click()
    until(lambda: visit.page.locator(".editor").count() == 0, "it is saved")
    assert site.ask("GET", f"/v1/captions/{captioned}")["caption"]["steps"][4]["text"] == "Mine is this."
    last.locator(".thumb").click()
    visit.page.keyboard.press("i")
    note = visit.wait(".clip [role=note]")
    assert "Step 5 was edited, and this says nothing of it. The embedded model" in note.inner_text()
    visit.page.locator(CHAPTERS).nth(2).locator(".thumb").click()
    visit.page.keyboard.press("o")
    until(
        lambda: visit.page.locator(".clip .words").count() and not note.count(), "no edited step in the clip, no note"
    )


def test_moments_are_found_and_captions_downloaded(captioned: str, visiting: Visiting) -> None:
    visit = visiting(accept_downloads=True)
    visit.open(f"#caption/{captioned}")
    visit.wait(".state.done")
    visit.page.keyboard.press("/")
    visit.page.keyboard.type("raises both arms")
    visit.wait(".moments li button").click()
    until(lambda: visit.time() < 2.1, "the moment with the arms")
    assert visit.page.locator(".canvas .mark").count() > 0
    for name, ending in (("JSON", "json"), ("SRT", "srt"), ("VTT", "vtt"), ("Markdown", "md")):
        visit.page.get_by_role("button", name="Download").click()
        with visit.page.expect_download() as download:
            visit.page.get_by_role("menuitem", name=name).click()
        assert download.value.suggested_filename.endswith(f".{ending}")
        content = Path(download.value.path()).read_text("utf-8")
        assert "raises both arms" in content
        if ending == "json":
            assert len(json.loads(content)["steps"]) == 5


@pytest.mark.skipif("SG4V_PICTURES" not in os.environ, reason="only for the pictures of the documentation")
def test_two_modes_of_the_sample_have_their_picture_taken(
    site: Site, sample: str, captioned: str, visiting: Visiting
) -> None:
    visit = visiting()
    visit.open(f"#caption/{captioned}/{site.caption(sample, mode='fast')}")
    until(lambda: visit.page.locator(".beside .state.done").count() == 2, "both are there")
    visit.page.locator(".lane.step .span").nth(2).click()
    until(lambda: abs(visit.time() - 2) < 0.05, "the video is at a step")
    visit.shot("side-by-side", whole=True)
