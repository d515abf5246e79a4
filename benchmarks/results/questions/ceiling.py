"""What the page of the ceiling says: how far the best analytical row is below a second network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.results.words.answers import (
    Found,
    apart,
    interval_of,
    listed,
    over_images,
    side,
    stands_to,
    step_kind,
    steps,
)
from benchmarks.results.words.titles import called, capital, joined, markdown, on

SMALL = 0.01  # a gap in r2
LEADS = {  # in samples, by who is surely nearer
    1: "the second network is surely nearer {}",
    0: "nobody is surely nearer {}",
    -1: "the best analytical row is surely nearer {}",
    None: "no intervals of the medians are recorded {}",
}


def ceiling_verdict(found: Found) -> str:
    """The gap to the second network in samples, where it is widest in one step, and where it is sure."""
    if "paper/r2/nn2" not in found["scalars"]:
        return "there is no second network"
    gaps, kind = step_gaps(found), step_kind(found, "paper")
    widest = max(gaps, key=lambda t: gaps[t])
    key = "median_r2" if "paper/median_r2/nn2" in found["scalars"] else "r2"
    name, value = max(comparable(found, f"paper/{key}/"), key=lambda pair: pair[1])
    small = [t for t, gap in gaps.items() if 0 <= gap < SMALL]
    said = [
        f"{key.replace('_', ' ')} of samples: the second network {found['scalars'][f'paper/{key}/nn2']:.3g}, "
        f"the best analytical row, {called(name)}, {value:.3g}",
        f"In one step (r2, {over_images(kind)}) the gap is widest at sigma {listed([widest])} "
        f"({gaps[widest]:.3g})",
    ]
    said += [f"The gap is below {SMALL:g} at sigma {listed(small, ' and ')}"] if small else []
    ahead = sides(found)
    if not ahead:
        return ". ".join([*said, "No intervals of these r2 are recorded"])
    names = {1: "the second network", -1: "the analytical row"}
    sure = {who: [t for t, way in ahead.items() if way == sign] for sign, who in names.items()}
    told = [f"{who} is higher at sigma {listed(times, ' and ')}" for who, times in sure.items() if times]
    rest = "elsewhere they are not told apart" if told else "they are told apart at no noise level"
    return ". ".join([*said, f"By the intervals {'; '.join([*told, rest])}"])


def ceiling(known: Mapping[str, Found]) -> str:
    """How near the best analytical row comes to a second network in samples, and in one step."""
    rows, below = [], {}
    told: dict[int | None, list[str]] = {}
    widest: list[int] = []
    for title, found in _compared(known).items():
        gaps = step_gaps(found)
        t = max(gaps, key=lambda t: gaps[t])
        name, best = max(comparable(found, "paper/median_r2/"), key=lambda row: row[1])
        second = float(found["scalars"]["paper/median_r2/nn2"])
        below[title] = round(second, 3) - round(best, 3)  # of the medians as the table has them
        widest.append(t)
        told.setdefault(stands_to(found, "paper/median_r2", "nn2", name), []).append(title)
        kind = over_images(step_kind(found, "paper")).split()[0]
        widths = f"{gaps[t]:.3f}, at sigma {listed([t])} ({kind})"
        rows.append([title, called(name), f"{best:.3f}", f"{second:.3f}", widths])
    if not rows:
        return ""
    columns = ("", "best analytical row", "its median r2", "a second network's", "widest gap of one step")
    least, most = (end(below, key=lambda title: below[title]) for end in (min, max))
    span = f"{below[least]:.3f} ({least})" + (f" to {below[most]:.3f} ({most})" if least != most else "")
    where = {way: titles for way in LEADS if (titles := told.get(way))}
    said = [f"By {span} in the median r2 of samples"]
    said += [LEADS[way].format(_where(titles, len(rows))) for way, titles in where.items()]
    ends = joined(dict.fromkeys(listed([end(widest)]) for end in (min, max)), "to")
    said.append(f"In one step the gap is widest at sigma {ends}")
    return " ".join(f"{capital(one)}." for one in said) + f"\n\n{markdown(columns, rows)}"


def ceiling_beside(known: Mapping[str, Found]) -> str:
    """At which noise levels the gap of one step is sure, and what sure means."""
    rows = []
    for title, found in _compared(known).items():
        ahead = sides(found)
        nothing = "nowhere" if any(ahead.values()) else "not told apart"
        sure = [
            listed(times) if (times := [t for t, way in ahead.items() if way == sign]) else nothing
            for sign in (1, -1)
        ]
        rows.append([title, *(sure if ahead else ["-", "-"])])
    columns = (
        "r2 of one step", "second network surely higher at sigma", "analytical row surely higher at sigma",
    )  # fmt: skip
    return (
        "[Another page](remaining.md) tells in which waves the difference is. The difference in samples is "
        "that of two medians, as the table has them. It is no median of differences seed by seed. "
        "The analytical row of one "
        "step is the best of all at each noise level, picked on these very images. "
        "Sure means: the interval of the "
        "differences, image by image, leaves out 0. Some runs kept no differences. There it means: the "
        f"intervals of both rows do not overlap.\n\n{markdown(columns, rows)}"
    )


def _compared(known: Mapping[str, Found]) -> dict[str, Found]:
    """The data on which a second network and an analytical row were measured."""
    return {
        title: found
        for title, found in known.items()
        if found["scalars"].get("paper/median_r2/nn2") is not None and comparable(found, "paper/median_r2/")
    }


def _where(titles: Sequence[str], among: int) -> str:
    """On all data sets, where there are several, or on which."""
    return f"on all {among} data sets" if len(titles) == among > 1 else on(titles)


def step_gaps(found: Found) -> dict[int, float]:
    """At each noise level, how far the best analytical row is below the second network in one step."""
    second = steps(found, f"paper/{step_kind(found, 'paper')}/nn2/")
    return {t: r2 - top(found, t)[1] for t, r2 in second.items()}


def sides(found: Found) -> dict[int, int]:
    """Who is surely ahead in one step: 1 the second network, -1 the best row, else 0.

    Image by image, where the differences were kept; by intervals that are apart, where not.
    """
    kind, known = step_kind(found, "paper"), {}
    for t in steps(found, f"paper/{kind}_low/nn2/"):
        row = top(found, t)[0]
        paired = interval_of(found, "paper/step_r2_over_second", f"{row}/t{t:03d}")
        second, own = (interval_of(found, f"paper/{kind}", f"{name}/t{t:03d}") for name in ("nn2", row))
        if paired is not None:
            known[t] = -side(paired)
        elif second is not None and own is not None:
            known[t] = apart(second, own)
    return known


def comparable(found: Found, start: str) -> list[tuple[str, float]]:
    """(name, number) of every analytical row with as many seeds as any, for numbers `<start><row>`."""
    scalars = found["scalars"]
    seeds = {
        name.removeprefix("paper/samples/"): count
        for name, count in scalars.items()
        if name.startswith("paper/samples/")
    }
    enough = [name for name, count in seeds.items() if count == max(seeds.values())]
    return [(n, scalars[start + n]) for n in enough if n not in ("network", "nn2") and start + n in scalars]


def top(found: Found, t: int) -> tuple[str, float]:
    """The analytical row with the highest one-step r2 at a time-step."""
    start = f"paper/{step_kind(found, 'paper')}"
    names = [name for name, _ in comparable(found, "paper/r2/")]
    rows = [(name, found["scalars"][f"{start}/{name}/t{t:03d}"]) for name in names]
    return max(rows, key=lambda pair: pair[1])
