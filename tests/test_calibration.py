"""Calibration: what was planted is found, and what was found is kept and used."""

from __future__ import annotations

import json
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from banks import photographs
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from torch import Tensor

from locality import GaussianStats, ImageBank, NoiseSchedule, app, sample
from locality.bank import thinned, to_float
from locality.calibration import Calibration, Stacking, bind, calibrate
from locality.config import UsageError
from locality.denoisers import EquivariantLocalScore, LocalScore, PatchComposite, PCALocality, Wiener
from locality.denoisers.base import Denoiser
from locality.denoisers.grids import Grid
from locality.denoisers.levels import Levels
from locality.noise import image_noise
from locality.sampling import start, trajectory

IMAGES = photographs(8, 72)
BANK, HELD_OUT = ImageBank(IMAGES[:60]), IMAGES[60:]
SIGMAS = NoiseSchedule.ddpm().sigma([20, 200, 500, 700])
PLANTED = dict(zip(SIGMAS.tolist(), [3, 1, 7, 5], strict=True))


@pytest.fixture(scope="module")
def found() -> Calibration:
    return calibrate(LocalScore.fit, BANK, HELD_OUT, SIGMAS, [5, 3, 1])


MACHINES = {
    "local_score": LocalScore.fit,
    "equivariant_local_score": EquivariantLocalScore.fit,
    "equivariant_broken": partial(EquivariantLocalScore.fit, border="broken"),
    "patch_composite": PatchComposite.fit,
}


@pytest.mark.parametrize(
    "name",
    [one if one == "local_score" else pytest.param(one, marks=pytest.mark.slow) for one in MACHINES],
)
def test_planted_patch_sizes_are_recovered(name):
    planted = MACHINES[name](BANK, patch_size=PLANTED)
    found = calibrate(MACHINES[name], BANK, HELD_OUT, SIGMAS, [1, 3, 5, 7, 9], target=planted)
    assert found.mapping() == PLANTED
    assert found.errors.amin(1).max() < 1e-12
    x, sigma = to_float(HELD_OUT) + 2, SIGMAS[2].item()
    assert torch.equal(found.apply(MACHINES[name])(BANK)(x, sigma), planted(x, sigma))


def test_a_planted_tau_is_recovered():
    stats = GaussianStats.from_bank(ImageBank(photographs(8, 400)))
    planted = dict(zip(SIGMAS.tolist(), [0.3, 0.05, 0.1, 0.6], strict=True))
    target = PCALocality(BANK, planted, stats=stats)
    taus = [0.05, 0.1, 0.3, 0.6]
    found = calibrate(PCALocality, BANK, HELD_OUT, SIGMAS, taus, target=target, parameter="tau", stats=stats)
    assert found.mapping() == planted


@pytest.mark.filterwarnings("ignore:60 images for 192 coordinates")
def test_a_fit_that_measures_its_own_statistics_gives_the_same_calibration():
    ask = partial(calibrate, bank=BANK, images=HELD_OUT[:4], sigmas=SIGMAS[:2], values=[0.1, 0.3])
    assert ask(PCALocality.fit, parameter="tau") == ask(PCALocality, parameter="tau")


def test_without_a_network_the_error_is_that_of_the_clean_images(found):
    clean = to_float(HELD_OUT)
    noise = image_noise(range(len(clean)), clean.shape[1:], 0, "calibration")
    for s, sigma in enumerate(SIGMAS.tolist()):
        for v, size in enumerate([1, 3, 5]):
            estimates = LocalScore.fit(BANK, size)(clean + sigma * noise, sigma)
            expected = (estimates - clean).square().mean().item()
            assert found.errors[s, v].item() == pytest.approx(expected, rel=1e-5)
        assert found.chosen[s] == found.values[found.errors[s].argmin()]
    assert found.target == "clean images"


def test_with_a_count_the_inputs_are_those_of_the_targets_own_samples():
    target, levels = PatchComposite.fit(BANK, patch_size=3), SIGMAS.flip(0)  # falling, as samplers want
    found = calibrate(LocalScore.fit, BANK, 5, SIGMAS, [1, 3], target=target, batch_size=2)
    noise = image_noise(range(5), BANK.image_shape, 0, "calibration")
    path = list(trajectory(target, start(noise, levels[0]), levels))
    assert torch.equal(path[-1].x0, sample(target, noise, levels))
    for s, step in enumerate(reversed(path)):
        for v, size in enumerate((1, 3)):
            expected = (LocalScore.fit(BANK, size)(step.x, step.sigma) - step.x0).square().mean().item()
            assert found.errors[s, v].item() == pytest.approx(expected, rel=1e-4)
    assert (found.count, found.target, found.inputs) == (5, "network's samples", "samples of the network")


