"""Which labels are related, and the one name that the votes of many sights add up to."""

from __future__ import annotations

from collections.abc import Mapping

VEHICLES = ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat")
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
WELL_KNOWN = frozenset(("person", *VEHICLES, *ANIMALS))
"""People, vehicles and animals: the network seldom sees one where there is none, and they move by themselves."""
THROWN = frozenset(("frisbee", "sports ball", "kite", "skateboard", "snowboard", "skis", "surfboard"))
"""What moves without being one of ``WELL_KNOWN``."""

GROUPS: dict[str, str] = {
    **dict.fromkeys(VEHICLES, "vehicle"),
    **dict.fromkeys(ANIMALS, "animal"),
    "hands": "hand",
}
"""The broader word for a label. People and things have none: "a thing" says nothing."""

MAIN_SHARE = 0.6
"""Share of the votes that a name needs. Under it the broader word is used, where that reaches it."""
LEAST_MOVER_SHARE = 0.1


def group(label: str) -> str:
    """The broader word for a label, or the label itself."""
    return GROUPS.get(label, label)


def related(label: str, other: str) -> bool:
    """Whether the network may take one for the other in the next frame: the same, or the same kind of animal or
    vehicle."""
    return group(label) == group(other)


def name(votes: Mapping[str, float]) -> str:
    """The label with ``MAIN_SHARE`` of the votes, else the broader word that has it, else "".

    >>> name({"dog": 3.0, "cat": 1.0}), name({"dog": 2.0, "cat": 2.0}), name({"cup": 2.0, "cat": 2.0})
    ('dog', 'animal', '')
    """
    total = sum(votes.values())
    if total <= 0:
        return ""
    best = max(votes.items(), key=lambda vote: (vote[1], vote[0]))
    if best[1] >= MAIN_SHARE * total:
        return best[0]
    groups: dict[str, float] = {}
    for label, vote in votes.items():
        groups[group(label)] = groups.get(group(label), 0.0) + vote
    word, sum_of_group = max(groups.items(), key=lambda vote: (vote[1], vote[0]))
    return word if word in ("vehicle", "animal") and sum_of_group >= MAIN_SHARE * total else ""


def of_movers(votes: Mapping[str, float]) -> dict[str, float]:
    """The votes for what moves by itself, if they are a fair part: a phone that crosses a road is none."""
    movers = {label: vote for label, vote in votes.items() if label in WELL_KNOWN or label in THROWN}
    return movers if sum(movers.values()) >= LEAST_MOVER_SHARE * sum(votes.values()) else {}
