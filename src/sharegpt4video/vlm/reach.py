"""Whether a chat server is up and accepts our key: a free check of a few seconds before hours of decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .faults import Fault, client_faults, fault_of_status, raw_response, read_error
from .pace import within
from .remedies import served_models

if TYPE_CHECKING:
    import openai

CHECK_SECONDS = 2.0
"""For each of at most two calls. A server that says nothing by then is slow, and slow servers are waited for."""
_REFUSALS = (401, 403, 404)


async def check_reachable(client: openai.AsyncOpenAI, model: str) -> tuple[str, ...] | None:
    """The models that the server lists; None where it lists none, or not in time.

    Raises Fault when nobody is there (nothing listens, no such host) or the key or the address is refused.

    ``GET /models`` costs nothing, but not every server has it, and some keys may not ask for it. So a refusal counts
    only if a chat request without messages is refused as well: servers check keys and addresses first, and answer no
    such request.
    """
    empty = {"model": model, "messages": []}
    listed: list[bytes] = []
    if await _refusal(_get_models(client, listed)) is None:
        return served_models(listed[0]) if listed else None
    fault = await _refusal(client.post("/chat/completions", cast_to=raw_response(), body=empty))
    if fault is not None:
        raise fault
    return None


async def list_models(client: openai.AsyncOpenAI) -> tuple[str, ...] | None:
    """The models that the server lists; None if it does not say. Raises Fault if nobody is there, and if it refuses."""
    listed: list[bytes] = []
    fault = await _refusal(_get_models(client, listed))
    if fault is not None:
        raise fault
    return served_models(listed[0]) if listed else None


async def _get_models(client: openai.AsyncOpenAI, into: list[bytes]) -> None:
    answer: Any = await client.get("/models", cast_to=raw_response())
    into.append(answer.content)


async def _refusal(call: Any) -> Fault | None:
    """The refusal that a call got; None for any other answer, or none in time. Raises Fault if nobody is there."""
    import openai

    try:
        with client_faults():
            await within(CHECK_SECONDS, call)
    except openai.APIStatusError as error:
        refused = fault_of_status(read_error(error))
        return refused if error.status_code in _REFUSALS or refused.about == "key" else None
    except Fault as fault:
        if not fault.connected and not fault.timed_out:  # what is slow to let us connect is waited for
            raise
    return None
