"""The short answer of the page of larger images: who has less error than Wiener."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.results.words.answers import EXACT, FLOOR, Found, levels, sigma_of, steps
from benchmarks.results.words.counts import of_levels
from benchmarks.results.words.titles import called, capital, joined, markdown, on

Known = Mapping[str, Found]  # by the title of the data set
AFHQ = 0.02  # the paper's tau for AFHQ
PAPERS_TAU = "which the paper chose for AFHQ, against its own networks and with all images"


def larger_together(rows: Sequence[str]) -> Callable[[Known], str]:
    """At how many noise levels each row has surely less error than Wiener."""

    def together(known: Known) -> str:
        said = [_less(found, rows, title) for title, found in known.items()]
        said += [told for found in known.values() for told in _lacked(found)]
        said += [
            f"{capital(on([title]))} the test had {n} images"
            for title, one in known.items()
            if (n := one.get("size"))
        ]
        less = [[_sure_at(found, row) for found in known.values()] for row in rows]
        table = markdown(("", *known), [[called(row), *one] for row, one in zip(rows, less, strict=True)])
        note = "Cells: at how many noise levels the error is surely below Wiener's, and surely above"
        more = [note, *(one for found in known.values() for one in _rests_on(found, rows))]
        return f"{' '.join(f'{one}.' for one in said)}\n\n{table}\n\n{' '.join(f'{one}.' for one in more)}"

    return together


def _sure_at(found: Found, row: str) -> str | None:
    """At how many noise levels a row's error is surely below Wiener's, and surely above."""
    start = "larger/heldout_ratio"
    below = levels(found, f"{start}_high/{row}/", lambda high: high < 1)
    above = levels(found, f"{start}_low/{row}/", lambda low: low > 1)
    among = len(steps(found, f"{start}_high/{row}/"))
    return f"{len(below)} below, {len(above)} above, of {among}" if among else None


def _less(found: Found, rows: Sequence[str], title: str) -> str:
    """The rows that have surely less error at some noise levels, and those that have it at none."""
    start = "larger/heldout_ratio_high"
    counts = {row: levels(found, f"{start}/{row}/", lambda high: high < 1) for row in rows}
    among = {row: len(steps(found, f"{start}/{row}/")) for row in rows}
    told: dict[str, list[str]] = {}
    for row in rows:
        if counts[row]:
            words = f" of {among[row]} noise levels"
            count = of_levels([*map(sigma_of, counts[row])], among[row], words)
            told.setdefault(f"at {count}", []).append(called(row))
    each = "; ".join(
        f"{joined(names)}{', each' if len(names) > 1 else ''} {where}" for where, names in told.items()
    )
    none = [called(row) for row in rows if among[row] and not counts[row]]
    said = [f"{capital(on([title]))}: {each}"] if told else []
    lead = "nowhere" if told else f"nowhere {on([title])}"
    said += [f"{capital(lead)}: {joined(none)}"] if none else []
    return ". ".join(said)


def _lacked(found: Found) -> list[str]:
    """What PCA locality lacked: a tau that was found for these images, and a part of the training images."""
    bank, whole = found["scalars"].get(f"larger/bank/{EXACT}"), found.get("images", 0)
    few = bank is not None and bank < whole
    parts = [f"{bank:,.0f} of {whole:,} training images"] if few else []
    parts += ["a tau that was not found for these images"] if _borrows(found) else []
    return [f"{called(EXACT)} had {joined(parts)}"] if parts else []


def _borrows(found: Found) -> bool:
    """Whether PCA locality had a tau that was not found for these images."""
    chosen = any(row[0] == EXACT for row in found.get("calibrated") or [])
    return not chosen and found.get("settings", {}).get(EXACT, {}).get("tau") is not None


def _rests_on(found: Found, rows: Sequence[str]) -> list[str]:
    """How many training images rows read, and the settings of PCA locality."""
    exact = steps(found, f"larger/heldout_ratio_high/{EXACT}/")
    return [*_images_read(found, rows), *(_had(found) if exact else ())]


def _images_read(found: Found, rows: Sequence[str]) -> list[str]:
    """The rows that read a part of the training images."""
    whole, told = found.get("images", 0), dict[int, list[str]]()
    for row in rows:
        bank = found["scalars"].get(f"larger/bank/{row}")
        if bank is not None and bank < whole:
            told.setdefault(int(bank), []).append(called(row))
    return [f"{capital(joined(names))} read {n:,} of {whole:,} training images" for n, names in told.items()]


def _had(found: Found) -> list[str]:
    """The tau of PCA locality where none was found for these images, and whether its covariance is shrunk."""
    rows = found.get("settings", {})
    own, floor = (rows.get(row, {}) for row in (EXACT, FLOOR))
    said, tau = [], own.get("tau")
    if _borrows(found):
        each = tau.values() if isinstance(tau, Mapping) else ()
        told = f"a tau of {min(each):g} to {max(each):g}, by noise level" if each else f"tau {tau}"
        said.append(f"{called(EXACT)} had {told}" + (f", {PAPERS_TAU}" if tau == AFHQ else ""))
    if floor.get("shrinkage") and not own.get("shrinkage"):
        said.append(f"The covariance of {called(EXACT)} is not shrunk, and {called(FLOOR)}'s is")
    return said
