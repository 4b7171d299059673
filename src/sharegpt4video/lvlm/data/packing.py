"""Examples to batches: several in a row, each seeing itself alone, or one to a row with padding."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from .example import Example
from .masks import IGNORED


@dataclass(frozen=True, eq=False)
class Batch:
    """What goes through the model at one time.

    A packed batch must go through the model with ``use_cache=False``: with a cache, transformers takes the samples of a
    row for one sequence. ``lengths`` says where they end, so that an attention kernel need not find out.

    inputs          exactly what ``forward`` takes: ``input_ids``, ``labels`` (rows, tokens) and what belongs to them;
                    ``position_ids`` when packed, else ``attention_mask``; ``pixel_values`` (pictures, tiles, 3, side,
                    side) and ``image_sizes`` (pictures, 2) for LLaVA-NeXT, or a model's own
    samples         how many are in it; ``ids`` which, in order
    lengths         packed: of the samples in each row, in tokens, and of the padding at its end; else empty
    tokens          without padding; ``padding`` is what comes on top
    loss_tokens     labels that are learned, all of which a causal model predicts
    visual_tokens   tokens that stand for pictures; ``media`` pictures and videos; ``tiles`` what the vision tower gets
    """

    inputs: Mapping[str, torch.Tensor] = field(repr=False)
    samples: int
    tokens: int
    loss_tokens: int
    visual_tokens: int
    media: int = 0
    tiles: int = 0
    padding: int = 0
    ids: tuple[str, ...] = field(default=(), repr=False)
    lengths: tuple[tuple[int, ...], ...] = field(default=(), repr=False)


def pack(examples: Sequence[Example], tokens: int, images: int) -> list[list[Example]]:
    """Put examples into as few rows as is easy: each where it leaves the least room (best fit).

    Tried with the longest first and in the order given, which is better where all are of about one length; the way
    with fewer rows is taken. A row holds at most ``tokens`` tokens and ``images`` pictures and videos; an example that
    is larger has one of its own. The same examples in the same order give the same rows; a row keeps that order.
    """
    given = range(len(examples))
    longest_first = sorted(given, key=lambda at: (-examples[at].tokens, at))
    rows = min((_fitted(examples, order, tokens, images) for order in (longest_first, given)), key=len)
    return [[examples[at] for at in sorted(row)] for row in rows]


def _fitted(examples: Sequence[Example], order: Sequence[int], tokens: int, images: int) -> list[list[int]]:
    rows: list[list[int]] = []
    shown: list[int] = []
    room: list[tuple[int, int]] = []  # (tokens left, row), sorted
    for at in order:
        example = examples[at]
        first = bisect_left(room, (example.tokens, -1))
        fits = (spot for spot in range(first, len(room)) if shown[room[spot][1]] + example.media <= images)
        spot = next(fits, None)
        left, row = room.pop(spot) if spot is not None else (tokens, len(rows))
        if row == len(rows):
            rows.append([])
            shown.append(0)
        rows[row].append(at)
        shown[row] += example.media
        insort(room, (left - example.tokens, row))
    return rows


def collate(
    rows: Sequence[Sequence[Example]], pad_id: int, packing: bool, *, one_row: bool = True, multiple: int = 1
) -> Batch:
    """Make the batch of some rows of examples (of one each, without ``packing``).

    Packed, positions begin at 0 with every sample, and there is no attention mask: transformers 5 (``masking_utils``)
    takes each place where they do not go on by one as the start of a sequence that sees itself alone. With ``one_row``
    all rows follow each other in one, which spares the padding between them. Otherwise rows are padded to the longest.
    The width is a multiple of ``multiple``; padding is a sequence of its own.
    Raises ValueError if there is no example.
    """
    if not rows or not all(rows):
        raise ValueError("a batch needs at least one row, and each row an example")
    if packing and one_row:
        rows = [[example for row in rows for example in row]]
    elif not packing:
        rows = [[example] for row in rows for example in row]
    examples = [example for row in rows for example in row]
    used = [sum(example.tokens for example in row) for row in rows]
    width = -(-max(used) // multiple) * multiple
    inputs = _text(rows, width, pad_id, packing) | vision_inputs(examples)
    return Batch(
        inputs,
        samples=len(examples),
        tokens=sum(used),
        loss_tokens=int((inputs["labels"] != IGNORED).sum()),
        visual_tokens=sum(example.visual_tokens for example in examples),
        media=sum(example.media for example in examples),
        tiles=sum(len(tiles) for example in examples for tiles in example.pixel_values),
        padding=width * len(rows) - sum(used),
        ids=tuple(example.id for example in examples),
        lengths=tuple(_lengths(row, width) for row in rows) if packing else (),
    )


def _lengths(row: Sequence[Example], width: int) -> tuple[int, ...]:
    lengths = [example.tokens for example in row]
    return (*lengths, width - sum(lengths)) if sum(lengths) < width else tuple(lengths)


def _text(rows: Sequence[Sequence[Example]], width: int, pad_id: int, packing: bool) -> dict[str, torch.Tensor]:
    names = dict.fromkeys(name for row in rows for example in row for name in example.aligned)
    inputs = {name: torch.zeros(len(rows), width, dtype=torch.long) for name in names}
    inputs["input_ids"] = torch.full((len(rows), width), pad_id)
    inputs["labels"] = torch.full((len(rows), width), IGNORED)
    positions = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for number, row in enumerate(rows):
        begin = 0
        for example in row:
            end = begin + example.tokens
            inputs["input_ids"][number, begin:end] = example.input_ids
            inputs["labels"][number, begin:end] = example.labels
            inputs["labels"][number, begin] = IGNORED  # the sample before cannot foretell this one
            positions[number, begin:end] = torch.arange(example.tokens)
            for name, values in example.aligned.items():
                inputs[name][number, begin:end] = values
            begin = end
        mask[number, :begin] = 1
        positions[number, begin:] = torch.arange(width - begin)
    return inputs | ({"position_ids": positions} if packing else {"attention_mask": mask})


def vision_inputs(examples: Sequence[Example]) -> dict[str, torch.Tensor]:
    """The pictures and videos of some examples as a model takes them."""
    names = dict.fromkeys(name for example in examples for name in example.tensors)
    found = {name: joined([example.tensors[name] for example in examples if name in example.tensors]) for name in names}
    pictures = [tiles for example in examples for tiles in example.pixel_values]
    if pictures:
        found["pixel_values"] = _padded(pictures)
        found["image_sizes"] = torch.tensor([size for example in examples for size in example.image_sizes])
    return found


def joined(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Joined along the first axis; where the others differ (pictures of several sizes), filled up with zeros."""
    shapes = {tensor.shape[1:] for tensor in tensors}
    if len(shapes) > 1 and len({len(shape) for shape in shapes}) == 1:
        most = [max(sides) for sides in zip(*shapes, strict=True)]
        filled = []
        for tensor in tensors:
            place = tensor.new_zeros(len(tensor), *most)
            part: tuple[slice, ...] = (slice(None), *(slice(side) for side in tensor.shape[1:]))
            place[part] = tensor
            filled.append(place)
        tensors = filled
    return torch.cat(list(tensors))


def _padded(pictures: Sequence[torch.Tensor]) -> torch.Tensor:
    """(pictures, most tiles, 3, side, side); the model takes as many tiles of each as its size calls for."""
    most = max(len(tiles) for tiles in pictures)
    if all(len(tiles) == most for tiles in pictures):
        return torch.stack(list(pictures))
    found = pictures[0].new_zeros(len(pictures), most, *pictures[0].shape[1:])
    for tiles, place in zip(pictures, found, strict=True):
        place[: len(tiles)] = tiles
    return found
