"""A plan as text: plain tables that a terminal and a log can show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from .memory import Memory
from .plan import PAPER, SHARDINGS, USABLE, Plan, implied_mfu


def text(plan: Plan) -> str:
    """The whole plan, a few tables under one another."""
    parts = (_heading, _parameters, _memory, _time, _paper)
    return "\n".join(line for part in parts for line in part(plan)) + "\n"


def _heading(plan: Plan) -> Iterator[str]:
    name = plan.settings.name or plan.shape_name
    yield f"Plan of {name} ({plan.shape_name}) on {plan.gpus} x {plan.gpu.name}"
    yield "Estimates by arithmetic; nothing of this was run. Give the MFU you measure to get the hours you will see."
    yield ""


def _parameters(plan: Plan) -> Iterator[str]:
    tune = plan.settings.tune
    yield f"{'part':<12}{'parameters':>14}{'learn':>14}  how"
    for part, count in plan.size.parameters.items():
        kind = getattr(tune, part)
        how = f"LoRA, rank {tune.lora_rank}" if kind == "lora" else kind
        rate = "" if kind == "frozen" else f", learning rate {getattr(tune, f'{part}_rate'):g}"
        yield f"{part:<12}{_millions(count):>14}{_millions(plan.trainable.get(part, 0)):>14}  {how}{rate}"
    total = sum(plan.size.parameters.values())
    yield f"{'all':<12}{_millions(total):>14}{_millions(sum(plan.trainable.values())):>14}"
    if plan.settings.tune.vision == "full" and plan.size.never_learning:
        yield f"{_millions(plan.size.never_learning)} of the vision tower never get a gradient and stay frozen."
    yield ""


def _memory(plan: Plan) -> Iterator[str]:
    run = plan.settings.run
    yield f"Memory of each GPU in GB, checkpointing {run.checkpointing}, {_row(plan)}"
    yield f"{'sharding':<12}" + "".join(f"{one.name:>12}" for one in fields(Memory)) + f"{'all':>9}"
    for sharding in SHARDINGS:
        found = plan.memories[sharding]
        cells = "".join(f"{getattr(found, one.name) / 1e9:>12.1f}" for one in fields(Memory))
        fits = "fits" if plan.fits(sharding) else "does not fit"
        chosen = "  <- these settings" if sharding == run.sharding else ""
        yield f"{sharding:<12}{cells}{found.total / 1e9:>9.1f}  {fits}{chosen}"
    yield f"It fits up to {USABLE:.0%} of {plan.gpu.memory_bytes / 1e9:.0f} GB. deepspeed is ZeRO-2."
    yield ""


def _row(plan: Plan) -> str:
    data, batch = plan.settings.data, plan.settings.optimiser.micro_batch
    if data.packing:
        return f"{batch} packed row(s) of {data.pack_tokens} tokens"
    return f"{batch} sample(s) of {plan.sample.tokens:.0f} tokens"


def _time(plan: Plan) -> Iterator[str]:
    sample = plan.sample
    per_sample = plan.flops * (1 / plan.samples_seen)
    yield f"samples            {plan.samples:,} an epoch, {plan.samples_seen:,} seen"
    yield f"steps              {plan.steps:,} of {plan.settings.optimiser.global_batch} samples"
    yield f"tokens             {sample.tokens * plan.samples_seen / 1e6:,.0f} million, {sample.tokens:,.0f} a sample"
    yield (
        f"operations         {plan.flops.model:.3g} ({per_sample.model / 1e12:.1f} T a sample), on the device"
        f" {plan.flops.hardware:.3g}"
    )
    yield f"speed              {plan.tokens_per_second:,.0f} tokens/s on each GPU at {plan.mfu:.0%} MFU"
    yield f"time               {plan.hours:.2f} hours, {plan.hours * plan.gpus:.1f} GPU hours"
    yield ""


def _paper(plan: Plan) -> Iterator[str]:
    implied = implied_mfu(plan.shape_name, plan.settings, plan.sample)
    if implied is None:
        return
    count, hours, gpus = PAPER[plan.shape_name]
    speed = count * plan.sample.tokens / (hours * 3600 * gpus)
    yield 'The paper: "1 hour (8B) and 5 hours (34B) on 32 A100".'
    yield (
        f"{count:,} samples of {plan.sample.tokens:,.0f} tokens in {hours:g} h on {gpus} A100 are {speed:,.0f} tokens/s"
        f" on each: {implied:.0%} MFU with these settings. The number of samples is not published."
    )
    yield ""


def _millions(count: float) -> str:
    return f"{count / 1e6:,.2f} M"
