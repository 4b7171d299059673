"""Whether a chat server is up and accepts our key: a free check of a few seconds before hours of decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .faults import Fault, client_faults, fault_of_status, raw_response, read_error
from .pace import within

if TYPE_CHECKING:
    import openai

CHECK_SECONDS = 2.0
"""For each of at most two calls. A server that says nothing by then is slow, and slow servers are waited for."""
_REFUSALS = (401, 403, 404)


async def check_reachable(client: openai.AsyncOpenAI, model: str) -> None:
    """Raises Fault when nobody is there (nothing listens, no such host) or the key or the address is refused.

    ``GET /models`` costs nothing, but not every server has it, and some keys may not ask for it. So a refusal counts
    only if a chat request without messages is refused as well: servers check keys and addresses first, and answer no
    such request.
    """
    empty = {"model": model, "messages": []}
    if await _refusal(client.get("/models", cast_to=raw_response())) is None:
        return
    fault = await _refusal(client.post("/chat/completions", cast_to=raw_response(), body=empty))
    if fault is not None:
        raise fault


async def _refusal(call: Any) -> Fault | None:
    """The refusal that a call got; None for any other answer, or none in time. Raises Fault if nobody is there."""
    import openai

    try:
        with client_faults():
            await within(CHECK_SECONDS, call)
    except openai.APIStatusError as error:
        return fault_of_status(read_error(error)) if error.status_code in _REFUSALS else None
    except Fault as fault:
        if not fault.connected and not fault.timed_out:  # what is slow to let us connect is waited for
            raise
    return None
