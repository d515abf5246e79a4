"""The first words of docs/results.md and README.md: what was found, what is against it, what is undecided."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.bar import short_of
from benchmarks.results.front.headlines import nearest, where_networks_look
from benchmarks.results.kept.gathering import Kept
from benchmarks.results.paper.agreement import findings_against
from benchmarks.results.questions import epsilon
from benchmarks.results.questions.field_claims import BEST_ROUND, OWN_ROUND, known_fields
from benchmarks.results.questions.letter import each_strength
from benchmarks.results.words.answers import FLOOR, Found
from benchmarks.results.words.titles import TITLES, joined


def in_brief(tables: Mapping[str, Found], kept: Kept) -> list[str]:
    """A bullet each: fields, samples, where networks look, what is against the claim, what is undecided."""
    said = [_fields(kept), nearest(tables), where_networks_look(tables, kept)]
    undecided = (_not_learned(kept), _noise(next(iter(tables), ""), kept))
    for title, doubts in (
        ("Against the central claim", findings_against(kept)),
        ("Undecided", (f"{one}." for one in undecided if one)),
    ):
        told = " ".join(doubts)
        said.append(f"{title}: {told}" if told else "")
    return [one for one in said if one]


def _fields(kept: Kept) -> str:
    """Wiener's fields beside a network's, on the first data set, and what a round field has."""
    for title, one in known_fields(kept):
        told = (
            f"On {title} Wiener's sensitivity field, made of the data's covariance alone, has a cosine of at "
            f"least {min(one.cosines[FLOOR]):.3f} to a network's."
        )
        if own := one.cosines.get(OWN_ROUND):
            told += f" Made round, so that the distance alone counts, it has at least {min(own):.3f}."
            loses = [f"{sigma:g}" for sigma, way in one.beside_own.items() if way == 1]
            told += f" That is surely less at sigma {joined(loses)}." if loses else ""
        if round_ := one.cosines.get(BEST_ROUND):
            ways = list(one.beside_round.values())
            told += (
                f" The network's own field, made round, has at least {min(round_):.3f}. "
                f"Of {len(ways)} noise levels it is surely nearer to the network's than "
                f"Wiener's at {ways.count(-1)}, and Wiener's at {ways.count(1)}."
            )
        return told
    return ""


def _not_learned(kept: Kept) -> str:
    """The hidden letters that networks are not shown to have learned."""
    known: dict[float, list[bool]] = {}
    for one in each_strength(kept):
        known.setdefault(one.gamma, []).append(one.learned)
    weak = [f"{gamma:g}" for gamma, learned in sorted(known.items()) if not any(learned)]
    return (
        f"Networks are not shown to have learned a hidden letter of strength {joined(weak)}" if weak else ""
    )


def _noise(name: str, kept: Kept) -> str:
    """How near samples come to those of a network that predicts the noise, where all are farther."""
    found = kept.get(epsilon.KIND, {}).get(name)
    told = joined(epsilon.r2_told(found))
    if not told or found is None or not epsilon.all_farther(found):
        return ""
    network = kept.get("unshipped", {}).get(f"{name}_{epsilon.KIND}")
    told_of = short_of(network) if network else ""
    worse = f". That network itself {told_of}" if told_of else ""
    lead = f"To a network of {TITLES[name]} that predicts the noise, as the paper's do, r2 is far lower"
    return f"{lead}: {told}{worse}"
