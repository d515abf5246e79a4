"""The metrics against scikit-learn, SciPy and plain NumPy, and their independence of ranks and batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine
from scipy.stats import pearsonr
from scipy.stats import t as student
from sklearn.metrics import r2_score
from torch import Tensor

from locality.metrics import (
    Curve,
    ImageCosine,
    ImageMSE,
    ImageR2,
    PearsonR,
    PerImage,
    interval,
    is_blank,
    mean_ratio,
    ratio_interval,
)

METRICS = [ImageR2, ImageMSE, PearsonR, ImageCosine]


def images(count: int = 13, seed: int = 0) -> tuple[Tensor, Tensor]:  # two of [count, 3, 4, 5]
    generator = torch.Generator().manual_seed(seed)
    target = torch.rand(count, 3, 4, 5, generator=generator) * 2 - 1
    return target + 0.3 * torch.randn(target.shape, generator=generator), target


def oracle(metric: type[PerImage], pred: Tensor, target: Tensor) -> float:
    """The score of one image [C, H, W], by other people's code."""
    x, y = pred.double().flatten().numpy(), target.double().flatten().numpy()
    if metric is ImageR2:
        return float(r2_score(y, x))
    if metric is ImageCosine:
        return 1 - float(cosine(x, y))
    return float(pearsonr(x, y).statistic) if metric is PearsonR else float(np.mean((x - y) ** 2))


@pytest.mark.parametrize("metric", METRICS)
def test_every_score_equals_the_independent_one(metric: type[PerImage]) -> None:
    preds, target = images()
    measured = metric()
    for rows in (slice(0, 5), slice(5, 6), slice(6, 13)):
        measured.update(preds[rows], target[rows])
    expected = [oracle(metric, p, t) for p, t in zip(preds, target, strict=True)]
    np.testing.assert_allclose(measured.values().numpy(), expected, rtol=1e-12)
    assert measured.compute().item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_a_perfect_prediction_has_r2_one_and_the_targets_own_mean_has_r2_zero() -> None:
    _, target = images()
    perfect, flat = ImageR2(), ImageR2()
    perfect.update(target, target)
    flat.update(target.double().mean((1, 2, 3), keepdim=True).expand(target.shape), target.double())
    assert perfect.compute().item() == 1.0
    assert flat.compute().item() == pytest.approx(0.0, abs=1e-12)


def test_unbiased_r2_uses_the_variance_with_n_minus_one() -> None:
    preds, target = images(count=1)
    metric = ImageR2(unbiased=True)
    metric.update(preds, target)
    x, y = preds.double().flatten().numpy(), target.double().flatten().numpy()
    assert metric.compute().item() == pytest.approx(1 - np.mean((x - y) ** 2) / np.var(y, ddof=1), rel=1e-12)


def test_r2_survives_a_bright_background_in_float32() -> None:
    """sum y^2 - n mean^2 in float32 has an error of some percent; centred squares in float64 have none."""
    preds, target = (2e-2 * x + 1 for x in images())
    metric = ImageR2()
    metric.update(preds, target)
    expected = np.mean([oracle(ImageR2, p, t) for p, t in zip(preds, target, strict=True)])
    assert metric.compute().item() == pytest.approx(expected, rel=1e-9)


def test_what_has_no_score_is_refused_in_one_line() -> None:
    preds, target = images(count=2)
    for value in (torch.nan, torch.inf):
        broken = preds.clone()
        broken[1, 0, 0, 0] = value
        with pytest.raises(ValueError, match=r"^preds: want finite numbers, got NaN or infinity in image 7$"):
            ImageR2().update(broken, target, torch.tensor([3, 7]))
        with pytest.raises(ValueError, match=r"^target: want finite .* in place 1 of the batch$"):
            ImageMSE().update(preds, broken)
    with pytest.raises(ValueError, match=r"equal shapes"):
        ImageMSE().update(preds, target[:, :1])
    with pytest.raises(ValueError, match=r"weight"):
        ImageMSE().update(preds, target, weight=torch.tensor([1.0, 0.5]))
    with pytest.raises(ValueError, match=r"no image was given"):
        ImageMSE().values()


