"""``find``: the moments of videos that a few words describe, best first.

Words are looked for in the texts of all steps, as Arrow columns; of the best ones the meaning is compared, too, if a
sentence encoder is there; then a model that sees may judge the pictures.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ..caption_files import AnotherVideo, read_caption, video_of
from ..config import CaptionSettings
from ..dataset.dataset import Dataset
from ..dataset.similar.novelty import TextEncoder, open_encoder
from ..dataset.sources.places import SourceReplaced
from ..dataset.store.store import Store
from ..errors import MissingExtra, SettingsError, SG4VError, VideoError
from ..pipeline import caption
from ..records import VideoCaption
from ..vlm.base import VLM
from .corpus import Captioned, Corpus, InDataset, InMemory
from .found import Found, Moment
from .query import terms_of
from .rank import Hits, by_meaning, by_words, combined
from .refine import Told, refine

Where = str | os.PathLike[str] | VideoCaption | Dataset
_LOOKS_AT_ONCE = 8
_ANOTHER = (AnotherVideo, SourceReplaced)
JUDGED = 20
"""How many moments a model looks at, unless more are wanted."""


def find(
    query: str,
    where: Where,
    *,
    most: int = 10,
    encoder: str | TextEncoder | None = "auto",
    model: str | VLM | None = None,
    dropped: bool = False,
    settings: CaptionSettings | None = None,
) -> Found:
    """Find the moments that a query describes, best first.

        sg4v.find("a dog jumps", "my-set").moments[0].link

    where     a data set; a video, which is captioned for it by the embedded model; a caption (``VideoCaption``, or its
              ``.json`` file), or a folder of those files
    most      how many moments at most
    encoder   what compares the meaning of sentences: ``minilm`` (extra ``novelty``), ``hf:NAME``, an object, or None
              for words alone; ``auto``: ``minilm`` if it is installed
    model     a model that looks at the pictures of the best moments, at least ``JUDGED``, and ranks them
    dropped   of a data set, search what the filters dropped as well
    settings  how a video is captioned

    Raises SettingsError for a query without words to look for, or a model that looks at no pictures; SG4VError for a
    place that cannot be searched; VideoError, MissingExtra and VLMError as ``caption`` and the model do.
    """
    if most < 1:
        raise SettingsError(f"most is the number of moments to find, at least 1, not {most}")
    terms = terms_of(query)
    corpus = open_corpus(where, dropped=dropped, settings=settings)
    means = opened_encoder(encoder) if encoder is None or isinstance(encoder, str) else encoder
    hits = by_words(corpus.batches(), terms, all_compared=means is not None)
    ranked = _ranked(corpus, hits, query, means, most if model is None else max(most, JUDGED))
    here, replaced = _compared(corpus, ranked)
    moments = [moment for moment, _ in here] if model is None else refine(here, query, model, corpus.opened)
    moments += replaced
    return Found(query, tuple(moments[:most]), hits.steps_searched, means.name if means else "")


def opened_encoder(name: str | None) -> TextEncoder | None:
    """The sentence encoder of that name; for ``auto`` None where it is not installed."""
    if name is None:
        return None
    try:
        return open_encoder("minilm" if name == "auto" else name)
    except MissingExtra:
        if name == "auto":
            return None
        raise


def open_corpus(where: Where, *, dropped: bool = False, settings: CaptionSettings | None = None) -> Corpus:
    """The captions to search; see ``find``."""
    if isinstance(where, VideoCaption):
        return InMemory([Captioned(where.video, where)])
    if isinstance(where, Dataset):
        return InDataset(Store.open(where.path), dropped=dropped)
    place = os.fspath(where)
    if "://" in place and not Path(place).suffix:
        return InDataset(Store.open(place), dropped=dropped)
    path = Path(place)
    if path.is_dir():
        return _in_folder(path, dropped=dropped)
    if path.suffix == ".json" and path.is_file():
        return InMemory([_read(path)])
    return InMemory([Captioned(place, caption(place, settings=settings))])


def _in_folder(folder: Path, *, dropped: bool) -> Corpus:
    if Store(folder).exists():
        return InDataset(Store.open(folder), dropped=dropped)
    files = sorted(folder.glob("*.json"))
    if not files:
        raise SG4VError(
            f"{folder}: neither a data set nor a folder of captions; caption its videos first: sg4v caption {folder}"
            f" --out {folder.name}-captions --json"
        )
    return InMemory([_read(file) for file in files])


def _read(path: Path) -> Captioned:
    captioned = read_caption(path)
    return Captioned(video_of(captioned, path), captioned)


def _ranked(corpus: Corpus, hits: Hits, query: str, encoder: TextEncoder | None, most: int) -> list[Told]:
    """The best moments in order, each with its caption."""
    if encoder is None:
        hits = hits.first(most)
    captions = corpus.take(sorted(set(hits.rows.tolist())))
    places = list(zip(hits.rows.tolist(), hits.steps.tolist(), strict=True))
    texts = [captions[row].caption.steps[step].text for row, step in places]
    scores = combined(hits.words, by_meaning(encoder, query, texts) if encoder and texts else None)
    best = sorted(range(len(places)), key=lambda at: -scores[at])[:most]
    return [(_moment(captions[row], step, scores[at]), captions[row]) for at in best for row, step in [places[at]]]


def _compared(corpus: Corpus, ranked: Sequence[Told]) -> tuple[list[Told], list[Moment]]:
    """The moments, each with the place of its video, and apart from them those whose video was replaced."""
    videos = {_key(captioned): captioned for _, captioned in ranked}

    def look(captioned: Captioned) -> str | VideoError:
        try:
            return corpus.location(captioned)
        except VideoError as error:
            return error

    with ThreadPoolExecutor(_LOOKS_AT_ONCE, thread_name_prefix="sg4v-look") as pool:
        found = dict(zip(videos, pool.map(look, videos.values()), strict=True))
    here: list[Told] = []
    replaced: list[Moment] = []
    for moment, captioned in ranked:
        place = found[_key(captioned)]
        if isinstance(place, str):
            here.append((replace(moment, video=place), captioned))
        else:
            replaced.append(replace(moment, problem=str(place), replaced=isinstance(place, _ANOTHER)))
    return here, replaced


def _key(captioned: Captioned) -> tuple[str, str]:
    """Under one name there may have been several videos, each with its captions."""
    return captioned.video, captioned.row.id if captioned.row else captioned.caption.content_id


def _moment(captioned: Captioned, step: int, score: float) -> Moment:
    start, end = captioned.span(step)
    told = captioned.caption.steps[step]
    return Moment(
        captioned.video, start, end, told.text, round(float(score), 4), captioned.row.id if captioned.row else ""
    )
