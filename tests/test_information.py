"""How far to look: entropies of posteriors, put together, left out, crossed; and settings found from them."""

from __future__ import annotations

import math

import pytest
import torch
from banks import photographs, with_near_duplicates
from torch import Tensor

from locality import GaussianStats, ImageBank
from locality.bank import to_float
from locality.denoisers import EquivariantLocalScore, GoldenSubset, LocalScore, PatchComposite, PCALocality
from locality.denoisers.by_entropy import IMAGES, ByEntropy, settled
from locality.denoisers.looks import Looking, Windows, varying
from locality.information import LeftOut, crossing, least, united, value_at
from locality.posterior.chosen import parts_at
from locality.posterior.masked.rows import Rows
from locality.posterior.reference import posterior_weights

SIGMAS = (0.1, 0.5, 2.0)


def bank_of(count: int = 60, size: int = 8) -> ImageBank:
    return ImageBank(photographs(size, count))


def noisy(images: Tensor, sigma: float, seed: int = 0) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return to_float(images, torch.float64) + sigma * noise


def brute(x: Tensor, sigma: float, images: Tensor, rows: Rows) -> Tensor:  # [B, n] float64 entropies
    places = rows.mask[rows.row_of_output].double()
    precision = places if rows.repeats == 1 else places.repeat(1, rows.repeats)
    weights = posterior_weights(x, torch.full((len(x),), sigma), to_float(images, torch.float64), precision)
    return torch.special.entr(weights).sum(1)


def mean_entropy(images: Tensor, x: Tensor, sigma: float, size: int) -> float:
    return LocalScore(ImageBank(images), size).posterior(x, sigma).entropy.mean().item()


def test_the_entropy_of_n_images_that_are_alike_is_ln_n():
    one = to_float(photographs(6, 1), torch.float64)
    for count in (1, 2, 7):
        x = noisy(one[:1], 0.5)
        found = LocalScore(ImageBank(one.expand(count, -1, -1, -1)), 3).posterior(x, 0.5).entropy
        assert torch.allclose(found, torch.full_like(found, math.log(count)), atol=1e-9)


def test_the_entropy_of_two_that_explain_an_image_equally_well_is_ln_2_and_of_a_sure_one_0():
    dark, bright = torch.full((1, 1, 6, 6), -0.5).double(), torch.full((1, 1, 6, 6), 0.5).double()
    denoiser = LocalScore(ImageBank(torch.cat([dark, bright])), 3)
    between = denoiser.posterior(torch.zeros(1, 1, 6, 6).double(), 0.3).entropy
    assert torch.allclose(between, torch.full_like(between, math.log(2)), atol=1e-12)
    assert denoiser.posterior(bright, 0.05).entropy.max() < 1e-12
    # By hand: the window of a corner has 4 pixels, and ln (w / (1 - w)) = 4 * 2 * 0.25 / (2 * 0.3^2).
    logit = 4 * 2 * 0.25 / (2 * 0.3**2)
    weight = 1 / (1 + math.exp(-logit))
    wanted = -weight * math.log(weight) - (1 - weight) * math.log(1 - weight)
    corner = denoiser.posterior(torch.full((1, 1, 6, 6), 0.25).double(), 0.3).entropy[0, 0, 0, 0].item()
    assert corner == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("size", [1, 5, 15])
def test_the_entropy_is_that_of_brute_force(sigma, size):
    images = with_near_duplicates(photographs(8, 40))
    x = noisy(images[:3], sigma)
    found = LocalScore(ImageBank(images), size).posterior(x, sigma).entropy.flatten(1)
    rows = Rows.of_windows(size, images.shape[1:])
    assert torch.allclose(found, brute(x, sigma, images, rows), atol=1e-7)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 3.0])
def test_entropies_fall_in_the_mean_as_windows_grow(sigma):
    images = photographs(8, 200)
    x = noisy(images[:40], sigma)
    found = [mean_entropy(images[40:], x, sigma, size) for size in (1, 3, 5, 7, 9, 15)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1] + 0.3


