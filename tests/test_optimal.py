"""The optimal and the nearest denoiser, against float64 brute force."""

from __future__ import annotations

import pytest
import torch
from banks import BANKS, TIMESTEPS, crowded, digits, noisy, photographs, relative
from hypothesis import given, settings
from hypothesis import strategies as st

from locality import ImageBank
from locality.bank import to_float
from locality.denoisers import Nearest, Optimal
from locality.denoisers.base import vjp_jacobian
from locality.posterior import blocks, reference


@pytest.mark.parametrize("t", TIMESTEPS)
@pytest.mark.parametrize("name", BANKS)
def test_optimal_equals_brute_force(name, t):
    images = BANKS[name]()
    x, sigma = noisy(images, t)
    expected = reference.posterior_mean(x, sigma, to_float(images, torch.float64))
    assert relative(Optimal.fit(ImageBank(images))(x, sigma), expected) < 1e-5


@pytest.mark.parametrize("t", TIMESTEPS)
def test_optimal_equals_brute_force_away_from_the_bank(t):
    images = photographs()
    x, sigma = noisy(images[150:], t)
    x[0] = torch.randn_like(x[0])
    expected = reference.posterior_mean(x, sigma, to_float(images[:100], torch.float64))
    assert relative(Optimal.fit(ImageBank(images[:100]))(x, sigma), expected) < 1e-5


def lookalikes() -> torch.Tensor:
    """Images that differ in a grey level of one input, two of each: float32 cannot tell them apart."""
    images = photographs(16, 40)[:1].repeat(120, 1, 1, 1)
    images.flatten(1)[range(60), range(0, 600, 10)] ^= 1
    images[60:] = images[:60]
    return torch.cat([images, photographs()])


@pytest.mark.parametrize("t", TIMESTEPS)
@pytest.mark.parametrize("bank", [*BANKS.values(), lookalikes], ids=[*BANKS, "lookalikes"])
def test_optimal_is_exact_to_float32_at_every_step(bank, t):
    images = bank()
    x, sigma = noisy(images, t)
    x = torch.cat([x, x.flip(3), 5 * x])
    sigma = sigma.repeat(3)
    expected = reference.posterior_mean(x, sigma, to_float(images, torch.float64))
    out = Optimal.fit(ImageBank(images))(x, sigma)
    assert max(relative(a, b) for a, b in zip(out, expected, strict=True)) < 1e-6


@pytest.mark.parametrize("size", [1e3, 1e9, 1e17, 1e37])
def test_images_far_from_any_have_the_estimate_of_float64(size):
    images = photographs()
    x = torch.full((2, 3, 16, 16), size)
    x[1, :, 3] *= -1
    denoiser = Optimal.fit(ImageBank(images))
    assert relative(denoiser(x, 0.5), denoiser(x.double(), 0.5)) < 1e-6
    assert relative(Nearest.fit(ImageBank(images))(x, 0.5), denoiser(x, 1e-3)) < 1e-6


def test_products_of_16_bits_are_not_trusted():
    images = photographs()
    x, sigma = noisy(images, 100)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        out, nearest = Optimal.fit(ImageBank(images))(x, sigma), Nearest.fit(ImageBank(images))(x, sigma)
    finally:
        torch.set_float32_matmul_precision(before)
    assert relative(out, reference.posterior_mean(x, sigma, to_float(images, torch.float64))) < 1e-6
    assert torch.equal(nearest, Nearest.fit(ImageBank(images))(x, sigma))


@pytest.mark.parametrize("t", TIMESTEPS)
def test_processors_without_products_of_8_bits_give_the_same(t, monkeypatch):
    images = lookalikes()
    x, sigma = noisy(images, t)
    x, sigma = torch.cat([x, 5 * x]), sigma.repeat(2)
    optimal, nearest = Optimal.fit(ImageBank(images))(x, sigma), Nearest.fit(ImageBank(images))(x, sigma)
    monkeypatch.setattr(blocks, "quick", lambda device: False)
    assert relative(Optimal.fit(ImageBank(images))(x, sigma), optimal) < 1e-6
    assert torch.equal(Nearest.fit(ImageBank(images))(x, sigma), nearest)


@pytest.mark.parametrize("denoiser", [Optimal, Nearest])
def test_other_images_are_measured_anew(denoiser):
    x, sigma = noisy(photographs(), 300)
    one, other = denoiser.fit(ImageBank(photographs()[:100])), denoiser.fit(ImageBank(photographs()[100:200]))
    one(x, sigma)
    one.load_state_dict(other.state_dict())
    assert torch.equal(one(x, sigma), other(x, sigma))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("chunk_size", [None, 7, 64])
def test_of_equal_images_the_first_is_nearest_and_lookalikes_are_told_apart(dtype, chunk_size):
    images = lookalikes()
    x = to_float(images[[3, 59, 63, 125]], dtype) + 1e-5
    found = Nearest.fit(ImageBank(images), chunk_size=chunk_size).engine(1.0).indices(x.flatten(1))
    assert found.tolist() == [3, 59, 3, 125]


