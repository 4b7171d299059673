"""Defects that are put into true captions, each with the checks that should find it. For ``checks.py``."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.records import Step
from sharegpt4video.verify.prose import Passage

Defect = Callable[[CaptionRow, random.Random], CaptionRow | None]


def with_step(row: CaptionRow, number: int, text: str) -> CaptionRow:
    steps = list(row.steps)
    steps[number] = replace(steps[number], text=text)
    return replace(row, steps=tuple(steps))


def anywhere(change: Callable[[str, random.Random], str | None]) -> Defect:
    """A defect that any text may have: put into the summary or a step."""

    def defect(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
        number = chance.randrange(-1, len(row.steps))
        text = change(row.summary if number < 0 else row.steps[number].text, chance)
        if text is None:
            return None
        return replace(row, summary=text) if number < 0 else with_step(row, number, text)

    return defect


def _cut(text: str, chance: random.Random) -> str | None:
    words = text.split()
    kept = words[: chance.randrange(len(words) // 2, len(words) - 1)] if len(words) > 6 else []
    return None if not kept or kept[-1].endswith((".", '"')) else " ".join(kept)


def _append(*options: str) -> Callable[[str, random.Random], str]:
    return lambda text, chance: f"{text} {chance.choice(options)}"


def _prepend(*options: str) -> Callable[[str, random.Random], str]:
    return lambda text, chance: f"{chance.choice(options)} {text}"


def _loop(text: str, chance: random.Random) -> str:
    sentence = chance.choice([part for part in text.split(". ") if part])
    return f"{text} " + " ".join(f"{sentence.rstrip('.')}." for _ in range(chance.choice((4, 8))))


FOREIGN = (
    "El perro camina hacia la derecha mientras la cámara se mueve con él por el parque.",
    "Der Mann geht mit einem Hund über die Straße und bleibt vor dem Haus stehen.",
    "La femme est assise sur un banc avec un livre dans les mains et elle sourit.",
    "Un uomo cammina lungo la strada con una borsa nella mano e poi si ferma.",
    "O homem anda com uma bicicleta na rua enquanto as crianças brincam no parque.",
    "一个男人在公园里散步，天气很好。",
    "Мужчина идёт по улице с собакой и смотрит на камеру.",
    "رجل يمشي في الشارع مع كلبه الصغير.",
)


def into_summary(*sentences: str) -> Defect:
    def defect(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
        parts = [one.text for one in Passage(-1, row.summary).sentences]
        sentence = chance.choice(sentences)
        known = " ".join(step.text for step in row.steps).lower()
        if any(word in known for word in re.findall(r"[a-z]{5,}", sentence.lower())):
            return None
        parts.insert(chance.randrange(1, len(parts) + 1), sentence)
        return replace(row, summary=" ".join(parts))

    return defect


def move_step(shift: Callable[[Step], Step]) -> Defect:
    def defect(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
        changes = [number for number, step in enumerate(row.steps) if step.kind == "change"]
        number = chance.choice(changes)
        steps = list(row.steps)
        steps[number] = shift(steps[number])
        return replace(row, steps=tuple(steps))

    return defect


def shuffled_steps(row: CaptionRow, chance: random.Random) -> CaptionRow:
    steps = list(row.steps)
    chance.shuffle(steps)
    return row if tuple(steps) == row.steps else replace(row, steps=tuple(steps))


def in_steps(pattern: str, swap: Callable[[str], str], wanted: Callable[[Step], bool] = lambda _: True) -> Defect:
    """Change the first place of a pattern in a step of which the facts are known."""

    def defect(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
        fitting = [n for n, step in enumerate(row.steps) if re.search(pattern, step.text) and wanted(step)]
        if not fitting:
            return None
        number = chance.choice(fitting)
        text = re.sub(pattern, lambda match: swap(match[0]), row.steps[number].text, count=1)
        return with_step(row, number, text)

    return defect


def other_side(text: str) -> str:
    swap = {"left": "right", "right": "left"}
    return re.sub(r"left|right", lambda match: swap[match[0]], text)


def add_pan(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
    still = [n for n, step in enumerate(row.steps) if step.facts[0].camera.moves == ("static",)]
    if not still:
        return None
    number = chance.choice(still)
    move = chance.choice(("pans to the left", "pans slowly to the right", "tilts up", "zooms in on the scene"))
    text = re.sub(r"[^.]*camera[^.]*\.", "", row.steps[number].text)
    return with_step(row, number, f"{text} The camera {move}.".strip())


def still_camera(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
    moving = [n for n, step in enumerate(row.steps) if step.facts[0].camera.moves not in ((), ("static",))]
    if not moving:
        return None
    number = chance.choice(moving)
    return with_step(row, number, "Little happens here. The camera remains static.")


def _lone_person(step: Step) -> bool:
    return sum(thing.label == "person" for thing in step.facts[0].objects) == 1 and step.kind == "change"


def two_people(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
    fitting = [
        n
        for n, step in enumerate(row.steps[:-1])
        if all(_lone_person(one) for one in row.steps[max(n - 1, 1) : n + 2]) and _lone_person(step)
    ]
    if not fitting:
        return None
    text = chance.choice(("Two people are in the picture.", "Three people walk past.", "Two men talk to each other."))
    return with_step(row, chance.choice(fitting), text)


def other_animal(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
    family = {"dog": "cat", "cat": "horse", "horse": "dog", "car": "bus", "bus": "bicycle"}
    labels = {thing.label for step in row.steps for thing in step.facts[0].objects}
    here = labels & family.keys()
    if len(here) != 1 or len(labels & {"bird", "boat", "bicycle"}):
        return None
    (label,) = here
    fitting = [n for n, step in enumerate(row.steps) if re.search(rf"\b{label}\b", step.text)]
    if not fitting:
        return None
    number = chance.choice(fitting)
    return with_step(row, number, re.sub(rf"\b{label}\b", family[label], row.steps[number].text))


def black_and_white(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
    colourful = [
        n
        for n, step in enumerate(row.steps)
        if not {name for name, _ in step.facts[0].look.palette} & {"white", "black", "grey"}
    ]
    if not colourful:
        return None
    number = chance.choice(colourful)
    return with_step(row, number, f"{row.steps[number].text} The footage is in black and white.")


def invented_text(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
    read = [n for n, step in enumerate(row.steps) if step.facts[0].texts is not None]
    if not read:
        return None
    number = chance.choice(read)
    return with_step(row, number, f'{row.steps[number].text} The text "GRAND OPENING" appears on the screen.')


def other_colour(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
    words = sorted(
        {colour for colour in ("red", "blue", "green", "yellow", "brown") if re.search(rf"\b{colour}\b", row.summary)}
    )
    told = " ".join(step.text for step in row.steps) + repr([step.facts for step in row.steps])
    new = [colour for colour in ("purple", "pink", "turquoise", "orange") if colour not in told]
    if not words or not new:
        return None
    return replace(row, summary=re.sub(rf"\b{chance.choice(words)}\b", chance.choice(new), row.summary, count=1))


def told_late(row: CaptionRow, chance: random.Random) -> CaptionRow:
    late = int(row.end_seconds) + chance.choice((7, 30, 200))
    text = chance.choice((f"At {late // 60}:{late % 60:02d}, a door opens.", f"At {late} seconds, a door opens."))
    return with_step(row, chance.randrange(len(row.steps)), text)


def _contrary(text: str) -> str:
    swap = {"left": "right", "right": "left", "up": "down", "down": "up", "in": "out", "out": "in"}
    return re.sub(r"\b(left|right|up|down|in|out)\b", lambda match: swap[match[0]], text)


NOISE = "A crowd of tourists photographs the cathedral while vendors sell souvenirs beside the marble steps."
DEFECTS: dict[str, tuple[Defect, frozenset[str]]] = {
    "text cut": (anywhere(_cut), frozenset({"cut off"})),
    "loop appended": (anywhere(_loop), frozenset({"loop"})),
    "refusal": (
        anywhere(
            lambda _text, chance: chance.choice(
                (
                    "I'm sorry, but I can't help with that.",
                    "As an AI language model, I cannot view videos.",
                    "I am unable to describe the people in this picture.",
                    "I cannot identify the person. Please provide the frames.",
                )
            )
        ),
        frozenset({"refusal"}),
    ),
    "boilerplate opening": (
        anywhere(
            _prepend(
                "In this video frame, we can see that",
                "The image shows a scene.",
                "Here is a detailed description:",
                "Sure! Here's the caption.",
                "In the first image, there is something.",
                "Description:",
            )
        ),
        frozenset({"boilerplate"}),
    ),
    "meta talk": (
        anywhere(
            _append(
                "This is a change from the previous description.",
                "In frame 3 it is darker.",
                "As described above, nothing else moves.",
                "Between the two frames, little changes.",
                "Compared with image 2, it is brighter.",
            )
        ),
        frozenset({"meta talk"}),
    ),
    "markup": (
        anywhere(
            lambda text, chance: chance.choice(
                (
                    f"**Summary:** {text}",
                    f"```\n{text}\n```",
                    f"{text}<|im_end|>",
                    f"<image>\n{text}",
                    f'{{"caption": "{text}"}}',
                    f"# Caption\n{text}",
                    f"assistant: {text}",
                    f"- {text}\n- {text}",
                )
            )
        ),
        frozenset({"markup"}),
    ),
    "placeholder": (
        anywhere(
            lambda text, chance: chance.choice(
                (
                    f"{text} A [object] stands there.",
                    "null",
                    "Lorem ipsum dolor sit amet.",
                    "None",
                    f"{text} {{subject}} walks.",
                    f"{text} [insert description here]",
                )
            )
        ),
        frozenset({"placeholder"}),
    ),
    "a sentence in another language": (anywhere(_append(*FOREIGN)), frozenset({"language"})),
    "too short": (anywhere(lambda _t, _c: "Yes."), frozenset({"length"})),
    "step moved (gap and overlap)": (
        move_step(lambda s: replace(s, start_seconds=s.start_seconds + 0.5, end_seconds=s.end_seconds + 0.5)),
        frozenset({"tiling"}),
    ),
    "step outside the video": (
        move_step(lambda s: replace(s, start_seconds=s.start_seconds + 500, end_seconds=s.end_seconds + 500)),
        frozenset({"order of steps"}),
    ),
    "steps shuffled": (shuffled_steps, frozenset({"order of steps", "tiling"})),
    "frame outside its step": (
        move_step(lambda s: replace(s, frame_seconds=(s.start_seconds - 1.0, s.end_seconds))),
        frozenset({"frame times"}),
    ),
    "a time after the end": (told_late, frozenset({"told times"})),
    "unsupported sentence": (
        into_summary(
            "A lighthouse stands on a cliff.",
            "A woman plays the violin.",
            "Seven sheep graze on the meadow.",
            "A helicopter lands on the roof.",
            NOISE,
            'A sign reads "CLOSED FOREVER".',
            "A child blows out candles.",
        ),
        frozenset({"unsupported"}),
    ),
    "colour changed in the summary": (other_colour, frozenset({"unsupported", "colour"})),
    "pan added": (add_pan, frozenset({"camera"})),
    "pan or tilt reversed": (
        in_steps(r"(?:pans|tilts|zooms)( slowly| quickly)? (to the (left|right)|up|down|in|out)", _contrary),
        frozenset({"camera"}),
    ),
    "moving camera called static": (still_camera, frozenset({"camera"})),
    "direction swapped": (
        in_steps(
            r"(?<!camera )moves? (slightly )?(to the (left|right)|from the (left|right) to the (left|right))",
            other_side,
        ),
        frozenset({"direction"}),
    ),
    "count changed": (two_people, frozenset({"count"})),
    "dog called cat": (other_animal, frozenset({"object"})),
    "colour called black and white": (black_and_white, frozenset({"look"})),
    "on-screen text invented": (invented_text, frozenset({"on-screen text"})),
}


def real_defects(rows: Sequence[CaptionRow], seed: int = 0) -> dict[str, list[tuple[CaptionRow, frozenset[str]]]]:
    """Defects that only real prose can show: a sentence, or the whole summary, of another video."""
    chance = random.Random(seed)
    pasted, other = [], []
    for row in rows:
        donor = chance.choice([one for one in rows if one is not row])
        sentences = [one.text for one in Passage(-1, row.summary).sentences]
        foreign = chance.choice([one.text for one in Passage(-1, donor.summary).sentences][:-1] or [donor.summary])
        sentences.insert(chance.randrange(len(sentences) + 1), foreign)
        pasted.append((replace(row, summary=" ".join(sentences)), frozenset({"unsupported"})))
        other.append((replace(row, summary=donor.summary), frozenset({"unsupported"})))
    swapped = [(broken, frozenset({"order of events"})) for row in rows if (broken := two_swapped(row, chance))]
    return {
        "a sentence of another video": pasted,
        "the summary of another video": other,
        "two events the other way round": swapped,
    }


def two_swapped(row: CaptionRow, chance: random.Random) -> CaptionRow | None:
    """Two sentences, of which the later one is told first and the earlier one as what comes "then"."""
    sentences = [one.text for one in Passage(-1, row.summary).sentences]
    if len(sentences) < 4:
        return None
    early, late = sorted(chance.sample(range(1, len(sentences)), 2))
    return replace(row, summary=f"{sentences[0]} {sentences[late]} {_then(sentences[early])}")


def told_in_order(row: CaptionRow) -> CaptionRow:
    """The same words for the right order: every sentence but the first begins with "then"."""
    first, *others = [one.text for one in Passage(-1, row.summary).sentences]
    return replace(row, summary=" ".join([first, *map(_then, others)]))


def _then(sentence: str) -> str:
    return f"Then, {sentence[0].lower()}{sentence[1:]}"
