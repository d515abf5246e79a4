"""Sensitivity fields against planted kernels, exact covariances and finite differences."""

from __future__ import annotations

import pytest
import torch
from planted import KERNEL, Planted, WithoutClosedForm, network
from torch import Tensor

from locality import GaussianStats, NoiseSchedule
from locality.bank import to_float
from locality.denoisers import Optimal, PCALocality, Wiener
from locality.noise import image_noise
from locality.sensitivity import Reduction, Route, SensitivityField, measure, sensitivity_maps
from locality.sensitivity.maps import graph_bytes

ALL = [(row, col) for row in range(6) for col in range(6)]


def images(count: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, 6, 6, generator=generator, dtype=torch.float64).clamp(-1, 1)


def test_a_planted_convolution_gives_back_its_kernel():
    field = measure(Planted(), images(), [1.0], "centre")
    expected = torch.zeros(6, 6, dtype=torch.float64)
    expected[2:5, 2:5] = KERNEL.sum(0).abs().mean(0)  # outputs summed, then absolute, then mean over inputs
    assert field.pixels == ((3, 3),)
    torch.testing.assert_close(field.maps[0, 0], expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(field.spread, torch.zeros_like(field.maps), rtol=0, atol=1e-7)


@pytest.mark.parametrize("magnitude", ["absolute", "square"])
@pytest.mark.parametrize("channels", ["mean", "sum", "max"])
def test_each_way_to_reduce_the_channels_is_what_its_name_says(magnitude, channels):
    reduction = Reduction(magnitude, channels)
    field = measure(Planted(), images(), [1.0], "centre", reduction=reduction)
    kernel = KERNEL.sum(0)
    size = kernel.abs() if magnitude == "absolute" else kernel**2
    expected = {"mean": size.mean(0), "sum": size.sum(0), "max": size.amax(0)}[channels]
    torch.testing.assert_close(field.maps[0, 0, 2:5, 2:5], expected, rtol=0, atol=1e-13)
    assert field.about["reduction_channels"] == channels


def test_a_circular_network_gives_shift_invariant_fields():
    field = measure(Planted(circular=True), images(), [1.0], "all")
    for (row, col), heat in zip(field.pixels, field.maps[0], strict=True):
        torch.testing.assert_close(heat.roll((-row, -col), (0, 1)), field.maps[0, 0], rtol=0, atol=1e-14)


def test_the_field_of_wiener_on_gaussian_data_is_its_matrix():
    factor = torch.randn(108, 108, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    covariance = factor @ factor.T / 108
    stats = GaussianStats(torch.zeros(108, dtype=torch.float64), covariance, torch.Size((3, 6, 6)))
    field = measure(Wiener(stats), images(), [3.0, 0.3], "all")
    for s, sigma in enumerate((3.0, 0.3)):
        noisy = covariance + sigma**2 * torch.eye(108, dtype=torch.float64)
        matrix = torch.linalg.solve(noisy, covariance).T.reshape(3, 6, 6, 3, 6, 6)
        expected = matrix.sum(0).abs().mean(2).reshape(36, 6, 6)
        torch.testing.assert_close(field.maps[s], expected, rtol=0, atol=1e-11)


def test_the_field_of_a_network_equals_finite_differences():
    net, clean, sigma, step = network(), images(2), 0.7, 1e-5
    field = measure(net, clean, [sigma], [(1, 4), (5, 0)], seed=3)
    x = clean + sigma * image_noise([0, 1], (3, 6, 6), 3, "sensitivity/forward").double()
    nudges = step * torch.eye(108, dtype=torch.float64).reshape(108, 1, 3, 6, 6)
    change = torch.stack([(net(x + nudge, sigma) - net(x - nudge, sigma)).detach() for nudge in nudges])
    slope = (change.sum(2) / (2 * step)).reshape(3, 6, 6, 2, 6, 6)  # input c h w, image, output h w
    for p, (row, col) in enumerate(field.pixels):
        expected = slope[..., row, col].abs().mean(0).permute(2, 0, 1)
        torch.testing.assert_close(field.images[:, 0, p], expected, rtol=0, atol=1e-8)
        torch.testing.assert_close(field.maps[0, p], expected.mean(0), rtol=0, atol=1e-8)


@pytest.mark.parametrize("kind", [Wiener, Optimal, PCALocality])
def test_closed_forms_give_the_field_that_autograd_gives(kind, bank):
    denoiser = kind.fit(bank)
    clean = bank.images[:3].double() / 127.5 - 1
    for sigma in NoiseSchedule.ddpm().sigma([100, 500, 900]).tolist():
        closed = measure(denoiser, clean, [sigma], "grid:3")
        slow = measure(WithoutClosedForm(denoiser), clean, [sigma], "grid:3")
        torch.testing.assert_close(closed.maps, slow.maps, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("states", ["forward", "reverse"])
@pytest.mark.parametrize("limits", [{"batch_size": 2}, {"memory_budget": 1}])
def test_batches_and_budgets_change_no_result(states, limits):
    one = measure(network(), images(5), [2.0, 0.5], "grid:2", states=states, steps=20)
    other = measure(network(), images(5), [2.0, 0.5], "grid:2", states=states, steps=20, **limits)
    torch.testing.assert_close(one.images, other.images, rtol=0, atol=1e-12)
    torch.testing.assert_close(one.maps, other.maps, rtol=0, atol=1e-12)


def test_a_budget_bounds_the_images_that_a_network_holds_at_once():
    net = Planted()
    one = graph_bytes(network(), images(1), torch.ones(1, dtype=torch.float64))
    assert one > images(1).numel() * 8  # the input at least
    net.batches.clear()
    sensitivity_maps(net, images(8), 1.0, [(0, 0)], memory_budget=1)
    assert set(net.batches) == {1}


def test_the_reverse_states_are_those_of_a_ddim_run():
    schedule, net, asked = NoiseSchedule.ddpm(), network(), [6.0, 0.4]
    route = Route(asked, "reverse", steps=25, seed=4)
    levels = schedule.leading(25).double()
    x = image_noise([7, 2], (3, 6, 6), 4, "sensitivity/reverse").double() * (1 + levels[0] ** 2).sqrt()
    seen = []
    for k in range(25):  # Song et al. 2020, eq. 12, sigma_t = 0, in variance-exploding coordinates
        seen.append(x)
        x0 = net(x, levels[k]).detach()
        if k < 24:
            x = x0.clamp(-1, 1) + levels[k + 1] / levels[k] * (x - x0)
    wanted = [int((levels.log() - torch.tensor(a).log()).abs().argmin()) for a in asked]
    visited = list(route.visit(net, images(2), torch.tensor([7, 2])))
    assert route.sigmas == pytest.approx(levels[wanted].tolist())
    for state, k in zip(visited, wanted, strict=True):
        assert state.sigma == pytest.approx(levels[k].item(), rel=1e-6)
        torch.testing.assert_close(state.x, seen[k], rtol=1e-5, atol=1e-6)


def test_a_guide_takes_every_denoiser_along_its_own_run():
    net = network()
    a = measure(net, images(2), [1.0], states="reverse", steps=10)
    b = measure(WithoutClosedForm(net), images(2), [1.0], states="reverse", steps=10, guide=net)
    torch.testing.assert_close(a.maps, b.maps)


def test_fields_carry_no_graph_and_leave_the_callers_gradients_on():
    net = network()
    for maps in (sensitivity_maps(net, images(1), 1.0, ALL), measure(net, images(1), [1.0]).maps):
        assert not maps.requires_grad
    for _ in Route([2.0, 0.5], "reverse", steps=10).visit(net, images(1), torch.tensor([0])):
        assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pixels": "corner"}, "want 'centre', 'all', 'grid:<stride>'"),
        ({"pixels": [(6, 0)]}, "inside 6 x 6"),
        ({"sigmas": [1.0, 1.0]}, "distinct noise levels"),
        ({"sigmas": [1.0, 1.01], "states": "reverse", "steps": 10}, "same one of 10 steps"),
        ({"states": "sideways"}, "forward or reverse"),
    ],
)
def test_what_cannot_be_measured_is_said(settings, message):
    with pytest.raises(ValueError, match=message):
        measure(Planted(), images(), **{"sigmas": [1.0], **settings})


def test_a_reduction_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"reduction\.channels: want mean or sum or max"):
        Reduction(channels="median")
    with pytest.raises(ValueError, match="want channels=mean and images=mean with magnitude=signed"):
        Reduction("signed", "max")


