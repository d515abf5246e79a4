"""docs/results.md and its pages: only what was measured appears, and what was not is said to be so."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from benchmarks.results.caveats import banks, caveats
from benchmarks.results.dots import SAMPLES, panels
from benchmarks.results.front.front_page import front_page
from benchmarks.results.front.headlines import claim
from benchmarks.results.kept import store
from benchmarks.results.kept.choosing import Found as Run
from benchmarks.results.kept.choosing import best, found, quickest
from benchmarks.results.kept.gathering import Kept, calibrated, gather, images, took_none
from benchmarks.results.networks import networks
from benchmarks.results.page_parts import BEST, MOST, made, tabled
from benchmarks.results.pages import STORE, page, pictured, told_of
from benchmarks.results.paper.agreement import agreement
from benchmarks.results.questions.asked import QUESTIONS
from benchmarks.results.questions.ceiling import ceiling_verdict, top
from benchmarks.results.questions.entropy import by_output_verdict, without_network_verdict
from benchmarks.results.questions.eyes import ears, ears_table, mirror_verdict, who_sees, with_bars
from benchmarks.results.questions.fields import (
    fields_table,
    fields_verdict,
    pattern_verdict,
)
from benchmarks.results.questions.halves import (
    halves_or_seeds,
    halves_table,
    halves_verdict,
    labels_table,
    labels_verdict,
    with_steps,
)
from benchmarks.results.questions.information import information_table, information_verdict
from benchmarks.results.questions.information_short import information_beside, information_together
from benchmarks.results.questions.own import own_table, own_verdict
from benchmarks.results.questions.own_gap import with_released
from benchmarks.results.questions.own_short import own_beside, own_together
from benchmarks.results.questions.question import Question
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    OWN,
    TAUS,
    WSSM,
    against,
    heldout_verdict,
    listed,
    order_verdict,
    ordered,
)
from benchmarks.results.words.had import had, on_each
from benchmarks.results.words.shares import with_sides
from benchmarks.results.words.small_tables import front_table, samples_table
from benchmarks.results.words.titles import FORMS, TITLES, called
from locality.compare.origins import CALIBRATED
from locality.compare.origins import COLUMNS as ORIGINS

TARGET = "locality.compare.paper_table"
MOST_WORDS = 75  # of the first answer of a page
MOST_COLUMNS = 5  # of a table that is not folded, beside its first
BY_PAGE = {question.page: question for question in QUESTIONS}


def write_run(
    root: Path,
    name: str,
    state: str = "finished",
    gamma: float = 0.0,
    target: str = TARGET,
    section: str = "paper",
    count: int = 128,
) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"task": "evaluate", "network": False, "state": state}))
    (folder / "metrics.json").write_text("{}")
    source = {"_target_": "locality.data.photos", "size": 16}
    compare = {"_target_": target, "section": section, "count": count}
    data = {"source": source, "subset": None}
    cfg = {"task": "evaluate", "compare": compare, "data": data, "gamma": gamma, "networks": None}
    cfg["checkpoint"] = "runs/none"
    OmegaConf.save(OmegaConf.create(cfg), folder / "config.yaml")


def test_of_finished_tables_of_unedited_data_the_newest_with_the_most_seeds_counts(tmp_path: Path) -> None:
    write_run(tmp_path, "20260101-table")
    write_run(tmp_path, "20260102-table")
    write_run(tmp_path, "20260103-broken", state="failed")
    write_run(tmp_path, "20260104-pattern", gamma=0.5)
    write_run(tmp_path, "20260105-other", target="locality.compare.analytic_vs_nn")
    write_run(tmp_path, "20260106-variants", section="variants", count=64)
    write_run(tmp_path, "20260107-fewer", count=10)
    (tmp_path / "latest").symlink_to(tmp_path / "20260103-broken")
    chosen = {(one.kind, one.name): one.folder.name for one in best(found(tmp_path, tmp_path))}
    assert chosen == {("paper", "photos16"): "20260102-table", ("variants", "photos16"): "20260106-variants"}


@pytest.mark.parametrize("predicts", ["v_prediction", "epsilon", None])
def test_letters_in_networks_that_predict_the_noise_are_told_apart_from_others(tmp_path, predicts) -> None:
    """Else a difference between data sets may be one of what networks predict."""
    write_run(tmp_path, "20260101-pattern", target="locality.compare.pattern", gamma=0.5)
    path = tmp_path / "20260101-pattern" / "config.yaml"
    cfg = OmegaConf.load(path)
    data, cfg.data = cfg.data, None
    cfg.networks = {"a": "runs/exports/a"}
    OmegaConf.save(cfg, path)
    trained = {"data": data, "model": {} if predicts is None else {"prediction": predicts}}
    (tmp_path / "exports" / "a").mkdir(parents=True)
    OmegaConf.save(OmegaConf.create(trained), tmp_path / "exports" / "a" / "config.yaml")
    (one,) = found(tmp_path, tmp_path)
    told = "v" if predicts == "v_prediction" else "the noise"
    assert TITLES[one.name] == f"photographs (16 x 16, networks that predict {told})"
    for magnitude, kind in (("absolute", "pattern"), ("signed", "pattern_signed")):
        cfg.compare.magnitude = magnitude
        OmegaConf.save(cfg, path)
        assert [run.kind for run in found(tmp_path, tmp_path)] == [kind]
    cfg.compare.magnitude = "square"
    OmegaConf.save(cfg, path)
    assert list(found(tmp_path, tmp_path)) == []
    cfg.compare.magnitude = "absolute"
    OmegaConf.save(cfg, path)
    trained["run"] = {"before": [{"command": "python train.py", "step": 8000}]}
    OmegaConf.save(OmegaConf.create(trained), tmp_path / "exports" / "a" / "config.yaml")
    (one,) = found(tmp_path, tmp_path)
    assert TITLES[one.name] == f"photographs (16 x 16, networks that predict {told}, trained longer)"
    del trained["run"]
    cfg.networks = {"a": "runs/exports/a", "b": "runs/exports/b"}
    OmegaConf.save(cfg, path)
    (tmp_path / "exports" / "b").mkdir()
    for gamma, more in ((0.1, ", the weak letter alone"), (0.5, "")):
        for name, strength in (("a", 0.0), ("b", gamma)):
            trained["data"].gamma = strength
            OmegaConf.save(OmegaConf.create(trained), tmp_path / "exports" / name / "config.yaml")
        (one,) = found(tmp_path, tmp_path)
        assert TITLES[one.name] == f"photographs (16 x 16, networks that predict {told}{more})"


NUMBERS = {
    "paper/r2/nn2": 0.5, "paper/r2_low/nn2": 0.4, "paper/r2_high/nn2": 0.6, "paper/samples/nn2": 128.0,
    "paper/step_r2/nn2/t100": 0.1, "paper/step_r2_low/nn2/t100": 0.05, "paper/step_r2_high/nn2/t100": 0.2,
    "mirror/ratio/left_eye/network/t300": 2.5, "halves/mse/predicted/t100": 1e-5,
}  # fmt: skip


def test_numbers_are_the_same_after_folding_and_unfolding() -> None:
    assert store.unfolded(store.folded(NUMBERS)) == NUMBERS
    assert store.folded(NUMBERS)["paper"]["r2"] == {"nn2": [0.5, 0.4, 0.6]}


def test_a_number_that_is_undefined_is_left_out_with_its_interval() -> None:
    undefined = dict.fromkeys(("paper/r2/a", "paper/r2_low/a", "paper/r2_high/a"))
    assert store.unfolded(store.folded({**NUMBERS, **undefined})) == NUMBERS


def test_what_is_kept_once_is_not_kept_twice(tmp_path: Path) -> None:
    rows = [[1000, 0.342, "3.53 (at an end)", "2.35 [2.1, 2.5]"]]
    table = {"columns": ["images", "sigma", "best", "entropy there"], "rows": rows}
    none = {"paper/r2_left_out/nn2": 0.0, "paper/step_r2_left_out/nn2/t100": 0.0}
    some = {"paper/step_r2_left_out/nn2/t200": 3.0}
    tables = {"information/local_score/clean": table, "mirror/ratio": table}
    store.write(tmp_path / "kept.json", {"a": {"b": {"scalars": NUMBERS | none | some, "tables": tables}}})
    kept = store.read(tmp_path / "kept.json")["a"]["b"]
    assert kept["scalars"] == NUMBERS | some
    assert kept["tables"]["mirror/ratio"] == table
    narrow = {"columns": ["images", "sigma", "best"], "rows": [rows[0][:3]]}
    assert kept["tables"]["information/local_score/clean"] == narrow


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    kept = {"paper": {"cifar": {"run": {"command": "c"}, "scalars": NUMBERS, "tables": {}}}, "mirror": {}}
    store.write(tmp_path / "kept.json", kept)
    assert store.read(tmp_path / "kept.json") == kept


def measured(section: str, nn2: bool = False) -> dict[str, Any]:
    """What a comparison leaves, with numbers that are planted: r2 of a row is its place, in tenths."""
    names = [
        "optimal",
        "equivariant_local_score",
        "wiener",
        "pca_locality",
        "golden_subset",
        "stacked_mixtures",
    ]
    if section == "variants":
        names += [f"wssm_{n}" for n in (128, 512, 2048)] + ["float32", "float32_wssm_512", "axis_row"]
        names += [
            "threshold_row",
            "both_row",
            *(f"tau_{t}" for t in ("002", "005", "02", "05", "2", "5")),
        ]
    names = (["nn2"] if nn2 else []) + names
    scalars: dict[str, float] = {}
    for place, name in enumerate(names):
        scalars |= {f"{section}/{key}/{name}": place / 10 for key in ("r2", "median_r2")}
        scalars |= {f"{section}/median_r2{end}/{name}": place / 10 for end in ("_low", "_high")}
        scalars |= {f"{section}/samples/{name}": 128.0, f"{section}/seconds/{name}": 0.5}
        scalars |= {f"{section}/bank/{name}": 100.0}
        for end in ("", "_low", "_high"):
            scalars[f"{section}/r2_over_pca_locality{end}/{name}"] = place - 3
            for t in (100, 300):
                scalars[f"{section}/step_r2{end}/{name}/t{t}"] = 0.99 if name == "nn2" else t / 1000
                scalars[f"{section}/heldout_ratio{end}/{name}/t{t}"] = t / 200
    run = {"command": "python evaluate.py", "commit": "abc", "started": "today", "seconds": 1.0}
    return {"run": run, "size": 128, "scalars": scalars, "tables": {}, "calibrated": []}


def test_a_question_that_nothing_answers_is_said_to_be_unmeasured() -> None:
    kept = {"paper": {"photos16": measured("paper")}, "networks": {}}
    for question in QUESTIONS:
        known = question.kind == "paper" and question.page != "without_network"  # it has none of those rows
        assert ("Not measured." in page(question, kept)) == (not known), question.page
    assert "there is no second network" in page(BY_PAGE["ceiling"], kept)


def test_questions_are_answered_from_the_numbers() -> None:
    kept = {
        "paper": {"photos16": measured("paper", nn2=True)},
        "variants": {"cifar": measured("variants")},
        "networks": {},
    }
    assert "Batches of 128: higher (mean +3 [+3, +3])" in page(BY_PAGE["batch_averages"], kept)
    assert "less error than Wiener at sigma 0.342, more at sigma 1.24" in page(BY_PAGE["heldout"], kept)
    assert "widest at sigma 0.342 (0.89)" in page(BY_PAGE["ceiling"], kept)
    order = "optimal, equivariant local score, Wiener, PCA locality (the paper's, exact), golden subset"
    said = page(BY_PAGE["published_order"], kept)
    assert "10 of 10 pairs of rows are in the published order" in said
    assert f"({order}, from the lowest r2 up)" in said.replace("CIFAR-10: ", "")


def test_a_page_has_its_answer_before_its_table_and_its_commands_folded_away() -> None:
    kept = {"paper": {"photos16": measured("paper", nn2=True)}, "networks": {}}
    kept["paper"]["photos16"]["calibrated"] = [["pca_locality", "tau", "64 val images", "16,000"]]
    text = page(BY_PAGE["our_denoisers"], kept)
    answer, table, folded = (text.index(part) for part in ("**photographs", "| time /", "<details "))
    row = "| PCA locality (the paper's, exact) | tau | 64 val images | 16,000 |"
    assert answer < table < folded < text.index(row)


def test_a_page_shows_the_first_data_set_and_folds_the_others_away() -> None:
    found = measured("paper", nn2=True)
    text = page(BY_PAGE["our_denoisers"], {"paper": {"cifar": found, "photos16": found}, "networks": {}})
    summary = "<summary>More on photographs (16 x 16)</summary>"  # there is no short answer here
    assert text.index("\nCIFAR-10:\n") < text.index(summary) < text.index("\nphotographs (16 x 16):\n")


def test_the_front_page_fits_a_screen_and_links_every_page() -> None:
    kept = {"paper": {"photos16": measured("paper", nn2=True)}, "networks": {}}
    text, figure = front_page(kept)
    assert figure is not None
    assert len(figure[0]) == 1
    assert all(f"(results/{question.page}.md)" in text for question in QUESTIONS)
    assert "One-step r2 and error are medians over 2 noise levels, 0.342 to 1.24." in text
    assert "Mirror images count as training images." in text
    columns, rows = front_table(kept["paper"]["photos16"])
    assert (len(columns), len(rows)) == (5, 6)


@cache
def every_number() -> Kept:
    """All that is kept, as the pages tell of it."""
    return told_of(store.read(STORE))


def test_what_the_front_page_shows_of_all_that_was_measured_fits_a_screen() -> None:
    text, _ = front_page(every_number())
    assert len(re.findall(r"^\| denoiser \|", text, re.MULTILINE)) > 1
    shown = unfolded(text)
    assert len(re.findall(r"^\| denoiser \|", shown, re.MULTILINE)) == 1, "other tables fold"
    assert len(shown.splitlines()) < 60


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.page)
def test_every_page_begins_with_a_short_answer_in_words(question: Question) -> None:
    title, lead, *rest = page(question, every_number()).split("\n\n")
    assert title == f"# {question.text}"
    assert not lead.startswith(("|", "![", "<", "*")), "the first words are a sentence"
    assert len(lead.split()) <= MOST_WORDS
    assert rest[-1].startswith("[What the words mean](../concepts.md#words-of-the-result-pages).")
    shown = unfolded("\n\n".join(rest))
    heads = re.findall(r"^(\|.*\|)\n\| ---", shown, re.MULTILINE)
    assert all(head.count(" | ") <= MOST_COLUMNS for head in heads)


def test_a_bank_that_no_row_had_whole_is_told_of() -> None:
    assert (
        images({"columns": ["denoiser", "training images"], "rows": [["a", "80 of 900"], ["b", ""]]}) == 900
    )
    kept = {"paper": {"photos16": {**measured("paper", nn2=True), "images": 900}}, "networks": {}}
    text, _ = front_page(kept)
    assert "up to 100 of 900 training images" in text
    assert "every row that searches training images reads a part of them (at most 100 of 900)" in text
    kept["paper"]["photos16"]["scalars"]["paper/bank/optimal"] = 900.0
    text, _ = front_page(kept)
    rows = len(banks(kept["paper"]["photos16"]))
    assert f"a part of the training images: {rows - 1} of {rows} on photographs (16 x 16)" in text
    assert "every row" not in text


def test_the_front_page_has_the_error_apart_from_the_r2_of_samples() -> None:
    tables: dict[str, Any] = {}
    for name, ratio in (("cifar", 0.92), ("photos16", 0.8)):
        scalars = {f"paper/heldout_over_pca_locality/{OWN[1]}/t{t}": ratio + t / 1e4 for t in (100, 300)}
        for row, r2 in ((OWN[1], 0.95), (EXACT, 0.9), (FLOOR, 0.8)):
            scalars |= {f"paper/median_r2/{row}": r2, f"paper/samples/{row}": 64.0}
            scalars[f"paper/bank/{row}"] = 100.0
        tables[name] = {"scalars": scalars}
    assert claim(tables, {})[:2] == [
        "On CIFAR-10 stacked mixtures (ours) has a median r2 of 0.95 to a network's samples, PCA locality "
        "(the paper's, exact) 0.90 and Wiener 0.80.",
        "On unseen images stacked mixtures (ours) has less error than PCA locality: by 6 % on CIFAR-10 to "
        "18 % on photographs (16 x 16), in the median of the ratios at sigma from 0.3 to 3.6.",
    ]
    tables["cifar"]["scalars"][f"paper/bank/{EXACT}"] = 80.0
    counts = "Ours draw on 100 training images, PCA locality on 80 (mirror images count)."
    assert claim(tables, {})[0].endswith(f"0.80. {counts}")
    tables["cifar"]["scalars"][f"paper/median_r2_second/{OWN[1]}"] = 0.93
    assert "second network" not in claim(tables, {})[0]  # two of three are not known
    for row, r2 in ((EXACT, 0.87), (FLOOR, 0.86)):
        tables["cifar"]["scalars"][f"paper/median_r2_second/{row}"] = r2
    said = "no setting was chosen, stacked mixtures (ours) has 0.93, PCA locality (the paper's, exact) has "
    said += "0.87 and Wiener has 0.86. Ours draw"
    assert said in claim(tables, {})[0]
    noise = {f"epsilon/median_r2_second/{row}": 0.4 for row in (OWN[1], EXACT, FLOOR)}
    noise |= {f"epsilon/median_r2_second_over_{EXACT}{end}/{OWN[1]}": 0.1 for end in ("", "_low", "_high")}
    said = claim(tables, {"epsilon": {"cifar": {"scalars": noise}}})[0]
    assert "To a network that predicts the noise, as the paper's do, all are farther: stacked" in said
    assert "Wiener 0.40 (ours are surely nearer to it than PCA locality (the paper's, exact))." in said
    better = {f"paper/heldout_over_pca_locality/{OWN[0]}/t100": 0.5}
    tables["photos16"]["scalars"] |= better  # and on the other data it was not measured
    assert "stacked mixtures (ours) has less error than PCA locality: by 6 %" in claim(tables, {})[1]
    tables["cifar"]["scalars"] |= {f"paper/heldout_over_pca_locality/{OWN[0]}/t100": 0.9}
    assert "stacked locality (ours) has less error than PCA locality: by 10 %" in claim(tables, {})[1]
    tables["cifar"]["scalars"] |= {f"paper/heldout_over_pca_locality/{OWN[0]}/t100": 1.2}
    assert "20 % more error on CIFAR-10 and 50 % less error on photographs" in claim(tables, {})[1]


def test_the_front_page_counts_networks_that_see_more_than_a_network_of_other_data() -> None:
    cats: dict[str, Any] = {"run": {}, "scalars": {}}
    for name, low, high in (
        ("network", 4, 6), ("dit", 3, 7), ("cifar", 1, 2), ("wiener", 9, 9), ("residual", 9, 9),
    ):  # fmt: skip
        for end, value in (("_low", low), ("", low), ("_high", high)):
            cats["scalars"] |= {f"mirror/ratio{end}/left_eye/{name}/t300": float(value)}
            cats["scalars"] |= {f"mirror/ratio{end}/left_eye/{name}/t700": 3.0}
    tables, kept = {"photos16": measured("paper")}, {"mirror": {"afhq32": cats}}
    count = "2 of 2 networks of cats that are not given the covariance"
    assert claim(tables, kept)[-1] == (
        "Both networks of cats that are not given the covariance look at the other eye at some sigma from "
        "0.3 to 3.6, as the covariance says, DiT among them. 2 of 2 are weaker: 3.0 to 4.0 times as much "
        "there as on the ring around it at sigma 1.24, where Wiener has 9.0. A network of CIFAR-10 does not."
    )
    text = agreement(kept)
    assert f"where the covariance says that an eye's twin is: {count} do so" in text
    assert "U-Net on Wiener is given the covariance and not counted." in text
    assert "Nothing follows for two networks at sigma 12: a control may have as much there." in text
    cats["scalars"]["mirror/ratio_high/left_eye/cifar/t300"] = 3.5
    assert claim(tables, kept)[-1].startswith("One of two networks of cats")
    cats["scalars"]["mirror/ratio_low/left_eye/cifar/t300"] = 3.0
    assert claim(tables, kept)[-1].endswith(" A network of CIFAR-10 does, too.")


def test_networks_of_one_architecture_are_one_and_strengths_are_set_side_by_side_where_all_see() -> None:
    ends = {one: {300: (3.0, 4.0, 5.0), 100: (1.0, 9.0, 9.0)} for one in ("network", "nn2")}
    ends["dit"] = {300: (3.0, 6.0, 9.0), 100: (90.0, 90.0, 90.0)}
    text = agreement({"mirror": {"afhq32": {"scalars": ratios("left_eye", **ends)}}})
    assert "**Agrees** that unlike architectures look alike: 2 of 2 have the spot." in text
    assert "It is in DiT and U-Net (2 networks). Its strength differs: 4.0 (the network) to 6.0 (DiT)" in text
    ends["nn2"][300] = (1.0, 2.0, 3.0)
    text = agreement({"mirror": {"afhq32": {"scalars": ratios("left_eye", **ends)}}})
    assert "**Agrees in part** that unlike architectures look alike: 1 of 2 have the spot." in text
    assert "It is in DiT; not in U-Net (1 of 2 networks)." in text


def test_settings_that_were_chosen_with_fewer_images_are_told_of() -> None:
    found = measured("paper")
    for end, value in (("_low", 0.01), ("", 0.04), ("_high", 0.08)):
        found["scalars"][f"paper/median_r2_over_pca_locality{end}/pca_locality_entropy"] = value
    found["calibrated"] = [[EXACT, "tau", "16 val images", "80"], ["golden_subset", "size", "9", "100"]]
    said = caveats({"photos16": found}, {})[2]
    assert "On photographs (16 x 16) the settings of 1 row were chosen with fewer images" in said
    assert "PCA locality's tau was chosen with 80 and is used with 100" in said
    assert "r2 changes by +0.040 [+0.010, +0.080] on photographs (16 x 16), seed by seed" in said
    found["calibrated"][0][3] = "100"
    assert "chosen with" not in caveats({"photos16": found}, {})[2]


def test_settings_that_were_chosen_with_more_images_are_told_of() -> None:
    found = measured("paper")
    found["calibrated"] = [[EXACT, "tau", "16 val images", "100"], ["golden_subset", "size", "9", "300"]]
    said = "Some were chosen with more images than they are used with: on CIFAR-10 those of golden subset. "
    assert said in caveats({"cifar": found}, {})[2]
    found["calibrated"][1][3] = "100"
    assert "more images than they are" not in caveats({"cifar": found}, {})[2]


def test_where_ours_are_made_of_more_images_is_told_of() -> None:
    found = measured("paper")
    said = "On CIFAR-10 ours draw on 100 images, and PCA locality (the paper's, exact) reads 80. "
    assert said not in caveats({"cifar": found}, {})[0]
    found["scalars"]["paper/bank/pca_locality"] = 80.0
    assert said in caveats({"cifar": found}, {})[0]


def test_where_settings_were_found_on_samples_is_told_of() -> None:
    found, other = measured("paper"), measured("paper")
    found["calibrated"] = [[EXACT, "tau", "24 samples of the network", "100"]]
    other["calibrated"] = [[EXACT, "tau", "24 val images", "100"]]
    both = {"cifar": found, "photos16": other}
    assert "on CIFAR-10 on the network's own samples, elsewhere on val images. " in caveats(both, {})[2]
    found["calibrated"] += [["soft_locality", one, "24 val images", "100"] for one in ("beta", "blend")]
    assert "soft locality" not in caveats(both, {})[2]  # no row of the table
    found["scalars"]["paper/bank/soft_locality"] = 50.0
    said = caveats(both, {})[2]
    assert (
        "on the network's own samples (except those of soft locality (ours)), elsewhere on val images. "
        in said
    )
    found["calibrated"] = [[EXACT, "tau", "24 samples of the network", "100"]]
    assert "on CIFAR-10 on the network's own samples. " in caveats({"cifar": found}, {})[2]
    assert "were found on val images. " in caveats({"photos16": other}, {})[2]


def test_the_front_page_says_so_when_nothing_is_measured() -> None:
    text, figure = front_page({"networks": {}})
    assert "Nothing is measured yet." in text
    assert figure is None


@pytest.mark.parametrize(
    ("mean", "median", "word"),
    [
        ((0.1, 0.05, 0.2), None, "higher"),
        ((-0.1, -0.2, -0.05), (-0.1, -0.2, -0.01), "lower"),
        ((0.1, -0.05, 0.2), (0.0, -0.1, 0.1), "no sure difference"),
        ((0.1, 0.05, 0.2), (0.1, -0.1, 0.2), "mean and median disagree"),  # a few seeds make the mean
    ],
)
def test_a_difference_is_told_where_the_intervals_of_mean_and_median_agree(mean, median, word) -> None:
    scalars = {}
    for key, ends in (("r2_over_wiener", mean), ("median_r2_over_wiener", median)):
        for end, value in zip(("", "_low", "_high"), ends or (), strict=False):
            scalars[f"paper/{key}{end}/stacked_mixtures"] = value
    said = against({"scalars": scalars}, "stacked_mixtures", "paper", "wiener")
    assert said.startswith(f"stacked mixtures (ours): {word} (")


def test_rows_that_were_not_measured_are_not_ranked() -> None:
    scalars = {"paper/median_r2/optimal": -0.3, "paper/median_r2/wiener": -1.2}
    scalars |= {"paper/samples/optimal": 128, "paper/samples/wiener": 32}
    few = {"paper/median_r2/equivariant_local_score": 0.5, "paper/samples/equivariant_local_score": 8}
    said = order_verdict({"scalars": scalars | few})
    assert said.startswith("0 of 1 pairs of rows are in the published order")
    assert "Level, as the interval of the difference holds 0: Wiener and optimal. Fewer" in said
    assert said.endswith("Fewer seeds than the others: Wiener had 32")
    for end, value in (("", -0.5), ("_low", -0.9), ("_high", -0.1)):
        scalars[f"paper/median_r2_over_optimal{end}/wiener"] = value
    assert "Reversed: Wiener is behind optimal" in order_verdict({"scalars": scalars | few})
    assert heldout_verdict({"scalars": {}}).count("was not measured") == len((EXACT, *OWN))
    assert against({"scalars": {}}, "wssm_128") == "batches of 128: not measured"


def test_calibrations_are_those_that_the_run_took() -> None:
    rows = [
        ["pca_locality", "tau", "calibrated", "network", "64 val images", "16,000", None],
        ["local_mixture", "window", "calibrated", "clean images", "64 val images", "9", None],
        ["local_score", "patch_size", "by hand", None, None, None, None],
        ["soft_locality", "beta", "default", None, None, None, "python evaluate.py compare=calibrate"],
    ]
    took = calibrated({"columns": ORIGINS, "rows": rows})
    assert took == [
        ["pca_locality", "tau", "64 val images", "16,000"],
        ["local_mixture", "window", "64 val images, against clean images", "9"],
    ]
    assert calibrated(None) == []


def test_a_page_lists_the_calibrations_of_its_own_rows_alone() -> None:
    found = measured("paper", nn2=True)
    found["calibrated"] = [
        ["pca_locality", "tau", "64 val images", "16,000"], ["local_score", "patch_size", "8 val images", "9"]
    ]  # fmt: skip
    kept = {"paper": {"photos16": found}, "networks": {}}
    text = page(BY_PAGE["our_denoisers"], kept)  # its table has no local score
    assert "| PCA locality (the paper's, exact) | tau |" in text
    assert "patch_size" not in text
    found["scalars"]["paper/seconds/local_score"] = 1.0
    assert "| local score | patch_size | 8 val images | 9 |" in page(BY_PAGE["ceiling"], kept)


def test_settings_found_on_clean_images_are_not_said_to_be_found_against_the_network() -> None:
    found = measured("paper", nn2=True)
    clean = ["stacked_mixtures", "shares", "16 val images, against clean images", "9"]
    found["calibrated"] = [clean]
    kept = {"paper": {"photos16": found}, "networks": {}}
    text = page(BY_PAGE["our_denoisers"], kept)
    assert "Calibrated against clean images:" in text
    assert "Calibrated against the network:" not in text
    found["calibrated"] = [clean, ["pca_locality", "tau", "64 val images", "16,000"]]
    text = page(BY_PAGE["our_denoisers"], kept).split("Calibrated against clean images:")[1]
    clean, network = (part.split("[What")[0] for part in text.split("Calibrated against the network:"))
    assert ["| shares |" in clean, "| tau |" in clean] == [True, False]
    assert ["| shares |" in network, "| tau |" in network] == [False, True]


@pytest.mark.parametrize(
    ("typed", "none"),
    [
        ("compare=paper_variants data=photos", True), ("compare=paper_table compare.calibration=none", True),
        ("compare=paper_table +compare.section=released", False), ("experiment=cats_table", False),
        ("compare=by_output data=cifar", False),
    ],
)  # fmt: skip
def test_whether_a_run_took_calibrations_is_read_from_its_command(typed: str, none: bool) -> None:
    assert took_none(f"python evaluate.py {typed}") is none


def test_a_page_of_variants_lists_no_calibration_and_names_the_tau_that_was_typed() -> None:
    found = measured("variants")
    found["run"]["command"] = "python evaluate.py compare=paper_variants candidates.pca_locality.tau=.07"
    found["calibrated"] = [["pca_locality", "tau", "64 val images", "16,000"]]
    kept = {"variants": {"photos16": found}, "networks": {}}
    text = page(BY_PAGE["tau"], kept)
    assert "One tau, .07, for all rows except those that are named by theirs." in text
    assert "One tau, .07, for all rows." in page(BY_PAGE["batch_averages"], kept)
    assert "Calibrated" not in text


def test_of_two_rows_with_one_tau_the_page_has_one() -> None:
    found = measured("variants")
    kept = {"variants": {"photos16": found}, "networks": {}}
    text = page(BY_PAGE["tau"], kept)
    assert "set against that of PCA locality (the paper's, exact). Tau .002: higher" in text
    assert "| PCA locality (the paper's, exact) |" in text
    for end in ("", "_low", "_high"):
        found["scalars"][f"variants/r2_over_pca_locality{end}/tau_05"] = 0.0
    text = page(BY_PAGE["tau"], kept)
    assert "set against that of tau .05. Tau .002: higher" in text
    assert "tau .05:" not in text
    assert "| tau .05 |" in text
    assert "PCA locality (the paper's, exact)" not in text


def test_every_variant_of_pca_locality_has_a_name_for_readers() -> None:
    variants = OmegaConf.load("configs/compare/paper_variants.yaml").compare.variants.pca_locality
    for key, settings in variants.items():
        assert called(key) in FORMS.values()
        assert "_" not in called(key)
        if "tau" in settings:
            assert float(called(key).removeprefix("tau ")) == settings.tau
    assert set(TAUS) == {key for key, settings in variants.items() if "tau" in settings}


def test_denoisers_of_this_project_are_marked_alike() -> None:
    ours = ("local_mixture", "soft_locality", "stacked_locality", "stacked_mixtures")
    assert all(called(name).endswith(" (ours)") for name in ours)


def test_a_table_of_samples_begins_with_the_networks_and_says_what_its_columns_are() -> None:
    found = measured("paper", nn2=True)
    found["scalars"] |= {"paper/seconds/network": 0.5, "paper/samples/network": 128.0}
    text = page(BY_PAGE["ceiling"], {"paper": {"photos16": found}, "networks": {}})
    assert [row[0] for row in samples_table(found, "paper")[1]][:3] == [
        "network", "second network", "stacked mixtures (ours)",
    ]  # fmt: skip
    assert "Copies: the share of samples that are nearly a training image." in text
    assert "All rows" not in text
    for k in range(MOST):
        found["scalars"][f"paper/seconds/more_{k}"] = 1.0
    assert "All rows" not in page(BY_PAGE["ceiling"], {"paper": {"photos16": found}, "networks": {}})
    text = "\n\n".join(tabled(BY_PAGE["ceiling"], "photos16", found, first=True))  # where it does not fold
    first, rest = text.split("<summary>All rows</summary>")
    _, first = first.split("highest in median r2 (")
    assert first.count("\n| ") == 2 + 2 + BEST  # the head and its rule, the networks, the best
    assert "more_0".replace("_", " ") not in first
    assert "more_0".replace("_", " ") in rest


def test_what_pca_locality_had_stands_at_its_table_and_no_tau_of_a_run_that_took_none() -> None:
    found = measured("paper", nn2=True)
    found["calibrated"] = [[EXACT, "tau", "24 samples of the network", "80"]]
    had_ = "128 seeds, 100 training images and a tau found with 80"
    head = f"\nphotographs (16 x 16) (PCA locality (the paper's, exact) had {had_}):\n"
    assert head in page(BY_PAGE["ceiling"], {"paper": {"photos16": found}, "networks": {}})
    assert (
        f"PCA locality (the paper's, exact) had {had_}."
        in front_page({"paper": {"photos16": found}, "networks": {}})[0]
    )
    found["run"]["command"] = "python evaluate.py compare=paper_variants"
    assert had(found, "paper") == "128 seeds and 100 training images"
    assert had({"scalars": {}}, "paper") == ""
    one = {"scalars": {**found["scalars"], f"paper/samples/{EXACT}": 8.0}}
    said = on_each({"A": found, "B": found, "C": one}, "paper")
    assert "128 seeds and 100 training images on A and B; 8 seeds and 100 training images on C. Other" in said


def test_where_the_gap_to_the_second_network_is_small_and_where_it_turns_is_told() -> None:
    scalars: dict[str, float] = {"paper/r2/wiener": 0.5, "paper/r2/nn2": 0.9}
    scalars |= {"paper/samples/wiener": 8.0, "paper/samples/nn2": 8.0}
    for t, gap in ((0, 0.001), (100, 0.05), (200, 0.005), (500, -0.1), (600, -0.1)):
        scalars |= {f"paper/step_r2/wiener/t{t:03d}": 0.5, f"paper/step_r2/nn2/t{t:03d}": 0.5 + gap}
    said = ceiling_verdict({"scalars": scalars})
    assert "the gap is widest at sigma 0.342 (0.05)" in said
    assert "The gap is below 0.01 at sigma 0.01 and 0.724." in said
    assert "(r2, mean over images)" in said
    assert said.endswith("No intervals of these r2 are recorded")
    for row, t, low, high in (
        ("wiener", 500, 0.45, 0.55), ("nn2", 500, 0.3, 0.44),
        ("wiener", 600, 0.45, 0.55), ("nn2", 600, 0.3, 0.46),
    ):  # fmt: skip
        scalars |= {f"paper/step_r2_low/{row}/t{t}": low, f"paper/step_r2_high/{row}/t{t}": high}
    said = ceiling_verdict({"scalars": scalars})
    assert said.endswith(
        "By the intervals the analytical row is higher at sigma 3.44; elsewhere they are not told apart"
    )
    medians = {key.replace("step", "median_step"): v for key, v in scalars.items() if "step_r2/" in key}
    medians |= {f"paper/median_step_r2/nn2/t{t:03d}": 0.9 for t in (100, 200)}
    assert "(r2, median over images) the gap is widest at sigma" in ceiling_verdict(
        {"scalars": scalars | medians}
    )
    scalars = {key: 0.9 if "nn2" in key else value for key, value in scalars.items()}
    said = ceiling_verdict({"scalars": scalars})
    assert "below" not in said


def test_a_pair_is_in_order_where_the_interval_of_its_differences_leaves_out_nothing() -> None:
    scalars = {f"paper/samples/{row}": 64.0 for row in (FLOOR, EXACT)}
    scalars |= {f"paper/median_r2/{FLOOR}": 0.85, f"paper/median_r2/{EXACT}": 0.9}
    for low, high, way in ((0.01, 0.03, 1), (-0.01, 0.03, 0), (-0.03, -0.01, -1)):
        for end, value in (("", (low + high) / 2), ("_low", low), ("_high", high)):
            scalars[f"paper/median_r2_over_{FLOOR}{end}/{EXACT}"] = value
        assert ordered({"scalars": scalars}) == {(FLOOR, EXACT): way}
        turned = {
            key.replace(f"_over_{FLOOR}", "_over_x").replace(EXACT, FLOOR): v for key, v in scalars.items()
        }
        turned |= {key: v for key, v in scalars.items() if "_over_" not in key}
        turned = {key.replace("_over_x", f"_over_{EXACT}"): v for key, v in turned.items()}
        assert ordered({"scalars": turned}) == {(FLOOR, EXACT): -way}
        lower = {**scalars, f"paper/median_r2/{EXACT}": 0.8}
        told = "in order seed by seed, though not by these medians: PCA locality (the paper's, exact) "
        told += "and Wiener"
        assert (told in order_verdict({"scalars": lower}).replace("In order", "in order")) == (way == 1)
        assert "these medians" not in order_verdict({"scalars": scalars})


def test_errors_that_are_surely_neither_less_nor_more_are_told() -> None:
    scalars = {}
    for t, ends in ((100, (0.8, 0.9, 1.1)), (200, (0.9, 0.95, 1.2)), (300, (1.1, 1.2, 1.3))):
        for end, value in zip(("_low", "", "_high"), ends, strict=True):
            scalars[f"paper/heldout_ratio{end}/{EXACT}/t{t}"] = value
    said = heldout_verdict({"scalars": scalars}, rows=(EXACT,))
    told = "nowhere, more at sigma 1.24. Where neither is sure, its error is"
    assert said.endswith(f"{told} 0.90 to 0.95 times Wiener's")
    for t in (100, 200):
        scalars[f"paper/heldout_ratio/{EXACT}/t{t}"] = 0.95
    assert heldout_verdict({"scalars": scalars}, rows=(EXACT,)).endswith(f"{told} 0.95 times Wiener's")


def test_larger_images_have_a_page_of_their_own_without_r2() -> None:
    scalars = {}
    for end, value in (("", 0.9), ("_low", 0.85), ("_high", 0.95)):
        scalars[f"larger/heldout_ratio{end}/optimal/t300"] = value
    said = BY_PAGE["larger"].answer({"scalars": scalars})
    assert "Optimal has less error than Wiener at every noise level, more nowhere" in said
    columns, rows = BY_PAGE["larger"].table({"scalars": scalars})
    assert (columns, rows) == (["error on unseen images / Wiener's, at sigma", "1.24"], [["optimal", 0.9]])


@pytest.mark.parametrize(
    ("name", "table_folds"), [("published_order", True), ("ceiling", True), ("heldout", True)]
)
def test_a_page_has_a_short_answer_over_all_data_and_folds_each_data_set_away(name, table_folds) -> None:
    found = measured("paper", nn2=True)
    found["scalars"] |= {"paper/heldout_ratio_high/pca_locality/t300": 0.9}
    found["scalars"] |= {"paper/heldout_ratio_low/pca_locality/t300": 0.8}
    kept = {"paper": {"cifar": found, "photos16": found}, "networks": {}}
    above, below = page(BY_PAGE[name], kept).split(
        "<summary>More on CIFAR-10; photographs (16 x 16)</summary>"
    )
    assert BY_PAGE[name].together({TITLES[one]: found for one in kept["paper"]}) in above
    assert "**CIFAR-10**: " not in above
    assert below.index("**CIFAR-10**: ") < below.index("**photographs (16 x 16)**: ")
    assert ("\nCIFAR-10 (" in above) is not table_folds  # and what PCA locality had
    assert ("\nCIFAR-10 (" in below) is table_folds


def unfolded(text: str) -> str:
    """What a page shows before anything is opened."""
    shown = re.sub(r"<details(?:(?!<details).)*?</details>", "", text, flags=re.DOTALL)
    return shown if shown == text else unfolded(shown)


def test_a_page_is_an_answer_one_picture_and_one_table_and_the_rest_folds() -> None:
    for question in QUESTIONS:
        shown = unfolded(page(question, every_number()))
        if "Not measured." in shown:
            continue
        more = question.page == "published_order"  # what others published
        assert shown.count("![") <= 1, question.page
        none = question.page == "bfloat16"  # a sentence says all
        assert shown.count("\n| --- ") == 1 + more - none, question.page


def test_rows_with_few_seeds_are_not_the_best() -> None:
    planted = measured("paper")
    planted["scalars"] |= {"paper/samples/optimal": 16.0, "paper/step_r2/optimal/t300": 0.999}
    assert top(planted, 300)[0] != "optimal"


def test_held_out_errors_of_ours_are_told_beside_pca_localitys_and_where_they_are_more() -> None:
    name, scalars = OWN[0], {}
    for t, ends in ((0, (1.1, 1.2, 1.3)), (100, (0.7, 0.8, 0.84)), (200, (0.8, 0.84, 0.88))):
        for end, value in zip(("_low", "", "_high"), ends, strict=True):
            scalars[f"paper/heldout_over_pca_locality{end}/{name}/t{t}"] = value
    said = own_verdict({"scalars": scalars})
    assert own_table({"scalars": scalars})[1][0][5] == "0.80 to 0.84"  # at middle noise levels
    assert said == "More error on held-out images than PCA locality: stacked locality (ours) at sigma 0.01"


def test_what_ours_close_of_the_gap_is_counted_from_pca_localitys_best_form() -> None:
    name = OWN[0]
    scalars = {
        f"paper/median_r2/{row}": r2 for row, r2 in ((EXACT, 0.2), (WSSM, 0.5), ("nn2", 0.9), (name, 0.8))
    }
    scalars |= {f"paper/seconds/{EXACT}": 4.0, f"paper/seconds/{name}": 1.0}
    scalars |= {f"paper/heldout_ratio/{name}/t100": 0.9, "paper/heldout_ratio/network/t100": 0.8}
    said = own_verdict({"scalars": scalars})
    assert "stacked locality (ours) closes 75 %" in said
    row = own_table({"scalars": scalars})[1][0]
    assert row == ["stacked locality (ours)", None, None, "75 %", 0.25, None, "1.12 to 1.12"]
    assert "best form (PCA locality, batch averages) and a second network" in said
    assert "own forms" not in said
    assert "held-out" not in said  # that is in the table, and aims are in the short answer
    beside = own_beside({"A": {"scalars": dict(scalars)}})
    assert "| half of the gap in median r2 | yes (75 %) |" in beside
    assert "| an error within 5 % of the network's | no (at most 1.12) |" in beside
    assert "Yes" not in own_together({"A": {"scalars": dict(scalars)}})  # no interval is known
    scalars["paper/median_r2/pca_locality_entropy"] = 0.7
    said = own_verdict({"scalars": scalars})
    assert "best form (PCA locality by entropy) and a second network" in said
    assert "stacked locality (ours) closes 50 %; from the paper's own forms, 75 %" in said
    scalars["paper/median_r2/pca_locality_entropy"] = 0.75
    both = own_beside({"A": {"scalars": scalars}, "B": {"scalars": {}}})
    assert "| half of the gap in median r2 | no (" in both
    assert "| at most twice the time of PCA locality | yes (" in both
    assert own_together({"B": {"scalars": {}}}) == ""
    more = {f"paper/r2/{row}": r2 for row, r2 in ((EXACT, 0.2), ("nn2", 0.9), (name, 0.9))}
    assert own_verdict({"scalars": scalars | more}).endswith("; of the gap in mean r2, 100 %")
    assert "mean r2" not in own_verdict({"scalars": scalars | more | {f"paper/r2/{name}": 0.3}})
    scalars["paper/median_r2/nn2"] = 0.5  # no gap
    assert "close" not in own_verdict({"scalars": scalars})
    assert "close" not in own_verdict({"scalars": {}})


def test_the_released_form_counts_where_its_run_has_the_same_rows_and_else_is_told_apart() -> None:
    rows = {EXACT: 0.2, WSSM: 0.5, "nn2": 0.9, OWN[0]: 0.8, OWN[1]: 0.8}
    paper = {"scalars": {f"paper/median_r2/{row}": r2 for row, r2 in rows.items()}}
    released = {f"released/median_r2/{row}": r2 for row, r2 in rows.items()}
    released["released/median_r2/pca_locality_released"] = 0.7
    kept = {"paper": {"cifar": paper}, "released": {"cifar": {"scalars": released}}}
    said = own_verdict(with_released(kept)["paper"]["cifar"])
    assert "best form (released form) and a second network, they close 50 % and 50 %" in said
    assert "the paper's best" not in said
    released[f"released/median_r2/{OWN[0]}"] = 0.85
    said = own_verdict(with_released(kept)["paper"]["cifar"])
    assert "best form (PCA locality, batch averages) and a second network, they close 75 % and 75 %" in said
    assert "(released_form.md) the paper's best is the released form: of the gap" in said
    assert "median r2 from it, 75 % and 50 %" in said
    released[f"released/median_r2/{WSSM}"] = 0.8
    said = own_verdict(with_released(kept)["paper"]["cifar"])
    assert "the paper's best is PCA locality, batch averages: of the gap" in said
    assert "50 % and 0 %" in said


def test_the_page_of_ours_says_first_whether_they_beat_both_and_where_their_error_is_more() -> None:
    scalars: dict[str, float] = {}
    for row, r2 in ((EXACT, 0.2), ("nn2", 0.9), (OWN[0], 0.8), (OWN[1], 0.4)):
        scalars |= {f"paper/median_r2/{row}": r2, f"paper/r2/{row}": r2, f"paper/seconds/{row}": 1.0}
        scalars[f"paper/heldout_ratio/{row}/t100"] = scalars["paper/heldout_ratio/network/t100"] = 0.9
    for name in OWN:
        for base, kind in ((EXACT, ""), (EXACT, "median_"), (FLOOR, ""), (FLOOR, "median_")):
            for end, value in (("", 0.2), ("_low", 0.1), ("_high", 0.3)):
                scalars[f"paper/{kind}r2_over_{base}{end}/{name}"] = value
        for t, low, high in ((0, 1.1, 1.3), (100, 0.7, 0.9)):
            for end, value in (("_low", low), ("_high", high)):
                scalars[f"paper/heldout_over_{EXACT}{end}/{name}/t{t:03d}"] = value
    said = own_together({"A": {"scalars": scalars}, "B": {"scalars": {}}})
    assert said.startswith("Yes, in r2 of samples. Stacked locality")
    assert "than Wiener on A." in said
    both = own_together({"A": {"scalars": scalars}, "B": {"scalars": scalars}})
    assert "than Wiener on all 2 data sets." in both
    beside = own_beside({"A": {"scalars": scalars}, "B": {"scalars": {}}})
    assert "at 1 of 2 noise levels, and surely more on A at sigma 0.01." in beside
    assert "| half of the gap in median r2 | stacked locality (ours) alone (86 %, 29 %) |" in beside
    means = {**scalars, f"paper/r2/{OWN[0]}": 0.4}
    beside = own_beside({"A": {"scalars": means}})
    assert "| half of the gap in median r2 | stacked locality (ours) alone (86 %, 29 %) |" in beside
    assert "| half of the gap in mean r2 | no (29 %, 29 %) |" in beside
    assert "released form]" not in said
    over = {name: [(0.2, 0.1, 0.3), (0.2, 0.1, 0.3)] for name in OWN}
    split = {**over, OWN[1]: [(0.2, -0.1, 0.3), (0.2, 0.1, 0.3)]}
    found = {title: {"scalars": scalars, "over_released": one} for title, one in (("A", over), ("B", split))}
    said = own_together(found)
    assert "of PCA locality they are nearer, too, on A; they are nearer, too, on B (stacked locality" in said
    assert "on B (stacked locality (ours) alone); mean and median disagree on B (stacked mixtures" in said
    lower = {**scalars, f"paper/r2_over_{FLOOR}_low/{OWN[1]}": -0.1}
    assert own_together({"A": {"scalars": lower}}).startswith("In part, in r2 of samples")


def test_where_ours_had_more_training_images_their_page_says_so() -> None:
    scalars = {f"paper/bank/{name}": 100_000.0 for name in (*OWN, EXACT)}
    assert "training images" not in own_verdict({"scalars": scalars})
    scalars[f"paper/bank/{EXACT}"] = 20_000.0
    said = own_verdict({"scalars": scalars})
    assert "Ours had 100,000 training images here, and PCA locality 20,000" in said


def test_ours_are_ahead_of_what_the_intervals_of_mean_and_median_agree_on() -> None:
    scalars = {}
    for name, base, ends in (
        (OWN[0], EXACT, (0.01, 0.02, 0.03)), (OWN[1], EXACT, (0.01, 0.02, 0.03)),
        (OWN[0], FLOOR, (0.01, 0.02, 0.03)), (OWN[1], FLOOR, (-0.01, 0.02, 0.03)),
    ):  # fmt: skip
        for kind in ("", "median_"):
            for end, value in zip(("_low", "", "_high"), ends, strict=True):
                scalars[f"paper/{kind}r2_over_{base}{end}/{name}"] = value
    said = own_verdict({"scalars": scalars})
    assert "Stacked locality (ours) is nearer to the network's samples than PCA locality" in said
    assert (
        "Stacked mixtures (ours) is not clearly nearer to or farther from the network's samples than W"
        in said
    )
    for kind in ("", "median_"):
        scalars[f"paper/{kind}r2_over_{FLOOR}_low/{OWN[1]}"] = 0.01
    said = own_verdict({"scalars": scalars})
    assert said.startswith("Stacked locality (ours) and stacked mixtures (ours) are nearer to the network's")


@pytest.mark.parametrize(("low", "overlap"), [("1.0", True), ("1.15", False)])
def test_the_page_on_the_pattern_tells_how_much_of_the_contrast_networks_have(
    low: str, overlap: bool
) -> None:
    columns = ["gamma", "sigma", "SNR_W less the control's", "network", "network / control"]
    columns += ["Wiener / control", "above control", "SNR_W", "SNR_W > 0.1"]
    rows = [
        ["0.0", "1", "0", "1", "", "", "", "0.1", ""],
        ["0.5", "1", "0.2", "2", f"1.20 [{low}, 2]", "3", "yes", "0.3", "yes"],
        ["0.5", "2", "0.1", "2", "1.10 [0.9, 1.12]", "2", "no", "0.2", "yes"],
        ["0.5", "3", "0.1", "2", "1.10 [0.9, 1.12]", "2", "no", "0.05", "no"],
    ]
    verdict = "the claim holds at 2 of 3 noise levels; at 3 if SNR_W counts the pattern alone; not above the "
    verdict += "control at t = 100"
    tables = {
        "pattern/verdict": {"rows": [["0.1", "1", "one seed: so"], ["0.5", "2", verdict]]},
        "pattern/contrast": {"columns": columns, "rows": rows},
    }
    said = pattern_verdict({"tables": tables})
    assert (
        "\n* Gamma 0.1, 1 seed: one seed: so.\n* Gamma 0.5, 2 seeds: networks are above the control at 1 of "
        "2 noise levels where SNR_W says so, and at 0 of 1 others. Networks are above it at 1 of 1, and at 0 "
        "of 2 others, if SNR_W counts the pattern alone, without what the control has. Networks are not above"
    ) in said
    assert "the claim holds" not in said, "a level at which nothing is said and nothing seen is no success"
    assert (
        ". Networks are not above the control at t = 396, where SNR_W says it should be. Contrast over the "
        "control's: networks 1.10 to 1.20" in said
    )
    assert "Wiener 2.00 to 3.00" in said
    told = (
        f"rise that is not sure is 1.10 [0.9, 1.12], the smallest sure one 1.20 [{low}, 2]. Their intervals"
    )
    assert (told in said) == overlap


HEADS = [
    "gamma", "sigma", "SNR_W", "SNR_W less the control's", "network / control", "Wiener / control",
    "above control", "SNR_W > 0.1",
]  # fmt: skip


def with_letters(*rows: list[Any]) -> dict[str, Any]:
    """What the page on the paper says of a letter, from rows of the recorded table."""
    control = [[0.0, one[1], "0.2", None, None, None, None, None] for one in rows]
    table = {"columns": HEADS, "rows": [*control, *rows]}
    return {"pattern": {"cifar": {"tables": {"pattern/contrast": table}}}}


def test_a_letter_agrees_where_its_rise_is_sure_and_no_small_part_of_wieners() -> None:
    whole = ["0.5", "1", "1", "0.9", "2.5 [2, 3]", "3", "yes", "yes"]
    part = ["0.5", "2", "1", "0.9", "1.2 [1.1, 1.3]", "3", "yes", "yes"]
    unexpected = ["0.5", "3", "0.05", "0.01", "1", "1", "no", "no"]
    text = agreement(with_letters(whole, part, unexpected))
    assert "**Agrees** that networks look along a hidden letter" in text
    assert "sure at 2 of 2 such noise levels" in text
    text = agreement(with_letters(part, unexpected))
    assert "**Agrees in part** that networks look along a hidden letter" in text
    assert "at most 1.20 times the control's contrast, where Wiener's is 3.00 times" in text
    text = agreement(with_letters(whole, [*part[:6], "no", "yes"]))
    assert "**Agrees in part** that networks look along a hidden letter" in text
    assert "sure at 1 of 2 such noise levels" in text


def test_a_letter_that_no_network_shows_is_open() -> None:
    faint = ["0.1", "1", "1", "0.01", "1 [0.9, 1.1]", "1.1", "no", "yes"]
    plain = ["0.1", "2", "2", "0.3", "1 [0.9, 1.1]", "1.9", "no", "yes"]
    text = agreement(with_letters(faint, plain))
    assert "**Open** whether networks look along a hidden letter" in text
    assert "At all of them the control, which has no letter, has such an SNR_W too" in text
    assert "above 0.1 at 1 of them, and Wiener's contrast is 1.90 times the control's there" in text
    assert "Does not agree" not in text


def test_what_agrees_with_the_paper_is_judged_by_the_numbers() -> None:
    eyes = {
        f"mirror/ratio{end}/left_eye/{name}/t300": value
        for end in ("", "_low", "_high")
        for name, value in (("network", 5.0), ("dit", 1.0), ("cifar", 1.5), ("wiener", 9.0))
    }
    kept = {"mirror": {"afhq32": {"scalars": eyes}}, "paper": {"photos16": measured("paper")}}
    text = agreement(kept)
    assert (
        "**Agrees in part** that networks look where the covariance says that an eye's twin is: 1 of 2 "
        "networks of cats that are not given the covariance do so at some sigma from 0.3 to 3.6. Of networks "
        "trained on other images (CIFAR-10), 0 of 1 does. Wiener, made of the data, looks there, too. "
        "All this is one spot of a field ("
    ) in text
    assert (
        "**Agrees in part** that unlike architectures look alike: 1 of 2 have the spot. It is in U-Net; not "
        "in DiT." in text
    )
    assert "**Agrees** that the methods rank as in GoldDiff. Of pairs of optimal," in text
    assert "10 of 10 are in its order on photographs (16 x 16) ([order]" in text
    assert "Not measured." in agreement({})


def test_the_papers_main_claims_have_a_line_each() -> None:
    found = measured("paper")
    scalars = found["scalars"]
    for row, low, high in (("local_score", -0.3, -0.1), ("patch_composite", -0.1, 0.1)):
        for end, value in (("", (low + high) / 2), ("_low", low), ("_high", high)):
            scalars[f"paper/median_r2_over_pca_locality{end}/{row}"] = value
    scalars |= {
        "paper/copy_rate/optimal": 1.0,
        "paper/bank/local_score": 50.0,
        "paper/bank/patch_composite": 100.0,
    }
    text = agreement({"paper": {"photos16": found}})
    ahead = "**Agrees** that PCA locality is nearer to a network than local score, seed by seed: ahead of"
    assert (
        f"{ahead} local score on photographs (16 x 16). It reads more training images than local score"
        in text
    )
    level = "**Does not agree** that PCA locality is nearer to a network than patch composite, seed by seed:"
    assert f"{level} level with patch composite on photographs (16 x 16) (" in text
    copies = "that the optimal denoiser copies training images: 100 % of its samples are nearly such an image"
    assert f"**Agrees** {copies} on photographs (16 x 16). Its error" in text
    assert "on unseen images is 1.00 (photographs (16 x 16)) times Wiener's" in text


def with_fields(wiener: str, exact: str = "0.99", reach: str = "2 [1.9, 2.1]") -> dict[str, Any]:
    """Fields at two noise levels: the cosine of two rows, and how far Wiener's reaches."""
    columns = ["", "sigma 1", "sigma 12"]
    cosine = [["wiener", wiener, "0.95"], ["NN2", "0.99", "0.98"], ["pca_locality", exact, "0.99"]]
    radius = [["network", "3 [2.5, 3.5]", "9"], ["wiener", reach, "9"]]
    tables = {"sensitivity/cosine": cosine, "sensitivity/radius": radius}
    return {"cifar": {"tables": {key: {"columns": columns, "rows": rows} for key, rows in tables.items()}}}


