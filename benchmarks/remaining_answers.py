"""What the pages of results say of how analytical denoisers still differ from networks."""

from __future__ import annotations

from statistics import median

from benchmarks.answers import EXACT, OWN, Found, is_middle, listed, steps
from benchmarks.entropy_answers import NOT_MEASURED
from benchmarks.small_tables import Table, levels_table
from benchmarks.titles import called, joined
from locality.compare.paper_row import PARTS

WAVES, PLACES = ("coarse", "middle", "fine"), ("edges", "plain")
SHOWN = (OWN[1], EXACT)  # rows of the table


def remaining_verdict(found: Found) -> str:
    """In which waves, and beside or off edges, our mixtures leave the network by more than a second one."""
    name = OWN[1]
    known = {part: _middle(found, part, name) for part in PARTS}
    if not all(known.values()):
        return NOT_MEASURED
    middles = {part: median(one.values()) for part, one in known.items()}
    said = [
        f"{called(name)}: in one step its squared distance to the network, over that of the second network, "
        f"is {joined([f'{middles[part]:.1f} {PARTS[part][0]}' for part in PARTS])} (medians over the middle "
        "noise levels)"
    ]
    said += _apart(found, name, *WAVES[::2])
    said += _apart(found, name, *PLACES)
    ours, theirs = _error(found, name, "_high"), _error(found, "network", "_low")
    better = [t for t in known["coarse"] if t in ours and t in theirs and ours[t] < theirs[t]]
    if better:
        said.append(
            f"At sigma {listed(better)} its error on unseen images is less than the network's own (intervals "
            "apart). There a part of the distance is the network's error"
        )
    return ". ".join(part[0].upper() + part[1:] for part in said)


def remaining_table(found: Found) -> Table:
    """Each part of the distance at the middle noise levels, of ours and of PCA locality."""
    rows = []
    for part, (words, _) in PARTS.items():
        columns, own = levels_table(found, f"paper/{part}_over_second", SHOWN, all_levels=False)
        rows += [[f"{row[0]}, {words}", *row[1:]] for row in own]
    return [f"squared distance / the second network's, {columns[0]}", *columns[1:]], rows


def _apart(found: Found, name: str, one: str, other: str) -> list[str]:
    """At which noise levels a part is surely more than another: intervals apart."""
    more, less = _surely_more(found, name, one, other), _surely_more(found, name, other, one)
    pairs = ((more, one, other), (less, other, one))
    return [
        f"It is more {PARTS[first][0]} than {PARTS[second][0]} at sigma {listed(times)} (intervals apart)"
        for times, first, second in pairs
        if times
    ]


def _middle(found: Found, part: str, name: str, end: str = "") -> dict[int, float]:
    there = steps(found, f"paper/{part}_over_second{end}/{name}/")
    return {t: value for t, value in there.items() if is_middle(t) and value is not None}


def _surely_more(found: Found, name: str, one: str, other: str) -> list[int]:
    highs = _middle(found, other, name, "_high")
    return [t for t, low in _middle(found, one, name, "_low").items() if t in highs and low > highs[t]]


def _error(found: Found, name: str, end: str) -> dict[int, float]:
    return steps(found, f"paper/heldout_ratio{end}/{name}/")
