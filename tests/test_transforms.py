"""A denoiser under torch's transforms, with sigma in any usual shape, and for images in [0, 1]."""

from __future__ import annotations

import pytest
import torch
from test_contract import NAMES, TinyNet, make, reads_images

from locality import Denoiser, ImageBank, in_unit_range
from locality.denoisers import NetworkDenoiser, Optimal, Wiener

X = torch.randn(3, 3, 6, 6, generator=torch.Generator().manual_seed(3))
SIGMA = torch.tensor([0.4, 1.0, 5.0])


@pytest.fixture(params=["wiener", "network"])
def denoiser(request: pytest.FixtureRequest, bank: ImageBank) -> Denoiser:
    if request.param == "network":
        return NetworkDenoiser(TinyNet(), image_shape=bank.image_shape)
    return Wiener.fit(bank, shrinkage="ledoit_wolf")


@pytest.mark.parametrize("shape", [(3,), (3, 1, 1, 1)])
def test_sigma_may_be_shaped_to_multiply_the_images(denoiser, shape):
    assert torch.equal(denoiser(X, SIGMA.reshape(shape)), denoiser(X, SIGMA))
    fields = denoiser.jacobian(X, SIGMA.reshape(shape), [(2, 2)])
    assert torch.equal(fields, denoiser.jacobian(X, SIGMA, [(2, 2)]))


@pytest.mark.parametrize("one", [0.7, torch.tensor(0.7), torch.tensor([0.7]), torch.full((1, 1, 1, 1), 0.7)])
def test_one_sigma_stands_for_all_images(denoiser, one):
    assert torch.equal(denoiser(X, one), denoiser(X, torch.full((3,), 0.7)))


@pytest.mark.parametrize("shape", [(2,), (3, 1), (1, 3), (3, 1, 1), (2, 1, 1, 1), (3, 1, 1, 2), (3, 3, 1, 1)])
def test_sigma_of_another_shape_is_refused(denoiser, shape):
    with pytest.raises(ValueError, match="sigma: want one noise level or one for each of 3 images"):
        denoiser(X, torch.ones(shape))


def test_vmap_over_images_and_noise_levels_gives_the_batch(denoiser):
    one = torch.func.vmap(lambda x, sigma: denoiser(x[None], sigma)[0])
    assert torch.allclose(one(X, SIGMA), denoiser(X, SIGMA), atol=1e-6)


def test_vmap_over_noise_levels_gives_a_stack(denoiser):
    stack = torch.func.vmap(lambda sigma: denoiser(X, sigma))(SIGMA)
    expected = torch.stack([denoiser(X, sigma) for sigma in SIGMA])
    assert torch.allclose(stack, expected, atol=1e-6)


def test_sigma_is_checked_under_vmap_too(denoiser):
    with pytest.raises(ValueError, match="sigma: want numbers from 1e-18"):
        torch.func.vmap(lambda sigma: denoiser(X, sigma))(torch.tensor([1.0, -1.0]))


def test_derivatives_by_torch_func_are_those_of_the_jacobian(denoiser):
    full = torch.func.jacrev(lambda x: denoiser(x[None], 0.7)[0])(X[0])
    field = denoiser.jacobian(X[:1], 0.7, [(2, 3)])[0, 0]
    assert torch.allclose(full[:, 2, 3].sum(0), field, atol=1e-5)
    slope = torch.func.jvp(lambda sigma: denoiser(X, sigma), (SIGMA,), (torch.ones(3),))[1]
    assert slope.shape == X.shape


def test_an_exported_denoiser_gives_the_same_answers_and_leaves_the_first_as_it_was(denoiser):
    exported = torch.export.export(denoiser, (X, SIGMA)).module()
    assert torch.allclose(exported(X, SIGMA), denoiser(X, SIGMA), atol=1e-6)
    other = 2 * SIGMA
    assert torch.allclose(exported(X, other), denoiser(X, other), atol=1e-6)


def test_a_denoiser_of_a_bank_takes_sigma_shaped_so_too(bank):
    optimal = Optimal.fit(bank)
    assert torch.equal(optimal(X, SIGMA.reshape(3, 1, 1, 1)), optimal(X, SIGMA))


class TestInUnitRange:
    def test_it_is_the_denoiser_in_other_units(self, denoiser):
        unit = in_unit_range(denoiser)
        x = (X + 1) / 2
        assert torch.allclose(unit(x, SIGMA / 2), (denoiser(X, SIGMA) + 1) / 2, atol=1e-6)
        assert unit.image_shape == denoiser.image_shape
        with pytest.raises(ValueError, match="sigma"):
            unit(x, 0.0)

    def test_its_jacobian_is_that_of_the_call(self, denoiser):
        unit, x = in_unit_range(denoiser), ((X + 1) / 2).double()
        full = torch.autograd.functional.jacobian(lambda y: unit(y, 0.3)[:, :, 2, 3].sum((0, 1)), x)
        assert torch.allclose(unit.jacobian(x, 0.3, [(2, 3)])[:, 0], full, atol=1e-6)

    def test_an_exact_answer_stays_exact(self, bank):
        # One clean image in [0, 1], little noise: the optimal denoiser gives it back in [0, 1].
        optimal = in_unit_range(Optimal.fit(bank))
        clean = (next(bank.chunks(1)) + 1) / 2
        assert torch.allclose(optimal(clean + 1e-4 * X[:1], 1e-4), clean, atol=1e-6)

    def test_anything_else_is_refused(self):
        with pytest.raises(ValueError, match="denoiser: want a Denoiser, got Linear"):
            in_unit_range(torch.nn.Linear(1, 1))


TRANSFORMS = {
    "vmap of x": lambda D: torch.func.vmap(lambda x: D(x[None], 0.7)[0])(X),
    "vmap of sigma": lambda D: torch.func.vmap(lambda sigma: D(X, sigma))(SIGMA),
    "jacrev": lambda D: torch.func.jacrev(lambda x: D(x, 0.7)[0, 0, 0, :2])(X),
    "jacfwd": lambda D: torch.func.jacfwd(lambda scale: D(scale * X, 0.7))(torch.ones(1)),
    "jvp": lambda D: torch.func.jvp(lambda x: D(x, 0.7), (X,), (torch.ones_like(X),)),
    "export": lambda D: torch.export.export(D, (X, SIGMA)),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_averages_over_a_bank_refuses_transforms_in_one_line_that_says_what_works(name, bank):
    denoiser = make(name, bank)
    if not reads_images(denoiser):
        pytest.skip("reads no bank")
    for transform in TRANSFORMS.values():
        with pytest.raises(
            RuntimeError, match=r"^x: bank denoisers know no vmap, jacrev, jvp or export; take"
        ):
            transform(denoiser)
