"""What the page of our own denoisers says: how they stand to PCA locality, to Wiener and to networks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmarks.answers import (
    EXACT,
    FLOOR,
    OWN,
    WSSM,
    Found,
    interval_of,
    is_middle,
    levels,
    listed,
    seeds_if_few,
    sigma_of,
    signed,
    steps,
)
from benchmarks.titles import called, markdown

HALF, DEAR, NEAR = 50.0, 2.0, 1.05  # aims: per cent of the gap, times PCA locality's seconds, times an error
PAPERS, BY_ENTROPY = (EXACT, WSSM), "pca_locality_entropy"  # the paper's forms, and ours of its denoiser
FORMS = (*PAPERS, BY_ENTROPY)
AIMS = ("half of the gap", "at most twice the time of PCA locality", "an error within 5 % of the network's")
COLUMNS = (
    "", "median r2 over PCA locality's", "over Wiener's", "gap closed, median and mean",
    "time / PCA locality's", "held-out error / PCA locality's", "/ the network's own",
)  # fmt: skip


def own_verdict(found: Found) -> str:
    """Whether ours are ahead, how much of the gap they close, and their error on held-out images."""
    parts = (_ahead(found), _banks(found), _closed(found), _held(found), _aims(found))
    return ". ".join(part[0].upper() + part[1:] for part in parts if part)


def own_table(found: Found) -> tuple[Sequence[str], list[list[Any]]]:
    """A row for each of ours, with what the sentences are made of."""
    rows = []
    for name in OWN:
        gaps = [_gap(found, name, kind) for kind in ("median_r2", "r2")]
        closed = " and ".join(f"{gap:.0f} %" for gap in gaps if gap is not None)
        errors = [_range(_errors(found, name, rival)) for rival in (EXACT, "network")]
        rows.append(
            [
                called(name),
                *(_over(found, name, base) for base in (EXACT, FLOOR)),
                closed,
                _time(found, name),
                *errors,
            ]
        )
    return COLUMNS, rows


def _ahead(found: Found) -> str:
    """Which of ours are nearer to the network's samples than what, by the intervals of mean and median."""
    words = {name: {base: _word(found, name, base) for base in (EXACT, FLOOR)} for name in OWN}
    said = []
    for word in ("nearer to", "farther from", "not clearly nearer to or farther from"):
        sets: dict[tuple[str, ...], list[str]] = {}
        for name, one in words.items():
            bases = tuple(base for base, its in one.items() if its == word)
            if bases:
                sets.setdefault(bases, []).append(name)
        for bases, names in sets.items():
            verb = "are" if len(names) > 1 else "is"
            rivals = " and than ".join(map(called, bases))
            said.append(
                f"{' and '.join(map(called, names))} {verb} {word} the network's samples than {rivals}"
            )
    return (
        ". ".join(part[0].upper() + part[1:] for part in said)
        or "Ours are not set beside PCA locality or Wiener"
    )


def _word(found: Found, name: str, base: str) -> str | None:
    both = [interval_of(found, f"paper/{kind}r2_over_{base}", name) for kind in ("", "median_")]
    known = [one for one in both if one is not None]
    if not known:
        return None
    if all(low > 0 for _, low, _ in known):
        return "nearer to"
    return (
        "farther from" if all(high < 0 for _, _, high in known) else "not clearly nearer to or farther from"
    )


def more_images(found: Found) -> tuple[float, float] | None:
    """The training images of ours and of PCA locality, where each of ours had more."""
    own, exact = [_number(found, "bank", name) for name in OWN], _number(found, "bank", EXACT)
    known = [count for count in own if count is not None]
    return None if exact is None or not known or min(known) <= exact else (min(known), exact)


def _banks(found: Found) -> str:
    both = more_images(found)
    told = "Ours had {:,.0f} training images here, and PCA locality {:,.0f}"
    return told.format(*both) if both else ""


def _closed(found: Found) -> str:
    """How much of what lies between PCA locality's best form and the second network they close."""
    gaps = {name: gap for name in OWN if (gap := _gap(found, name, "median_r2")) is not None}
    if not gaps:
        return ""
    told = " and ".join(f"{gap:.0f} %" for gap in gaps.values())
    others = {name: _gap(found, name, "median_r2", PAPERS) for name in gaps}
    more = " and ".join(f"{gap:.0f} %" for gap in others.values() if gap is not None)
    tail = f"; from the paper's own forms, {more}" if others != gaps else ""
    means = {name: gap for name in gaps if (gap := _gap(found, name, "r2")) is not None}
    if any((gaps[name] >= HALF) != (gap >= HALF) for name, gap in means.items()):
        tail += f"; of the gap in mean r2, {' and '.join(f'{gap:.0f} %' for gap in means.values())}"
    return (
        f"Of the gap in median r2 between PCA locality's best form ({_best_form(found)}) and a second "
        f"network, {_whose(gaps)} {'close' if len(gaps) > 1 else 'closes'} {told}{tail}"
    )


def _best_form(found: Found) -> str:
    """Its name, and its seeds where it had fewer than another row."""
    known = {form: r2 for form in FORMS if (r2 := _number(found, "median_r2", form)) is not None}
    best = max(known, key=lambda form: known[form])
    count = seeds_if_few(found, best)
    return called(best) + (f", {count} seeds" if count else "")


