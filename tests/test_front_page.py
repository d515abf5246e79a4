"""What the front page says first, and where its links lead."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.results.front.front_page import GROUPS, front_page, readme_block
from benchmarks.results.front.headlines import claim
from benchmarks.results.front.in_brief import in_brief
from benchmarks.results.kept.gathering import with_signed
from benchmarks.results.networks import networks
from benchmarks.results.paper.agreement import findings_against
from benchmarks.results.questions import fields_short
from benchmarks.results.questions.asked import QUESTIONS
from benchmarks.results.questions.field_claims import field_claim
from benchmarks.results.words import axes
from benchmarks.results.words.answers import EXACT, FLOOR, OWN, RELEASED
from benchmarks.results.words.small_tables import front_table
from locality.report import Series
from tests.test_results_page import measured, with_fields
from tests.test_short_answers import letter


def of_samples(**ends: tuple[float, float, float]) -> dict[str, Any]:
    """Rows with as many seeds and images, and the interval of each median r2."""
    scalars: dict[str, Any] = {}
    for row, three in ends.items():
        scalars |= {f"paper/samples/{row}": 64.0, f"paper/bank/{row}": 100.0}
        for end, value in zip(("", "_low", "_high"), three, strict=True):
            scalars[f"paper/median_r2{end}/{row}"] = value
    return {"scalars": scalars}


def test_the_front_pages_begin_with_the_count_of_claims_and_a_link(tmp_path) -> None:
    kept = {"paper": {"photos16": measured("paper")}, "networks": {}, "fields": with_fields("0.95")}
    text, _ = front_page(kept)
    count = (
        "Of 1 claims of the paper that were measured, 1 agrees in part. 1 finding goes against the central"
    )
    count += " claim"
    assert text.split("\n\n")[1] == f"{count} ([which](results/paper.md))."
    assert f"{count} ([which](docs/results/paper.md)).\n\n* On CIFAR-10" in readme_block(kept, tmp_path)
    assert "<details" not in readme_block(kept, tmp_path), "README is one screen; the page has the rest"
    shown, folds = text.split("<details")[:2]
    assert "A field says how much" in folds
    assert "A field says how much" not in shown


def whole(table: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    """All that the bullets of the first words say."""
    return [one.whole for one in in_brief({"cifar": table}, kept)]


def test_the_first_words_say_what_was_found_and_what_is_against_it() -> None:
    table = of_samples(**{OWN[0]: (0.94, 0.92, 0.95), EXACT: (0.9, 0.8, 0.91), FLOOR: (0.8, 0.7, 0.9)})
    noise = {f"epsilon/median_r2_second/{row}": r2 for row, r2 in ((OWN[1], 0.4), (EXACT, 0.5), (FLOOR, 0.3))}
    noise |= {f"epsilon/median_r2/{row}": 0.9 for row in (OWN[1], EXACT, FLOOR)}
    noise |= {f"epsilon/bank/{OWN[1]}": 200.0, f"epsilon/bank/{EXACT}": 100.0}
    for end, value in (("", 0.0), ("_low", -0.1), ("_high", 0.1)):
        noise[f"epsilon/median_r2_second_over_{EXACT}{end}/{OWN[1]}"] = value
    kept = {
        "fields": with_fields("0.95 [0.9, 0.96]"), "pattern": {"cifar": letter(-0.1, 1.1)},
        "epsilon": {"cifar": {"scalars": noise}}, "unshipped": {"cifar_epsilon": network(3.0)},
    }  # fmt: skip
    round_ = ["network_round", "0.97 [0.965, 0.98]", "0.9"]
    own = ["wiener_round", "0.94 [0.93, 0.955]", "0.85 [0.84, 0.86]"]
    kept["fields"]["cifar"]["tables"]["sensitivity/cosine"]["rows"] += [round_, own]
    fields, samples, against, undecided = whole(table, kept)
    assert fields.endswith(
        "has a cosine of at least 0.950 to a network's. A second network's has 0.980 and the network's own, "
        "made round, 0.900. At 1 of 2 noise levels the network's own field, made round so that the distance "
        "alone counts, is surely nearer. Wiener's, made round, has at least 0.850. At sigma 12 Wiener's own "
        "field is surely nearer than its round one."
    )
    assert samples.startswith("On CIFAR-10 stacked locality (ours) has a median r2 of 0.94 to")
    assert against == (
        "Against the central claim: On CIFAR-10 Wiener's field reaches 0.67 to 1.00 times as far as a "
        "network's, surely less far at 1 of 2 noise levels."
    )
    assert (
        " To a network of CIFAR-10 that predicts the noise, as the paper's do, r2 is far lower: stacked "
        "mixtures (ours) 0.40 (200 training images), PCA locality (the paper's, exact) 0.50 (100 "
        "training images) "
        "and Wiener 0.30. That network itself has surely more error than Wiener at sigma 3. By r2 to a "
        "network of CIFAR-10 that predicts the noise these are not told apart: stacked mixtures (ours) 0.40 "
        "(200 training images) and PCA locality (the paper's, exact) 0.50 (100 training images)."
    ) in samples
    assert undecided == (
        "Undecided: Whether networks look along a hidden letter of strength 0.5. Networks are not shown to "
        "have learned a hidden letter of strength 0.5 on CIFAR-10: where Wiener gains most along it they do "
        "not surely have 25 % of that gain, which is our rule."
    )
    shorts = [one.short for one in in_brief({"cifar": table}, kept)]  # with their yardsticks
    assert shorts[0].endswith(
        "to a network's. A second network's has 0.980 and the network's own, made round, 0.900."
    )
    assert shorts[1] == samples.split(". ")[0] + "."
    assert shorts[2] == against
    assert shorts[3] == "Undecided: Whether networks look along a hidden letter of strength 0.5."
    noise[f"epsilon/median_r2_second_over_{EXACT}_low/{OWN[1]}"] = 0.01  # then it is decided
    assert "not told apart" not in whole(table, kept)[1]
    kept["unshipped"] = {"cifar_epsilon": network(3.0, 5.0, low=0.95)}
    assert whole(table, kept)[1].endswith(
        " That network itself is not shown to beat Wiener at sigma 3 and 5."
    )
    kept["pattern"] = {"cifar": letter(0.3, 0.9)}  # learned, and no rise where one is expected
    assert "yet the contrast of fields along it is at most 1.00 times" in whole(table, kept)[2]
    noise[f"epsilon/median_r2/{FLOOR}"] = 0.2  # it is nearer to the network that predicts the noise
    kept["fields"] = with_fields("0.95", reach="3 [2.9, 3.6]")
    kept["pattern"] = {}
    assert len(whole(table, kept)) == 2
    assert len(whole(table, {})) == 1


@pytest.mark.parametrize(
    ("reach", "told"),
    [
        (
            "2 [1.9, 2.1]",
            ["mean over images, Wiener's reach is within 1.00 pixels of the network's. It is surely less"],
        ),
        ("3 [2.9, 3.6]", []),  # as far: no finding against, and the page says so
    ],
)
def test_a_reach_counts_against_the_claim_only_if_it_does_with_signs_and_without(reach, told) -> None:
    both = {"fields": with_fields("0.95"), "fields_signed": with_fields("0.95", reach=reach)}
    kept = with_signed(both, "fields")
    found = list(findings_against(kept))
    assert len(found) == len(told)
    assert all(one in said.whole for one, said in zip(told, found, strict=True))
    assert told or "network's. It is as far at all 2 noise levels" in field_claim(kept)
    said = fields_short.fields({"A": kept["fields"]["cifar"]})
    assert "| signs kept, in pixels: Wiener | " in said


@pytest.mark.parametrize(("low", "high", "told"), [
    (0.1, 0.9, "on CIFAR-10 (1 of 1 looks). No field"),
    (0.1, 1.1, ""),  # the error is not surely less
    (0.3, 0.9, None),  # learned by the rule
])  # fmt: skip
def test_where_the_rule_decides_what_is_learned_the_first_words_say_what_is_sure(low, high, told) -> None:
    undecided = whole({"scalars": {}}, {"pattern": {"cifar": letter(low, high)}})[-1]
    assert ("they do not surely have 25 % of that gain, which is our rule." in undecided) is (
        told is not None
    )
    said = f"Some of it is surely learned {told}"
    assert (said in undecided) is bool(told)


def three(place: str, row: str, low: float, high: float) -> dict[str, float]:
    """A number of a row with its interval."""
    return {f"{place}{end}/{row}": v for end, v in (("_low", low), ("", (low + high) / 2), ("_high", high))}


def test_the_released_form_and_the_nearest_other_method_stand_beneath_the_table() -> None:
    scalars = three("released/median_r2_over_wiener", RELEASED, 0.1, 0.3) | {
        f"released/median_r2/{RELEASED}": 0.9, "released/median_r2/wiener": 0.75,
        f"released/samples/{RELEASED}": 64.0,
    }  # fmt: skip
    calibrated = [[EXACT, "tau", "16 val images", "9"]]
    released = {"cifar": {"scalars": scalars, "calibrated": calibrated}}
    table = measured("paper")
    for row, low, high, seeds in (("golden_subset", 0.1, 0.2, 32.0), ("patch_composite", 0.5, 0.6, 31.0)):
        table["scalars"] |= three("paper/median_r2_over_pca_locality", row, low, high)
        table["scalars"] |= {f"paper/samples/{row}": seeds, f"paper/median_r2/{row}": 0.95}
    kept = {"paper": {"cifar": table}, "released": released, "networks": {}}
    assert (
        "As released (batch averages, masks of float32 factors, a tau of its own) PCA locality has an r2 of "
        "0.900 in a run of its own, where Wiener has 0.750: +0.200 [+0.100, +0.300] seed by seed (64 seeds, "
        "settings found on val images). Of other published methods golden subset comes nearest: an r2 of "
        "0.950 with 32 seeds and 100 training images. It is surely nearer than PCA locality (the paper's, "
        "exact): +0.150 [+0.100, +0.200] seed by seed."
    ) in front_page(kept)[0]
    samples = whole(table, kept)[0]
    assert "; runs of its own) PCA locality is surely ahead of Wiener on CIFAR-10." in samples
    assert "golden subset" not in samples, "it had fewer seeds than the rows beside it"
    table["scalars"] |= {"paper/samples/golden_subset": 128.0, f"paper/median_r2/{OWN[1]}": 0.97}
    assert "samples, golden subset 0.95, PCA" in whole(table, kept)[0]
    scalars |= three("released/median_r2_over_wiener", RELEASED, -0.1, 0.1)
    table["scalars"] |= three("paper/median_r2_over_pca_locality", "golden_subset", -0.2, 0.2)
    text = front_page(kept)[0]
    assert "PCA locality is level with Wiener on CIFAR-10." in text
    assert "It is not told apart from PCA locality" in text
    del table["scalars"]["paper/samples/golden_subset"]
    assert "other published" not in front_page({**kept, "released": {}})[0]


def test_a_second_network_is_surely_nearer_where_the_intervals_of_medians_are_apart() -> None:
    best = (0.94, 0.92, 0.95)
    apart = of_samples(**{OWN[0]: best, EXACT: (0.9, 0.8, 0.91), "nn2": (0.96, 0.951, 0.97)})
    said = "PCA locality (the paper's, exact) 0.90 and a second network (surely nearer) 0.96."
    assert claim({"cifar": apart}, {})[0].endswith(said)
    level = of_samples(**{OWN[0]: best, EXACT: (0.9, 0.8, 0.91), "nn2": (0.96, 0.949, 0.97)})
    assert claim({"cifar": level}, {})[0].endswith(said.replace("(surely", "(not surely"))


def test_what_pca_locality_and_the_optimal_denoiser_do_not_do_is_told_of() -> None:
    tables: dict[str, Any] = {}
    for name, high, copies in (("cifar", 1.01, 1.0), ("fashion_mnist", 0.9, 0.2)):
        scalars = {f"paper/heldout_over_pca_locality/{OWN[1]}/t300": 0.9}
        scalars |= {f"paper/heldout_ratio_high/{EXACT}/t300": high, f"paper/samples/{FLOOR}": 64.0}
        tables[name] = {"scalars": {**scalars, "paper/copy_rate/optimal": copies}}
    no_gain = " PCA locality (the paper's, exact) has no sure gain over Wiener on CIFAR-10. The optimal"
    assert claim(tables, {})[0].endswith(f"{no_gain} denoiser copies training images on CIFAR-10.")
    tables["fashion_mnist"]["scalars"]["paper/copy_rate/optimal"] = 1.0
    assert claim(tables, {})[0].endswith(f"{no_gain} denoiser copies training images.")
    tables["cifar"]["scalars"][f"paper/heldout_ratio_high/{EXACT}/t100"] = 0.99
    assert claim(tables, {})[0].endswith(" The optimal denoiser copies training images.")


def test_where_pca_locality_has_surely_more_error_than_wiener_is_counted_beside_where_it_gains() -> None:
    tables: dict[str, Any] = {}
    for name, high, lows in (
        ("cifar", 1.2, (1.1, 1.01, 0.9)),
        ("afhq32", 1.2, (0.9, 1.01, 0.9)),
        ("fashion_mnist", 0.9, (0.8, 0.8, 0.8)),
    ):
        scalars = {f"paper/heldout_over_pca_locality/{OWN[1]}/t300": 0.9}
        for t, low in zip((100, 300, 500), lows, strict=True):
            scalars |= {
                f"paper/heldout_ratio_low/{EXACT}/t{t}": low,
                f"paper/heldout_ratio_high/{EXACT}/t{t}": high,
            }
        tables[name] = {"scalars": scalars}
    assert claim(tables, {})[0].endswith(
        "in the median of the ratios at sigma from 0.3 to 3.6. PCA locality (the paper's, exact) "
        "has no sure gain "
        "over Wiener on CIFAR-10 and cats (32 x 32), and surely more error at 2 of 3 noise levels "
        "(sigma 0.342 and 1.24) on CIFAR-10 and at 1 of 3 (sigma 1.24) on cats (32 x 32)."
    )
    del tables["afhq32"]
    tables["cifar"]["scalars"][f"paper/heldout_ratio_high/{EXACT}/t500"] = 0.95
    assert claim(tables, {})[0].endswith(
        " PCA locality (the paper's, exact) has surely more error than Wiener at 2 of 3 noise "
        "levels (sigma 0.342 "
        "and 1.24) on CIFAR-10."
    )


def network(*behind: float, low: float = 1.05) -> dict[str, Any]:
    """A network with less error than Wiener's but for these levels, where the interval begins at low."""
    rows = [
        [sigma, *(None, None), *((1.1, low, 1.15) if sigma in behind else (0.9, 0.8, 0.95))]
        for sigma in (3, 5, 10)
    ]
    return {"tables": {"heldout": {"rows": rows}}, "run": {"command": "", "commit": ""}}


