"""The caveats of docs/results.md: what to know before its numbers are believed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from benchmarks.results.bar import SHORT_OF, levels_by_surety, steps_before
from benchmarks.results.kept.choosing import LONGER
from benchmarks.results.questions.bank_sizes import BASE, gain, held, with_tau
from benchmarks.results.questions.own import more_images
from benchmarks.results.questions.own_gap import BY_ENTROPY
from benchmarks.results.words import members
from benchmarks.results.words.answers import (
    EXACT,
    OWN,
    Found,
    interval_of,
    listed,
    seeds_if_few,
    sigma_of,
    signed,
    steps,
)
from benchmarks.results.words.titles import TITLES, called, capital, joined, network_called, on, spelled
from locality.calibration import OWN_SAMPLES
from locality.heldout import SIGMAS
from locality.report import names

TRAINED_ON = {  # how names of networks begin -> what they were trained on
    "cats": "cats",
    "cifar": "CIFAR-10",
    "fashion_mnist": "Fashion-MNIST",
    "photos": "photographs",
}


def _below(networks: Mapping[str, Found]) -> str:
    """The networks that do not pass the bar, with the noise levels at which they do not."""
    groups: dict[tuple[str, tuple[float, ...], bool], list[str]] = {}
    for name, one in networks.items():
        for sure, levels in levels_by_surety(one).items():
            groups.setdefault((_data_of(name), levels, sure), []).append(name)
    told, before = [], None
    for (data, levels, sure), some in groups.items():
        verb = f"{SHORT_OF[sure][len(some) > 1]} Wiener "
        where = joined(f"{sigma:g}" for sigma in levels)
        told.append(f"{_named(some, data)} {'' if sure == before else verb}at sigma {where}")
        before = sure
    said = ", ".join(told)
    return f" {capital(said)}. The list ends at sigma {SIGMAS[-1]:g}." if said else ""


def _beyond(tables: Mapping[str, Found]) -> str:
    """The networks of the paper's table with surely more error than Wiener above the bar's noise levels."""
    told = []
    for name, found in tables.items():
        for row in ("network", "nn2"):
            low = steps(found, f"paper/heldout_ratio_low/{row}/")
            times = [t for t, end in low.items() if end > 1 and sigma_of(t) > SIGMAS[-1]]
            told += [f"the {called(row)} of {TITLES[name]} at sigma {listed(times)}"] if times else []
    where = f" Above sigma {SIGMAS[-1]:g} [more error](results/heldout.md) than Wiener's is sure of"
    return f"{where} {joined(told)}." if told else ""


def _longer(networks: Mapping[str, Found]) -> str:
    """What more training brought, of a network that went on from another of the same images."""
    for name, one in networks.items():
        first = networks.get(name.removesuffix(LONGER))
        if name.endswith(LONGER) and first and steps_before(one):
            both = [
                dict((row[0], row[3]) for row in net["tables"]["heldout"]["rows"]) for net in (one, first)
            ]
            shown = sorted(both[0].keys() & both[1].keys() & {0.2, 1.0})
            own, others = (joined(f"{known[sigma]:.2f}" for sigma in shown) for known in both)
            return (
                f" More training moves them: that of {network_called(name.removesuffix(LONGER))} went on "
                f"after {steps_before(one):,} steps, and has {own} of Wiener's error at sigma "
                f"{joined(f'{sigma:g}' for sigma in shown)}, where it had {others}."
            )
    return ""


def _data_of(name: str) -> str:
    """What a network was trained on."""
    return next((title for key, title in TRAINED_ON.items() if name.startswith(key)), name)


def _named(some: Sequence[str], data: str) -> str:
    """`three networks of cats`, or one by its kind where it has a name for readers, and by its letter."""
    if len(some) > 1:
        return f"{spelled(len(some))} networks of {data}"
    first, _, kind = some[0].rpartition("_")
    by_kind = kind in names.NETWORKS and bool(first)
    letter = re.search(r"_gamma([\d.]*\d)", some[0])
    about = f"{data}, letter of strength {letter[1]}" if letter else data
    return f"the {called(kind)} ({about})" if by_kind else f"the network of {network_called(some[0])}"


HEADS = (
    "Costly rows may read a part of the training images, and have fewer seeds ([which](results/ceiling.md)).",
    "The networks are small and were trained for an hour or two of a processor's core. What is said of "
    "networks is said of these.",
    "Settings and shares were found against the same network. The way was changed once, when earlier tables "
    "were known ([how](results/our_denoisers.md)). All rows are measured on test images. These chose nothing "
    "but what rows [by entropy](results/without_network.md) take.",
)
BY_ENTROPY_SAW = (
    "Rows by entropy have two numbers, a share of ln N for windows and one for masks. Both were fitted to "
    "[errors on a few test images](results/information.md) of CIFAR-10, with the noise of its table. "
    "The noise of samples chose nothing."
)


def caveats(
    tables: Mapping[str, Found],
    networks: Mapping[str, Found],
    sizes: Mapping[str, Found] | None = None,  # of banks: what all training images bring
) -> list[str]:
    """More on each of `HEADS`, from the numbers where there are any."""
    as_set = [TITLES[name] for name, found in tables.items() if not found.get("calibrated")]
    but = f", but for {joined(as_set)}, where they are as configured" if as_set else ""
    return [
        _parts(tables, sizes or {}) + "Seconds are the least of a day's runs: other work on the machine only "
        "adds to them, and to some rows more than to others.",
        f"The paper's networks are larger and were trained for longer.{_below(networks)}{_beyond(tables)}"
        f"{_longer(networks)} Our reading: these networks draw blurs more than objects, and a linear filter "
        "comes near to a blur. This may be why r2 is [higher on some data](results/published_order.md) than "
        "is published for CIFAR-10 and AFHQ, and higher than to [a network that predicts the "
        "noise](results/epsilon.md).",
        f"Settings and shares were found {_on_what(tables)}{but}.{_chosen_with_fewer(tables)}"
        f"{_chosen_with_more(tables)} {BY_ENTROPY_SAW} r2 of a nearly flat image can be far "
        "below 0, hence the medians.",
    ]


def _on_what(tables: Mapping[str, Found]) -> str:
    """Where settings were found on the network's own way to samples, and of which rows they were not."""
    there, others, val = [], [], False
    for name, found in tables.items():
        known = [one for one in found.get("calibrated") or [] if one[0] in banks(found)]
        rows = {one[0]: str(one[2]).endswith(OWN_SAMPLES) for one in known}
        if any(rows.values()):
            there.append(TITLES[name])
            others += [row for row, own in rows.items() if not own]
        val = val or not any(rows.values())
    if not there:
        return "on val images"
    but = f" (except those of {joined([called(row) for row in dict.fromkeys(others)])})" if others else ""
    return f"{on(there)} on the network's own samples{but}{', elsewhere on val images' if val else ''}"


