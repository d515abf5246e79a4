"""PCA locality: its masks step by step, its softmaxes, its limits."""

from __future__ import annotations

import pytest
import torch
from banks import TIMESTEPS, digits, noisy, photographs, relative

from locality import GaussianStats, ImageBank, NoiseSchedule
from locality.bank import to_float
from locality.denoisers import Optimal, PCALocality, PrecisionDenoiser
from locality.denoisers.relative_rows import WienerRule, wiener_mask
from locality.posterior import reference

pytestmark = pytest.mark.filterwarnings("ignore:.*covariance lacks rank.*")
BANK = {"photographs": lambda: photographs(8), "digits": lambda: digits()}


def plain_mask(
    stats: GaussianStats, sigma: float, tau: float, axis: str, threshold: str, decomposition: str = "exact"
) -> torch.Tensor:
    """The recipe of the released code, loop by loop."""
    lam, u, v = stats.eigenvalues, stats.eigenvectors, stats.eigenvectors.T
    if decomposition == "float32":
        u, lam, v = (part.double() for part in torch.linalg.svd(stats.covariance.float()))
    w = (u @ torch.diag(lam / (lam + sigma**2)) @ v).abs()
    r = torch.empty_like(w)
    for p in range(len(w)):
        r[p] = torch.eye(len(w), dtype=w.dtype)[p] if w[p, p] < 1e-6 else w[p] / w[p, p]
    if tau > 0:
        peak = r.amax(1, keepdim=True) if threshold == "row" else r.max()
        r = r >= tau * peak
    return r.T if axis == "column" else r


@pytest.mark.parametrize("axis", ["column", "row"])
@pytest.mark.parametrize("threshold", ["global", "row"])
@pytest.mark.parametrize("tau", [0.0, 0.05])
@pytest.mark.parametrize("name", BANK)
def test_the_mask_is_the_recipe(name, tau, threshold, axis):
    bank = ImageBank(BANK[name]())
    stats = GaussianStats.from_bank(bank)
    denoiser = PCALocality.fit(bank, tau=tau, mask_axis=axis, threshold=threshold)
    small = PCALocality.fit(bank, tau=tau, mask_axis=axis, threshold=threshold, memory_budget=50_000)
    for t in (0, 300, 700):
        sigma = NoiseSchedule.ddpm().sigma(t).item()
        expected = plain_mask(stats, sigma, tau, axis, threshold)
        for mask in (denoiser.mask(sigma), small.mask(sigma)):
            assert mask.dtype == (torch.bool if tau > 0 else torch.float64)
            assert torch.allclose(mask.double(), expected.double(), atol=1e-9)


@pytest.mark.parametrize("tau", [1e-3, 0.3, 1.0])
@pytest.mark.parametrize("decomposition", ["exact", "float32"])
def test_masks_do_not_depend_on_the_memory(decomposition, tau):
    bank = ImageBank(photographs(8))
    whole = PCALocality.fit(bank, tau=tau, decomposition=decomposition)
    for budget in (8_000, 50_000):
        parts = PCALocality.fit(bank, tau=tau, decomposition=decomposition, memory_budget=budget)
        for sigma in (0.05, 0.7, 20.0):
            assert torch.equal(parts.mask(sigma), whole.mask(sigma))


def test_the_largest_entry_may_lie_where_the_diagonal_is_not_smallest():
    # 400 pixels that nothing tells of, then one that two others of more variance tell nearly all of.
    n = 403
    w = torch.eye(n, dtype=torch.float64) * 0.01
    w[400:, 400:] = torch.tensor([[0.05, 0.2, 0], [0.2, 0.9, 0], [0, 0, 0.02]], dtype=torch.float64)
    gain, vectors = torch.linalg.eigh(w)
    rule = WienerRule(tau=0.5, mask_axis="row")
    for budget in (400_000, 10**9):  # 31 rows at a time; all
        mask = wiener_mask(gain / (1 - gain), vectors, 1.0, rule, budget)
        assert mask.nonzero().tolist() == [[400, 401]]


