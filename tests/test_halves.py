"""`compare=halves`: networks of disjoint halves are found, set against each other, and told of."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from torch import Tensor

from locality import GaussianStats, app
from locality.checkpoints import networks as found_networks
from locality.compare.halves import HalvesResult, Shrunk
from locality.config import UsageError
from locality.data import GaussianSource
from locality.denoisers import Wiener
from locality.modules import PairModule
from locality.noise import image_noise
from locality.runs import files

SMALL = ["logger=none", "trainer.accelerator=cpu"]
TINY = [
    "data=gaussian", "data.source.size=6", "+data.source.channels=1", "data.source.train=301",
    "data.source.val=20", "data.source.test=200", "data.batch_size=50",
    "trainer.max_epochs=1", "trainer.limit_val_batches=1", "trainer.limit_test_batches=1", "samples.count=1",
    "model=mlp", "model.network.width=16", "model.network.depth=1",
]  # fmt: skip


def run(root: Path, task: str, *overrides: str) -> tuple[Path, dict[str, float]]:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        numbers = app.run(compose(task, [*SMALL, *overrides, f"runs={root}"]))
    return (root / "latest").resolve(), numbers


@pytest.fixture(scope="module", name="trained")
def trained_halves(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    root = tmp_path_factory.mktemp("runs")
    runs = {"old": run(root, "train", *TINY, "data.subset_draw=half:1")[0]}
    for name, draw, *more in (
        ("one", "half:1"), ("zero", "half:0"), ("other", "half:0", "seed=1"), ("whole", "first"),
        ("seed2", "first", "seed=2"),
    ):  # fmt: skip
        runs[name] = run(root, "train", *TINY, f"data.subset_draw={draw}", *more)[0]
    return root, runs


def test_the_newest_halves_that_differ_in_nothing_else_are_found(trained):
    root, runs = trained
    assert found_networks.newest_halves(root, False, None) == {"half0": runs["zero"], "half1": runs["one"]}
    assert found_networks.newest_halves(root, False, 0.0)["half1"] == runs["one"]
    with pytest.raises(UsageError, match="no finished training runs") as error:
        found_networks.newest_halves(root, False, 0.5)
    assert "data.subset_draw=half:0 and python train.py" in str(error.value)
    assert "\n" not in str(error.value)


def test_halves_that_ship_are_found_where_there_are_no_runs(trained, tmp_path, monkeypatch):
    from locality.export import export

    root, runs = trained
    shipped = tmp_path / "shipped"
    for name in ("zero", "one", "whole"):
        export(runs[name], shipped / name)
    monkeypatch.setattr(files, "SHIPPED", shipped)
    found = found_networks.newest_halves(tmp_path / "nothing", False, None)
    assert found == {"half0": shipped / "zero", "half1": shipped / "one"}
    assert found_networks.newest_halves(root, False, None)["half0"] == runs["zero"]


def test_the_halves_are_compared_with_their_wiener_filters_and_the_prediction(trained):
    root, runs = trained
    settings = ["compare=halves", "compare.count=200", "compare.sigmas=[2,0.2]"]
    alone = f"{{half0: {runs['zero']}, half1: {runs['one']}}}"
    folder, numbers = run(root, "evaluate", *settings, f"networks={alone}")
    config = (folder / "config.yaml").read_text()
    assert str(runs["zero"]) in config
    assert str(runs["one"]) in config
    # By hand: filters of the two halves at the same noisy images.
    networks = found_networks.networks(composed(root, alone))
    banks = [one.data().bank("train") for one in networks.values()]
    assert [len(bank) for bank in banks] == [151, 150]
    one, two = (Wiener(GaussianStats.measured(bank)) for bank in banks)
    clean = networks["half0"].data().bank("test").images
    noise = image_noise(range(200), clean.shape[1:], 0, "test")
    for sigma, t in ((2.0, "t396"), (0.2, "t057")):
        x = clean + sigma * noise
        assert numbers[f"halves/mse/wiener/{t}"] == pytest.approx(
            (one(x, sigma) - two(x, sigma)).double().square().mean().item(), rel=1e-4
        )
        a, b = (each.denoiser(x, sigma).double() for each in networks.values())
        assert numbers[f"halves/mse/networks/{t}"] == pytest.approx((a - b).square().mean().item(), rel=1e-4)
        # The data are Gaussian: the filters differ as predicted, one pair of halves at these 200 images.
        assert numbers[f"halves/mse/predicted/{t}"] == pytest.approx(
            numbers[f"halves/mse/wiener/{t}"], rel=0.35
        )
    table = json.loads((folder / "metrics.json").read_text())["tables"]["halves/agreement"]
    assert [row[0] for row in table["rows"]] == [2, 0.2]
    assert re.fullmatch(r"[\d.e-]+ \[[\d.e-]+, [\d.e-]+\]", table["rows"][0][1])
    assert (folder / "images" / "halves" / "disagreement.png").is_file()


def test_two_seeds_on_all_images_stand_beside_the_halves_where_there_are_such(trained):
    root, runs = trained
    networks = found_networks.networks(composed(root, "halves"))
    paths = {name: one.path for name, one in networks.items()}
    assert paths == {
        "half0": runs["zero"], "half1": runs["one"], "seed0": runs["whole"], "seed2": runs["seed2"]
    }  # fmt: skip
    folder, numbers = run(root, "evaluate", "compare=halves", "compare.count=200", "compare.sigmas=[2]")
    x = networks["half0"].data().bank("test").images
    x = x + 2 * image_noise(range(200), x.shape[1:], 0, "test")
    estimate = {name: one.denoiser(x, 2.0).double() for name, one in networks.items()}
    apart = [
        (estimate[f"{kind}0"] - estimate[other]).square().mean().item()
        for kind, other in (("half", "half1"), ("seed", "seed2"))
    ]
    assert numbers["halves/beside_seeds/t396"] == pytest.approx(apart[0] / apart[1], rel=1e-4)
    table = json.loads((folder / "metrics.json").read_text())["tables"]["halves/agreement"]
    assert table["columns"][-2:] == ["seeds MSE", "halves / seeds"]
    assert len(table["rows"][0]) == len(table["columns"])


def composed(root: Path, networks: str):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("evaluate", ["compare=halves", f"networks={networks}", f"runs={root}"])


def test_other_networks_are_refused_in_one_line(trained):
    root, runs = trained
    zero, one, whole = runs["zero"], runs["one"], runs["whole"]
    with pytest.raises(
        UsageError, match=r"want two, of data.subset_draw=half:0 and half:1, .* got .*\(first, seed 0\)"
    ):
        run(root, "evaluate", "compare=halves", f"networks=[{zero},{whole}]")
    with pytest.raises(UsageError, match="none or two more of all images and different seeds"):
        run(root, "evaluate", "compare=halves", f"networks=[{zero},{one},{whole}]")
    with pytest.raises(UsageError, match="want two"):
        run(root, "evaluate", "compare=halves", f"networks=[{zero},{one},{runs['old']}]")
    with pytest.raises(UsageError, match=r"compare\.count: want 2 to 200"):
        run(root, "evaluate", "compare=halves", "compare.count=201")
    with pytest.raises(UsageError, match=r"compare\.sigmas: want distinct noise levels above 0"):
        run(root, "evaluate", "compare=halves", "compare.count=20", "compare.sigmas=[0]")
    with pytest.raises(UsageError, match=r"compare\.count: want 2 to 200 test images, got 1"):
        run(root, "evaluate", "compare=halves", "compare.count=1")
    fewer, _ = run(root, "train", *TINY, "data.subset_draw=half:1", "data.subset=100")
    with pytest.raises(UsageError, match=r"differ in data\.subset"):
        run(root, "evaluate", "compare=halves", f"networks=[{zero},{fewer}]")


def estimates(share: float) -> dict[str, list[Tensor]]:
    """Squared differences where the other's filter is `share` of the way from `plain` to the network."""
    images = torch.arange(20.0).double()
    plain, networks = 5 + images, 1 + 0.1 * images
    values = {
        "networks": networks,
        "wiener_of_the_other": plain - share * (plain - networks),
        "wiener_of_the_other_reversed": plain - share * (plain - networks),
        "shrunk": plain,
        "shrunk_reversed": plain,
    }
    return {f"{pair}/mse": [each] for pair, each in values.items()}


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_what_gaussian_statistics_explain_is_their_share_of_the_networks_agreement(share: float) -> None:
    found = HalvesResult([1.0], estimates(share), [0.0], None)
    told, plain = found.explained(0), 14.5 / 1.95  # the means of `plain` and of `networks`
    assert (told.mean, told.low, told.high) == pytest.approx((share, share, share), abs=1e-9)
    assert found.farther(0).mean == pytest.approx(plain - share * (plain - 1))


