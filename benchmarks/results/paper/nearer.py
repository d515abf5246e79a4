"""What docs/results/paper.md says of PCA locality beside Wiener and the patch methods: who is nearer."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from benchmarks.results.caveats import banks
from benchmarks.results.kept.gathering import Kept
from benchmarks.results.paper.hangs import (
    LIKE,
    bank_matters,
    equal_in_short,
    forms_in_short,
    forms_told,
    like_banks,
    noise_in_short,
    noise_told,
    open_in_short,
    to_noise,
    with_equal,
)
from benchmarks.results.questions.claims import but_medians, standing, standing_to, stands
from benchmarks.results.questions.entropy import surely_lower
from benchmarks.results.questions.equal_banks import KIND
from benchmarks.results.questions.field_claims import lower_cosines
from benchmarks.results.questions.own_short import SECOND
from benchmarks.results.words import protocols
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    RELEASED,
    Found,
    interval_of,
    listed,
    paired,
    side,
    signed,
    stands_to,
)
from benchmarks.results.words.titles import TITLES, called, capital, on
from benchmarks.results.words.verdicts import AGREES, IN_PART, OPEN, Judged, judged, said

MEASURE = "r2 of samples, seed by seed:"
RIVALS = (FLOOR, "local_score", "patch_composite")
CLAIM = "PCA locality is nearer to a network than {}"
AGAIN = f"the same claim as that of the row on PCA locality and {called(FLOOR)}, of another form"
SHORT = {0: "level", -1: "behind"}


def nearer(every: Mapping[str, Found], kept: Kept) -> Iterator[Judged]:
    """Whether PCA locality is nearer to a network than Wiener and than the patch methods."""
    for rival in RIVALS:
        tables = with_equal(every, rival, kept)
        again = list(equal_in_short(every, tables))
        sorts = standing(tables, EXACT, FLOOR) if rival == FLOOR else standing_to(tables, rival)
        if sorts:
            like = _counted(tables, rival, sorts)
            of = sum(map(len, like.values()))
            word, but = judged(len(like.get(1, [])), of) if of else OPEN, list(_but(tables, rival, kept))
            second, ahead = _to_second(tables, rival)
            ahead = ahead and all(side(one) == 1 for one in to_noise(kept, rival).values())
            word = IN_PART if word == AGREES and (but or not ahead or like != sorts) else word
            said_of = (*again, *_hangs(tables, rival, kept), *second, *but)
            claim = f"that {CLAIM.format(called(rival))}"
            yield said(
                claim[5:], word, ". ".join([_number(tables, rival, sorts, kept), *again]),
                ("ceiling", KIND) if again else ("ceiling",),
                f"{'whether' if word == OPEN else 'that'}{claim[4:]}, seed by seed: "
                f"{stands(sorts, called(rival))}{but_medians(tables, EXACT, rival, sorts)}"
                f"{_fewer(tables, rival)}{''.join(f'. {one}' for one in said_of)} "
                "([r2 of samples](ceiling.md)).",
            )  # fmt: skip


def as_released(kept: Kept, counted: Container[str] = ()) -> Iterator[Judged]:
    """Whether PCA locality as the paper's code has it is nearer to a network than Wiener, by protocol.

    Where the claim is counted in the row of the exact form, it is not counted again.
    """
    groups = protocols.apart(kept.get("released", {}))
    again = AGAIN if CLAIM.format(called(FLOOR)) in counted else ""
    place = f"released/median_r2_second_over_{FLOOR}"
    for protocol, known in groups.items():
        if sorts := standing(known, RELEASED, FLOOR, "released"):
            told = _ahead(sorts)
            second = [side(one) for found in known.values() if (one := interval_of(found, place, RELEASED))]
            told += [f"to a second network ahead on {second.count(1)} of {len(second)}"] if second else []
            told += ["to a second network not measured"] if not second and len(groups) > 1 else []
            ways = [*second, *(way for way, names in sorts.items() for _ in names)]
            claim = f"PCA locality as released is nearer to a network than {called(FLOOR)}"
            lead = protocols.of(protocol, known) if len(groups) > 1 else ""
            yield said(
                claim, judged(ways.count(1), len(ways)),
                f"{lead}{': ' * bool(lead)}{', '.join(told)}", ("released_form",),
                f"that {claim}{f' ({lead})' if lead else ''}, seed by seed: {stands(sorts, called(FLOOR))}. "
                "It has masks of float32 factors, batch averages and a tau of its own. "
                f"{f'{protocols.BATCHES} ' if 'afhq32' in known else ''}([Released form](released_form.md).)",
                again,
            )  # fmt: skip


def _number(tables: Mapping[str, Found], rival: str, sorts: Mapping[int, list[str]], kept: Kept) -> str:
    """On how many data sets it is ahead, where it is not, and where it is farther in one step."""
    like, left = _counted(tables, rival, sorts), open_in_short(tables, rival, sorts)
    told = [", ".join(_ahead(like)) + _sure_beside_second(like_banks(tables, rival), rival)] if like else []
    told += [left if like else f"{MEASURE} {left}"] if left else []
    told += forms_in_short(tables, kept) if rival == FLOOR else ()
    told += noise_in_short(kept, rival)
    farther = [TITLES[name] for name in _surely(tables, EXACT, rival)]
    told += [f"in one step surely farther at some sigma {on(farther)}"] if farther else []
    first, *others = told
    return ". ".join([first, *(capital(one) for one in others)])


def _counted(tables: Mapping[str, Found], rival: str, sorts: Mapping[int, list[str]]) -> dict[int, list[str]]:
    """Of the data on which it is ahead, level or behind, those with banks of like size."""
    titles = {TITLES[name] for name in like_banks(tables, rival)}
    like = {way: [one for one in names if one in titles] for way, names in sorts.items()}
    return {way: names for way, names in like.items() if names}


def _hangs(tables: Mapping[str, Found], rival: str, kept: Kept) -> Iterator[str]:
    """What decides how it stands: the form, the banks, what networks predict."""
    if rival == FLOOR:
        yield from forms_told(tables, kept)
    if like_banks(tables, rival) != tables:
        yield f"Where one has more than {LIKE} times as many as the other, the comparison is open"
        yield from bank_matters(kept)
    yield from noise_told(kept, rival)


def _ahead(sorts: Mapping[int, list[str]]) -> list[str]:
    """On how many data sets it is ahead, and where it is not."""
    of, ahead = sum(map(len, sorts.values())), len(sorts.get(1, []))
    told = [f"{MEASURE} ahead on {ahead} of {of} data sets"]
    return told + [f"{word} {on(sorts[way])}" for way, word in SHORT.items() if way in sorts]


def _but(tables: Mapping[str, Found], rival: str, kept: Kept) -> Iterator[str]:
    """Where PCA locality is surely farther in one step; and its fields, beside Wiener's."""
    if told := _told(_surely(tables, EXACT, rival)):
        yield f"In one step it is surely farther than {called(rival)} {told}"
        near = _told(_surely(tables, rival, EXACT))
        yield f"It is surely nearer {near}" if near else "It is nowhere surely nearer"
        yield from _part(tables)
    if rival == FLOOR and (fields := lower_cosines(kept)):
        yield f"Its fields have a lower cosine to the network's than Wiener's {'; '.join(fields)}"