def test_a_covariance_that_is_no_number_has_a_mask_in_little_memory_too():
    gain, vectors = torch.ones(20, dtype=torch.float64), torch.eye(20, dtype=torch.float64)
    gain[3] = torch.nan
    for budget in (8 * 4 * 20 * 3, 10**9):  # 3 rows at a time; all
        assert wiener_mask(gain, vectors, 1.0, WienerRule(0.5), budget).dtype == torch.bool


def test_float32_masks_agree_with_exact_ones_only_where_small_eigenvalues_do_not_matter():
    bank = ImageBank(digits())
    stats = GaussianStats.from_bank(bank)  # pixels that never change: eigenvalues that are noise in float32
    exact = PCALocality.fit(bank, tau=0.05)
    rounded = PCALocality.fit(bank, tau=0.05, decomposition="float32")
    for sigma, agree in ((3.0, True), (1e-4, False)):
        assert torch.equal(exact.mask(sigma), rounded.mask(sigma)) is agree
    u, lam, v = torch.linalg.svd(stats.covariance.float())
    w = (u.double() @ torch.diag(lam.double() / (lam.double() + 1e-8)) @ v.double()).abs()
    r = torch.where(w.diagonal()[:, None] < 1e-6, torch.eye(len(w)), w / w.diagonal()[:, None])
    assert torch.equal(rounded.mask(1e-4), (r >= 0.05 * r.max()).T)


@pytest.mark.parametrize("t", TIMESTEPS)
@pytest.mark.parametrize("tau", [0.0, 0.005, 0.05])
@pytest.mark.parametrize("name", BANK)
def test_it_equals_brute_force_under_its_mask(name, tau, t):
    images = BANK[name]()
    x, sigma = noisy(images, t)
    denoiser = PCALocality.fit(ImageBank(images), tau=tau)
    mask = denoiser.mask(sigma[0].item())
    assert (
        relative(
            denoiser(x, sigma), reference.posterior_mean(x, sigma, to_float(images, torch.float64), mask)
        )
        < 1e-5
    )


def framed() -> torch.Tensor:
    """[150, 1, 10, 10] uint8: digits in a black frame: as in MNIST, some pixels never change."""
    ink = ((digits(150) + 1) * 127.5).round().to(torch.uint8)
    return torch.nn.functional.pad(ink, (1, 1, 1, 1))


@pytest.mark.parametrize("softmax", ["exact", "wssm:64"])
@pytest.mark.parametrize("tau", [0.0, 0.02])
@pytest.mark.parametrize("threshold", ["global", "row"])
@pytest.mark.parametrize("axis", ["column", "row"])
@pytest.mark.parametrize("decomposition", ["exact", "float32"])
@pytest.mark.parametrize("bank", [framed, lambda: torch.full_like(framed(), 7)], ids=["framed", "all alike"])
def test_constant_pixels_are_no_trouble_at_the_last_step(bank, decomposition, axis, threshold, tau, softmax):
    """At t = 0 the released code divides 0 by 0 at MNIST's constant pixels (its W[p, p] is 0 there)."""
    images = bank()
    exact = to_float(images, torch.float64)
    denoiser = PCALocality.fit(
        ImageBank(images),
        tau=tau,
        mask_axis=axis,
        threshold=threshold,
        decomposition=decomposition,
        softmax=softmax,
    )
    x, sigma = noisy(images, 0)
    mask = denoiser.mask(sigma[0].item())
    stats = GaussianStats.from_bank(ImageBank(images))
    recipe = plain_mask(stats, sigma[0].item(), tau, axis, threshold, decomposition)
    assert torch.allclose(mask.double(), recipe.double(), atol=1e-9, rtol=1e-6)
    out = denoiser(x, sigma)
    assert out.isfinite().all()
    parts = exact.split(64) if softmax == "wssm:64" else [exact]
    expected = torch.stack([reference.posterior_mean(x, sigma, part, mask) for part in parts]).mean(0)
    assert relative(out, expected) < 1e-5
    constant = exact.std(0) == 0
    assert torch.allclose(out[:, constant].double(), exact[0][constant].expand(len(x), -1), atol=1e-6)


