"""Which videos come from one recording: spans of a file, copies, and what the user's lists say has one origin.

Videos of a recording show the same people and places, so they must never lie in two splits, however differently they
look.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..rows import SourceVideo
from ..similar.near import link
from ..sources.ids import with_span
from ..sources.kinds import VIDEO_ENDINGS, split_member
from ..sources.listed import Listed
from ..sources.places import is_web
from ..store.ids import IdIndex, Ids, packed_ids
from ..store.schema import to_rows
from ..store.store import Store

Positions = NDArray[np.int64]

ORIGINS = {
    "url", "videourl", "sourceurl", "originalurl", "youtubeurl", "webpageurl", "pageurl", "contenturl", "link",
    "videoid", "youtubeid", "ytid", "ytbid", "vid", "sourceid", "originalid", "originalvideoid", "sourcevideoid",
    "recording", "recordingid", "sourcevideo", "originalvideo", "parentid", "parentvideo",
}  # fmt: skip
"""Columns of lists that name what a video was cut from, without upper case and signs (Panda-70M, InternVid, HD-VILA,
Koala-36M, MiraData, WebVid and their like)."""

_YOUTUBE_HOSTS = ("youtube.com", "youtube-nocookie.com", "youtu.be")
_YOUTUBE_ID = r"[A-Za-z0-9_-]{11}"
_YOUTUBE_PATH = re.compile(rf"/(?:embed|shorts|live|v|e)/({_YOUTUBE_ID})(?![A-Za-z0-9_-])")
_CUT_OF_YOUTUBE = re.compile(rf"(?=.*[a-z])(?=.*[A-Z])({_YOUTUBE_ID})(?:[_.-]+(?:\d+|\d+(?:\.\d+)?to\d+(?:\.\d+)?))+")
"""How collections name clips: the id of YouTube, then numbers (``ID_0``, ``ID.3``, ``ID_12_0to158``). Ids nearly always
mix lower and upper case; ``holiday_vid_01`` does not."""


def join_recordings(store: Store, listed: Listed, ids: Ids, group: Positions) -> Positions:
    """Join groups that share a recording; ``group`` leads from each of the ids to the first of its group, as before."""
    keys, rows = _keys(store, listed, ids)
    order = np.lexsort((rows, keys))
    keys, rows = keys[order], rows[order]
    same = np.flatnonzero(keys[1:] == keys[:-1])
    joined: Positions = group.astype(np.int64)
    link(joined, rows[same + 1], rows[same])
    return joined


def _keys(store: Store, listed: Listed, ids: Ids) -> tuple[NDArray[np.uint64], Positions]:
    """Every key of every source as a number, and the position of its id among ``ids``."""
    keys, rows = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    index, offset = IdIndex(ids), 0
    for batch in store.batches("sources", batch_rows=1 << 14, superseded=True) if len(ids) else ():
        found: list[int] = []
        numbers: list[int] = []
        here = listed.stale[offset : offset + batch.num_rows]
        offset += batch.num_rows
        for number, (source, was) in enumerate(zip(to_rows(SourceVideo, batch), here.tolist(), strict=True)):
            if was:  # its name and row belong to another file now
                continue
            texts = set(recording_keys(source))
            found += map(_number, texts)
            numbers += [number] * len(texts)
        place = index.places(packed_ids(batch.column("id")))[numbers]
        keys.append(np.array(found, np.uint64)[place >= 0])
        rows.append(place[place >= 0])
    return np.concatenate(keys), np.concatenate(rows)


def recording_keys(source: SourceVideo) -> Iterator[str]:
    """What videos of one recording have in common: the content, the place, the address or id they were cut from."""
    yield f"content {source.content_id}"
    yield f"origin {origin(source.location)}" if is_web(source.location) else f"place {source.location}"
    member = split_member(source.location)
    name = PurePath((member[1] if member else source.location).partition("?")[0])
    stem = name.stem if name.suffix.lower() in VIDEO_ENDINGS else name.name
    if cut := _CUT_OF_YOUTUBE.fullmatch(stem):
        yield f"origin {cut[1]}"
    if source.user_id and not (member and source.user_id in (stem, str(name.with_suffix("")))):
        yield f"origin {origin(source.user_id)}"  # the name of a member is an id in its archive alone
    for value in _named(source.tags):
        yield f"origin {origin(value)}"


def _named(tags: Mapping[str, str]) -> Iterator[str]:
    for name, value in tags.items():
        if value.strip() and re.sub(r"[\W_]", "", name).lower() in ORIGINS:
            yield value


def origin(text: str) -> str:
    """One way to write where a video is from: the id for all addresses of YouTube, no fragment for others."""
    text = text.strip()
    if cut := _CUT_OF_YOUTUBE.fullmatch(text):
        return cut[1]
    if not is_web(text):
        return text
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return text
    if host.removeprefix("m.").removeprefix("music.") in _YOUTUBE_HOSTS:
        query = parse_qs(parts.query).get("v", [""])[0]
        short = parts.path.strip("/") if host.endswith("youtu.be") else ""
        path = _YOUTUBE_PATH.match(parts.path)
        found = query or (path[1] if path else short)
        if re.fullmatch(_YOUTUBE_ID, found):
            return found
    signed = PurePath(parts.path).suffix.lower() in VIDEO_ENDINGS  # then what is asked for is a key, not another video
    return f"{host}{parts.path}" + (f"?{parts.query}" if parts.query and not signed else "")


def contents_of(store: Store, ids: Ids) -> dict[str, str]:
    """The content of each of these ids that is a span: what all spans of a file have in common, in every data set."""
    found: dict[str, str] = {}
    for batch in store.find("sources", ids, ["start_seconds", "end_seconds"], superseded=True):
        spans = pc.or_(pc.is_valid(batch.column("start_seconds")), pc.is_valid(batch.column("end_seconds")))
        for row in batch.filter(spans).to_pylist():
            found[row["id"]] = with_span(row["id"], row["start_seconds"], row["end_seconds"])
    return found


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big")