@pytest.mark.parametrize("sigma", SIGMAS)
def test_posteriors_over_parts_unite_to_that_over_the_whole(sigma):
    images = with_near_duplicates(photographs(8, 50))
    x = noisy(images[:4], sigma)
    whole = LocalScore(ImageBank(images), 5).posterior(x, sigma)
    parts = [LocalScore(ImageBank(part), 5).posterior(x, sigma) for part in images.split([1, 3, 20, 46])]
    for order in (parts, parts[::-1], [united(parts[:2]), united(parts[2:])]):
        for found, wanted in zip(united(order), whole, strict=True):
            assert torch.allclose(found, wanted, atol=1e-8, rtol=1e-8)
    with pytest.raises(ValueError, match="parts: want at least one"):
        united([])


# -- where curves cross and are least


def test_a_crossing_lies_on_the_line_between_its_neighbours():
    places = torch.tensor([1.0, 3.0, 5.0, 7.0]).double()
    falling = torch.tensor([[8.0, 6.0, 2.0, 1.0], [8.0, 6.0, 2.0, 1.0], [1.0] * 4, [9.0] * 4])
    found = crossing(places, falling.double(), torch.tensor([4.0, 6.0, 2.0, 2.0]).double())
    assert found.tolist() == [4.0, 3.0, 1.0, 7.0]
    assert crossing(places, falling[0].double(), 1.5).item() == 6.0
    assert crossing(places[:1], falling[0, :1].double(), 1.5).item() == 1.0


def test_the_least_of_a_parabola_in_the_logarithm_is_found_off_the_grid():
    for places in (torch.tensor([1.0, 3, 5, 7, 9]), torch.tensor([0.3, 0.7, 1.9, 2.0, 4.0])):
        for vertex in (1.2, 1.95, 2.6, 3.3):
            x = places.double()
            if not x[0] < vertex < x[-1]:
                continue
            errors = (0.1 * (x - vertex) ** 2 - 3).exp()
            middle = x[errors.argmin()].item()
            wanted = vertex if x[0] < middle < x[-1] else middle
            assert least(x, errors).item() == pytest.approx(wanted, abs=1e-9)
    assert least(torch.arange(3).double(), torch.tensor([3.0, 2.0, 1.0]).double()).item() == 2.0
    assert least(torch.arange(3).double(), torch.zeros(3).double()).isfinite()


def test_a_value_between_places_lies_on_the_line():
    places, values = torch.tensor([1.0, 3.0, 5.0]).double(), torch.tensor([[4.0, 2.0, 0.0]] * 2).double()
    assert value_at(places, values, torch.tensor([2.0, 4.5]).double()).tolist() == [3.0, 0.5]
    assert crossing(places, values, value_at(places, values, torch.tensor([2.2, 4.1]).double())).tolist() == (
        pytest.approx([2.2, 4.1])
    )


# -- leaving out


def mirrored(images: Tensor) -> Tensor:
    return torch.cat([images, images.flip(-1)])


@pytest.mark.parametrize("sigma", [0.01, 0.5, 2.0])
@pytest.mark.parametrize("size", [3, 15])
def test_an_image_that_is_left_out_has_the_posterior_without_it_and_its_mirror_image(sigma, size):
    images = mirrored(photographs(8, 40))
    bank = ImageBank(images)
    left_out = LeftOut.of(bank, 6, seed=0)
    looks = Windows(bank.image_shape)
    rows = looks.rows(sigma, size)
    found = left_out.posterior(sigma, rows, Looking(left_out.rest, rows).posterior)
    x = left_out.few + sigma * left_out.noise
    floats = to_float(images)
    for i, clean in enumerate(left_out.few):
        own = (floats == clean).all((1, 2, 3)) | (floats == clean.flip(-1)).all((1, 2, 3))
        assert own.sum() == 2
        wanted = LocalScore(bank.subset(~own), size).posterior(x[i : i + 1].double(), sigma)
        for one, other in zip(found, wanted, strict=True):
            assert torch.allclose(one[i : i + 1].double(), other, atol=2e-4, rtol=2e-4)


