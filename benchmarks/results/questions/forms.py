"""What the pages say of the forms of PCA locality: r2 to the network, seed by seed beside another row's."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    OWN,
    RELEASED,
    TAUS,
    Found,
    against,
    differences,
    interval_of,
    is_same,
)
from benchmarks.results.words.axes import up
from benchmarks.results.words.titles import FRAMES, called, capital
from locality.report import Chart, Series


def variants(*names: str) -> Callable[[Found], str]:
    """What some variants say against the exact row."""

    def verdict(found: Found) -> str:
        return _said(called(EXACT), [against(found, name) for name in names])

    return verdict


def tau_verdict(found: Found) -> str:
    """What other taus say against the one that was typed."""
    base = typed_tau(found)
    return _said(called(base), [against(found, name) for name in TAUS if name != base])


def typed_tau(found: Found) -> str:
    """The row that has the very tau of the exact row; that row itself, where its tau is none of these."""
    same = (name for name in TAUS if is_same(differences(found, name, "variants", EXACT)))
    return next(same, EXACT)


def tau_charts(title: str, found: Found) -> list[Chart]:
    """The median r2 of samples at each tau, with its interval, beside Wiener's, which has no tau."""
    key = "samples_by_tau"
    known = {name: ends for name in TAUS if (ends := interval_of(found, "variants/median_r2", name))}
    taus = [float(called(name).split()[-1]) for name in known]  # "tau .02"
    floor = interval_of(found, "variants/median_r2", FLOOR)
    rows = {EXACT: list(known.values()), **({FLOOR: [floor] * len(taus)} if floor else {})}
    series = {name: Series(*zip(*ends, strict=True)) for name, ends in rows.items() if ends}
    made = (
        Chart(title, "tau", up(key, series), taus, series, log_x=True, y_range=FRAMES[key]) if taus else None
    )
    return [made] if made else []


def float32_verdict(found: Found) -> str:
    """Masks of float32 factors against exact ones, with the exact and with the batch-averaged softmax."""
    exact = _said(called(EXACT), [against(found, "float32")])
    batches = _said(called("wssm_512"), [against(found, "float32_wssm_512", base="wssm_512")])
    return f"{exact}. {batches}"


def released_verdict(found: Found) -> str:
    """Whether ours are ahead of it, too."""
    told = [against(found, name, "released", RELEASED) for name in (*OWN, EXACT)]
    said = _said(f"the {called(RELEASED)}", told)
    places = re.search(r"stacked_mixtures\.places=(\S+)", found.get("run", {}).get("command", ""))
    return f"{said}. Our mixtures had `places={places[1]}`, which was typed" if places else said


def _said(base: str, told: Sequence[str]) -> str:
    """How rows stand to another, in two sentences."""
    text = "; ".join(told)
    return f"r2 to the network, set against that of {base}. {capital(text)}"
