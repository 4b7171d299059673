"""The scene that a prompt asks for, so that a generated video can be checked without the scene that it was made from.

Read are the full captions of the tiny world and of chains; other texts leave facts open, or are of no world.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import InputMissing, SettingsError
from ..given import read_json_lines
from .chain.scenes import PLACES as SIDE_PLACES
from .chain.scenes import ChainScene, State
from .chain.told import Told, read_step, read_whole
from .scenes import COLOURS, DIRECTIONS
from .sizes import AnyScene
from .tiny.captions import CAMERA, KEEPS, PLACES
from .tiny.scenes import CAMERAS, SHAPES, TinyScene
from .words import CAMERA_MOVES

_MIDDLES = (0.1, 0.5, 0.9)
_WAYS, _COLOURS = "|".join(DIRECTIONS), "|".join(COLOURS)
_TINY = re.compile(
    rf"at the beginning there is a (?P<colour>{_COLOURS}) (?P<shape>{'|'.join(SHAPES)}) (?P<place>[a-z ]+)\. "
    rf"first it moves (?P<first>{_WAYS})\. "
    rf"then it (?:{KEEPS}|turns (?P<turn>{_COLOURS})) and moves (?P<second>{_WAYS})\. (?P<camera>[a-z ]+\.)"
)


def scene_asked_for(prompt: str) -> AnyScene | None:
    """The scene of which a text is a full caption; None for any other text, and for what cannot happen."""
    text = " ".join(prompt.split())
    return _tiny(text) or _chain(text)


def _tiny(text: str) -> TinyScene | None:
    found = _TINY.fullmatch(text)
    cameras = {CAMERA.format(move=CAMERA_MOVES[camera]): camera for camera in CAMERAS}
    if found is None or found["place"] not in PLACES or found["camera"] not in cameras:
        return None
    row, column = divmod(PLACES.index(found["place"]), len(_MIDDLES))
    told = {name: found[name] for name in ("shape", "colour", "first", "second")}
    camera = cameras[found["camera"]]
    return TinyScene(turn=found["turn"] or "", camera=camera, x=_MIDDLES[column], y=_MIDDLES[row], **told)  # type: ignore[arg-type]


def _chain(text: str) -> ChainScene | None:
    """A whole, or an opening and a sentence for each event as steps are joined; what the thing is at first counts."""
    told = read_whole(text)
    if told.stray:
        *sentences, rest = text.split(".")
        first, *later = [read_step(f"{sentence}.") for sentence in sentences] or [Told(stray=rest)]
        deeds = tuple(deed for one in (first, *later) for deed in one.deeds)
        if rest or first.stray or any(one.stray or not one.deeds for one in later):
            return None
        told = Told(first.size, first.colour, first.name, first.place, deeds)
    grid = range(SIDE_PLACES)
    states = [State(told.shape, told.colour, told.size, column, row) for row in grid for column in grid]  # type: ignore[arg-type]
    start = next((state for state in states if state.place == told.place), None)
    scene = ChainScene(start, told.deeds) if start and told.deeds else None
    try:
        return scene if scene and scene.states else None
    except ValueError:  # an event that this thing cannot have
        return None


def read_prompts(path: Path) -> dict[str, str]:
    """The prompts of ``sg4v t2v sample`` by the names of their videos. Raises InputMissing, SettingsError."""
    form = "it has a line of JSON with video and prompt for each video"
    try:
        rows = read_json_lines(path)
    except OSError as error:
        raise InputMissing(f"{path}: cannot be read: {error}; give the prompts.jsonl of sg4v t2v sample") from error
    except ValueError as error:
        raise SettingsError(f"{path}: is not the prompts.jsonl of sg4v t2v sample ({error}); {form}") from error
    prompts: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        video, prompt = (row.get("video"), row.get("prompt")) if isinstance(row, dict) else (None, None)
        if not isinstance(video, str) or not isinstance(prompt, str):
            raise SettingsError(f"{path}: row {number} is not one of the prompts.jsonl of sg4v t2v sample; {form}")
        if prompts.setdefault(video, prompt) != prompt:
            raise SettingsError(f"{path}: has two prompts of {video}; leave one of them")
    return prompts