def wssm(x, sigma, images, mask, batch):
    """A softmax in each batch of the data, and the average of the batches' means: its definition."""
    parts = [reference.posterior_mean(x, sigma, part, mask) for part in images.split(batch)]
    return torch.stack(parts).mean(0)


def test_wssm_is_its_definition_and_depends_on_the_batch_while_exact_does_not():
    images = photographs(8, 2000)
    x, sigma = noisy(images, 300)
    exact = to_float(images, torch.float64)
    outs = {}
    for batch in (512, 300):
        denoiser = PCALocality.fit(ImageBank(images), tau=0.05, softmax=f"wssm:{batch}")
        outs[batch] = denoiser(x, sigma)
        assert relative(outs[batch], wssm(x, sigma, exact, denoiser.mask(sigma[0].item()), batch)) < 1e-6
    assert relative(outs[512], outs[300]) > 1e-3
    chunks = [PCALocality.fit(ImageBank(images), tau=0.05, chunk_size=c)(x, sigma) for c in (512, 300)]
    assert relative(chunks[0], chunks[1]) < 1e-6


def test_mixed_noise_levels_in_a_batch_are_answered_one_by_one():
    images = photographs(8)
    denoiser = PCALocality.fit(ImageBank(images), tau=0.05)
    x, _ = noisy(images, 300)
    sigma = torch.tensor([1.0, 0.1, 1.0, 30.0])
    alone = torch.cat([denoiser(x[b : b + 1], sigma[b]) for b in range(4)])
    assert relative(denoiser(x, sigma), alone) < 1e-6


def test_a_large_tau_leaves_each_pixel_to_itself_and_a_tiny_one_is_optimal():
    images = photographs(8)
    bank = ImageBank(images)
    x, sigma = noisy(images, 300)
    alone = PrecisionDenoiser(bank, lambda sigma: torch.eye(192))
    by_row = PCALocality.fit(bank, tau=1.0, threshold="row", mask_axis="row")
    diagonal = by_row.mask(30.0).double().diagonal()
    assert relative(PCALocality.fit(bank, tau=1e-9)(x, sigma), Optimal.fit(bank)(x, sigma)) < 1e-6
    assert diagonal.sum() > 0
    assert alone(x, sigma).shape == x.shape


def test_loading_another_fit_gives_its_answers():
    first, second = photographs(8)[:150].clone(), photographs(8)[50:].clone()
    x, sigma = noisy(first, 300)
    a, b = (PCALocality.fit(ImageBank(part), tau=tau) for part, tau in ((first, 0.05), (second, 0.01)))
    before, expected = a(x, sigma), b(x, sigma)
    a.load_state_dict(b.state_dict())
    assert relative(a(x, sigma), expected) < 1e-7
    assert relative(before, expected) > 1e-3


def test_gradients_flow_after_a_first_call_in_inference_mode():
    denoiser = PCALocality.fit(ImageBank(photographs(8)), tau=0.05)
    x, sigma = noisy(photographs(8), 300)
    with torch.inference_mode():
        denoiser(x, sigma)
    x.requires_grad_()
    denoiser(x, sigma).square().sum().backward()
    assert x.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau": -0.1}, "tau: want a number from 0 to 1, or 'entropy', got -0.1"),
        (
            {"tau": 2.0},
            "tau: want a number from 0 to 1, or 'entropy', got 2.0",
        ),
        ({"tau": {1.0: 0.1, 2.0: 1.01}}, "tau: .* got 1.01"),
        ({"tau": "x"}, "tau: want a number from 0 to 1, or 'entropy', got 'x'"),
        ({"tau": {}}, "tau: .* got none"),
        ({"mask_axis": "col"}, "mask_axis: want one of 'column', 'row', got 'col'"),
        ({"threshold": "max"}, "threshold: want one of 'global', 'row', got 'max'"),
        ({"decomposition": "svd"}, "decomposition: want one of 'exact', 'float32', got 'svd'"),
        ({"softmax": "wssm"}, "softmax: want 'exact' or 'wssm:<images per batch>'.* got 'wssm'"),
        ({"softmax": "wssm:0"}, "softmax: .* got 'wssm:0'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        PCALocality.fit(ImageBank(digits()), **options)
