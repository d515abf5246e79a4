"""A bank that is shared out over ranks gives the numbers of one that each rank holds whole."""

from __future__ import annotations

import functools
import math
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.distributed as dist
from banks import noisy, photographs, relative, with_near_duplicates
from ranks import on_ranks
from torch import Tensor

from locality import GaussianStats, ImageBank, whole_numbers
from locality.bank import some, thinned
from locality.calibration import calibrate
from locality.denoisers import (
    EquivariantLocalScore,
    GoldenSubset,
    LocalMixture,
    LocalScore,
    Nearest,
    Optimal,
    PatchComposite,
    PCALocality,
    Smoothed,
    SoftLocality,
    Wiener,
)
from locality.denoisers.bank_denoiser import BankDenoiser
from locality.denoisers.base import Denoiser
from locality.metrics import nearest_two
from locality.posterior import blocks
from locality.posterior.rounding import PixelMoments, PixelSums
from locality.shards import Shard

EXACT = 1e-6  # and of what float32 noisy images give besides the estimate, 2e-5
FITS: dict[str, Callable[[ImageBank], Denoiser]] = {
    "optimal": Optimal.fit,
    "nearest": Nearest.fit,
    "local_score": lambda bank: LocalScore.fit(bank, 3),
    "local_score by entropy": lambda bank: LocalScore.fit(bank, "entropy"),
    "equivariant": lambda bank: EquivariantLocalScore.fit(bank, 3),
    "equivariant broken": lambda bank: EquivariantLocalScore.fit(bank, 3, border="broken"),
    "patch_composite": lambda bank: PatchComposite.fit(bank, 3),
    "pca_locality": lambda bank: PCALocality.fit(bank, tau=0.05),
    "pca_locality by entropy": lambda bank: PCALocality.fit(bank, tau="entropy"),
    "pca_locality in batches": lambda bank: PCALocality.fit(bank, tau=0.05, softmax="wssm:20"),
    "smoothed": lambda bank: Smoothed.fit(bank, copies=3),
    "soft_locality": lambda bank: SoftLocality.fit(bank),
    "golden_subset": lambda bank: GoldenSubset.fit(bank, k_min=0.2, k_max=0.3, m_min=0.5, presample=41),
    "wiener": lambda bank: Wiener.fit(bank),
    "local_mixture": lambda bank: LocalMixture.fit(bank, 4, components=3),
}
RANKS = 3
CUTS = {"uneven": [3, 40, 2], "one of them empty": [0, 20, 25]}  # images of each rank
LEVELS = torch.tensor([0.3, 0.3, 3.0, 30.0])


def images() -> Tensor:
    return with_near_duplicates(photographs(8, 25))[:, :, :6, :5]


def pulled(denoiser: Denoiser, x: Tensor, sigma: Tensor) -> Tensor:
    """The gradient of a sum that weighs all outputs differently."""
    x = x.clone().requires_grad_()
    weights = torch.linspace(-1, 1, x.shape[1:].numel()).reshape(x.shape[1:])
    (gradient,) = torch.autograd.grad((denoiser(x, sigma) * weights).sum(), x)
    return gradient


def all_of(denoiser: Denoiser, x: Tensor, sigma: Tensor) -> dict[str, Tensor]:
    found = {"estimate": denoiser(x, sigma)}
    if len(x) > 0 or hasattr(denoiser, "bank"):
        found["gradient"] = pulled(denoiser, x, sigma)
        found["jacobian"] = denoiser.jacobian(x, sigma, [(2, 3), (0, 0)])
    if isinstance(denoiser, BankDenoiser):
        found |= denoiser.posterior(x, sigma)._asdict()
    return found


