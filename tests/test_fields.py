"""Fields under Lightning, on one process and two, and how alike two of them are."""

from __future__ import annotations

import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from planted import network
from torch import Tensor

from locality.compare.overlaps import BOUNDS, overlap_series, series_of
from locality.compare.strengths import contrast_of
from locality.data import GaussianSource, ImageDataModule
from locality.data.batch import Batch
from locality.denoisers import LocalScore
from locality.live import LIVE
from locality.metrics import FieldOverlap, ImageMaps, field_interval, field_intervals
from locality.metrics.field_overlap import cosine
from locality.modules import FieldModule
from locality.sensitivity import Route, SensitivityField, mass_radius, measure, participation

PIXELS, SIGMAS, COUNT = [(3, 3), (0, 1), (5, 5)], [2.0, 0.5], 5
SHAPE = (3, 6, 6)


def gaussian(split: str, seed: int) -> Tensor:
    """7 images; two ranks get unequal parts of them."""
    return GaussianSource(size=6, train=7, val=7, test=7)(split=split, seed=seed)


def data() -> ImageDataModule:
    return ImageDataModule(gaussian, eval_batch_size=4)


def module(**settings: object) -> FieldModule:
    nets = {"network": network(), "other": network(seed=1)}
    route = Route(SIGMAS, settings.pop("states", "forward"), steps=10)
    return FieldModule(nets, route, PIXELS, COUNT, SHAPE, **settings)


@pytest.mark.parametrize("kind", ["network", "closed form"])
def test_a_single_level_tells_its_share_and_the_time_left(kind, monkeypatch):
    told: list[str] = []
    bank = data().bank("train")
    denoiser = network() if kind == "network" else LocalScore(bank, patch_size=3)
    one = FieldModule({"one": denoiser}, Route(SIGMAS[:1]), PIXELS, COUNT, SHAPE)
    parts = LIVE.parts

    def listened(some):
        for part in parts(some):
            yield part
            told.append(" ".join(map(str, LIVE._tasks)))

    monkeypatch.setattr(LIVE, "parts", listened)
    trainer().test(one, datamodule=data(), verbose=False)
    assert any(re.search(r"level 1 of 1, [1-9]\d? %, \d+ s left", line) for line in told), told


def trainer(**settings: object) -> Trainer:
    settings = {"inference_mode": False, **settings}
    return Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False,
        enable_progress_bar=False, use_distributed_sampler=False, **settings,
    )  # fmt: skip