def test_exact_copies_are_left_out_with_their_image():
    images = photographs(8, 3)
    assert LeftOut.of(ImageBank(images[:1].repeat(4, 1, 1, 1)), 2, 0) is None
    twins = LeftOut.of(ImageBank(mirrored(images[:1].repeat(2, 1, 1, 1))), 2, 0)
    assert twins is None
    left_out = LeftOut.of(ImageBank(torch.cat([images, images])), 6, 0)
    assert left_out.rest is None
    assert left_out.own.sum(1).tolist() == [2] * 6
    found = left_out.posterior(0.5, Rows.of_windows(3, images.shape[1:]), None).entropy
    assert found.max() <= math.log(4) + 1e-12


def test_the_noise_of_an_image_that_is_left_out_is_a_function_of_the_seed():
    bank = bank_of()
    one, two, other = (LeftOut.of(bank, 4, seed) for seed in (0, 0, 1))
    assert torch.equal(one.noise, two.noise)
    assert not torch.equal(one.few, other.few)


# -- settings by entropy


def test_the_setting_is_where_the_entropy_crosses_and_its_neighbour_may_be_nearer():
    looks = Windows(torch.Size((1, 8, 8)))
    entropy = {1: 5.0, 3: 4.0, 5: 2.0, 7: 1.5, 9: 1.0, 11: 0.5, 13: 0.2, 15: 0.1}
    assert settled(looks, entropy.__getitem__, 2.1) == 5
    assert settled(looks, entropy.__getitem__, 3.9) == 3
    assert settled(looks, entropy.__getitem__, 5.0) == 1
    assert settled(looks, entropy.__getitem__, 0.01) == 15
    blind = {**entropy, 1: math.inf, 3: math.inf}
    assert settled(looks, blind.__getitem__, 3.9) == 5


def test_a_tau_by_entropy_leaves_no_output_blind_to_itself(bank):
    denoiser = PCALocality(bank, "entropy", share=0.9)
    for sigma in (0.01, 0.1, 1.0):
        assert bool(denoiser.mask(sigma).diagonal().all())
    assert not PCALocality(bank, 0.8).mask(0.01).diagonal().all()