def errors(
    name: str, whole: ImageBank, shared: ImageBank, seed: int, count: int, dtype: torch.dtype
) -> dict[str, float]:
    """How far the answers of a shared bank are from those of the whole one, in parts of what is allowed."""
    noise = torch.randn(4, *whole.image_shape, generator=torch.Generator().manual_seed(seed))
    clean = next(whole.chunks(4))
    order = torch.randperm(4, generator=torch.Generator().manual_seed(seed))
    sigma = LEVELS[order][:count]
    x = (clean[:count] + sigma[:, None, None, None] * noise[:count]).to(dtype)
    exact, found = (all_of(FITS[name](bank), x, sigma) for bank in (whole, shared))
    assert all(found[key].shape == exact[key].shape and found[key].dtype == exact[key].dtype for key in exact)
    off = {key: relative(found[key], exact[key]) if exact[key].any() else found[key].abs().sum().item()
           for key in exact if exact[key].numel()}  # fmt: skip
    wide = 20 if dtype == torch.float32 else 1
    return {key: error / EXACT / (1 if key in ("estimate", "mean") else wide) for key, error in off.items()}


def work(folder: str) -> dict[str, dict[str, Any]]:
    """On a rank: all that is to be seen there, since processes cost more than what they do."""
    warnings.simplefilter("ignore")
    whole, rank, found = ImageBank(images()), dist.get_rank(), {}
    for cut, counts in CUTS.items():
        shared = whole.sharded(counts=counts)
        seen_here: dict[str, Any] = {}
        for name in FITS:
            unlike = errors(name, whole, shared, rank, [2, 1, 0][rank], torch.float64)
            alike = errors(name, whole, shared, 0, 2, torch.float32)
            seen_here[name] = {"asked unlike": unlike, "asked alike": alike}
        found[cut] = seen_here | everything_else(counts, f"{folder}/{cut}")
        # Next as where there are no quick products of 8 bits: ranks have centres of their own.
        whole_numbers.quick = blocks.quick = lambda device: False
    ask_for_different_things(shared)
    found["the end"] = {"told": cut_off(shared)}
    return found


