"""What the page of results says of the posterior's entropy at the best settings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from benchmarks.answers import EXACT, Found, interval_of, signed, steps
from benchmarks.small_tables import Table, is_middle
from benchmarks.titles import called

NOT_MEASURED = "not measured"  # a whole answer
DEAR = 1.05  # times the least error, that a predicted setting may cost
WINDOWS = "local_score/clean"  # whose share is set side by side
TWINS = (("local_score", "local_score_entropy"), (EXACT, "pca_locality_entropy"))  # calibrated, by entropy
CHOSEN = (  # by entropy: level by level, and output by output
    ("local_score_entropy", "local_score_by_output"), ("pca_locality_entropy", "pca_locality_by_output"),
)  # fmt: skip
LOOKS = {"local_score": "windows", "pca_locality": "Wiener masks"}


@dataclass(frozen=True)
class Measured:
    """What one law came to: a candidate and whose estimates its error is measured to."""

    where: str  # <candidate>/<target>
    constant: tuple[float, float, float] | None  # of ln N, with its interval; None: no best was bracketed
    used: float | None  # the share that predicts
    shares: dict[int, list[float]]  # training images -> a share for each noise level
    costs: list[float]  # the error at the predicted setting over the least, for each noise level and bank

    @classmethod
    def of(cls, found: Found, where: str) -> Measured:
        """From the numbers of a run."""
        shares: dict[int, list[float]] = {}
        for key, value in _numbers(found, "share", where):
            shares.setdefault(int(key.split("/")[0]), []).append(value)
        costs = [value for _, value in _numbers(found, "cost", where) if math.isfinite(value)]
        constant = interval_of(found, "information/constant", where)
        if constant is not None and not all(map(math.isfinite, constant)):
            constant = None
        return cls(where, constant, found["scalars"][f"information/used/{where}"], shares, costs)

    @property
    def name(self) -> str:
        """For readers."""
        return f"{self.look}, error against {self.whom}"

    @property
    def look(self) -> str:
        """What the setting sets."""
        candidate = self.where.split("/")[0]
        return LOOKS.get(candidate, called(candidate))

    @property
    def whom(self) -> str:
        """Whose estimates the error is measured to."""
        target = self.where.split("/")[1]
        young = re.sub(r"^steps(\d+)$", r"network after \1 steps", target)
        return "clean images" if target == "clean" else f"the {called(young)}"

    @property
    def dear(self) -> int:
        """At how many noise levels and banks the prediction costs too much."""
        return sum(cost > DEAR for cost in self.costs)

    @property
    def word(self) -> str:
        """Whether one share predicts all the best settings."""
        few = self.dear <= len(self.costs) // 4
        return "holds" if not self.dear else "holds in most cells" if few else "breaks"


def information_verdict(found: Found) -> str:
    """The constant of the first law, its range and what its prediction costs; which of the others hold."""
    laws = [Measured.of(found, where) for where in _laws(found)]
    told = [law for law in laws if law.constant is not None and law.costs]
    blank = [law.name for law in laws if law not in told]
    said = [f"no best setting between two that were tried: {', '.join(blank)}"] if blank else []
    if told:
        first, *others = told
        assert first.constant is not None
        middle, low, high = first.constant
        shares = [share for one in first.shares.values() for share in one]
        whence = "fitted here" if abs((first.used or 0) - middle) < 5e-4 else "given"
        said = [
            f"{first.name}: at the best setting the entropy is {middle:.2f} [{low:.2f}, {high:.2f}] of ln N "
            f"({min(shares):.2f} to {max(shares):.2f} over {len(shares)} noise levels and banks)",
            f"the setting that {first.used:.2f} predicts ({whence}) has {median(first.costs):.3f} times the "
            f"least error in the middle and {max(first.costs):.3f} times at most, so the law {first.word} "
            f"({first.dear} of {len(first.costs)} above {DEAR:g})",
            *_of_others(others),
            *said,
        ]
    return ". ".join(part[0].upper() + part[1:] for part in said)


def _of_others(laws: list[Measured]) -> Iterator[str]:
    for word in ("holds", "holds in most cells", "breaks"):
        looks: dict[str, list[str]] = {}
        for law in laws:
            if law.word == word:
                looks.setdefault(law.look, []).append(law.whom)
        told = "; ".join(f"{look} against {', '.join(whom)}" for look, whom in looks.items())
        if told:
            yield f"it {word} for {told}"


def information_together(known: Mapping[str, Found]) -> str:
    """Whether the share of the first data set is that of the others, by the intervals of theirs."""
    found = {name: interval_of(one, "information/constant", WINDOWS) for name, one in known.items()}
    shares = {name: one for name, one in found.items() if one is not None}
    if not shares:
        return ""
    told = ", ".join(
        f"{mean:.2f} [{low:.2f}, {high:.2f}] on {name}" for name, (mean, low, high) in shares.items()
    )
    (first, (share, _, _)), *others = shares.items()
    alike = [name for name, (_, low, high) in others if low <= share <= high]
    unlike = [name for name, _ in others if name not in alike]
    parts = [f"The window of least error is where the posterior's entropy is this share of ln N: {told}"]
    parts += [f"That of {first} lies in the interval of {'; of '.join(alike)}"] if alike else []
    whose = "It" if alike else f"That of {first}"
    parts += [f"{whose} does not lie in the interval of {'; of '.join(unlike)}"] if unlike else []
    return ". ".join(parts) + "."


def information_table(found: Found) -> Table:
    """One row for each law: its share with each bank, and what its prediction costs."""
    laws = [Measured.of(found, where) for where in _laws(found)]
    banks = sorted({count for law in laws for count in law.shares})
    columns = [
        "entropy at the best setting, over ln N", "all banks",
        *(f"{count:,} images" for count in banks), "error at the predicted setting / least: middle, most",
    ]  # fmt: skip
    return columns, [[law.name, _constant(law), *_by_bank(law, banks), _cost(law)] for law in laws]


def _constant(law: Measured) -> str:
    return "-" if law.constant is None else "{:.2f} [{:.2f}, {:.2f}]".format(*law.constant)


def _by_bank(law: Measured, banks: list[int]) -> list[Any]:
    return [f"{mean(law.shares[count]):.2f}" if count in law.shares else "-" for count in banks]


def _cost(law: Measured) -> str:
    return f"{median(law.costs):.3f}, {max(law.costs):.3f}" if law.costs else "-"


def _laws(found: Found) -> Iterator[str]:
    """`<candidate>/<target>` of each law that was measured."""
    for name in found["scalars"]:
        if name.startswith("information/used/"):
            yield name.removeprefix("information/used/")


def _numbers(found: Found, kind: str, where: str) -> Iterator[tuple[str, float]]:
    """`<images>/<time-step>` and the number of each bank and noise level."""
    start = f"information/{kind}/{where}/n"
    for key, value in found["scalars"].items():
        if key.startswith(start) and value is not None:
            yield key.removeprefix(start), value


def without_network_verdict(found: Found) -> str:
    """What settings of the bank's entropy cost beside those that were calibrated against the network."""
    return _beside(found, "paper", TWINS, "calibrated against the network")


