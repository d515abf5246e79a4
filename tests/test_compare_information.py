"""`compare=information`: settings are swept, the constant is fitted, and what it predicts is told."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from torch import Tensor

from locality import ImageBank, NoiseSchedule, app
from locality.bank import to_float
from locality.compare.informed import Law, middle
from locality.compare.looking import Level, Noised, nested, swept
from locality.config import UsageError
from locality.data import digits
from locality.denoisers import LocalScore
from locality.denoisers.looks import Windows, varying
from locality.metrics import interval, resampled
from locality.noise import image_noise
from locality.posterior.masked.rows import Rows

DATA = ["data=digits", "logger=none", "trainer.accelerator=cpu"]
SMALL = [
    *DATA,
    "compare=information",
    "compare.sigmas=[0.5,1.5]",
    "compare.counts=[50,200]",
    "compare.count=8",
]
TINY = [
    *DATA, "data.batch_size=50", "trainer.max_epochs=1", "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1", "samples.count=1", "model=mlp", "model.network.width=16",
    "model.network.depth=1",
]  # fmt: skip


def run(root: Path, task: str, *overrides: str) -> tuple[Path, dict[str, float]]:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        numbers = app.run(compose(task, [*overrides, f"runs={root / 'runs'}", f"cache={root / 'cache'}"]))
    return max((root / "runs").glob("*-information-*" if task == "evaluate" else "*-mlp-*")), numbers


@pytest.fixture(scope="module", name="alone")
def without_a_network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    return run(tmp_path_factory.mktemp("alone"), "evaluate", *SMALL)


def tables(
    bank: ImageBank, clean: Tensor, noise: Tensor, sigma: float, size: int
) -> tuple[Tensor, Tensor]:  # [I] each: entropy and error
    found = LocalScore(bank, size).posterior(clean + sigma * noise, sigma)
    seen = Rows.of_windows(size, bank.image_shape).mask.sum(1)
    counted = (seen == seen.max()).repeat(bank.image_shape[0]) & varying(bank)
    return found.entropy.flatten(1)[:, counted].mean(1), (found.mean - clean).double().square().mean(
        (1, 2, 3)
    )


def test_it_runs_without_a_network_and_its_numbers_are_those_of_hand_work(alone):
    folder, numbers = alone
    bank = nested(ImageBank(data("train")), [50], seed=0)[0]
    clean = to_float(data("test")[:8], torch.float32)
    noise = image_noise(range(8), clean.shape[1:], 0, "test")
    sizes = range(1, 16, 2)
    every = [tables(bank, clean, noise, 0.5, size)[1].mean().item() for size in sizes]
    least = every.index(min(every))
    t = int(NoiseSchedule.ddpm().timestep(0.5))
    best = numbers[f"information/best/local_score/clean/n50/t{t:03d}"]
    assert abs(best - sizes[least]) <= 2
    assert 0 < numbers["information/constant/local_score/clean"] < 1
    shares = [value for key, value in numbers.items() if key.startswith("information/share/")]
    assert len(shares) == 4
    kept = json.loads((folder / "metrics.json").read_text())
    rows = kept["tables"]["information/local_score/clean"]["rows"]
    assert [row[:2] for row in rows] == [[50, 0.5], [50, 1.5], [200, 0.5], [200, 1.5]]
    for kind in ("entropy", "share"):
        assert (folder / "images" / "information" / kind / "local_score" / "clean.png").is_file()


def data(split: str) -> Tensor:
    return digits(split=split, seed=0)


def test_a_sweep_measures_what_brute_force_measures_and_ends_where_errors_have_risen():
    bank = ImageBank(data("train")[:200])
    clean = to_float(data("test")[:6], torch.float32)
    noise = image_noise(range(6), clean.shape[1:], 0, "test")
    parts, looks = nested(bank, [40, 150], seed=3), Windows(bank.image_shape)

    told: list[float] = []
    noised = Noised(clean, noise)
    found = swept(looks, parts, varying(bank), noised, 0.4, looks.values, 3.0, told.append)
    assert sorted(told) == sorted(found.values)
    whole = ImageBank(torch.cat([part.images for part in parts]))
    assert len(whole) == 150
    for k, size in enumerate(found.values):
        assert list(found.values) == sorted(found.values)
        for column, images in ((0, parts[0]), (1, whole)):
            posterior = LocalScore(images, int(size)).posterior(clean + 0.4 * noise, 0.4)
            seen = Rows.of_windows(int(size), bank.image_shape).mask.sum(1)
            counted = (seen == seen.max()) & varying(bank)
            entropy = posterior.entropy.flatten(1)[:, counted]
            error = (posterior.mean - clean).double().square().mean((1, 2, 3))
            assert torch.allclose(found.entropy[k, column], entropy.mean(1), atol=1e-4)
            assert torch.allclose(found.sure[k, column], (entropy < math.log(2)).double().mean(1), atol=0.05)
            assert torch.allclose(found.errors["clean"][k, column], error, rtol=1e-4)
    errors = found.errors["clean"].mean(-1)
    for end, value, last in ((0, found.values[0], 1.0), (-1, found.values[-1], looks.values[-1])):
        assert value == last or bool((errors[end] > 1.1 * errors.amin(0)).all())


def test_nested_banks_lie_inside_one_another():
    bank = ImageBank(data("train")[:60])
    small, large = nested(bank, [10, 25], 0), nested(bank, [10, 40], 0)
    assert [len(part) for part in small] == [10, 15]
    assert torch.equal(small[0].images, large[0].images)
    assert not torch.equal(small[0].images, nested(bank, [10, 25], 1)[0].images)
    together = torch.cat([part.images for part in nested(bank, [10, 60], 0)]).flatten(1)
    assert torch.equal(together.sort(0).values, bank.images.flatten(1).sort(0).values)


def law(share: float | None = None, images: int = 40) -> Law:
    """Errors are least at 6.4 for 100 images and 7.2 for 1,000; entropies fall by half a nat a pixel."""
    sizes, generator = (1.0, 3.0, 5.0, 7.0, 9.0, 11.0), torch.Generator().manual_seed(0)
    x = torch.tensor(sizes, dtype=torch.float64)[:, None, None]
    vertex = torch.tensor([6.4, 7.2], dtype=torch.float64)[:, None]
    scale = 1 + 0.2 * torch.rand(images, generator=generator, dtype=torch.float64)
    errors = (0.01 * (x - vertex) ** 2).exp() * scale
    entropy = (5.5 - 0.5 * x + torch.tensor([0.0, 1.0])[:, None]).expand(6, 2, images)
    level = Level(1.0, sizes, entropy, torch.zeros_like(entropy), {"clean": errors})
    return Law("local_score", "clean", Windows(torch.Size((1, 8, 8))), [100, 1000], [level], None, share)


def test_the_best_the_entropy_there_the_constant_and_the_prediction_are_those_that_were_planted():
    one = law()
    level = one.levels[0]
    assert one.best(level, 0)[0].item() == pytest.approx(6.4)
    assert one.best(level, 1)[0].item() == pytest.approx(7.2)
    assert one.entropy(level, 0)[0].item() == pytest.approx(2.3)
    assert one.entropy(level, 1)[0].item() == pytest.approx(2.9)
    constant = (2.3 / math.log(100) + 2.9 / math.log(1000)) / 2
    assert one.constant[0].item() == pytest.approx(constant)
    assert one.predicted(level, 0)[0].item() == pytest.approx((5.5 - constant * math.log(100)) / 0.5)
    assert one.cost(level, 0)[0].item() == pytest.approx(1.0)
    tested = law(share=0.2)
    assert tested.predicted(level, 1)[0].item() == pytest.approx((6.5 - 0.2 * math.log(1000)) / 0.5)
    wanted = math.exp(0.01 * ((11 - 7.2) ** 2 - (7 - 7.2) ** 2))
    assert tested.cost(level, 1)[0].item() == pytest.approx(wanted)
    found = middle(one.constant)  # the same in every draw: images differ in their errors by a factor alone
    assert (found.low, found.high) == pytest.approx((constant, constant), abs=1e-6)


def test_a_best_at_an_end_of_what_was_tried_counts_in_no_constant():
    one = law()
    level = one.levels[0]
    rising = {"clean": level.errors["clean"].flip(0).cummax(0).values}
    ends = Level(1.0, level.values, level.entropy, level.sure, rising)
    other = Law(one.name, one.target, one.looks, one.counts, [ends], None, None)
    assert not other.bracketed(ends, 0)
    assert math.isnan(other.constant[0].item())
    both = Law(one.name, one.target, one.looks, one.counts, [level, ends], None, None)
    assert both.constant[0].item() == pytest.approx(one.constant[0].item())


def test_draws_of_whole_tables_have_the_intervals_of_draws_of_means():
    values = torch.rand(30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = resampled(30)
    assert weights.shape == (2000, 30)
    assert torch.allclose(weights.sum(1), torch.ones(2000).double())
    ends = (weights @ values).quantile(torch.tensor([0.025, 0.975]).double()).tolist()
    assert ends == pytest.approx(interval(values), abs=0.02)
    groups = torch.arange(30) // 10
    assert bool((resampled(30, groups=groups).reshape(-1, 3, 10).std(-1) < 1e-12).all())
    with pytest.raises(ValueError, match="at least 2 images or groups"):
        resampled(5, groups=[1] * 5)


def test_with_networks_the_error_against_each_is_told_too(tmp_path):
    noise = "model.prediction=epsilon"  # one that predicts v and saw two batches changes no image
    trained, _ = run(tmp_path, "train", *TINY, noise)
    other, _ = run(tmp_path, "train", *TINY, noise, "seed=1")
    overrides = [*(one for one in SMALL if one != "data=digits"), f"checkpoint={trained}"]
    folder, numbers = run(tmp_path, "evaluate", *overrides, f"networks={{other: {other}, same: {trained}}}")
    assert {key.split("/")[3] for key in numbers if "/best/" in key} == {"clean", "network", "other", "same"}
    assert (folder / "images" / "information" / "entropy" / "local_score" / "other.png").is_file()
    found = {name: _of(numbers, name) for name in ("network", "other", "same")}
    assert found["same"] == pytest.approx(found["network"], rel=1e-12, nan_ok=True)
    assert found["other"] != pytest.approx(found["network"], rel=1e-3, nan_ok=True)
    with pytest.raises(UsageError, match=r"networks\.clean: want another name"):
        run(tmp_path, "evaluate", *overrides, f"networks={{clean: {other}}}")


def test_each_candidate_is_tested_with_its_own_share(tmp_path):
    masks = "+denoiser@candidates.pca_locality=pca_locality"
    _, numbers = run(
        tmp_path, "evaluate", *SMALL, masks, "compare.share={pca_locality: 0.6}", "compare.taus=[0.5,0.2,0.1]"
    )
    assert numbers["information/used/pca_locality/clean"] == 0.6
    fitted = numbers["information/constant/local_score/clean"]
    assert numbers["information/used/local_score/clean"] == pytest.approx(fitted)


def _of(numbers: dict[str, float], target: str) -> dict[str, float]:
    part = f"local_score/{target}"
    return {key.replace(part, ""): value for key, value in numbers.items() if part in key}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("compare.count=1", r"compare\.count: want 2 to"),
        ("compare.counts=[1]", r"compare\.counts: want whole numbers of images from 2"),
        ("compare.counts=[]", r"compare\.counts: want"),
        ("compare.windows=[2,3,5]", r"compare\.windows: want at least three distinct odd"),
        ("compare.windows=[3,5]", r"compare\.windows: want at least three"),
        ("compare.sigmas=[0,1]", r"compare\.sigmas: want distinct noise levels above 0"),
        ("compare.sigmas=[]", r"compare\.sigmas: want"),
        ("compare.share=1.5", r"compare\.share: want a share of ln N"),
        ("compare.share={local_score: 2}", r"compare\.share: want a share of ln N"),
        ("compare.share={pca_locality: 0.5}", "compare.share: no candidate named 'pca_locality'"),
        ("~candidates.local_score", r"candidates: want at least one"),
        ("+denoiser@candidates.wiener=wiener", r"candidates\.wiener: want a local score or an exact PCA"),
        ("compare=quick", r"networks: want at least one"),
        ("networks=twin", r"networks: want at least one"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, override, message):
    with pytest.raises(UsageError, match=message) as error:
        run(tmp_path, "evaluate", *SMALL[:4], "checkpoint=null", override)
    assert "\n" not in str(error.value)


def test_without_a_network_and_without_data_both_are_named(tmp_path):
    with pytest.raises(
        UsageError, match=r"networks: want at least one, .* compare=information does with data="
    ):
        run(tmp_path, "evaluate", *DATA[1:], "compare=information")
