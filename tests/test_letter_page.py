"""What the pages say of a hidden letter beside sure rises: small ones, one seed, levels left out, images."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from benchmarks.results.kept import store
from benchmarks.results.page_parts import cautions, sources
from benchmarks.results.pages import DOCS, STORE
from benchmarks.results.paper.agreement import agreement
from benchmarks.results.paper.letter_rows import letters
from benchmarks.results.questions import briefly
from benchmarks.results.questions.letter import strengths, with_gaps
from benchmarks.results.questions.letter_levels import number, recounted
from benchmarks.results.questions.letter_words import short
from benchmarks.results.words.verdicts import WEAKER, weaker
from locality.compare.claims import least_ratio
from tests.test_results_page import BY_PAGE, HEADS
from tests.test_short_answers import interval

SIGMAS = ("12", "6", "3", "2", "1", "0.342")  # the first two have an SNR_W of at most .1
Row = tuple[str, str, str]  # network / control, Wiener / control, whether the rise is sure
NONE: Row = ("1.00 [0.95, 1.05]", "1.10", "no")
NOTHING: Row = ("1.00 [0.95, 1.05]", "2.00", "no")  # where Wiener has much
PAIRED: Row = ("1.08 [1.02, 1.15]", "1.10", "no")
SURE: Row = ("1.50 [1.40, 1.60]", "1.60", "yes")


def measured(*rows: Row, gamma: str = "0.5", seeds: int = 1, size: int = 32) -> dict[str, Any]:
    """A comparison with one strength, a row for each of `SIGMAS`, and its control."""
    cells: list[list[Any]] = [[0.0, sigma, "0.2", None, None, None, None, None] for sigma in SIGMAS]
    for k, (sigma, (ratio, wiener, sure)) in enumerate(zip(SIGMAS, rows, strict=True)):
        expected = "yes" if k > 1 else "no"
        cells.append([gamma, sigma, "0.3", "0.2", ratio, wiener, sure, expected])
    tables = {
        "pattern/contrast": {"columns": [*HEADS, "network"], "rows": [[*one, "2"] for one in cells]},
        "pattern/verdict": {"rows": [[gamma, seeds, "so"]]},
    }
    run = {"command": "networks=[pretrained/first,runs/exports/other]", "commit": "c", "started": "now"}
    return {"tables": tables, "scalars": {}, "size": size, "run": run}


def test_rises_of_paired_intervals_alone_are_told_and_leave_a_claim_open() -> None:
    found = measured(NONE, NONE, PAIRED, PAIRED, NONE, NONE, seeds=2)
    place = "gamma0.5/t100"
    for kind, value in (("network", 0.5), ("wiener", 0.4), ("share", 0.9)):
        found["scalars"] |= interval(f"pattern/learned_{kind}", place, value, value, value)
    (row,) = letters({"pattern": {"cifar": found}})
    assert (row.word, "in paired intervals alone at 2" in row.number) == ("Open", True)
    told = (
        "Small rises: the paired interval alone is above 1 at sigma 3 and 2 (1.08 and 1.08 times). This is "
        "about Wiener's size: 1.10 and 1.10, inside the interval each time"
    )
    assert told in row.lines[0]
    said = page_of({"A": found})
    assert said.startswith(
        "At strength 0.5: in paired intervals alone on A (1.08 times the control, at sigma 3 and 2; "
        "Wiener 1.10)."
    )
    assert "| A, strength 0.5 | 0 of 4 | 2 of 4 |" in said
    assert told in said
    assert "The paired interval alone is above 1 on CIFAR-10: 1.08" in short({"pattern": {"cifar": found}})
    (row,) = letters({"pattern": {"cifar": measured(*[NONE] * 6) | {"scalars": {}}}})
    assert "paired" not in row.number + row.lines[0]


def test_paired_rises_of_another_size_than_wieners_are_not_told_as_alike() -> None:
    large: Row = ("1.40 [1.20, 1.60]", "1.10", "no")
    (row,) = letters({"pattern": {"cifar": measured(NONE, NONE, PAIRED, large, NONE, NONE, seeds=2)}})
    assert (
        "The paired interval alone is above 1 at sigma 3 and 2 (1.08 and 1.40 times). Wiener's 1.10"
        in (row.lines[0])
    )
    assert "inside the interval at 1 of 2" in row.lines[0]
    assert "seed" not in row.lines[0]


@pytest.mark.parametrize(("seeds", "sure"), [(1, False), (2, True)])
def test_a_rise_of_one_seed_that_seeds_differ_by_is_not_sure(seeds, sure) -> None:
    small: Row = ("1.15 [1.10, 1.20]", "1.20", "yes")
    found = measured(NONE, NONE, small, NONE, NONE, NONE, seeds=seeds)
    (row,) = letters({"pattern": {"cifar": found}})
    assert row.number.startswith(f"CIFAR-10: rise sure at {int(sure)} of 4")
    told = (
        "Paired intervals are above 1 at sigma 3, too (1.15 times). This is one seed: such rises are not told"
    )
    assert (told in row.lines[0]) is not sure
    said = recounted(found["tables"])["rows"][0][2]
    assert said.startswith(f"above the control at {int(sure)} of 4 noise levels where SNR_W says so")


def test_two_controls_that_differ_in_their_seed_alone_differ_by_less_than_what_one_seed_has_to_rise() -> None:
    """All that were measured: fields of magnitudes and of signed means, and three seeds of photographs."""
    kept, history = store.read(STORE), json.loads((DOCS / "experiments.json").read_text())
    known = [*(kept[kind]["cifar_v"] for kind in ("pattern", "pattern_signed")), history["pattern"]]
    found = []
    for one in known:
        table = one["tables"]["pattern/contrast"]
        places = [table["columns"].index(name) for name in ("gamma", "network", "spread over seeds")]
        for gamma, network, spread in ([row[place] for place in places] for row in table["rows"]):
            if not float(gamma):
                mean, apart = number(network), float(spread) / 2**0.5  # half of what two differ by
                found.append((mean + apart) / (mean - apart))
    assert len(found) == 27
    assert 1.1 < max(found) < least_ratio(1)


def page_of(known: dict[str, Any]) -> str:
    """What the page says of the letter, with what folds."""
    return f"{briefly.pattern(known)}\n\n{briefly.pattern_beside(known)}"


def heldout(*behind: float) -> dict[str, Any]:
    """A network that is surely behind Wiener at some noise levels, or not shown to beat it (below 0)."""
    rows = [
        [s, 1, 1, 1.0, 1.1 if s in behind else 0.9 if -s in behind else 0.7, 1.2 if s in behind else 1.1]
        if s in behind or -s in behind
        else [s, 1, 1, 0.8, 0.7, 0.9]
        for s in (0.1, 0.5, 1.5, 2.5, 5.0, 10.0)
    ]
    return {"tables": {"heldout": {"rows": rows}}, "run": {}}


@pytest.mark.parametrize(("early", "would"), [(SURE, "would be: agrees in part"), (NONE, "is the same")])
def test_levels_left_out_are_named_with_what_they_would_show(early, would) -> None:
    kept = {"pattern": {"cifar": measured(early, NONE, SURE, SURE, SURE, SURE)}}
    (row,) = letters(with_gaps({**kept, "unshipped": {"other": heldout(10.0, 5.0)}}))
    assert row.word == "Agrees"
    count = int(early is SURE)
    told = " (1.50 times, Wiener's 1.60). There the claim has none" if count else ""
    assert (
        "Left out, at or beside levels at which a network is not shown to beat Wiener: sigma 12, 6 and 3. "
        "SNR_W is above 0.1 at 1 of these, and a rise is sure at 1 of 1. SNR_W is lower at 2, and a rise is "
        f"sure at {count} of 2{told}. With them the verdict {would}"
    ) in row.lines[0]
    (row,) = letters(with_gaps({**kept, "unshipped": {"other": heldout()}}))
    assert "left out" not in (row.number + row.lines[0]).lower()


def test_networks_that_do_not_ship_are_named_where_nothing_is_to_be_concluded() -> None:
    kept = {"networks": {"first": heldout()}, "unshipped": {"other": heldout(10.0, -2.5)}}
    said = cautions(measured(*[NONE] * 6), kept)
    assert (
        said
        == " At sigma 10 conclude nothing from this network, which has surely more error than Wiener there: "
        "other. At sigma 2.5 conclude nothing from this network, which is not shown to beat Wiener there: "
        "other."
    )


def test_one_rule_says_what_is_weaker_of_a_spot_and_of_a_letter() -> None:
    assert weaker(1.4, 2.0)
    assert not weaker(1.5, 2.0)
    faint: Row = ("1.50 [1.40, 1.60]", "2.10", "yes")
    for wiener, word in ((2.0, "Agrees"), (2.1, "Agrees in part")):
        rows = [NONE, NONE, *[faint if wiener > 2 else ("1.50 [1.40, 1.60]", "2.00", "yes")] * 4]
        eyes = {
            f"mirror/ratio{end}/left_eye/{name}/t300": value
            for end in ("", "_low", "_high")
            for name, value in (("network", 3.0), ("wiener", 2 * wiener + 1))
        }
        kept = {"pattern": {"cifar": measured(*rows)}, "mirror": {"afhq32": {"scalars": eyes}}}
        text = agreement(kept)
        assert f"| {word} | CIFAR-10: rise sure at 4 of 4" in text
        assert f"twin is | {word} | 1 of 1 networks of cats" in text
        assert text.count(WEAKER) == 1
        told = (
            "1 of 1 is weaker: 3.0 times as much there as on the ring around it at sigma 1.24, where Wiener"
        )
        assert (told in text) is (wiener > 2.0)
        assert (told in briefly.eyes({"A": kept["mirror"]["afhq32"]})) is (wiener > 2.0)


@pytest.mark.parametrize(
    ("low", "high", "cell"),
    [
        (0.9, 0.95, "yes"),
        (0.1, 0.95, "some, at sigma 0.342"),
        (0.1, 1.05, "not shown"),
        (-0.1, 0.95, "not shown"),
    ],
)
def test_some_of_a_letter_is_learned_where_any_of_wieners_gain_is_sure(low, high, cell) -> None:
    """`low` is of the share of Wiener's gain, `high` of the error over the control's."""
    found = measured(*[NONE] * 6)
    for kind, ends in (("network", (0.9, 0.8, high)), ("wiener", (0.8,) * 3), ("share", (0.6, low, 1.1))):
        found["scalars"] |= interval(f"pattern/learned_{kind}", "gamma0.5/t100", *ends)
    text = page_of({"A": found})
    assert f"| {cell} |" in text
    told = (
        "strength 0.5: Networks have surely learned some of the letter, at 1 of 6 noise levels. At sigma "
        "0.342, where Wiener gains most, their error along it is 0.90 [0.80, 0.95] times the control's. That "
        "is 60 % [10, 110] of Wiener's gain. We ask that the whole interval is above 25 % there."
    )
    assert (told in text) is cell.startswith("some")
    assert ("have learned more than some of it" in short({"pattern": {"cifar": found}})) is (
        cell.startswith("some")
    )


@pytest.mark.parametrize(("start", "share"), [(2.0, 1.8), (0.5, 0.45)])
def test_a_gain_is_defined_and_a_share_above_1_is_told_apart_from_less_error(start, share) -> None:
    """Errors: Wiener .5 of its control's 1, networks .55 of their control's `start`."""
    found = measured(*[NONE] * 6)
    for kind, value in (("network", 0.55), ("wiener", 0.5), ("share", share)):
        found["scalars"] |= interval(f"pattern/learned_{kind}", "gamma0.5/t100", value, value, value)
    assert share == pytest.approx(start * (1 - 0.55) / (1 - 0.5))
    text = page_of({"A": found})
    assert "the control's error less the network's" in text
    assert (
        f"| A, strength 0.5 | 0.342 | 0.55 | 0.5 | {start:.3g} | {start * 0.55 / 0.5:.3g} | {share} |" in text
    )
    assert ("A share above 1 does not say" in text) is (start > 1)


@pytest.mark.parametrize(
    ("rises", "told"),
    [
        (("1.5", "2.5"), "; not weaker with signs kept: 2.5"),
        (("2.5", "1.5"), "; weaker with signs kept: 1.5"),
        (("1.5", "1.5"), ""),
    ],
)
def test_where_weaker_hangs_on_the_measure_of_fields_the_short_answer_says_so(rises, told) -> None:
    plain, signed = (measured(*[(f"{rise} [1.4, 2.6]", "3.00", "yes")] * 6) for rise in rises)
    kept = with_gaps({"pattern": {"cifar": plain}, "pattern_signed": {"cifar": signed}})
    text = page_of({"A": kept["pattern"]["cifar"]})
    assert f"A ({rises[0]} times the control; Wiener 3.0{told}{', Wiener 3.0' * bool(told)})" in text
    cells = [f"{float(rise):.2f}, 3.00 (32){', weaker' * (rise == '1.5')}" for rise in rises]
    assert f"| {' | '.join(cells)} |" in text


def test_images_and_commands_of_fields_of_signed_means_are_told() -> None:
    signed = measured(*[SURE] * 6, size=128)
    signed["run"] = {**signed["run"], "command": "compare.magnitude=signed", "commit": "d"}
    kept = with_gaps({"pattern": {"cifar": measured(*[SURE] * 6)}, "pattern_signed": {"cifar": signed}})
    found = kept["pattern"]["cifar"]
    assert "| 1.50, 1.60 (32) | 1.50, 1.60 (128) |" in page_of({"A": found})
    told = sources(BY_PAGE["pattern"], "cifar", found)
    assert told[1].startswith("CIFAR-10, signs kept: `compare.magnitude=signed`, commit `d`")
    assert len(sources(BY_PAGE["pattern"], "cifar", measured(*[SURE] * 6))) == 1


@pytest.mark.parametrize(
    ("row", "word", "said"),
    [
        (SURE, "Agrees", "yes on A"),
        (NONE, "Open", "not shown on A"),
        (PAIRED, "Open", "not shown on A"),
    ],
)
def test_a_weak_letter_beside_a_strong_one_has_its_own_verdict(row, word, said) -> None:
    """Both strengths of one comparison, with fields of signed means."""
    found, weak = measured(NONE, NONE, *[SURE] * 4), measured(NONE, NONE, *[row] * 4, gamma="0.1")
    for table in found["tables"]:
        found["tables"][table]["rows"] += [one for one in weak["tables"][table]["rows"] if float(one[0])]
    kept = with_gaps({"pattern": {"cifar_epsilon": found}, "pattern_signed": {"cifar_epsilon": found}})
    verdicts = {one.claim.split()[-1]: one.word for one in letters(kept)}
    assert verdicts == {"0.1": word, "0.5": "Agrees"}
    text = page_of({"A": kept["pattern"]["cifar_epsilon"]})
    assert f"At strength 0.1: {said}" in text
    assert ("A rise is sure at none of these" in text) is (row is PAIRED)
    assert ("the paired interval is above 1 at no noise level" in text) is (row is NONE)


def test_one_seed_of_photographs_has_the_verdicts_of_three() -> None:
    history = json.loads((DOCS / "experiments.json").read_text())["pattern"]
    kept = with_gaps(store.read(STORE))["pattern"]["photos16_epsilon"]
    three = strengths("A", {**copy.deepcopy(history), "scalars": kept["scalars"], "behind": kept["behind"]})
    one = strengths("A", kept)
    assert [some.seeds for some in three] == [3, 3]
    for few, many in zip(one, three, strict=True):
        assert (few.sure, len(few.early), few.verdict) == (many.sure, len(many.early), many.verdict)


@pytest.mark.parametrize(("rises", "word"), [(NOTHING, "Does not agree"), (SURE, "Open")])
def test_a_learned_letter_without_a_rise_goes_against_the_claim_unless_signed_means_show_it(rises, word):
    found, signed = measured(*[NOTHING] * 6), measured(*[rises] * 6)
    for kind, value in (("network", 0.5), ("wiener", 0.4), ("share", 0.9)):
        found["scalars"] |= interval(f"pattern/learned_{kind}", "gamma0.5/t100", value, value, value)
    kept = with_gaps({"pattern": {"cifar": found}, "pattern_signed": {"cifar": signed}})
    (row,) = letters(kept)
    assert row.word == word
    assert ("A rise is sure at 6 of these" in row.lines[0]) is (rises is SURE)
    text = briefly.pattern({"A": kept["pattern"]["cifar"]})
    told = "not shown on A (with signs kept, in paired intervals: 1.50 times the control, at sigma 3, 2,"
    assert (told in text) is (rises is SURE)
    assert ("Against the claim" in briefly.pattern({"A": kept["pattern"]["cifar"]})) is (rises is NOTHING)
    assert ("a hidden letter of strength 0.5 was learned" in agreement(kept)) is (rises is NOTHING)
