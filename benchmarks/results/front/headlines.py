"""What the front page and README.md say first: how many claims agree, and what was found, in bullets."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from benchmarks.results.kept.gathering import Kept
from benchmarks.results.paper.agreement import ARCHITECTURE, MOST, in_count
from benchmarks.results.questions import epsilon
from benchmarks.results.questions.ceiling import comparable
from benchmarks.results.questions.claims import Eyes
from benchmarks.results.questions.field_claims import field_claim
from benchmarks.results.questions.letter_words import short
from benchmarks.results.questions.own import more_images
from benchmarks.results.questions.own_short import SECOND
from benchmarks.results.words import members
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    MIDDLE,
    OWN,
    Found,
    is_middle,
    sigma_of,
    stands_to,
    steps,
)
from benchmarks.results.words.counts import of_levels
from benchmarks.results.words.small_tables import middle
from benchmarks.results.words.titles import TITLES, called, capital, joined, on

BESIDE = ("golden_subset", EXACT, FLOOR, "nn2")  # whose r2 stands beside the best one's
AT = f"sigma from {MIDDLE[0]:g} to {MIDDLE[1]:g}"  # where the claim is
OVER = f"paper/heldout_over_{EXACT}/"  # whose error is divided by PCA locality's


def lead(kept: Kept, place: str) -> str:
    """How many claims of the paper agree, with a link to their page."""
    told = in_count(kept)
    return f"{told} ([which]({place}paper.md))." if told else ""


def claim(tables: Mapping[str, Found], kept: Kept) -> list[str]:
    """At most five bullets, chosen by the numbers."""
    fields = (field_claim(kept), short(kept))
    said = (*fields, data_alone(tables, kept), less_error(tables), where_networks_look(tables, kept))
    return [sentence for sentence in said if sentence]


def data_alone(tables: Mapping[str, Found], kept: Kept) -> str:
    """How near the best denoiser that is made of the data comes to a network, and to other networks."""
    lead, (name, found) = nearest(tables), next(iter(tables.items()))
    if not lead:
        return ""
    said = _to_second(found, _best(found)[0])
    if both := more_images(found):
        numbers = f"{both[0]:,.0f} training images, PCA locality on {both[1]:,.0f}"
        said.append(f"Ours draw on {numbers} (mirror images count)")
        said += filter(None, [members.told(found, "paper")])
    said += _to_epsilon(kept.get(epsilon.KIND, {}).get(name))
    return " ".join([lead, *(f"{one}." for one in said)])


def nearest(tables: Mapping[str, Found]) -> str:
    """The best denoiser that is made of the data, by the r2 of samples on the first data set."""
    name, found = next(iter(tables.items()))
    best, r2 = _best(found)
    if not best:
        return ""
    there = {*dict(comparable(found, "paper/median_r2/")), *BESIDE[1:]}  # the first where it had all seeds
    rows = [one for one in BESIDE if one != best and one in there]
    others = {one: found["scalars"].get(f"paper/median_r2/{one}") for one in rows}
    told = [f"{_whose(found, one, best)} {value:.2f}" for one, value in others.items() if value is not None]
    lead = f"On {TITLES[name]} {called(best)} has a median r2 of {r2:.2f} to a network's samples"
    return f"{lead}{f', {joined(told)}' if told else ''}."


def _best(found: Found) -> tuple[str, float]:
    """The row of the highest r2 of those that compare, or none."""
    return max(comparable(found, "paper/median_r2/"), key=lambda pair: pair[1], default=("", 0.0))


def _to_second(found: Found, best: str) -> list[str]:
    """The r2 to a network for which no setting was chosen."""
    known = {row: found["scalars"].get(f"{SECOND}/{row}") for row in (best, EXACT, FLOOR)}
    if None in known.values():
        return []
    told = joined(f"{called(row)} has {value:.2f}" for row, value in known.items())
    return [f"To the second network, for which no setting was chosen, {told}"]


def _to_epsilon(found: Found | None) -> list[str]:
    """The r2 to a network that predicts the noise, and whether ours are surely nearer or farther there."""
    told = epsilon.r2_told(found)
    if not told or found is None:
        return []
    way = epsilon.lead(found, OWN[1])
    sure = "" if way is None else f" (ours are {epsilon.WORDS[way]} {called(EXACT)})"
    far = "all are farther" if epsilon.all_farther(found) else "r2 is"
    count = found["scalars"].get(f"{epsilon.KIND}/bank/{EXACT}")
    part = f", {called(EXACT)} with {count:,.0f} training images" if count else ""
    return [f"To a network that predicts the noise, as the paper's do, {far}: {joined(told)}{sure}{part}"]


def _whose(found: Found, row: str, best: str) -> str:
    """What a row is called; of a second network, whether it is surely nearer than the best one."""
    if row != BESIDE[-1]:
        return called(row)
    ahead = stands_to(found, "paper/median_r2", row, best)
    return f"a {called(row)}" + ("" if ahead is None else f" ({'' if ahead > 0 else 'not '}surely nearer)")


def less_error(tables: Mapping[str, Found]) -> str:
    """How much less error one of ours has than PCA locality on unseen images, and what others do not do."""
    counts = {row: [n for n, found in tables.items() if steps(found, f"{OVER}{row}/")] for row in OWN}
    row = max(OWN, key=lambda row: len(counts[row]))
    levels = {
        name: [ratio for t, ratio in steps(tables[name], f"{OVER}{row}/").items() if is_middle(t)]
        for name in counts[row]
    }
    known = [(median(one), TITLES[name]) for name, one in levels.items() if one]
    if not known:
        return ""
    (most, there), (least, here) = max(known), min(known)
    span = f"{_per_cent(most)} % on {there} to {_per_cent(least)} % on {here}"
    told = f"less error than PCA locality: by {span}"
    if len(known) == 1 or most > 1:
        told = f"{joined(_less(ratio, title) for ratio, title in known)} than PCA locality"
    said = [f"On unseen images {called(row)} has {told}, in the median of the ratios at {AT}"]
    said += filter(None, (_no_gain(tables), _copier(tables)))
    return " ".join(f"{capital(one)}." for one in said)


def _no_gain(tables: Mapping[str, Found]) -> str:
    """On which data PCA locality has surely less error than Wiener nowhere, and where surely more."""
    highs = {name: steps(found, f"paper/heldout_ratio_high/{EXACT}/") for name, found in tables.items()}
    where = [TITLES[name] for name, one in highs.items() if one and min(one.values()) >= 1]
    counts: dict[tuple[tuple[float, ...], int], list[str]] = {}
    for name, found in tables.items():
        lows = steps(found, f"paper/heldout_ratio_low/{EXACT}/")
        if more := tuple(sigma_of(t) for t, low in lows.items() if low > 1):
            counts.setdefault((more, len(lows)), []).append(TITLES[name])
    levels = joined(
        f"at {of_levels(more, among, f' of {among}' + ' noise levels' * (k == 0))} {on(names)}"
        for k, ((more, among), names) in enumerate(counts.items())
    )
    told = [f"no sure gain over Wiener {on(where)}"] if where else []
    told += [f"surely more error {'' if where else 'than Wiener '}{levels}"] if levels else []
    return f"{called(EXACT)} has {', and '.join(told)}" if told else ""


def _copier(tables: Mapping[str, Found]) -> str:
    """Where the optimal denoiser gives training images again."""
    rates = {
        TITLES[name]: rate
        for name, found in tables.items()
        if (rate := found["scalars"].get("paper/copy_rate/optimal")) is not None
    }
    where = [title for title, rate in rates.items() if rate > MOST]
    some = "" if len(where) == len(rates) else f" {on(where)}"
    return f"the optimal denoiser copies training images{some}" if where else ""


def _less(ratio: float, name: str) -> str:
    return f"{_per_cent(ratio)} % {'less' if ratio <= 1 else 'more'} error on {name}"


def _per_cent(ratio: float) -> int:
    return round(100 * abs(1 - ratio))


def where_networks_look(tables: Mapping[str, Found], kept: Kept) -> str:
    """What sets networks apart: the other eye where it was measured, else the error that is left."""
    cats = kept.get("mirror", {}).get("afhq32")
    if cats is None:
        gaps = {TITLES[n]: _gap(found) for n, found in tables.items()}
        told = [_less(1 + gap, name) for name, gap in gaps.items() if gap is not None]
        return f"The network itself has {joined(told)} than the best of them." if told else ""
    eyes = Eyes.of(cats)
    count, weak = eyes.some(), eyes.weaker(cats)
    kinds = dict.fromkeys(called(name) for name in eyes.seen if name not in ARCHITECTURE)
    among = f", {joined(kinds)} among them" if kinds else ""
    training = " (still in training)" if cats["run"].get("unfinished") else ""
    return (
        f"{capital(count)} networks of cats that are not given the covariance{training} look at "
        f"the other eye at some {AT}, as the covariance says{among}."
        f"{f' {weak}.' if weak else ''}{_others(eyes)}"
    )


def _others(eyes: Eyes) -> str:
    """What networks of other images do."""
    others, fooled = len(eyes.others), len(eyes.fooled)
    if others != 1:
        return f" Of networks of other images {fooled} of {others} do." if others else ""
    name = called(eyes.others[0])
    whose = name if name != eyes.others[0] else "other images"
    return f" A network of {whose} does{', too' if fooled else ' not'}."


def _gap(found: Found) -> float | None:
    theirs = middle(found, "paper/heldout_ratio/network/")
    ours = [middle(found, f"paper/heldout_ratio/{n}/") for n in (*OWN, EXACT)]
    known = [one for one in ours if one is not None]
    return theirs / min(known) - 1 if theirs is not None and known else None