@pytest.mark.parametrize(
    ("wiener", "reach", "word", "told"),
    [
        (
            "0.9 [0.8, 1]",
            "2 [1.9, 2.1]",
            "Agrees in part",
            "less far: at sigma 1 half of it lies within 2.00",
        ),
        ("0.9 [0.8, 1]", "2 [1.9, 2.6]", "Agrees", "as far, by the intervals: at sigma 1 half"),
        ("0.8 [0.8, 1]", "2 [1.9, 2.6]", "Agrees in part", "as far, by the intervals: at sigma 1 half"),
    ],
)
def test_fields_match_by_their_cosine_and_by_their_reach(wiener, reach, word, told) -> None:
    kept = {"fields": with_fields(wiener, reach=reach)}
    text = agreement(kept)
    assert (
        f"**{word}** that Wiener's field matches a network's, on CIFAR-10. Wiener's field reaches {told}"
        in text
    )
    assert "PCA locality (the paper's, exact) 0.990 to 0.990 (" in text, "no row is left out"
    said = claim({"cifar": {"scalars": {}}}, kept)[0]
    assert said.startswith("A field says how much an output pixel depends on each input pixel. On CIFAR-10 ")
    assert "of at least 0." in said
    assert "to a network's. A second network's field has at least 0.980." in said
    assert ("reaches less far at 1 of 2 noise levels" in said) == told.startswith("less far")


