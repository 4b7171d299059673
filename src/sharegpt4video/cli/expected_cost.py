"""What a run may cost, before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import background
from ..errors import VideoError
from ..estimate import Estimate, estimate
from ..processes import WorkerLost
from ..wording import counted

if TYPE_CHECKING:
    from ..config import CaptionSettings
    from ..vlm.base import VLM
    from .jobs import Job
    from .reading import Readers


def expected_cost(jobs: Sequence[Job], readers: Readers, model: VLM, settings: CaptionSettings) -> str:
    """Requests and US dollars in one line, for a model with prices; "" when nothing will be asked."""
    estimates = background.run(_estimates(jobs, readers, model, settings))
    found = [one for one in estimates if one is not None]
    unknown = len(estimates) - len(found)
    if not estimates:
        return ""
    cost = sum(one.cost_usd or 0.0 for one in found)
    line = f"about {counted(sum(one.requests for one in found), 'request')}, at most about {cost:.2f} US dollars"
    return f"{line}, and {unknown} of unknown length" if unknown else line


async def _estimates(
    jobs: Sequence[Job], readers: Readers, model: VLM, settings: CaptionSettings
) -> list[Estimate | None]:
    found = []
    for job in jobs:
        try:
            found.append(estimate(await readers.info(job.video), model, settings))
        except (VideoError, OSError, WorkerLost):
            continue  # the run itself will say why
    return found
