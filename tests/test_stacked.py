"""Stacked denoisers: the sum that they are, and the shares that calibration finds."""

from __future__ import annotations

import json
import math
from itertools import product

import pytest
import torch
from banks import digits, noisy, photographs, relative
from conftest import CONFIGS, PRETRAINED
from omegaconf import OmegaConf
from torch import Tensor

from locality import GaussianStats, ImageBank, NoiseSchedule, build
from locality.bank import thinned, to_float
from locality.calibration import Calibration, Stacking, calibrate, calibrate_shares, load
from locality.calibration.stacking import COST, LEAST, best_shares
from locality.denoisers import (
    Denoiser,
    LocalMixture,
    LocalScore,
    Optimal,
    PCALocality,
    Stacked,
    Wiener,
    stacked_mixtures,
)
from locality.denoisers.stacked_mixtures import SHARES, SIDES
from locality.noise import image_noise

pytestmark = pytest.mark.filterwarnings("ignore:.*(covariance lacks rank|images for 192 coordinates).*")
IMAGES = photographs(8, 72)
BANK, HELD_OUT = ImageBank(IMAGES[:60]), IMAGES[60:]
SIGMAS = NoiseSchedule.ddpm().sigma([50, 300, 600])
FITS = {"wiener": Wiener.fit, "optimal": Optimal.fit, "local": LocalScore.fit}
PLANTED = {
    SIGMAS[0].item(): {"wiener": 0.7, "local": 0.3},
    SIGMAS[1].item(): {"wiener": 0.2, "optimal": 0.3, "local": 0.5},
    SIGMAS[2].item(): {"optimal": 1.0},
}


class Never(Denoiser):
    """One that must not be called."""

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        raise AssertionError("this member has no share here")


def stack(shares=None) -> Stacked:
    return Stacked.fit(BANK, FITS, shares)


def test_it_is_the_sum_of_its_members_by_their_shares_image_by_image():
    x, _ = (one.double() for one in noisy(HELD_OUT, 300))
    levels = torch.tensor([0.11, 0.9, 40.0], dtype=torch.float64)  # nearest in log sigma: the three planted
    sigma = levels[torch.arange(len(x)) % 3]
    found = stack(PLANTED)(x, sigma)
    for level, shares in zip(levels.tolist(), PLANTED.values(), strict=True):
        alike = sigma == level
        parts = [share * FITS[name](BANK)(x[alike], level) for name, share in shares.items()]
        assert relative(found[alike], sum(parts)) < 1e-12


def test_without_shares_all_members_have_the_same():
    x, sigma = (one.double() for one in noisy(HELD_OUT, 300))
    mean = torch.stack([fit(BANK)(x, sigma) for fit in FITS.values()]).mean(0)
    assert relative(stack()(x, sigma), mean) < 1e-12
    assert relative(stack().estimates(x, sigma).mean(0), mean) < 1e-12


def test_its_jacobian_is_the_same_sum():
    x, _ = (one.double() for one in noisy(HELD_OUT, 300))
    sigma, pixels = SIGMAS[1].item(), [(2, 3), (7, 0)]
    own = [share * FITS[name](BANK).jacobian(x, sigma, pixels) for name, share in PLANTED[sigma].items()]
    assert relative(stack(PLANTED).jacobian(x, sigma, pixels), sum(own)) < 1e-9


def test_a_member_without_a_share_is_not_computed():
    shares = {0.1: {"wiener": 1.0}, 10.0: {"never": 1.0}}
    never = Never()
    never.image_shape = BANK.image_shape
    denoiser = Stacked({"never": never, "wiener": Wiener.fit(BANK)}, shares)
    x, _ = noisy(HELD_OUT, 100)
    assert denoiser(x, 0.3).shape == x.shape
    with pytest.raises(AssertionError, match="no share here"):
        denoiser(x, 3.0)


def test_shares_are_saved_and_survive_sixteen_bits():
    source, copy = stack(PLANTED), stack({sigma: {"wiener": 1.0} for sigma in PLANTED})
    copy.load_state_dict(source.half().state_dict())
    x, sigma = noisy(HELD_OUT, 300)
    assert torch.equal(copy(x, sigma), stack(PLANTED)(x, sigma))