def black(like: Tensor) -> Tensor:
    return torch.full_like(like, -1.0)


def almost_constant(like: Tensor) -> Tensor:
    """One grey level more at one pixel of 60."""
    image = black(like)
    image[0, 0, 0] += 2 / 255
    return image


def grey_with_float_noise(like: Tensor) -> Tensor:
    return 1e-3 * like


@pytest.mark.parametrize("blank", [black, almost_constant, grey_with_float_noise])
@pytest.mark.parametrize("make", [ImageR2, lambda: ImageR2(unbiased=True), PearsonR])
def test_a_blank_target_is_left_out_of_the_score_and_counted(make: object, blank: object) -> None:
    preds, target = images()
    others = torch.arange(13) != 4
    target[4] = blank(target[4])  # type: ignore[operator]
    mixed, plain = make(), make()  # type: ignore[operator]
    mixed.update(preds, target, torch.arange(13))
    plain.update(preds[others], target[others])
    assert mixed.values().isnan().tolist() == (~others).tolist()
    torch.testing.assert_close(mixed.values()[others], plain.values(), rtol=0, atol=0)
    assert mixed.compute().item() == pytest.approx(plain.compute().item(), rel=1e-12)
    assert (mixed.left_out(), plain.left_out()) == (1, 0)
    assert interval(mixed.values()) == interval(plain.values())


def test_two_neighbouring_grey_levels_are_no_image_and_three_are() -> None:
    """Two levels in equal parts have the greatest variance, step^2 / 4."""
    image = torch.zeros(1, 1, 4, 4)
    image[..., :2] = 2 / 255
    assert is_blank(image).all()
    assert not is_blank(image * 1.01).any()
    assert is_blank(image.expand(3, -1, -1, -1) * 0 + 1).all()


def test_a_constant_estimate_has_an_r2_and_no_correlation() -> None:
    preds, target = images(count=3)
    preds[1] = 0.5
    r2, pearson = ImageR2(), PearsonR()
    for metric in (r2, pearson):
        metric.update(preds, target)
    assert r2.left_out() == 0
    assert pearson.values().isnan().tolist() == [False, True, False]


def test_a_ratio_of_means_leaves_out_images_without_a_score_as_its_interval_does() -> None:
    assert mean_ratio([1.0, torch.nan, 2.0], [1.0, 1.0, 1.0]) == mean_ratio([1.0, 2.0], [1.0, 1.0])
    assert mean_ratio([1.0, 3.0], [torch.nan, 1.0]).mean == 3.0


def test_without_any_score_the_mean_is_nan_and_a_warning_says_so() -> None:
    preds, target = images(count=3)
    metric = ImageR2()
    metric.update(preds, black(target))
    with pytest.warns(UserWarning, match=r"ImageR2: none of 3 images has a score"):
        assert metric.compute().isnan()
    assert metric.left_out() == 3
    assert all(math.isnan(end) for end in interval(metric.values()))


def test_a_curve_leaves_blank_targets_out_level_by_level() -> None:
    preds, target = images(count=5)
    curve = Curve(ImageR2(), [2.0, 1.0])
    curve.update(0, preds, target, torch.arange(5))
    target[2] = black(target[2])
    curve.update(1, preds, target, torch.arange(5))
    assert curve.left_out() == [0, 1]
    assert curve.compute()[1].item() == pytest.approx(
        curve.values()[1][[0, 1, 3, 4]].mean().item(), rel=1e-12
    )


def test_intervals_leave_out_what_has_no_score_with_its_group_and_its_pair() -> None:
    values = torch.tensor([1.0, torch.nan, 3.0, 2.5, 4.0], dtype=torch.float64)
    base = torch.tensor([1.0, 2.0, 1.5, torch.nan, 2.0], dtype=torch.float64)
    kept, pairs = [0, 2, 3, 4], [0, 2, 4]
    assert interval(values) == interval(values[kept])
    groups = torch.tensor([0, 9, 1, 1, 0])
    assert interval(values, groups=groups) == interval(values[kept], groups=groups[kept])
    assert ratio_interval(values, base) == ratio_interval(values[pairs], base[pairs])
    ends = ratio_interval(values, base, groups=groups)
    assert ends == ratio_interval(values[pairs], base[pairs], groups=groups[pairs])
    with pytest.raises(ValueError, match=r"^groups: want one whole number for each of 5 images"):
        interval(values, groups=groups[kept])