def test_networks_that_are_not_shown_to_beat_wiener_are_told_by_their_data_or_kind() -> None:
    shipped = {"photos16": network(), "photos16_gamma0": network(10), "photos16_gamma0.5": network(10)}
    kept = {"paper": {}, "networks": shipped, "unshipped": {"cats_epsilon": network(3, 10)}}
    text, _ = front_page(kept)
    assert (
        "for longer. Two networks of photographs have surely more error than Wiener at sigma 10, the "
        "U-Net on epsilon (cats) at sigma 3 and 10. The list ends at sigma 10. Our reading"
    ) in text
    text, _ = front_page({"paper": {}, "networks": {"cifar": network(5, low=0.9)}})
    assert (
        "The network of CIFAR-10 is not shown to beat Wiener at sigma 5. The list ends at sigma 10. Our"
        in text
    )
    both = {"cifar": network(5, low=0.9), "cats": network(5)}
    text, _ = front_page({"paper": {}, "networks": both})
    assert "beat Wiener at sigma 5, the network of cats (32 x 32) has surely more error" in text
    two = {"cifar_epsilon": network(3, 10), "cifar_gamma0.5_epsilon": network(3, 5)}
    two["cifar_gamma0.5_epsilon"]["tables"]["heldout"]["rows"][0][-2] = 0.95  # at sigma 3 it is not sure
    text, _ = front_page({"paper": {}, "networks": {}, "unshipped": two})  # two networks have two names
    assert (
        "The U-Net on epsilon (CIFAR-10) has surely more error than Wiener at sigma 3 and 10, the U-Net on "
        "epsilon (CIFAR-10, letter of strength 0.5) at sigma 5, the U-Net on epsilon (CIFAR-10, letter of "
        "strength 0.5) is not shown to beat Wiener at sigma 3."
    ) in text
    text, _ = front_page({"paper": {}, "networks": {"cats": network()}})
    assert "more error than Wiener" not in text
    assert "The list ends" not in text