def test_saved_shares_find_their_members_in_any_order():
    two = {"wiener": Wiener.fit(BANK), "optimal": Optimal.fit(BANK)}
    source = Stacked(two, {1.0: {"wiener": 1.0}})
    other = Stacked(dict(reversed(two.items())), {1.0: {"wiener": 0.5, "optimal": 0.5}})
    other.load_state_dict(source.state_dict())
    x, sigma = noisy(HELD_OUT, 300)
    assert torch.equal(other(x, sigma), two["wiener"](x, sigma))


def test_one_denoiser_may_stand_under_two_names():
    wiener = Wiener.fit(BANK)
    x, sigma = (one.double() for one in noisy(HELD_OUT, 300))
    both = Stacked({"a": wiener, "b": wiener}, {1.0: {"a": 0.25, "b": 0.75}})
    assert relative(both(x, sigma), wiener(x, sigma)) < 1e-12


def test_statistics_are_measured_once_or_never(monkeypatch):
    stats, calls = GaussianStats.from_bank(BANK), []
    monkeypatch.setattr(GaussianStats, "measured", lambda *_: calls.append(1) or stats)
    both = {"wiener": Wiener.fit, "pca": PCALocality.fit}
    Stacked.fit(BANK, both)
    assert len(calls) == 1
    Stacked.fit(BANK, both, stats=stats)
    Stacked.fit(BANK, {"optimal": Optimal.fit})
    assert len(calls) == 1


def test_costly_members_may_have_fewer_images():
    few = Stacked.fit(BANK, FITS, counts={"local": 20})
    x, sigma = (one.double() for one in noisy(HELD_OUT, 300))
    assert relative(few.estimates(x, sigma)[2], LocalScore.fit(thinned(BANK, 20))(x, sigma)) < 1e-12
    assert relative(few.estimates(x, sigma)[1], Optimal(BANK)(x, sigma)) < 1e-12
    assert Stacked.fit(BANK, FITS, counts={"local": 1000}).bank_count == 60
    for counts in ({"nobody": 3}, {"local": 0}):
        with pytest.raises(ValueError, match=r"^counts: want whole numbers from 1, of members"):
            Stacked.fit(BANK, FITS, counts=counts)


def test_it_counts_the_images_that_its_members_had():
    assert stack().bank_count == 60
    assert Stacked({"wiener": Wiener.fit(BANK)}).bank_count is None
    assert Stacked({"mixture": LocalMixture.fit(BANK, window=4, components=2)}).bank_count == 60


@pytest.mark.parametrize(
    "shares",
    [
        {}, 3, {1.0: {}}, {1.0: {"nobody": 1.0}}, {1.0: {"wiener": 0.4, "local": 0.4}},
        {-1.0: {"wiener": 1.0}}, {1.0: {"wiener": 1.5, "local": -0.5}}, {1.0: 3}, {"x": {"wiener": 1.0}},
    ],
)  # fmt: skip
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match=r"^shares: want"):
        stack(shares)


def test_members_that_are_none_are_refused():
    wiener = Wiener.fit(BANK)
    with pytest.raises(ValueError, match=r"^members: want denoisers of the same images"):
        Stacked({"a": wiener, "b": Optimal.fit(ImageBank(digits()))})
    for members in ({}, {"a": torch.nn.Identity()}, {"a": Wiener.fit}):
        with pytest.raises(ValueError, match=r"^members: want one or more denoisers by name, got"):
            Stacked(members)
    for name in ("a.b", "keys", "train", ""):
        with pytest.raises(ValueError, match=r"^members: want names of letters, digits and _, got"):
            Stacked({name: wiener})


def test_planted_shares_are_recovered():
    found = calibrate_shares(
        lambda bank: Stacked.fit(bank, FITS), BANK, HELD_OUT, SIGMAS, target=stack(PLANTED), batch_size=5
    )
    for sigma, shares in found.mapping().items():
        for name, share in shares.items():
            assert share == pytest.approx(PLANTED[sigma].get(name, 0.0), abs=2e-3)
    assert found.together.max() < 1e-7
    assert found.target == "network"


def test_planted_shares_are_recovered_on_the_way_to_samples():
    found = calibrate_shares(
        lambda bank: Stacked.fit(bank, FITS), BANK, 12, SIGMAS, target=stack(PLANTED), batch_size=5
    )
    for sigma, shares in found.mapping().items():
        for name, share in shares.items():
            assert share == pytest.approx(PLANTED[sigma].get(name, 0.0), abs=5e-3)
    assert found.together.max() < 1e-7
    assert (found.target, found.count) == ("network's samples", 12)