@pytest.mark.parametrize("name", ["local_score", "patch_composite"])
def test_planted_patch_sizes_are_recovered_on_the_way_to_samples(name):
    planted = MACHINES[name](BANK, patch_size=PLANTED)
    found = calibrate(MACHINES[name], BANK, 6, SIGMAS, [1, 3, 5, 7, 9], target=planted)
    assert found.mapping() == PLANTED


@pytest.mark.parametrize("count", [0, True])
def test_samples_are_counted_from_1_and_want_a_target(count):
    with pytest.raises(ValueError, match="or how many samples from 1, got"):
        calibrate(LocalScore.fit, BANK, count, SIGMAS, [1, 3], target=LocalScore.fit(BANK, 3))
    with pytest.raises(ValueError, match="a count is one of samples of the target"):
        calibrate(LocalScore.fit, BANK, 3, SIGMAS, [1, 3])


class NotANumber(Denoiser):
    """A network that has come apart: NaN below a noise level."""

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x * float("nan") if sigma[0] < 1 else x * 0


@pytest.mark.parametrize("images", [3, HELD_OUT[:3]])
def test_a_target_that_gives_no_numbers_is_named(images):
    match = f"target: want finite estimates, got others at sigma {SIGMAS[SIGMAS < 1].max():g}"
    first = sorted(SIGMAS.tolist(), reverse=True)
    with pytest.raises(ValueError, match=match):
        calibrate(LocalScore.fit, BANK, images, first, [1, 3], target=NotANumber())


def test_batches_change_no_error(found):
    for batch_size in (1, 5):
        other = calibrate(LocalScore.fit, BANK, HELD_OUT, SIGMAS, [1, 3, 5], batch_size=batch_size)
        assert torch.allclose(other.errors, found.errors, rtol=1e-5, atol=1e-12)
        assert other.chosen == found.chosen


def test_ties_go_to_the_smaller_patch():
    # From 15 pixels on, a window holds the whole image of 8 x 8.
    found = calibrate(LocalScore.fit, BANK, HELD_OUT, SIGMAS[:2], [19, 17, 15])
    assert found.chosen == (15, 15)


def test_ties_go_to_the_larger_tau_which_looks_at_less():
    white = GaussianStats(torch.zeros(192), torch.eye(192), BANK.image_shape)
    found = calibrate(PCALocality, BANK, HELD_OUT[:2], SIGMAS[:1], [0.5, 0.9], parameter="tau", stats=white)
    assert found.chosen == (0.9,)


def test_a_calibration_read_back_is_the_one_that_was_written(found, tmp_path):
    found.save(tmp_path / "a" / "calibration.json")
    assert Calibration.load(tmp_path / "a" / "calibration.json") == found
    content = json.loads((tmp_path / "a" / "calibration.json").read_text())
    assert content["chosen"] == list(found.chosen)
    assert content["images"] == len(HELD_OUT)
    assert content["bank"] == BANK.fingerprint
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["calibration.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": None}, {"extra": 1}, {"chosen": [5, 5, 5, 5]}, {"format": "locality.calibration/0"},
        {"sigmas": [1.0]}, {"target": "nobody"}, {"image_errors": []}, {"values": [1, 3, "5"]},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_file_that_was_changed_is_refused(change, found, tmp_path):
    path = tmp_path / "calibration.json"
    found.save(path)
    content = {k: v for k, v in (json.loads(path.read_text()) | change).items() if v is not None}
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"calibration.json: .*calibrate again"):
        Calibration.load(path)


def test_it_knows_its_training_images_and_a_thinned_set_of_them(found):
    assert found.is_of(BANK)
    assert not found.is_of(ImageBank(IMAGES))
    part = calibrate(LocalScore.fit, thinned(BANK, 20), HELD_OUT[:2], SIGMAS[:1], [1, 3])
    assert part.is_of(BANK)
    assert not part.is_of(BANK.subset(range(59)))


