"""Facts as lines on a terminal."""

from __future__ import annotations

from made_facts import CENTRE, LEFT, between, pose, thing
from sharegpt4video.cli.look import facts_lines


def test_people_are_shown_with_what_their_limbs_did() -> None:
    person = thing(
        "person", LEFT, CENTRE, start_pose=pose("upright"), end_pose=pose("leaning", arms=1), arm_raises=(2, 1)
    )
    lines = facts_lines(between(1.0, 3.0, person))
    assert lines[0] == "[0:01.0 – 0:03.0]"
    where = next(number for number, line in enumerate(lines) if line.startswith("  person"))
    assert "#1 (0.15, 0.60) → " in lines[where]
    assert lines[where + 1].strip() == "upright → leaning, 1 arm raised"
    assert lines[where + 2].strip() == "arms went up: 2 at once, 1 at once"


def test_a_pose_that_was_not_seen_is_said_only_beside_one_that_was() -> None:
    seen = facts_lines(between(0.0, 2.0, thing("person", LEFT, LEFT, end_pose=pose("upright"))))
    unseen = facts_lines(between(0.0, 2.0, thing("person", LEFT, LEFT)))
    assert any(line.strip() == "not seen → upright" for line in seen)
    assert not any("not seen" in line for line in unseen)
