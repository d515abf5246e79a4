"""The first words of docs/results.md and README.md: what was found, and what is against it."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.front.headlines import nearest, where_networks_look
from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions import epsilon
from benchmarks.results.questions.field_claims import known_fields
from benchmarks.results.questions.letter import each_strength
from benchmarks.results.words.answers import FLOOR, Found
from benchmarks.results.words.titles import TITLES, called, joined


def in_brief(tables: Mapping[str, Found], kept: Kept) -> list[str]:
    """A bullet for fields, for samples, for where networks look, and for what is against the claim."""
    doubts = (_reach(kept), _letter(kept), _noise(next(iter(tables), ""), kept))
    against = " ".join(f"{one}." for one in doubts if one)
    said = (_fields(kept), nearest(tables), where_networks_look(tables, kept))
    return [*filter(None, said), *([f"Against the paper's claim: {against}"] if against else [])]


def _fields(kept: Kept) -> str:
    """Wiener's fields beside a network's, on the first data set."""
    for title, one in known_fields(kept):
        return (
            f"On {title} Wiener's sensitivity field, made of the data's covariance alone, has a cosine of at "
            f"least {min(one.cosines[FLOOR]):.3f} to a network's."
        )
    return ""


def _reach(kept: Kept) -> str:
    """Where Wiener's fields reach less far or further than a network's."""
    for title, one in known_fields(kept):
        count = one.counted("less far", "further")
        return f"Wiener's field reaches {count} than a network's on {title}" if count else ""
    return ""


def _letter(kept: Kept) -> str:
    """The strengths at which a hidden letter shows in no network's field where the paper predicts that."""
    known: dict[float, list[bool]] = {}
    for one in each_strength(kept):
        known.setdefault(one.gamma, []).append(bool(one.sure))
    weak = [f"{gamma:g}" for gamma, shown in sorted(known.items()) if not any(shown)]
    if not weak:
        return ""
    return (
        f"A hidden letter of strength {joined(weak)} shows in no network's field where the paper predicts it"
    )


def _noise(name: str, kept: Kept) -> str:
    """How near denoisers of the data come to a network that predicts the noise, where all are farther."""
    found = kept.get(epsilon.KIND, {}).get(name)
    known = {row: epsilon.to_noise(found, row) for row in epsilon.DATA_ALONE} if found else {}
    r2 = {row: value for row, value in known.items() if value is not None}
    if not r2 or found is None or not epsilon.all_farther(found):
        return ""
    best = max(r2, key=lambda row: r2[row])
    return (
        f"To a network of {TITLES[name]} that predicts the noise, as the paper's do, no denoiser that "
        f"is made of the data has an r2 above {r2[best]:.2f} ({called(best)})"
    )