def test_where_pca_locality_is_farther_in_one_step_is_told_beside_samples() -> None:
    found = measured("paper")
    for end, value in (("_low", 0.1), ("", 0.2), ("_high", 0.3)):
        found["scalars"][f"paper/median_r2_over_wiener{end}/{EXACT}"] = value
    kept = {"paper": {"photos16": found}, "fields": with_fields("0.95", exact="0.9")}
    whole = "that PCA locality is nearer to a network than Wiener, seed by seed: ahead of Wiener"
    lower = "Its fields have a lower cosine to the network's than Wiener's at 1 of 2 noise levels on CIFAR-10"
    assert f"**Agrees in part** {whole}" in agreement(kept)
    assert lower in agreement(kept)
    assert f"**Agrees** {whole}" in agreement({"paper": kept["paper"]})
    found["scalars"][f"paper/step_r2_low/{FLOOR}/t300"] = 0.31
    text = agreement({"paper": kept["paper"]})
    assert f"**Agrees in part** {whole}" in text
    assert "In one step it is surely farther than Wiener at sigma 1.24 on photographs (16 x 16)" in text
    assert "It is nowhere surely nearer" in text


def test_a_higher_median_of_the_row_that_is_behind_is_told_with_both_numbers() -> None:
    found = measured("paper")
    for end, value in (("_low", 0.1), ("", 0.2), ("_high", 0.3)):
        found["scalars"][f"paper/median_r2_over_wiener{end}/{EXACT}"] = value
    told = "Wiener has the higher median r2 all the same on photographs (16 x 16) (0.910, 0.300)"
    assert told not in agreement({"paper": {"photos16": found}})
    found["scalars"][f"paper/median_r2/{FLOOR}"] = 0.91
    assert told in agreement({"paper": {"photos16": found}})


