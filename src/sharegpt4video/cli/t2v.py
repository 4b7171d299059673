"""``sg4v t2v``: from captions to what trainers of video generators read, and from prompts to what they understand."""

from __future__ import annotations

import typer

from .console import SafeGroup
from .t2v_budget import budget
from .t2v_export import export
from .t2v_lint import lint
from .t2v_prompts import audit_prompts, profile, rewrite
from .t2v_train import sample, train
from .t2v_vbench import vbench
from .verbs import EXIT_CODES, Verb

t2v = typer.Typer(
    name="t2v",
    cls=SafeGroup,
    help="Captions and prompts for video generators: manifests, token budgets, rewriting, training.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
)
for verb in (export, lint, budget, profile, rewrite, train, sample):
    t2v.command(cls=Verb, no_args_is_help=True)(verb)
t2v.command(name="audit-prompts", cls=Verb, no_args_is_help=True)(audit_prompts)
t2v.add_typer(vbench)
