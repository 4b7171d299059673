"""An export with ``--format captioner``, sample by sample: the words, and what they were made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...checking import check_texts
from ...errors import SettingsError
from ...given import from_json, open_file
from ...prompts import PROMPT_SETS, PromptSet
from ...vlm.base import Request
from ...vlm.render import render
from ...vlm.stored import request_of
from ..data.index import spans
from ..data.samples import IMAGE
from ..settings import ROLES, Role

_MARK = f"{IMAGE}\n"
_ADVICE = "export it: sg4v dataset export DATASET --format captioner --out FOLDER"


@dataclass(frozen=True)
class Exported:
    """One sample of an export.

    ``text`` is the question without the marks of its pictures, ``images`` their paths in the export. ``request`` is
    what the question was made of, with the prompts that put it into words; None where these give other words now: then
    the text is learned as it is, and nothing in it is changed.
    """

    id: str
    role: Role
    task: str
    video: str
    images: tuple[str, ...]
    system: str
    text: str
    answer: str
    request: Request | None
    prompts: PromptSet | None
    prompt_set: str

    def asked(self, request: Request) -> str:
        """The words of another request in the place of this one's."""
        assert self.prompts is not None
        return render(request, self.prompts).text


def file_of(export: str) -> Path:
    """The file of an export that is given as a folder, or as the file itself. Raises SettingsError."""
    path = Path(export).expanduser()
    if path.is_dir():
        found = [path / name for name in ("train.json", "train.jsonl") if (path / name).is_file()]
        if not found:
            raise SettingsError(f"mixture.exports: {path} has no train.json; {_ADVICE}")
        return found[0]
    if not path.is_file():
        raise SettingsError(f"mixture.exports: there is no {path}; {_ADVICE}")
    return path


def read_export(path: Path) -> Iterator[Exported]:
    """The samples of an export in their order. Raises SettingsError for a file of another kind."""
    with open_file(path) as file:
        for begin, end in spans(path):
            file.seek(begin)
            line = file.read(int(end - begin))
            try:
                plain = from_json(line)
                check_texts(plain, "")
                yield _exported(plain)
            except (SettingsError, ValueError, LookupError, TypeError, AttributeError) as error:
                raise SettingsError(
                    f"{path}, at byte {begin}: not a sample of the format captioner ({error!r}); {_ADVICE}"
                ) from error


def _exported(plain: dict[str, Any]) -> Exported:
    if plain["role"] not in ROLES:
        raise ValueError(f"the role is one of {', '.join(ROLES)}, not {plain['role']!r}")
    asked, told = (turn["value"] for turn in plain["conversations"])
    images = plain.get("image") or []
    images = (images,) if isinstance(images, str) else tuple(images)
    if not all(isinstance(one, str) for one in (asked, told, plain["id"], plain["system"], *images)):
        raise ValueError("the id, the system text, the turns and the pictures' paths are texts")
    if not asked.startswith(_MARK * len(images)):
        raise ValueError("the question does not begin with its pictures")
    text = asked[len(_MARK) * len(images) :]
    prompts = PROMPT_SETS.get(plain["prompt_set"])
    request = request_of(plain["request"], len(images)) if "request" in plain else None
    if request is None or prompts is None or render(request, prompts).text != text:
        request = prompts = None
    return Exported(
        plain["id"], plain["role"], plain["task"], plain.get("source_video", ""), images, plain["system"], text, told,
        request, prompts, plain["prompt_set"],
    )  # fmt: skip