def test_seconds_are_the_least_of_the_days_runs_that_made_the_same_samples(tmp_path) -> None:
    rows = {
        "20260102-a": (9.0, 100, 0.5), "20260102-b": (4.0, 100, 0.5), "20260102-c": (1.0, 50, 0.5),
        "20260101-d": (2.0, 100, 0.5), "20260102-e": (3.0, 100, 0.51),
    }  # fmt: skip
    runs = []
    for name, (seconds, count, r2) in rows.items():
        (tmp_path / name).mkdir()
        scalars = {"paper/seconds/a": seconds, "paper/bank/a": count, "paper/r2/a": r2}
        (tmp_path / name / "metrics.json").write_text(json.dumps({"scalars": scalars}))
        runs.append(Run("paper", "cifar", 64, tmp_path / name))
    assert quickest(runs[0], runs) == {"paper/seconds/a": 4.0}


def test_halves_say_what_explained_is_and_how_far_off_the_prediction_was() -> None:
    scalars: dict[str, float] = {}
    for t, explained, measured_mse in ((26, 0.9, 4e-5), (300, 0.95, 1e-5)):
        scalars |= {f"halves/explained{end}/t{t:03d}": explained for end in ("", "_low", "_high")}
        scalars |= {f"halves/mse/wiener/t{t:03d}": measured_mse, f"halves/mse/predicted/t{t:03d}": 2e-5}
    tables = {"halves/agreement": {"rows": [[1.24, "-"], ["0.1", "-"]]}}
    said = halves_verdict({"scalars": scalars, "tables": tables})
    assert "explained is 0.90 (sigma 0.1) to 0.95 (sigma 1.24). Explained: 0 is a filter that knows" in said
    columns = ["sigma", "networks MSE", "Wiener MSE", "Wiener MSE, predicted", "Wiener r2", "explained"]
    tables["halves/agreement"] = {"columns": columns, "rows": [["1.24", *map(str, range(5))]]}
    heads, rows = halves_table({"tables": tables})
    assert rows == [["1.24", "0", "1", "2", "4"]]
    assert heads[1:3] == ["squared difference of the two networks", "of the two Wiener filters"]
    assert "random matrices say, is 0.50 (sigma 1.24) to 2.00 (sigma 0.1). Random matrices" in said


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ((0.6, 0.7), "is less at every noise level, by intervals over test images alone: 0.60 to 0.70 times"),
        ((0.6, 1.0), "is less at sigma 1.24, by"),
        ((0.6, 1.4), "is more at sigma 3.44 and less at sigma 1.24, by"),
        ((1.0, 1.0), "is not told apart, by"),
    ],
)
def test_halves_are_said_to_differ_less_than_seeds_only_where_intervals_say_so(ratios, said) -> None:
    text = halves_or_seeds({"scalars": beside_seeds(*ratios)})
    assert said in text
    assert "steps" not in text, "where they are not known"
    assert "This is one pair of each" in text
    assert halves_or_seeds({"scalars": {}}) == ""


