"""docs/results/paper.md: what agrees with the paper, what does not, and what is open."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.answers import EXACT, Found, interval_of, ordered, ranked
from benchmarks.eye_answers import CONTROL, who_sees
from benchmarks.gathering import Kept
from benchmarks.titles import DATA, TITLES, bullets, called

TITLE = "What agrees with the paper, what does not, and what is open?"
OPEN = (  # our reading: what no table here says
    "Networks that predict the noise, as the paper's do. Those of the pages on CIFAR-10 and cats predict v.",
    "A plain MLP on cats, all pixels at once: it did not come below Wiener's error. The MLP-Mixer did.",
    "Faces of 64 x 64 and larger with a network, and CelebA-HQ, which could not be had.",
    "Networks of the paper's size, trained for as long.",
)


def agreement(kept: Kept) -> str:
    """The page: a line for each claim of the paper that was measured, judged by the numbers."""
    lines = [*_eyes(kept), *_patterns(kept), *_ahead(kept), *_orders(kept)]
    parts = [f"# {TITLE}"]
    parts.append(bullets(lines) if lines else "Not measured.")
    parts.append("Open:\n\n" + bullets(OPEN))
    return "\n\n".join([*parts, "[All results](../results.md)"]) + "\n"


def _judged(yes: int, of: int) -> str:
    return "Agrees" if yes == of else "Does not agree" if yes == 0 else "Agrees in part"


def _eyes(kept: Kept) -> Iterator[str]:
    found = kept.get("mirror", {}).get("afhq32")
    if found is None:
        return
    seen, others = who_sees(found)
    names = seen | others
    own = {name for name in names if not CONTROL.search(name)}
    word = _judged(len(own & seen), len(own)) if not (seen - own) else "Does not agree"
    yield (
        f"**{word}** that fields follow the covariance of faces: {len(own & seen)} of {len(own)} denoisers "
        f"of cats see the other eye, and {len(seen - own)} of {len(names - own)} of other data "
        "([eyes](eyes.md))."
    )


def _patterns(kept: Kept) -> Iterator[str]:
    for name in DATA:
        found = kept.get("pattern", {}).get(name)
        for row in found["tables"]["pattern/verdict"]["rows"] if found else ():
            if float(row[0]) == 0:
                continue
            sure, tested = _levels(found, float(row[0]))
            yield (
                f"**{_judged(sure, tested)}** that networks look along a hidden letter where SNR_W is above "
                f".1: {TITLES[name]}, gamma {float(row[0]):g}, at {sure} of {tested} such noise levels "
                "([pattern](pattern.md))."
            )


def _levels(found: Found, gamma: float) -> tuple[int, int]:
    """At how many noise levels the rise is sure, of those where the paper says so."""
    whole = found["tables"]["pattern/contrast"]
    heads = whole["columns"]
    above = heads.index("above control")
    expected = next(k for k, head in enumerate(heads) if head.startswith("SNR_W >"))
    told = [row for row in whole["rows"] if float(row[0]) == gamma and row[expected] == "yes"]
    return sum(row[above] == "yes" for row in told), len(told)


def _ahead(kept: Kept) -> Iterator[str]:
    names = {}
    for name in DATA:
        found = kept.get("paper", {}).get(name)
        known = interval_of(found, "paper/median_r2_over_wiener", EXACT) if found else None
        if known is not None:
            names[TITLES[name]] = known[1] > 0
    if names:
        yes = [name for name, ahead in names.items() if ahead]
        no = [name for name, ahead in names.items() if not ahead]
        told = "; ".join(f"{word} on {', '.join(some)}" for word, some in (("yes", yes), ("no", no)) if some)
        yield (
            f"**{_judged(len(yes), len(names))}** that PCA locality is nearer to a network than Wiener, seed "
            f"by seed: {told} ([held-out images](heldout.md))."
        )


def _orders(kept: Kept) -> Iterator[str]:
    for name in DATA:
        found = kept.get("paper", {}).get(name)
        pairs = ordered(found) if found else {}
        if found and pairs:
            good = sum(pairs.values())
            yield (
                f"**{_judged(good, len(pairs))}** with the published order of "
                f"{', '.join(map(called, ranked(found)))}: {TITLES[name]}, {good} of {len(pairs)} pairs "
                "([order](published_order.md))."
            )
