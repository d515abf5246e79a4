"""The short answers of the pages on fields, on halves, on labels and on precision."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.questions.field_claims import ALIKE, Fields
from benchmarks.results.questions.fields import pixels, states
from benchmarks.results.questions.halves import told_rows
from benchmarks.results.words.answers import FLOOR, Found, sigma_of, steps, where
from benchmarks.results.words.titles import called, on

Known = Mapping[str, Found]  # by the title of the data set
SAME = 1e-3  # below 1, of a cosine up to which two fields are one
FIELD = "A field says how strongly an output pixel depends on each input pixel"
STATES = {  # of which inputs
    "forward": "inputs are noised test images here, and states of a run of 1,000 steps of DDIM in the paper",
    "reverse": "inputs are states of a run of DDIM, as in the paper",
}


def fields(known: Known) -> str:
    """Whether Wiener's fields have the shape of the network's and their size: yes, in part or no."""
    words, said = set(), []
    for title, found in known.items():
        one = Fields.of(found)
        if FLOOR not in one.cosines or one.network is None or one.wiener is None:
            continue
        least, size = min(one.cosines[FLOOR]), one.counted("smaller", "larger")
        alike = least >= ALIKE
        words.add("No" if not alike else "In part" if size or -1 in one.beside_round.values() else "Yes")
        shape = "has nearly" if alike else "does not have"
        second = f"; a second network's {min(one.second):.3f} or more" if one.second else ""
        told = f"is {size} (intervals apart)" if size else "is as large, by the intervals"
        said += [
            f"On {title} Wiener's field {shape} the shape of the network's (cosine {least:.3f} or "
            f"more{second}), {'but' if alike and size else 'and'} {told}",
            f"At sigma {one.sigma:g} half of the network's field lies within {pixels(one.network[0])} "
            f"pixels, half of Wiener's within {pixels(one.wiener[0])}",
        ]
        if told := one.round():
            said += [
                "A high cosine may mean no more than that both fall off with the distance. So a round field "
                "stands beside them, the nearest to the network's that depends on the distance alone",
                f"Wiener's is surely {told} than that",
            ]
    lead = words.pop() if len(words) == 1 else "In part"
    return " ".join(f"{one}." for one in [lead, FIELD, *_inputs(known), *said]) if said else ""


def _inputs(known: Known) -> list[str]:
    """Of which inputs the fields are."""
    told: dict[str, list[str]] = {}
    for title, found in known.items():
        told.setdefault(STATES[states(found)], []).append(title)
    said = [one if len(told) == 1 else f"{on(titles)} {one}" for one, titles in told.items()]
    return [f"{one[0].upper()}{one[1:]}" for one in said]


def halves(known: Known) -> str:
    """How much of the agreement is explained, least and most over the noise levels, and how much is left."""
    told, left = [], []
    for title, found in known.items():
        shares, farther = (steps(found, f"halves/{kind}/").values() for kind in ("explained", "farther"))
        told += [f"{min(shares):.2f} to {max(shares):.2f} of the way on {title}"] if shares else []
        left += [f"{min(farther):.1f} to {max(farther):.1f} times on {title}"] if farther else []
    meaning = (
        "The way leads from a plain filter, which knows only the mean and one variance, to the other half's "
        "network. The other half's Wiener filter goes so much of it, in squared distance to a network"
    )
    far = "The plain filter is far away, so a share near 1 leaves room: Wiener's is still"
    rest = f" {far} {'; '.join(left)} as far as the other half's network." if left else ""
    return f"{'; '.join(told)}. {meaning}.{rest}" if told else ""


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