def beside_seeds(*ratios: float) -> dict[str, float]:
    scalars: dict[str, float] = {}
    for t, ratio in zip((300, 500), ratios, strict=True):
        for end, value in (("_low", ratio - 0.05), ("", ratio), ("_high", ratio + 0.05)):
            scalars[f"halves/beside_seeds{end}/t{t}"] = value
    return scalars


@pytest.mark.parametrize("halves", [6000, 8000])
def test_where_halves_and_seeds_had_other_numbers_of_steps_the_page_says_so(halves: int) -> None:
    names = {"cifar_half0": halves, "cifar_half1": halves, "cifar": 8000, "cifar_seed1": 8000}
    found = {"scalars": beside_seeds(0.6, 0.7), "run": {"command": "python evaluate.py compare=halves"}}
    networks = {name: {"run": {"step": step}} for name, step in names.items()}
    told = with_steps({"halves": {"cifar": found}, "networks": networks})["halves"]["cifar"]
    text = halves_or_seeds(told)
    assert f"The halves' networks had one seed and {halves:,} steps each." in text
    assert "Two networks of all images had two seeds and 8,000 steps each." in text
    assert text.endswith("from what the seed and the number of steps do.") is (halves < 8000)
    named = {**found, "run": {"command": "python evaluate.py compare=halves networks=[runs/a,runs/b]"}}
    told = with_steps({"halves": {"cifar": named}, "networks": networks})["halves"]["cifar"]
    assert "steps" not in halves_or_seeds(told), "of other networks"