def test_errors_are_those_of_clean_images_alone_and_together():
    found = calibrate_shares(lambda bank: Stacked.fit(bank, FITS), BANK, HELD_OUT, SIGMAS)
    clean = to_float(HELD_OUT)
    noise = image_noise(range(len(clean)), clean.shape[1:], 0, "calibration")
    whole = stack(found.mapping())
    for s, sigma in enumerate(SIGMAS.tolist()):
        x = clean + sigma * noise
        errors = [(fit(BANK)(x, sigma) - clean).square().mean().item() for fit in FITS.values()]
        assert found.alone[s].tolist() == pytest.approx(errors, rel=1e-4)
        together = (whole(x, sigma) - clean).square().mean().item()
        assert found.together[s].item() == pytest.approx(together, rel=1e-3)
        # Each alone is among the combinations.
        assert together <= min(errors) * (1 + COST) * (1 + 1e-3)
    assert found.target == "clean images"


def least_by_supports(products: Tensor) -> float:
    """Brute force: the least on the plane of each set of members, where that lies in the simplex."""
    best, count = float("inf"), len(products)
    for mask in product([False, True], repeat=count):
        kept = [k for k in range(count) if mask[k]]
        if kept:
            raw = torch.linalg.pinv(products[kept][:, kept]) @ torch.ones(len(kept), dtype=torch.float64)
            shares = raw / raw.sum()
            if bool((shares >= -1e-12).all()):
                best = min(best, (shares @ products[kept][:, kept] @ shares).item())
    return best


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scale", [1e-6, 1.0])
def test_the_shares_are_the_best_there_are_but_for_small_ones(seed, scale):
    generator = torch.Generator().manual_seed(seed)
    alike = seed / 6 * torch.randn(50, generator=generator, dtype=torch.float64)
    sizes = 1 + 2 * torch.rand(5, 1, generator=generator, dtype=torch.float64)
    errors = sizes * torch.randn(5, 50, generator=generator, dtype=torch.float64) + alike
    products = scale * errors @ errors.T
    found = best_shares(products)
    error, least = (found @ products @ found).item(), least_by_supports(products)
    assert found.sum().item() == pytest.approx(1)
    assert bool((found >= 0).all())
    assert least * (1 - 1e-9) <= error <= least * (1 + COST) * (1 + 1e-9)


def test_small_shares_are_left_out_where_that_costs_little():
    # Of independent errors the best shares go as one over the variance.
    found = best_shares(torch.diag(torch.tensor([1.0, 1.0, 400.0], dtype=torch.float64)))
    assert torch.allclose(found, torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64))
    both = best_shares(torch.diag(torch.tensor([1.0, 3.0], dtype=torch.float64)))
    assert torch.allclose(both, torch.tensor([0.75, 0.25], dtype=torch.float64))
    many = best_shares(torch.eye(60, dtype=torch.float64))  # each has less than LEAST, and matters
    assert many.count_nonzero() > 50
    assert LEAST > 1 / 60


def test_estimates_that_are_not_finite_are_told_by_name():
    class Broken(Wiener):
        def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
            return super().estimate(x, sigma) / 0

    fits = {**FITS, "broken": lambda bank: Broken(GaussianStats.from_bank(bank))}
    with pytest.raises(ValueError, match=r"^members.broken: want finite estimates"):
        calibrate_shares(lambda bank: Stacked.fit(bank, fits), BANK, HELD_OUT, SIGMAS)


@pytest.fixture(scope="module")
def found() -> Stacking:
    return calibrate_shares(lambda bank: Stacked.fit(bank, FITS), BANK, HELD_OUT, SIGMAS)


def test_what_was_found_is_read_back_and_used(found, tmp_path):
    found.save(tmp_path / "shares.json")
    assert load(tmp_path / "shares.json") == found
    assert Stacking.load(tmp_path / "shares.json") == found
    x, sigma = noisy(HELD_OUT, 300)
    applied = found.apply(lambda bank, shares: Stacked.fit(bank, FITS, shares))(BANK)
    assert torch.equal(applied(x, sigma), stack(found.mapping())(x, sigma))
    calibrate(LocalScore.fit, BANK, HELD_OUT[:2], SIGMAS, [1, 3]).save(tmp_path / "size.json")
    assert isinstance(load(tmp_path / "size.json"), Calibration)
    with pytest.raises(ValueError, match="not a calibration"):
        Calibration.load(tmp_path / "shares.json")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": None}, {"extra": 1}, {"format": "x"}, {"shares": [[1]]}, {"target": "me"},
        {"members": ["a"]},
        {"together": [0, 0, 0]}, {"shares": [[1, 0, 0]] * 3}, {"images": 0}, {"sigmas": [-1.0, 2.0, 3.0]},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_file_that_was_changed_is_refused(change, found, tmp_path):
    path = tmp_path / "shares.json"
    found.save(path)
    content = {k: v for k, v in (json.loads(path.read_text()) | change).items() if v is not None}
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"shares.json: .*calibrate again"):
        load(path)