def test_networks_that_are_worse_than_wiener_above_the_noise_levels_of_the_bar_are_told_of() -> None:
    paper = measured("paper")
    for t, low in ((700, 0.99), (800, 1.001), (600, 1.2)):  # sigma 12, 25.7 and 6.17
        paper["scalars"][f"paper/heldout_ratio_low/network/t{t}"] = low
    text, _ = front_page({"paper": {"fashion_mnist": paper}, "networks": {"photos16": network(10)}})
    assert (
        "The list ends at sigma 10. Above sigma 10 [more error](results/heldout.md) than Wiener's is sure of "
        "the network of Fashion-MNIST at sigma 25.7. Our reading"
    ) in text
    paper["scalars"]["paper/heldout_ratio_low/network/t800"] = 0.99
    text, _ = front_page({"paper": {"fashion_mnist": paper}, "networks": {"photos16": network(10)}})
    assert "The list ends at sigma 10. Our reading" in text


def test_the_bar_is_one_of_intervals_and_a_network_that_passes_above_1_is_told_of() -> None:
    text = networks(
        {"networks": {"cats": network(), "cats_dit": network(10, low=0.99), "cifar": network(10)}}
    )
    assert (
        "The bar: surely less error than Wiener's from sigma 0.2 to 5, nowhere surely more from 0.1 to 10."
        in text
    )
    assert text.split("\n\n")[1].startswith("2 of 3 have less error than Wiener where we ask for it")
    assert (
        "Passed with an error above Wiener's that is not sure: cats (32 x 32, DiT) at sigma 10. The" in text
    )
    assert "that is not sure" not in networks({"networks": {"cats": network(), "cifar": network(10)}})


