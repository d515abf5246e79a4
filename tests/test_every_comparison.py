"""What all comparisons do: they warn above their tables, keep rows as these come, and conclude."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from tiny_runs import config, latest, trained_in

from locality import app, build, calibration, compare
from locality.checkpoints.reading import calibrations
from locality.compare import Context, looking
from locality.compare.origins import Origins
from locality.compare.paper_table import _with_variants
from locality.compare.telling import Growing
from locality.denoisers import ByClass, PCALocality, Wiener
from locality.denoisers.fitting import Recipe
from locality.report import Report
from locality.runs.status import read_status

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*lacks rank"),
    pytest.mark.filterwarnings("ignore:There is a performance drop"),
]
FAST = ["logger=none", "trainer.accelerator=cpu"]
MLP = [
    *FAST, "data.batch_size=40", "trainer.max_epochs=2", "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1", "samples.count=1", "model=mlp", "model.network.width=16",
    "model.network.depth=1",
]  # fmt: skip
FEW = "data.subset=120"
LEVELS = "compare.sigmas=[2,0.5]"
USUAL = [
    "patch_composite", "soft_locality", "local_mixture", "stacked_mixtures", "equivariant_local_score",
    "stacked_locality",
]  # fmt: skip
PAPER = [
    "~compare.sample_counts", "~compare.bank_counts", "~compare.calibrated_as", "compare.count=4",
    "compare.pictures=2", "compare.baselines=[pca_locality]", "networks=null",
    *(f"~candidates.{name}" for name in (
        "optimal", "nearest", "stacked_mixtures", "pca_locality_wssm", "patch_composite", "golden_subset",
        "equivariant_local_score", "equivariant_broken", "smoothed", "stacked_locality", "local_mixture",
        "soft_locality", "local_score_entropy", "pca_locality_entropy")),
]  # fmt: skip
QUICK = ["compare.count=4", "networks=null", "+denoiser@candidates.pca_locality=pca_locality"]


PATTERN = [
    "data=digits_pattern", FEW, "data.pattern.pattern._target_=locality.data.letter_w", "snapshots=[1,3]",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A small run of a comparison, and what it should say."""

    words: list[str]
    runs: dict[str, str]  # setting -> names of training runs, which the fixture has
    worse: bool = True  # whether it is told of a network that is worse than Wiener
    uncalibrated: bool = False  # whether it has a row whose tau nobody chose
    table: str = ""  # that a run which is stopped leaves, partly
    stop: tuple[Any, str, int] = (None, "", 0)  # what is called when the signal arrives, the how manieth time


CASES = {
    "analytic_vs_nn": Case(
        ["compare=quick", *QUICK], {"checkpoint": "net"}, True, True,
        "compare/summary", (PCALocality, "estimate", 3),
    ),
    "paper_table": Case(
        ["compare=paper_table", *PAPER], {"checkpoint": "net"}, True, True,
        "paper/samples", (PCALocality, "estimate", 3),
    ),
    "sensitivity": Case(
        ["compare=sensitivity", "compare.count=2", LEVELS, "compare.explorer=false"],
        {"checkpoint": "net"}, True, True, "sensitivity/cosine", (PCALocality, "closed_form_jacobian", 1),
    ),
    "mirror": Case(
        ["compare=mirror", "compare.count=2", LEVELS, "compare.pixels={a: [2, 2]}", "compare.radius=1"],
        {"checkpoint": "net"}, True, True, "mirror/ratio", (PCALocality, "closed_form_jacobian", 1),
    ),
    "labels": Case(
        ["compare=labels", "compare.count=8", LEVELS, "compare.bank_counts.pca_locality=100"],
        {"checkpoint": "net"}, False, True, "labels/errors", (ByClass, "conditioned", 3),
    ),
    "calibrate": Case(
        ["compare=calibrate", "compare.count=4", "~compare.bank_counts", "compare.patch_sizes=[1,3]",
         "compare.taus=[0.5,0.1]", "compare.replace=true",
         *(f"~candidates.{name}" for name in sorted(USUAL))],
        {"checkpoint": "net"}, True, False, "calibrate/chosen", (calibration, "calibrate", 2),
    ),
    "information": Case(
        ["compare=information", "compare.counts=[50,100]", "compare.count=4", LEVELS],
        {"checkpoint": "net"}, True, False, "information/best", (looking.Noised, "targets", 2),
    ),
    "architectures": Case(
        ["compare=architectures", "compare.count=2", LEVELS, "compare.shares=[]"], {"networks": "net twin"},
        True, False, "architectures/cosine",
        (sys.modules["locality.compare.architectures"], "overlap_series", 2),
    ),
    "halves": Case(
        ["compare=halves", "compare.count=20", LEVELS], {"networks": "half0 half1"}, True, False,
        "halves/agreement", (Wiener, "estimate", 15),
    ),
    "pattern": Case(
        ["compare=pattern", "compare.count=3", LEVELS, "compare.reach=2", "compare.explorer=false"],
        {"networks": "gamma0 gamma0.5"}, True, False, "pattern/contrast", (Wiener, "closed_form_jacobian", 3),
    ),
    "pattern, along trainings": Case(
        ["compare=pattern", "compare.count=3", LEVELS, "compare.reach=2", "compare.explorer=false",
         "compare.steps=true"], {"networks": "gamma0 gamma0.5"}, True, False, "pattern/steps_gamma0",
        (sys.modules["locality.compare.pattern"], "contrast_of", 6),
    ),
    "sweep": Case(
        ["compare=sweep"], {"networks": "gamma0 gamma0.5"}, True, False, "sweep/runs",
        (sys.modules["locality.compare.sweep"], "_row", 2),
    ),
}  # fmt: skip
SHORT = ("analytic_vs_nn", "paper_table", "sensitivity", "labels", "halves")  # the others take as long again
NAMES = [name if name in SHORT else pytest.param(name, marks=pytest.mark.slow) for name in CASES]