def _held(found: Found) -> str:
    """Their errors on held-out images beside PCA locality's and the network's own, at middle noise levels."""
    parts, times, names = [], set(), set()
    for rival, whose in ((EXACT, "PCA locality's"), ("network", "the network's own")):
        errors = {name: one for name in OWN if (one := _errors(found, name, rival))}
        if errors:
            times |= {t for one in errors.values() for t in one}
            names |= errors.keys()
            parts.append(f"{' and '.join(str(_range(one)) for one in errors.values())} times {whose}")
    if not parts:
        return ""
    said = (
        f"{'Their' if len(names) > 1 else 'Its'} error on held-out images (sigma {_sigmas(times)}) is "
        f"{', and '.join(parts)}"
    )
    for name in OWN:
        worse = levels(found, f"paper/heldout_over_{EXACT}_low/{name}/", lambda low: low > 1)
        said += f"; {called(name)} has more than PCA locality at sigma {listed(worse)}" if worse else ""
    return said


def _aims(found: Found) -> str:
    """Which of the aims of this project each of ours meets."""
    sets: dict[str, list[str]] = {}
    for name, met in _met(found).items():
        missed = [aim for aim, good in zip(AIMS, met, strict=True) if not good]
        sets.setdefault(f"miss {' and '.join(missed)}" if missed else "meet all three aims", []).append(name)
    said = [f"{_both(names)} {what if len(names) > 1 else _singular(what)}" for what, names in sets.items()]
    return "; ".join(said)


def _met(found: Found) -> dict[str, tuple[bool, bool, bool]]:
    """Which of the three aims each of ours meets, where all three were measured."""
    known = {}
    for name in OWN:
        gap, times = _gap(found, name, "median_r2"), _time(found, name)
        errors = _errors(found, name, "network")
        if gap is not None and times is not None and errors:
            known[name] = (gap >= HALF, times <= DEAR, max(errors.values()) <= NEAR)
    return known


def own_together(known: Mapping[str, Found]) -> str:
    """The three aims, and on which data which of ours meet each."""
    met = {title: one for title, found in known.items() if (one := _met(found))}
    if not met:
        return ""
    rows = []
    for place, aim in enumerate(AIMS):
        good = [[name for name in one if one[name][place]] for one in met.values()]
        cells = ["no" if not names else f"yes{_alone(names)}" for names in good]
        rows.append([aim, *cells])
    lead = (
        "Do ours meet three aims? The gap is that in median r2, from PCA locality's best form to a "
        "second network. The best form is the one with the highest: exact, by batch averages, or by entropy."
    )
    return f"{lead}\n\n{markdown(('', *met), rows)}"


def _alone(names: Sequence[str]) -> str:
    return "" if len(names) > 1 else f", {called(names[0])} alone"


def _both(names: Sequence[str]) -> str:
    return "both" if len(names) > 1 else called(names[0])


def _singular(verb: str) -> str:
    first, rest = verb.split(" ", 1)
    return f"{first}{'es' if first.endswith('s') else 's'} {rest}"


def _whose(names: Collection[str]) -> str:
    return "they" if len(names) > 1 else called(next(iter(names)))


def _gap(
    found: Found, name: str, kind: str, forms: Sequence[str] = FORMS
) -> float | None:  # per cent, from the best of some forms of PCA locality
    exact, ceiling, own = (_number(found, kind, row) for row in (EXACT, "nn2", name))
    if exact is None or ceiling is None or own is None:
        return None
    base = max(known for form in forms if (known := _number(found, kind, form)) is not None)
    return 100 * (own - base) / (ceiling - base) if ceiling > base else None


def _time(found: Found, name: str) -> float | None:
    own, exact = (_number(found, "seconds", row) for row in (name, EXACT))
    return None if own is None or not exact else own / exact


def _errors(found: Found, name: str, rival: str) -> dict[int, float]:  # time-step -> times the rival's
    if rival == EXACT:
        ratios = steps(found, f"paper/heldout_over_{EXACT}/{name}/")
    else:
        ours, theirs = (steps(found, f"paper/heldout_ratio/{row}/") for row in (name, rival))
        ratios = {t: ours[t] / theirs[t] for t in ours if t in theirs}
    return {t: ratio for t, ratio in ratios.items() if is_middle(t)}


def _range(ratios: dict[int, float]) -> str | None:
    return f"{min(ratios.values()):.2f} to {max(ratios.values()):.2f}" if ratios else None


def _sigmas(times: Collection[int]) -> str:
    return " to ".join(f"{sigma_of(t):.3g}" for t in sorted({min(times), max(times)}))


def _over(found: Found, name: str, base: str) -> str | None:
    known = interval_of(found, f"paper/median_r2_over_{base}", name)
    return None if known is None else signed(known)


def _number(found: Found, kind: str, name: str) -> float | None:
    """Of a row of the paper's table, where it was measured."""
    value = found["scalars"].get(f"paper/{kind}/{name}")
    return None if value is None else float(value)
