"""What the pages of results say of the conditions under which numbers were found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from benchmarks.results.caveats import HEADS, caveats
from benchmarks.results.dots import draw, panels
from benchmarks.results.front.front_page import front_page
from benchmarks.results.front.headlines import claim
from benchmarks.results.kept.gathering import gather
from benchmarks.results.kept.members import of_config, with_members
from benchmarks.results.pages import page, pictured
from benchmarks.results.paper.agreement import claims_of
from benchmarks.results.questions.forms import released_verdict
from benchmarks.results.questions.forms_short import AGAINST_RELEASED
from benchmarks.results.questions.own_gap import with_released
from benchmarks.results.questions.own_short import _over_released, _read
from benchmarks.results.questions.remaining import remaining_together
from benchmarks.results.words.answers import EXACT, FLOOR, OWN, RELEASED
from benchmarks.results.words.counts import BY_CHANCE, of_levels
from benchmarks.results.words.members import fewer
from benchmarks.results.words.small_tables import samples_table
from benchmarks.results.words.titles import called
from locality.compare.paper_beside import PARTS
from locality.report import Series
from locality.report.entropy import Curve, Point, draw_entropies
from tests.test_results_page import BY_PAGE, measured

ROOT = Path(__file__).resolve().parents[1]


def test_no_page_says_that_test_images_chose_nothing() -> None:
    """The shares of ln N of rows by entropy were fitted to errors on test images of CIFAR-10."""
    assert "chose nothing but what rows [by entropy]" in HEADS[2]
    assert (
        "errors on a few test images](results/information.md) of CIFAR-10"
        in caveats({"cifar": measured("paper")}, {})[2]
    )
    for name in ("without_network", "by_output"):
        why = BY_PAGE[name].why
        assert "test images" in why
        assert "no val image" not in why
    how_to = (ROOT / "docs" / "how_to" / "calibrate.md").read_text()
    assert "nothing is tuned" not in how_to
    assert "fitted to errors on a few test images" in how_to
    assert "from the training images alone" not in (ROOT / "docs" / "concepts.md").read_text()


STACKED = {"stacked_locality": {"pca_locality": 20, "patch_composite": 4}}
READ = "In stacked locality (ours) PCA locality reads 20 training images and patch composite 4"


def stacked(**more: float) -> dict[str, Any]:
    """A table in which stacked locality has 100 images, and its members fewer."""
    one = measured("paper", nn2=True)
    one["scalars"] |= {f"paper/{key}/stacked_locality": 1.0 for key in ("median_r2", "r2", "seconds")}
    one["scalars"] |= {f"paper/bank/{row}": 100.0 for row in OWN} | {"paper/bank/pca_locality": 50.0} | more
    return one


def test_pages_say_how_many_images_each_member_of_stacked_locality_reads() -> None:
    one = stacked()
    assert READ not in page(BY_PAGE["our_denoisers"], {"paper": {"cifar": one}, "networks": {}})
    one["members"] = STACKED
    kept = {"paper": {"cifar": one}, "networks": {}}
    assert READ in page(BY_PAGE["our_denoisers"], kept)
    assert f"{READ}." in front_page(kept)[0]
    assert READ in caveats(kept["paper"], {})[0]
    assert f"{READ}." in " ".join(claim(kept["paper"], kept))
    cells = {row[0]: row[2] for row in samples_table(one, "paper")[1]}
    assert cells["stacked locality (ours)"] == "4 to 100"
    assert cells["PCA locality (the paper's, exact)"] == "50"
    one["members"] = {"stacked_locality": {"pca_locality": 20, "patch_composite": 200}}  # more than there are
    assert fewer(one, "paper") == {"pca_locality": 20}
    times = _read({"CIFAR-10": one})
    assert times[0].startswith("on CIFAR-10 PCA locality's time is of 50 training images. In stacked")
    one["members"] = {"stacked_locality": {"patch_composite": 4}}
    assert _read({"CIFAR-10": one}) == []


def test_members_of_runs_that_kept_none_are_those_of_the_recipe(tmp_path: Path) -> None:
    bank = {"paper/bank/stacked_locality": 100_000.0}
    for command, parts in (
        ("python evaluate.py experiment=cifar_table", {"pca_locality": 20_000, "patch_composite": 4_000}),
        ("python evaluate.py experiment=cats_table", {"patch_composite": 8_000}),
        ("python evaluate.py compare=paper_table", {"patch_composite": 8_000}),
    ):
        kept = {"paper": {"cifar": {"scalars": bank, "run": {"command": command}}}}
        one = gather(kept, tmp_path, tmp_path, tmp_path)["paper"]["cifar"]
        assert one["members"] == {"stacked_locality": parts}
    own = {"scalars": bank, "members": {}, "run": {"command": command}}
    assert with_members(own)["members"] == {}
    assert "members" not in with_members({"scalars": {}})
    cfg = {"candidates": {"a": {"members": {"b": {}}, "counts": {"b": 3}}, "c": {"counts": 4}, "d": None}}
    assert of_config(OmegaConf.create(cfg)) == {"a": {"b": 3}}


ON_SAMPLES, ON_VAL = (
    [["pca_locality", "tau", f"24 {on}", "100"]] for on in ("samples of the network", "val images")
)


def released(*, second: bool, calibrated: list[list[str]], day: str) -> dict[str, Any]:
    """A run in which the released form is ahead of Wiener, and ours of it."""
    scalars: dict[str, float] = {}
    pairs = [*((row, RELEASED, "median_r2") for row in OWN), (RELEASED, FLOOR, "median_r2")]
    pairs += [(RELEASED, FLOOR, "median_r2_second")] if second else []
    for row, base, kind in pairs:
        scalars |= {f"released/{kind}_over_{base}{end}/{row}": 0.1 for end in ("", "_low", "_high")}
        scalars |= {f"released/median_r2/{one}": 0.8 for one in (row, base)}
    run = {"started": f"{day} 10:00 UTC", "command": "a"}
    return {"scalars": scalars, "calibrated": calibrated, "run": run}


def test_counts_are_not_made_over_two_protocols() -> None:
    new = released(second=True, calibrated=ON_SAMPLES, day="2026-11-30")
    old = released(second=False, calibrated=ON_VAL, day="2026-11-26")
    said = AGAINST_RELEASED({"CIFAR-10": new, "Fashion-MNIST": old})
    assert "On CIFAR-10 (settings found on samples, 2026-11-30): yes. With " in said
    assert "On Fashion-MNIST (settings found on val images, 2026-11-26): yes. With " in said
    assert "| settings found on | samples | val images |" in said
    assert "settings found" not in AGAINST_RELEASED({"CIFAR-10": new, "Fashion-MNIST": new})
    (row,) = claims_of({"released": {"cifar": new, "fashion_mnist": old}})
    assert "2 data sets" not in row.number
    assert row.number == (
        "settings found on samples, 2026-11-30: r2 of samples, seed by seed: ahead on 1 of 1 data sets, to a "
        "second network ahead on 1 of 1; settings found on val images, 2026-11-26: r2 of samples, seed by "
        "seed: ahead on 1 of 1 data sets, to a second network not measured"
    )
    old["run"]["command"] = "python evaluate.py candidates.stacked_mixtures.places=1"
    assert "Our mixtures had `places=1`" in released_verdict(old)


def test_the_batches_of_the_released_form_are_those_of_its_recipe() -> None:
    """The released code has 256 for AFHQ."""
    recipe = OmegaConf.load(ROOT / "configs" / "compare" / "released.yaml")
    assert recipe.candidates.pca_locality_released.softmax == "wssm:512"
    assert "512 images on all data. The paper's code has 256 for AFHQ" in BY_PAGE["released_form"].why


def test_where_the_released_form_is_of_another_protocol_ours_say_so() -> None:
    new = released(second=True, calibrated=ON_SAMPLES, day="2026-11-30")
    old = released(second=False, calibrated=ON_VAL, day="2026-11-26")
    for one, said in ((old, True), (new, False)):
        table = measured("paper") | {"calibrated": ON_SAMPLES}
        kept = with_released({"paper": {"cifar": table}, "released": {"cifar": one}})
        told = " ".join(_over_released({"CIFAR-10": kept["paper"]["cifar"]}))
        assert "nearer, too," in told
        assert ("On CIFAR-10 settings were found on val images: another protocol" in told) == said


def test_one_or_two_noise_levels_of_several_are_named() -> None:
    """One in twenty intervals is beyond by chance, so a reader has to know which level it is."""
    assert of_levels([0.01], 10) == "1 (sigma 0.01)"
    assert of_levels([60.8, 25.7], 10) == "2 (sigma 60.8 and 25.7)"
    assert of_levels([60.8, 25.7, 12.0], 10) == "3"
    assert of_levels([], 10) == "0"
    assert of_levels([60.8, 25.7], 2) == "2"


def test_that_intervals_are_not_corrected_is_said_where_surely_is_explained() -> None:
    assert BY_CHANCE in front_page({"paper": {"cifar": measured("paper")}, "networks": {}})[0]
    words = (ROOT / "docs" / "concepts.md").read_text()
    (surely,) = (one for one in words.split("\n* ") if one.startswith("**surely**"))
    assert "None is corrected for how many are looked at" in surely
    assert "one in forty on each side" in surely


def test_the_page_of_what_remains_has_the_training_images_of_each_row() -> None:
    scalars = {f"remaining/{part}_over_second/{OWN[1]}/t300": 2.0 for part in PARTS}
    banks = {OWN[1]: 1000.0, "local_mixture": 1000.0, EXACT: 200.0}
    scalars |= {f"remaining/bank/{row}": count for row, count in banks.items()}
    said = remaining_together({"A": {"scalars": scalars}})
    assert (
        "Training images: on A 1,000 (stacked mixtures (ours) and local mixture (ours)) and 200 "
        "(PCA locality (the paper's, exact))."
    ) in said


def test_a_picture_of_samples_has_each_median_with_its_interval_and_names_what_is_far_below() -> None:
    one = measured("paper", nn2=True)
    ends = {row: {"": 0.9, "_low": 0.8, "_high": 0.95} for row in ("nn2", EXACT, OWN[0], OWN[1])}
    ends[FLOOR] = {"": 0.1, "_low": 0.0, "_high": 0.2}
    for row, three in ends.items():
        one["scalars"] |= {f"paper/median_r2{end}/{row}": value for end, value in three.items()}
    question = BY_PAGE["our_denoisers"]
    (panel,) = panels(question, {"paper": {"cifar": one}})
    assert panel.rows[EXACT] == (0.9, 0.8, 0.95)
    assert panel.far == {FLOOR: 0.1}
    (axes,) = draw([panel], question.rows).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [*map(called, question.rows)]
    assert [text.get_text() for text in axes.texts] == ["0.10, left of this axis"]
    assert pictured(question, {"paper": {"cifar": one}}) == []
    assert panels(BY_PAGE["ceiling"], {"paper": {"cifar": one}}) == []


def test_r2_of_one_step_is_drawn_by_what_it_lacks_of_one() -> None:
    """A gap of .01 below 1 is not seen on a plain axis."""
    one = measured("paper", nn2=True)
    (drawn,) = pictured(BY_PAGE["ceiling"], {"paper": {"cifar": one}})
    assert drawn.log_y
    assert drawn.y_label.startswith("1 - r2")
    mean = next(row[2] for row in drawn.rows() if row[0] == "nn2")
    assert mean == pytest.approx(0.01)
    assert Series([0.9], [0.8], [0.95]).lacking().low == pytest.approx([0.05])
    assert "no intervals were kept" not in drawn.title
    bare = {k: v for k, v in one["scalars"].items() if "step_r2_low" not in k}
    (drawn,) = pictured(BY_PAGE["ceiling"], {"paper": {"cifar": {**one, "scalars": bare}}})
    assert drawn.title.endswith("; no intervals were kept")


def test_colours_have_a_key_on_both_sides_of_the_picture_of_entropies() -> None:
    curves = [Curve(sigma, [1, 3, 5], [9, 6, 3], (3, 6)) for sigma in (0.5, 2.0)]
    points = [Point(100, curve.sigma, 3.0, 3.1, 2.9, 3.3) for curve in curves]
    figure = draw_entropies("local score", "window (pixels)", curves, points, 5.0, 0.5)
    for axes in figure.axes:
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert {"sigma 0.5", "sigma 2"} <= set(labels)


def test_the_picture_of_entropies_has_a_line_where_a_window_is_as_wide_as_the_image() -> None:
    curves = [Curve(sigma, [1, 3, 50], [9, 6, 3], (3, 6)) for sigma in (0.5, 2.0)]
    points = [Point(100, curve.sigma, 3.0, 3.1, 2.9, 3.3) for curve in curves]

    def sides(side: int | None) -> list[bool]:
        figure = draw_entropies("local score", "window (pixels)", curves, points, 5.0, 0.5, side)
        return ["image" in [line.get_label() for line in axes.lines] for axes in figure.axes]

    assert sides(28) == [True, False]  # the best windows on the right are all narrower
    assert sides(None) == sides(90) == [False, False]
    wide = [Point(100, 0.5, 3.0, 45.0, 40.0, 50.0), *points]
    figure = draw_entropies("local score", "window (pixels)", curves, wide, 5.0, 0.5, 28)
    assert [list(line.get_ydata()) for line in figure.axes[1].lines if line.get_linestyle() == ":"][-1] == [
        28,
        28,
    ]
