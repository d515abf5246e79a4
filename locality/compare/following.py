"""A comparison with a network while it goes on, and what it comes down to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from locality.compare.context import Context
from locality.compare.summary import FLOOR, Quantity, Summary
from locality.compare.telling import Growing, measure
from locality.denoisers import NetworkDenoiser
from locality.modules.comparison import ComparisonModule
from locality.report.names import spoken


def follow(
    context: Context,
    module: ComparisonModule,
    count: int,  # test images
    summary: Callable[..., Summary],  # of denoisers by name, all of them measured
) -> None:
    """Measures all denoisers; whatever ends it, rows that are finished are in metrics.json."""
    labels = {name: summary().label(name) for name in module.denoisers}
    growing = Growing(context.report, "compare/summary", Summary.COLUMNS, labels.values())

    def keep(name: str) -> str:
        floor = [FLOOR] if FLOOR in module.results else []
        for one in [module.reference_name, name] if name == FLOOR else [name]:
            found = summary(*dict.fromkeys([one, *floor]))
            if name == FLOOR and one == module.reference_name:
                judge_in_table(context, found.quantities[one]["heldout_ratio"])
            growing.columns = list(found.columns)
            growing.add(labels[one], found.rows()[:1], found.scalars())
        settings = found.settings.get(name)
        return line_of(labels[name], found.quantities[name], name == FLOOR) + (
            f"; {settings}" if settings else ""
        )

    with growing.shown_if_cut_short():
        measure(context, module, count, keep)


def judge_in_table(
    context: Context,
    ratio: Quantity,  # the reference's held-out error over Wiener's, as the table has it
) -> None:
    """Warns where the table itself says that the reference is worse than the Wiener filter."""
    context.attention.worse(context.reference_name, ratio, isinstance(context.reference, NetworkDenoiser))


def line_of(label: str, found: Mapping[str, Quantity], floor: bool) -> str:
    """What a row comes down to: its error, and how near its samples are to the reference's."""
    parts = []
    if "sample_r2" in found:
        parts.append(f"sample r2 {found['sample_r2'].mean:.3g}")
    if "heldout_ratio" in found and not floor:
        parts.append(f"held-out error {found['heldout_ratio'].mean:.3g} x Wiener's")
    else:
        parts.append(f"held-out MSE {found['heldout_mse'].mean:.3g}")
    return f"{spoken(label):<34} {', '.join(parts)}"


def conclude(
    context: Context,
    near: Mapping[str, Quantity],  # median r2 of samples to the reference's, of all other denoisers
    errors: Mapping[str, Quantity],  # held-out, of all, the reference among them
) -> None:
    """The last line of the run: which row is nearest to the reference, and which to the clean images."""
    near = {name: one for name, one in near.items() if not math.isnan(one.mean)}  # of blank images: none
    if not near:
        return
    nearest = max(near, key=lambda name: near[name].mean)
    known = [name for name, one in errors.items() if not math.isnan(one.mean)]
    least = sorted(known, key=lambda name: errors[name].mean)
    told = least[: 2 if least[:1] == [context.reference_name] else 1]  # beside the reference, the best rival
    said = f"nearest to the {context.reference_name}: {nearest} (median sample r2 {near[nearest].mean:.3g})"
    context.report.conclusion = f"{said}; least held-out error: {', then '.join(told)}" if told else said
