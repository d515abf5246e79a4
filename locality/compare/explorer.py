"""The sensitivity explorer of report.html: fields of many pixels of a few images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from locality.bank import to_float
from locality.compare.context import Context
from locality.compare.drawing import DERIVATIVE
from locality.config import UsageError
from locality.data import ImageDataModule
from locality.denoisers.base import Denoiser, Pixel
from locality.metrics.field_overlap import cosine, energy
from locality.modules.base import PROTOCOL_STEPS
from locality.modules.fields import FieldModule
from locality.ranks import say
from locality.report.panels import LEVELS, Explorer, FieldRow
from locality.schedule import NoiseSchedule
from locality.sensitivity import Reduction, Route, choose_pixels, mass_radius

MOST_PIXELS = 256  # that one can click: each costs a network a backward pass at each noise level
MOST_BYTES = 5 * 2**20  # of all maps, before they are compressed
IMAGES = 4  # that the mean field is over; the first of them is a view of its own
MANY = 6  # denoisers; of more than these the mean field alone is kept, of more pixels
SIDE = 64  # pixels of a map; of larger images, blocks are averaged
QUANTITIES = {
    "radius": "half-mass radius (pixels)",
    "cosine": "cosine of the angle to the field of {}",
    "energy": "share of the energy in common with the field of {}",
}


@dataclass(frozen=True)
class Group:
    """Denoisers that see the same images, and the data that these are of."""

    denoisers: Mapping[str, Denoiser]
    data: ImageDataModule
    names: Mapping[str, str] = field(default_factory=dict)  # of rows, where they are not those of denoisers
    notes: Sequence[str] = ()  # S lines below the maps
    marked: Sequence[bool] = ()  # S, maps that are underlined

    def row(self, denoiser: str) -> str:
        """What a denoiser's row is called."""
        return self.names.get(denoiser, denoiser)


def stride_of(height: int, width: int, rows: int, levels: int, views: int) -> int:
    """Pixels between the probed ones: as near as the bounds on time and on the page's size allow."""
    small = _block(height, width)
    each = rows * levels * views * -(-height // small) * -(-width // small)
    stride = 1
    while len(choose_pixels(f"grid:{stride}", height, width)) > min(MOST_PIXELS, max(1, MOST_BYTES // each)):
        stride += 1
    return stride


def explore_rivals(
    context: Context,
    place: str,  # of the explorer in the report
    rivals: Mapping[str, Denoiser],
) -> None:
    """The explorer of the reference and its rivals, at the noise levels of the paper's protocol."""
    denoisers = {context.reference_name: context.reference, **rivals}
    route = Route(NoiseSchedule.ddpm().leading(PROTOCOL_STEPS).tolist(), seed=context.seed)
    explore(context, place, [Group(denoisers, context.data)], route, context.reference_name)


def explore(
    context: Context,
    name: str,
    groups: Sequence[Group],
    route: Route,
    reference: str,  # the row that others are set against
    pattern: Sequence[Pixel] = (),  # pixels of a hidden one
    marks: str = "",  # what an underlined map means
    reduction: Reduction | None = None,  # of derivatives to maps
) -> None:
    """Measures the fields of a grid of pixels, and puts them on the page.

    Fields of single images are noisy: one view is the mean over some, the other the first of them alone.
    """
    first = groups[0].data
    _, height, width = first.image_shape
    count = _count(min(len(group.data.bank("test")) for group in groups), context.bank.shard.world)
    several = sum(len(group.denoisers) for group in groups)
    views = [f"mean over {count} images", "the image shown"][: 2 if several <= MANY else 1]
    stride = stride_of(height, width, several, len(route.sigmas), len(views))
    pixels = choose_pixels(f"grid:{stride}", height, width)
    say(f"explorer: fields of {len(pixels)} pixels of {count} images, of {several} denoisers")
    fields: dict[str, Tensor] = {}  # [V, S, P, H, W]
    for group in groups:
        module = FieldModule(
            group.denoisers, route, pixels, count, first.image_shape, reduction, share="pixels"
        )
        context.test(module, count, group.data)
        fields |= {group.row(key): _views(one.images, len(views)) for key, one in module.fields.items()}
        states = module.states
    if not context.report.writes:
        return
    owners = {group.row(key): group for group in groups for key in group.denoisers}
    rows = {
        name: FieldRow(_small(maps), _numbers(maps, fields[reference], pixels), owner.notes, owner.marked)
        for (name, maps), owner in zip(fields.items(), owners.values(), strict=True)
    }
    clean = to_float(groups[-1].data.bank("test").images[:1], torch.float32)
    pictures = torch.cat([clean[:, None], states[:1]], dim=1)
    made = Explorer(
        title="Click a pixel of the image: which input pixels does that output pixel depend on?",
        note=_note(route, stride, count, (height, width), reference, marks),
        sigmas=route.sigmas,
        pixels=pixels,
        stride=stride,
        views=views,
        pictures=pictures.expand(len(views), *pictures.shape[1:]),
        rows=rows,
        labels={key: label.format(reference) for key, label in QUANTITIES.items()},
        reference=reference,
        pattern=pattern,
        marks=marks,
    )
    context.report.panel(name, made)


def _count(
    available: int,  # test images
    world: int,  # ranks that share the bank, all of which ask for as many
) -> int:
    count = min(IMAGES, available)
    count += -count % world
    if count > available:
        raise UsageError(
            f"compare.explorer: want {count} test images for {world} ranks that share the bank, "
            f"got {available}; give compare.explorer=false"
        )
    return count


def _views(
    images: Tensor | None,  # [N, S, P, H, W]
    views: int,
) -> Tensor:  # [V, S, P, H, W]
    assert images is not None, "a FieldModule keeps the maps of single images"
    return torch.stack([images.mean(0), images[0]][:views]).abs()


def _block(height: int, width: int) -> int:
    return -(-max(height, width) // SIDE)


def _small(maps: Tensor) -> Tensor:
    """Maps of large images with blocks averaged, those at the border of what is there."""
    block = _block(*maps.shape[-2:])
    if block == 1:
        return maps
    flat = maps.flatten(0, 2)[:, None]
    pooled = torch.nn.functional.avg_pool2d(flat, block, ceil_mode=True, count_include_pad=False)
    return pooled[:, 0].unflatten(0, maps.shape[:3])


def _numbers(maps: Tensor, reference: Tensor, pixels: Sequence[Pixel]) -> dict[str, Tensor]:  # [V, S, P]
    some = maps.double(), reference.double()
    return {"radius": mass_radius(maps, pixels), "cosine": cosine(*some), "energy": energy(*some)}


def _note(route: Route, stride: int, count: int, size: tuple[int, int], reference: str, marks: str) -> str:
    block = _block(*size)
    where = (
        "noised test images"
        if route.states == "forward"
        else f"states along a DDIM run of {route.steps} steps"
    )
    every = (
        "Every pixel was probed"
        if stride == 1
        else f"One pixel in {stride} was probed each way, a click takes the nearest"
    )
    parts = [
        f"{DERIVATIVE} at {where}, {count} of them; the first is shown.",
        f"{every}.",
        f"Each map is drawn over its own maximum, in {LEVELS} equal steps from 0.",
        "r is the radius in pixels that holds half of a field, cos the cosine of the angle to the field of "
        f"{reference}; both are of the fields before rounding.",
        *([f"Maps have blocks of {block} x {block} pixels averaged."] if block > 1 else []),
        *([marks] if marks else []),
    ]
    return " ".join(parts)
