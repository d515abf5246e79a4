"""What the threads of compiled kernels are told, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from banks import noisy, photographs

from locality import ImageBank
from locality.bank import to_float
from locality.denoisers import LocalScore
from locality.posterior.vectors import threads
from locality.posterior.vectors.reading import read_block

TINY = torch.tensor([1e-30])  # its square is below the least normal number of float32


def _keeps_tiny_numbers() -> bool:
    return bool((TINY * 1e-10).item())


@pytest.fixture(params=[1, 2])
def count(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_numbers_too_small_for_their_type_are_zeros_in_a_scan_and_only_there(count):
    known = torch.set_flush_denormal(True)
    torch.set_flush_denormal(False)
    if not known:
        pytest.skip("this processor has no such setting")
    assert not any(threads.over_threads(64, 16, lambda first, last: _keeps_tiny_numbers()))
    assert _keeps_tiny_numbers()


def test_a_failing_scan_leaves_the_caller_as_it_was(count):
    def fails(first: int, last: int) -> None:
        raise RuntimeError("a part failed")

    with pytest.raises(RuntimeError, match="a part failed"):
        threads.over_threads(64, 16, fails)
    assert _keeps_tiny_numbers()


@pytest.mark.parametrize("t", [20, 100, 300])
def test_no_bit_depends_on_whether_tiny_numbers_are_zeros(t, monkeypatch):
    denoiser = LocalScore.fit(ImageBank(photographs()), 5)
    x, sigma = noisy(photographs(), t)
    flushed = denoiser.posterior(x, sigma)
    monkeypatch.setattr(torch, "set_flush_denormal", lambda mode: False)
    for one, other in zip(flushed, denoiser.posterior(x, sigma), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_block_holds_the_bytes_as_the_bank_reads_them(dtype):
    images = torch.arange(256, dtype=torch.uint8).repeat(5, 1) + torch.arange(5, dtype=torch.uint8)[:, None]
    block = np.empty((256, 4), dtype)
    read_block(images.numpy(), 2, 5, *threads.at_rest(images)[1:], block)
    expected = to_float(images[[2, 3, 4, 4]], torch.float64).T.numpy()
    # Read in float64 and rounded once: in float32, the same bits.
    assert np.abs(block - expected.astype(dtype)).max() <= (0 if dtype == np.float32 else 3e-16)
