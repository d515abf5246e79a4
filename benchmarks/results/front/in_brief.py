"""The first words of docs/results.md and README.md: what was found, what is against it, what is undecided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.results.bar import short_of
from benchmarks.results.front.beneath import ahead_as_released
from benchmarks.results.front.headlines import nearest, where_networks_look
from benchmarks.results.kept.gathering import Kept
from benchmarks.results.paper.agreement import claims_of, findings_against
from benchmarks.results.questions import epsilon, letter_rule
from benchmarks.results.questions.field_claims import BEST_ROUND, OWN_ROUND, known_fields
from benchmarks.results.questions.letter import Strength, each_strength
from benchmarks.results.questions.letter_rule import RULE
from benchmarks.results.words.answers import EXACT, FLOOR, OWN, Found, number_of
from benchmarks.results.words.titles import TITLES, capital, joined, lowered, on
from benchmarks.results.words.verdicts import OPEN, Finding

AGAINST, UNDECIDED = "Against the central claim", "Undecided"


@dataclass(frozen=True)
class Bullet:
    """Findings that stand in one bullet of the first words."""

    told: Sequence[Finding]
    about: str = ""  # before them

    @property
    def short(self) -> str:
        """What is enough to begin with."""
        return self._under_head(one.short for one in self.told)

    @property
    def whole(self) -> str:
        """All of it."""
        return self._under_head(one.whole for one in self.told)

    def _under_head(self, said: Iterable[str]) -> str:
        return f"{f'{self.about}: ' if self.about else ''}{' '.join(said)}"


def in_brief(tables: Mapping[str, Found], kept: Kept) -> list[Bullet]:
    """A bullet each: fields, samples, where networks look, what is against the claim, what is undecided."""
    noise = next(iter(tables), "")
    rest = (ahead_as_released(kept), _to_noise(noise, kept), _not_apart(noise, kept))
    findings = [
        *_fields(kept),
        Finding(nearest(tables), " ".join(filter(None, rest))),
        Finding(where_networks_look(tables, kept)),
    ]
    said = [Bullet([one]) for one in findings if one.short]
    said += [Bullet(list(findings_against(kept)), AGAINST), Bullet(list(_undecided(kept)), UNDECIDED)]
    return [one for one in said if one.told]


def _fields(kept: Kept) -> Iterator[Finding]:
    """Wiener's fields beside a network's, on the first data set, and what others and a round field have."""
    for title, one in list(known_fields(kept))[:1]:
        lead = (
            f"On {title} Wiener's sensitivity field, made of the data's covariance alone, has a cosine of at "
            f"least {min(one.cosines[FLOOR]):.3f} to a network's."
        )
        own_round = one.cosines.get(BEST_ROUND)
        others = {"a second network's has": one.second, "the network's own, made round,": own_round}
        beside = [f"{who} {min(some):.3f}" for who, some in others.items() if some]
        lead += f" {capital(joined(beside))}." if beside else ""
        more = []
        if farther := [sigma for sigma, way in one.beside_round.items() if way == -1]:
            more.append(
                f"At {len(farther)} of {len(one.beside_round)} noise levels the network's own field, made "
                "round so that the distance alone counts, is surely nearer."
            )
        if own := one.cosines.get(OWN_ROUND):
            more.append(f"Wiener's, made round, has at least {min(own):.3f}.")
            if loses := [f"{sigma:g}" for sigma, way in one.beside_own.items() if way == 1]:
                more.append(
                    f"At sigma {joined(loses)} Wiener's own field is surely nearer than its round one."
                )
        yield Finding(lead, " ".join(more))


def _undecided(kept: Kept) -> Iterator[Finding]:
    """The claims of the paper that are open, and what is known of letters that were not learned."""
    claims = [one.claim for one in claims_of(kept) if one.word == OPEN and not one.aside]
    if claims:
        told = joined(f"whether {lowered(one)}" for one in claims)
        learned = _not_learned(kept)
        yield Finding(f"{capital(told)}.", f"{learned}." if learned else "")


def _not_learned(kept: Kept) -> str:
    """The hidden letters that networks are not shown to have learned."""
    weak: dict[float, list[Strength]] = {}
    for one in each_strength(kept):
        if not one.learned:
            weak.setdefault(one.gamma, []).append(one)
    where = joined(f"{gamma:g} {on([one.title for one in some])}" for gamma, some in sorted(weak.items()))
    lead = f"Networks are not shown to have learned a hidden letter of strength {where}: {RULE}"
    some = letter_rule.in_brief([one for there in weak.values() for one in there])
    return ". ".join(filter(None, [lead, some])) if weak else ""


def _to_noise(name: str, kept: Kept) -> str:
    """How near samples come to those of a network that predicts the noise, where all are farther."""
    found = kept.get(epsilon.KIND, {}).get(name)
    if not found or not epsilon.all_farther(found) or not (told := _with_images(found)):
        return ""
    network = kept.get("unshipped", {}).get(f"{name}_{epsilon.KIND}")
    told_of = short_of(network) if network else ""
    worse = f" That network itself {told_of}." if told_of else ""
    lead = f"To a network of {TITLES[name]} that predicts the noise, as the paper's do, r2 is far lower"
    return f"{lead}: {joined(told)}.{worse}"


def _not_apart(name: str, kept: Kept) -> str:
    """That ours and PCA locality are not told apart there, with the training images of each; a sentence."""
    found = kept.get(epsilon.KIND, {}).get(name)
    if not found or epsilon.lead(found, OWN[1]) != 0:
        return ""
    rows = joined(_with_images(found, (OWN[1], EXACT)))
    return f"By r2 to a network of {TITLES[name]} that predicts the noise these are not told apart: {rows}."


def _with_images(found: Found, rows: Sequence[str] = (*epsilon.DATA_ALONE, epsilon.V)) -> list[str]:
    """The r2 of rows to that network, each with the training images that it reads."""
    told = []
    for row in rows:
        r2, count = epsilon.to_noise(found, row), number_of(found, f"{epsilon.KIND}/bank", row)
        images = f" ({count:,.0f} training images)" if count else ""
        told += [f"{epsilon.named(row)} {r2:.2f}{images}"] if r2 is not None else []
    return told
