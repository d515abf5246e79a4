"""Products of whole numbers of 8 bits: exact, by the processor's own products and without."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from locality import whole_numbers
from locality.whole_numbers import LONGEST, Digits, blocks, centred, products, squares


@pytest.fixture(params=["as the processor has them", "by float32"], autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "by float32":
        monkeypatch.setattr(whole_numbers, "quick", lambda device: False)


def some(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-128, 128, shape, generator=generator).to(torch.int8)


def test_bytes_are_centred_at_128() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(centred(every).long(), every.long() - 128)
    parts = [part.clone() for part in blocks(every.view(64, 4), 30)]
    assert [len(part) for part in parts] == [30, 30, 4]
    assert torch.equal(torch.cat(parts), centred(every).view(64, 4))


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (3, 5, 7), (17, 3072, 33), (65, 2500, 1)])
def test_products_are_those_of_long_integers(m: int, k: int, n: int) -> None:
    a, b = some(m, k), some(k, n, seed=1)
    assert torch.equal(products(a, b).long(), a.long() @ b.long())
    assert torch.equal(products(b.T, a.T).long(), (a.long() @ b.long()).T)


def test_products_take_rows_and_columns_in_any_layout() -> None:
    whole, other = some(40, 64), some(64, 30, seed=1)
    for rows in (slice(0, 1), slice(3, 4), slice(2, 40, 2), slice(0, 40)):
        for columns in (slice(0, 1), slice(1, 64, 3), slice(5, 60)):
            a, b = whole[rows, columns], other[columns]
            for left in (a, a.T.contiguous().T):
                for right in (b, b.T.contiguous().T, b[:, :1], b[:, ::2]):
                    want = left.long() @ right.long()
                    assert torch.equal(products(left, right).long(), want)
                    assert torch.equal(products(right.T, left.T).long(), want.T)


@pytest.mark.parametrize("value", [-128, 127])
def test_products_hold_the_extremes_over_the_longest_rows(value: int) -> None:
    row = torch.full((2, LONGEST), value, dtype=torch.int8)
    assert torch.equal(products(row, row.T).long(), torch.full((2, 2), value**2 * LONGEST))


def test_longer_rows_are_refused() -> None:
    row = torch.zeros(1, LONGEST + 1, dtype=torch.int8)
    with pytest.raises(ValueError, match="at most 131071 numbers, got 131072"):
        products(row, row.T)


@pytest.mark.parametrize("rows", [1, 64, 65, 200])
def test_squares_are_those_of_long_integers(rows: int) -> None:
    a = some(rows, 3000)
    assert torch.equal(squares(a).long(), a.long().square().sum(1))


@pytest.mark.parametrize("count", [1, 2, 4, 6, 7])
def test_digits_are_as_near_as_they_say(count: int) -> None:
    numbers = torch.randn(5, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    numbers[0] *= 1e6
    numbers[1] = 0
    numbers[2, 7] = -numbers[2].abs().max() * 30
    digits, every = Digits.of(numbers, count), torch.eye(40).to(torch.int8)
    bound = numbers.abs().amax(1, keepdim=True) * 2.0 ** (2 - 8 * count)
    assert ((digits.times(every) - numbers).abs() <= bound + 1e-15 * numbers.abs()).all()


def test_digits_times_whole_numbers_are_the_products() -> None:
    numbers = torch.randn(3, 3072, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    a = some(10, 3072)
    want = numbers @ a.double().T
    torch.testing.assert_close(Digits.of(numbers, 6).times(a), want, rtol=0, atol=1e-8)


def test_whole_numbers_of_few_bits_are_their_digits() -> None:
    numbers, a = torch.tensor([[2**30 - 1, 0, -5, 17], [1, 1, 1, 1]]), some(1000, 4)
    assert torch.equal(Digits.of(numbers.double(), 4).times(a), (numbers @ a.long().T).double())