def test_every_page_is_in_one_group_of_links_and_no_other_page_is() -> None:
    text, _ = front_page({"networks": {}})
    grouped = [page for pages in GROUPS.values() for page in pages]
    assert sorted(grouped) == sorted(
        [*(question.page for question in QUESTIONS), "paper", "networks", "../experiments"]
    )
    for group, pages in GROUPS.items():
        (line,) = (line for line in text.splitlines() if line.startswith(f"* **{group}**: ["))
        assert line.count("](") == len(pages)
    assert "](results/paper.md)" in text
    assert "](experiments.md)" in text


def test_whether_one_step_r2_is_a_median_or_a_mean_over_images_is_told() -> None:
    medians, means = measured("paper"), measured("paper")
    medians["scalars"] |= {
        name.replace("/step_r2", "/median_step_r2"): 0.77
        for name in list(medians["scalars"])
        if "step_r2" in name
    }
    text, _ = front_page({"paper": {"cifar": medians, "fashion_mnist": means}, "networks": {}})
    assert "At each level one-step r2 is a median over images, on Fashion-MNIST a mean. r2 is to" in text
    text, _ = front_page({"paper": {"fashion_mnist": means}, "networks": {}})
    assert "At each level one-step r2 is a mean over images. r2 is to" in text
    place = front_table(medians)[0].index("r2 of one step")
    assert {row[place] for row in front_table(medians)[1] if row[1] is not None} == {0.77}