def _to_second(tables: Mapping[str, Found], rival: str) -> tuple[list[str], bool]:
    """How both stand to the second network, and whether PCA locality is ahead everywhere."""
    told, ahead = [], True
    for name, found in tables.items():
        own, theirs = (found["scalars"].get(f"{SECOND}/{row}") for row in (EXACT, rival))
        if own is None or theirs is None:
            continue
        over = paired(found, SECOND, EXACT, rival)
        lead = f" ({signed(over)} seed by seed)" if over else ""
        told.append(f"{own:.3f}, and {called(rival)}'s {theirs:.3f}{lead}, {on([TITLES[name]])}")
        ahead = ahead and stands_to(found, SECOND, EXACT, rival) == 1
    start = "To a second network, for which no setting was chosen, its median r2 is"
    return [f"{start} {'; '.join(told)}"] if told else [], ahead


def _sure_beside_second(tables: Mapping[str, Found], rival: str) -> str:
    """On how many data sets it is surely ahead there."""
    sides = [side(one) for found in tables.values() if (one := paired(found, SECOND, EXACT, rival))]
    return f", to a second network ahead on {sides.count(1)} of {len(sides)}" if sides else ""


def _part(tables: Mapping[str, Found]) -> Iterator[str]:
    """Where PCA locality reads a part of the training images."""
    told = [
        f"{own:,} of {found['images']:,} {on([TITLES[name]])}"
        for name, found in tables.items()
        if (own := banks(found).get(EXACT, 0)) and own < found.get("images", 0)
    ]
    if told:
        yield (
            f"It reads a part of the training images ({'; '.join(told)}). [More images](bank_sizes.md) were "
            "measured, too"
        )


def _surely(tables: Mapping[str, Found], row: str, other: str) -> dict[str, list[int]]:
    """Where a row's r2 of one step is surely below another's, intervals apart."""
    lower = {name: list(surely_lower(found, "paper", row, other)) for name, found in tables.items()}
    return {name: times for name, times in lower.items() if times}


def _told(lower: Mapping[str, list[int]]) -> str:
    return "; ".join(f"at sigma {listed(times)} on {TITLES[name]}" for name, times in lower.items())


def _fewer(tables: Mapping[str, Found], rival: str) -> str:
    """Where the rival reads fewer training images than PCA locality."""
    known = {name: banks(found) for name, found in tables.items()}
    both = {name: bank for name, bank in known.items() if rival in bank and EXACT in bank}
    told = [
        f"{bank[EXACT]:,} against {bank[rival]:,} {on([TITLES[name]])}"
        for name, bank in both.items()
        if bank[rival] < bank[EXACT]
    ]
    return f". It reads more training images than {called(rival)}: {'; '.join(told)}" if told else ""