def test_a_network_that_is_the_other_halfs_filter_is_explained_whole() -> None:
    source = GaussianSource(size=6, channels=1)
    stats = GaussianStats(source.mean, source.covariance, source.image_shape)
    wiener, plain = Wiener(stats), Shrunk(stats)
    x = torch.randn(50, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    estimate = wiener(x, 0.5)
    far = (plain(x, 0.5) - estimate).square().mean().item()
    gain = 0.16 / (0.16 + 0.25)
    torch.testing.assert_close(plain(x, 0.5), -0.1 + gain * (x + 0.1), atol=1e-6, rtol=1e-6)
    assert far > 0
    same = [torch.zeros(50).double()]
    away = [torch.full((50,), far).double()]
    values = {
        f"{pair}/mse": same for pair in ("networks", "wiener_of_the_other", "wiener_of_the_other_reversed")
    }
    values |= {f"{pair}/mse": away for pair in ("shrunk", "shrunk_reversed")}
    assert HalvesResult([0.5], values, [0.0], None).explained(0).mean == 1


def test_a_denoiser_agrees_with_itself_and_pairs_are_measured_as_they_are_named() -> None:
    from locality.data import Batch
    from locality.metrics import ImageMSE, ImageR2

    source = GaussianSource(size=6, channels=1, test=7)
    stats = GaussianStats(source.mean, source.covariance, source.image_shape)
    denoisers = {"a": Wiener(stats), "b": Shrunk(stats)}
    pairs, metrics = {"same": ("a", "a"), "unlike": ("a", "b")}, {"mse": ImageMSE(), "r2": ImageR2()}
    clean = source("test", 0)
    found = []
    for size in (7, 3):  # batches change nothing; images beyond the count are left out
        module = PairModule(denoisers, pairs, metrics, [1.0, 0.3], 6, (1, 6, 6), seed=4)
        for index in torch.arange(7).split(size):
            module.test_step(Batch(clean[index], index, torch.ones(len(index))), 0)
        module.on_test_epoch_end()
        found.append(module.values)
    assert all(len(level) == 6 for level in found[0]["same/mse"])
    assert math.isclose(float(found[0]["same/r2"][0].mean()), 1)
    x = clean[:6] + 0.3 * image_noise(range(6), (1, 6, 6), 4, "test")
    expected = (denoisers["a"](x, 0.3) - denoisers["b"](x, 0.3)).double().square().flatten(1).mean(1)
    torch.testing.assert_close(found[0]["unlike/mse"][1], expected, rtol=1e-5, atol=1e-9)
    for key, levels in found[0].items():
        torch.testing.assert_close(levels, found[1][key], rtol=1e-5, atol=1e-9)