@pytest.mark.parametrize("states", ["forward", "reverse"])
def test_a_test_run_measures_what_measure_does(states):
    tested = module(states=states)
    trainer().test(tested, data(), verbose=False)
    clean = data().bank("test").images[:COUNT]
    guide = network()
    for name, net in (("network", guide), ("other", network(seed=1))):
        direct = measure(net, clean, SIGMAS, PIXELS, states=states, steps=10, guide=guide)
        found = tested.fields[name]
        assert (found.sigmas, found.pixels) == (direct.sigmas, direct.pixels)
        torch.testing.assert_close(found.images, direct.images, rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(found.maps, direct.maps, rtol=1e-4, atol=1e-7)
        assert found.about["count"] == COUNT


@pytest.mark.parametrize("inference_mode", [False, True])
def test_the_field_of_a_network_is_not_cut_under_a_test_run(inference_mode):
    # D = x - sigma eps: were the gradient of the network lost, the probed pixel would still be sensitive to
    # itself, and to nothing else. So look beside it.
    tested = module()
    trainer(inference_mode=inference_mode).test(tested, data(), verbose=False)
    for p, (row, col) in enumerate(PIXELS):
        beside = tested.fields["network"].maps[:, p].clone()
        beside[:, row, col] = 0
        assert (beside.amax((1, 2)) > 1e-3).all()
        assert (beside > 0).float().mean() > 0.9  # the dense layer sees everything


class Keep(Callback):
    """Each process writes what it found (a module does not come back from a process), sharing either way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        by_pixels = module(share="pixels")
        by_pixels.trainer = trainer
        for step, batch in enumerate(trainer.test_dataloaders):
            by_pixels.test_step(batch, step)
        by_pixels.on_test_epoch_end()
        for share, found in (("images", pl_module), ("pixels", by_pixels)):
            for name, field in found.fields.items():
                field.save(self.folder / f"{share}-{name}-{trainer.global_rank}.safetensors")


def test_two_processes_find_the_fields_of_one_whichever_way_they_share(tmp_path):
    alone = module()
    trainer().test(alone, data(), verbose=False)
    trainer(devices=2, strategy="ddp_spawn", callbacks=[Keep(tmp_path)]).test(module(), data(), verbose=False)
    for name, expected in alone.fields.items():
        files = sorted(tmp_path.glob(f"*-{name}-*"))
        assert len(files) == 4  # two ways, two processes
        for file in files:
            found = SensitivityField.load(file)
            torch.testing.assert_close(found.images, expected.images, rtol=1e-4, atol=1e-7)
            torch.testing.assert_close(found.maps, expected.maps, rtol=1e-4, atol=1e-7)


def test_padding_and_images_beyond_the_count_are_left_out():
    tested = module()
    tested.trainer = SimpleNamespace(world_size=1, num_test_batches=[1])
    images = data().bank("test").images.double()
    index = torch.tensor([6, 1, 0, 1])
    tested.test_step(Batch(images[index], index, torch.tensor([1.0, 1, 1, 0])), 0)
    assert sorted(tested._tally("network").rows()[0].tolist()) == [0, 1, 2, 3, 4, 5]  # 2 images, 3 pixels


def maps(seed: int, count: int = 6) -> Tensor:
    shape = (count, len(SIGMAS), len(PIXELS), 6, 6)
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def overlap(f: Tensor, g: Tensor) -> FieldOverlap:
    metric = FieldOverlap(SIGMAS, PIXELS, (6, 6))
    metric.update(f, g, torch.arange(len(f)))
    return metric


def test_fields_alike_up_to_scale_overlap_fully_and_disjoint_ones_not_at_all():
    f = maps(0)
    same = overlap(f, 3 * f).compute()
    for part in (same.cosine, same.energy):
        torch.testing.assert_close(part, torch.ones_like(part))
    assert (same.inside >= 0.5).all()
    left, right = f.clone(), f.clone()
    left[..., 3:], right[..., :3] = 0, 0
    apart = overlap(left, right).compute()
    assert apart.cosine.abs().max() == 0 == apart.energy.abs().max()


def test_overlap_equals_a_plain_computation_of_the_mean_fields():
    f, g = maps(0), maps(1)
    found, away = overlap(f, g).compute(), np.empty((6, 6))
    for s in range(len(SIGMAS)):
        cosines, energies, insides = [], [], []
        for p, (row, col) in enumerate(PIXELS):
            a, b = f[:, s, p].mean(0).numpy(), g[:, s, p].mean(0).numpy()
            cosines.append((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
            energies.append(np.minimum(a**2 / (a**2).sum(), b**2 / (b**2).sum()).sum())
            for r, c in np.ndindex(6, 6):
                away[r, c] = np.hypot(r - row, c - col)
            radius = min(d for d in np.unique(away) if b[away <= d].sum() >= 0.5 * b.sum())
            insides.append(a[away <= radius].sum() / a.sum())
        for part, expected in zip(found, (cosines, energies, insides), strict=True):
            assert part[s].item() == pytest.approx(np.mean(expected), rel=1e-10)


def test_order_batches_repeats_and_padding_change_no_overlap():
    f, g = maps(0), maps(1)
    whole = overlap(f, g)
    pieces = FieldOverlap(SIGMAS, PIXELS, (6, 6))
    for rows, weight in (([4, 1], [1, 1]), ([0, 2, 3, 5], [1, 1, 1, 1]), ([1, 5], [1, 0])):
        index = torch.tensor(rows)
        pieces.update(f[index], g[index], index, torch.tensor(weight))
    for a, b in zip(whole.compute(), pieces.compute(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=0)
    for a, b in zip(whole.intervals(draws=50), pieces.intervals(draws=50), strict=True):
        torch.testing.assert_close(torch.stack(a), torch.stack(b), rtol=1e-12, atol=0)


def test_intervals_contain_the_overlap_and_vanish_where_images_agree():
    f, g = maps(0, 20), maps(1, 20)
    metric = overlap(f, g)
    for s, ends in enumerate(metric.intervals(draws=200)):
        low, high = ends.inside
        assert low <= metric.compute().inside[s] <= high
        assert low < high
    alike = overlap(f[:1].expand(20, -1, -1, -1, -1), g[:1].expand(20, -1, -1, -1, -1))
    for ends in alike.intervals(draws=50):
        for low, high in ends:
            assert low == pytest.approx(high.item(), abs=1e-12)


def bump(width: float) -> Tensor:  # [12, 12]
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    return torch.exp(-((rows - 5) ** 2 + (columns - 6) ** 2).double() / width)


def test_intervals_of_biased_cosines_contain_the_estimate_and_cover_the_truth():
    """Noise makes cosines of mean fields too low, and those of resamples lower still."""
    truth = torch.stack([bump(4), bump(6)])
    angle = cosine(*truth).item()
    generator, trials = torch.Generator().manual_seed(0), 60
    covered = percentile_covered = 0
    for _ in range(trials):
        noise = torch.empty(32, *truth.shape, dtype=torch.float64).exponential_(generator=generator) - 1
        heat = truth + 0.5 * truth.sqrt() * noise

        def alike(means: Tensor) -> Tensor:
            return cosine(means[..., 0, :, :], means[..., 1, :, :])

        low, high = field_interval(heat, alike, draws=200, bounds=(0.0, 1.0))
        assert 0 <= low <= alike(heat.mean(0)).item() <= high <= 1
        covered += low <= angle <= high
        low, high = field_interval(heat, alike, draws=200)
        percentile_covered += low <= angle <= high
    assert covered >= 0.9 * trials
    assert percentile_covered < 0.5 * trials, "or there is no bias to mend"


def test_overlaps_and_participation_have_intervals_that_contain_them():
    f, g = (torch.rand(6, 2, 3, 6, 6, generator=torch.Generator().manual_seed(k)) ** 8 for k in (0, 1))
    metric = overlap(f, g)
    for s, ends in enumerate(metric.intervals(draws=200)):
        for kind, (low, high) in zip(("cosine", "energy", "inside"), ends, strict=True):
            value = getattr(metric.compute(), kind)[s]
            assert 0 <= low <= value + 1e-6, kind
            assert value - 1e-6 <= high <= 1, kind
    field = SimpleNamespace(images=f, sigmas=SIGMAS, groups=None)
    one = series_of({"a": field}, participation, BOUNDS["participation"])["a"]
    for low, value, high in zip(one.low, one.mean, one.high, strict=True):
        assert 1 <= low <= value + 1e-6 <= high + 2e-6


def test_intervals_of_several_statistics_are_those_of_each_alone():
    pairs = torch.stack([maps(0, 12)[:, 0], maps(1, 12)[:, 0]], dim=1)

    def angle(means: Tensor) -> Tensor:
        return cosine(means[:, 0], means[:, 1]).mean(-1)

    def reach(means: Tensor) -> Tensor:
        return mass_radius(means[:, 0], PIXELS).mean(-1)

    both = field_intervals(pairs, lambda means: torch.stack([angle(means), reach(means)]), draws=100)
    for found, alone in zip(both, (angle, reach), strict=True):
        assert found.tolist() == pytest.approx(field_interval(pairs, alone, draws=100), rel=1e-12)
    for level, draws in ((1.0, 10), (0.95, 0)):
        with pytest.raises(ValueError, match="want 0 < level < 1 and at least one draw"):
            field_interval(pairs, angle, level, draws)
    assert field_intervals(pairs[:1], lambda means: angle(means)[None]).isnan().all(), (
        "one image says nothing about others"
    )


def test_crops_of_one_picture_are_drawn_together():
    """Copies of an image say no more than the image: their interval is that of the images alone."""
    pairs = torch.stack([maps(0, 12)[:, 0], maps(1, 12)[:, 0]], dim=1)

    def angle(means: Tensor) -> Tensor:
        return cosine(means[:, 0], means[:, 1]).mean(-1)

    copies, groups = pairs.repeat(5, 1, 1, 1, 1), torch.arange(12).repeat(5)
    alone = field_interval(pairs, angle)
    assert field_interval(copies, angle, groups=groups) == pytest.approx(alone, rel=1e-9)
    low, high = field_interval(copies, angle)
    assert high - low < 0.6 * (alone[1] - alone[0]), "as if they were images of their own"
    assert all(map(math.isnan, field_interval(pairs, angle, groups=torch.zeros(12))))
    f, g = maps(0, 12), maps(1, 12)
    metric, single = overlap(f.repeat(5, 1, 1, 1, 1), g.repeat(5, 1, 1, 1, 1)), overlap(f, g)
    for many, few in zip(metric.intervals(groups=groups), single.intervals(), strict=True):
        torch.testing.assert_close(torch.stack(many), torch.stack(few))


def test_fields_know_which_test_images_were_cut_from_one_picture():
    """Whoever measures them need not say so; all intervals over their images ask."""

    def cut(split: str, seed: int) -> Tensor:
        return gaussian(split, seed)

    def groups(split: str, seed: int) -> Tensor:
        return torch.arange(7) // 3

    vars(cut)["groups"] = groups
    known, tested = ImageDataModule(cut, eval_batch_size=4), module()
    trainer().test(tested, known, verbose=False)
    assert tested.fields["network"].groups.tolist() == (torch.arange(COUNT) // 3).tolist()
    assert tested.fields["network"].of_pixels(slice(1)).groups is tested.fields["network"].groups
    plain = module()
    trainer().test(plain, data(), verbose=False)
    assert plain.fields["network"].groups is None
    one, other = (series_of({"a": some.fields["network"]}, participation)["a"] for some in (tested, plain))
    assert one.mean == other.mean
    assert one.low != other.low
    one, other = (overlap_series(some.fields["network"], some.fields["other"]) for some in (tested, plain))
    assert one["energy"].mean == other["energy"].mean
    assert one["energy"].low != other["energy"].low
    mask = torch.zeros(6, 6, dtype=torch.bool)
    mask[::2, ::2] = True
    one, other = (contrast_of(some.fields["network"], mask, 0.5) for some in (tested, plain))
    assert torch.equal(one.mean, other.mean)
    assert not torch.equal(one.low, other.low)


def test_the_interval_of_the_mean_is_that_of_the_mean_map():
    heat = maps(2, 12)[:, 0]
    ends = field_interval(heat, lambda m: m[..., 0, 0, 0], draws=300)
    from locality.metrics import interval

    assert ends == pytest.approx(interval(heat[:, 0, 0, 0], draws=300), rel=1e-9)
    radius = field_interval(heat, lambda m: mass_radius(m, PIXELS)[..., 0], draws=50)
    assert radius[0] <= mass_radius(heat.mean(0), PIXELS)[0] <= radius[1]


def test_maps_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="maps: want"):
        ImageMaps((2, 3)).update(torch.zeros(4, 3, 2), torch.arange(4))
    with pytest.raises(ValueError, match="no image was given"):
        ImageMaps((2, 3)).maps()
    with pytest.raises(ValueError, match="share: want"):
        module(share="nothing")
