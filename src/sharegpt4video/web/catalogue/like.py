"""Captions like another one, or like a description: by pictures, else by words, the best of these by meaning."""

from __future__ import annotations

import logging
import re
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.similar.novelty import TextEncoder
from ...errors import SettingsError, SG4VError
from ...moments.query import terms_of
from ...moments.search import opened_encoder
from .index import Index
from .words import Docs, expression

logger = logging.getLogger(__name__)

MOST_LIKE = 200
COMPARED_BY_MEANING = 60
_ID = re.compile(r"[0-9a-f]{32}")


class Meaning:
    """The sentence encoder (``minilm`` of the extra ``novelty``). It is loaded in the background when it is first asked
    for, which takes seconds; until then there is none."""

    def __init__(self, encoder: TextEncoder | None = None) -> None:
        self._encoder = encoder
        self._loading: threading.Thread | None = None
        self._lock = threading.Lock()

    def is_ready(self) -> bool:
        with self._lock:
            if self._loading is None and self._encoder is None:
                self._loading = threading.Thread(target=self._load, name="sg4v-meaning", daemon=True)
                self._loading.start()
        return self._encoder is not None

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        assert self._encoder is not None
        with self._lock:
            return self._encoder.encode(texts)

    def _load(self) -> None:
        try:
            self._encoder = opened_encoder("auto")
        except SG4VError as error:
            logger.warning("descriptions are compared by words alone: %s", error)


class Likeness:
    """Finds what is alike in an index. ``meaning`` compares sentences, once it is there."""

    def __init__(self, index: Index, meaning: Meaning | None = None) -> None:
        self._index, self._meaning = index, meaning

    def nearest(self, like: str, db: Any) -> Docs:
        """Documents like a caption (its id) or a description, nearest first.

        Raises SettingsError for an id that no caption has, and for a description without words.
        """
        if not _ID.fullmatch(like):
            return self._by_words(like, like, db)
        rows = db.execute("SELECT doc, picture, summary FROM videos WHERE id = ?::UUID", [like]).fetchall()
        if not rows or rows[0][0] is None:
            raise SettingsError(f"no caption has the id {like}")
        doc, picture, summary = rows[0]
        if picture is None:
            found = self._by_words(summary or "", summary or "", db)
            return np.append([doc], found[found != doc]).astype(np.int64)
        numbers = self._index.pictures.nearest(int(picture), MOST_LIKE)
        docs = dict(
            db.execute(
                "SELECT picture, doc FROM videos WHERE doc IS NOT NULL AND list_contains(?::BIGINT[], picture)",
                [numbers.tolist()],
            ).fetchall()
        )
        return np.array([docs[number] for number in numbers.tolist() if number in docs], np.int64)

    def _by_words(self, text: str, meaning: str, db: Any) -> Docs:
        words = self._index.words
        assert words is not None
        terms = " ".join(term.word for term in terms_of(text))
        docs, _ = words.ranked(expression(terms[:400], any_of=True), MOST_LIKE)
        encode = self._meaning.encode if self._meaning is not None and self._meaning.is_ready() else None
        if encode is None or len(docs) < 2:
            return docs
        head = docs[:COMPARED_BY_MEANING]
        summaries = dict(
            db.execute(
                "SELECT doc, summary FROM videos WHERE list_contains(?::BIGINT[], doc)", [head.tolist()]
            ).fetchall()
        )
        there = [doc for doc in head.tolist() if doc in summaries]
        rows = encode([meaning, *(summaries[doc] for doc in there)])
        order = np.argsort(-(rows[1:] @ rows[0]), kind="stable")
        return np.append(np.array(there, np.int64)[order], docs[COMPARED_BY_MEANING:])
