"""Passes of `passes.py` over tensors: what they are launched with, and what they leave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from locality.at_rest import levels_of
from locality.posterior.patches.kernel import Patches
from locality.posterior.rounding import Query, small_logits
from locality.posterior.softmax import Weighed
from locality.posterior.triton import running
from locality.posterior.triton.tiles import LARGEST, PLACES, ROWS, Tiles

IMAGES, WARPS, STAGES = 64, 8, 3  # of a program: its numbers fit the registers of sm_80 to sm_90
_NEVER = 100.0  # nats below the peak: such a weight is none
_WAVES = 4  # programs for each processor, at least: some have fewer tiles than others
_TOP = 13  # the largest number of a product is below 2^13, far from float16's ends
_SHARED = 4  # outputs that a row serves at most, where some serve more than one


@dataclass(frozen=True)
class Served:
    """The rows of a mask, those that serve many outputs several times; and the outputs of each."""

    row: Tensor  # [V] which row of the mask
    first: Tensor  # [R] where each row of the mask stands first
    outputs: Tensor  # [V, 1 or 4] int32; n where there is none

    @classmethod
    def of(
        cls,
        row_of_output: Tensor,  # [n]
        rows: int,
    ) -> Served:
        """The rows that an assignment of outputs to rows serves."""
        n, device = len(row_of_output), row_of_output.device
        counts = torch.bincount(row_of_output, minlength=rows)
        size = 1 if int(counts.max()) <= 1 else _SHARED
        copies = (-(-counts // size)).clamp(min=1)
        first = copies.cumsum(0) - copies
        order = row_of_output.argsort(stable=True)
        place = torch.arange(n, device=device) - (counts.cumsum(0) - counts)[row_of_output[order]]
        outputs = torch.full((int(copies.sum()) * size,), n, dtype=torch.int32, device=device)
        outputs[first[row_of_output[order]] * size + place] = order.int()
        return cls(torch.repeat_interleave(copies), first, rearrange(outputs, "(v k) -> v k", k=size))


def softmaxes(
    images: Tensor,  # [N, n] as at rest, N > 0
    query: Query,
    tiles: Tiles,  # of the rows that `served` names
    served: Served,
    owner: Tensor,  # [n] which softmax weighs each output
) -> Weighed:
    """The softmaxes of all images; of float32 numbers."""
    from locality.posterior.triton import passes  # Triton, which not everyone has

    images, (batch, n), places = images.contiguous(), query.x.shape, tiles.shape[1]
    count, rows, kept = len(images), len(served.row), served.outputs.shape[1]
    asked = _coordinates(images, query)
    sizes: dict[str, Any] = {"PLANES": n // places, "IMAGES": IMAGES, "PLACES": PLACES}
    with running.on(images.device):
        total = asked[0].new_empty(batch, count if bool(tiles.inverted.any()) else 0)
        if total.numel() > 0:
            grid = (-(-count // IMAGES), batch)
            passes.whole_distances[grid](images, *asked, total, count, n, places, **sizes)
        each, found, sums = _room(images, batch, tiles.lines, rows)
        given = (images, *asked, total, tiles.where, tiles.starts, tiles.inverted, tiles.members)
        passes.softmaxes[(tiles.lines, batch, len(found))](
            *given, served.outputs, found, sums, count, n, places, rows, each,
            SERVED=kept, ROWS=ROWS, num_warps=WARPS, num_stages=STAGES, **sizes,
        )  # fmt: skip
    return _state(images, found[:, :, served.first], sums, owner)


def patch_softmaxes(
    images: Tensor,  # [N, n] as at rest, N > 0
    query: Query,
    tiles: Tiles,  # of the windows, none inverted
    patches: Patches,
) -> Weighed:
    """The softmaxes of the patches at all places of all images; of float32 numbers."""
    from locality.posterior.triton import patch_passes

    images, (batch, n) = images.contiguous(), query.x.shape
    planes, height, width = patches.image_shape
    down, right = (0 if patches.wraps else max(0, size - patches.side) for size in (height, width))
    across = width if patches.wraps else 2 * right + 1
    shifts = across * (height if patches.wraps else 2 * down + 1)
    with running.on(images.device):
        each, found, sums = _room(images, batch, tiles.lines, patches.places)
        patch_passes.patch_softmaxes[(tiles.lines, batch, len(found))](
            images, *_coordinates(images, query), tiles.where, tiles.starts, tiles.members, found, sums,
            len(images), n, height, width, each, patches.radius, shifts, across, -down, -right,
            WRAPS=patches.wraps, PLANES=planes, COLUMNS=1 << (planes - 1).bit_length(),
            IMAGES=IMAGES, PLACES=PLACES, ROWS=ROWS, num_warps=WARPS, num_stages=STAGES,
        )  # fmt: skip
    return _state(images, found, sums, patches.row_of_output)


def held(state: Weighed, query: Query) -> Weighed:
    """The state, sure of images whose logits float32 and whose terms float16 held.

    A term that was cut off belongs to a candidate without weight, if the best is near enough.
    """
    near = state.peak.amin(1) > query.shift.sum(1) - LARGEST + _NEVER
    return replace(state, sure=small_logits(state.log_partition) & near)


def _coordinates(images: Tensor, query: Query) -> tuple[Tensor, Tensor, Tensor]:
    """x [B, n], the shift [B, P] and the scale [B], float32, for differences in the unit of the bank."""
    levels, offset = _unit(images)
    asked = ((query.x + offset) * levels, query.shift, query.scale / levels**2)
    x, shift, scale = (part.float().contiguous() for part in asked)
    return x, shift, scale


def _unit(images: Tensor) -> tuple[float, float]:  # levels, offset: X = v / levels - offset
    return levels_of(images), 1.0 if images.dtype == torch.uint8 else 0.0


def _room(images: Tensor, batch: int, lines: int, rows: int) -> tuple[int, Tensor, Tensor]:
    """How many images a part of the bank has, none being empty, and room for the state of each part."""
    count = len(images)
    wanted = min(-(-_WAVES * running.processors(images.device) // (lines * batch)), -(-count // IMAGES))
    each = -(-count // (wanted * IMAGES)) * IMAGES
    room = images.new_zeros(-(-count // each), batch, rows, 4, dtype=torch.float64)
    return each, room, room.new_zeros(len(room), batch, images.shape[1])


def _state(images: Tensor, rows: Tensor, sums: Tensor, owner: Tensor) -> Weighed:
    levels, offset = _unit(images)
    sums = sums / levels - offset * rows[..., 1][:, :, owner]
    return reduce(Weighed.merge, (Weighed.of_sums(*part, owner) for part in zip(rows, sums, strict=True)))


@dataclass(frozen=True)
class TiledProducts:
    """The products of float32 numbers with a mask, and with its transpose."""

    mask: Tensor  # [R, P] bool

    def of_places(self, values: Tensor) -> Tensor:  # [B, c, P] -> [B, R, c]
        """What each row adds up."""
        return _products(values, self._rows)

    def of_rows(self, weights: Tensor) -> Tensor:  # [B, R, c] -> [B, P, c]
        """What each place gets of the rows that look at it."""
        return _products(rearrange(weights, "b r c -> b c r"), self._places)

    @cached_property
    def _rows(self) -> Tiles:
        return Tiles.of(self.mask)

    @cached_property
    def _places(self) -> Tiles:
        return Tiles.of(self.mask.T)


def _products(values: Tensor, tiles: Tiles) -> Tensor:  # [B, c, K] -> [B, M, c]
    from locality.posterior.triton import passes

    flat = rearrange(values, "b c k -> (b c) k").contiguous()
    out = flat.new_empty(len(flat), tiles.shape[0])
    if len(flat) > 0:
        exponent = flat.abs().amax(1).frexp().exponent
        scale = torch.ldexp(torch.ones_like(flat[:, 0]), exponent - _TOP)
        given = (flat, scale, flat.sum(1), tiles.where, tiles.starts, tiles.inverted, tiles.members, out)
        grid = (-(-len(flat) // IMAGES), tiles.lines)
        with running.on(flat.device):
            passes.products[grid](
                *given, len(flat), tiles.shape[1], tiles.shape[0],
                IMAGES=IMAGES, PLACES=PLACES, ROWS=ROWS, num_warps=WARPS, num_stages=STAGES,
            )  # fmt: skip
    return rearrange(out, "(b c) m -> b m c", b=len(values))
