"""The local mixture: its posterior mean, its fit, and the denoiser that it becomes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from banks import digits, noisy, photographs, relative
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from locality import GaussianStats, ImageBank
from locality.bank import to_float
from locality.data import GaussianSource
from locality.denoisers import LocalMixture, Wiener
from locality.denoisers.mixture_settings import Settings
from locality.denoisers.windows import corners
from locality.mixture import Mixture, fit_mixture

pytestmark = pytest.mark.filterwarnings("ignore:.*covariance lacks rank.*")


def planted(count: int, d: int = 6) -> tuple[Tensor, MixtureSameFamily]:
    """Vectors of three Gaussians, far enough apart that each vector tells where it is from."""
    generator = torch.Generator().manual_seed(0)
    means = 3 * torch.randn(3, d, generator=generator, dtype=torch.float64)
    factors = torch.randn(3, d, d, generator=generator, dtype=torch.float64) * 0.4
    covariances = factors @ factors.mT + 0.05 * torch.eye(d, dtype=torch.float64)
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    chosen = torch.multinomial(weights, count, replacement=True, generator=generator)
    noise = torch.randn(count, d, generator=generator, dtype=torch.float64)
    vectors = means[chosen] + (torch.linalg.cholesky(covariances)[chosen] @ noise[..., None])[..., 0]
    return vectors, MixtureSameFamily(Categorical(weights), MultivariateNormal(means, covariances))


def density(mixture: Mixture, noise: float) -> MixtureSameFamily:
    """The density of the noisy vectors that a fitted mixture says, written with torch.distributions."""
    mean, basis, common, weights, means, lam, parts = (one[0].double() for one in mixture)
    m, d = means.shape[1], len(mean)
    lead = parts @ torch.diag_embed(lam) @ parts.mT
    covariances = torch.diag(common).repeat(len(weights), 1, 1)
    covariances[:, :m, :m] = lead
    centres = torch.zeros(len(weights), d, dtype=torch.float64)
    centres[:, :m] = means
    covariances = basis @ covariances @ basis.T + noise**2 * torch.eye(d, dtype=torch.float64)
    return MixtureSameFamily(Categorical(weights), MultivariateNormal(mean + centres @ basis.T, covariances))


@pytest.mark.parametrize("rank", [3, 6])
@pytest.mark.parametrize("sigma", [0.1, 1.0, 5.0])
def test_the_posterior_mean_is_that_of_tweedies_formula(sigma, rank):
    """`E[w | y] = y + sigma^2 grad log p_sigma(y)`, with a density that another library differentiates."""
    vectors, _ = planted(2000)
    mixture = fit_mixture(vectors.float(), 3, rank, 1.0, torch.Generator().manual_seed(0))
    y = (vectors[:20] + sigma * torch.randn(20, 6, dtype=torch.float64)).requires_grad_()
    (score,) = torch.autograd.grad(density(mixture, sigma).log_prob(y).sum(), y)
    found = mixture.posterior_mean(y.detach(), torch.full((20,), sigma, dtype=torch.float64))
    assert relative(found, y.detach() + sigma**2 * score) < 1e-5


def test_the_fit_finds_a_planted_mixture_as_scikit_learn_does():
    vectors, truth = planted(6000)
    mixture = fit_mixture(vectors.float(), 3, 6, 0.0, torch.Generator().manual_seed(0))
    assert torch.allclose(mixture.weights[0].sort().values, torch.tensor([0.2, 0.3, 0.5]), atol=0.02)
    fresh, _ = planted(9000)
    fresh = fresh[6000:]
    theirs = GaussianMixture(3, random_state=0).fit(vectors.numpy()).score(fresh.numpy())
    ours = density(mixture, 1e-3).log_prob(fresh).mean().item()
    assert abs(ours - theirs) < 0.02
    assert abs(ours - truth.log_prob(fresh).mean().item()) < 0.05


def test_with_one_part_and_the_whole_image_it_is_wiener():
    bank = ImageBank(photographs(8))
    stats = GaussianStats.from_bank(bank)
    shrunk = GaussianStats(stats.mean, stats.covariance * (len(bank) - 1) / len(bank), bank.image_shape)
    for t in (100, 500, 900):
        x, sigma = (one.double() for one in noisy(bank.images, t))
        for rank in (10, 500):  # with one part, the leading coordinates are as the others
            one = LocalMixture.fit(bank, window=99, components=1, rank=rank)
            assert relative(one(x, sigma), Wiener(shrunk)(x, sigma)) < 1e-5


@pytest.mark.parametrize("t", [20, 200, 800])
@pytest.mark.parametrize("places", [1, 2, 9])
def test_a_pixel_is_the_mean_over_windows_weighed_by_their_expected_error(places, t):
    images = photographs(8)
    bank = ImageBank(images)
    x, sigma = (one.double() for one in noisy(images, t))
    denoiser = LocalMixture.fit(bank, window=5, components=4, places=places)
    size, windows, mixtures = denoiser.parts(sigma[0].item())
    assert size == (5, 5)
    assert len(mixtures.weights) == min(places, 4) ** 2
    assert {place for place, _ in windows} == set(range(len(mixtures.weights)))
    channels, height, width = bank.image_shape
    estimates = torch.zeros((len(windows), len(x), channels, height, width), dtype=torch.float64)
    weights = torch.zeros((len(windows), channels, height, width), dtype=torch.float64)
    for k, (place, (top, left)) in enumerate(windows):
        mixture = density(Mixture(*(v[place][None] for v in mixtures)), sigma[0].item())
        y = x[:, :, top : top + 5, left : left + 5].reshape(len(x), -1).requires_grad_()
        (score,) = torch.autograd.grad(mixture.log_prob(y).sum(), y)
        mean = y.detach() + sigma[0] ** 2 * score
        region = (k, ..., slice(top, top + 5), slice(left, left + 5))
        estimates[region] = mean.reshape(len(x), channels, 5, 5)
        weights[region] = expected_error(mixtures, place, sigma[0].item()).reshape(channels, 5, 5) ** -16
    weights = weights / weights.sum(0)
    assert relative(denoiser(x, sigma), (weights[:, None] * estimates).sum(0)) < 1e-5


def expected_error(mixtures: Mixture, place: int, sigma: float) -> Tensor:
    """Of the Wiener filter of all vectors, [d], from the inverse of the noisy covariance."""
    basis, common = mixtures.basis[place].double(), mixtures.common[place].double()
    covariance = basis @ common.diag() @ basis.T
    noise = sigma**2 * torch.eye(len(common), dtype=torch.float64)
    return (covariance - covariance @ torch.linalg.inv(covariance + noise) @ covariance).diag()


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0])
def test_of_gaussian_images_windows_seen_from_their_middle_err_less_than_their_mean(sigma):
    """The errors are known: both estimates are linear, and the covariance is that of the data."""
    source = GaussianSource(channels=1, mean_level=0.0)
    bank = ImageBank(source("train", 0), bound=source.bound)
    denoiser = LocalMixture.fit(bank, window=6, components=1, places=1)
    _, windows, mixture = denoiser.parts(sigma)
    zero = torch.zeros(1, *bank.image_shape)
    jacobian = torch.func.jacrev(lambda x: denoiser(x, sigma)[0].flatten())(zero).reshape(256, 256).double()
    plain = torch.zeros(256, 256, dtype=torch.float64)
    held = torch.zeros(256, dtype=torch.float64)
    covariance = mixture.basis[0].double() * mixture.common[0].double() @ mixture.basis[0].double().T
    filt = covariance @ torch.linalg.inv(covariance + sigma**2 * torch.eye(36, dtype=torch.float64))
    grid = torch.arange(256).reshape(16, 16)
    for _, (top, left) in windows:
        where = grid[top : top + 6, left : left + 6].flatten()
        plain[where[:, None], where] += filt
        held[where] += 1
    plain = plain / held[:, None]

    def error(estimate: Tensor) -> float:
        rest = torch.eye(256, dtype=torch.float64) - estimate
        return (rest @ source.covariance @ rest.T + sigma**2 * estimate @ estimate.T).trace().item()

    wiener = source.covariance @ torch.linalg.inv(
        source.covariance + sigma**2 * torch.eye(256, dtype=torch.float64)
    )
    assert error(wiener) < error(jacobian) < error(plain)
    assert error(jacobian) - error(wiener) < 0.7 * (error(plain) - error(wiener))


def test_images_with_a_layout_have_a_mixture_for_each_place_and_crops_one_for_all():
    for images, places in ((photographs(8, 400), 1), (digits(), 8)):
        bank = ImageBank(images)
        usual = LocalMixture.fit(bank, window=4, components=2)
        given = LocalMixture.fit(bank, window=4, components=2, places=places)
        assert usual.places == places
        x, sigma = noisy(images, 200)
        assert torch.equal(usual(x, sigma), given(x, sigma))


def test_images_of_a_few_kinds_are_denoised_better_than_by_one_gaussian():
    """What it is for: kinds of images with unlike means and covariances; Bayes' error is known."""
    vectors, truth = planted(4200, d=16)
    images, test = vectors[:4000].reshape(-1, 1, 4, 4) / 8, vectors[4000:].reshape(-1, 1, 4, 4) / 8
    bank = ImageBank(images.float())
    sigma = 0.15
    generator = torch.Generator().manual_seed(1)
    x = test + sigma * torch.randn(test.shape, generator=generator, dtype=torch.float64)
    y = (x.flatten(1) * 8).requires_grad_()
    base = truth.component_distribution
    noisy_truth = MixtureSameFamily(
        truth.mixture_distribution,
        MultivariateNormal(
            base.mean, base.covariance_matrix + (8 * sigma) ** 2 * torch.eye(16, dtype=torch.float64)
        ),
    )
    (score,) = torch.autograd.grad(noisy_truth.log_prob(y).sum(), y)
    bayes = ((y.detach() + (8 * sigma) ** 2 * score) / 8).reshape(x.shape)
    found = LocalMixture.fit(bank, window=4, components=3)(x, sigma)
    errors = [(one - test).square().mean().item() for one in (bayes, found, Wiener.fit(bank)(x, sigma))]
    assert errors[1] < 1.03 * errors[0]
    assert errors[1] < 0.9 * errors[2]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_mixture_and_a_cache_changes_nothing(tmp_path):
    bank = ImageBank(digits())
    x, sigma = noisy(bank.images, 200)
    first = LocalMixture.fit(bank, window=4, cache=tmp_path)(x, sigma)
    assert len(list(tmp_path.glob("mixture-*.safetensors"))) == 1
    assert torch.equal(LocalMixture.fit(bank, window=4, cache=tmp_path)(x, sigma), first)
    assert torch.equal(LocalMixture.fit(bank, window=4)(x, sigma), first)
    other = LocalMixture.fit(bank, window=4, components=3, cache=tmp_path)(x, sigma)
    assert not torch.equal(other, first)
    assert len(list(tmp_path.glob("mixture-*.safetensors"))) == 2


