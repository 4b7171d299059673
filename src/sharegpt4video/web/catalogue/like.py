"""Captions like another one, or like a description: by pictures, else by words, the best of these by meaning."""

from __future__ import annotations

import re
import threading
from typing import Any

import numpy as np

from ...dataset.similar.novelty import TextEncoder
from ...errors import SettingsError
from ...moments.query import terms_of
from ...moments.search import opened_encoder
from .index import Index
from .words import Docs, expression

MOST_LIKE = 200
COMPARED_BY_MEANING = 60
_ID = re.compile(r"[0-9a-f]{32}")


class Likeness:
    """Finds what is alike in an index. The sentence encoder (extra ``novelty``) is loaded when it is first needed."""

    def __init__(self, index: Index, *, by_meaning: bool = True) -> None:
        self._index = index
        self._by_meaning = by_meaning
        self._encoder: TextEncoder | None = None
        self._opened = False
        self._lock = threading.Lock()

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
        encoder = self._opened_encoder()
        if encoder is None or len(docs) < 2:
            return docs
        head = docs[:COMPARED_BY_MEANING]
        summaries = dict(
            db.execute(
                "SELECT doc, summary FROM videos WHERE list_contains(?::BIGINT[], doc)", [head.tolist()]
            ).fetchall()
        )
        there = [doc for doc in head.tolist() if doc in summaries]
        with self._lock:
            rows = encoder.encode([meaning, *(summaries[doc] for doc in there)])
        order = np.argsort(-(rows[1:] @ rows[0]), kind="stable")
        return np.append(np.array(there, np.int64)[order], docs[COMPARED_BY_MEANING:])

    def _opened_encoder(self) -> TextEncoder | None:
        with self._lock:
            if not self._opened and self._by_meaning:
                self._encoder, self._opened = opened_encoder("auto"), True
            return self._encoder
