"""docs/results/paper.md: what agrees with the paper, what does not, and what is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.answers import EXACT, FLOOR, MIDDLE, Found, listed, ordered, ranked, steps
from benchmarks.caveats import banks
from benchmarks.claims import Eyes, but_medians, standing, stands
from benchmarks.entropy_answers import surely_lower
from benchmarks.eye_answers import EYE, whose
from benchmarks.field_claims import fields_agree, lower_cosines
from benchmarks.gathering import Kept
from benchmarks.letters import judged, patterns
from benchmarks.small_tables import middle
from benchmarks.titles import DATA, TITLES, bullets, called, joined, on

TITLE = "What agrees with the paper, what does not, and what is open?"
OPEN = (  # our reading: what no table here says
    "Networks of CIFAR-10 that predict the noise, as the paper's do. On cats one does, the U-Net on epsilon. "
    "All others here predict v, but for the U-Net on Wiener, which predicts what the filter misses.",
    "A plain MLP on cats, all pixels at once: it did not come below Wiener's error. The MLP-Mixer did.",
    "Faces of 64 x 64 and larger with a network, and CelebA-HQ, which could not be had.",
    "Networks of the paper's size, trained for as long.",
)
ARCHITECTURE = dict.fromkeys(("network", "nn2", "epsilon"), "U-Net")  # others are called as they are
AT = f"sigma from {MIDDLE[0]:g} to {MIDDLE[1]:g}"  # where networks are asked whether they see the other eye
UNLIKE = 2.0  # times the ratio of another network: as strong no more
LATER = "A later paper (GoldDiff, arXiv 2602.16498) ranks these methods with the paper's networks:"
MOST = 0.5  # of samples: more copies than that are a copier's
RATIO = "paper/heldout_ratio/optimal/"
RIVALS = (FLOOR, "local_score", "patch_composite")


def agreement(kept: Kept) -> str:
    """The page: a line for each claim of the paper that was measured, judged by the numbers."""
    tables = {name: kept["paper"][name] for name in DATA if name in kept.get("paper", {})}
    lines = [*fields_agree(kept), *_eyes(kept), *_ahead(tables, kept), *_copies(tables), *patterns(kept)]
    orders = list(_orders(tables))
    parts = [f"# {TITLE}"]
    parts.append(bullets(lines) if lines else "Not measured.")
    parts += [f"{LATER}\n\n{bullets(orders)}"] if orders else []
    parts.append("Open:\n\n" + bullets(OPEN))
    return "\n\n".join([*parts, "[All results](../results.md)"]) + "\n"


def _eyes(kept: Kept) -> Iterator[str]:
    """Whether networks of faces look at the other eye, and unlike networks alike."""
    found = kept.get("mirror", {}).get("afhq32")
    if found is None:
        return
    eyes = Eyes.of(found)
    if not eyes.networks:
        return
    word = "Does not agree" if eyes.fooled else judged(len(eyes.seen), len(eyes.networks))
    yield (
        f"**{word}** that networks look where the covariance says that an eye's twin is: {eyes.counted()} do "
        f"so at some {AT}. {'. '.join(_beside(eyes))} ([eyes](eyes.md))."
    )
    if len(eyes.networks) > 1:
        yield _alike(found, eyes)


def _beside(eyes: Eyes) -> Iterator[str]:
    """What stands beside the count: the controls, what is left out, and how little a spot is."""
    if eyes.others:
        yield f"Of networks {eyes.trained()}, {len(eyes.fooled)} of {len(eyes.others)} does"
    if eyes.made:
        verb = "look" if len(eyes.made) > 1 else "looks"
        yield f"{joined(map(called, eyes.made))}, made of the data, {verb} there, too"
    if eyes.given:
        verb = "are" if len(eyes.given) > 1 else "is"
        yield f"{joined(map(called, eyes.given))} {verb} given the covariance and not counted"
    levels = sorted({t for times in eyes.unsure.values() for t in times})
    if levels:
        yield f"At sigma {listed(levels, ' and ')} a control may have as much: we conclude nothing there"
    yield "All this is one spot of a field"


def _alike(found: Found, eyes: Eyes) -> str:
    """Whether unlike architectures have the spot, and how unlike its strength is where all have it."""
    kinds: dict[str, list[str]] = {}
    for name in eyes.networks:
        kinds.setdefault(ARCHITECTURE.get(name, called(name)), []).append(name)
    good = [kind for kind, names in kinds.items() if set(names) <= set(eyes.seen)]
    word = judged(len(good), len(kinds))
    t = eyes.shared(found)
    tail = ""
    if t is not None and len(eyes.seen) > 1:
        known = {name: steps(found, f"mirror/ratio/{EYE}/{name}/")[t] for name in eyes.seen}
        low, high = (end(known, key=lambda name: known[name]) for end in (min, max))
        word = "Agrees in part" if known[high] > UNLIKE * known[low] and word == "Agrees" else word
        tail = (
            f" Its strength differs: {known[low]:.1f} ({whose(low)}) to {known[high]:.1f} ({whose(high)}) "
            f"times the ring's at sigma {listed([t])}."
        )
    told = [kind if len(names) == 1 else f"{kind} ({_of(names, eyes)})" for kind, names in kinds.items()]
    spots = [
        [one for one, kind in zip(told, kinds, strict=True) if (kind in good) == there] for there in (1, 0)
    ]
    where = "; ".join(
        f"{side} {joined(some)}" for side, some in zip(("in", "not in"), spots, strict=True) if some
    )
    return (
        f"**{word}** that unlike architectures look alike: {len(good)} of {len(kinds)} have the spot. It is "
        f"{where}.{tail} [Experiments](../experiments.md) compare whole fields of more architectures "
        "([eyes](eyes.md))."
    )


def _of(names: Sequence[str], eyes: Eyes) -> str:
    seen = sum(name in eyes.seen for name in names)
    return f"{len(names)} networks" if seen == len(names) else f"{seen} of {len(names)} networks"


def _ahead(tables: Mapping[str, Found], kept: Kept) -> Iterator[str]:
    """Whether PCA locality is nearer to a network than Wiener and than the patch methods."""
    for rival in RIVALS:
        sorts = standing(tables, EXACT, FLOOR) if rival == FLOOR else _standing_to(tables, rival)
        if sorts:
            of = sum(map(len, sorts.values()))
            word, but = judged(len(sorts.get(1, [])), of), list(_but(tables, rival, kept))
            word = "Agrees in part" if word == "Agrees" and but else word
            yield (
                f"**{word}** that PCA locality is nearer to a network than "
                f"{called(rival)}, seed by seed: {stands(sorts, called(rival))}"
                f"{but_medians(tables, EXACT, rival, sorts)}{_fewer(tables, rival)}"
                f"{''.join(f'. {one}' for one in but)} ([r2 of samples](ceiling.md))."
            )


def _but(tables: Mapping[str, Found], rival: str, kept: Kept) -> Iterator[str]:
    """Where PCA locality is surely farther in one step; and its fields, beside Wiener's."""
    if told := _surely(tables, EXACT, rival):
        yield f"In one step it is surely farther than {called(rival)} {told}"
        nearer = _surely(tables, rival, EXACT)
        yield f"It is surely nearer {nearer}" if nearer else "It is nowhere surely nearer"
    if rival == FLOOR and (fields := lower_cosines(kept)):
        yield f"Its fields have a lower cosine to the network's than Wiener's {'; '.join(fields)}"