@functools.cache
def seen() -> list[dict[str, dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as folder:
        return on_ranks(RANKS, work, folder)


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("cut", CUTS)
def test_every_denoiser_answers_as_with_the_whole_bank(name, cut):
    for found in seen():
        for asked, parts in found[cut][name].items():
            assert all(error <= 1 for error in parts.values()), (asked, parts)


def everything_else(counts: list[int], folder: str) -> dict[str, int]:
    """On a rank: the bank itself, statistics, calibration, copies."""
    whole = ImageBank(images())
    shared = whole.sharded(counts=counts)
    assert shared.fingerprint == whole.fingerprint
    assert len(shared) == len(whole)
    order = torch.tensor([5, 3, 44, 3, 20])
    assert torch.equal(shared.taken(order), whole.taken(order))
    assert torch.equal(shared.taken(slice(7, 30)), whole.images[7:30])
    for chosen in (order, torch.arange(45) % 3 == 0, [1, 30, 31], torch.arange(10, 40)):
        one, other = shared.subset(chosen), whole.subset(chosen)
        assert torch.equal(one.taken(slice(None)), other.images)
        assert one.fingerprint == other.fingerprint
        assert len(one.images) <= len(one)
    assert thinned(shared, 9).fingerprint == thinned(whole, 9).fingerprint
    assert torch.equal(some(shared, 9), some(whole, 9))
    floats = ImageBank(whole.images / 127.5 - 1)
    for bank, part in ((whole, shared), (floats, floats.sharded(counts=counts))):
        exact = GaussianStats.from_bank(bank)
        measured = [GaussianStats.from_bank(part, cache=cache) for cache in (None, folder, folder)]
        for one in measured:
            assert relative(one.mean, exact.mean) < 1e-12
            assert relative(one.covariance, exact.covariance) < 1e-12
            assert one.count == 45
            assert bank is floats or torch.equal(one.covariance, exact.covariance)  # sums of whole numbers
            assert math.isclose(one.shrinkage_intensity(), exact.shrinkage_intensity(), rel_tol=1e-9)
        assert torch.equal(measured[1].eigenvectors, measured[2].eigenvectors)
    clean = noisy(images(), 20, 6)[0].clamp(-1, 1)
    found = [calibrate(LocalScore.fit, bank, clean, [0.3, 3.0], [1, 3, 5]) for bank in (whole, shared)]
    assert found[0].mapping() == found[1].mapping()
    assert found[1].is_of(shared)
    distances, places = nearest_two(clean, shared)
    assert relative(distances, nearest_two(clean, whole)[0]) < 1e-12
    assert torch.equal(places, nearest_two(clean, whole)[1])
    with pytest.raises(ValueError, match="not shared out yet"):
        shared.subset([1, 2]).sharded()
    state = Optimal.fit(shared).state_dict()
    return {"bytes": shared.images.nbytes, "saved": sum(tensor.nbytes for tensor in state.values())}


@pytest.mark.parametrize("cut", CUTS)
def test_a_rank_holds_its_part_and_saves_none(cut):
    assert [one[cut]["bytes"] for one in seen()] == [count * images()[0].nbytes for count in CUTS[cut]]
    assert all(one[cut]["saved"] == 0 for one in seen())


def ask_for_different_things(shared: ImageBank) -> None:
    x, sigma = noisy(images(), 300)
    x = x.double() if dist.get_rank() else x
    with pytest.raises(ValueError, match="images of one type"):
        Optimal.fit(shared)(x, sigma.to(x))


def cut_off(shared: ImageBank) -> str:
    x, sigma = noisy(images(), 300)
    Optimal.fit(shared)(x, sigma)
    if dist.get_rank() == 1:
        return "left"
    with pytest.raises(RuntimeError) as caught:
        asked_for_ever(shared, x, sigma)
    return str(caught.value)


def asked_for_ever(bank: ImageBank, x: Tensor, sigma: Tensor) -> None:
    while True:
        Optimal.fit(bank)(x, sigma)


def test_a_rank_that_goes_away_is_told_in_one_line():
    first, left, last = (one["the end"]["told"] for one in seen())
    assert left == "left"
    for rank, told in ((0, first), (2, last)):
        assert told.startswith(f"bank=sharded: rank {rank} of 3 lost the others")
        assert "\n" not in told


def test_ranks_that_were_never_started_are_told_in_one_line():
    with pytest.raises(
        RuntimeError, match=r"^bank=sharded: want several ranks of torch\.distributed, got none"
    ):
        ImageBank(images()).sharded()
    shared = ImageBank(images()).sharded(rank=1, world=4)
    with pytest.raises(RuntimeError, match=r"^bank=sharded: want 4 ranks .* got none; start all of them"):
        Optimal.fit(shared)(*noisy(images(), 300))


@pytest.mark.parametrize("counts", [[45], [20, 26], [-1, 46]])
def test_counts_that_do_not_fit_are_refused(counts):
    with pytest.raises(ValueError, match="counts: want 2 of sum 45"):
        ImageBank(images()).sharded(0, 2, counts)


def test_one_rank_has_the_bank_itself():
    bank = ImageBank(images())
    assert bank.sharded(0, 1) is bank


def test_a_cut_is_even_and_a_part_of_it_is_consistent():
    for total, world in ((0, 3), (2, 4), (45, 4), (1000, 7)):
        shards = [Shard.cut(total, rank, world) for rank in range(world)]
        held = [shard.counts[shard.rank] for shard in shards]
        assert sum(held) == total
        assert max(held) - min(held) <= 1
        middle = [shard.of(total // 3, total // 2) for shard in shards]
        assert sum(one.counts[one.rank] for one in middle) == total // 2 - total // 3


@pytest.mark.parametrize("floats", [False, True])
def test_moments_of_parts_are_those_of_the_whole_and_of_bytes_the_same_bits(floats):
    flat = images().flatten(1)
    flat = flat / 127.5 - 1 if floats else flat
    parts = (PixelSums.of(part, chunk=4) for part in flat.split([0, 3, 0, 30, 12]))
    found = PixelMoments.of_sums(functools.reduce(PixelSums.merge, parts), flat.dtype)
    for one, other in zip(found, PixelMoments.of(flat), strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-12) if floats else torch.equal(one, other)
