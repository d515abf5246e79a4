"""The short answers of the pages on fields, on halves, on labels and on precision."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.answers import FLOOR, Found, sigma_of, steps, where
from benchmarks.field_answers import level_rows, reaches, told_rows
from benchmarks.titles import called

Known = Mapping[str, Found]  # by the title of the data set
SECOND = "NN2"  # in tables of fields
ALIKE = 0.9  # a cosine from which on fields point the same way
SAME = 1e-3  # below 1, of a cosine up to which two fields are one
AS_FAR = "as far, by the intervals"
FIELD = "A field says how much an output pixel depends on each input pixel"


def fields(known: Known) -> str:
    """Whether the network's fields point as Wiener's do and reach as far: yes, in part or no."""
    words, said = set(), []
    for title, found in known.items():
        least = {name: min(values) for name, values in level_rows(found, "sensitivity/cosine")}
        sigma, reach = reaches(found)
        if FLOOR not in least or FLOOR not in reach:
            continue
        way, alike = _further(reach), least[FLOOR] >= ALIKE
        words.add("Yes" if alike and way == AS_FAR else "In part" if alike else "No")
        second = f"; a second network's: {least[SECOND]:.3f}" if SECOND in least else ""
        said += [
            f"On {title} Wiener's fields {'point' if alike else 'do not point'} the same way as the "
            f"network's at every noise level (cosine at least {least[FLOOR]:.3f}{second})",
            f"At middle noise the network's fields reach {way} (at sigma {sigma:g} half of a field lies "
            f"within {reach['network'][0]:.1f} pixels, of Wiener's within {reach[FLOOR][0]:.1f})",
        ]
    lead = words.pop() if len(words) == 1 else "In part"
    return " ".join(f"{one}." for one in [lead, FIELD, *said]) if said else ""


def _further(reach: Mapping[str, tuple[float, float, float]]) -> str:
    """How far the network's field reaches beside Wiener's."""
    (_, low, high), (_, floor_low, floor_high) = reach["network"], reach[FLOOR]
    return "further" if low > floor_high else "less far" if high < floor_low else AS_FAR


def halves(known: Known) -> str:
    """How much of the agreement is explained, least and most over the noise levels."""
    told = []
    for title, found in known.items():
        shares = steps(found, "halves/explained/").values()
        told += [f"{min(shares):.2f} to {max(shares):.2f} of it on {title}"] if shares else []
    meaning = (
        "counted from a filter that knows only the mean and one variance. At 0 the other half's Wiener "
        "filter is as far from a network as that filter. At 1 it is as near as the other half's network"
    )
    return f"{'; '.join(told)}, {meaning}." if told else ""


def labels(known: Known) -> str:
    """The largest sure gain, and where each row surely gains and loses."""
    said = []
    for title, found in known.items():
        cells, rows = [], []
        for name in told_rows(found):
            mean, low, high = (steps(found, f"labels/ratio{end}/{name}/") for end in ("", "_low", "_high"))
            helps, costs = [t for t in high if high[t] < 1], [t for t in low if low[t] > 1]
            cells += [(mean[t], t, name) for t in helps]
            rows.append(f"{called(name)} has less error {where(helps, mean)}, more {where(costs, mean)}")
        if not rows:
            continue
        ratio, t, name = min(cells, default=(1.0, 0, ""))
        gain = f"at most {100 * (1 - ratio):.0f} % less error ({called(name)}, sigma {sigma_of(t):.3g})"
        said += [f"On {title} {gain if cells else 'no sure gain'}", *rows]
    return " ".join(f"{one[0].upper()}{one[1:]}." for one in said)


def precision(known: Known) -> str:
    """Yes or no, by how far the field of any image turns."""
    worst = {title: max(steps(found, "precision/most/").values()) for title, found in known.items()}
    if not worst:
        return ""
    said = [f"{most:.2g} on {title}" for title, most in worst.items()]
    lead = "Yes" if max(worst.values()) > SAME else "No"
    return (
        f"{lead}. Of the worst image the cosine between both fields is below 1 by {'; '.join(said)}. "
        f"We call fields the same up to {SAME:g}."
    )
