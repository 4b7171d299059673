"""``sg4v convert``: checkpoints of the original LLaVA code to transformers' format, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import exit_codes, print_text, say
from .options import EarlierOut, NewFolder, chosen_out

Dtype = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Type of the weights: bfloat16, float16, float32 (as stored).", show_default=False
    ),
]


def convert(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The folder of the checkpoint.", show_default=False)],
    earlier_out: EarlierOut = None,
    out: NewFolder = None,
    base: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="For LoRA weights: the model they belong to.", show_default=False),
    ] = None,
    vision_tower: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="The vision tower's folder, if it is not in SOURCE.", show_default=False
        ),
    ] = None,
    dtype: Dtype = None,
    shard_gib: Annotated[float, typer.Option(min=0.001, metavar="N", help="Largest file, in GiB.")] = 4.0,
    back: Annotated[bool, typer.Option("--back", help="From transformers' format to the original.")] = False,
) -> None:  # fmt: skip
    """Convert a checkpoint of the original LLaVA code (ShareGPT4Video, LLaVA-1.6) so that it loads everywhere."""
    from ..errors import SettingsError
    from ..lvlm.convert import convert as forth
    from ..lvlm.convert import to_original
    from ..lvlm.convert.files import GIB

    with exit_codes():
        folder = chosen_out(out, earlier_out)
        shard_bytes = int(shard_gib * GIB)
        if back and (base or vision_tower or dtype):
            raise SettingsError("--back takes neither --base nor --vision-tower nor --dtype")
        if back:
            report = to_original(source, folder, shard_bytes=shard_bytes, on_shard=_say_shard)
        else:
            report = forth(
                source, folder, base=base, vision_tower=vision_tower, dtype=dtype, shard_bytes=shard_bytes,
                on_shard=_say_shard,
            )  # fmt: skip
        print_text(report.text())


def _say_shard(done: int, total: int) -> None:
    say(f"file {done} of {total} written")