def test_only_stacks_have_shares():
    with pytest.raises(ValueError, match=r"^fit: want one of a Stacked, got one of a Optimal"):
        calibrate_shares(Optimal.fit, BANK, HELD_OUT, SIGMAS)


def test_stacked_mixtures_are_windows_and_the_optimal_denoiser():
    bank = ImageBank(digits())
    whole = stacked_mixtures(bank, components=3)
    assert whole.shares.names == ("window_4", "window_6", "window_8", "optimal")  # 12, 20 and 64 are cut to 8
    x, _ = (one.double() for one in noisy(bank.images, 300))
    shares = {1.0: {"window_4": 0.4, "window_8": 0.4, "optimal": 0.2}}
    found = stacked_mixtures(bank, shares=shares, components=3)(x, 1.0)
    four, eight = (LocalMixture.fit(bank, window=side, components=3)(x, 1.0) for side in (4, 8))
    assert relative(found, 0.4 * four + 0.4 * eight + 0.2 * Optimal(bank)(x, 1.0)) < 1e-9
    assert torch.equal(whole.shares.at(torch.tensor([0.1, 1e4])).sum(1), torch.ones(2, dtype=torch.float64))


def test_shares_of_other_windows_are_those_of_the_usual_ones_that_are_nearest():
    bank = ImageBank(digits())
    usual = stacked_mixtures(bank, windows=[64, 20, 12, 8, 6, 4], components=2)  # whatever the order
    few = stacked_mixtures(bank, windows=[3, 7], components=2)
    for row, (*given, optimal) in SHARES.items():
        level = torch.tensor([row])
        assert usual.shares.at(level)[0].tolist() == pytest.approx([*given[:2], sum(given[2:]), optimal])
        assert few.shares.at(level)[0].tolist() == pytest.approx([given[0], sum(given[1:]), optimal])
    assert all(sum(row) == pytest.approx(1) for row in SHARES.values())


def test_the_usual_shares_are_the_means_of_those_that_ship():
    found = [
        json.loads((PRETRAINED / name / "calibration" / "stacked_mixtures.shares.json").read_text())
        for name in ("cifar", "cats", "photos16")
    ]
    for sigma, usual in SHARES.items():
        rows = []
        for one in found:
            level = min(range(len(one["sigmas"])), key=lambda k: abs(math.log(one["sigmas"][k] / sigma)))
            *windows, _ = one["members"]  # the last window is the image
            places = [*(f"window_{side}" for side in SIDES[:-1]), windows[-1], "optimal"]
            shares = dict(zip(one["members"], one["shares"][level], strict=True))
            rows.append([shares.pop(place, 0.0) for place in places])
            assert not shares
        means = torch.tensor(rows).mean(0)
        assert (means - torch.tensor(usual)).abs().max() < 0.0101


def test_shares_may_name_windows_that_the_image_cuts():
    node = OmegaConf.load(CONFIGS / "denoiser" / "stacked_mixtures.yaml")
    node.components, node.shares = 2, {0.5: {"window_12": 0.75, "window_64": 0.25}}
    fit, bank = build.fit(node), ImageBank(photographs(16, 60))
    build.try_fit("denoiser", fit, bank)  # on corners, where both are one
    assert fit(bank).shares.at(torch.ones(1)).tolist() == [[0, 0, 0, 0.75, 0.25, 0]]
    assert fit(ImageBank(digits())).shares.at(torch.ones(1)).tolist() == [[0, 0, 1, 0]]


@pytest.mark.parametrize("windows", [[], [0], [2.5], "48", 4, [True]])
def test_windows_that_are_none_are_refused(windows):
    with pytest.raises(ValueError, match=r"^windows: want"):
        stacked_mixtures(ImageBank(digits()), windows=windows)
