"""What the pages of results say of fields, of the pattern and of halves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import log, sqrt
from typing import Any

from benchmarks.answers import FLOOR, MIDDLE, Found, sigma_of, steps, where
from benchmarks.small_tables import Table, levels_table
from benchmarks.titles import called


def fields_verdict(found: Found) -> str:
    """How alike the fields are, least and most over the noise levels, and how far they reach."""
    rows = dict(level_rows(found, "sensitivity/cosine"))
    sigmas = found["tables"]["sensitivity/cosine"]["columns"][1:]
    parts = []
    for name, values in rows.items():
        (least, first), (most, last) = (end(zip(values, sigmas, strict=True)) for end in (min, max))
        parts.append(f"{called(name)} {least:.3f} ({first}) to {most:.3f} ({last})")
    reach = []
    for name, values in level_rows(found, "sensitivity/radius"):
        if name not in rows or name == FLOOR:
            reach.append(f"{called(name)} {values[0]:.1f} to {values[-1]:.1f}")
    told = [
        f"the cosine between a field and the network's, over the noise levels: {'; '.join(parts)}",
        _reach(found),
        f"From {sigmas[0]} to {sigmas[-1]}: {'; '.join(reach)}",
        *_parts_of_banks(found),
    ]
    return ". ".join(told)


def reaches(found: Found) -> tuple[float, dict[str, tuple[float, float, float]]]:
    """A middle noise level, and for each row the pixels within which half of its field lies there."""
    table = found["tables"]["sensitivity/radius"]
    levels = [float(head.split()[-1]) for head in table["columns"][1:]]
    k = min(range(len(levels)), key=lambda k: abs(log(levels[k] / sqrt(MIDDLE[0] * MIDDLE[1]))))
    return levels[k], {row[0]: _ends(row[1 + k]) for row in table["rows"]}


def _reach(found: Found) -> str:
    """Within how many pixels half of each field lies at a middle noise level, and who reaches as far."""
    sigma, known = reaches(found)
    (_, first), *others = known.items()
    told = [f"the network's {first[0]:.1f}"]
    for name, (radius, low, high) in others:
        word = "less far" if high < first[1] else "further" if low > first[2] else "as far, by the intervals"
        told.append(f"{called(name)} {radius:.1f} ({word})")
    return f"Half of a field lies within so many pixels, at sigma {sigma:g}: {'; '.join(told)}"


def _parts_of_banks(found: Found) -> list[str]:
    """Which rows read a part of the training images, as the command says."""
    counts = re.findall(r"bank_counts\.(\w+)=(\d+)", found.get("run", {}).get("command", ""))
    told = [f"{called(name)} read {int(count):,}" for name, count in counts]
    return [f"Of the training images {', '.join(told)}"] if told else []


def fields_table(found: Found) -> Table:
    """Cosines and half-mass radii at each noise level."""
    columns = found["tables"]["sensitivity/cosine"]["columns"]
    rows: list[list[Any]] = []
    for kind, title in (("cosine", "cosine to the network's"), ("radius", "half-mass radius, pixels")):
        for name, values in level_rows(found, f"sensitivity/{kind}"):
            rows.append([f"{called(name)}: {title}", *values])
    return ["", *columns[1:]], rows


def level_rows(found: Found, table: str) -> Iterator[tuple[str, list[float]]]:
    """Each row's name and numbers, without their intervals."""
    for row in found["tables"][table]["rows"]:
        yield row[0], [float(_alone(cell)) for cell in row[1:]]


def level_ends(found: Found, table: str) -> dict[str, list[tuple[float, float, float]]]:
    """Each row's numbers with the ends of their intervals."""
    return {row[0]: [_ends(cell) for cell in row[1:]] for row in found["tables"][table]["rows"]}


def pattern_verdict(found: Found) -> str:
    """What the comparison itself says of each strength, and how large the rises are."""
    lines = []
    for gamma, seeds, verdict in found["tables"]["pattern/verdict"]["rows"]:
        start = f"gamma {float(gamma):g}, {seeds} {'seed' if int(seeds) == 1 else 'seeds'}"
        told = [
            f"{start}: {part}" if k == 0 else _sentence(part) for k, part in enumerate(verdict.split("; "))
        ]
        told += _contrasts(found, float(gamma)) + _barely(found, float(gamma))
        lines.append("* " + ". ".join(part[0].upper() + part[1:] for part in told))
    return "by gamma, the strength of the letter:\n\n" + ".\n".join(lines)


def _sentence(part: str) -> str:
    """A part of the recorded verdict, with its subject."""
    for start, subject in (
        ("at ", "the claim holds "),
        ("not above", "networks are "),
        ("above", "networks are "),
    ):
        if part.startswith(start):
            return subject + part
    return part


