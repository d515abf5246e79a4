"""Rows and data sets whose settings were not found alike: a page says so where it sets them side by side."""

from __future__ import annotations

from typing import Any

from omegaconf import OmegaConf

from benchmarks.results.kept.recipes import CONFIGS
from benchmarks.results.questions.asked import LARGER, QUESTIONS
from benchmarks.results.questions.entropy_short import by_output
from benchmarks.results.questions.larger_short import larger_together
from benchmarks.results.questions.own_by_output import BY_OUTPUT, beside, with_by_output
from benchmarks.results.words import protocols
from benchmarks.results.words.answers import EXACT, OWN
from benchmarks.results.words.titles import called
from locality.denoisers.stacked_mixtures import OPTIMAL, stacked_mixtures

BY_PAGE = {question.page: question for question in QUESTIONS}
SAMPLES, VAL = "24 samples of the network", "16 val images"


def found(calibrated: list[list[str]], **scalars: float) -> dict[str, Any]:
    return {"scalars": scalars, "tables": {}, "calibrated": calibrated}


def rows(**on: str) -> list[list[str]]:
    return [[row, "tau", what, "100"] for row, what in on.items()]


def test_rows_whose_settings_were_found_on_more_samples_than_those_of_others_are_named() -> None:
    alike = found(rows(pca_locality=SAMPLES, stacked_mixtures=SAMPLES, local_score=VAL))
    assert protocols.unlike({"A": alike}, (*OWN, EXACT)) == []
    more = found(rows(pca_locality=SAMPLES, stacked_mixtures="128 samples of the network"))
    assert protocols.unlike({"A": alike, "B": more}, (*OWN, EXACT)) == [
        f"On B some settings were found on more than others: those of {called(EXACT)} on 24 samples of the "
        "network and those of stacked mixtures (ours) on 128 samples of the network."
    ]


def test_a_table_of_two_protocols_says_so() -> None:
    new, old = found(rows(pca_locality=SAMPLES)), found(rows(pca_locality=VAL))
    said = "Calibrated settings were found on samples on A and on val images on B: these are two protocols."
    assert by_output({"A": new, "B": old}).endswith(said)
    assert "protocols" not in by_output({"A": new, "B": new, "C": found([])})


def test_the_gap_from_the_form_by_output_says_of_which_protocols_it_is() -> None:
    scalars = {
        f"by_output/median_r2/{row}": r2 for row, r2 in ((BY_OUTPUT, 0.7), ("nn2", 0.9), (OWN[1], 0.8))
    }
    for way, told in ((VAL, True), (SAMPLES, False)):
        runs = {"cifar": found(rows(pca_locality=SAMPLES), **scalars), "b": found(rows(a=way), **scalars)}
        kept = with_by_output({"paper": {"cifar": found([]), "b": found([])}, "by_output": runs})["paper"]
        said = list(beside({"A": kept["cifar"], "B": kept["b"]}))
        assert ("these runs are of two protocols" in " ".join(said)) == told
        assert any(one.startswith("on A ") and one.endswith("settings found on samples") for one in said)


def test_at_64_x_64_the_answer_says_what_pca_locality_lacked() -> None:
    bank = {f"larger/bank/{EXACT}": 40.0, f"larger/heldout_ratio_high/{EXACT}/t100": 1.2}
    one = {**found([], **bank), "images": 100, "size": 16, "settings": {EXACT: {"tau": {12.0: 0.1}}}}
    lead = larger_together(LARGER)({"A": one}).split("\n\n")[0]
    assert lead == (
        f"Nowhere on A: {called(EXACT)}. {called(EXACT)} had 40 of 100 training images "
        "and a tau that was not found for these images. On A the test had 16 images."
    )
    lead = larger_together(LARGER)({"A": {**one, "calibrated": rows(pca_locality=VAL)}}).split("\n\n")[0]
    assert "had 40 of 100 training images. On A" in lead
    lead = larger_together(LARGER)({"A": {**one, "settings": {}, "images": 40}}).split("\n\n")[0]
    assert f"{called(EXACT)} had" not in lead


def test_which_of_ours_compare_training_images_is_as_their_members_are() -> None:
    members = OmegaConf.load(CONFIGS / "denoiser" / "stacked_locality.yaml").members
    assert set(members) == {"stacked_mixtures", EXACT, "patch_composite"}
    assert OPTIMAL in str(stacked_mixtures.__doc__)
    why = BY_PAGE["heldout"].why
    assert "PCA locality and patch composite are members of it" in why
    assert "the optimal denoiser, which compares whole images" in why
    assert "Our mixtures compare" not in why


def test_the_page_of_the_noise_names_both_networks() -> None:
    assert "rival" not in BY_PAGE["epsilon"].why
