"""What the pages of results say of fields and of the pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import log, sqrt
from typing import Any

from benchmarks.results.questions.letter_levels import Ends, ends_of, levels_of, recounted
from benchmarks.results.words.answers import FLOOR, MIDDLE, Found, apart
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import called, capital

REACHES = {-1: "less far", 0: "as far, by the intervals", 1: "further"}  # than another field, by `apart`


def fields_verdict(found: Found) -> str:
    """How alike the fields are, least and most over the noise levels, and how far they reach."""
    rows = dict(level_rows(found, "sensitivity/cosine"))
    sigmas = found["tables"]["sensitivity/cosine"]["columns"][1:]
    parts = []
    for name, values in rows.items():
        (least, first), (most, last) = (end(zip(values, sigmas, strict=True)) for end in (min, max))
        parts.append(f"{called(name)} {_cosine(least)} ({first}) to {_cosine(most)} ({last})")
    reach = []
    for name, values in level_rows(found, "sensitivity/radius"):
        if name not in rows or name == FLOOR:
            reach.append(f"{called(name)} {pixels(values[0])} to {pixels(values[-1])}")
    told = [
        f"the cosine between a field and the network's, over the noise levels: {'; '.join(parts)}",
        _reach(found),
        f"From {sigmas[0]} to {sigmas[-1]} the radius goes so: {'; '.join(reach)}",
        *_parts_of_banks(found),
    ]
    return ". ".join(told)


def reaches(found: Found) -> tuple[float, dict[str, Ends]]:
    """A middle noise level, and for each row the pixels within which half of its field lies there."""
    known = radii(found)
    sigma = min(known, key=lambda level: abs(log(level / sqrt(MIDDLE[0] * MIDDLE[1]))))
    return sigma, known[sigma]


def radii(found: Found) -> dict[float, dict[str, Ends]]:
    """For each noise level and row the pixels within which half of its field lies, with the interval."""
    return level_ends(found, "sensitivity/radius")


def states(found: Found) -> str:
    """Of which inputs the fields are: `forward`, noised images, or `reverse`, as the command says."""
    named = re.search(r"compare\.states=(\w+)", found.get("run", {}).get("command", ""))
    return named[1] if named else "forward"


def level_ends(found: Found, table: str) -> dict[float, dict[str, Ends]]:
    """For each noise level and row the number, with its interval."""
    whole = found["tables"][table]
    levels = [float(head.split()[-1]) for head in whole["columns"][1:]]
    return {level: {row[0]: ends_of(row[1 + k]) for row in whole["rows"]} for k, level in enumerate(levels)}


def beside(field: Ends, other: Ends) -> str:
    """How far a field reaches beside another, by their intervals."""
    return REACHES[apart(field, other)]


def pixels(radius: float) -> str:
    """A radius, as all pages write it; no digit more than was kept."""
    return f"{radius:.2f}" if radius < 10 else f"{radius:.1f}"


def _cosine(value: float) -> str:
    return f"{value:.3f}"


def _reach(found: Found) -> str:
    """Within how many pixels half of each field lies at a middle noise level, and who reaches as far."""
    sigma, known = reaches(found)
    (_, first), *others = known.items()
    told = [f"the network's {pixels(first[0])}"]
    told += [f"{called(name)} {pixels(one[0])} ({beside(one, first)})" for name, one in others]
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
    for kind, title, told in (
        ("cosine", "cosine to the network's", _cosine),
        ("radius", "half-mass radius, pixels", pixels),
    ):
        for name, values in level_rows(found, f"sensitivity/{kind}"):
            rows.append([f"{called(name)}: {title}", *map(told, values)])
    return ["", *columns[1:]], rows


def signed_table(found: Found) -> Table:
    """The same with signs kept, where that was measured."""
    if "signed" not in found:
        return (), []
    columns, rows = fields_table(found["signed"])
    return ["signs kept", *columns[1:]], rows


def level_rows(found: Found, table: str) -> Iterator[tuple[str, list[float]]]:
    """Each row's name and numbers, without their intervals."""
    for row in found["tables"][table]["rows"]:
        yield row[0], [float(alone(cell)) for cell in row[1:]]


def pattern_verdict(found: Found) -> str:
    """What the comparison itself says of each strength, and how large the rises are."""
    lines = []
    for gamma, seeds, verdict in recounted(found["tables"])["rows"]:
        start = f"gamma {float(gamma):g}, {seeds} {'seed' if int(seeds) == 1 else 'seeds'}"
        told = [
            f"{start}: {_sentence(part)}" if k == 0 else _sentence(part)
            for k, part in enumerate(verdict.split("; "))
        ]
        told += _contrasts(found, float(gamma)) + _barely(found, float(gamma))
        lines.append("* " + ". ".join(capital(part) for part in told))
    start = (
        "by gamma, the strength of the letter. These are the counts of the comparison itself: a noise level "
        "counts here though it is left out above"
    )
    return f"{start}:\n\n" + ".\n".join(lines)


def _sentence(part: str) -> str:
    """A part of the recorded verdict, with its subject."""
    return f"networks are {part}" if part.startswith(("above", "not above")) else part


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
    place = whole["columns"].index("network / control")
    cells = [
        (str(row[place]), level.sure)
        for row, level in zip(whole["rows"], levels_of(found), strict=True)
        if level.gamma == gamma
    ]
    no, yes = ([cell for cell, sure in cells if sure is said] for said in (False, True))
    if not no or not yes:
        return []
    most, least = (end(some, key=lambda cell: ends_of(cell)[0]) for end, some in ((max, no), (min, yes)))
    if ends_of(most)[2] < ends_of(least)[1]:
        return []
    return [
        f"the largest rise that is not sure is {most}, the smallest sure one {least}. Their intervals "
        "overlap. So the count is partly a matter of how wide intervals are"
    ]


def pattern_table(found: Found) -> Table:
    """The contrast of the networks over the control's, and of Wiener's, at each noise level."""
    whole = found["tables"]["pattern/contrast"]
    kept = ("gamma", "sigma", "SNR_W less the control's", "network", "network / control", "Wiener / control")
    places = [whole["columns"].index(name) for name in kept]
    rows = [[alone(row[place]) for place in places] for row in whole["rows"] if float(row[0])]
    return kept, rows


def alone(cell: Any) -> Any:
    """A number without its interval, which docs/results.json has."""
    return cell.split(" [")[0] if isinstance(cell, str) else cell
