"""Masked softmaxes: denoisers against float64 brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from banks import BANKS, TIMESTEPS, crowded, noisy, photographs, relative
from hypothesis import given, settings
from hypothesis import strategies as st

from locality import ImageBank
from locality.bank import to_float
from locality.denoisers import Optimal, PrecisionDenoiser
from locality.denoisers.base import vjp_jacobian
from locality.posterior import reference
from locality.posterior.masked.code import encode, lookups
from locality.posterior.masked.compiled import Compiled
from locality.posterior.masked.rows import Rows
from locality.posterior.masked.table import BASES, cumulate
from locality.posterior.rounding import PixelMoments, query
from locality.posterior.softmax import Weighed
from locality.posterior.view import MemoryBudget, View


def precision(n: int, kind: str, seed: int = 0) -> torch.Tensor:
    """[n, n]: random runs, as bits or with weights, or all ones."""
    generator = torch.Generator().manual_seed(seed)
    if kind == "ones":
        return torch.ones(n, n)
    walk = torch.randn(n, n, generator=generator).cumsum(1)
    bits = walk > walk.median(1, keepdim=True).values
    bits[n // 2] = bits[0]
    bits |= torch.eye(n, dtype=torch.bool)
    return bits if kind == "mask" else bits * torch.rand(n, n, generator=generator)


@pytest.mark.parametrize("t", TIMESTEPS)
@pytest.mark.parametrize("kind", ["mask", "real", "ones"])
@pytest.mark.parametrize("name", BANKS)
def test_any_precision_equals_brute_force(name, kind, t):
    images = BANKS[name]()[-120:]
    images = images[..., :8, :8]
    a = precision(images[0].numel(), kind)
    x, sigma = noisy(images, t)
    denoiser = PrecisionDenoiser(ImageBank(images), lambda sigma: a)
    exact = to_float(images, torch.float64)
    assert relative(denoiser(x, sigma), reference.posterior_mean(x, sigma, exact, a)) < 1e-5
    out = denoiser(x.double(), sigma.double())
    assert relative(out, reference.posterior_mean(x, sigma.double(), exact, a)) < 1e-9


@pytest.mark.parametrize("t", TIMESTEPS)
def test_images_that_nothing_in_the_bank_resembles_are_no_less_exact(t):
    images = photographs(8, 150)
    a = precision(192, "mask")
    x, sigma = noisy(images, t)
    x[0] = 3 * torch.randn_like(x[0])
    x[1] = -x[1]
    out = PrecisionDenoiser(ImageBank(images[20:]), lambda sigma: a)(x, sigma)
    assert relative(out, reference.posterior_mean(x, sigma, to_float(images[20:], torch.float64), a)) < 1e-5


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("t", [0, 900])
def test_logits_beyond_their_bound_are_those_of_float64(basis, t):
    images = photographs(8, 300)
    bank = images[20:].flatten(1)
    rows = Rows.of_precision(precision(192, "mask"), images.shape[1:])
    x, sigma = noisy(images[1:], t)  # the first is so flat that many resemble it
    asked = query(x.flatten(1), sigma[0].item(), PixelMoments.of(bank), 192)

    def weigh(dtype: torch.dtype, bound: float) -> Weighed:
        view, bounds = View(bank, MemoryBudget(None, 2**30)), torch.full((len(x),), bound)
        return Compiled(rows, basis).weigh(view, asked.to(dtype), bounds=bounds)

    exact, again = weigh(torch.float64, torch.inf), weigh(torch.float32, 0.0)
    # Without noise few images compete; with much, float64 from the start is cheaper, and the scan gives up.
    assert bool(again.sure.all()) == (t == 0)
    if t == 0:
        assert relative(again.log_partition, exact.log_partition) < 1e-12
        assert relative(again.mean, exact.mean) < 1e-6
        assert relative(weigh(torch.float32, torch.inf).log_partition, exact.log_partition) > 1e-10


@pytest.mark.parametrize("images", [photographs(8, 300), torch.tensor([[[[0, 9]]], [[[255, 9]]]]).byte()])
def test_the_moments_of_bytes_are_those_of_the_same_floats(images):
    moments = PixelMoments.of(images.flatten(1)), PixelMoments.of(to_float(images, torch.float64).flatten(1))
    for of_bytes, of_floats in zip(*moments, strict=True):
        assert torch.allclose(of_bytes, of_floats, rtol=0, atol=1e-13)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("density", [0.4, 0.9])
def test_a_code_says_how_often_each_row_of_a_cumulated_table_counts(basis, density):
    mask = torch.rand(9, 2 * 10 * 7, generator=torch.Generator().manual_seed(0)) < density
    tile, plus, plus_starts, minus, minus_starts, inverted = encode(mask.numpy().view(np.uint8), basis, 7, 70)
    table = np.concatenate([np.eye(140), np.zeros((1, 140))])
    cumulate(table, basis, 7, 70, np.empty(140))
    sums = np.zeros((9, 140))
    for at in range(len(plus_starts) - 1):
        t, u = divmod(at, 9)
        for indices, starts, sign in ((plus, plus_starts, 1), (minus, minus_starts, -1)):
            for k in indices[starts[at] : starts[at + 1]]:
                sums[u] += sign * table[t * tile + k]
    sums[inverted] = table[140] - sums[inverted]
    assert np.array_equal(sums, mask.numpy())


def test_the_code_of_a_dense_mask_reads_its_complement():
    mask = torch.ones(5, 192, dtype=torch.bool)
    mask[:, ::48] = False  # four places, and the total
    assert lookups(mask.numpy(), 0, 8, 64) == 5 * 5


def test_the_code_of_a_square_window_does_not_grow_with_it():
    reads = [lookups(Rows.of_windows(k, torch.Size((3, 32, 32))).mask.numpy(), 3, 32, 1024) for k in (3, 31)]
    assert reads[1] <= 4 * 1024
    assert reads[0] <= 4 * 1024


@settings(max_examples=20, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5)),
    count=st.integers(1, 150),
    batch=st.integers(1, 4),
    chunk_size=st.integers(1, 60),
    log_sigma=st.floats(-4, 6),
    kind=st.sampled_from(["mask", "real", "ones"]),
    seed=st.integers(0, 99),
)
def test_no_chunk_order_or_company_changes_the_answer(shape, count, batch, chunk_size, log_sigma, kind, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, *shape, generator=generator) * 2 - 1
    sigma = torch.exp(log_sigma + torch.rand(batch, generator=generator))
    x = images[torch.randint(count, (batch,), generator=generator)]
    x = x + sigma[:, None, None, None] * torch.randn(x.shape, generator=generator)
    a = precision(images[0].numel(), kind, seed)
    shuffled = ImageBank(images[torch.randperm(count, generator=generator)])
    denoiser = PrecisionDenoiser(ImageBank(images), lambda sigma: a)
    whole = denoiser(x, sigma)
    expected = reference.posterior_mean(x, sigma, images, a)
    assert relative(whole, expected) < 1e-5
    assert (
        relative(PrecisionDenoiser(shuffled, lambda sigma: a, chunk_size=chunk_size)(x, sigma), whole) < 2e-6
    )
    alone = torch.cat([denoiser(x[b : b + 1], sigma[b]) for b in range(batch)])
    assert relative(alone, whole) < 1e-6


def test_statistics_are_those_of_the_weights():
    images = to_float(photographs(4, 130), torch.float64)
    a = precision(48, "mask")
    x, sigma = noisy(images, 300)
    sigma = sigma * torch.tensor([1.0, 2.0, 1.0, 3.0])
    result = PrecisionDenoiser(ImageBank(images), lambda sigma: a).posterior(x.double(), sigma)
    logits = reference.masked_logits(x, sigma, images, a)
    weights = logits.softmax(1)
    assert torch.allclose(result.log_partition.flatten(1), logits.logsumexp(1), rtol=1e-9)
    assert torch.allclose(result.effective_size.flatten(1), 1 / weights.square().sum(1), rtol=1e-9)
    assert torch.allclose(result.entropy.flatten(1), -torch.xlogy(weights, weights).sum(1), atol=1e-9)


@pytest.mark.parametrize("t", [20, 100, 300, 500, 700, 900])
@pytest.mark.parametrize("kind", ["mask", "real", "ones"])
def test_the_jacobian_is_that_of_finite_differences_and_of_autograd(kind, t):
    images = crowded(6)
    a = precision(48, kind)
    x, sigma = noisy(images, t, count=2)
    x, sigma = x.double(), sigma.double()
    denoiser = PrecisionDenoiser(ImageBank(images), lambda sigma: a)
    pixels = [(r, c) for r in range(4) for c in range(4)]
    closed = denoiser.jacobian(x, sigma, pixels)
    assert relative(vjp_jacobian(denoiser, x, sigma, pixels), closed) < 1e-9
    step = 1e-4 * sigma[0]
    for p in (0, 17, 47):
        nudge = torch.zeros_like(x[0]).flatten()
        nudge[p] = step
        nudge = nudge.reshape(x[0].shape)
        slope = (denoiser(x + nudge, sigma) - denoiser(x - nudge, sigma)) / (2 * step)
        assert (slope.sum(1).flatten(1) - closed.flatten(2)[:, :, p]).abs().max() < 1e-6 * closed.abs().max()
    single = denoiser.jacobian(x.float(), sigma.float(), pixels)
    assert single.dtype == torch.float32
    assert relative(single, closed) < 1e-5
    assert relative(vjp_jacobian(denoiser, x.float(), sigma.float(), pixels), closed) < 1e-5


def test_local_fields_are_not_symmetric():
    images = crowded(6).mean(1, keepdim=True)
    a = precision(16, "mask")
    x, sigma = noisy(images, 300, count=1)
    pixels = [(r, c) for r in range(4) for c in range(4)]
    local = PrecisionDenoiser(ImageBank(images), lambda sigma: a).jacobian(x, sigma, pixels).flatten(2)
    assert relative(local, local.mT) > 0.1


def test_all_ones_is_the_optimal_denoiser_and_the_identity_is_per_pixel():
    images = photographs(8)
    x, sigma = noisy(images, 300)
    bank = ImageBank(images)
    ones = PrecisionDenoiser(bank, lambda sigma: torch.ones(192, 192, dtype=torch.bool))
    assert relative(ones(x, sigma), Optimal.fit(bank)(x, sigma)) < 1e-6
    values = to_float(images, torch.float64).flatten(1)
    logits = -((x.double().flatten(1)[:, None] - values) ** 2) / (2 * sigma[0].double() ** 2)
    alone = (logits.softmax(1) * values).sum(1)
    eye = PrecisionDenoiser(bank, lambda sigma: torch.eye(192))
    assert relative(eye(x, sigma).flatten(1), alone) < 1e-6


def test_autocast_and_a_coarse_matmul_setting_change_nothing():
    images = photographs(8)
    x, sigma = noisy(images, 300)
    a = precision(192, "real")
    denoiser = PrecisionDenoiser(ImageBank(images), lambda sigma: a)
    plain = denoiser(x, sigma)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(denoiser(x, sigma), plain)
    torch.set_float32_matmul_precision("medium")
    try:
        assert relative(denoiser(x, sigma), plain) < 1e-6
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize(
    ("given_precision", "message"),
    [
        (lambda sigma: torch.ones(3, 3), r"precision: want \[192, 192\].* got \(3, 3\)"),
        (lambda sigma: -torch.ones(192, 192), "precision: want finite entries from 0"),
        (lambda sigma: torch.full((192, 192), torch.nan), "precision: want finite entries from 0"),
        (torch.ones(192, 192), "precision: want a function of sigma, got Tensor"),
    ],
)
def test_bad_precisions_are_named(given_precision, message):
    x, sigma = noisy(photographs(8), 300)
    with pytest.raises(ValueError, match=message):
        PrecisionDenoiser(ImageBank(photographs(8)), given_precision)(x, sigma)


def test_no_thread_returns_what_another_gave_up():
    generator, threads = torch.Generator().manual_seed(0), torch.get_num_threads()
    base = torch.rand(1, 3, 12, 12, generator=generator) * 0.5
    near = base + 0.0005 * torch.randn(1152, 3, 12, 12, generator=generator)
    far = 0.3 * torch.randn(1152, 3, 12, 12, generator=generator) - base - 0.3
    alike = torch.rand(1152, 1, 1, 1, generator=generator) < 0.04  # about as many as are found again
    a = torch.rand(432, 432, generator=generator) < 0.03
    denoiser = PrecisionDenoiser(ImageBank(torch.where(alike, near, far)), lambda sigma: a)
    x = base + 0.5
    exact = denoiser(x.double(), 0.0625)
    try:
        torch.set_num_threads(3)
        assert all(relative(denoiser(x, 0.0625), exact) < 1e-5 for _ in range(150))
    finally:
        torch.set_num_threads(threads)


def test_a_held_out_image_with_little_noise_goes_through_float64():
    images = photographs(16, 160)
    a = precision(768, "mask")
    x, sigma = noisy(images, 20)
    denoiser = PrecisionDenoiser(ImageBank(images[40:]), lambda sigma: a)
    single, double = denoiser(x, sigma), denoiser(x.double(), sigma.double())
    assert relative(single, double) < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_where_one_image_explains_an_output_its_field_is_zero(dtype):
    images = ImageBank(photographs(12, 60))
    x = to_float(images.images[:1], dtype)
    assert Optimal(images).jacobian(x, 0.001, [(6, 6)]).abs().max() == 0
