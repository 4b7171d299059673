"""The pages that ask about a video and re-caption a prompt, with a model behind a chat server."""

from __future__ import annotations

from collections.abc import Callable

from browsed import NARROW, Site, Visit, until

QUESTIONS = ("Who is it?", "And then? <img src=x onerror=alert(1)> ${alert(2)}")
Visiting = Callable[..., Visit]


def test_a_conversation_streams_shows_its_frames_and_is_kept(site: Site, sample: str, visiting: Visiting) -> None:
    site.told.say("A man on a small building.", "He jumps <b>down</b>. ${alert(3)}")
    visit = visiting()
    visit.open(f"#ask/{sample}")
    field = visit.page.get_by_label("Question", exact=True)
    for number, (question, answer) in enumerate(zip(QUESTIONS, site.told.texts, strict=True)):
        site.told.hold()
        field.fill(question)
        field.press("Enter")
        turn = visit.page.locator(".turn").nth(number)
        turn.locator(".seen .thumb").first.wait_for()
        assert turn.locator(".words").count() == 0
        site.told.let_all()
        until(lambda turn=turn, answer=answer: answer in turn.inner_text(), "the answer is there")
        until(lambda turn=turn: turn.locator(".writing").count() == 0, "it has ended")
    assert all(part in site.told.asked[-1] for part in ("Who is it?", "A man on a small building.", QUESTIONS[1]))
    assert visit.page.locator("img[src=x], .turn b:not(.thumb b)").count() == 0
    visit.page.locator(".turn").nth(0).locator(".seen .thumb").nth(1).click()
    until(lambda: visit.time() > 0, "a frame leads to its time")
    visit.shot("ask")
    visit.page.reload()
    visit.wait(".turn")
    assert visit.page.locator(".turn").count() == 2
    visit.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert visit.page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
    visit.shot("ask-390")


def test_a_prompt_becomes_dense_with_facts_marks_and_tokens(site: Site, visiting: Visiting) -> None:
    dense = "At night a brown dog runs along a wide beach, waves behind it."
    site.told.say("A brown dog runs along a wide beach, waves behind it.", dense)
    visit = visiting()
    visit.open("#recaption")
    visit.page.get_by_label("Model").select_option(site.told_name)
    visit.page.get_by_label("Prompt", exact=True).fill("a dog runs at night")
    visit.page.get_by_role("button", name="Make it dense").click()
    visit.wait(".result")
    marked = visit.page.locator(".dense .marked")
    for kind in ("kept", "invented"):
        assert kind in marked.locator(f"mark.{kind}").first.text_content()
    shown = marked.text_content()
    for label in ("[kept: ", "[invented: ", "]"):
        shown = shown.replace(label, "")
    assert shown == dense
    assert "'night', is missing" in site.told.asked[-1]  # what the first answer left out
    facts = [" ".join(text.split()) for text in visit.texts(".points li")]
    assert facts == ["1 subject dog kept", "2 action runs kept", "3 setting night kept"]
    assert "[3, kept: night]" in visit.page.get_by_label("Your prompt").locator(".marked").text_content()
    assert "of 226 tokens of T5-226" in visit.page.locator(".tokens").inner_text()
    visit.shot("recaption")
    visit.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert visit.page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
    visit.shot("recaption-390", whole=True)
    site.told.say("A cat sleeps <b>all day</b>.")
    visit.page.get_by_label("Encoder").select_option("UMT5-512")
    until(lambda: "of 512 tokens of UMT5-512" in visit.page.locator(".tokens").inner_text(), "for another encoder")
    note = visit.page.get_by_role("note")
    assert "Your own words, put into sentences." in note.inner_text()
    note.locator("summary").first.click()
    assert "A cat sleeps <b>all day</b>." in note.inner_text()
    assert "cat" not in visit.texts(".dense .marked")[0]
    visit.shot("recaption-refused-390", whole=True)
    visit.page.get_by_label("Model").select_option("embedded")
    visit.page.get_by_role("button", name="Make it dense").click()
    until(lambda: "Nothing was added" in note.inner_text(), "the embedded model says so")
    assert "choose another model" in note.inner_text()
    visit.shot("recaption-embedded-390", whole=True)