def test_axes_say_what_is_cut_and_what_is_left_out() -> None:
    inside, beyond = {"a": Series([0.5, 1.9])}, {"a": Series([0.3, 1.0]), "b": Series([1.0, 2.1])}
    assert axes.up("heldout_ratio", inside) == "error / Wiener's"
    assert axes.up("heldout_ratio", beyond) == "error / Wiener's (cut at 0.35 and 2)"
    assert axes.along([0, 100, 300], [100, 300]) == "sigma (pixel units; 0.01 left out)"
    assert axes.along([100], [100]) == "noise level sigma (pixel units)"


RUN = {"command": "", "commit": ""}
ERRORS = [
    [sigma, None, None, ratio, ratio - 0.1, 0.95] for sigma, ratio in ((0.2, 0.8), (1.0, 0.9), (5.0, 0.9))
]
LOWER = [[sigma, None, None, ratio - 0.05, *ends] for sigma, _, _, ratio, *ends in ERRORS]


def test_what_more_training_brought_is_told_of_a_network_that_went_on() -> None:
    first, longer = ({"tables": {"heldout": {"rows": rows}}, "run": dict(RUN)} for rows in (ERRORS, LOWER))
    kept: dict[str, Any] = {"paper": {}, "networks": {"cifar": first, "cifar_longer": longer}}
    assert "More training" not in front_page(kept)[0]
    longer["run"]["before"] = [{"command": "x", "commit": "y", "started": "z", "step": 8000}]
    text, _ = front_page(kept)
    assert (
        "More training moves them: that of CIFAR-10 went on after 8,000 steps, and has 0.75 and 0.85 of "
        "Wiener's error at sigma 0.2 and 1, where it had 0.80 and 0.90."
    ) in text
    page_of_networks = networks(kept)
    assert "It went on from `x` (8,000 steps)" in page_of_networks
