"""What every denoiser of configs/denoiser keeps, and the network: a new YAML file is held to it untouched."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from conftest import CONFIGS
from omegaconf import OmegaConf
from torch import Tensor, nn

from locality import Denoiser, GaussianStats, ImageBank, NoiseSchedule, build
from locality.denoisers import ByClass, Limit, NetworkDenoiser, contract
from locality.denoisers.bank_denoiser import BankDenoiser
from locality.denoisers.base import vjp_jacobian
from locality.denoisers.fitting import fitted
from locality.denoisers.unit_range import in_unit_range

NAMES = sorted(path.stem for path in (CONFIGS / "denoiser").glob("*.yaml"))
SIGMAS = (0.05, 0.7, 6.0)


class TinyNet(nn.Module):
    """The least that NetworkDenoiser takes: a convolution that knows the time-step."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.conv(x) * (1 + t[:, None, None, None] / 1000)


def make(name: str, bank: ImageBank) -> Denoiser:
    if name == "network":
        return NetworkDenoiser(TinyNet(), NoiseSchedule.ddpm(), bank.image_shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitted(
            build.fit(OmegaConf.load(CONFIGS / "denoiser" / f"{name}.yaml")), bank, lambda: stats(bank)
        )


def stats(bank: ImageBank) -> GaussianStats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 40 images of 108 coordinates: rank-deficient on purpose
        return GaussianStats.from_bank(bank)


@pytest.fixture(params=[*NAMES, "network"])
def denoiser(request: pytest.FixtureRequest, bank: ImageBank) -> Denoiser:
    return make(request.param, bank)


@pytest.mark.parametrize("name", NAMES)
def test_autocast_to_16_bits_changes_no_analytical_estimate(name, bank):
    denoiser = make(name, bank)
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    for sigma in SIGMAS:
        plain = denoiser(x, sigma), denoiser.jacobian(x, sigma, [(0, 0), (3, 4)])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            short = denoiser(x, sigma), denoiser.jacobian(x, sigma, [(0, 0), (3, 4)])
        assert all(map(torch.equal, short, plain))


def test_autocast_to_16_bits_changes_no_estimate_of_a_class(bank):
    given = ByClass([make("wiener", bank) for _ in range(2)], make("wiener", bank)).given(
        [0, 1], guidance=2.0
    )
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    plain = given(x, 0.7), given.jacobian(x, 0.7, [(0, 0)])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        short = given(x, 0.7), given.jacobian(x, 0.7, [(0, 0)])
    assert all(map(torch.equal, short, plain))


def test_autocast_to_16_bits_reaches_networks_and_what_wraps_them(bank):
    network = make("network", bank)
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    for denoiser in (network, in_unit_range(network)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            short = denoiser(x, 0.7)
        assert 0 < (short - denoiser(x, 0.7)).abs().max() < 0.1


def reads_images(denoiser: Denoiser) -> bool:
    """Whether it averages over training images, by itself or through a member."""
    return any(isinstance(part, BankDenoiser) for part in denoiser.modules())


def noisy(bank: ImageBank, sigma: float, count: int = 5, dtype: torch.dtype = torch.float32) -> Tensor:
    return contract.noisy(next(bank.chunks(count, torch.float64)), sigma, dtype)


def close(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return bool((a - b).norm() <= tolerance * b.norm())


@pytest.mark.parametrize("rule", contract.RULES)
def test_a_denoiser_keeps_the_rules_that_users_check_theirs_by(rule, denoiser, bank):
    contract.RULES[rule](denoiser, next(bank.chunks(5, torch.float64)))


@pytest.mark.parametrize("name", NAMES)
def test_the_chunk_size_changes_nothing(name, bank):
    node = OmegaConf.load(CONFIGS / "denoiser" / f"{name}.yaml")
    if "chunk_size" not in node:
        pytest.skip("reads no bank")
    whole = make(name, bank)
    wanted = {sigma: whole(noisy(bank, sigma), sigma) for sigma in SIGMAS}
    for node.chunk_size in (1, 7, 1000):
        chunked = fitted(build.fit(node), bank, lambda: stats(bank))
        for sigma in SIGMAS:
            assert close(chunked(noisy(bank, sigma), sigma), wanted[sigma], 1e-5), node.chunk_size


def test_closed_form_and_vector_jacobian_products_agree(denoiser, bank):
    if denoiser.piecewise_constant:
        pytest.skip("the Jacobian is zero")
    x = noisy(bank, 0.7, count=2, dtype=torch.float64)
    sigma = torch.full((2,), 0.7, dtype=torch.float64)
    assert close(denoiser.jacobian(x, sigma, [(2, 3)]), vjp_jacobian(denoiser, x, sigma, [(2, 3)]), 1e-5)


def test_a_second_derivative_is_right_or_an_error_and_never_a_silent_zero(denoiser, bank):
    denoiser = copy.deepcopy(denoiser).double()  # at a level where each that has a bank reads it
    x = noisy(bank, 3.0, count=2, dtype=torch.float64).requires_grad_()

    def total(y: Tensor) -> Tensor:
        return denoiser(y, 3.0).square().sum()

    if not reads_images(denoiser):
        assert torch.autograd.gradgradcheck(total, x, fast_mode=True)
        return
    refused = pytest.raises(RuntimeError, match="x: bank denoisers have first derivatives in x only")
    with refused:
        torch.autograd.functional.hessian(total, x)
    (gradient,) = torch.autograd.grad(total(x), x, create_graph=True)
    assert torch.equal(gradient, torch.autograd.grad(total(x), x)[0])
    with refused:
        gradient.sum().backward()
    with refused:
        torch.func.grad(lambda y: torch.func.grad(total)(y).sum())(x.detach())
    cotangent = torch.ones_like(x, requires_grad=True)
    (product,) = torch.autograd.grad(denoiser(x, 3.0), x, cotangent, create_graph=True)
    with refused:
        torch.autograd.grad(product.sum(), cotangent)


def test_the_first_call_may_be_inside_a_transform_of_torch_func(denoiser, bank):
    x = noisy(bank, 0.7, count=2)
    out, pullback = torch.func.vjp(lambda y: denoiser(y, 0.7), x)  # nothing is planned yet
    product = pullback(torch.ones_like(out))[0]
    leaf = x.clone().requires_grad_()
    assert torch.equal(out, denoiser(x, 0.7))
    assert torch.equal(product, torch.autograd.grad(denoiser(leaf, 0.7).sum(), leaf)[0])


def test_every_tensor_moves_with_the_denoiser(denoiser):
    shell = copy.deepcopy(denoiser).to("meta")  # every tensor must follow: one left behind would not be meta
    assert all(tensor.is_meta for tensor in shell.state_dict().values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("at_rest", [torch.uint8, torch.float32])
@pytest.mark.parametrize("name", [*NAMES, "network"])
def test_sixteen_bits_cost_no_more_than_the_rounding_of_the_images(name, at_rest, dtype, bank):
    images = next(bank.chunks(len(bank)))
    whole = make(name, ImageBank(images) if at_rest == torch.float32 else bank)
    short = copy.deepcopy(whole).to(dtype)
    x = noisy(bank, 0.7, dtype=dtype)
    assert short(x, 0.7).dtype == dtype
    assert close(short(x, 0.7).float(), whole(x.float(), 0.7), 2e-2)
    if name == "wiener" or hasattr(whole, "bank"):  # banks and statistics are what they were
        assert torch.equal(short(x.float(), 0.7), whole(x.float(), 0.7))


@pytest.mark.parametrize("name", [*NAMES, "network"])
def test_the_state_of_one_denoiser_makes_another_give_its_answers(name, bank):
    first, second = make(name, bank), make(name, ImageBank(bank.images.flip(-1, 0)))
    if name == "network":
        nn.init.normal_(second.net.conv.weight, generator=torch.Generator().manual_seed(2))
    x = noisy(bank, 0.7)
    assert not close(second(x, 0.7), first(x, 0.7), 1e-3)
    second.load_state_dict(first.state_dict())
    assert close(second(x, 0.7), first(x, 0.7), 1e-6)


def test_the_denoiser_tends_to_the_limits_that_it_declares(denoiser, bank):
    images = next(bank.chunks(len(bank), torch.float64))
    far = noisy(bank, 1.0, dtype=torch.float64)
    if Limit.BANK_MEAN in denoiser.limits:
        assert close(denoiser(far, 1e6), images.mean(0, keepdim=True).expand_as(far), 1e-4)
    if Limit.LOCATION_MEAN in denoiser.limits:
        mean = images.mean((0, 2, 3))[None, :, None, None].expand_as(far)
        assert close(denoiser(far, 1e6), mean, 1e-4)
    if Limit.TRAINING_IMAGE in denoiser.limits:
        assert close(denoiser(noisy(bank, 1e-3, dtype=torch.float64), 1e-3), images[:5], 1e-3)
    if Limit.SPAN_IDENTITY in denoiser.limits:
        inside = images[:5] * 0.3 + images[5:10] * 0.7
        assert close(denoiser(inside, 1e-4), inside, 1e-3)


@pytest.mark.parametrize("sigma", [1e-18, 1e-12, 1e-6, 1e6, 1e12, 1e18])
def test_a_noise_level_is_refused_or_answered_right_however_extreme(denoiser, bank, sigma):
    for place in (sigma, 0.5):  # images that have such noise, and others
        x = noisy(bank, place)
        assert close(denoiser(x, sigma).double(), denoiser(x.double(), sigma), 1e-3)


@pytest.mark.parametrize("sigma", [1e-60, 1e-30, 1e30, 1e60])
def test_double_precision_goes_on_where_single_ends(denoiser, bank, sigma):
    x = noisy(bank, sigma, dtype=torch.float64)
    assert torch.isfinite(denoiser(x, sigma)).all()
    with pytest.raises(ValueError, match=r"^sigma: want"):
        denoiser(torch.ones_like(x, dtype=torch.float32), sigma)


@pytest.mark.parametrize(
    "sigma",
    [
        0.0,
        -1.0,
        float("nan"),
        float("inf"),
        1e-50,
        1e-20,
        1e-19,
        1e19,
        1e30,
        1e50,
        "1e-20",
        torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0]),
        None,
        "a",
    ],
)
def test_a_noise_level_that_is_none_is_refused_by_name(denoiser, bank, sigma):
    with pytest.raises(ValueError, match=r"^sigma: want"):
        denoiser(noisy(bank, 1.0), sigma)


@pytest.mark.parametrize("shape", [(5, 3, 6), (5, 1, 6, 6), (5, 3, 6, 7)])
def test_images_of_another_shape_are_refused_by_name(denoiser, shape):
    with pytest.raises(ValueError, match=r"^x: want"):
        denoiser(torch.zeros(shape), 1.0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_images_that_are_not_finite_are_refused_or_give_nan(denoiser, bank, bad):
    x = noisy(bank, 1.0)
    x[1, 2, 3, 4] = bad
    if not reads_images(denoiser):
        assert not denoiser(x, 1.0)[1].isfinite().all()
        return
    with pytest.raises(ValueError, match=r"^x: want finite numbers, got NaN or infinity"):
        denoiser(x, 1.0)
    with pytest.raises(ValueError, match=r"^x: want finite numbers, got NaN or infinity"):
        denoiser.jacobian(x, 1.0, [(0, 0)])


@pytest.mark.parametrize("pixels", [[(6, 0)], [(0.5, 1)], (1, 1), [(1, 1, 1)], None])
def test_pixels_that_are_none_are_refused_by_name(denoiser, bank, pixels):
    with pytest.raises(ValueError, match=r"^pixels: want"):
        denoiser.jacobian(noisy(bank, 1.0), 1.0, pixels)


def test_no_images_and_no_pixels_give_nothing(denoiser, bank):
    x = noisy(bank, 1.0)
    assert denoiser.jacobian(x, 1.0, []).shape == (5, 0, 3, 6, 6)
    assert denoiser(x[:0], 1.0).shape == (0, 3, 6, 6)
    if isinstance(denoiser, BankDenoiser):
        assert [field.shape for field in denoiser.posterior(x[:0], 1.0)] == [(0, 3, 6, 6)] * 4


def test_what_is_no_tensor_is_refused_by_name(denoiser, bank):
    with pytest.raises(ValueError, match=r"^x: want a float tensor .*, got ndarray"):
        denoiser(noisy(bank, 1.0).numpy(), 1.0)