def test_a_class_helps_or_costs_where_the_whole_interval_says_so() -> None:
    scalars = {}
    for t, ends in ((100, (1.1, 1.2, 1.3)), (300, (0.9, 1.0, 1.1)), (500, (0.8, 0.9, 0.95))):
        for end, value in zip(("_low", "", "_high"), ends, strict=True):
            scalars[f"labels/ratio{end}/wiener/t{t}"] = value
    said = labels_verdict({"scalars": scalars})
    heads, (row,) = labels_table({"scalars": scalars})
    assert (heads[:2], row[1]) == (["error with the class / without, at sigma", "3.44"], 0.9)
    assert said.startswith(
        "we count a noise level only if the whole interval is on one side of 1. Wiener: less"
    )
    assert "less error with the class at sigma 3.44, more at sigma 0.342; at best 0.900 times" in said


def test_neighbouring_noise_levels_are_told_as_a_range() -> None:
    assert listed([]) == "none"
    assert listed([100, 200, 600], " and ") == "0.342, 0.724 and 6.17"
    assert listed([100, 200, 300], " and ") == "0.342 to 1.24"
    assert listed([100, 0]) == "0.01, 0.342"
    assert listed([300, 100, 200, 600]) == "0.342 to 1.24, 6.17"
    assert listed([100, 200, 400, 500, 600]) == "0.342, 0.724, 2.04 to 6.17"


def ratios(pixel: str, **rows: dict[int, tuple[float, float, float]]) -> dict[str, float]:
    """Mirror ratios with their intervals, by row and time-step."""
    return {
        f"mirror/ratio{end}/{pixel}/{name}/t{t}": value
        for name, levels in rows.items()
        for t, ends in levels.items()
        for end, value in zip(("_low", "", "_high"), ends, strict=True)
    }


def test_a_second_spot_is_told_of_where_its_whole_interval_is_above_the_aim() -> None:
    levels = {100: (0.9, 1.0, 1.1), 300: (1.9, 2.5, 3.0), 500: (2.1, 4.0, 5.0)}
    said = mirror_verdict({"scalars": ratios("left_eye", network=levels)})
    assert said.endswith(
        "1 of 1 networks of these faces see it at some noise level: the network at sigma 3.44"
    )


def test_nothing_follows_where_the_control_has_as_much() -> None:
    network = {400: (3.0, 4.0, 5.0), 600: (3.5, 4.0, 4.5), 700: (2.4, 2.7, 3.1)}
    control = {400: (0.9, 1.5, 2.3), 600: (3.1, 3.6, 4.1), 700: (2.6, 3.1, 3.6)}
    found = {"scalars": ratios("left_eye", network=network, cifar=control, wiener={400: (9.0, 9.0, 9.0)})}
    said = mirror_verdict(found)
    assert "1 of 1 networks of these faces see it at some noise level: the network at sigma 2.04." in said
    assert "The control's interval reaches that of the network at sigma 6.17, 12: nothing follows" in said
    assert "Made of the covariance, or put on top of it: Wiener at sigma 2.04" in said
    assert "other data" not in said.split("networks of these faces")[1], "the control is not counted"
    assert who_sees(found) == ({"network", "wiener"}, {"cifar"})


def test_levels_beside_one_at_which_a_network_is_not_shown_to_beat_wiener_are_left_out() -> None:
    run = {
        "command": "evaluate.py checkpoint=pretrained/a 'networks={dit: pretrained/b, cifar: pretrained/c}'"
    }
    strong = dict.fromkeys((300, 600, 700), (3.0, 4.0, 5.0))
    found = {"run": run, "scalars": ratios("left_eye", network=strong, dit=strong)}
    bar = [[3.0, 1, 1, 0.9, 0.8, 0.95], [5.0, 1, 1, 1.0, 0.9, 1.1], [10.0, 1, 1, 0.99, 0.98, 1.0]]
    good = [[sigma, 1, 1, 0.9, 0.8, 0.95] for sigma in (3.0, 5.0, 10.0)]
    networks = {name: {"tables": {"heldout": {"rows": rows}}} for name, rows in (("a", good), ("b", bar))}
    large = {"b": networks.pop("b")}
    for place, kept in (("pretrained/b", {"networks": networks | large}), ("runs/exports/b", {
        "networks": networks, "unshipped": large})):  # fmt: skip
        run["command"] = run["command"].replace("pretrained/b", place)
        said = mirror_verdict(with_bars({"mirror": {"afhq32": found}, **kept})["mirror"]["afhq32"])
        assert "DiT at sigma 1.24, 12;" in said
        assert "the network at every noise level" in said
        assert said.endswith("not shown to beat Wiener: DiT at sigma 6.17")


def test_ears_are_told_of_where_the_control_has_least() -> None:
    other = ratios("left_ear", network={300: (3.0, 4.0, 5.0), 400: (3.0, 4.5, 6.0)}, cifar={
        300: (0.8, 0.9, 1.1), 400: (1.0, 1.5, 2.0)})  # fmt: skip
    eyes = ratios("left_eye", network={300: (3.0, 4.0, 5.0)}, cifar={300: (0.8, 0.9, 1.1)})
    rows = [["left_eye", "network", "4"], ["left_eye", "pca_locality (1,000 images)", "5"]]
    eyes |= ratios("left_eye", pca_locality={300: (4.0, 5.0, 6.0)})
    found = {"scalars": other | eyes, "size": 16, "tables": {"mirror/ratio": {"rows": rows}}}
    assert ears(found) == [
        "For an ear's pixel 1 of 1 networks look at the other ear",
        "At sigma 1.24 they have 4 times as much there as on the ring; the network trained on other images "
        "(CIFAR-10) has 0.9",
    ]
    assert ears_table(found) == (
        ["field on the other ear / on the ring, at sigma", "2.04", "1.24"],
        [["network", 4.5, 4.0], ["network of CIFAR-10", 1.5, 0.9]],
    )
    weak = ratios("left_ear", network={300: (0.9, 1.0, 1.1)})
    assert ears({"scalars": weak | eyes}) == ["No network surely has such a spot on the other ear"]
    assert ears({"scalars": eyes}) == []  # not measured
    assert ears_table({"scalars": eyes})[1] == []
    said = mirror_verdict(found)
    assert "PCA locality (the paper's, exact), which read 1,000 images, at" in said
    assert said.endswith("Fields are means over 16 images")


def shares(
    where: str = "local_score/clean",
    constant: tuple[float, float, float] = (0.47, 0.45, 0.52),
    used: float = 0.47,
    cells: dict[str, tuple[float, float, float]] | None = None,
    costs: tuple[float, ...] = (1.0, 1.0),
    ends: tuple[bool, ...] = (False, False),
) -> dict[str, Any]:
    """What compare=information leaves of one candidate and one target: two noise levels with one bank."""
    known = cells or {"n100/t100": (0.46, 0.4, 0.5), "n100/t300": (0.48, 0.4, 0.5)}
    scalars = {f"information/used/{where}": used}
    for end, value in zip(("", "_low", "_high"), constant, strict=True):
        scalars[f"information/constant{end}/{where}"] = value
    for (cell, values), cost in zip(known.items(), costs, strict=True):
        scalars[f"information/cost/{where}/{cell}"] = cost
        for end, value in zip(("", "_low", "_high"), values, strict=True):
            scalars[f"information/share{end}/{where}/{cell}"] = value
    rows = [
        [100, sigma, "3 [2, 4]" + (" (at an end)" if end else "")]
        for sigma, end in zip((0.342, 1.24), ends, strict=True)
    ]
    return {"scalars": scalars, "tables": {f"information/{where}": {"columns": [], "rows": rows}}}


def together(*parts: dict[str, Any]) -> dict[str, Any]:
    """Several of these as one run."""
    return {
        kind: {key: one for part in parts for key, one in part[kind].items()}
        for kind in ("scalars", "tables")
    }


@pytest.mark.parametrize(("costs", "word"), [((1.0, 1.04), "holds"), ((1.2, 1.3), "fails")])
def test_one_share_fails_where_predicted_windows_cost_much(costs, word) -> None:
    said = information_verdict(shares(costs=costs))
    assert f"So it {word} (" in said
    assert f"extra error in the median and {100 * (costs[1] - 1):.1f} % at most" in said
    assert f"In {sum(cost == 1 for cost in costs)} cells the predicted setting is rounded to the best" in said


def test_a_share_that_costs_little_is_still_said_to_move_where_a_noise_level_leaves_out_its_mean() -> None:
    cells = {"n100/t100": (0.34, 0.31, 0.37), "n100/t300": (0.55, 0.5, 0.6)}
    said = information_verdict(shares(cells=cells))
    assert "So it holds" in said
    assert "The share is not constant: it is less than the mean at sigma 0.342 (1 of 2 cells)" in said
    assert "more than the mean at sigma 1.24 (1 of 2 cells)" in said
    assert "No cell is surely off the mean" in information_verdict(shares())


def test_a_best_at_an_end_is_in_no_mean_of_the_table_and_the_page_says_what_it_would_change() -> None:
    cells = {"n100/t100": (0.5, 0.4, 0.6), "n100/t300": (0.1, 0.0, 0.2)}
    found = shares(constant=(0.5, 0.4, 0.6), cells=cells, ends=(False, True))
    columns, (row,) = information_table(found)
    told = dict(zip(columns, row, strict=True))
    assert told["mean of all cells"].startswith(told["100 images"])
    assert told["left out"] == "1 of 2"
    assert "The mean leaves out 1 of 2 cells" in information_verdict(found)
    assert "With them it is 0.30" in information_verdict(found)


def test_old_words_of_what_was_denoised_are_told_in_new_ones(tmp_path) -> None:
    old = [EXACT, "tau", "24 samples of its own", "100"]
    new = [EXACT, "tau", "24 samples of the network", "100"]
    kept = {"paper": {"cifar": {"scalars": {}, "calibrated": [old, ["a", "b", "3 val images", "9"]]}}}
    told = gather(kept, tmp_path, tmp_path, tmp_path)["paper"]["cifar"]["calibrated"]
    assert told == [new, ["a", "b", "3 val images", "9"]]
    columns = ["denoiser", "setting", "value", "found", "on", "training images"]
    settings = {"columns": columns, "rows": [[EXACT, "tau", "1", CALIBRATED, old[2], 100]]}
    assert calibrated(settings) == [new]


