"""Sensitivity fields of a trained network beside those of analytical denoisers, as pictures and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from locality.compare.context import Context, UsedSettings, asked
from locality.compare.drawing import describe, field_label, headings
from locality.compare.explorer import Group, explore
from locality.compare.mirror_ratios import tell_ratios
from locality.compare.overlaps import Fields, Tables, series_of
from locality.compare.telling import measure_fields
from locality.config import UsageError
from locality.data import ImageDataModule
from locality.denoisers.base import Pixel
from locality.modules.fields import FieldModule, Share
from locality.ranks import say
from locality.report import Report
from locality.report.heat import HeatRow, draw_heat
from locality.sensitivity import (
    Reduction,
    Route,
    SensitivityField,
    States,
    choose_pixels,
    mirror_ratio,
)
from locality.sensitivity.maps import Magnitude


def sensitivity(
    context: Context,
    sigmas: Sequence[float],  # noise levels, pixel units
    count: int = 32,  # images
    pixel: str | Sequence[int] | None = None,  # off centre: a name of the data's pixels, or [row, col]
    grid: int = 4,  # pixels; distance between the probed pixels that the numbers are averaged over
    magnitude: Magnitude = "absolute",  # of derivatives; or "signed": of their mean over images
    states: States = "forward",  # noised test images, or "reverse": along a run of DDIM of the network
    steps: int = 1000,  # of DDIM
    share: Share = "images",  # what ranks share out
    explorer: bool = True,  # also fields of a grid of pixels, for the explorer of report.html
    calibration: UsedSettings = "auto",  # as compare=calibrate found, or as configured
    bank_counts: Mapping[str, int] | None = None,  # training images for the costly candidates; else all
) -> dict[str, float]:
    """Figures 2 and 3 of the paper, and how alike the fields are; all goes to the report.

    Every denoiser is measured at the same noisy images. Heat maps show the centre and the pixel off centre,
    curves and tables the mean over a grid of pixels. The fields are kept in `fields/` of the run folder.

    A field is a mean of magnitudes. With `magnitude="signed"` it is the magnitude of the mean over images:
    what differs in sign from image to image cancels, as edges do. Cosines are then those of the means, signs
    and all.
    """
    context.check_count(count)
    shape = context.data.image_shape
    _, height, width = shape
    centre, aside = context.data.pixels["centre"], off_centre(context.data, pixel)
    with asked():
        route = Route(list(sigmas), states, steps, seed=context.seed)
        reduction = Reduction(magnitude)
    numbered = grid_pixels(grid, height, width)
    denoisers = {context.reference_name: context.reference, **context.rivals(calibration, bank_counts)}
    module = FieldModule(
        denoisers,
        route,
        [centre, aside, *numbered],
        count, shape, reduction, share,
    )  # fmt: skip
    tables = Tables(context.report, context.reference_name, list(denoisers), route.sigmas)
    fields: dict[str, SensitivityField] = {}  # of the pixels that numbers are averaged over

    def keep(name: str) -> None:
        fields[name] = module.fields[name].of_pixels(slice(2, None))
        tables.add(name, fields[name], fields[context.reference_name])

    measure_fields(context, module, count, tables.growing["radius"], keep)
    _pictures(context.report, module.fields)
    numbers = tables.tell() | _left_out(context.report, fields)
    if aside in context.data.pixels.values() and context.data.pattern is None:
        numbers |= _mirrored(context, module.fields, aside)
    if explorer:
        group = Group(denoisers, context.data)
        explore(context, "sensitivity/explorer", [group], route, context.reference_name, reduction=reduction)
    return numbers


def _mirrored(context: Context, fields: Fields, pixel: Pixel) -> dict[str, float]:
    """How much of each field of an eye is on the other eye, as compare=mirror tells it."""
    name = next(name for name, place in context.data.pixels.items() if place == pixel)
    places = {who: field.of_pixels(slice(1, 2)) for who, field in fields.items()}
    try:
        ratios = series_of(places, partial(mirror_ratio, pixels=[pixel]))
    except ValueError:  # a pixel that is too near to its mirror position, or to the border
        return {}
    names = {who: who for who in fields}
    sigmas = next(iter(places.values())).sigmas
    numbers = tell_ratios(
        context.report, sigmas, {name: pixel}, {name: ratios}, names, names, "sensitivity/mirror"
    )
    say("compare=mirror tells the same beside other networks and a control")
    return numbers


def _left_out(report: Report, fields: Fields) -> dict[str, float]:
    """How many probed pixels have a field of zeros at some noise level: a line and a number for each such."""
    numbers = {}
    for name, field in fields.items():
        count = int((field.maps == 0).flatten(2).all(2).any(0).sum())
        if count:
            numbers[f"sensitivity/pixels_left_out/{name.lower()}"] = float(count)
            of = f"{count} of {len(field.pixels)} probed pixels"
            say(f"left out for {name}: {of}, which depend on no input at some noise level")
    report.scalars(numbers)
    return numbers


def grid_pixels(grid: int, height: int, width: int) -> list[Pixel]:
    """The pixels that numbers are averaged over. Raises UsageError for a distance that leaves none."""
    if not 1 <= grid <= 2 * min(height, width) - 1:
        most = 2 * min(height, width) - 1
        raise UsageError(f"compare.grid: want 1 to {most} pixels between probed ones, got {grid}")
    return choose_pixels(f"grid:{grid}", height, width)


def off_centre(data: ImageDataModule, pixel: str | Sequence[int] | None) -> Pixel:
    """The pixel asked for; without one the data's own (an eye, a pattern), else a quarter of the way in."""
    named = data.pixels
    _, height, width = data.image_shape
    if pixel is None:
        others = [place for name, place in named.items() if name != "centre"]
        return others[0] if others else (height // 4, width // 4)
    if isinstance(pixel, str):
        if pixel not in named:
            raise UsageError(f"compare.pixel: want one of {', '.join(named)} or [row, col], got {pixel!r}")
        return named[pixel]
    if len(pixel) != 2:
        raise UsageError(f"compare.pixel: want [row, col], got {list(pixel)}")
    try:
        return choose_pixels([(int(pixel[0]), int(pixel[1]))], height, width)[0]
    except ValueError as error:
        raise UsageError(f"compare.pixel: {error}") from error


def _pictures(report: Report, fields: Fields) -> None:
    """Figure 2: the centre, a row for each denoiser. Figure 3: the first of them, a row for each pixel.

    Colours are logarithmic: the probed pixel has nearly all of a field at low noise, and hides the rest.
    """
    name, network = next(iter(fields.items()))
    note = describe(network)
    draw = partial(
        draw_heat, columns=headings(network.sigmas), label=field_label(network), note=note, log=True
    )
    centre = {name: HeatRow(field.maps[:, 0], field.pixels[0]) for name, field in fields.items()}
    title = "Which input pixels the centre of the estimate depends on"
    report.figure("sensitivity/denoisers", draw(centre, title=title))
    places = zip(("centre", "off centre"), network.pixels, strict=False)
    rows = {
        f"{place}\n(row {row}, column {col})": HeatRow(network.maps[:, p], (row, col))
        for p, (place, (row, col)) in enumerate(places)
    }
    title = f"Which input pixels the estimate of two pixels by the {name} depends on"
    report.figure("sensitivity/pixels", draw(rows, title=title))