def planted(side: int, count: int = 256) -> Tensor:  # [count, 1, 12, 12]
    """Images of random squares of so many pixels: a window tells them apart once it holds enough of them."""
    generator = torch.Generator().manual_seed(side)
    squares = torch.rand(count, 1, 12 // side, 12 // side, generator=generator) * 2 - 1
    return squares.repeat_interleave(side, -1).repeat_interleave(side, -2)


def test_on_a_planted_bank_the_window_is_the_one_whose_information_is_half_of_ln_n():
    # White noise of variance 1/3: window k tells 1/2 k^2 ln(1 + 1 / (3 sigma^2)) nats at most, up to ln N.
    bank = ImageBank(planted(1))
    for sigma in (0.6, 1.0, 2.0):
        told = [0.5 * k * k * math.log(1 + 1 / (3 * sigma**2)) for k in (1, 3, 5, 7, 9)]
        denoiser = LocalScore(bank, "entropy", share=0.5)
        size = int(denoiser.rows(sigma).mask.sum(1).max().item() ** 0.5)
        wanted = next(k for k, nats in zip((1, 3, 5, 7, 9), told, strict=True) if nats >= 0.5 * math.log(256))
        assert abs(size - wanted) <= 2
    assert LocalScore(ImageBank(planted(4)), "entropy").rows(1.0).mask.sum() > denoiser.rows(1.0).mask.sum()


# -- settings by entropy, of every denoiser that takes them


@pytest.mark.parametrize("kind", [LocalScore, PatchComposite])
def test_a_window_by_entropy_is_that_of_leaving_out_by_hand(kind, tmp_path):
    images = photographs(8, 60)
    bank = ImageBank(images)
    denoiser = kind.fit(bank, "entropy", share=0.4, cache=tmp_path)
    level = denoiser.patch_size.sigmas[14].item()
    denoiser(noisy(images[:1], level), 1.03 * level)  # the nearest of the grid
    size = denoiser.patch_size.values[14].item()
    assert denoiser.patch_size.values.isnan().sum() == len(denoiser.patch_size.values) - 1
    left_out = LeftOut.of(bank, IMAGES, 0)
    x = (left_out.few + level * left_out.noise).double()
    floats, found = to_float(images), {}
    for side in range(1, 16, 2):
        whole = Rows.of_windows(side, bank.image_shape).mask.sum(1)
        counted = (whole == whole.max()).repeat(3) & varying(bank)
        each = []
        for one, clean in zip(x.split(1), left_out.few, strict=True):
            other = ~((floats == clean).all((1, 2, 3)) | (floats == clean.flip(-1)).all((1, 2, 3)))
            rows = Rows.of_windows(side, bank.image_shape)
            each.append(brute(one, level, images[other], rows)[:, counted].mean())
        found[side] = torch.stack(each).mean().item()
    assert settled(denoiser.looks, found.__getitem__, 0.4 * math.log(60)) == size


def test_what_the_bank_decided_is_kept_in_the_cache_and_in_the_state(tmp_path, monkeypatch):
    bank = bank_of()
    first = LocalScore(bank, "entropy", cache=tmp_path)
    x = noisy(bank.images[:2], 0.5)
    wanted = first(x, 0.5)
    assert len(list(tmp_path.glob("entropy-*.safetensors"))) == 1
    monkeypatch.setattr(ByEntropy, "_settled", lambda *_: pytest.fail("settled again"))
    assert torch.equal(LocalScore(bank, "entropy", cache=tmp_path)(x, 0.5), wanted)
    other = LocalScore(bank, "entropy")
    other.load_state_dict(first.state_dict())
    assert torch.equal(other(x, 0.5), wanted)
    for changed in (
        LocalScore(bank, "entropy", cache=tmp_path, share=0.3),
        LocalScore(bank_of(50), "entropy", cache=tmp_path),
    ):
        with pytest.raises(pytest.fail.Exception):
            changed(x, 0.5)


def test_a_tau_by_entropy_gives_the_mask_of_that_tau():
    bank = bank_of(120, 6)
    stats = GaussianStats.from_bank(bank)
    for options in ({}, {"mask_axis": "row"}, {"threshold": "row"}, {"mask_axis": "row", "threshold": "row"}):
        denoiser = PCALocality(bank, "entropy", stats=stats, **options)
        mask = denoiser.mask(1.0)
        tau = denoiser.wiener.tau.found(1.0, bank, denoiser.looks)
        assert 0.0005 <= tau <= 0.8
        assert torch.equal(mask, PCALocality(bank, tau, stats=stats, **options).mask(1.0))
        level = denoiser.wiener.tau.sigmas[denoiser.wiener.tau.values.isfinite()].item()
        for value in (0.5, 0.05):  # several masks from one filter are those of a filter each
            wanted = PCALocality(bank, value, stats=stats, **options).mask(level)
            kept = Rows.of_precision(wanted, bank.image_shape)
            found = denoiser.looks.rows(level, value)
            assert torch.equal(found.mask, kept.mask)
            assert torch.equal(found.row_of_output, kept.row_of_output)


def test_outputs_see_more_where_the_share_is_smaller_and_where_there_is_more_noise():
    bank = bank_of(100)
    sizes = [
        [LocalScore(bank, "entropy", share=s).rows(v).mask.sum() for v in (0.1, 1.0, 5.0)] for s in (0.8, 0.3)
    ]
    assert all(row == sorted(row) for row in sizes)
    assert all(few <= many for few, many in zip(*sizes, strict=True))


def test_one_image_is_explained_by_itself_however_far_one_looks():
    bank = bank_of(1)
    x = noisy(bank.images, 0.5)
    for images in (bank, ImageBank(bank.images.repeat(3, 1, 1, 1))):
        assert torch.allclose(LocalScore(images, "entropy")(x, 0.5), to_float(bank.images, torch.float64))


@pytest.mark.parametrize("share", [0, 1, -0.1, 2.0, math.nan, "half", True])
def test_a_share_that_is_none_is_refused_by_name(share):
    with pytest.raises(ValueError, match=r"share: want a share of ln N"):
        LocalScore(bank_of(5), "entropy", share=share)


def test_other_words_are_refused_by_name():
    bank = bank_of(5)
    for word in ("entropie", "auto", ""):
        with pytest.raises(ValueError, match=r"^patch_size: want an odd whole number"):
            LocalScore(bank, word)
        with pytest.raises(ValueError, match=r"^patch_size: want an odd whole number"):
            EquivariantLocalScore(bank, word)
        with pytest.raises(ValueError, match=r"^tau: want a number from 0 to 1"):
            PCALocality(bank, word)


def test_whole_windows_by_entropy_lie_inside_the_image():
    bank = bank_of(40)
    denoiser = PatchComposite(bank, "entropy", border="whole")
    assert denoiser(noisy(bank.images[:2], 20.0), 20.0).isfinite().all()
    assert denoiser.patch_size.values.nan_to_num(0).max() <= 8


def test_constant_pixels_do_not_count():
    images = photographs(8, 80).clone()
    images[:, :, :, :4] = 7
    bank = ImageBank(images)
    vary = varying(bank).reshape(3, 8, 8)
    assert not vary[:, :, :4].any()
    assert vary[:, :, 4:].all()
    assert (
        LocalScore(ImageBank(torch.full_like(images, 7)), "entropy")(noisy(images[:1], 1.0), 1.0)
        .isfinite()
        .all()
    )


# -- settings by entropy, output by output


def shares_of(entropies: Tensor, blind: Tensor, wanted: float) -> Tensor:  # [V, ...]
    """How much each part counts, spelled out."""
    choice = parts_at(entropies, blind, wanted)
    parts = torch.arange(len(entropies)).reshape(-1, *[1] * choice.share.ndim)
    return (choice.before == parts) * (1 - choice.share) + (choice.after == parts) * choice.share


def test_an_output_takes_what_brings_its_entropy_down_to_the_wanted_one():
    columns = {  # entropies of three parts -> shares, where 2.5 nats are wanted
        (5.0, 3.0, 1.0): (0, 0.75, 0.25),
        (1.0, 0.5, 0.2): (1, 0, 0),  # the first is enough
        (5.0, 4.0, 3.0): (0, 0, 1),  # none is
        (3.0, 2.8, 2.9): (0, 0, 1),  # none is, and the last sees less than the one before
        (5.0, 5.0, 5.0): (0, 0, 1),  # a constant output
        (3.0, 2.0, 2.6): (0.5, 0.5, 0),  # the first that is
    }
    entropies = torch.tensor(list(columns)).T
    none = torch.zeros_like(entropies, dtype=torch.bool)
    wanted = torch.tensor(list(columns.values()), dtype=torch.float64).T
    assert torch.allclose(shares_of(entropies, none, 2.5), wanted, atol=1e-6)
    blind = torch.tensor([[True], [False], [False]])
    assert shares_of(torch.tensor([[5.0], [2.0], [1.0]]), blind, 2.5).flatten().tolist() == [0, 1, 0]
    assert shares_of(entropies[:1], none[:1], 2.5).flatten().tolist() == [1] * len(columns)


@pytest.mark.parametrize("kind", ["windows", "masks"])
def test_by_output_is_the_mix_of_brute_posteriors_at_each_output(kind):
    images = photographs(8, 60)
    bank = ImageBank(images)
    stats = GaussianStats.from_bank(bank)
    denoiser = (
        LocalScore(bank, "entropy:output", share=0.4)
        if kind == "windows"
        else PCALocality(bank, "entropy:output", share=0.4, stats=stats)
    )
    setting = denoiser.patch_size if kind == "windows" else denoiser.wiener.tau
    for sigma in (0.3, 1.2):
        x = noisy(images[:3], sigma).double()
        values = denoiser.looks.around(setting.found(sigma, bank, denoiser.looks))
        rows = [denoiser.looks.rows(sigma, value) for value in values]
        entropies = torch.stack(
            [torch.cat([brute(one, sigma, images, row) for one in x.split(1)]) for row in rows]
        )
        means = torch.stack([Looking(bank, row)(x, sigma).flatten(1) for row in rows])
        blind = torch.stack([row.own == 0 for row in rows])[:, None].expand_as(entropies)
        shares = shares_of(entropies, blind, 0.4 * math.log(60))
        assert len(values) > 2
        assert torch.allclose(denoiser(x, sigma).flatten(1), (shares * means).sum(0), atol=1e-6)
        mixed = (shares * entropies).sum(0)
        assert torch.allclose(denoiser.posterior(x, sigma).entropy.flatten(1), mixed, atol=1e-6)


def test_outputs_of_one_image_look_further_where_pixels_tell_less():
    # Left every pixel is drawn anew. Right squares of four pixels are: a window there tells less.
    images = planted(1)
    images[:, :, :, 4:] = planted(4)[:, :, :, 4:]
    denoiser = LocalScore(ImageBank(images), "entropy:output", share=0.4)
    looks, sigma = denoiser.looks, 1.0
    values = looks.around(denoiser.patch_size.found(sigma, denoiser.bank, looks))
    x = noisy(images[:16], sigma)
    entropies = torch.stack(
        [Looking(denoiser.bank, looks.rows(sigma, v)).posterior(x, sigma).entropy for v in values]
    )
    shares = shares_of(entropies, torch.zeros_like(entropies, dtype=torch.bool), 0.4 * math.log(256))
    sides = (shares * torch.tensor(values)[:, None, None, None, None]).sum(0).mean((0, 1, 2))  # by column
    assert sides[8:].min() > sides[:2].max() + 1


@pytest.mark.parametrize("kind", ["windows", "masks"])
def test_the_derivative_of_outputs_that_choose_is_that_of_finite_steps(kind):
    bank = bank_of(60)
    stats = GaussianStats.from_bank(bank)
    denoiser = (
        LocalScore(bank, "entropy:output", share=0.4)
        if kind == "windows"
        else PCALocality(bank, "entropy:output", share=0.4, stats=stats)
    )
    x = noisy(bank.images[:3], 0.7).double()
    ahead = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pixels = [(row, column) for row in range(0, 8, 2) for column in range(0, 8, 3)]
    fields = denoiser.jacobian(x, 0.7, pixels)
    leaf = x.clone().requires_grad_()
    total = torch.stack([denoiser(leaf, 0.7)[..., r, c].sum() for r, c in pixels]).sum()
    assert torch.allclose(torch.autograd.grad(total, leaf)[0], fields.sum(1), atol=1e-10)
    for step in (1e-6, 1e-4):
        moved = [denoiser(x + sign * step * ahead, 0.7) for sign in (1, -1)]
        found = [(moved[0] - moved[1])[..., r, c].sum(1) / (2 * step) for r, c in pixels]
        wanted = (fields * ahead[:, None]).sum((2, 3, 4))
        assert (torch.stack(found, 1) - wanted).norm() < 1e-3 * wanted.norm()


def test_single_precision_has_the_derivative_of_double():
    bank = bank_of(60)
    denoiser = LocalScore(bank, "entropy:output", share=0.4)
    x = noisy(bank.images[:3], 0.7).float()
    for give in (lambda y: denoiser.jacobian(y, 0.7, [(3, 4)]), lambda y: gradient(denoiser, y)):
        assert (give(x).double() - give(x.double())).norm() < 1e-4 * give(x.double()).norm()


def gradient(denoiser: LocalScore, x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(denoiser(leaf, 0.7).square().sum(), leaf)[0]


def test_masks_of_many_settings_are_kept_as_far_as_the_budget_goes():
    denoiser = LocalScore(bank_of(40, 16), "entropy:output", memory_budget=2**20)  # a mask has 64 KiB
    for sigma in (0.2, 0.5, 1.0, 2.0):
        denoiser(noisy(denoiser.bank.images[:1], sigma).float(), sigma)
        kept = denoiser._plans._plans
        assert sum(plan.rows.mask.nbytes for plan in kept.values()) <= 2**19
        assert [key[0] for key in kept][-1] == pytest.approx(sigma)


def test_only_denoisers_whose_outputs_have_an_entropy_choose_by_output():
    bank = bank_of(20)
    stats = GaussianStats.from_bank(bank)
    with pytest.raises(ValueError, match=r"^patch_size: .*outputs choose only in LocalScore"):
        PatchComposite(bank, "entropy:output")
    for refused in (
        lambda: GoldenSubset(bank, "entropy:output", stats=stats),
        lambda: PCALocality(bank, "entropy:output", softmax="wssm:5", stats=stats),
    ):
        with pytest.raises(ValueError, match=r"^tau: .*outputs choose only in"):
            refused()
