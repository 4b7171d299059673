"""Servers without ids are asked for codes of our own; who mixes answers up is found before a caption is kept."""

from __future__ import annotations

import asyncio
import re

import pytest

from sharegpt4video.dataset.places.pairing import PairedVLM
from sharegpt4video.errors import ModelDenied
from sharegpt4video.vlm.base import VLM, Reply, Request


class Crowd(VLM):
    """Answers in the order in which questions come, ``shift`` places off among those that wait together.

    ``obeys`` says whether it repeats codes; a question about a video gets its own words back.
    """

    name, max_concurrent = "crowd", 16

    def __init__(self, *, shift: int = 0, obeys: bool = True, has_id: bool | None = False) -> None:
        self.shift, self.obeys, self.has_id = shift, obeys, has_id
        self.asked = 0
        self.remaining: list[tuple[int, bool]] = []
        self.waiting: list[tuple[str, asyncio.Future[str]]] = []

    async def generate(self, request: Request) -> Reply:
        self.asked += 1
        code = re.search(r"SG\w+", request.user_text)
        self.remaining.append((request.remaining, code is not None))
        said = (f"Sure: {code[0].lower()}" if self.obeys else "A code.") if code else request.user_text
        mine = asyncio.get_running_loop().create_future()
        self.waiting.append((said, mine))
        await asyncio.sleep(0.001)
        self._answer()
        return Reply(await mine, request.key(), self.name, has_id=self.has_id)

    def _answer(self) -> None:
        waiting, self.waiting = self.waiting, []
        for number, (_, future) in enumerate(waiting):
            future.set_result(waiting[(number + self.shift) % len(waiting)][0])


def captions(vlm: PairedVLM, count: int) -> list[str]:
    async def ask() -> list[str]:
        return [(await vlm.generate(Request("ask", user_text=f"leaf {number}"))).text for number in range(count)]

    return asyncio.run(ask())


def test_an_honest_server_is_asked_a_round_now_and_then() -> None:
    vlm = PairedVLM(Crowd(), every=10)
    assert captions(vlm, 25) == [f"leaf {number}" for number in range(25)]
    assert (vlm.without_id, vlm.controls.asked, vlm.controls.right, vlm.controls.wrong) == (25, 48, 48, 0)
    assert vlm.text() == "25 answers came without a request id: 48 of 48 control questions came back right"


def test_control_questions_come_before_all_that_wait_for_them() -> None:
    crowd = Crowd()
    captions(PairedVLM(crowd), 1)
    assert min(crowd.remaining) == (0, False)
    assert all(remaining > 10_000 for remaining, is_control in crowd.remaining if is_control)


def test_a_server_that_mixes_up_is_found_before_its_first_answer_is_used() -> None:
    vlm = PairedVLM(Crowd(shift=1))
    with pytest.raises(ModelDenied, match="16 of 16 control questions got the answer to another one"):
        captions(vlm, 1)


def test_a_server_that_is_found_out_is_asked_nothing_more() -> None:
    vlm = PairedVLM(Crowd(shift=1))

    async def ask() -> list[object]:
        leaves = [vlm.generate(Request("ask", user_text=f"leaf {number}")) for number in range(6)]
        return await asyncio.gather(*leaves, return_exceptions=True)

    assert {type(one) for one in asyncio.run(ask())} == {ModelDenied}
    assert (vlm.controls.asked, vlm.controls.wrong) == (16, 16)
    assert vlm.text().endswith("0 of 16 control questions came back right, 16 as the answer to another")


def test_a_server_that_begins_to_mix_up_is_found_by_a_later_round() -> None:
    crowd = Crowd()
    vlm = PairedVLM(crowd, every=10)
    captions(vlm, 5)
    crowd.shift = 3
    with pytest.raises(ModelDenied, match="those since the last good round are in doubt, at most 10 answers"):
        captions(vlm, 20)


def test_the_answer_to_a_control_question_in_place_of_a_caption_is_noticed() -> None:
    crowd = Crowd()
    vlm = PairedVLM(crowd)
    captions(vlm, 1)
    (code, *_) = vlm._codes
    with pytest.raises(ModelDenied, match="is one to a control question"):
        asyncio.run(vlm.generate(Request("opening", user_text=f"It says {code}.")))


def test_a_model_that_does_not_repeat_codes_shows_nothing_and_that_is_said() -> None:
    vlm = PairedVLM(Crowd(obeys=False))
    captions(vlm, 3)
    assert vlm.controls.silent == 16
    assert vlm.text().endswith("0 of 16 control questions came back right, too few to tell")


class Queues(Crowd):
    """Keeps a queue of its own for requests with pictures, and mixes up that one alone."""

    def __init__(self) -> None:
        super().__init__()
        self.with_pictures = Crowd(shift=1)

    async def generate(self, request: Request) -> Reply:
        return await (self.with_pictures.generate(request) if request.images else super().generate(request))


def test_a_server_that_mixes_up_only_what_has_pictures_is_found() -> None:
    with pytest.raises(ModelDenied, match="8 of 16 control questions"):
        captions(PairedVLM(Queues()), 1)
    blind = Queues()
    blind.max_images = 0
    assert captions(PairedVLM(blind), 1) == ["leaf 0"]  # it is sent no pictures


@pytest.mark.parametrize("has_id", [True, None])
def test_where_ids_prove_it_nothing_is_asked(has_id: bool | None) -> None:
    crowd = Crowd(has_id=has_id)
    vlm = PairedVLM(crowd)
    captions(vlm, 3)
    assert (crowd.asked, vlm.text()) == (3, "")


def test_one_at_a_time_there_is_nothing_to_mix_up() -> None:
    crowd = Crowd()
    crowd.max_concurrent = 1
    vlm = PairedVLM(crowd)
    captions(vlm, 3)
    assert (crowd.asked, vlm.text()) == (3, "3 answers came without a request id: asked one at a time")
