"""Write the mixture as data sources for the trainer, so that it can be inspected first and a resumed run sees the same.

Everything follows from the exports, the settings and the seed. Each role of each export is a file of its own, weighted
so that the roles come as often as the settings say.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import SettingsError, StorageError
from ...files import whole_file, write_whole
from ...given import read_json
from ...learning import checkpoints
from ...learning.processes import Processes
from ..data.samples import IMAGE
from ..settings import ROLES, DataSource, MixtureSettings, TrainSettings
from .contexts import Contexts, read_mistakes
from .read import Exported, file_of, read_export
from .shorten import shortened

FOLDER = "mixture"
APART = "frames apart"
"""How a fast sample is counted that shows its frames one by one, and not in a grid."""
COUNTS = "counts.json"
_FORMAT = 1


@dataclass(frozen=True)
class Mixture:
    """What was written: the sources with their weights, and how many samples of which kind."""

    sources: tuple[DataSource, ...]
    counts: dict[str, dict[str, int]]
    """By role: ``samples``, and how many have which context, or come from where."""
    prompts: tuple[str, ...]
    """The prompt sets that it is asked with."""
    earlier: bool = False
    """Whether it was kept from when the run began, and other inputs would now make another one."""

    def text(self) -> str:
        """One line for a log."""
        told = []
        for role, counts in self.counts.items():
            kinds = [f"{number:,} {kind}" for kind, number in counts.items() if kind != "samples"]
            told.append(f"{counts['samples']:,} {role}" + (f" ({', '.join(kinds)})" if kinds else ""))
        kept = "; as it was when the run began, though exports or settings have changed since" if self.earlier else ""
        return f"mixture: {'; '.join(told)}{kept}"


def prepare(settings: TrainSettings, out: str | Path, *, resume: bool = True) -> tuple[TrainSettings, Mixture]:
    """Write the mixture of a run into its folder ``out``; gives the settings with its sources, and what was written.

    An existing mixture made from the same inputs is kept, and any that a run with checkpoints resumes with.
    With several processes, rank 0 writes. Raises SettingsError for settings without a mixture, and exports that are
    missing or of another kind, StorageError if another run is in the folder.
    """
    chosen = settings.mixture
    if chosen is None:
        raise SettingsError("mixture is missing in the configuration; without one, use sg4v train lvlm")
    folder, processes = Path(out) / FOLDER, Processes()
    problem: Exception | None = None
    earlier = False
    if processes.first:
        try:
            with checkpoints.alone(Path(out)):
                begun = resume and bool(checkpoints.finished_folders(Path(out)))
                earlier = _write(chosen, settings.optimiser.seed, folder, keep=begun)
        except (SettingsError, StorageError) as error:
            problem = error
    problem = processes.from_first(problem)
    if problem is not None:
        raise problem
    mixture = replace(read_mixture(folder), earlier=earlier)
    sources = (*mixture.sources, *settings.data.sources)
    return replace(settings, data=replace(settings.data, sources=sources)), mixture


def read_mixture(folder: Path) -> Mixture:
    """What ``prepare`` has written there. Raises StorageError."""
    try:
        plain = read_json(folder / COUNTS)
        sources = tuple(DataSource(str(folder / one["file"]), one["media"], one["weight"]) for one in plain["sources"])
        return Mixture(sources, plain["counts"], tuple(plain["prompts"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{folder / COUNTS}: cannot be read ({error!r}); start over with --fresh") from error


def _write(chosen: MixtureSettings, seed: int, folder: Path, *, keep: bool) -> bool:
    """Write the mixture unless it is there; with ``keep``, another one stays as well, which is what it returns."""
    there = _key_of(folder)
    files = [file_of(export) for export in chosen.exports]
    key = _fingerprint(chosen, seed, files)
    if there and (keep or there == key):
        return there != key
    (folder / COUNTS).unlink(missing_ok=True)  # it must not vouch for files of two mixtures
    contexts = _contexts(chosen, files)
    counts: dict[str, Counter[str]] = {role: Counter() for role in wanted(chosen)}
    sources, prompts = list[dict[str, Any]](), Counter[str]()
    try:
        for number, path in enumerate(files):
            for role in _write_roles(chosen, path, contexts, seed, counts, folder / f"{number:03d}", prompts):
                sources.append({"file": f"{number:03d}-{role}.jsonl", "media": str(path.parent), "role": role})
        _check_roles(counts)
        contexts.check_mistakes()
        weights = _weights(chosen, counts)
        plain = [{**one, "weight": weights[one["role"]]} for one in sources]
        told = {"key": key, "sources": plain, "counts": counts, "prompts": [name for name, _ in prompts.most_common()]}
        write_whole(folder / COUNTS, json.dumps(told, indent=1).encode())
    except OSError as error:
        raise StorageError(f"{folder}: the mixture cannot be written: {error}; is the disk full?") from error
    return False


def _write_roles(
    chosen: MixtureSettings,
    path: Path,
    contexts: Contexts,
    seed: int,
    counts: dict[str, Counter[str]],
    begin: Path,
    prompts: Counter[str],
) -> list[str]:
    """A file for each role that an export has, named after it; gives the roles."""
    files: dict[str, BinaryIO] = {}
    with ExitStack() as stack:
        for sample in read_export(path):
            role = "opening" if sample.task == "opening" and chosen.opening_share is not None else sample.role
            if role not in counts:
                continue
            if role not in files:
                files[role] = stack.enter_context(whole_file(begin.with_name(f"{begin.name}-{role}.jsonl")))
            prompts[sample.prompt_set] += 1
            for plain, kind in _drawn(chosen, sample, contexts, seed):
                counts[role].update(["samples", *filter(None, [kind])])
                files[role].write(json.dumps(plain, ensure_ascii=False).encode() + b"\n")
    return list(files)


def _drawn(
    chosen: MixtureSettings, sample: Exported, contexts: Contexts, seed: int
) -> Iterator[tuple[dict[str, Any], str]]:
    """What is learned of one sample of an export, each with what kind it is."""
    request = sample.request
    if sample.task not in ("change", "recaption"):
        yield _sample(sample, sample.text, 0), APART if sample.role == "fast" and len(sample.images) > 1 else ""
        return
    for copy in range(chosen.copies):
        rng = random.Random(f"{seed} {sample.id} {copy}")
        if request is None:
            yield _sample(sample, sample.text, copy), "as exported"
        elif sample.task == "recaption":
            short = rng.random() < chosen.short_prompts
            prompt = shortened(sample.answer, chosen.short_sentences, rng) if short else ""
            made = replace(request, user_text=prompt or request.user_text)
            yield _sample(sample, sample.asked(made), copy), "shortened" if prompt else "as exported"
        elif not request.before:
            yield _sample(sample, sample.text, copy), "nothing before"
        else:
            before, kind = contexts.draw(sample.id, sample.video, request.before, rng)
            yield _sample(sample, sample.asked(replace(request, before=before)), copy), kind


def _sample(sample: Exported, text: str, copy: int) -> dict[str, Any]:
    asked = f"{IMAGE}\n" * len(sample.images) + text
    turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": sample.answer}]
    shown = {"image": list(sample.images)} if sample.images else {}
    name = f"{sample.id}~{copy}" if copy else sample.id
    return {"id": name, **shown, "system": sample.system, "conversations": turns, "verbatim": True}


def _contexts(chosen: MixtureSettings, files: Sequence[Path]) -> Contexts:
    pool = []
    if chosen.sliding and chosen.wrong_context:
        pool = [(sample.video, sample.request.before) for path in files for sample in read_export(path)
                if sample.request is not None and sample.request.before]  # fmt: skip
    return Contexts(chosen, pool or [("", "")], read_mistakes(chosen.own_mistakes))


def first_sources(settings: TrainSettings) -> tuple[list[int], int]:
    """Which sources come before all others, and how many samples of them: the first frames, if the mixture says so."""
    count = settings.mixture.first_openings if settings.mixture else 0
    found = [at for at, source in enumerate(settings.data.sources) if Path(source.path).stem.endswith("-opening")]
    return (found, count) if found and count else ([], 0)


def _check_roles(counts: dict[str, Counter[str]]) -> None:
    missing = [role for role, found in counts.items() if not found["samples"]]
    if missing:
        name = {"opening": "opening_share"}.get(missing[0], missing[0])
        raise SettingsError(
            f"mixture: the exports have no samples of {', '.join(missing)}; set mixture.{name} to 0, or export more"
            " roles (and clips for summaries: --clips)"
        )


def wanted(chosen: MixtureSettings) -> dict[str, float]:
    """The roles that are learned with their weights; first frames apart where their share is given."""
    found: dict[str, float] = {role: getattr(chosen, role) for role in ROLES}
    if chosen.opening_share is not None:
        found["opening"] = found["sliding"] * chosen.opening_share
        found["sliding"] -= found["opening"]
    return {role: weight for role, weight in found.items() if weight}


def _weights(chosen: MixtureSettings, counts: dict[str, Counter[str]]) -> dict[str, float]:
    """How often each sample of a role is seen in an epoch, which has as many samples as there are in all."""
    total, weights = sum(found["samples"] for found in counts.values()), wanted(chosen)
    shares = sum(weights.values())
    return {
        role: max(round(weights[role] / shares * total / found["samples"], 4), 1e-4) for role, found in counts.items()
    }


def _fingerprint(chosen: MixtureSettings, seed: int, files: Sequence[Path]) -> str:
    digest = hashlib.sha256(json.dumps([_FORMAT, asdict(chosen), seed]).encode())
    for path in (*files, *([Path(chosen.own_mistakes).expanduser()] if chosen.own_mistakes else [])):
        if path.is_file():
            with path.open("rb") as file:
                while block := file.read(1 << 22):
                    digest.update(block)
    return digest.hexdigest()


def _key_of(folder: Path) -> str:
    """The fingerprint of what the mixture in a folder was made from; "" where there is none, or not all of it."""
    try:
        plain = read_json(folder / COUNTS)
        return str(plain["key"]) if all((folder / one["file"]).is_file() for one in plain["sources"]) else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