class Flips(Planted):
    """The planted kernel, its sign that of each image's first pixel: an edge that may lie either way."""

    def estimate(self, x, sigma):
        return super().estimate(x, sigma) * x[:, :1, :1, :1].sign().detach()


def test_signed_maps_cancel_what_differs_in_sign_from_image_to_image_and_keep_the_rest():
    seen, level = images(24), 1.0
    field = measure(Flips(), seen, [level], "centre", reduction=Reduction("signed"))
    noisy = next(Route([level]).visit(Flips(), seen, torch.arange(24))).x
    balance = noisy[:, 0, 0, 0].sign().mean()
    expected = (KERNEL.sum(0).mean(0) * balance).abs()
    torch.testing.assert_close(field.maps[0, 0, 2:5, 2:5], expected, rtol=0, atol=1e-13)
    plain = measure(Flips(), seen, [level], "centre")
    torch.testing.assert_close(plain.maps[0, 0, 2:5, 2:5], KERNEL.sum(0).abs().mean(0), rtol=0, atol=1e-13)
    of_images = SensitivityField.of_images(field.images, [level], field.pixels, Reduction("signed"))
    torch.testing.assert_close(of_images.maps, field.maps, rtol=0, atol=1e-13)


def test_bytes_are_the_images_that_they_stand_for(bank):
    denoiser = Wiener.fit(bank, shrinkage="ledoit_wolf")
    of_bytes = measure(denoiser, bank.images[:3], [1.0], [(2, 2)])
    torch.testing.assert_close(
        of_bytes.maps, measure(denoiser, to_float(bank.images[:3]), [1.0], [(2, 2)]).maps
    )
