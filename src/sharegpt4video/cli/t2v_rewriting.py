"""Many prompts rewritten in one run of ``sg4v t2v rewrite``: as they come, and none paid for twice."""

from __future__ import annotations

import json as plain_json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .. import background
from ..config import CaptionSettings
from ..dataset.places.replies import CachedVLM, ReplyCache
from ..files import whole_file
from ..foreign import json_text
from ..t2v.rewrite import Rewriter, Rewritten, rewrite
from ..t2v.suites import read_prompts
from ..vlm.base import VLM
from ..wording import counted
from .console import print_text, say
from .options import make_checked_model


def rewrite_file(
    prompts: Path, out: Path | None, rewriter: Rewriter, model: str, options: dict[str, Any], *, json: bool
) -> int:
    """Rewrite the prompts of a file; print them, or write them to ``out``. Says how many do not fit into the window.

    Raises SG4VError as reading prompts and asking a model do.
    """
    texts = [prompt.text for prompt in read_prompts(prompts)]
    vlm = make_checked_model(model, CaptionSettings(), options)
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        if out is not None and model != "embedded":
            cache = ReplyCache(out.with_name(f"{out.name}.replies"))
            stack.callback(cache.close)
            vlm = CachedVLM(vlm, cache, rewriter.prompts.hash)
        file = stack.enter_context(whole_file(out)) if out is not None else None

        def take(done: Rewritten) -> None:
            again = done.by == "model" and len(done.attempts) > 1
            counts.update([done.by, *(["over"] if done.problem else []), *(["again"] if again else [])])
            if file is not None:
                file.write(f"{_line(done, as_text=out is not None and out.suffix == '.txt')}\n".encode())
            else:
                print_text(_line(done, as_text=not json))

        background.run(_rewrite_all(texts, rewriter, vlm, take))
    if out is not None or len(texts) > 1:
        again = f" ({counts['again']} at the second try)" if counts["again"] else ""
        done = counted(len(texts), "prompt")
        say(f"{done} rewritten: {counts['model']} by the model{again}, {counts['rules']} by rules")
    return counts["over"]


def _line(done: Rewritten, *, as_text: bool) -> str:
    return done.text if as_text else json_text(plain_json.dumps(done.plain(), ensure_ascii=False))


async def _rewrite_all(texts: list[str], rewriter: Rewriter, vlm: VLM, take: Callable[[Rewritten], None]) -> None:
    try:
        async for done in rewrite(texts, rewriter, vlm):
            take(done)
    finally:
        await vlm.close()


def rewrite_one(prompt: str, rewriter: Rewriter, vlm: VLM, settings: CaptionSettings) -> Rewritten:
    """One prompt rewritten. Raises SG4VError as asking a model does."""

    async def first() -> Rewritten:
        (done,) = [done async for done in rewrite([prompt], rewriter, vlm, settings)]
        return done

    return background.run(first())