@pytest.mark.parametrize("metric", METRICS)
def test_repeats_padding_and_order_change_nothing(metric: type[PerImage]) -> None:
    preds, target = images()
    plain, mixed = metric(), metric()
    plain.update(preds, target)
    order = torch.tensor([4, 12, 0, 0, 1, 3, 2, 11, 10, 5, 6, 7, 8, 9, 4])
    padding = torch.tensor([1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    wrong = preds[order].clone()
    wrong[2] = 9.0  # padding may hold anything
    mixed.update(wrong, target[order], order, padding)
    torch.testing.assert_close(mixed.values(), plain.values(), rtol=0, atol=0)


def test_one_index_for_two_images_is_an_error() -> None:
    preds, target = images(count=4)
    metric = ImageMSE()
    for rows in (slice(0, 2), slice(2, 4)):
        metric.update(preds[rows], target[rows], index=torch.arange(2))  # the place in the batch: a mistake
    with pytest.raises(ValueError, match=r"image 0 came twice with different scores"):
        metric.compute()


@pytest.mark.parametrize("count", [13, 3, 1])
@pytest.mark.parametrize("indexed", [True, False])
def test_two_ranks_agree_with_one(count: int, indexed: bool) -> None:
    """The gather of two ranks, simulated: rank 1 has padding where the images run out, or nothing at all."""
    preds, target = images(count)
    whole, ranks = ImageR2(), [ImageR2(), ImageR2()]
    whole.update(preds, target)
    for rank, metric in enumerate(ranks):
        mine = torch.arange(rank, count, 2)
        if len(mine):
            metric.update(preds[mine], target[mine], mine if indexed else None)
    gathered = [torch.cat(m.records) if m.records else torch.tensor([], dtype=m.dtype) for m in ranks]
    ranks[0].sync(dist_sync_fn=lambda *_, **__: gathered, distributed_available=lambda: True)
    torch.testing.assert_close(ranks[0].values().sort().values, whole.values().sort().values, rtol=0, atol=0)
    ranks[0].unsync()
    assert ranks[0].compute() == ranks[0].values().mean()  # its own images again


def test_a_curve_is_one_metric_per_noise_level() -> None:
    _, target = images()
    curve = Curve(ImageMSE(), [2.0, 1.0, 0.5])
    for step, sigma in enumerate(curve.sigmas):
        curve.update(step, target + sigma, target, torch.arange(13))
        curve.update(step, (target + sigma)[:2], target[:2], torch.arange(2))
    torch.testing.assert_close(curve.compute(), torch.tensor([4.0, 1.0, 0.25], dtype=torch.float64))
    assert [len(values) for values in curve.values()] == [13, 13, 13]
    curve.reset()
    with pytest.raises(ValueError, match=r"no image"):
        curve.values()


def test_the_interval_is_the_brute_force_bootstrap() -> None:
    values = torch.randn(40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    low, high = interval(values, draws=20_000)
    rng = np.random.default_rng(5)
    means = [rng.choice(values.numpy(), 40).mean() for _ in range(20_000)]
    # The 2.5 % point of 20,000 draws has a standard error of about 0.02 of the spread of the means.
    np.testing.assert_allclose([low, high], np.quantile(means, [0.025, 0.975]), atol=0.1 * np.std(means))
    assert interval(values, draws=20_000) == (low, high)  # the seed decides


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    samples = torch.randn(300, 50, generator=torch.Generator().manual_seed(2))
    covered = sum(low < 0 < high for low, high in (interval(s, level=0.9, draws=500) for s in samples))
    assert 0.82 < covered / 300 < 0.95  # 0.89 expected at N = 50; three standard errors are 0.055


def test_a_paired_ratio_is_tighter_than_its_parts_and_exact_for_proportional_errors() -> None:
    wiener = torch.rand(30, generator=torch.Generator().manual_seed(3), dtype=torch.float64) + 0.1
    assert ratio_interval(0.8 * wiener, wiener) == pytest.approx((0.8, 0.8), rel=1e-12)
    assert mean_ratio(0.8 * wiener, wiener) == pytest.approx((0.8, 0.8, 0.8), rel=1e-12)
    with pytest.raises(ValueError, match=r"same images"):
        ratio_interval(wiener, wiener[:-1])


def test_one_image_has_no_interval() -> None:
    assert all(np.isnan(end) for end in interval([0.3]))


def widened(ends: tuple[float, float], centre: float, groups: int) -> tuple[float, float]:
    """As for a mean of few normal numbers: Student's t, and the degree of freedom that the mean takes."""
    by = (groups / (groups - 1)) ** 0.5 * student.ppf(0.975, groups - 1) / 1.959964
    return centre + by * (ends[0] - centre), centre + by * (ends[1] - centre)


def test_images_of_one_picture_are_drawn_together() -> None:
    generator = torch.Generator().manual_seed(3)
    few = torch.randn(12, generator=generator, dtype=torch.float64)
    base = 2 + torch.randn(12, generator=generator, dtype=torch.float64)
    copies, groups = few.repeat_interleave(9), torch.arange(12).repeat_interleave(9)
    # Nine copies of each image say no more than one does.
    expected = widened(interval(few), few.mean().item(), 12)
    assert interval(copies, groups=groups) == pytest.approx(expected)
    assert interval(few, groups=range(12)) == pytest.approx(expected)
    ratio = ratio_interval(copies, base.repeat_interleave(9), groups=groups.tolist())
    assert ratio == pytest.approx(widened(ratio_interval(few, base), (few.mean() / base.mean()).item(), 12))


def test_errors_and_their_ratios_have_no_interval_below_zero() -> None:
    errors, floor = torch.tensor([0.01, 0.02, 9.0, 0.03]), torch.tensor([1.0, 2.0, 1.0, 2.0])
    groups = [0, 1, 2, 3]
    for (low, high), plain, centre in (
        (interval(errors, groups=groups), interval(errors), errors.mean().item()),
        (ratio_interval(errors, floor, groups=groups), ratio_interval(errors, floor), 9.06 / 6),
    ):
        logs = widened((math.log(plain[0]), math.log(plain[1])), math.log(centre), 4)
        assert (low, high) == pytest.approx((math.exp(logs[0]), math.exp(logs[1])))
        assert 0 < low < plain[0] < plain[1] < high


def test_nine_pictures_cover_the_truth_as_often_as_they_say() -> None:
    generator = torch.Generator().manual_seed(0)
    groups = torch.arange(9).repeat_interleave(5)
    hits = 0
    for trial in range(300):
        own = torch.randn(9, generator=generator, dtype=torch.float64)[groups]
        values = own + 0.5 * torch.randn(45, generator=generator, dtype=torch.float64)
        low, high = interval(values, draws=400, seed=trial, groups=groups)
        hits += low <= 0 <= high
    assert 0.92 <= hits / 300 <= 0.98


def test_pictures_of_unlike_numbers_of_images_weigh_as_many_as_they_have() -> None:
    values, groups = torch.tensor([1.0, 1.0, 1.0, 5.0, -2.0]), [7, 7, 7, 2, 0]
    draws = np.random.default_rng(0).integers(3, size=(20000, 3))
    sums, counts = np.array([3.0, 5.0, -2.0]), np.array([3.0, 1.0, 1.0])
    low, high = np.quantile(sums[draws].sum(1) / counts[draws].sum(1), [0.025, 0.975])
    expected = widened((float(low), float(high)), 1.2, 3)
    assert interval(values, groups=groups) == pytest.approx(expected, rel=0.05)
    assert all(np.isnan(interval(values, groups=[0] * 5)))


def test_groups_that_are_none_are_refused() -> None:
    values = torch.ones(3)
    for groups in ([1, 2], [0.5, 1.0, 2.0], [[1, 2, 3]], [True, False, True]):
        with pytest.raises(ValueError, match=r"^groups: want one whole number for each of 3 images"):
            interval(values, groups=groups)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^groups: want none with a statistic"):
        interval(values, groups=[0, 1, 2], statistic=lambda drawn: drawn.amax(-1))