def _surely(tables: Mapping[str, Found], row: str, other: str) -> str:
    """Where a row's r2 of one step is surely below another's, intervals apart."""
    lower = {name: list(surely_lower(found, "paper", row, other)) for name, found in tables.items()}
    return "; ".join(f"at sigma {listed(times)} on {TITLES[name]}" for name, times in lower.items() if times)


def _standing_to(tables: Mapping[str, Found], rival: str) -> dict[int, list[str]]:
    """How PCA locality stands to a rival: the numbers are of the rival over PCA locality."""
    turned = standing(tables, rival, EXACT)
    return {way: turned[-way] for way in (1, 0, -1) if -way in turned}


def _fewer(tables: Mapping[str, Found], rival: str) -> str:
    """Where the rival reads fewer training images than PCA locality."""
    known = {name: banks(found) for name, found in tables.items()}
    both = {name: bank for name, bank in known.items() if rival in bank and EXACT in bank}
    where = [TITLES[name] for name, bank in both.items() if bank[rival] < bank[EXACT]]
    return f". It reads more training images than {called(rival)} {on(where)}" if where else ""


def _copies(tables: Mapping[str, Found]) -> Iterator[str]:
    """Whether the optimal denoiser gives training images again, and what it costs on others."""
    rates = {
        name: float(found["scalars"]["paper/copy_rate/optimal"])
        for name, found in tables.items()
        if found["scalars"].get("paper/copy_rate/optimal") is not None
    }
    if not rates:
        return
    known = [(ratio, TITLES[name]) for name in rates if (ratio := middle(tables[name], RATIO)) is not None]
    good = [name for name, rate in rates.items() if rate > MOST]
    ends = sorted({min(rates.values()), max(rates.values())})
    share = " to ".join(f"{100 * rate:.0f}" for rate in ends)
    tail = ""
    if known:
        told = " to ".join(f"{ratio:.2f} ({title})" for ratio, title in sorted({min(known), max(known)}))
        tail = f". Its error on unseen images is {told} times Wiener's, in the median over noise levels"
    yield (
        f"**{judged(len(good), len(rates))}** that the optimal denoiser copies training images: {share} % of "
        f"its samples are nearly such an image {on([TITLES[name] for name in rates])}{tail} "
        "([copies](ceiling.md), [unseen images](heldout.md))."
    )


def _orders(tables: Mapping[str, Found]) -> Iterator[str]:
    """Whether the ranked rows are in the published order, pair by pair."""
    for name, found in tables.items():
        ways = list(ordered(found).values())
        if not ways:
            continue
        good, level, turned = (ways.count(way) for way in (1, 0, -1))
        told = [f"{good} {_be(good)} in its order"]
        told += [f"{level} {_be(level)} level"] if level else []
        told += [f"{turned} {_be(turned)} turned round"] if turned else []
        yield (
            f"**{judged(good, len(ways))}** on {TITLES[name]}. Of {len(ways)} pairs of "
            f"{joined(map(called, ranked(found)))}, {joined(told)} ([order](published_order.md))."
        )


def _be(count: int) -> str:
    return "is" if count == 1 else "are"
