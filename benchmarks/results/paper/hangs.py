"""What the rows on PCA locality hang on: its form, the training images of both, what networks predict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.results.bar import levels_by_surety, short_of
from benchmarks.results.caveats import banks
from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions import epsilon
from benchmarks.results.questions.bank_sizes import BASE, FEWEST, gain
from benchmarks.results.questions.claims import WORDS
from benchmarks.results.questions.equal_banks import KIND
from benchmarks.results.questions.own_gap import BY_ENTROPY
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    RELEASED,
    WSSM,
    Found,
    interval_of,
    number_of,
    paired,
    side,
    signed,
)
from benchmarks.results.words.titles import DATA, SHIPPED, TITLES, called, joined, on

FORMS = {BY_ENTROPY: "tau by entropy", WSSM: "batch averages", RELEASED: "the released form"}
OWN_RUN = ", in a run of its own,"
STANDS = {way: word.split()[0] for way, word in WORDS.items()}  # ahead, level, behind
LIKE = 2  # times the training images of the other, at most: more is an unequal bank
Ends = tuple[float, float, float]


def unequal(found: Found, rival: str) -> tuple[int, int] | None:
    """The training images of PCA locality and of a rival, where one has more than `LIKE` times as many."""
    known = banks(found)
    if rival not in known or EXACT not in known:
        return None
    both = known[EXACT], known[rival]
    return both if max(both) > LIKE * min(both) else None


def with_equal(tables: Mapping[str, Found], rival: str, kept: Kept) -> dict[str, Found]:
    """The data sets; where banks are unequal, the run in which both had the same images, if there is one."""
    again = kept.get(KIND, {})
    return {
        name: _as_paper(again[name]) if unequal(found, rival) and name in again else found
        for name, found in tables.items()
    }


def _as_paper(found: Found) -> Found:
    """A run with its numbers under the names of the paper's table."""
    names = {key: key.replace(f"{KIND}/", "paper/", 1) for key in found["scalars"]}
    return {**found, "scalars": {names[key]: value for key, value in found["scalars"].items()}}


def equal_in_short(tables: Mapping[str, Found], known: Mapping[str, Found]) -> Iterator[str]:
    """On which data the run of equal banks is told of, and with how many training images."""
    counts: dict[int, list[str]] = {}
    for name, found in known.items():
        if found is not tables[name]:
            counts.setdefault(banks(found)[EXACT], []).append(TITLES[name])
    told = joined(f"{count:,} {on(titles)}" for count, titles in counts.items())
    if told:
        yield f"Both with as many training images, in runs of their own: {told}"


def like_banks(tables: Mapping[str, Found], rival: str) -> dict[str, Found]:
    """The data sets on which a comparison is not one of banks."""
    return {name: found for name, found in tables.items() if unequal(found, rival) is None}


def open_in_short(tables: Mapping[str, Found], rival: str, sorts: Mapping[int, Sequence[str]]) -> str:
    """Where a comparison is open, as banks are unequal, with both counts and how it came out."""
    left = [
        (TITLES[name], both, STANDS[way])
        for way, titles in sorts.items()
        for name, found in tables.items()
        if TITLES[name] in titles and (both := unequal(found, rival))
    ]
    told = [
        f"{title} ({own:,}{' training images' * (k == 0)} against {theirs:,}, {word})"
        for k, (title, (own, theirs), word) in enumerate(left)
    ]
    return f"open, for unequal banks, {on(told)}" if told else ""


def bank_matters(kept: Kept) -> Iterator[str]:
    """What fewer training images cost PCA locality, where that was measured."""
    for name, found in kept.get("bank_sizes", {}).items():
        if known := gain(found, EXACT, f"{EXACT}_{FEWEST}"):
            yield (
                f"With {FEWEST:,} training images in place of {BASE:,} its r2 changes by {signed(known)} "
                f"{on([TITLES[name]])}, in [another run](bank_sizes.md)"
            )


def _others(name: str, found: Found, kept: Kept) -> dict[str, tuple[Ends, float | None]]:
    """The other forms of PCA locality less Wiener, seed by seed, and how many seeds each had."""
    apart = kept.get("released", {}).get(name)
    known = {}
    for form in FORMS:
        section, of = ("released", apart) if form == RELEASED else ("paper", found)
        if of and (ends := interval_of(of, f"{section}/median_r2_over_{FLOOR}", form)):
            known[form] = ends, number_of(of, f"{section}/samples", form)
    return known


