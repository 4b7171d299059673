"""Pages: every row exactly once, in order, whatever is added meanwhile, and filters that mean what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from made_catalogue import MOVES, Made, append, caption_of, checked_of, id_of, indexed, made, selected_of, survey_of
from sharegpt4video.errors import SettingsError
from sharegpt4video.web.catalogue.columns import COLUMNS
from sharegpt4video.web.catalogue.like import Likeness, Meaning
from sharegpt4video.web.catalogue.pages import Pages, Query

ROWS = 60


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    store = made(tmp_path_factory.mktemp("pages") / "set", range(ROWS), part_rows=25)
    store.append("checks", [checked_of(n, *["times"] * (n % 3)) for n in range(ROWS)])
    store.append("selection", [selected_of(n, "val" if n % 4 else "train", "" if n % 5 else "max_text_area")
                               for n in range(ROWS)])  # fmt: skip
    with indexed(store) as found:
        found.refresh()
        yield found


TRUTH: dict[str, Callable[[int], Any]] = {
    "motion>0.03": lambda n: n / 1000 > 0.03,
    "max_motion<=0.301": lambda n: n / 100 + 0.001 <= 0.301,
    "shots=3": lambda n: n % 7 == 3,
    "shots!=3": lambda n: n % 7 != 3,
    "camera=pan left": lambda n: MOVES[n % 4] == "pan left",
    "camera!=pan left": lambda n: MOVES[n % 4] != "pan left",
    "subject=dog": lambda n: n % 3 in (1, 2),
    "check=times": lambda n: n % 3 > 0,
    "check=none": lambda n: n % 3 == 0,
    "findings>=2": lambda n: n % 3 == 2,
    "split=val": lambda n: n % 4 and n % 5,
    "kept=false": lambda n: n % 5 == 0,
    "gate=max_text_area": lambda n: n % 5 == 0,
    "verdict=none": lambda _: True,
    "problems>0": lambda n: n % 5 == 0,
    "video=7.mp4": lambda n: n == 7,
    "video~1.MP4": lambda n: n % 10 == 1,
    "text=SIGN 7": lambda n: n == 7,
    "codec=h265": lambda _: False,
    "subject=x') OR 1=1 --": lambda _: False,
}


@pytest.mark.parametrize("where", TRUTH)
def test_a_filter_leaves_what_it_says(one: Made, where: str) -> None:
    wanted = [id_of(n) for n in range(ROWS) if TRUTH[where](n)]
    assert one.ids("", where, order="id") == sorted(wanted)
    assert one.pages.page(Query.of(where=[where])).total == len(wanted)


@settings(max_examples=25, deadline=None)
@given(
    st.sets(st.sampled_from(sorted(TRUTH)), max_size=3),
    st.integers(1, 70),
    st.sampled_from(["id", "newest", "finding", "row"]),
)
def test_pages_hold_every_row_once_and_in_order(one: Made, where: set[str], limit: int, order: str) -> None:
    wanted = [n for n in range(ROWS) if all(TRUTH[each](n) for each in where)]
    keys: dict[str, Callable[[int], Any]] = {
        "id": id_of,
        "newest": lambda n: -n,
        "row": lambda n: n,
        "finding": lambda n: (-(n % 3), n),
    }
    found = one.ids("", *sorted(where), order=order, limit=limit)
    assert found == [id_of(n) for n in sorted(wanted, key=keys[order])]


@pytest.mark.parametrize(
    "ask", [{"q": "summary"}, {"q": "summary", "order": "id"}, {"like": id_of(5)}, {"like": "a video step"}]
)
def test_words_and_likeness_come_page_by_page_too(one: Made, ask: dict[str, str]) -> None:
    whole = one.ids(**ask, limit=200)
    assert sorted(whole) == sorted(map(id_of, range(ROWS))) or "like" in ask
    assert one.ids(**ask, limit=7) == whole
    assert len(set(whole)) == len(whole)


@pytest.mark.parametrize(("order", "q"), [("id", ""), ("newest", ""), ("finding", "summary"), ("", "summary")])
def test_what_is_added_while_somebody_pages_disturbs_nothing(tmp_path: Path, order: str, q: str) -> None:
    store = made(tmp_path / "set", range(20), part_rows=20)
    with indexed(store) as one:
        one.refresh()
        query, after, found = Query.of(q, "", order), "", []
        for turn in range(4):
            page = one.pages.page(query, after, 6)
            found += [item.id for item in page.items]
            after = page.next
            append(store, range(100 + 4 * turn, 104 + 4 * turn))
            store.append("captions", [caption_of(n, revision=1) for n in (turn, 10 + turn)])  # and some are made again
            one.refresh()
        while after:
            page = one.pages.page(query, after, 6)
            found += [item.id for item in page.items]
            after = page.next
    assert len(set(found)) == len(found)
    assert set(found) >= {id_of(n) for n in range(20)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60) | st.text(alphabet="WyIx0-_=eyJhIjpb", max_size=60))
def test_no_place_that_was_not_given_out_is_taken(one: Made, after: str) -> None:
    if after:
        with pytest.raises(SettingsError, match="start again"):
            one.pages.page(Query.of(), after)


def test_a_place_of_another_question_is_refused(one: Made) -> None:
    place = one.pages.page(Query.of(), "", 5).next
    assert one.pages.page(Query.of(), place, 5).items
    for query in (Query.of(order="newest"), Query.of("step"), Query.of(where=["shots=3"])):
        with pytest.raises(SettingsError, match="start again"):
            one.pages.page(query, place)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_so_many_rows_at_most(one: Made, limit: int) -> None:
    with pytest.raises(SettingsError, match="1 to 200"):
        one.pages.page(Query.of(), "", limit)


def test_an_unknown_order_or_caption_is_refused(one: Made) -> None:
    with pytest.raises(SettingsError, match="newest"):
        Query.of(order="newst")
    with pytest.raises(SettingsError, match="no caption has the id"):
        one.ids(like="f" * 32)


def test_what_looks_alike_comes_first(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    looks = random.standard_normal((9, 256)).astype(np.float16)
    looks[7] = looks[2] + 0.1 * looks[3]
    store = made(tmp_path / "set", ())
    store.append("captions", [caption_of(n) for n in range(9)])
    store.append("surveys", [replace(survey_of(n), embedding=looks[n].astype("<f2").tobytes()) for n in range(9)])
    with indexed(store) as one:
        one.refresh()
        found = one.ids(like=id_of(2))
        exact = looks.astype(float) @ looks[2].astype(float) / np.linalg.norm(looks.astype(float), axis=1)
        assert found == [id_of(int(n)) for n in np.argsort(-exact)]
        assert found[:2] == [id_of(2), id_of(7)]
        assert one.ids("", "shots<3", like=id_of(2)) == [
            id for id in found if id in {id_of(n) for n in (0, 1, 2, 7, 8)}
        ]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(COLUMNS)),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~"]),
    st.text(max_size=30) | st.floats().map(repr) | st.integers().map(str) | st.sampled_from(["none", "any", "true"]),
    st.sampled_from(["", "id", "newest", "finding", "row", "rank"]),
)
def test_every_filter_taken_can_be_answered(one: Made, name: str, operator: str, value: str, order: str) -> None:
    try:
        query = Query.of("", "", order, [f"{name}{operator}{value}"])
        page = one.pages.page(query)
    except SettingsError:
        return
    assert page.total is not None
    assert len(page.items) == min(page.total, 50)


class Backwards:
    """An encoder for which a text is near to another when the numbers at their ends are."""

    name = "backwards"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        angles = np.array([int("".join(filter(str.isdigit, text)) or 0) / 100 for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_description_is_compared_by_meaning_where_an_encoder_is_there(one: Made) -> None:
    plain = one.ids(like="the summary of a video 30")
    pages = Pages(one.index, Likeness(one.index, Meaning(Backwards())).nearest)
    found = [item.id for item in pages.page(Query.of(like="the summary of a video 30"), "", 200).items]
    near = [id_of(n) for n in sorted(range(ROWS), key=lambda n: abs(n - 30))]
    assert set(found) == set(plain)
    assert found[0] == near[0]
    assert set(found[:5]) == set(near[:5])
