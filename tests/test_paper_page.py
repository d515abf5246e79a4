"""docs/results/paper.md: a count, a row for each claim, and the same in words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.results.paper.agreement import agreement, claims_of, findings_against
from benchmarks.results.questions import equal_banks
from benchmarks.results.questions.letter import with_gaps
from benchmarks.results.questions.own_gap import BY_ENTROPY
from benchmarks.results.words.answers import EXACT, FLOOR, RELEASED, WSSM
from benchmarks.results.words.titles import bullets
from benchmarks.results.words.verdicts import COUNTED, Judged, counted, merged, not_counted
from tests.test_front_page import network
from tests.test_results_page import measured, ratios, with_fields, with_letters
from tests.test_short_answers import letter

WHOLE = ["0.5", "1", "1", "0.9", "2.5 [2, 3]", "3", "yes", "yes"]
SMALL = ["0.5", "1", "1", "0.9", "1.2 [1.1, 1.3]", "3", "yes", "yes"]
FAINT = ["0.1", "1", "1", "0.01", "1 [0.9, 1.1]", "1.1", "no", "yes"]

LEVELS = "noise levels with SNR_W above 0.1"  # at which the paper predicts a rise


def claim_of(word: str, claim: str = "a", number: str = "1") -> Judged:
    """A claim with a line."""
    return Judged(claim, word, number, ("eyes",), (f"**{word}** that {claim}.",))


def kept(*letters: list[Any]) -> dict[str, Any]:
    """Something of each kind of claim."""
    paper = measured("paper")
    for end, value in (("_low", 0.1), ("", 0.2), ("_high", 0.3)):
        paper["scalars"][f"paper/median_r2_over_wiener{end}/pca_locality"] = value
    paper["scalars"]["paper/copy_rate/optimal"] = 1.0
    eyes = ratios("left_eye", network={300: (3.0, 4.0, 5.0)}, dit={300: (1.0, 2.0, 3.0)})
    return {
        **with_letters(*(letters or (WHOLE, FAINT))), "fields": with_fields("0.95"),
        "mirror": {"afhq32": {"scalars": eyes}}, "paper": {"photos16": paper},
    }  # fmt: skip


def test_the_released_form_beside_wiener_is_a_claim_of_its_own() -> None:
    def ahead(low: float, kind: str = "median_r2") -> dict[str, float]:
        place = f"released/{kind}_over_{FLOOR}"
        return {f"{place}{end}/{RELEASED}": low + k for k, end in enumerate(("_low", "", "_high"))}

    found = {"cifar": {"scalars": ahead(0.1)}, "afhq32": {"scalars": ahead(-1)}}
    (row,) = claims_of({"released": found})
    assert row.claim == "PCA locality as released is nearer to a network than Wiener"
    assert row.word == "Agrees in part"
    assert row.number == "r2 of samples, seed by seed: ahead on 1 of 2 data sets, level on cats (32 x 32)"
    del found["afhq32"]
    (row,) = claims_of({"released": found})
    assert row.word == "Agrees"
    found["cifar"]["scalars"] |= ahead(-1, "median_r2_second")
    (row,) = claims_of({"released": found})
    assert row.number.endswith("ahead on 1 of 1 data sets, to a second network ahead on 0 of 1")
    assert row.word == "Agrees in part"


def ends(place: str, row: str, low: float, high: float) -> dict[str, float]:
    """A number of a row with its interval."""
    return {f"{place}{end}/{row}": v for end, v in (("_low", low), ("", (low + high) / 2), ("_high", high))}


def nearer_to(rival: str, found: dict[str, Any]) -> Judged:
    """The row on PCA locality beside a rival."""
    end = f"PCA locality is nearer to a network than {rival}"
    return next(one for one in claims_of(found) if one.claim == end)


def test_a_claim_that_is_level_in_one_form_and_ahead_in_others_names_each() -> None:
    place = f"paper/median_r2_over_{FLOOR}"
    scalars = ends(place, EXACT, -0.1, 0.2) | ends(place, WSSM, 0.1, 0.2) | ends(place, BY_ENTROPY, -0.2, 0.1)
    released = ends(f"released/median_r2_over_{FLOOR}", RELEASED, 0.3, 0.5)
    found = {"scalars": scalars | {f"paper/samples/{WSSM}": 32.0}, "calibrated": [[EXACT, "tau", "a", "9"]]}
    kept_ = {"paper": {"afhq32": found}, "released": {"afhq32": {"scalars": released}}}
    row = nearer_to("Wiener", kept_)
    assert row.word == "Does not agree"
    assert row.number.endswith(
        "level on cats (32 x 32). On cats (32 x 32) it is level with the tau that calibration found, surely "
        "ahead with batch averages and the released form"
    )
    told = "the tau that calibration found +0.050 [-0.100, +0.200]; tau by entropy -0.050 [-0.200, +0.100]; "
    told += (
        "batch averages +0.150 [+0.100, +0.200] (32 seeds); the released form, in a run of its own, +0.400"
    )
    assert f"On cats (32 x 32) it hangs on the form. r2 less Wiener's, seed by seed: {told}" in row.lines[0]
    released |= ends(f"released/median_r2_over_{FLOOR}", RELEASED, -0.3, 0.5)
    found["scalars"] |= ends(place, WSSM, -0.1, 0.2)
    assert "hangs" not in nearer_to("Wiener", kept_).lines[0], "all forms are level"


@pytest.mark.parametrize(("theirs", "is_open"), [(50.0, False), (49.0, True), (200.0, False), (201.0, True)])
def test_a_comparison_is_open_where_one_has_more_than_twice_the_training_images(theirs, is_open) -> None:
    place, bank = f"paper/median_r2_over_{EXACT}", "paper/bank/patch_composite"
    scalars = ends(place, "patch_composite", -0.2, -0.1) | {f"paper/bank/{EXACT}": 100.0, bank: theirs}
    like = ends(place, "patch_composite", -0.1, 0.1) | {f"paper/bank/{EXACT}": 100.0, bank: 100.0}
    row = nearer_to("patch composite", {"paper": {"cifar": {"scalars": scalars}}})
    counts = f"on CIFAR-10 (100 training images against {theirs:.0f}, ahead)"
    assert (row.word == "Open") == is_open
    assert row.lines[0].startswith(f"**{row.word}** {'whether' if is_open else 'that'} PCA locality")
    assert (f"seed by seed: open, for unequal banks, {counts}" in row.number) == is_open
    row = nearer_to(
        "patch composite", {"paper": {n: {"scalars": s} for n, s in (("cifar", scalars), ("afhq32", like))}}
    )
    ahead = "ahead on 0 of 1 data sets" if is_open else "ahead on 1 of 2 data sets"
    assert row.word == ("Does not agree" if is_open else "Agrees in part")
    assert f"seed by seed: {ahead}, level on cats (32 x 32)" in row.number
    assert (f". Open, for unequal banks, {counts}" in row.number) == is_open


def test_the_page_of_equal_banks_tells_of_each_rival_where_it_is_behind_and_where_ahead() -> None:
    place = f"equal_banks/median_r2_over_{EXACT}"
    first = ends(place, "local_score", -0.9, -0.8) | ends(place, "patch_composite", -0.2, -0.1)
    second = ends(place, "local_score", -0.9, -0.8) | ends(place, "patch_composite", 0.1, 0.2)
    known = {"CIFAR-10": {"scalars": first}, "Fashion-MNIST": {"scalars": second}}
    lead, table, *_ = equal_banks.together(known).split("\n\n")
    exact = "PCA locality (the paper's, exact) is ahead of"
    assert lead == (
        f"{exact} local score on CIFAR-10 and Fashion-MNIST. {exact} patch composite on CIFAR-10; behind "
        "patch composite on Fashion-MNIST."
    )
    assert table.startswith("| median r2 | CIFAR-10 | Fashion-MNIST |")


def test_where_banks_are_unequal_a_run_with_as_many_images_decides() -> None:
    place, row = f"median_r2_over_{EXACT}", "patch_composite"
    paper = ends(f"paper/{place}", row, -0.2, -0.1) | {
        f"paper/bank/{EXACT}": 900.0,
        f"paper/bank/{row}": 50.0,
    }
    equal = ends(f"equal_banks/{place}", row, 0.1, 0.2)
    equal |= {f"equal_banks/bank/{one}": 50.0 for one in (EXACT, row)}
    kept_ = {"paper": {"cifar": {"scalars": paper}}, "equal_banks": {"cifar": {"scalars": equal}}}
    told = nearer_to("patch composite", kept_)
    assert told.word == "Does not agree"
    assert told.number.endswith(
        "behind on CIFAR-10. Both with as many training images, in runs of their own: 50 on CIFAR-10"
    )
    assert "unequal" not in told.number
    assert told.pages == ("ceiling", "equal_banks")
    paper[f"paper/bank/{row}"] = 900.0  # then the table's own row counts
    assert nearer_to("patch composite", kept_).pages == ("ceiling",)


@pytest.mark.parametrize(("low", "stands", "word"), [
    (0.1, "surely ahead", "Agrees"), (-0.05, "level", "Agrees in part"),
    (-0.5, "surely behind", "Agrees in part"),
])  # fmt: skip
def test_how_it_stands_to_a_network_that_predicts_the_noise_is_in_the_row(low, stands, word) -> None:
    table = ends(f"paper/median_r2_over_{FLOOR}", EXACT, 0.1, 0.2)
    second = ends("paper/median_r2_second", EXACT, 0.8, 0.9) | ends("paper/median_r2_second", FLOOR, 0.1, 0.2)
    noise = ends(f"epsilon/median_r2_second_over_{EXACT}", FLOOR, -low - 0.2, -low)
    noise[f"epsilon/bank/{EXACT}"] = 900.0
    found = {
        "paper": {"afhq32": {"scalars": table | second}}, "epsilon": {"afhq32": {"scalars": noise}},
        "unshipped": {"cats_epsilon": network(3.0, 5.0), "cifar_epsilon": network(9.0)},
    }  # fmt: skip
    row = nearer_to("Wiener", found)
    assert row.word == word
    assert row.number.endswith(
        f"To networks that predict the noise it is {stands} on cats (32 x 32). These networks have surely "
        "more error than Wiener at some sigma from 3 to 5"
    )
    told = f"{low + 0.1:+.3f} [{low:+.3f}, {low + 0.2:+.3f}] on cats (32 x 32) (900 training images)"
    assert f"seed by seed: {told}" in row.lines[0]
    assert "That network of cats (32 x 32) has surely more error than Wiener at sigma 3 and 5" in row.lines[0]


def test_claims_are_counted_by_their_verdicts() -> None:
    rows = [claim_of(word, str(k)) for k, word in enumerate(("Agrees", "Agrees", "Agrees in part", "Open"))]
    assert counted(rows) == (
        "Of 4 claims of the paper that were measured, 2 agree, 1 agrees in part and 1 is open"
    )
    assert counted([]) == ""
    aside = replace(rows[0], aside="it is known")
    assert counted([*rows, aside]) == counted(rows)
    assert counted([aside]) == ""
    assert not_counted([*rows, aside]) == "Not counted:\n\n* 0: it is known."
    assert not_counted(rows) == ""


def test_the_released_form_is_not_counted_beside_the_same_claim_of_the_exact_one() -> None:
    released = {"cifar": {"scalars": ends(f"released/median_r2_over_{FLOOR}", RELEASED, 0.1, 0.2)}}
    exact = {"cifar": {"scalars": ends(f"paper/median_r2_over_{FLOOR}", EXACT, 0.1, 0.2)}}
    rows = claims_of({"paper": exact, "released": released})
    assert [one.aside != "" for one in rows] == [False, True]
    assert rows[1].claim.startswith("PCA locality as released")
    (row,) = claims_of({"released": released})
    assert not row.aside, "where it alone was measured it is counted"


@pytest.mark.parametrize(("seeds", "ranked"), [(31.0, False), (32.0, True)])
def test_the_papers_own_rival_is_open_with_the_images_it_had(seeds, ranked) -> None:
    row = "paper/{}/equivariant_local_score"
    few = {"scalars": {row.format("bank"): 24.0, row.format("samples"): 8.0}}
    more = {"scalars": {row.format("bank"): 1024.0, row.format("samples"): seeds}}
    text = agreement({"paper": {"cifar": few, "afhq32": more}}).split("\nOpen:\n")[1]
    had = f"Here equivariant local score had 24 to 1,024 training images and 8 to {seeds:.0f} seeds."
    few = "" if ranked else " Rows of fewer than 32 seeds are not ranked."
    assert f"{had}{few} Their r2 says little of that model." in text
    assert "beside PCA locality. It was not measured." in agreement({})


def test_the_page_on_the_paper_has_one_row_for_each_claim_and_the_words_folded_away() -> None:
    text = agreement(kept())
    lead, rows = text.split("\n\n")[1], claims_of(kept())
    found = list(findings_against(kept()))
    assert found
    assert lead == f"{counted(rows)}. {len(found)} finding goes against the central claim."
    assert bullets(one.whole for one in found) in text
    cells = re.findall(r"^\| (.+?) \| (.+?) \| ", text, re.MULTILINE)[2:]  # without the heads
    assert cells == [(one.claim, one.shown) for one in rows] + [(cells[-1][0], "Agrees, not counted")]
    assert "GoldDiff" in cells[-1][0], "a later paper's is not counted"
    aside = [claim for claim, word in cells if word.endswith(", not counted")]
    assert lead.startswith(f"Of {len(cells) - len(aside)} claims")
    told = text[text.index("\nNot counted:\n") : text.index("<summary>")]
    assert re.findall(r"^\* (.+?): ", told, re.MULTILINE) == aside, "each with why"
    assert any("copies" in one for one in aside), "that follows from a formula"
    assert len({claim for claim, _ in cells}) == len(cells)
    folded = text[text.index("<summary>In words") : text.index("</details>")]
    assert text.index("\n| claim |") < text.index("<details") < text.index("\nOpen:\n")
    words = re.findall(r"^\* \*\*(.+?)\*\* ", folded, re.MULTILINE)
    assert words == [word.removesuffix(", not counted") for _, word in cells], (
        "the same verdicts in the same order"
    )
    assert set(words) <= set(COUNTED)


@pytest.mark.parametrize(("first", "second", "word"), [
    ("Agrees", "Agrees in part", "Agrees in part"), ("Open", "Agrees", "Agrees in part"),
    ("Open", "Does not agree", "Open"),
])  # fmt: skip
def test_a_claim_of_two_data_sets_is_one_row_in_which_each_verdict_stands(first, second, word) -> None:
    (row,) = merged([claim_of(first, number="x"), claim_of(second, number="y")])
    assert (row.word, len(row.lines)) == (word, 2)
    assert row.number == f"x ({first.lower()}); y ({second.lower()})"


def test_a_claim_of_two_data_sets_that_are_judged_alike_has_no_verdict_behind_its_numbers() -> None:
    (row,) = merged([claim_of("Open", number="x"), claim_of("Open", number="y")])
    assert (row.word, row.number) == ("Open", "x; y")


@pytest.mark.parametrize(("letter", "word", "number"), [
    (WHOLE, "Agrees", f"rise sure at 1 of 1 {LEVELS}, at most 2.50 times where Wiener has 3.00"),
    (SMALL, "Agrees in part",
     f"rise sure at 1 of 1 {LEVELS}, at most 1.20 times where Wiener has 3.00, weaker"),
    (FAINT, "Open", f"rise sure at 0 of 1 {LEVELS}, letter not shown to be learned"),
])  # fmt: skip
def test_a_letter_has_the_same_verdict_in_its_row_and_in_its_line(letter, word, number) -> None:
    (row,) = claims_of(with_letters(letter))
    assert (row.word, row.number) == (word, f"CIFAR-10: {number}")
    assert row.lines[0].startswith(f"**{word}** ")


@pytest.mark.parametrize(("rise", "signed", "told"), [
    ("1.9 [1.8, 2]", "2.5 [2.4, 2.6]",
     "1.90 times where Wiener has 3.00, weaker; with signs kept 2.50 where Wiener has 3.00, not weaker: the "
     "verdict hangs on this choice, which is ours (45 % and 75 % of Wiener's rise)"),
    ("2.5 [2.4, 2.6]", "1.9 [1.8, 2]",
     "2.50 times where Wiener has 3.00; with signs kept 1.90 where Wiener has 3.00, weaker: the verdict "
     "hangs on this choice, which is ours (75 % and 45 % of Wiener's rise)"),
    ("1.9 [1.8, 2]", "1.8 [1.7, 2]",
     "1.90 times where Wiener has 3.00, weaker; with signs kept 1.80 where Wiener has 3.00, weaker"),
])  # fmt: skip
def test_where_signs_turn_the_verdict_on_a_letter_its_row_says_so(rise, signed, told) -> None:
    both = [{**letter(0.3, 0.9)} for _ in range(2)]
    for one, ratio in zip(both, (rise, signed), strict=True):
        one["tables"]["pattern/contrast"]["rows"][1][4:7] = [ratio, "3", "yes"]
    kinds = {"pattern": {"cifar": both[0]}, "pattern_signed": {"cifar": both[1]}, "networks": {}}
    (row,) = claims_of(with_gaps(kinds))
    assert row.number.endswith(f", at most {told}")


def test_a_letter_without_a_sure_rise_says_what_was_learned_and_what_fields_have_there() -> None:
    (row,) = claims_of({"pattern": {"cifar": letter(0.1, 0.9)}})
    told = (
        "(40 % [10, 50] of Wiener's gain at sigma 1, where fields have 1.00 [0.90, 1.10] times the control's "
    )
    assert row.number.endswith(f"letter not shown to be learned {told}contrast and Wiener 3.00)")
    assert claims_of({"pattern": {"cifar": letter(0.3, 0.9)}})[0].number.count("letter learned (40 %") == 1


def test_how_often_wieners_field_reaches_less_far_is_counted_by_intervals_apart() -> None:
    (row,) = claims_of({"fields": with_fields("0.95")})
    assert row.number == "CIFAR-10: cosine at least 0.95, reaches less far at 1 of 2 noise levels"
    assert "By the intervals it reaches less far at 1 of 2 noise levels." in row.lines[0]
    (row,) = claims_of({"fields": with_fields("0.95", reach="2 [1.9, 2.6]")})
    assert row.number == "CIFAR-10: cosine at least 0.95"
    assert row.word == "Agrees"


def test_for_how_many_networks_nothing_follows_is_told_at_each_noise_level() -> None:
    found = {700: (3.0, 4.0, 5.0), 600: (1.0, 2.0, 3.0)}
    eyes = ratios("left_eye", network={**found, 600: (3.0, 4.0, 5.0)}, dit=found, cifar=found)
    text = agreement({"mirror": {"afhq32": {"scalars": eyes}}})
    said = (
        "Nothing follows for two networks at sigma 12 and for one at sigma 6.17: a control may have as much"
    )
    assert f". {said} there. " in text


@pytest.mark.parametrize(
    ("theirs", "width", "word"),
    [(0.8, 0.02, "Agrees"), (0.8, 0.05, "Agrees in part"), (0.8, None, "Agrees in part"),
     (0.9, 0.02, "Agrees in part")],
)  # fmt: skip
def test_a_lead_that_is_gone_beside_a_second_network_is_told_and_agrees_in_part(theirs, width, word) -> None:
    found = kept()
    numbers = {"paper/median_r2_second/pca_locality": 0.87, "paper/median_r2_second/wiener": theirs}
    for row, r2 in (("pca_locality", 0.87), ("wiener", theirs)):  # medians alone decide nothing
        ends = {} if width is None else {"low": r2 - width, "high": r2 + width}
        numbers |= {f"paper/median_r2_second_{end}/{row}": value for end, value in ends.items()}
    for name in [one for one in found["paper"]["photos16"]["scalars"] if one.startswith("paper/step_r2")]:
        del found["paper"]["photos16"]["scalars"][name]  # nothing of single steps
    del found["fields"]
    found["paper"]["photos16"]["scalars"] |= numbers
    (one,) = (one for one in claims_of(found) if one.claim.endswith("nearer to a network than Wiener"))
    assert one.word == word
    told = f"its median r2 is 0.870, and Wiener's {theirs:.3f}, on photographs (16 x 16)"
    assert f"To a second network, for which no setting was chosen, {told}" in one.lines[0]


@pytest.mark.parametrize(("low", "word", "count"), [(-0.03, "Agrees", 1), (0.015, "Agrees in part", 0)])
def test_a_lead_to_a_second_network_counts_where_it_is_sure_seed_by_seed(low, word, count) -> None:
    found = kept()
    paper = found["paper"]["photos16"]["scalars"]
    for name in [one for one in paper if one.startswith("paper/step_r2")]:
        del paper[name]
    del found["fields"]
    paper |= {"paper/median_r2_second/pca_locality": 0.87, "paper/median_r2_second/wiener": 0.86}
    for end, value in (("", low - 0.01), ("_low", low - 0.02), ("_high", low)):  # of Wiener over it
        paper[f"paper/median_r2_second_over_pca_locality{end}/wiener"] = value
    (one,) = (one for one in claims_of(found) if one.claim.endswith("nearer to a network than Wiener"))
    assert one.word == word
    assert f", to a second network ahead on {count} of 1" in one.number
    assert f"Wiener's 0.860 ({0.01 - low:+.3f} [{-low:+.3f}, {0.02 - low:+.3f}] seed by seed)" in one.lines[0]


def test_where_pca_locality_is_farther_in_one_step_with_a_part_of_the_images_that_is_told() -> None:
    found = kept()
    paper = found["paper"]["photos16"]
    for row, low, high in (("pca_locality", 0.1, 0.2), ("wiener", 0.8, 0.9)):
        for end, value in (("", (low + high) / 2), ("_low", low), ("_high", high)):
            paper["scalars"] |= {f"paper/step_r2{end}/{row}/t300": value}
            paper["scalars"] |= {f"paper/median_step_r2{end}/{row}/t300": value}
    for images, told in ((100, False), (900, True)):
        paper["scalars"]["paper/bank/pca_locality"], paper["images"] = 100.0, images
        (one,) = (one for one in claims_of(found) if one.claim.endswith("nearer to a network than Wiener"))
        said = "a part of the training images (100 of 900 on photographs (16 x 16))"
        assert (said in one.lines[0]) is told