def by_output_verdict(found: Found) -> str:
    """What outputs gain that choose for themselves, beside one setting for all of a noise level."""
    said = _beside(found, "by_output", CHOSEN, "with one setting at a noise level")
    over = {name: interval_of(found, f"by_output/median_r2_over_{EXACT}", name) for _, name in CHOSEN}
    told = [f"{called(name)} {signed(known)}" for name, known in over.items() if known is not None]
    return f"{said}. Beside {called(EXACT)}, calibrated, seed by seed: {', '.join(told)}" if told else said


def _beside(found: Found, section: str, twins: Sequence[tuple[str, str]], other: str) -> str:
    parts = []
    for twin, name in twins:
        ours, theirs = (found["scalars"].get(f"{section}/median_r2/{one}") for one in (name, twin))
        if ours is None or theirs is None:
            continue
        paired = interval_of(found, f"{section}/median_r2_over_{twin}", name)
        less = "" if paired is None else f" (seed by seed {signed(paired)})"
        held = {one: steps(found, f"{section}/heldout_ratio/{one}/") for one in (name, twin)}
        ratios = [held[name][t] / held[twin][t] for t in held[name] if is_middle(t) and t in held[twin]]
        errors = f"; held-out error {min(ratios):.2f} to {max(ratios):.2f} times that" if ratios else ""
        seeds = [found["scalars"].get(f"{section}/samples/{one}") for one in (name, twin)]
        of = "" if None in seeds or len(set(seeds)) == 1 else " ({:.0f} and {:.0f} seeds)".format(*seeds)
        parts.append(f"{called(name)}: median r2 {ours:.3f}, {other} {theirs:.3f}{of}{less}{errors}")
    return ". ".join(part[0].upper() + part[1:] for part in parts) or NOT_MEASURED
