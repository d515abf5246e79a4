"""What the page of batch averages says: with one typed tau, and with the tau found for the exact form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.results.questions.forms_short import (
    BATCHES,
    HIGHER,
    LOWER,
    SPLIT,
    UNSURE,
    Known,
    way_of,
)
from benchmarks.results.words import protocols
from benchmarks.results.words.answers import (
    EXACT,
    WSSM,
    Found,
    differences,
    number_of,
    sigma_of,
    signed,
    steps,
)
from benchmarks.results.words.titles import DATA, TITLES, called, capital, joined, lowered, markdown, on

ROWS = ("wssm_128", "wssm_512", "wssm_2048")
RUNS = ("paper", "released")  # kinds in which tau was found
PLACES = {"paper": "the paper's table", "released": "[the run with the released form](released_form.md)"}
ELSEWHERE = "found_tau"  # what `with_found_tau` adds: data set -> kind -> what was found
COLUMNS = (
    "r2 of batches of 512 less the exact form's, seed by seed", "median", "mean", "seeds",
    "training images", "tau found on",
)  # fmt: skip


def with_found_tau(kept: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What is kept, the variants with the runs in which the exact form and batch averages had a found tau."""
    there: dict[str, dict[str, Found]] = {}
    for name in DATA:
        for kind in RUNS:
            found = kept.get(kind, {}).get(name)
            if found is not None and differences(found, WSSM, kind, EXACT):
                there.setdefault(TITLES[name], {})[kind] = found
    told = {name: {**one, ELSEWHERE: there} for name, one in kept.get("variants", {}).items()}
    return {**kept, "variants": told} if told else dict(kept)


def batches_together(known: Known) -> str:
    """Whether batch averages are nearer with the tau that was found, and with one that was typed."""
    typed = BATCHES(known)
    runs = _runs(known)
    ways = {title: one for title, some in runs.items() if (one := _ways(some))}
    if not typed or not ways:
        return typed
    said = {HIGHER: list[str](), LOWER: list[str](), SPLIT: list[str](), UNSURE: list[str]()}
    for title, some in sorted(ways.items(), key=lambda one: len(set(one[1]))):  # those with two answers last
        way = next((one for one in said if one in some), UNSURE)
        said[way].append(_by(title, runs[title], way) if way in (HIGHER, LOWER) else title)
    lead = "Yes" if all(set(some) == {HIGHER} for some in ways.values()) else "On some data"
    lead = lead if said[HIGHER] else "No"
    told = [f"r2 of batches of 512 is {way} {joined(said[way])}" for way in (HIGHER, LOWER) if said[way]]
    told += [f"{on(said[SPLIT])} mean and median disagree"] if said[SPLIT] else []
    told += [f"{on(said[UNSURE])} nothing is sure"] if said[UNSURE] else []
    told[0] = f"with the tau found for the exact form, {told[0]}"
    images = {int(bank) for found in known.values() if (bank := number_of(found, "variants/bank", EXACT))}
    counts = f" and {joined(f'{count:,}' for count in sorted(images))} images" if images else ""
    text = " ".join(f"{capital(one)}." for one in (lead, *told))
    return f"{text} With one typed tau{counts}: {lowered(typed)}"


def batches_beside(known: Known) -> str:
    """The differences with a tau that was found, run by run; and where the error at low noise is larger."""
    rows, unlike = [], []
    for title, some in _runs(known).items():
        for kind, found in some.items():
            over = dict(zip(("mean", "median"), differences(found, WSSM, kind, EXACT), strict=False))
            own, exact = _banks(found, kind)
            images = f"{own:,.0f}" if own == exact else f"{own:,.0f}, the exact form {exact:,.0f}"
            unlike += [f"{title} ({PLACES[kind]})"] if own != exact else []
            cells = [signed(over[one]) if one in over else None for one in ("median", "mean")]
            seeds = number_of(found, f"{kind}/samples", WSSM)
            row = [f"{title}, {PLACES[kind]}", *cells, seeds and f"{seeds:.0f}", images]
            rows.append([*row, protocols.found_on(found) or None])
    said = [
        "Batch averages took the tau of the exact form. One of their own was not found, and may be better",
        "Of two runs the short answer has the smaller difference",
        *([f"Not counted above, as images differ: {joined(unlike)}"] if unlike else []),
    ]
    price = [f"{one}." for one in _price(known)]
    table = [markdown(COLUMNS, rows), " ".join(f"{one}." for one in said)] if rows else []
    return "\n\n".join([*table, *([" ".join(price)] if price else [])])


def _runs(known: Known) -> Mapping[str, Mapping[str, Found]]:
    return next((found[ELSEWHERE] for found in known.values() if ELSEWHERE in found), {})


def _ways(some: Mapping[str, Found]) -> list[str]:
    """How batch averages stand to the exact form, in the runs in which both had as many images."""
    return [
        way for kind, found in _fair(some).items() if (way := way_of(differences(found, WSSM, kind, EXACT)))
    ]


def _fair(some: Mapping[str, Found]) -> dict[str, Found]:
    return {kind: found for kind, found in some.items() if len(set(_banks(found, kind))) == 1}


def _banks(found: Found, kind: str) -> tuple[float, float]:
    own, exact = (number_of(found, f"{kind}/bank", row) or 0.0 for row in (WSSM, EXACT))
    return own, exact


def _by(title: str, some: Mapping[str, Found], way: str) -> str:
    """By how much r2 is higher or lower, the least of the runs, and in how many where not in all."""
    fair = [differences(found, WSSM, kind, EXACT) for kind, found in _fair(some).items()]
    sizes = [abs(one[-1][0]) for one in fair if way_of(one) == way]
    part = f"in {len(sizes)} of {len(fair)} runs " if len(sizes) < len(fair) else ""
    return f"{part}by {min(sizes):.3f} {on([title])}"


def _price(known: Known) -> Iterator[str]:
    """The batches with which the error on unseen images is surely more or less at the least noise."""
    for title, found in known.items():
        ends: dict[str, list[str]] = {}
        least = 0
        for row in ROWS:
            low, high = (
                steps(found, f"variants/heldout_over_{EXACT}{end}/{row}/") for end in ("_low", "_high")
            )
            if low and high:
                least = min(low)
                way = "more" if low[least] > 1 else "less" if high[least] < 1 else ""
                ends.setdefault(way, []).append(called(row).removeprefix("batches of "))
        than = f" than that of {called(EXACT)}"
        told = [
            f"surely {way}{than * (k == 0)} with batches of {joined(ends[way])}"
            for k, way in enumerate(one for one in ("more", "less") if one in ends)
        ]
        if told:
            place = f"{capital(on([title]))} at sigma {sigma_of(least):.3g}"
            yield f"{place} the error on unseen images is {joined(told)}"