@pytest.mark.parametrize(("started", "stays"), [("2026-11-29T01:00", True), ("2026-11-30T01:00", False)])
def test_what_was_measured_later_stays_beside_an_older_run(tmp_path, started, stays) -> None:
    write_run(tmp_path, "20261129-010000-paper_table")
    folder = tmp_path / "20261129-010000-paper_table"
    run = {"command": "python evaluate.py", "commit": "abc", "started": started, "seconds": 1.0}
    metrics = {"scalars": {"paper/r2/wiener": 0.5}, "tables": {}, "run": run}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (one,) = best(found(tmp_path, tmp_path))
    later = {"run": {"started": "2026-11-29T09:00"}, "scalars": {"paper/r2/wiener": 0.9}, "calibrated": []}
    ships = tmp_path / "ships"
    told = gather({"paper": {one.name: later}}, tmp_path, ships, tmp_path)["paper"][one.name]
    assert told["scalars"]["paper/r2/wiener"] == (0.9 if stays else 0.5)


def test_the_share_at_a_window_as_wide_as_the_image_is_not_determined_and_the_page_says_so() -> None:
    cells = {"n100/t100": (0.5, 0.45, 0.55), "n100/t300": (0.1, 0.0, 0.2)}
    found = shares(constant=(0.3, 0.25, 0.4), cells=cells)
    found["scalars"] |= {"information/best/local_score/clean/n100/t100": 15.9}
    found["scalars"] |= {"information/best/local_score/clean/n100/t300": 16.0}
    kept = with_sides({"information": {"photos16": found, "cifar": found}})["information"]
    columns, (row,) = information_table(kept["photos16"])
    told = dict(zip(columns, row, strict=True))
    assert (told["100 images"], told["least and most"]) == ("0.50", "0.50, 0.50")
    assert told["in the mean, but window as wide as the image"] == "1 of 2"
    assert "left out" not in told  # no such cell: no column
    said = information_verdict(kept["photos16"])
    assert "In 1 of the 2 cells of the mean the best window is at least as wide as the image" in said
    assert "Without them the mean is 0.500, its interval unknown" in said
    assert "less than the mean" not in said  # that cell is no evidence that the share moves
    assert "as wide as the image" not in information_verdict(kept["cifar"])
    brief = information_beside({"A": kept["cifar"], "B": kept["photos16"]})
    assert "In 1 of 2 cells on B the mean counts a window that is at least as wide as the image" in brief
    masks = shares("pca_locality/clean")  # whose setting is no width
    masks["scalars"]["information/best/pca_locality/clean/n100/t300"] = 99.0
    masks = with_sides({"information": {"cifar": masks}})["information"]["cifar"]
    assert "as wide as the image" not in " ".join(information_table(masks)[0])  # no such cell: no column


def test_networks_look_less_far_only_where_intervals_are_apart() -> None:
    def said(low: float) -> str:
        network = shares("local_score/steps500", constant=(0.6, low, 0.7))
        columns, rows = information_table(together(shares(), network))
        assert columns[-1] == "the network looks, beside what is best for clean images"
        assert rows[0][-1] == "-"
        return rows[1][-1]

    assert said(0.53) == "less far"
    assert said(0.49) == "undecided"
    early = information_verdict(together(shares(), shares("local_score/steps500")))
    assert "no network early in training" not in early.lower()
    late = information_verdict(together(shares(), shares("local_score/nn2")))
    assert "No network early in training was measured here" in late


def test_the_question_of_the_square_root_is_answered_yes_no_or_in_part() -> None:
    apart = {"n100/t100": (0.34, 0.31, 0.37), "n100/t300": (0.48, 0.4, 0.5)}
    assert information_together({"A": shares()}).startswith("Yes. ")
    assert information_together({"A": shares(cells=apart)}).startswith("In part. ")
    far = shares(constant=(0.3, 0.2, 0.4), used=0.3, costs=(1.2, 1.2))
    assert information_together({"A": far}).startswith("No. ")


def test_a_mean_over_shares_that_are_far_apart_is_set_beside_no_other() -> None:
    cells = {"n100/t100": (0.23, 0.2, 0.3), "n100/t300": (0.67, 0.6, 0.7)}
    known = {"A": shares(), "B": shares(cells=cells), "C": shares()}
    assert "The mean of A, 0.47, is in the interval on C." in information_beside(known)
    said = information_together(known)
    assert "On B the best share differs too much to say whether 0.5 fits." in said
    assert re.search(r"\n\| B \|.*\| - \|", said)


def test_each_share_has_its_row_with_its_mean_for_each_bank_and_what_its_prediction_costs() -> None:
    scalars: dict[str, float | None] = {}
    for where, share, cost in (
        ("local_score/clean", 0.4, 1.01),
        ("pca_locality/steps500", 0.6, 1.2),
        ("local_score/network", 0.5, 1.0),
    ):
        scalars |= {f"information/constant{end}/{where}": share for end in ("", "_low", "_high")}
        scalars[f"information/used/{where}"] = share
        for count, more in ((100, 0.0), (1000, 0.1)):
            for t in (100, 300):
                cell = f"{where}/n{count}/t{t}"
                scalars |= {f"information/share/{cell}": share + more, f"information/cost/{cell}": cost}
    empty = "local_score/nn2"  # no best setting between two: no numbers
    scalars |= {f"information/constant/{empty}": None, f"information/used/{empty}": None}
    columns, rows = information_table({"scalars": scalars})
    assert columns[2:4] == ["100 images", "1,000 images"]
    windows, masks, _, none = rows
    assert windows == [
        "windows, error against clean images",
        "0.400 [0.400, 0.400]",
        "0.40",
        "0.50",
        "0.40, 0.50",
        "1.0 %, 1.0 %",
        "holds (0 of 4 above 5 %)",
        "-",
    ]
    assert masks[0] == "Wiener masks, error against the network after 500 steps"
    assert masks[-3:] == ["20.0 %, 20.0 %", "fails (4 of 4 above 5 %)", "-"]
    assert none[1:] == ["-", "-", "-", "-", "-", "-", "-"]
    said = information_verdict({"scalars": scalars})
    assert "No best setting between two that were tried: windows, error against the second network" in said


def test_settings_by_entropy_are_set_beside_those_of_a_network_where_both_were_measured() -> None:
    scalars: dict[str, float] = {
        "paper/median_r2/pca_locality": 0.9, "paper/median_r2/pca_locality_entropy": 0.88,
        "paper/median_r2_over_pca_locality/pca_locality_entropy": -0.02,
        "paper/median_r2_over_pca_locality_low/pca_locality_entropy": -0.03,
        "paper/median_r2_over_pca_locality_high/pca_locality_entropy": -0.01,
        "paper/heldout_ratio/pca_locality/t300": 0.8, "paper/heldout_ratio/pca_locality_entropy/t300": 1.0,
        "paper/heldout_ratio/pca_locality/t900": 0.8, "paper/heldout_ratio/pca_locality_entropy/t900": 8.0,
        "paper/median_r2/local_score": 0.7,
    }  # fmt: skip
    said = without_network_verdict({"scalars": scalars})
    assert said.startswith(
        "PCA locality by entropy: median r2 0.880, calibrated against the network 0.900, seed by seed -0.020"
    )
    assert said.endswith("held-out error 1.25 to 1.25 times that, at sigma 1.24 to 1.24")
    assert without_network_verdict({"scalars": {}}) == "not measured"
    unequal = scalars | {"paper/samples/pca_locality": 64, "paper/samples/pca_locality_entropy": 32}
    said = without_network_verdict({"scalars": unequal})
    assert said.startswith("PCA locality by entropy: r2 over the seeds of both -0.020 [-0.030, -0.010]")
    assert "0.900" not in said
    unpaired = {key: value for key, value in unequal.items() if "_over_" not in key}
    assert "of 32 and 64 seeds: not to be set side by side" in without_network_verdict({"scalars": unpaired})


def test_a_collapse_at_one_noise_level_is_told_with_what_is_beside_it() -> None:
    scalars = {"paper/median_r2/pca_locality": 0.9, "paper/median_r2/pca_locality_entropy": 0.9}
    values = {"pca_locality": (0.9, 0.9), "wiener": (0.92, 0.5), "pca_locality_entropy": (0.6, 0.9)}
    for name, known in values.items():
        for t, value in zip((600, 800), known, strict=True):
            for end, more in (("", 0.0), ("_low", -0.05), ("_high", 0.05)):
                scalars[f"paper/step_r2{end}/{name}/t{t}"] = value + more
    said = without_network_verdict({"scalars": scalars})
    assert (
        "that of the calibrated one at sigma 6.17 and of Wiener at sigma 6.17. At sigma 6.17, where" in said
    )
    assert said.endswith("it is 0.600 [0.550, 0.650], the calibrated one 0.900, Wiener 0.920")
    for end, value in (("", 0.9), ("_low", 0.85), ("_high", 0.95)):
        scalars[f"paper/step_r2{end}/pca_locality_entropy/t600"] = value
    assert "nowhere surely below that of the calibrated one or Wiener" in without_network_verdict(
        {"scalars": scalars}
    )


@pytest.mark.parametrize(
    ("ends", "lead"),
    [((0.01, 0.1), "Yes: "), ((-0.1, 0.1), "Undecided: "), ((-0.2, -0.1), "No: "), (None, "Undecided: ")],
)
def test_outputs_that_choose_are_set_beside_one_setting_for_all(ends, lead) -> None:
    scalars = {
        "by_output/median_r2/local_score_entropy": 0.6, "by_output/median_r2/local_score_by_output": 0.7,
    }  # fmt: skip
    if ends is not None:
        for end, value in zip(("", "_low", "_high"), (sum(ends) / 2, *ends), strict=True):
            scalars[f"by_output/median_r2_over_local_score_entropy{end}/local_score_by_output"] = value
    said = by_output_verdict({"scalars": scalars})
    assert said.startswith(lead)
    assert "Local score by output: median r2 0.700, with one setting at a noise level 0.600" in said
    assert by_output_verdict({"scalars": {}}) == "not measured"


def test_a_better_row_that_is_worse_in_one_step_is_better_in_part() -> None:
    scalars = {f"by_output/median_r2/local_score_{one}": 0.6 for one in ("entropy", "by_output")}
    for end in ("", "_low", "_high"):
        scalars[f"by_output/median_r2_over_local_score_entropy{end}/local_score_by_output"] = 0.1
        scalars[f"by_output/step_r2{end}/local_score_entropy/t600"] = 0.9
        scalars[f"by_output/step_r2{end}/local_score_by_output/t600"] = 0.8
    said = by_output_verdict({"scalars": scalars})
    assert said.startswith("In part: ")
    assert "in one step it is surely lower at sigma 6.17" in said


def test_a_picture_leaves_out_data_of_which_its_question_tells_nothing() -> None:
    question = BY_PAGE["without_network"]
    other = measured("paper", nn2=True)
    own = {"scalars": dict(other["scalars"])}
    own["scalars"] |= {f"paper/median_r2/{one}": 0.5 for one in ("local_score", "local_score_entropy")}
    drawn = panels(question, {"paper": {"cifar": own, "fashion_mnist": other}})
    assert [panel.title for panel in drawn] == ["CIFAR-10"]


def test_the_picture_of_taus_has_the_r2_of_samples_that_the_answer_tells_of() -> None:
    found = measured("variants")
    found["scalars"] |= {"variants/median_r2/tau_02": 0.7, "variants/median_r2_low/tau_02": 0.6}
    found["scalars"]["variants/median_r2_high/tau_02"] = 0.8
    (drawn,) = pictured(BY_PAGE["tau"], {"variants": {"photos16": found}})
    taus = [0.002, 0.005, 0.02, 0.05, 0.2, 0.5]
    assert (list(drawn.x), drawn.log_x, drawn.title) == (taus, True, TITLES["photos16"])
    rows = {(name, x): ends for name, x, *ends in drawn.rows()}
    assert rows[EXACT, 0.02] == [0.7, 0.6, 0.8]
    wiener = found["scalars"]["variants/median_r2/wiener"]
    assert [rows[FLOOR, tau][0] for tau in taus] == [wiener] * 6  # it has no tau
    assert pictured(BY_PAGE["tau"], {"variants": {"photos16": {**found, "scalars": {}}}}) == []


IN_SAMPLES = (
    "our_denoisers", "released_form", "without_network", "by_output", "bank_sizes", "batch_averages",
    "released_masks", "mask_orientation", "published_order",
)  # fmt: skip


@pytest.mark.parametrize("page", IN_SAMPLES)
def test_a_page_that_tells_of_r2_of_samples_shows_it(page: str) -> None:
    assert BY_PAGE[page].quantity == SAMPLES