@pytest.fixture(scope="module", autouse=True)
def no_pictures():
    """Drawing is most of the time of such small runs, and others look at what is drawn."""
    with pytest.MonkeyPatch.context() as patch:
        for method in ("chart", "figure", "grid", "_draw_history"):
            patch.setattr(Report, method, lambda *_, **__: None)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    """A folder, and in it networks that have seen a few batches, by their names."""
    folder, made = tmp_path_factory.mktemp("every"), {}
    for name, *words in (
        ("net", "data=digits", FEW), ("twin", "data=digits", FEW, "seed=1"),
        ("half0", "data=digits", "data.subset_draw=half:0"),
        ("half1", "data=digits", "data.subset_draw=half:1"),
        ("gamma0", *PATTERN, "gamma=0"), ("gamma0.5", *PATTERN, "gamma=0.5"),
    ):  # fmt: skip
        made[name] = trained_in(folder, *words, *MLP)
    return folder, made


@pytest.fixture(autouse=True)
def no_calibrations(place):
    """What one test calibrates, the next one does not find."""
    yield
    for path in calibrations(place[1]["net"]).glob("*.json"):
        path.unlink()


@dataclass(frozen=True)
class Finished:
    """A run of a comparison that came to its end."""

    numbers: dict[str, float]
    tables: dict[str, Any]
    said: str


@pytest.fixture(scope="module")
def done() -> dict[str, Finished]:
    return {}


@pytest.fixture
def finished(place, done, capsys) -> Callable[[str], Finished]:
    """A run of a comparison; both tests of it take the same."""

    def run(name: str) -> Finished:
        if name not in done:
            capsys.readouterr()
            numbers = evaluate(place, CASES[name])
            done[name] = Finished(numbers, kept(place)["tables"], capsys.readouterr().out)
        return done[name]

    return run


def evaluate(place: tuple[Path, dict[str, Path]], case: Case) -> dict[str, float]:
    folder, made = place
    cfg = config(folder, *FAST, *case.words, task="evaluate")
    for setting, names in case.runs.items():
        paths = [str(made[name]) for name in names.split()]
        OmegaConf.update(cfg, setting, paths if setting == "networks" else paths[0])
    return app.run(cfg)


def kept(place: tuple[Path, dict[str, Path]]) -> dict[str, Any]:
    return json.loads((latest(place[0]) / "metrics.json").read_text())


def test_every_comparison_is_tried_here():
    assert {name.split(",")[0] for name in CASES} == set(compare.__all__) - {"Context", "without_network"}