def _contrasts(found: Found, gamma: float) -> list[str]:
    """The least and the most contrast over the control's, of the networks and of Wiener."""
    columns, rows = pattern_table(found)
    parts = []
    for name, whose in (("network / control", "networks"), ("Wiener / control", "Wiener")):
        place = columns.index(name)
        values = [float(row[place]) for row in rows if float(row[0]) == gamma]
        parts += [f"{whose} {min(values):.2f} to {max(values):.2f}"] if values else []
    return [f"contrast over the control's: {', '.join(parts)}"] if parts else []


def _barely(found: Found, gamma: float) -> list[str]:
    """The largest rise that does not count beside the smallest that does, where their intervals overlap."""
    whole = found["tables"]["pattern/contrast"]
    place, above = (whole["columns"].index(name) for name in ("network / control", "above control"))
    cells = [(str(row[place]), row[above]) for row in whole["rows"] if float(row[0]) == gamma]
    no, yes = ([cell for cell, word in cells if word == said] for said in ("no", "yes"))
    if not no or not yes:
        return []
    most, least = (end(some, key=lambda cell: _ends(cell)[0]) for end, some in ((max, no), (min, yes)))
    if _ends(most)[2] < _ends(least)[1]:
        return []
    return [
        f"{most} counts as not above, {least} as above: their intervals overlap, so the count is partly a "
        "matter of how wide intervals are"
    ]


def pattern_table(found: Found) -> Table:
    """The contrast of the networks over the control's, and of Wiener's, at each noise level."""
    whole = found["tables"]["pattern/contrast"]
    kept = ("gamma", "sigma", "SNR_W less the control's", "network", "network / control", "Wiener / control")
    places = [whole["columns"].index(name) for name in kept]
    rows = [[_alone(row[place]) for place in places] for row in whole["rows"] if float(row[0])]
    return kept, rows


def halves_verdict(found: Found) -> str:
    """How much of the networks' agreement Gaussian statistics give, and how far apart the filters are."""
    low, mean = (steps(found, f"halves/explained{end}/") for end in ("_low", ""))
    most = [t for t in mean if low[t] > 0.5]
    told = [
        f"more than half of the agreement is in the Gaussian statistics {where(most, mean)}, by the whole "
        f"interval: explained is {_span(found, mean)}",
        "Explained: 0 is a filter that knows only the mean and one variance. 1 is the other half's network",
    ]
    filters, predicted = (steps(found, f"halves/mse/{name}/") for name in ("wiener", "predicted"))
    ratios = {t: filters[t] / predicted[t] for t in filters if t in predicted}
    if ratios:
        told.append(
            "The squared difference of the Wiener filters, over what random matrices say, is "
            f"{_span(found, ratios)}. Random matrices take images for independent"
        )
    return ". ".join(told)


def _span(found: Found, values: Mapping[int, float]) -> str:
    """The least and the most, with their noise levels as the table has them."""
    asked = [float(row[0]) for row in found["tables"].get("halves/agreement", {}).get("rows", [])]
    ends = []
    for end in (min, max):
        t = end(values, key=lambda t: values[t])
        level = min(asked, key=lambda sigma: abs(log(sigma / sigma_of(t))), default=sigma_of(t))
        ends.append(f"{values[t]:.2f} (sigma {level:.3g})")
    return " to ".join(ends)


def halves_table(found: Found) -> Table:
    """The recorded table, without the columns that repeat it in other units."""
    whole = found["tables"]["halves/agreement"]
    kept = ("sigma", "networks MSE", "Wiener MSE", "Wiener MSE, predicted", "explained")
    places = [whole["columns"].index(name) for name in kept]
    return kept, [[_alone(row[place]) for place in places] for row in whole["rows"]]


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
    return levels_table(found, "labels/ratio", told_rows(found))


def told_rows(found: Found) -> list[str]:
    """The rows that were told the class."""
    start = "labels/ratio/"
    names = (key.removeprefix(start) for key in found["scalars"] if key.startswith(start))
    return list(dict.fromkeys(name.split("/")[0] for name in names))


def _alone(cell: Any) -> Any:
    """A number without its interval, which docs/results.json has."""
    return cell.split(" [")[0] if isinstance(cell, str) else cell


def _ends(cell: Any) -> tuple[float, float, float]:
    """A number and the ends of its interval; the number itself, where a cell has none."""
    numbers = [float(one) for one in re.findall(r"[^\s\[\],]+", str(cell))]
    return numbers[0], numbers[1 % len(numbers)], numbers[-1]


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