def test_a_picture_of_another_thing_than_the_answer_says_what_it_shows() -> None:
    for name, start in (
        ("ceiling", "The picture is of one step"),
        ("epsilon", "The picture has the error on"),
    ):
        assert BY_PAGE[name].shows.startswith(start)
    text = page(BY_PAGE["ceiling"], {"paper": {"cifar": measured("paper", nn2=True)}, "networks": {}})
    assert f"{BY_PAGE['ceiling'].shows}\n\n![" in text


def test_of_a_network_that_is_not_shown_to_beat_wiener_the_page_says_that_nothing_follows() -> None:
    rows = [[0.5, 0.1, 0.1, 0.8, 0.7, 0.9], [5.0, 0.1, 0.1, 1.0, 0.99, 1.01]]
    networks = {"cats_dit": {"tables": {"heldout": {"rows": rows}}}}
    found = measured("paper", nn2=True)
    for path, told in (("cats_dit", True), ("cats_dit_2", False), ("cats", False)):
        found["run"]["command"] = f"python evaluate.py 'networks={{dit: pretrained/{path}}}'"
        text = page(BY_PAGE["our_denoisers"], {"paper": {"photos16": found}, "networks": networks})
        said = "At sigma 5 conclude nothing from this network, which is not shown to beat Wiener there: cats"
        assert (said in unfolded(text)) is told
    rows[1][4] = 1.001  # surely more
    found["run"]["command"] = "python evaluate.py checkpoint=pretrained/cats_dit"
    text = page(BY_PAGE["our_denoisers"], {"paper": {"photos16": found}, "networks": networks})
    assert "from this network, which has surely more error than Wiener there: cats (32 x 32, DiT)." in text


def test_that_a_network_was_trained_in_two_goes_is_told_in_the_fold() -> None:
    networks = {"cats_dit": {"tables": {"heldout": {"rows": []}}, "run": {"before": [{"step": 6132}]}}}
    found = measured("paper", nn2=True)
    found["run"]["command"] = "python evaluate.py 'networks={dit: pretrained/cats_dit}'"
    text = page(BY_PAGE["heldout"], {"paper": {"photos16": found}, "networks": networks})
    said = "cats (32 x 32, DiT) was trained in two goes: 6,132 steps, then the rest."
    assert said in text
    assert said not in unfolded(text)


def test_a_network_that_does_not_ship_is_told_with_the_commands_that_make_it() -> None:
    one = {"run": {"command": "python train.py a=1", "commit": "abc"}, "tables": {"heldout": {"rows": []}}}
    found = {"run": {"command": "python evaluate.py 'networks={x: runs/exports/x, y: runs/exports/y}'"}}
    kept = {"networks": {"y": one}, "unshipped": {"x": one, "y": one}}
    assert made(found, kept) == [
        "`runs/exports/x` does not ship. It is made by `python train.py a=1`, then "
        "`python -m locality.export runs/latest runs/exports/x`.",
        "`runs/exports/y` ships: `pretrained/y`.",
    ]
    text = networks(kept)
    assert "* x. It is made by `python train.py a=1`, then" in text
    assert "* y. It is made" not in text  # it ships now, whatever was kept before


def test_shares_of_ln_n_are_set_side_by_side() -> None:
    known = {
        name: shares(constant=ends)
        for name, ends in (("A", (0.47, 0.45, 0.52)), ("B", (0.45, 0.4, 0.475)), ("C", (0.6, 0.55, 0.65)))
    }
    known["D"] = shares(constant=(0.47, 0.44, 0.498), costs=(1.0, 1.04))
    masks = shares("pca_locality/clean", constant=(0.58, 0.54, 0.62), costs=(1.01, 1.055))
    known["D"] = together(known["D"], masks)
    said, beside = information_together(known), information_beside(known)
    assert "| A | 0.470 [0.450, 0.520] | 0.0 %, 0.0 % (fitted here) | - | - |" in beside
    masks_row = "0.580 [0.540, 0.620] | 3.2 %, 5.5 % (given) |"
    assert f"| D | 0.470 [0.440, 0.498] | 2.0 %, 4.0 % (fitted here) | {masks_row}" in beside
    assert "The mean of A, 0.47, is in the interval on D, just inside the interval on B" in beside
    assert said.startswith(
        "In part. For windows and clean images, one share of ln N for all noise levels costs at most 5 % "
        "more error on all of these data sets.\n\nThe share of sqrt(N) images, 0.5, is in the interval on A, "
        "just outside the interval on D, "
        "outside the interval on B and C.\n\n"
    )
    assert "| D | 0.470 [0.440, 0.498] | 4.0 % | just outside the interval |" in said
    assert beside.startswith(
        "For Wiener masks the best share is above 0.5 (whole interval) on 1 of 1 data sets, and one share "
        "costs little on none of these data sets."
    )


def test_the_short_answer_says_against_which_networks_a_share_fails() -> None:
    def known(**costs: tuple[float, float]) -> dict[str, Any]:
        parts = [
            shares(f"local_score/{name}", constant=(0.55, 0.52, 0.58), costs=one)
            for name, one in costs.items()
        ]
        return together(shares(), *parts)

    cheap, dear = (1.0, 1.0), (1.2, 1.2)
    all_three = {"A": known(dit=dear, mixer=cheap, network=dear), "B": known(network=dear)}
    all_three["C"] = known(nn2=cheap)
    lead = information_together(all_three).split("\n\n")[0]
    assert lead.startswith("In part. For windows and clean images, one share")  # not yes: networks differ
    assert lead.endswith("Against networks it fails for windows with 3 of 5 networks."), (
        "masks were not measured"
    )
    rule = "It fails where extra error is above 5 % in more than one of 4 cells. The 5 % are of an error to"
    assert rule in information_together(all_three)
    assert "So the rule is stricter against networks." in information_together(all_three)
    said = information_beside(all_three)
    for title, cells in (
        ("A", "2 of 3, - | 4 of 6, - | 0 of 3"),
        ("B", "1 of 1, - | 2 of 2, - | 0 of 1"),
        ("C", "0 of 1, - | 0 of 2, - | 0 of 1"),
    ):
        assert re.search(rf"\n\| {title} \|.* {re.escape(cells)} \|", said)
    own = shares("local_score/nn2", constant=(0.55, 0.49, 0.6), used=0.55, costs=dear)
    assert "| 1 of 1, - | 2 of 2, - | 1 of 1 |" in information_beside({"A": together(shares(), own)})
    assert "| -, - | -, - | - |" in information_beside({"A": shares()})
    assert "gainst networks" not in information_together({"A": shares()})


def test_windows_are_counted_apart_from_masks_and_grown_networks_from_young_ones() -> None:
    def of(look: str, name: str, cost: float) -> dict[str, Any]:
        return shares(f"{look}/{name}", constant=(0.55, 0.52, 0.58), costs=(1.0, cost))

    masks = [of("pca_locality", name, 1.2) for name in ("nn2", "steps500")]
    run = together(shares(), of("local_score", "nn2", 1.0), of("local_score", "steps500", 1.2), *masks)
    lead, more, *_ = information_together({"A": run}).split("\n\n")
    assert lead.endswith("it fails for windows with 1 of 2 networks and for Wiener masks with 2 of 2.")
    assert more.endswith(
        "Without networks early in training (after 500 steps) it fails on A for windows with 0 of 1 (0 of 2 "
        "cells above 5 %) and for Wiener masks with 1 of 1 (1 of 2 cells above 5 %)."
    )
    assert "Without networks" not in information_together(
        {"A": together(shares(), of("local_score", "nn2", 1))}
    )


def test_the_page_on_entropy_says_over_how_many_images_and_where_a_share_was_fitted() -> None:
    given = {**shares(constant=(0.5, 0.45, 0.55)), "size": 24}
    said = information_beside({"A": {**shares(), "size": 16}, "B": given})
    assert "Every number is of 16 test images on A and 24 test images on B." in said
    assert "On A the share is the mean of the very cells that test it. On B it was given" in said
    assert "a share fitted to the row's own cells" in " ".join(information_table(shares())[0])
    assert "extra error of the given share" in " ".join(information_table(given)[0])


def test_the_page_on_fields_says_where_they_are_least_and_most_alike() -> None:
    columns = ["denoiser", "sigma 12", "sigma 1.2"]
    cosine = [["wiener", "0.5 [0.4, 0.6]", "0.7 [0.6, 0.8]"], ["nn2", "0.99 [0.9, 1]", "0.9 [0.8, 1]"]]
    radius = [
        ["network", "16.1 [15, 17]", "2 [1, 3]"],
        ["wiener", "7 [5, 8]", "2.5 [1, 3]"],
        ["nn2", "6", "6"],
    ]
    tables = {"sensitivity/cosine": cosine, "sensitivity/radius": radius}
    found = {"tables": {name: {"columns": columns, "rows": rows} for name, rows in tables.items()}}
    found["run"] = {"command": "compare.bank_counts.pca_locality=5000 compare.bank_counts.optimal=500"}
    said = fields_verdict(found)
    assert "Wiener 0.500 (sigma 12) to 0.700 (sigma 1.2); second network 0.900 (sigma 1.2) to 0.990" in said
    assert "at sigma 1.2: the network's 2.00; Wiener 2.50 (as far, by the intervals); second" in said
    assert (
        "second network 6.00 (further). From sigma 12 to sigma 1.2 the radius goes so: network 16.1" in said
    )
    assert said.endswith(
        "Of the training images PCA locality (the paper's, exact) read 5,000, optimal read 500"
    )
    heads, rows = fields_table(found)
    assert list(heads) == ["", *columns[1:]]
    assert rows[0] == ["Wiener: cosine to the network's", "0.500", "0.700"]
    assert rows[2] == ["network: half-mass radius, pixels", "16.1", "2.00"]
    assert len(rows) == 5


def test_what_remains_is_told_by_waves_and_edges_where_it_was_measured() -> None:
    found = measured("paper", nn2=True)
    question = BY_PAGE["remaining"]
    assert question.answer(found) == "not measured"
    parts = {"coarse": (3.0, 0.6), "middle": (2.0, 0.2), "fine": (1.0, 0.2), "edges": (1.5, 0.4)}
    scalars = found["scalars"]
    for part, (ratio, share) in {**parts, "plain": (1.6, 0.6)}.items():
        for name in ("stacked_mixtures", "pca_locality"):
            scalars[f"remaining/samples_{part}_over_second/{name}"] = ratio
            scalars[f"remaining/samples_{part}_share/{name}"] = share
            for end, off in (("", 0), ("_low", -0.2), ("_high", 0.2)):
                for t in (100, 300):
                    scalars[f"remaining/{part}_over_second{end}/{name}/t{t}"] = ratio + off
                    scalars[f"remaining/{part}_share{end}/{name}/t{t}"] = share
    for t, ours in ((100, 0.78), (300, 0.7)):  # less at both, surely at one
        for name, value in (("network", 0.8), ("stacked_mixtures", ours)):
            for end, off in (("", 0), ("_low", -0.03), ("_high", 0.03)):
                scalars[f"remaining/heldout_ratio{end}/{name}/t{t}"] = value + off
    said = question.answer(found)
    assert "is 3 in waves longer than 12 pixels, 2 in waves of 4 to 12 pixels" in said
    higher = "The ratio is higher in waves longer than 12 pixels than in waves of at most 4 pixels"
    assert f"{higher} at sigma 0.342, 1.24 (intervals apart)" in said
    assert "edges at sigma" not in said  # their intervals overlap
    # .6 (1 - 1/3) of .6 (1 - 1/3) + .2 (1 - 1/2) + 0, and .4 (1 - 1/1.5) of that and .6 (1 - 1/1.6)
    assert "80 % lies in waves longer than 12 pixels, 20 % in waves of 4 to 12 pixels and 0 % in" in said
    assert "37 % lies within 1 pixel of edges and 63 % off edges" in said
    assert "The same ratio of samples is 3 in waves longer than 12 pixels, 2 in waves of 4 to" in said
    assert "Of the difference in squared distance 80 % lies in waves longer" in said
    assert "At sigma 1.24 its error on unseen images is less than the network's own" in said
    columns, rows = question.table(found)
    assert columns[1:] == ["1.24", "0.342", "samples"]
    assert rows[0] == ["stacked mixtures (ours), in waves longer than 12 pixels", *["3 (60 %)"] * 3]
    assert len(rows) == 10
    assert "nearer than the second network" not in said
    scalars["remaining/fine_over_second_high/stacked_mixtures/t300"] = 0.9
    nearer = "It is nearer than the second network (whole interval below 1) in waves of at most 4 pixels at"
    assert f"{nearer} sigma 1.24." in question.answer(found)
    scalars["remaining/samples_fine_over_second/stacked_mixtures"] = 0.5  # less: then no shares
    assert "80 % lies" not in question.answer(found)