def test_float64_in_gives_float64_accuracy():
    x, sigma = noisy(photographs().double() / 127.5 - 1, 20)
    expected = reference.posterior_mean(x.double(), sigma, to_float(photographs(), torch.float64))
    out = Optimal.fit(ImageBank(photographs()))(x.double(), sigma)
    assert out.dtype == torch.float64
    assert relative(out, expected) < 1e-9


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    count=st.integers(1, 40),
    batch=st.integers(1, 5),
    chunk_size=st.integers(1, 50),
    log_sigma=st.floats(-4, 6),
    seed=st.integers(0, 99),
)
def test_no_chunk_order_or_company_changes_the_answer(shape, count, batch, chunk_size, log_sigma, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, *shape, generator=generator, dtype=torch.float64) * 2 - 1
    sigma = torch.exp(log_sigma + torch.rand(batch, generator=generator, dtype=torch.float64))
    x = images[torch.randint(count, (batch,), generator=generator)]
    x = x + sigma[:, None, None, None] * torch.randn(x.shape, generator=generator, dtype=torch.float64)
    shuffled = images[torch.randperm(count, generator=generator)]
    whole = Optimal.fit(ImageBank(images))(x, sigma)
    parts = Optimal.fit(ImageBank(shuffled), chunk_size=chunk_size)(x, sigma)
    alone = torch.cat([Optimal.fit(ImageBank(images))(x[b : b + 1], sigma[b]) for b in range(batch)])
    assert torch.allclose(whole, reference.posterior_mean(x, sigma, images), rtol=1e-9, atol=1e-9)
    assert torch.allclose(parts, whole, rtol=1e-9, atol=1e-9)
    assert torch.allclose(alone, whole, rtol=1e-9, atol=1e-9)


def test_statistics_are_those_of_the_weights():
    images = to_float(photographs(8), torch.float64)
    x, sigma = noisy(images, 300)
    result = Optimal.fit(ImageBank(images), chunk_size=17).posterior(x.double(), sigma)
    logits = reference.masked_logits(x, sigma, images)
    weights = logits.softmax(1)
    assert torch.allclose(result.log_partition.flatten(1), logits.logsumexp(1), rtol=1e-10)
    assert torch.allclose(result.effective_size.flatten(1), 1 / weights.square().sum(1), rtol=1e-9)
    assert torch.allclose(result.entropy.flatten(1), -torch.xlogy(weights, weights).sum(1), atol=1e-9)


@pytest.mark.parametrize("t", [20, 300, 700])
def test_the_jacobian_is_that_of_finite_differences_symmetric_and_positive(t):
    images = crowded(4)
    x, sigma = noisy(images, t, count=2)
    x, sigma = x.double(), sigma.double()
    denoiser = Optimal.fit(ImageBank(images), chunk_size=13)
    pixels = [(r, c) for r in range(4) for c in range(4)]
    closed = denoiser.jacobian(x, sigma, pixels)
    assert relative(vjp_jacobian(denoiser, x, sigma, pixels), closed) < 1e-10
    step = 1e-5 * sigma[0]
    for p in (0, 17, 47):
        nudge = torch.zeros_like(x[0]).flatten()
        nudge[p] = step
        nudge = nudge.reshape(x[0].shape)
        slope = (denoiser(x + nudge, sigma) - denoiser(x - nudge, sigma)) / (2 * step)
        assert (slope.sum(1).flatten(1) - closed.flatten(2)[:, :, p]).abs().max() < 1e-6 * closed.abs().max()
    grey = Optimal.fit(ImageBank(images.mean(1, keepdim=True)))
    square = grey.jacobian(x.mean(1, keepdim=True), sigma, pixels).flatten(2)
    assert relative(square, square.mT) < 1e-12
    assert torch.linalg.eigvalsh(square).min() > -1e-12


def test_gradients_flow_after_a_first_call_in_inference_mode():
    denoiser = Optimal.fit(ImageBank(digits()))
    x, sigma = noisy(digits(), 500)
    with torch.inference_mode():
        denoiser(x, sigma)
        assert denoiser.jacobian(x, sigma, [(3, 3)]).abs().max() > 0
    x.requires_grad_()
    denoiser(x, sigma).square().sum().backward()
    assert x.grad.abs().max() > 0


def test_the_limits_are_the_bank_mean_and_the_training_image():
    images = to_float(photographs())
    denoiser = Optimal.fit(ImageBank(images))
    assert torch.allclose(denoiser(images[:2], 1e5), images.mean(0).expand(2, -1, -1, -1), atol=1e-5)
    assert torch.allclose(denoiser(images[5:7] + 1e-3, 1e-3), images[5:7], atol=1e-6)


def test_nearest_is_the_limit_of_optimal_and_has_a_zero_gradient():
    images = photographs()
    x, sigma = noisy(images, 300)
    denoiser = Nearest.fit(ImageBank(images), chunk_size=33)
    assert relative(denoiser(x, sigma), Optimal.fit(ImageBank(images))(x, 1e-4)) < 1e-6
    brute = (x.double()[:, None] - to_float(images, torch.float64)).flatten(2).norm(dim=2).argmin(1)
    assert torch.equal(denoiser(x, sigma), to_float(images)[brute])
    assert denoiser.posterior(x, sigma).effective_size.max() == 1
    assert vjp_jacobian(denoiser, x, sigma, [(1, 1)]).abs().max() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunk_size": 0}, "chunk_size: .* got 0"),
        ({"chunk_size": 2.5}, "chunk_size: .* got 2.5"),
        ({"memory_budget": -1}, "memory_budget: .* got -1"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Optimal.fit(ImageBank(digits()), **options)
    with pytest.raises(ValueError, match="bank: want an ImageBank, got Tensor"):
        Optimal.fit(digits())
