"""What the pages of results say of how analytical denoisers still differ from networks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from statistics import median

from benchmarks.results.questions.entropy import NOT_MEASURED
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    OWN,
    Found,
    apart,
    interval_of,
    is_middle,
    listed,
    number_of,
    sigma_of,
    steps,
)
from benchmarks.results.words.members import span
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import called, capital, joined, markdown, on
from locality.compare.paper_beside import PARTS

WAVES, PLACES = ("coarse", "middle", "fine"), ("edges", "plain")
NAME = OWN[1]  # the row that is told of
SHOWN = (NAME, EXACT)  # rows of the table
DRAWN = (NAME, "local_mixture", EXACT, FLOOR)  # of the picture


def remaining_verdict(found: Found) -> str:
    """In which waves, and beside or off edges, our mixtures leave the network by more than a second one."""
    name, middles = NAME, medians(found, NAME)
    if not middles:
        return NOT_MEASURED
    said = [
        f"{called(name)}: in one step its squared distance to the network, over that of the second network, "
        f"is {joined([f'{middles[part]:.2g} {PARTS[part][0]}' for part in PARTS])} (medians over the middle "
        "noise levels)"
    ]
    said += _nearer(found, name)
    said += _apart(found, name, *WAVES[::2])
    said += _apart(found, name, *WAVES[:2])
    said += _apart(found, name, *PLACES)
    said += _missing(found, name)
    ours, theirs = _error(found, name, "_high"), _error(found, "network", "_low")
    times = _middle(found, "coarse_over_second", name)
    better = [t for t in times if t in ours and t in theirs and ours[t] < theirs[t]]
    if better:
        said.append(
            f"At sigma {listed(better)} its error on unseen images is less than the network's own (intervals "
            "apart). There a part of the distance is the network's error"
        )
    return ". ".join(capital(part) for part in said)


def remaining_together(known: Mapping[str, Found]) -> str:
    """In which waves the distance to the network is most and least over the second network's."""
    there = {title: found for title, found in known.items() if medians(found, NAME)}
    if not there:
        return ""
    steps_of = {title: medians(found, NAME) for title, found in there.items()}
    columns, rows = [""], []
    for title in there:
        columns += [f"{title}, one step", "samples"]
    for part, (words, _) in PARTS.items():
        cells: list[str | None] = []
        for title, found in there.items():
            sampled = _sampled(found, NAME, f"{part}_over_second")
            cells += [f"{steps_of[title][part]:.2g}", None if sampled is None else f"{sampled:.2g}"]
        rows.append([words, *cells])
    counts = joined(
        sorted({len(_middle(found, "coarse_over_second", NAME)) for found in there.values()}), "or"
    )
    ratios_of = {title: one for title, found in there.items() if len(one := _ratios(found)) == len(PARTS)}
    subject = f"the squared distance of {called(NAME)} to the network"
    said = [_extremes("In one step", steps_of, subject, "times a second network's")]
    said += [_extremes("In samples", ratios_of, "it", "times")] if ratios_of else []
    more = [*_most_of_samples(there)]
    more.append(
        "The table has the squared distance to the network over the second network's. Of one step it is the "
        f"median over {counts} noise levels"
    )
    parts = [*(f"{'. '.join(some)}." for some in (said, more)), markdown(columns, rows)]
    read = [f"{on([title])} {told}" for title, found in there.items() if (told := _images_read(found))]
    return "\n\n".join([*parts, *([f"Training images: {'; '.join(read)}."] if read else [])])


def _images_read(found: Found) -> str:
    """How many training images each row of the page reads: `100 (A and B) and 20 (C)`."""
    counts: dict[str, list[str]] = {}
    for name in DRAWN:
        if bank := span(found, "remaining", name):
            counts.setdefault(bank, []).append(called(name))
    return joined(f"{count} ({joined(names)})" for count, names in counts.items())


def _ratios(found: Found) -> dict[str, float]:
    """part -> the ratio in samples."""
    known = {part: _sampled(found, NAME, f"{part}_over_second") for part in PARTS}
    return {part: ratio for part, ratio in known.items() if ratio is not None}


def _extremes(where: str, known: Mapping[str, Mapping[str, float]], subject: str, times: str) -> str:
    """In which part the ratio is most and in which least, on data that agree on it."""
    sets: dict[tuple[str, str], list[str]] = {}
    for title, parts in known.items():
        ends = [end(parts, key=lambda part: parts[part]) for end in (max, min)]
        sets.setdefault((ends[0], ends[1]), []).append(title)
    said = []
    for k, ((most, least), titles) in enumerate(sets.items()):
        high, low = ([known[title][part] for title in titles] for part in (most, least))
        lead = f"{'on' if k == 0 else 'On'}{on(titles)[2:]} most" if len(sets) > 1 else "most"
        near = ". There ours are nearer" if max(low) < 1 else ""
        said.append(
            f"{lead} {PARTS[most][0]}. There {subject} is {_span(high)} {times}. Least {PARTS[least][0]}: "
            f"{_span(low)} times{near}"
        )
    return f"{where}: {'. '.join(said)}"