def forms_in_short(tables: Mapping[str, Found], kept: Kept) -> Iterator[str]:
    """On which data another form of PCA locality stands otherwise to Wiener than the exact one."""
    for name, found in tables.items():
        exact = interval_of(found, f"paper/median_r2_over_{FLOOR}", EXACT)
        ways: dict[int, list[str]] = {}
        for form, (ends, _) in _others(name, found, kept).items():
            ways.setdefault(side(ends), []).append(FORMS[form])
        for way, forms in ways.items():
            if exact and way != side(exact):
                sure = "surely " if way else ""
                yield (
                    f"{on([TITLES[name]])} it is {STANDS[side(exact)]} with {setting(found)}, "
                    f"{sure}{STANDS[way]} with {joined(forms)}"
                )


def forms_told(tables: Mapping[str, Found], kept: Kept) -> Iterator[str]:
    """The numbers of every form on the data on which they differ from the exact one."""
    for name, found in tables.items():
        exact = interval_of(found, f"paper/median_r2_over_{FLOOR}", EXACT)
        known = _others(name, found, kept)
        if exact is None or all(side(ends) == side(exact) for ends, _ in known.values()):
            continue
        own = (exact, number_of(found, "paper/samples", EXACT))
        rows = {
            setting(found): own,
            **{f"{FORMS[form]}{OWN_RUN * (form == RELEASED)}": one for form, one in known.items()},
        }
        told = [
            f"{form} {signed(ends)}{f' ({seeds:.0f} seeds)' if seeds else ''}"
            for form, (ends, seeds) in rows.items()
        ]
        yield (f"On {TITLES[name]} it hangs on the form. r2 less Wiener's, seed by seed: {'; '.join(told)}")


def setting(found: Found) -> str:
    """Where the exact row's tau is from."""
    made = any(one[0] == EXACT for one in found.get("calibrated") or [])
    return "the tau that calibration found" if made else "the tau as configured"


def to_noise(kept: Kept, rival: str) -> dict[str, Ends]:
    """PCA locality less a rival in r2 to a network that predicts the noise, seed by seed."""
    known = {name: kept.get(epsilon.KIND, {}).get(name) for name in DATA}
    both = {name: paired(found, epsilon.TO_EPSILON, EXACT, rival) for name, found in known.items() if found}
    return {name: ends for name, ends in both.items() if ends}


def noise_in_short(kept: Kept, rival: str) -> Iterator[str]:
    """How it stands to the rival there, and that these networks are behind Wiener somewhere."""
    ways: dict[int, list[str]] = {}
    for name, ends in to_noise(kept, rival).items():
        ways.setdefault(side(ends), []).append(TITLES[name])
    if not ways:
        return
    told = ", ".join(f"{'surely ' if way else ''}{STANDS[way]} {on(titles)}" for way, titles in ways.items())
    yield f"to networks that predict the noise it is {told}"
    every = [levels_by_surety(one).get(True, ()) for _, one in _noise_networks(kept, rival)]
    if levels := [sigma for one in every for sigma in one]:
        few = sum(map(bool, every))
        who = f"{few} of these {len(every)} networks" if few < len(every) else "these networks"
        span = " to ".join(f"{sigma:g}" for sigma in sorted({min(levels), max(levels)}))
        yield f"{who} have surely more error than Wiener at some sigma from {span}"


def noise_told(kept: Kept, rival: str) -> Iterator[str]:
    """The same with numbers, and where each of these networks is behind Wiener."""
    known = to_noise(kept, rival)
    if known:
        told = "; ".join(
            f"{signed(ends)} {on([TITLES[name]])}{_with(kept, name)}" for name, ends in known.items()
        )
        yield f"r2 to a network that predicts the noise, less {called(rival)}'s, seed by seed: {told}"
    for name, network in _noise_networks(kept, rival):
        if short := short_of(network):
            yield f"That network of {TITLES[name]} {short}"


def _with(kept: Kept, name: str) -> str:
    """How many training images PCA locality read there."""
    count = number_of(kept[epsilon.KIND][name], f"{epsilon.KIND}/bank", EXACT)
    return f" ({count:,.0f} training images)" if count else ""


def _noise_networks(kept: Kept, rival: str) -> list[tuple[str, Found]]:
    networks = {**kept.get("unshipped", {}), **kept.get("networks", {})}
    return [
        (name, networks[f"{start}_{epsilon.KIND}"])
        for name in to_noise(kept, rival)
        for start, title in SHIPPED.items()
        if title == TITLES[name] and f"{start}_{epsilon.KIND}" in networks
    ]
