"""What the front page and the page on the paper say of Wiener's fields: cosine and reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions.fields import (
    REACHES,
    Ends,
    level_ends,
    level_rows,
    radii,
    reaches,
)
from benchmarks.results.words.answers import EXACT, FLOOR, Found, apart
from benchmarks.results.words.titles import DATA, TITLES, called, joined
from benchmarks.results.words.verdicts import Judged, judged, said
from locality.report.names import ROUND, known

ALIKE = 0.9  # the least cosine of fields that match
NETWORK, SECOND = "network", "second_network"
BEST_ROUND = NETWORK + ROUND  # the network's own field, made round: no round field is nearer to it
OWN_ROUND = FLOOR + ROUND  # Wiener's field without its directions


@dataclass(frozen=True)
class Fields:
    """How Wiener's fields stand to a network's."""

    cosines: dict[str, list[float]]  # of each row, at each noise level
    sigma: float  # a middle noise level
    network: Ends | None  # the pixels within which half of its field lies there
    wiener: Ends | None
    ways: tuple[int, ...]  # at each noise level -1, 0, 1: less far than the network's, as far, or further
    beside_round: dict[float, int]  # sigma -> -1, 0, 1: Wiener's cosine below any round field's, ..., above
    beside_own: dict[float, int]  # the same beside Wiener's own field, made round
    sizes: tuple[float, ...] = ()  # at each noise level the reach of Wiener's field over the network's
    gaps: tuple[float, ...] = ()  # and by how many pixels it is further, or less far where below 0
    signed: Fields | None = None  # the same of fields whose derivatives kept their signs

    @classmethod
    def of(cls, found: Found) -> Fields:
        """From the tables of a run."""
        cosines = dict(level_rows(found, "sensitivity/cosine"))
        if "sensitivity/radius" not in found["tables"]:
            return cls(cosines, 0.0, None, None, (), {}, {})
        sigma, reach = reaches(found)
        every = [rows for rows in radii(found).values() if NETWORK in rows and FLOOR in rows]
        ways = tuple(apart(rows[FLOOR], rows[NETWORK]) for rows in every)
        both = level_ends(found, "sensitivity/cosine").items()
        best, own = (
            {s: apart(rows[FLOOR], rows[row]) for s, rows in both if row in rows}
            for row in (BEST_ROUND, OWN_ROUND)
        )
        sizes = tuple(rows[FLOOR][0] / rows[NETWORK][0] for rows in every)
        gaps = tuple(rows[FLOOR][0] - rows[NETWORK][0] for rows in every)
        signed = cls.of(found["signed"]) if "signed" in found else None
        return cls(cosines, sigma, reach.get(NETWORK), reach.get(FLOOR), ways, best, own, sizes, gaps, signed)

    @property
    def second(self) -> list[float] | None:
        """The cosines of a second network's field."""
        return next((some for row, some in self.cosines.items() if known(row) == SECOND), None)

    @property
    def good(self) -> int:
        """At how many noise levels Wiener's cosine is that of fields that match."""
        return sum(value >= ALIKE for value in self.cosines[FLOOR])

    @property
    def way(self) -> int | None:
        """-1, 0, 1: Wiener's field reaches less far than the network's, as far, or further, by intervals."""
        if self.network is None or self.wiener is None:
            return None
        return apart(self.wiener, self.network)

    def counted(self, less: str, more: str) -> str:
        """At how many noise levels Wiener's field reaches surely less far, or further, in these words."""
        told = [
            f"{word} at {count}" for way, word in ((-1, less), (1, more)) if (count := self.ways.count(way))
        ]
        return f"{joined(told)} of {len(self.ways)} noise levels" if told else ""

    def span(self) -> str:
        """How far Wiener's field reaches over the network's, least and most."""
        return f"{min(self.sizes):.2f} to {max(self.sizes):.2f} times"

    def within(self) -> str:
        """By how many pixels the reaches of both fields differ at most."""
        return f"{max(map(abs, self.gaps)):.2f} pixels"

    def with_signs(self) -> str:
        """The same of fields whose derivatives kept their signs, as sentences; nothing where unknown.

        In pixels: where fields reach over one or two of them, a ratio makes much of a part of one.
        """
        if self.signed is None or not self.signed.ways:
            return ""
        count = self.signed.counted("less", "more")
        told = f"surely {count}" if count else f"as far at all {len(self.signed.ways)} noise levels"
        start = "Where derivatives keep their signs in the mean over images"
        return f"{start}, Wiener's reach is within {self.signed.within()} of the network's. It is {told}"

    def signs_in_short(self) -> str:
        """The count of these in brackets, after a space."""
        count = self.signed.counted("less", "more") if self.signed else ""
        return f" (with signs kept {count})" if count else ""

    @property
    def differs(self) -> bool:
        """Whether Wiener's field surely reaches less far or further somewhere, with signs and without."""
        return any(self.ways) and (self.signed is None or any(self.signed.ways))

    def round(self) -> str:
        """Where Wiener's field is surely nearer to the network's than any round one, and where farther.

        In sentences without the last stop; nothing where neither is sure.
        """
        told: list[str] = []
        for way, word, of in ((1, "nearer", "to"), (-1, "farther", "from")):
            if levels := [f"{sigma:g}" for sigma, one in self.beside_round.items() if one == way]:
                every = len(levels) == len(self.beside_round)
                start = "At every noise level" if every else f"At sigma {joined(levels)}"
                whole = (
                    f"{start} Wiener's field is surely {word} {of} the network's than the network's own field"
                )
                told.append(f"{start} it is surely {word}" if told else f"{whole}, made round")
        return ". ".join(told)

    def beyond(self) -> str:
        """The same, with what it means."""
        return f"A round field depends on the distance alone. {told}. " if (told := self.round()) else ""

    def reach(self) -> str:
        """How far Wiener's field reaches beside the network's."""
        if self.way is None or self.network is None or self.wiener is None:
            return ""
        count = self.counted("reaches less far", "further")
        return (
            f" Wiener's field reaches {REACHES[self.way]}: at sigma {self.sigma:g} half of it lies within "
            f"{self.wiener[0]:.2f} pixels, half of the network's within {self.network[0]:.2f}."
            + (f" By the intervals it {count}." if count else "")
            + (f" {signs}." if (signs := self.with_signs()) else "")
        )