@pytest.mark.parametrize("name", NAMES)
def test_every_comparison_warns_above_its_tables_and_ends_with_what_matters(name, finished):
    case, run = CASES[name], finished(name)
    said, tables = run.said, run.tables
    table = said.index("---")  # below the heads of the first table
    warned = [row[0] for row in tables.get("compare/attention", {"rows": []})["rows"]]
    for wanted, words in (
        (case.worse, "worse than the Wiener filter"),
        (case.uncalibrated, "not calibrated for these data, so maybe far from their best: pca_locality"),
    ):
        assert any(words in note for note in warned) == wanted, words
        assert (words in said[:table]) == wanted, words
    if case.uncalibrated:
        rows = {tuple(row[:3]) for row in tables["compare/settings"]["rows"]}
        assert ("pca_locality", "tau", "default") in rows
    last = " ".join(said[said.rindex("done in ") :].split())  # in lines of 100 columns
    told = last.split(": ", 1)[1].split("; ")[0]
    assert not told.endswith("all numbers"), last
    assert ("warning" in last) == bool(warned)
    assert max(map(len, said[table - 100 :].splitlines())) < 400  # no line has a table in it


@pytest.mark.parametrize("name", NAMES)
def test_every_comparison_that_is_stopped_has_what_it_had(name, place, finished, monkeypatch, capsys):
    case = CASES[name]
    with monkeypatch.context() as patch:
        stop_at(patch, *case.stop)
        with pytest.raises(app.RunStopped) as stopped:
            evaluate(place, case)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert read_status(latest(place[0]))["state"] == "interrupted"
    part = kept(place)
    cells = [cell for row in part["tables"][case.table]["rows"] for cell in row]
    assert "not measured" in cells
    assert "cut short: " in capsys.readouterr().out
    numbers = {name: value for name, value in part["scalars"].items() if value is not None}
    whole = finished(name).numbers
    assert numbers
    assert set(numbers) < set(whole)
    same = [key for key in numbers if "seconds" not in key]
    assert {key: numbers[key] for key in same} == pytest.approx({key: whole[key] for key in same}, rel=1e-5)


def stop_at(patch: pytest.MonkeyPatch, owner: Any, method: str, call: int) -> None:
    """Sends SIGTERM to this process where something is called for the nth time."""
    original: Callable[..., Any] = getattr(owner, method)
    calls = 0

    def counted(*arguments: Any, **settings: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*arguments, **settings)

    patch.setattr(owner, method, counted)


@pytest.mark.parametrize("name", ["sensitivity", "mirror", "labels"])
def test_a_comparison_takes_what_was_calibrated_and_then_does_not_warn_of_it(name, place, capsys):
    folder, made = place
    bank = build.datamodule(config(folder, "data=digits", FEW).data).bank("train")
    found = calibration.Calibration(
        "tau", (1.0,), (0.05, 0.1), (((0.2,), (0.1,)),), "network", bank.fingerprint, len(bank), 0
    )
    found.save(calibrations(made["net"]) / "pca_locality.tau.json")
    evaluate(place, CASES[name])
    tables = kept(place)["tables"]
    rows = {row[0]: row[2:6] for row in tables["compare/settings"]["rows"]}
    assert rows["pca_locality"] == ["calibrated", "network", "1 val images", f"{len(bank):,}"]
    assert "not calibrated" not in capsys.readouterr().out


def test_columns_that_come_are_marked_until_they_are_there(tmp_path):
    report = Report(tmp_path)
    growing = Growing(report, "calibrate/chosen", ["sigma"], ["tau", "beta"], heads=["2", "1"])
    growing.add("beta", [["0.5", "0.7"]], {"calibrate/beta": 0.5})
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["tables"]["calibrate/chosen"] == {
        "columns": ["sigma", "tau", "beta"],
        "rows": [["2", "not measured", "0.5"], ["1", None, "0.7"]],
    }
    assert written["scalars"] == {"calibrate/beta": 0.5}
    assert growing.waiting == ["tau"]


def test_what_a_variant_changes_is_set_by_hand_as_is_what_it_has_of_its_candidate():
    context = Context(
        trained=None, fits={"pca_locality": Recipe.of(PCALocality.fit)},
        origins=Origins(frozenset({"pca_locality.tau"})), seed=0, cache=None, reference_name="network",
        calibrations=Path("nowhere"),
        data=None, report=None, attention=None, trainer=None,
    )  # fmt: skip
    variants = {"pca_locality": {"batches": {"softmax": "wssm:8"}, "wide": {"tau": 0.5}}}
    changed = _with_variants(context, variants)
    assert changed.origins.given == {"pca_locality.tau", "batches.tau", "batches.softmax", "wide.tau"}


def test_page_tells_warnings_before_any_table(tmp_path):
    report = Report(tmp_path)
    report.table("architectures/cosine", ["model", "mean"], [["unet", 0.5]])
    report.table("compare/attention", ["beware"], [["the network is worse"]])
    report.finish()
    page = (tmp_path / "report.html").read_text()
    assert page.index("the network is worse") < page.index(">unet<")
