"""Partial softmaxes: whatever made them, they merge in any order to that of the whole."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from locality.posterior.softmax import Weighed, exponential_

OWNER = torch.tensor([0, 1, 1, 0])
# A sum of a hundred positive terms, and exponentials of differences of rounded logits: some 1e-13 in float64.
TOLERANCE = 1e-12


def weighed(weights: Tensor, values: Tensor) -> Tensor:  # [B, R, c], [c, n] -> [B, n]
    return torch.einsum("brc,cn->brn", weights, values)[:, OWNER, range(4)]


def state_of(logits: Tensor, values: Tensor) -> Weighed:  # [B, R, c], [c, n]
    return Weighed.of(logits.clone(), OWNER, lambda weights: weighed(weights, values))


def assert_same(a: Weighed, b: Weighed, tolerance: float = TOLERANCE) -> None:
    """All that a state is asked for, where there are candidates; entropies to the rounding of their terms."""
    here = b.total > 0
    assert torch.equal(a.total > 0, here)
    assert torch.equal(a.sure, b.sure)
    for name in ("peak", "log_partition", "effective_size", "entropy"):
        ours, theirs = getattr(a, name)[here], getattr(b, name)[here]
        assert torch.allclose(ours, theirs, rtol=tolerance, atol=100 * tolerance), name
    outputs = here[:, b.owner]
    assert torch.allclose(a.mean[outputs], b.mean[outputs], rtol=tolerance, atol=tolerance)


@st.composite
def candidates(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Logits [2, 2, c] and values [c, 4]: none, one, duplicates, hopeless ones, near and far apart."""
    count = draw(st.integers(0, 12))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    scale = draw(st.sampled_from([0.0, 1.0, 50.0, 1e4]))
    logits = scale * torch.randn(2, 2, count, generator=generator, dtype=torch.float64)
    logits[torch.rand(logits.shape, generator=generator) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = -1e30
    values = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    if count and draw(st.booleans()):
        which = torch.randint(count, (count,), generator=generator)
        logits, values = logits[..., which], values[which]
    return logits, values


@settings(max_examples=200, deadline=None)
@given(candidates(), candidates(), candidates())
def test_merging_is_associative_commutative_and_what_all_together_leave(one, two, three):
    a, b, c = (state_of(*some) for some in (one, two, three))
    assert_same(a.merge(b).merge(c), a.merge(b.merge(c)))
    assert_same(a.merge(b), b.merge(a))
    logits, values = torch.cat([one[0], two[0], three[0]], 2), torch.cat([one[1], two[1], three[1]])
    assert_same(a.merge(b).merge(c), state_of(logits, values))


@settings(max_examples=50, deadline=None)
@given(candidates())
def test_no_candidate_is_neutral(some):
    state, none = state_of(*some), Weighed.empty(2, 2, OWNER)
    assert_same(state.merge(none), state, 0)
    assert_same(none.merge(state), state, 0)
    assert_same(none.merge(none), none, 0)


@settings(max_examples=50, deadline=None)
@given(candidates(), candidates())
def test_a_merge_says_what_a_softmax_over_both_would(one, two):
    state = state_of(*one).merge(state_of(*two))
    logits, values = torch.cat([one[0], two[0]], -1), torch.cat([one[1], two[1]])
    if logits.shape[2] == 0:
        return
    weights = logits.softmax(-1)
    assert torch.allclose(state.log_partition, logits.logsumexp(-1), rtol=TOLERANCE, atol=TOLERANCE)
    assert torch.allclose(state.effective_size, 1 / weights.square().sum(-1), rtol=TOLERANCE)
    assert torch.allclose(state.entropy, -torch.xlogy(weights, weights).sum(-1), rtol=TOLERANCE, atol=1e-10)
    assert torch.allclose(state.mean, weighed(weights, values), rtol=TOLERANCE, atol=TOLERANCE)


def test_a_merge_is_sure_if_both_are():
    a, b = Weighed.empty(2, 2, OWNER), Weighed.empty(2, 2, OWNER)
    b.sure[1] = False
    assert a.merge(b).sure.tolist() == b.merge(a).sure.tolist() == [True, False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_are_normal_numbers_whose_products_are_too_and_no_sum_knows_the_difference(dtype):
    relative = torch.cat([torch.zeros(1), -torch.logspace(-3, 6, 2000)]).to(dtype)
    found = exponential_(relative.clone())
    assert float((found * found).min()) >= torch.finfo(dtype).tiny
    exact = relative.double().exp()
    assert (found.double() - exact).abs().max() <= torch.finfo(dtype).eps
    tail = relative < -100 if dtype == torch.float32 else relative < -800
    assert 1e6 * found[tail].double().sum() < torch.finfo(dtype).eps
