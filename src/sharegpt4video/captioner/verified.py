"""A role whose answers are held against what is known: what is contradicted is asked for once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ..vlm.base import Reply, Request
from .engine import Role

T = TypeVar("T")

Verify = Callable[[Request, str], Sequence[str]]
"""What is wrong with an answer to a request, in words; nothing for a good one."""

OnRefused = Callable[[Request, str, Sequence[str]], None]
"""Called with a request, an answer that was replaced by one with nothing wrong, and what was wrong with it."""

MOST_REASON_CHARACTERS = 600


def verified(role: Role[T], verify: Verify, on_refused: OnRefused = lambda *_: None) -> Role[T]:
    """Drive ``role``, and ask again, with the reasons, for each answer that ``verify`` finds something wrong with.

    The role gets the better of the two answers; what is still wrong with it becomes its problem, "contradicted".
    """
    try:
        asked = next(role)
        while True:
            if isinstance(asked, Request):
                reply = yield asked
                asked = role.send((yield from _settled((asked,), (reply,), verify, on_refused))[0])
            else:
                replies = yield asked
                asked = role.send((yield from _settled(asked, replies, verify, on_refused)))
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        role.close()


def _settled(
    asked: tuple[Request, ...], replies: Sequence[Reply], verify: Verify, on_refused: OnRefused
) -> Role[tuple[Reply, ...]]:
    """The replies to hand on. Those with something wrong are asked for again together."""
    pairs = list(zip(asked, replies, strict=True))
    wrong = [() if reply.problem else tuple(verify(request, reply.text)) for request, reply in pairs]
    doubted = tuple(
        replace(request, reminder=line(reasons)) for request, reasons in zip(asked, wrong, strict=True) if reasons
    )
    again = iter((yield doubted) if doubted else ())
    return tuple(
        _better(request, reply, reasons, next(again), verify, on_refused) if reasons else reply
        for (request, reply), reasons in zip(pairs, wrong, strict=True)
    )


def _better(
    request: Request, reply: Reply, wrong: tuple[str, ...], again: Reply, verify: Verify, on_refused: OnRefused
) -> Reply:
    still = wrong if again.problem else tuple(verify(request, again.text))
    kept, left = (again, still) if len(still) < len(wrong) else (reply, wrong)
    if not left:
        on_refused(request, reply.text, wrong)
    return replace(kept, problem="contradicted", detail=line(left)) if left else kept


def line(reasons: Sequence[str]) -> str:
    """What was wrong, in one line of bounded length; it ends without a full stop, as prompt sets expect."""
    told = "; ".join(dict.fromkeys(" ".join(reason.split()) for reason in reasons))
    return told if len(told) <= MOST_REASON_CHARACTERS else f"{told[: MOST_REASON_CHARACTERS - 1].rstrip()}…"