def known_fields(kept: Kept) -> Iterator[tuple[str, Fields]]:
    """The title of each data set whose fields were measured, Wiener's among them."""
    for name in DATA:
        found = kept.get("fields", {}).get(name)
        fields = Fields.of(found) if found else None
        if fields is not None and FLOOR in fields.cosines:
            yield TITLES[name], fields


def fields_agree(kept: Kept) -> Iterator[Judged]:
    """Whether Wiener's fields match the network's: by their cosine, and by how far they reach."""
    for title, one in known_fields(kept):
        of = len(one.cosines[FLOOR])
        word = judged(one.good, of)
        if (word == "Agrees" and (any(one.ways) or -1 in one.beside_round.values())) or (
            word == "Does not agree" and one.way == 0
        ):
            word = "Agrees in part"
        told = [f"{called(row)} {min(some):.3f} to {max(some):.3f}" for row, some in one.cosines.items()]
        count = one.counted("less far", "further")
        reach = f", reaches {count}" if count else ""
        yield said(
            "Wiener's field matches a network's", word,
            f"{title}: cosine at least {min(one.cosines[FLOOR]):.2f}{reach}", ("fields",),
            f"that Wiener's field matches a network's, on {title}.{one.reach()} The cosine is "
            f"{ALIKE:g} or more at {one.good} of {of} noise levels. {one.beyond()}"
            f"Cosines: {'; '.join(told)} ([fields](fields.md)).",
        )  # fmt: skip


def field_claim(kept: Kept) -> str:
    """What a field is, and Wiener's beside a network's on the first data set."""
    for title, one in known_fields(kept):
        said = [
            "A field says how much an output pixel depends on each input pixel",
            f"On {title} Wiener's field, made of the covariance alone, has a cosine of at least "
            f"{min(one.cosines[FLOOR]):.3f} to a network's",
        ]
        said += [f"A second network's field has at least {min(one.second):.3f}"] if one.second else []
        if count := one.counted("reaches less far", "reaches further"):
            said.append(f"Wiener's field {count}")
        if signs := one.with_signs():
            said.append(signs)
        said += [told] if (told := one.round()) else []
        return " ".join(f"{sentence}." for sentence in said)
    return ""


def lower_cosines(kept: Kept) -> list[str]:
    """On which data PCA locality's fields have a cosine to the network's below that of Wiener's."""
    said = []
    for title, one in known_fields(kept):
        both = list(zip(one.cosines.get(EXACT, []), one.cosines[FLOOR], strict=False))
        lower = sum(exact < floor for exact, floor in both)
        if lower:
            said.append(f"at {lower} of {len(both)} noise levels on {title}")
    return said