def _most_of_samples(known: Mapping[str, Found]) -> list[str]:
    """Where most of the distance lies that samples have beyond the second network's, and what is not sure."""
    places: dict[str, dict[str, float]] = {}
    unsure: list[str] = []
    for title, found in known.items():
        more = {part: _more(found, NAME, part) for part in WAVES}
        if min(more.values()) > 0:
            part = max(more, key=lambda one: more[one])
            places.setdefault(part, {})[title] = 100 * more[part] / sum(more.values())
        ends = {part: interval_of(found, f"remaining/samples_{part}_over_second", NAME) for part in WAVES}
        first, second, *_ = sorted(filter(None, ends.values()), reverse=True) or [None, None]
        if first and second and not apart(first, second):
            unsure.append(title)
    told = [
        f"{on(list(shares)) + ' ' if len(places) > 1 else ''}most lies {PARTS[part][0]} "
        f"({joined(dict.fromkeys(f'{end(shares.values()):.0f}' for end in (min, max)), 'to')} %)"
        for part, shares in places.items()
    ]
    said = [f"Of what samples are farther than the second network's, {joined(told)}"] if told else []
    lead = "Which waves have the highest ratio in samples is not sure"
    return said + ([f"{lead} {on(unsure)}: the intervals of the two highest overlap"] if unsure else [])


def _span(values: Collection[float]) -> str:
    return joined(dict.fromkeys(f"{end(values):.2g}" for end in (min, max)), "to")


def remaining_table(found: Found) -> Table:
    """Each part over the second network's, and its share of the row's own, in one step and in samples."""
    levels = {t for name in SHOWN for t in _middle(found, "coarse_share", name)}
    times = sorted(levels, reverse=True)
    rows = []
    for name in SHOWN:
        for part, (words, _) in PARTS.items():
            over, share = (_middle(found, f"{part}_{what}", name) for what in ("over_second", "share"))
            if over:
                ends = (_sampled(found, name, f"{part}_{what}") for what in ("over_second", "share"))
                cells = [_cell(over.get(t), share.get(t)) for t in times]
                rows.append([f"{called(name)}, {words}", *cells, _cell(*ends)])
    return ["in one step at sigma", *(f"{sigma_of(t):.3g}" for t in times), "samples"], rows


def _cell(ratio: float | None, share: float | None) -> str | None:
    return None if ratio is None or share is None else f"{ratio:.2g} ({100 * share:.0f} %)"


def _missing(found: Found, name: str) -> list[str]:
    """The ratios of samples, and where their distance is more; no shares where a part's is less."""
    told = []
    ratios = {part: _sampled(found, name, f"{part}_over_second") for part in PARTS}
    parts = [f"{ratio:.2g} {PARTS[part][0]}" for part, ratio in ratios.items() if ratio is not None]
    said = [f"the same ratio of samples is {joined(parts)}"] if parts else []
    for among in (WAVES, PLACES):
        more = {part: _more(found, name, part) for part in among}
        total = sum(more.values())
        if total > 0 and min(more.values()) >= 0:
            shares = [f"{100 * one / total:.0f} % {PARTS[part][0]}" for part, one in more.items()]
            told.append(joined([shares[0].replace("%", "% lies", 1), *shares[1:]]))
    start = "samples are farther from the network's than the second network's are. Of the difference in"
    return said + ([f"{start} squared distance {'; or '.join(told)}"] if told else [])


def _more(found: Found, name: str, part: str) -> float:
    """By how much a part of the samples' distance is more than the second network's, over all of it."""
    ratio, share = (_sampled(found, name, f"{part}_{what}") for what in ("over_second", "share"))
    return 0.0 if not ratio or share is None else share * (1 - 1 / ratio)


def _sampled(found: Found, name: str, key: str) -> float | None:
    return number_of(found, f"remaining/samples_{key}", name)


def _nearer(found: Found, name: str) -> list[str]:
    """In which parts it is surely nearer to the network than the second network is."""
    highs = {part: _middle(found, f"{part}_over_second", name, "_high") for part in PARTS}
    near = {part: [t for t, high in one.items() if high < 1] for part, one in highs.items()}
    told = [f"{PARTS[part][0]} at sigma {listed(times)}" for part, times in near.items() if times]
    return (
        [f"It is nearer than the second network (whole interval below 1) {'; '.join(told)}"] if told else []
    )


def _apart(found: Found, name: str, one: str, other: str) -> list[str]:
    """At which noise levels the ratio of a part is surely more than another's: intervals apart."""
    more, less = _surely_more(found, name, one, other), _surely_more(found, name, other, one)
    pairs = ((more, one, other), (less, other, one))
    return [
        f"The ratio is higher {PARTS[first][0]} than {PARTS[second][0]} at sigma {listed(times)} (intervals "
        "apart)"
        for times, first, second in pairs
        if times
    ]


def medians(found: Found, name: str) -> dict[str, float]:
    """part -> the median ratio over the middle noise levels; nothing where one was not measured."""
    known = {part: _middle(found, f"{part}_over_second", name) for part in PARTS}
    return {part: median(one.values()) for part, one in known.items()} if all(known.values()) else {}


def _middle(found: Found, key: str, name: str, end: str = "") -> dict[int, float]:
    there = steps(found, f"remaining/{key}{end}/{name}/")
    return {t: value for t, value in there.items() if is_middle(t) and value is not None}


def _surely_more(found: Found, name: str, one: str, other: str) -> list[int]:
    highs = _middle(found, f"{other}_over_second", name, "_high")
    lows = _middle(found, f"{one}_over_second", name, "_low")
    return [t for t, low in lows.items() if t in highs and low > highs[t]]


def _error(found: Found, name: str, end: str) -> dict[int, float]:
    return steps(found, f"remaining/heldout_ratio{end}/{name}/")
