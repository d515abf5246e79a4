"""How much our denoisers close of the gap between PCA locality's best form and a second network."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmarks.results.words.answers import (
    EXACT,
    OWN,
    RELEASED,
    WSSM,
    Found,
    differences,
    number_of,
    seeds_if_few,
)
from benchmarks.results.words.protocols import found_on
from benchmarks.results.words.titles import called

HALF = 50.0  # an aim: per cent of the gap
BY_ENTROPY = "pca_locality_entropy"  # ours of the paper's denoiser
PAPERS = (EXACT, WSSM, RELEASED)  # the paper's forms
FORMS = (*PAPERS, BY_ENTROPY)
KINDS = ("median_r2", "r2")
_ALIKE = (*OWN, EXACT, "nn2")  # rows of the table and of the run that had the released form


def with_released(kept: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What is kept, each table of the paper with the r2 of the run that had the released form."""
    told, rows = dict(kept.get("paper", {})), (*_ALIKE, WSSM, RELEASED)
    for data, found in kept.get("released", {}).items():
        if data in told:
            r2 = {(kind, row): number_of(found, f"released/{kind}", row) for kind in KINDS for row in rows}
            over = {row: differences(found, row, "released", RELEASED) for row in OWN}
            same = found_on(found) == found_on(told[data])
            told[data] = {**told[data], "released": r2, "over_released": over}
            told[data] |= {} if same else {"released_on": found_on(found)}
    return {**kept, "paper": told} if told else dict(kept)


def closed(found: Found) -> str:
    """How much of what lies between PCA locality's best form and the second network they close."""
    gaps = {name: one for name in OWN if (one := gap(found, name, "median_r2")) is not None}
    if not gaps:
        return ""
    others = {name: gap(found, name, "median_r2", PAPERS) for name in gaps}
    tail = f"; from the paper's own forms, {per_cents(others.values())}" if others != gaps else ""
    means = {name: one for name in gaps if (one := gap(found, name, "r2")) is not None}
    if any((gaps[name] >= HALF) != (one >= HALF) for name, one in means.items()):
        tail += f"; of the gap in mean r2, {per_cents(means.values())}"
    return (
        f"Of the gap in median r2 between PCA locality's best form ({_best_form(found)}) and a second "
        f"network, {_whose(gaps)} {'close' if len(gaps) > 1 else 'closes'} {per_cents(gaps.values())}{tail}"
        f"{_apart(found)}"
    )


def gap(found: Found, name: str, kind: str, forms: Sequence[str] = FORMS) -> float | None:
    """Per cent of it that a row closes, from the best of some forms of PCA locality."""
    exact, ceiling, own = (number(found, kind, row) for row in (EXACT, "nn2", name))
    if exact is None:
        return None
    return closed_share(
        own, max(one for form in forms if (one := number(found, kind, form)) is not None), ceiling
    )


def number(found: Found, kind: str, name: str) -> float | None:
    """Of a row of the paper's table, where it was measured; of the released form, where its run is alike."""
    if name == RELEASED and _is_alike(found):
        return _released(found, kind, name)
    return number_of(found, f"paper/{kind}", name)


def per_cents(shares: Collection[float | None], unit: str = " %") -> str:
    """`68 % and 67 %`."""
    return " and ".join(f"{one:.0f}{unit}" for one in shares if one is not None)


def halved(shares: Mapping[str, float]) -> str:
    """`yes (68 %, 67 %)`: which rows close half of a gap, with the numbers; a dash without any."""
    told = ", ".join(f"{one:.0f} %" for one in shares.values())
    return f"{who({name: one >= HALF for name, one in shares.items()})} ({told})" if shares else "-"


def who(met_by: Mapping[str, bool]) -> str:
    """Yes, no, or the one of ours that meets an aim."""
    good = [name for name, one in met_by.items() if one]
    return "no" if not good else "yes" if len(good) == len(met_by) else f"{called(good[0])} alone"


def _best_form(found: Found) -> str:
    """Its name, and its seeds where it had fewer than another row."""
    known = {form: r2 for form in FORMS if (r2 := number(found, "median_r2", form)) is not None}
    best = max(known, key=lambda form: known[form])
    count = seeds_if_few(found, best)
    return called(best) + (f", {count} seeds" if count else "")


def _apart(found: Found) -> str:
    """The gap from the released form, where it is of a run whose rows are other than the table's."""
    if "released" not in found or _is_alike(found):
        return ""
    r2 = {row: one for row in PAPERS if (one := _released(found, "median_r2", row)) is not None}
    if RELEASED not in r2:
        return ""
    best, ceiling = max(r2, key=lambda row: r2[row]), _released(found, "median_r2", "nn2")
    known = [closed_share(_released(found, "median_r2", name), r2[best], ceiling) for name in OWN]
    form = f"{'the ' * (best == RELEASED)}{called(best)}"
    where = f"In [a run with the released form](released_form.md) the paper's best is {form}"
    return f". {where}: of the gap in median r2 from it, {told}" if (told := per_cents(known)) else ""


def _is_alike(found: Found) -> bool:
    """Whether the run of the released form has the same rows of ours, of the network and of PCA locality."""
    pairs = [(_released(found, "median_r2", row), number(found, "median_r2", row)) for row in _ALIKE]
    return "released" in found and all(one == other for one, other in pairs)


def _released(found: Found, kind: str, row: str) -> float | None:
    value: float | None = found.get("released", {}).get((kind, row))
    return value


def closed_share(own: float | None, base: float | None, ceiling: float | None) -> float | None:
    """Per cent of the way from one r2 to another; None where there is no gap."""
    if own is None or base is None or ceiling is None or ceiling <= base:
        return None
    return 100 * (own - base) / (ceiling - base)


def _whose(names: Collection[str]) -> str:
    return "they" if len(names) > 1 else called(next(iter(names)))