WRONG = {
    "values": ({"values": []}, "values: want distinct finite numbers"),
    "twice": ({"values": [3, 3]}, "values: want distinct finite numbers"),
    "even": ({"values": [4]}, "patch_size: want an odd whole number"),
    "sigma": ({"sigmas": [0.0]}, "sigma: want numbers from 1e-18 to"),
    "shape": ({"images": HELD_OUT[:, :, :6]}, "images: want .I, 3, 8, 8."),
    "parameter": ({"parameter": "tau"}, "parameter: want a setting of the denoiser's fit, got 'tau'"),
    "batch": ({"batch_size": 0}, "batch_size: want at least 1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_told_in_one_line(case):
    change, message = WRONG[case]
    good = {"images": HELD_OUT[:1], "sigmas": [1.0], "values": [1]}
    with pytest.raises(ValueError, match=message):
        calibrate(LocalScore.fit, BANK, **(good | change))
    with pytest.raises(ValueError, match="parameter"):
        bind(Wiener.fit, "patch_size", 3)


def run(tmp_path: Path, *overrides: str, task: str = "evaluate") -> tuple[dict[str, float], Path]:
    quiet = ["logger=none", "trainer.accelerator=cpu", f"runs={tmp_path / 'runs'}"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        numbers = app.run(compose(task, [*overrides, *quiet]))
    return numbers, (tmp_path / "runs" / "latest").resolve()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose "network" is a local score machine with patches of 3 pixels."""
    tiny = ("data=digits", "data.subset=80", "model=analytic", "trainer.limit_test_batches=1", "cache=null")
    patches = ("denoiser=local_score", "denoiser.patch_size=3")
    return run(tmp_path_factory.mktemp("machine"), *tiny, *patches, task="train")[1]


CALIBRATE = (
    "compare=calibrate", "compare.count=8", "compare.patch_sizes=[1,3,5,31]", "compare.taus=[0.1,0.3]",
    "compare.betas=[1,2]", "compare.blends=[0,0.5]", "compare.windows=[3,64]",
    "candidates.stacked_mixtures.windows=[4]",
    "+candidates.stacked_locality.members.stacked_mixtures.windows=[4]",
    "compare.bank_counts.equivariant_local_score=20",
)  # fmt: skip
ONLY = (
    "compare=quick",
    "+denoiser@candidates.local_score=local_score",
    "compare.count=4",
    "compare.pictures=2",
)


@pytest.mark.slow
def test_an_evaluation_uses_what_was_calibrated_for_its_checkpoint(machine, tmp_path, capsys, monkeypatch):
    # Reached through a link, as runs/latest is, that points elsewhere by the time results are written.
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "latest").symlink_to(machine)
    numbers, calibrated = run(tmp_path, *CALIBRATE, f"checkpoint={tmp_path / 'runs' / 'latest'}")
    # The members of a stack have the calibrations of the candidates that they are named as.
    said = capsys.readouterr().out
    for member, setting in (
        ("pca_locality", "tau"),
        ("patch_composite", "patch_size"),
        ("stacked_mixtures", "shares"),
    ):
        assert f"stacked_locality.members.{member}: {setting} calibrated against the network" in said
    assert [v for k, v in numbers.items() if k.startswith("calibrate/patch_size/local_score/")] == [3.0] * 10
    assert numbers["calibrate/mse/local_score/patch_size"] < 1e-12
    windows = {f"{name}.patch_size" for name in ("local_score", "patch_composite", "equivariant_local_score")}
    names = windows | {"pca_locality.tau", "soft_locality.beta", "soft_locality.blend"}
    names |= {"local_mixture.window", "stacked_mixtures.shares", "stacked_locality.shares"}
    kept = machine / "checkpoints" / "last.calibration"
    assert {path.stem for path in kept.iterdir()} == names
    for path in kept.iterdir():
        assert path.read_bytes() == (calibrated / "calibration" / path.name).read_bytes()
    assert Calibration.load(kept / "equivariant_local_score.patch_size.json").bank_count == 20
    assert Calibration.load(kept / "local_score.patch_size.json").values == (1, 3, 5, 15)  # 31 hold no more
    assert Calibration.load(kept / "local_mixture.window.json").values == (3, 8)
    assert set(Stacking.load(kept / "stacked_mixtures.shares.json").members) == {"window_4", "optimal"}
    pictures = ("patch_size", "tau", "blend", "shares/stacked_mixtures", "mse/stacked_mixtures/shares")
    for picture in (*pictures, "mse/patch_composite/patch_size", "mse/soft_locality/beta"):
        assert (calibrated / "images" / "calibrate" / f"{picture}.png").is_file()
    # Drawing takes most of the time, and is the subject of other tests.
    monkeypatch.setattr(import_module("locality.compare.analytic_vs_nn"), "_draw", lambda *_: None)
    capsys.readouterr()
    stack = (
        "+denoiser@candidates.stacked_mixtures=stacked_mixtures",
        "candidates.stacked_mixtures.windows=[4]",
    )
    used, _ = run(tmp_path, *ONLY, *stack, f"checkpoint={machine / 'checkpoints' / 'last.ckpt'}")
    said = capsys.readouterr().out
    assert "local_score: patch_size calibrated against the network" in said
    assert "stacked_mixtures: shares calibrated against the network" in said
    assert used["compare/sample_r2/local_score"] == pytest.approx(1, abs=1e-6)
    plain, _ = run(tmp_path, *ONLY, *stack, "compare.calibration=none", f"checkpoint={machine}")
    assert plain["compare/sample_r2/local_score"] < 0.999
    assert plain["compare/step_r2/stacked_mixtures"] < used["compare/step_r2/stacked_mixtures"]
    with pytest.raises(UsageError, match=r"candidates.stacked_mixtures: shares: want those of members"):
        run(tmp_path, *ONLY, *stack, "candidates.stacked_mixtures.windows=[3]", f"checkpoint={machine}")
    with pytest.raises(UsageError, match="of other training images"):
        run(tmp_path, *ONLY, f"checkpoint={machine}", "data=digits", "data.subset=40")


class OwnGrid(Denoiser):
    """A denoiser of one's own, whose grids are no other's: x shrunk by tau, and by a setting of its own."""

    CALIBRATED: ClassVar = {
        "tau": Grid((0.9, 0.7), "tau (of x)", lambda v: v > 0, "numbers above 0"),
        "taste": Grid((0.0, 0.5), "taste (of x)", lambda v: v >= 0, "numbers from 0"),
    }

    def __init__(self, bank: ImageBank, tau: Any = 1.0, taste: Any = 0.0) -> None:
        super().__init__()
        self.tau, self.taste = (
            Levels(name, given, lambda v: v >= 0, "numbers from 0")
            for name, given in (("tau", tau), ("taste", taste))
        )

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.tau.at(sigma[0].item()) * x - self.taste.at(sigma[0].item())


def test_the_values_are_those_that_a_denoiser_declares_unless_others_are_given(machine, tmp_path):
    def values(*overrides: str) -> dict[str, tuple[float, ...]]:
        node = "{_target_: test_calibration.OwnGrid}"
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            usual = compose("evaluate", ["compare=calibrate"]).candidates
        without = [f"~candidates.{name}" for name in usual if name != "pca_locality"]
        asked = ("compare=calibrate", "compare.count=1", "compare.bank_counts=null", "compare.replace=true")
        _, folder = run(
            tmp_path, *asked, *without, f"+candidates.own={node}", *overrides, f"checkpoint={machine}"
        )
        kept = (folder / "calibration").glob("*.json")
        return {path.stem: Calibration.load(path).values for path in kept}

    of_masks = (0.5, 0.2, 0.1, 0.05, 0.02, 0.005)
    assert values() == {"own.tau": (0.7, 0.9), "own.taste": (0.0, 0.5), "pca_locality.tau": of_masks}
    given = ("compare.taus=[0.3,0.6]", "compare.values={taste:[1]}")
    assert values(*given) == {"own.tau": (0.3, 0.6), "own.taste": (1.0,), "pca_locality.tau": (0.6, 0.3)}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("compare.count=0", "compare.count: want at least 1, got 0"),
        ("compare.patch_sizes=[4]", "compare.patch_sizes: want distinct odd"),
        ("compare.windows=[0]", "compare.windows: want distinct whole numbers of pixels from 1"),
        ("compare.taus=[-1]", "compare.taus: want distinct numbers from 0"),
        ("compare.target=wiener", "compare.target: want network or samples or clean"),
        ("+compare.bank_counts.nobody=3", "compare.bank_counts: no candidate named"),
        (
            "compare.bank_counts.equivariant_local_score=0",
            "compare.bank_counts.equivariant_local_score: want",
        ),
        (
            "+denoiser@candidates.wiener=wiener",
            "candidates.wiener: want a denoiser that declares settings to calibrate .CALIBRATED",
        ),
        ("compare.values={taste:[1]}", "compare.values.taste: want a setting of a candidate .beta, blend"),
        ("compare.values={tau:[0.1]}", "compare.values.tau: want one list, and there is compare.taus"),
    ],
)
def test_a_wrong_setting_of_the_comparison_is_told_in_one_line(override, message, machine, tmp_path):
    with pytest.raises(UsageError, match=message):
        run(tmp_path, *CALIBRATE, override, f"checkpoint={machine}")
