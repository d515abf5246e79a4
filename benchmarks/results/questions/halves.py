"""What the pages of results say of halves, of labels and of precision."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions.fields import alone
from benchmarks.results.words.answers import Found, sigma_of, steps, where
from benchmarks.results.words.small_tables import Table, levels_table
from benchmarks.results.words.titles import called, capital, joined

SHIPPED = {"halves": ("{}_half0", "{}_half1"), "seeds": ("{}", "{}_seed1")}  # networks of a data set
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


def with_steps(kept: Kept) -> Kept:
    """What is kept, halves with the steps of their networks and of the two seeds beside them.

    A comparison that names no networks has those that ship.
    """
    known, told = kept.get("networks", {}), {}
    for data, found in kept.get("halves", {}).items():
        named = "networks=" in found["run"]["command"]
        steps_of = {
            kind: [known.get(name.format(data), {}).get("run", {}).get("step") for name in names]
            for kind, names in SHIPPED.items()
        }
        all_known = not named and all(step for some in steps_of.values() for step in some)
        told[data] = {**found, "steps": steps_of} if all_known else found
    return {**kept, "halves": told} if told else dict(kept)


def halves_or_seeds(found: Found) -> str:
    """Whether networks of no common image differ less than networks of all images and other seeds."""
    mean, low, high = (steps(found, f"halves/beside_seeds{end}/") for end in ("", "_low", "_high"))
    if not mean:
        return ""
    ways = (("more", [t for t in low if low[t] > 1]), ("less", [t for t in high if high[t] < 1]))
    told = joined(f"{word} {where(levels, mean)}" for word, levels in ways if levels)
    trained = {kind: sorted(set(some)) for kind, some in found.get("steps", {}).items()}
    each = {kind: f" and {joined(f'{n:,}' for n in some)} steps each" for kind, some in trained.items()}
    unlike = len(set(map(tuple, trained.values()))) > 1
    return (
        f"The halves' networks had one seed{each.get('halves', '')}. Two networks of all images had two seeds"
        f"{each.get('seeds', '')}. A seed sets the first weights, the order of batches and the noise. The "
        f"squared difference of the halves' networks is {told or 'not told apart'}, by intervals over test "
        f"images alone: {min(mean.values()):.2f} to {max(mean.values()):.2f} times that of the two seeds. "
        "This is one pair of each. It does not tell what the images do from what "
        f"{'the seed and the number of steps do' if unlike else 'the seed does'}."
    )


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
    return ". ".join([rule, *(capital(part) for part in parts)])


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