def _parts(tables: Mapping[str, Found], sizes: Mapping[str, Found]) -> str:
    """Which rows read a part of the training images."""
    whole, some, apart = [], [], []
    for name, found in tables.items():
        known = banks(found).values()
        if both := more_images(found):
            told = f"On {TITLES[name]} ours draw on {{:,.0f}} images, and {called(EXACT)} reads {{:,.0f}}. "
            parts = f"{read}. " if (read := members.told(found, "paper")) else ""
            apart.append(told.format(*both) + _with_all(sizes.get(name)) + parts)
        there = max(*known, found.get("images", 0)) if known else 0
        fewer = sum(count < there for count in known)
        if fewer and fewer == len(known):
            whole.append(
                f"On {TITLES[name]} every row that searches training images reads a part of them (at most "
                f"{max(known):,} of {there:,}). "
            )
        elif fewer:
            some.append(f"{fewer} of {len(known)} on {TITLES[name]}")
    others = "Elsewhere the costly rows do" if whole else "Costly rows read a part of the training images"
    which = f"{others}: {joined(some)}. " if some else ""
    seeds = any(seeds_if_few(found, row) for found in tables.values() for row in banks(found))
    fewer_seeds = "Some rows have fewer seeds. " if seeds else ""
    link = "[Which](results/ceiling.md). " if whole or some or seeds else ""
    return f"{''.join(whole)}{which}{''.join(apart)}{fewer_seeds}{link}"


def _with_all(found: Found | None) -> str:
    """What all training images bring PCA locality, where that was measured."""
    known, errors = (gain(found, EXACT, EXACT), held(found, EXACT)) if found else (None, [])
    if found is None or known is None or not errors:
        return ""
    return (
        f"All images in place of {BASE:,}{with_tau(found)} change its r2 by {signed(known)}, and its "
        f"error on unseen images is {min(errors):.2f} to {max(errors):.2f} times as large ([more images]"
        "(results/bank_sizes.md)). "
    )


def _chosen_with_fewer(tables: Mapping[str, Found]) -> str:
    """Rows whose settings were chosen with fewer images than they are used with, and a row that was not."""
    said, apart, whole = [], [], []
    for name, found in tables.items():
        used = banks(found)
        counts = _chosen_with(found)
        fewer = {row: count for row, count in counts.items() if count < used.get(row, 0)}
        over = interval_of(found, f"paper/median_r2_over_{EXACT}", BY_ENTROPY)
        if over is not None and EXACT in counts:
            (apart if EXACT in fewer else whole).append(f"{signed(over)} on {TITLES[name]}")
        if EXACT in fewer:
            ours = ", ours among them," if any(row in fewer for row in OWN) else ""
            rows = f"{len(fewer)} row{'s' if len(fewer) > 1 else ''}{ours}"
            said.append(
                f"On {TITLES[name]} the settings of {rows} were chosen with fewer images than they are used "
                f"with. PCA locality's tau was chosen with {fewer[EXACT]:,} and is used with {used[EXACT]:,}"
            )
    if not said:
        return ""
    if apart:
        said.append(
            f"With tau by entropy, found with the bank in use, r2 changes by {joined(apart)}, seed by seed"
        )
    if apart and whole:
        said.append(
            f"The change is {joined(whole)}, where tau was chosen with as many images as it is used with"
        )
    return "".join(f" {part}." for part in said)


def _chosen_with_more(tables: Mapping[str, Found]) -> str:
    """Rows whose settings were chosen with more images than they are used with."""
    told = []
    for name, found in tables.items():
        used = banks(found)
        more = [called(row) for row, count in _chosen_with(found).items() if count > used.get(row, count)]
        told += [f"on {TITLES[name]} those of {joined(more)}"] if more else []
    return f" Some were chosen with more images than they are used with: {'; '.join(told)}." if told else ""


def _chosen_with(found: Found) -> dict[str, int]:
    """With how many training images the settings of each row were chosen."""
    return {row: int(str(count).replace(",", "")) for row, _, _, count in found.get("calibrated") or []}


def banks(found: Found) -> dict[str, int]:
    """How many training images each row had."""
    start = "paper/bank/"
    return {k.removeprefix(start): int(v) for k, v in found["scalars"].items() if k.startswith(start)}
