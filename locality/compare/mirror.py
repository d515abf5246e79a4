"""The mirrored eye: does a denoiser look at the mirror image of a pixel, as the covariance of faces says?"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch

from locality.checkpoints.trained import Trained
from locality.compare.context import Context, UsedSettings, asked
from locality.compare.drawing import FIELD, describe, headings
from locality.compare.mirror_ratios import columns_of, levels_of, numbers_of, plain, row_of, tell_ratios
from locality.compare.overlaps import Fields, series_of
from locality.compare.telling import Growing, measure_fields
from locality.config import UsageError
from locality.data import ImageDataModule
from locality.denoisers.base import Denoiser, Pixel, training_images
from locality.modules.fields import FieldModule, Share
from locality.report import Series
from locality.report.heat import HeatRow, draw_heat
from locality.report.names import called
from locality.sensitivity import Route, choose_pixels, mirror_of, mirror_ratio
from locality.sensitivity.mirror import RADIUS

DARKEST = 1e-3  # of a field's maximum: what the picture shows as black
_FILES = ("root", "cache", "download")  # settings of sources that say where images are, not which


def mirror(
    context: Context,
    sigmas: Sequence[float],  # noise levels, pixel units
    count: int = 32,  # test images
    pixels: Mapping[str, Sequence[int]] | None = None,  # name: [row, col]; None: those that the data name
    radius: float = RADIUS,  # pixels, of the discs
    bank_counts: Mapping[str, int]
    | None = None,  # training images, for candidates that all would cost too much
    share: Share = "images",  # what ranks share out
    calibration: UsedSettings = "auto",  # as compare=calibrate found, or as configured
) -> dict[str, float]:
    """Figure 3 of the paper and its number, the mirror ratio (`locality.sensitivity.mirror_ratio`).

    The network, the networks of `networks=` (those of other data, too) and the analytical denoisers are
    measured at the same noised test images. A field that is wider than high has a ratio above 1 without any
    mirror image in it; how much, a network of other data tells. Such a network is called a control. Each
    pixel has a figure and a chart, all have one table. The fields are kept in `fields/` of the run folder.
    """
    context.check_count(count, least=2)
    places = probed(context.data, pixels, radius)
    with asked():
        route = Route(list(sigmas), seed=context.seed)
    rivals = context.rivals(calibration, bank_counts)
    denoisers: dict[str, Denoiser] = {context.reference_name: context.reference, **rivals}
    module = FieldModule(
        denoisers, route, list(places.values()), count, context.data.image_shape, share=share
    )
    other = {who for who, one in context.networks.items() if learned_other(one, context.data)}
    shown = {who: f"control: {called(who)}" if who in other else who for who in denoisers}
    labels = {who: _label(shown[who], one, len(context.bank)) for who, one in denoisers.items()}

    @cache
    def ratio(who: str, p: int) -> Series:
        field, place = module.fields[who].of_pixels(slice(p, p + 1)), list(places.values())[p]
        return series_of({who: field}, partial(mirror_ratio, pixels=[place], radius=radius))[who]

    growing = Growing(context.report, "mirror/ratio", columns_of(route.sigmas), labels.values(), place=1)

    def keep(who: str) -> None:
        rows = [row_of(name, labels[who], ratio(who, p)) for p, name in enumerate(places)]
        found = [numbers_of(name, who, ratio(who, p), route.sigmas) for p, name in enumerate(places)]
        growing.add(labels[who], rows, {key: value for one in found for key, value in one.items()})

    measure_fields(context, module, count, growing, keep)
    for p, (name, place) in enumerate(places.items()):
        fields = {shown[who]: field.of_pixels(slice(p, p + 1)) for who, field in module.fields.items()}
        _picture(context, name, place, fields)
    ratios = {name: {who: ratio(who, p) for who in module.fields} for p, name in enumerate(places)}
    sigmas = next(iter(module.fields.values())).sigmas
    numbers = tell_ratios(context.report, sigmas, places, ratios, labels, shown)
    context.report.conclusion = _concluded(sigmas, ratios, shown)
    return numbers


def learned_other(network: Trained, data: ImageDataModule) -> bool:
    """Whether a network learned from images of another source."""
    return _images_of(network.data()) != _images_of(data)


def _images_of(data: ImageDataModule) -> tuple[Any, ...]:
    """What decides over a data set's images, wherever its files are and however they come there."""
    source = data.source if isinstance(data.source, partial) else partial(data.source)
    given = inspect.signature(source.func).bind_partial(*source.args, **source.keywords)
    given.apply_defaults()
    return source.func, {key: value for key, value in given.arguments.items() if key not in _FILES}


def _label(name: str, denoiser: Denoiser, available: int) -> str:
    """The name in the table, with the count of training images where they are not all."""
    count = training_images(denoiser)
    return f"{name} ({count:,} images)" if count and count < available else name


def probed(
    data: ImageDataModule, pixels: Mapping[str, Sequence[int]] | None, radius: float
) -> dict[str, Pixel]:
    """The pixels by name. Raises UsageError where there is none, and for one without a mirror ratio."""
    _, height, width = data.image_shape
    if pixels is None:
        places = {name: place for name, place in data.pixels.items() if name not in ("centre", "pattern")}
    else:
        pairs = list(pixels.values()) if isinstance(pixels, Mapping) else [None]
        if not all(
            isinstance(pair, Sequence) and [type(end) for end in pair] == [int, int] for pair in pairs
        ):
            raise UsageError(f"compare.pixels: want {{name: [row, col]}}, got {pixels!r}")
        places = {str(name): (int(row), int(col)) for name, (row, col) in pixels.items()}
    if not places:
        given = "'compare.pixels={left_eye: [row, col]}'"
        raise UsageError(f"compare=mirror: the data name no pixels; give data=cats, or {given}")
    for name, place in places.items():
        try:
            mirror_ratio(torch.ones(1, height, width), choose_pixels([place], height, width), radius)
        except ValueError as error:
            raise UsageError(f"compare.pixels.{name}: {error}") from error
    return places


def _picture(context: Context, name: str, place: Pixel, fields: Fields) -> None:
    """The fields of one pixel: a row for each denoiser, a column for each noise level."""
    first = next(iter(fields.values()))
    twin = mirror_of(place, context.data.image_shape[-1])
    face = context.stats.mean.reshape(context.data.image_shape)
    rows = {
        who: HeatRow(field.maps[:, 0], place, None if k else face, twin=twin)
        for k, (who, field) in enumerate(fields.items())
    }
    row, col = place
    title = f"What the estimate of the pixel {plain(name)} (row {row}, column {col}) depends on"
    note = f"{describe(first)} Top left: the mean image. Outlined: the pixel; circled: its mirror position."
    figure = draw_heat(rows, headings(first.sigmas), title, FIELD, note, log=True, floor=DARKEST)
    context.report.figure(f"mirror/fields_{name}", figure)


def _concluded(
    sigmas: Sequence[float], ratios: Mapping[str, Mapping[str, Series]], shown: Mapping[str, str]
) -> str:
    """Where the first denoiser looks most at a mirror position, and how much the others do there."""
    first = next(iter(next(iter(ratios.values()))))
    places = [(name, step) for name in ratios for step in range(len(sigmas))]
    name, step = max(places, key=lambda place: levels_of(ratios[place[0]][first])[place[1]].mean)
    told = ", ".join(f"{shown[who]} {levels_of(one)[step]}" for who, one in ratios[name].items())
    return f"mirror ratio of {name} at sigma {sigmas[step]:g}, where the {first}'s is largest: {told}"
