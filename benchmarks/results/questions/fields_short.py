"""The short answers of the pages on fields, on halves, on labels and on precision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from benchmarks.results.questions.field_claims import (
    ALIKE,
    BEST_ROUND,
    NETWORK,
    OWN_ROUND,
    SECOND,
    Fields,
)
from benchmarks.results.questions.fields import level_rows, pixels, states
from benchmarks.results.questions.halves import halves_or_seeds, told_rows
from benchmarks.results.words.answers import FLOOR, Found, sigma_of, steps, where
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import called, capital, joined, lowered, markdown, on
from locality.report import names

Known = Mapping[str, Found]  # by the title of the data set
CLASS = "A denoiser that is told the class has a tenth of the images"
LITTLE = 0.1  # less error: a gain below is little
SAME = 1e-3  # below 1, of a cosine up to which two fields are one
FIELD = "A field says how strongly an output pixel depends on each input pixel"
STATES = {  # of which inputs
    "forward": "inputs are noised test images here, and states of a run of 1,000 steps of DDIM in the paper",
    "reverse": "inputs are states of a run of DDIM, as in the paper",
}


def fields(known: Known) -> str:
    """Whether Wiener's fields have the shape of the network's and their size: yes, in part or no; a table."""
    words, said, tables = set(), [], []
    for title, found in known.items():
        one = Fields.of(found)
        if FLOOR not in one.cosines or one.network is None or one.wiener is None:
            continue
        least, size = min(one.cosines[FLOOR]), one.counted("less far", "further")
        alike = least >= ALIKE
        words.add("No" if not alike else "In part" if size or -1 in one.beside_round.values() else "Yes")
        shape = "has nearly" if alike else "does not have"
        told = f"reaches {size}, by {one.within()} at most" if size else "reaches as far, by the intervals"
        said.append(
            f"On {title} Wiener's field {shape} the shape of the network's (cosine {least:.3f} or more), "
            f"{'but' if alike and size else 'and'} {told}"
        )
        said += [signs] if (signs := one.with_signs()) else []
        tables.append(markdown(*_at_three_levels(found, title)))
    if not said:
        return ""
    lead = words.pop() if len(words) == 1 else "In part"
    meaning = [FIELD]
    if any("signed" in found for found in known.values()):
        meaning.append("The picture is of magnitudes. One with signs kept folds below")
    first, last = (" ".join(f"{one}." for one in some) for some in ([lead, *said], meaning))
    return "\n\n".join([first, *tables, last])


def _at_three_levels(found: Found, title: str) -> Table:
    """Cosines to the network's field and how far fields reach, at the most noise, the middle, the least."""
    heads = found["tables"]["sensitivity/cosine"]["columns"][1:]
    places = sorted({0, len(heads) // 2, len(heads) - 1})
    cosines = dict(level_rows(found, "sensitivity/cosine"))
    reach = dict(level_rows(found, "sensitivity/radius"))
    signed, alike = (
        dict(level_rows(found["signed"], f"sensitivity/{kind}")) if "signed" in found else {}
        for kind in ("radius", "cosine")
    )
    second = next((row for row in cosines if names.known(row) == SECOND), "")
    rows = [
        [label, *(told(values[row][k]) for k in places)]
        for label, values, row, told in (
            ("cosine to the network's: Wiener", cosines, FLOOR, "{:.3f}".format),
            ("Wiener, made round", cosines, OWN_ROUND, "{:.3f}".format),
            ("network, made round", cosines, BEST_ROUND, "{:.3f}".format),
            ("second network", cosines, second, "{:.3f}".format),
            ("half lies within, in pixels: Wiener", reach, FLOOR, pixels),
            ("network", reach, NETWORK, pixels),
            ("signs kept, in pixels: Wiener", signed, FLOOR, pixels),
            ("network", signed, NETWORK, pixels),
            ("signs kept, cosine to the network's: Wiener", alike, FLOOR, "{:.3f}".format),
            ("network, made round", alike, BEST_ROUND, "{:.3f}".format),
        )
        if row in values
    ]
    return [title, *(heads[k] for k in places)], rows


def fields_beside(known: Known) -> str:
    """Of which inputs fields are, how far they reach, and why a round field stands beside them."""
    said = _inputs(known)
    for title, found in known.items():
        one = Fields.of(found)
        if one.network is None or one.wiener is None:
            continue
        said.append(
            f"On {title} at sigma {one.sigma:g} half of the network's field lies within "
            f"{pixels(one.network[0])} pixels, half of Wiener's within {pixels(one.wiener[0])}"
        )
        said += ["Less far and further are told where the intervals are apart"] if any(one.ways) else []
        if one.signed is not None:
            said += [
                "A field is a mean of magnitudes over images. With signs kept it is the magnitude of the "
                "mean, in which edges that lie elsewhere in each image cancel"
            ]
        if one.round():
            said += [
                "A high cosine may mean no more than that both fields fall off with the distance. So round "
                "fields stand beside them. Wiener's field, made round, lacks its directions. The network's "
                "field, made round, is the nearest to the network's of those that depend on the distance "
                "alone. No filter knows it",
                one.round(),
            ]
        if one.signed is not None and (told := one.signed.round()):
            said.append(f"With signs kept, {lowered(told)}")
    said.append(
        "Numbers are means over a grid of output pixels. The picture shows the output pixel at the centre"
    )
    return " ".join(f"{one}." for one in said)


def _inputs(known: Known) -> list[str]:
    """Of which inputs the fields are."""
    told: dict[str, list[str]] = {}
    for title, found in known.items():
        told.setdefault(STATES[states(found)], []).append(title)
    said = [one if len(told) == 1 else f"{on(titles)} {one}" for one, titles in told.items()]
    return [capital(one) for one in said]


def halves(known: Known) -> str:
    """How much of the agreement is explained, least and most over the noise levels, and a table."""
    told, tables = [], []
    for title, found in known.items():
        shares, farther, seeds = (
            steps(found, f"halves/{kind}/") for kind in ("explained", "farther", "beside_seeds")
        )
        if shares:
            told.append(f"{_span([100 * one for one in shares.values()], '.0f')} % on {title}")
            rows = [
                [
                    f"{sigma_of(t):.3g}",
                    f"{100 * shares[t]:.0f} %",
                    f"{farther[t]:.1f}" if t in farther else "-",
                    *([f"{seeds[t]:.2f}"] if t in seeds else []),
                ]
                for t in sorted(shares, reverse=True)
            ]
            columns = [
                f"{title}, at sigma", "in Gaussian statistics",
                "squared distance of the other half's Wiener / of its network",
                *(["squared distance of the halves' networks / of two seeds'"] if seeds else []),
            ]  # fmt: skip
            tables.append("\n\n".join(filter(None, [halves_or_seeds(found), markdown(columns, rows)])))
    meaning = (
        "0 % is a plain filter, which knows only the mean and one variance. 100 % is the network of the "
        "other half"
    )
    return "\n\n".join([f"{'; '.join(told)}. {meaning}.", *tables]) if told else ""


def halves_beside(known: Known) -> str:
    """What the share is of, and how much it leaves."""
    left = []
    for title, found in known.items():
        if farther := steps(found, "halves/farther/"):
            left.append(f"{_span(farther.values(), '.1f')} times on {title}")
    said = [
        "The other half's Wiener filter goes this share of the way from the plain filter to the other half's "
        "network. The way is in squared distance to a network"
    ]
    far = "The plain filter is far away, so a share near 100 % leaves room: Wiener's distance is still"
    said += [f"{far} {'; '.join(left)} that of the other half's network"] if left else []
    return " ".join(f"{one}." for one in said)


def _span(values: Iterable[float], form: str) -> str:
    known = list(values)
    return joined(dict.fromkeys(f"{end(known):{form}}" for end in (min, max)), "to")


def labels(known: Known) -> str:
    """The largest sure gain, whether it costs at low noise, and where each row surely gains and loses."""
    said, rows, small = [], [], []
    for title, found in known.items():
        cells, ways = [], []
        for name in told_rows(found):
            mean, low, high = (steps(found, f"labels/ratio{end}/{name}/") for end in ("", "_low", "_high"))
            helps, costs = [t for t in high if high[t] < 1], [t for t in low if low[t] > 1]
            cells += [(mean[t], t, name) for t in helps]
            ways.append((helps, costs))
            gain = f"{100 * (1 - min(mean[t] for t in helps)):.0f} %" if helps else None
            rows.append([f"{called(name)}, {title}", gain, where(helps, mean), where(costs, mean)])
        if not ways:
            continue
        ratio, t, name = min(cells, default=(1.0, 0, ""))
        small.append(1 - ratio)
        gain = (
            f"the error is at most {100 * (1 - ratio):.0f} % less ({called(name)}, sigma {sigma_of(t):.3g})"
        )
        said += [f"On {title} {gain}"] if cells else []
        if any(costs for _, costs in ways):
            low_noise = all(max(costs, default=-1) < min(helps, default=math.inf) for helps, costs in ways)
            said.append(
                f"At {'low noise' if low_noise else 'some noise levels'} the error is more with the class"
            )
    if not rows:
        return ""
    worth = "nothing that is sure" if not any(small) else "little" if max(small) < LITTLE else "much"
    columns = ("", "at most so much less error", "surely less error", "surely more error")
    told = " ".join(f"{one}." for one in [CLASS, f"Being told is worth {worth}", *said])
    return f"{told}\n\n{markdown(columns, rows)}"


def precision(known: Known) -> str:
    """Yes or no, by how far the field of any image turns."""
    worst = {title: max(steps(found, "precision/most/").values()) for title, found in known.items()}
    if not worst:
        return ""
    said = [f"{1 - most:.{_digits(most)}f} on {title}" for title, most in worst.items()]
    lead = "Yes" if max(worst.values()) > SAME else "No"
    return (
        f"{lead}. The worst image's two fields, in float32 and under bfloat16, have a cosine of "
        f"{'; '.join(said)}. We call fields the same from {1 - SAME:g} up."
    )


def _digits(less: float) -> int:
    """So many that a cosine is told from 1 by two of them."""
    return max(3, 1 - math.floor(math.log10(less))) if less > 0 else 3
