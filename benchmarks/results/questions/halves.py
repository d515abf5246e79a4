"""What the pages of results say of halves, of labels and of precision."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.questions.fields import alone
from benchmarks.results.words.answers import Found, sigma_of, steps, where
from benchmarks.results.words.small_tables import Table, levels_table
from benchmarks.results.words.titles import called

WITH_CLASS = "error with the class / without, at sigma"


def halves_verdict(found: Found) -> str:
    """How much of the networks' agreement Gaussian statistics give, and how far apart the filters are."""
    low, mean = (steps(found, f"halves/explained{end}/") for end in ("_low", ""))
    most = [t for t in mean if low[t] > 0.5]
    told = [
        f"more than half of the agreement is in the Gaussian statistics {where(most, mean)}, by the whole "
        f"interval: explained is {_span(mean)}",
        "Explained: 0 is a filter that knows only the mean and one variance. 1 is the other half's network",
    ]
    filters, predicted = (steps(found, f"halves/mse/{name}/") for name in ("wiener", "predicted"))
    ratios = {t: filters[t] / predicted[t] for t in filters if t in predicted}
    if ratios:
        told.append(
            "The squared difference of the Wiener filters, over what random matrices say, is "
            f"{_span(ratios)}. Random matrices take images for independent"
        )
    return ". ".join(told)


def halves_or_seeds(found: Found) -> str:
    """Whether networks of no common image differ less than networks of all images and other first weights."""
    mean, low, high = (steps(found, f"halves/beside_seeds{end}/") for end in ("", "_low", "_high"))
    if not mean:
        return ""
    less, more = [t for t in high if high[t] < 1], [t for t in low if low[t] > 1]
    span = f"{min(mean.values()):.2f} to {max(mean.values()):.2f} times"
    beside = "than that of two that learned from all images and had other first weights"
    first = "The networks of the halves had the same first weights. Their squared difference is"
    if not more:
        return f"{first} surely less {where(less, mean)} {beside}: {span}."
    return f"{first} surely more {where(more, mean)} and surely less {where(less, mean)} {beside}: {span}."


def _span(values: Mapping[int, float]) -> str:
    """The least and the most, with their noise levels."""
    ends = [end(values, key=lambda t: values[t]) for end in (min, max)]
    return " to ".join(f"{values[t]:.2f} (sigma {sigma_of(t):.3g})" for t in ends)


def halves_table(found: Found) -> Table:
    """The recorded table, without the columns that repeat it in other units."""
    whole = found["tables"]["halves/agreement"]
    heads = {
        "sigma": "sigma",
        "networks MSE": "squared difference of the two networks",
        "Wiener MSE": "of the two Wiener filters",
        "Wiener MSE, predicted": "of these, predicted by random matrices",
        "explained": "share explained",
        "seeds MSE": "squared difference of two seeds on all images",
        "Wiener's distance / the network's": "squared distance of the other half's Wiener / of its network",
    }
    heads = {name: head for name, head in heads.items() if name in whole["columns"]}
    places = [whole["columns"].index(name) for name in heads]
    return list(heads.values()), [[alone(row[place]) for place in places] for row in whole["rows"]]


def labels_verdict(found: Found) -> str:
    """Where knowing the class lowers the error, by the whole interval, and where it costs."""
    parts = []
    for name in told_rows(found):
        mean, low, high = (steps(found, f"labels/ratio{end}/{name}/") for end in ("", "_low", "_high"))
        best = min(mean, key=lambda t: mean[t])
        helps, costs = [t for t in high if high[t] < 1], [t for t in low if low[t] > 1]
        told = f"less error with the class {where(helps, mean)}, more {where(costs, mean)}"
        parts.append(f"{called(name)}: {told}; at best {mean[best]:.3f} times (sigma {sigma_of(best):.3g})")
    rule = "we count a noise level only if the whole interval is on one side of 1"
    return ". ".join([rule, *(part[0].upper() + part[1:] for part in parts)])


def labels_table(found: Found) -> Table:
    """Told over untold at each noise level."""
    return levels_table(found, "labels/ratio", told_rows(found), head=WITH_CLASS)


def told_rows(found: Found) -> list[str]:
    """The rows that were told the class."""
    start = "labels/ratio/"
    names = (key.removeprefix(start) for key in found["scalars"] if key.startswith(start))
    return list(dict.fromkeys(name.split("/")[0] for name in names))


def precision_verdict(found: Found) -> str:
    """How far bfloat16 turns a field."""
    most, away = (steps(found, f"precision/{key}/") for key in ("most", "distance"))
    worst = max(most, key=lambda t: most[t])
    return (
        f"the cosine between a field in float32 and under bfloat16 is below 1 by {most[worst]:.2g} at most "
        f"(at sigma {sigma_of(worst):.3g}, of {found['size']} images), and the field moves by "
        f"{max(away.values()):.2g} of its norm at most"
    )


def precision_table(found: Found) -> Table:
    """Turns and distances at each noise level."""
    times = sorted(steps(found, "precision/turn/"), reverse=True)
    rows = []
    for label, key in (
        ("1 - cosine, mean over images", "turn"), ("1 - cosine, of the worst image", "most"),
        ("distance / norm, of the worst image", "distance"), ("1 - cosine of the mean fields", "mean"),
    ):  # fmt: skip
        known = steps(found, f"precision/{key}/")
        rows.append([label, *(known.get(t) for t in times)])
    return ["sigma", *(f"{sigma_of(t):.3g}" for t in times)], rows