@pytest.mark.parametrize("t", [20, 100, 300, 500, 700, 900, 999])
def test_single_precision_costs_a_hundred_thousandth(t):
    bank = ImageBank(photographs(8))
    denoiser = LocalMixture.fit(bank, window=64, components=8)
    x, sigma = noisy(bank.images, t)
    whole = copy.deepcopy(denoiser).double()
    assert relative(denoiser(x, sigma), whole(x.double(), sigma.double())) < 1e-5


def test_sixteen_bits_hold_where_there_is_much_noise():
    bank = ImageBank(photographs(8))
    x, _ = noisy(bank.images, 900)
    for window in (64, 4):
        denoiser = LocalMixture.fit(bank, window=window, components=8)
        for sigma in (60.0, 150.0):
            assert relative(denoiser(x.half(), sigma).double(), denoiser(x.double(), sigma)) < 5e-3


def test_the_derivative_in_sigma_is_that_of_finite_differences():
    """Through the weights of windows, too."""
    bank = ImageBank(photographs(8))
    denoiser = LocalMixture.fit(bank, window={0.5: 3, 2.0: 4}, components=4)
    x, _ = noisy(bank.images, 200)
    x, sigma = x.double(), torch.tensor([0.3, 0.4, 1.5, 3.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda s: denoiser(x, s), sigma.requires_grad_(), fast_mode=True)


def test_more_parts_than_vectors_can_tell_apart_are_fitted_all_the_same():
    generator = torch.Generator().manual_seed(0)
    vectors = 0.02 * (2 * torch.rand(6000, 12, generator=generator) - 1)
    mixture = fit_mixture(vectors, 200, 192, 30.0, generator)
    assert all(part.isfinite().all() for part in mixture)


def test_windows_larger_than_the_image_share_a_mixture(tmp_path):
    bank = ImageBank(digits())
    LocalMixture.fit(bank, window={0.3: 4, 1.0: 8, 3.0: 64}, components=3, cache=tmp_path)
    assert len(list(tmp_path.glob("mixture-*.safetensors"))) == 2
    with pytest.raises(ValueError, match=r"^mixtures: want some for windows of \[4\] pixels, got \[\]"):
        LocalMixture({}, bank.image_shape, 8, 4)


def test_numbers_of_numpy_are_numbers_and_find_the_same_cache(tmp_path):
    bank = ImageBank(digits())
    for count, pseudo in ((3, 30), (np.int64(3), np.float32(30.0))):
        LocalMixture.fit(bank, window=8, components=count, pseudo_count=pseudo, cache=tmp_path)
    assert len(list(tmp_path.glob("mixture-*.safetensors"))) == 1


def test_a_small_budget_changes_nothing():
    bank = ImageBank(digits())
    x, sigma = noisy(bank.images, 200)
    whole, small = (LocalMixture.fit(bank, window=4, memory_budget=b)(x, sigma) for b in (2**30, 10_000))
    assert relative(small, whole) < 1e-6


def test_levels_choose_windows_image_by_image():
    bank = ImageBank(digits())
    x, _ = noisy(bank.images, 200)
    both = LocalMixture.fit(bank, window={0.3: 3, 3.0: 8})
    sigma = torch.where(torch.arange(len(x)) % 2 == 0, 0.3, 3.0)
    found = both(x, sigma)
    for level, side in ((0.3, 3), (3.0, 8)):
        alone = LocalMixture.fit(bank, window=side)(x[sigma == level], level)
        assert relative(found[sigma == level], alone) < 1e-6


def test_windows_cover_images_that_are_not_square():
    images = to_float(photographs(8))[:, :, :, :5]
    bank = ImageBank(images)
    x = images[:3] + 0.3
    assert LocalMixture.fit(bank, window=6)(x, 0.3).shape == x.shape
    assert corners((6, 5), bank.image_shape, 9) == [(0, (0, 0)), (1, (2, 0))]
    assert corners((6, 5), bank.image_shape, 1) == [(0, (0, 0)), (0, (2, 0))]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("window", 0), ("window", 2.5), ("window", {}), ("components", 0),
        ("components", True), ("rank", 1.5), ("pseudo_count", -1), ("most", 0), ("places", 0),
        ("seed", "x"), ("seed", 2**70),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=f"^{setting}: want"):
        LocalMixture.fit(ImageBank(digits()), **{setting: value})


def test_without_images_it_is_refused():
    with pytest.raises(ValueError, match=r"^bank: want an ImageBank"):
        LocalMixture.fit(torch.zeros(3, 1, 4, 4))


def test_many_windows_of_one_mixture_have_more_parts_and_numbers_that_are_given_hold(monkeypatch):
    bank = ImageBank(digits())
    for many, places, expected, most in ((10**6, 1, 64, 60_000), (1, 1, 128, 200_000), (1, 2, 64, 60_000)):
        monkeypatch.setattr("locality.denoisers.mixture_settings.MANY", many)
        denoiser = LocalMixture.fit(bank, window=4, places=places)
        assert denoiser.parts(1.0)[2].weights.shape[1] == expected
        assert Settings(None, places, 192, 30.0, None, 0).usual(bank, 4).most == most
        assert LocalMixture.fit(bank, window=4, components=3, places=places).parts(1.0)[2].means.shape[1] == 3
