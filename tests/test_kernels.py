"""What every kernel keeps: a new entry of a tuple `KERNELS` is held to it untouched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import reduce
from itertools import pairwise

import pytest
import torch
from banks import noisy, relative
from conftest import CONFIGS
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kernels import BANK, MOMENTS, SHAPE, Case, all_cases, speckled, weighted
from plain_kernel import Plain
from test_equivariant import by_patches
from test_softmax import assert_same
from torch import Tensor

from locality import ImageBank
from locality.bank import to_float
from locality.denoisers import EquivariantLocalScore, LocalScore, Optimal, PatchComposite, PrecisionDenoiser
from locality.posterior import reference, whole
from locality.posterior.kernel import FieldKernel, Probe, Seen
from locality.posterior.masked import kernels as masked_kernels
from locality.posterior.masked.dense import Dense
from locality.posterior.masked.kernel import MaskedKernel
from locality.posterior.rounding import PixelMoments, Query
from locality.posterior.softmax import Weighed
from locality.posterior.view import MemoryBudget, View

CASES = all_cases()
IMAGES = to_float(BANK, torch.float64)
VIEW = View(BANK.flatten(1), MemoryBudget(37, 2**30))
SIGMA = 1.5
TYPES = [torch.float32, torch.float64]
every_kernel = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_type = pytest.mark.parametrize("dtype", TYPES, ids=["float32", "float64"])


def tolerance(dtype: torch.dtype) -> float:
    """Of sums of hundreds of rounded numbers."""
    return 2e-5 if dtype == torch.float32 else 1e-10


def asked() -> tuple[Tensor, Tensor]:
    """x [2, C, H, W] float64, sigma [2]: one like the bank's images, and one unlike any."""
    x = IMAGES[-2:] * torch.tensor([1.0, -1.0])[:, None, None, None]
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x + SIGMA * noise, torch.full((2,), SIGMA, dtype=torch.float64)


def brute_mean(case: Case, x: Tensor, sigma: Tensor) -> Tensor:  # [B, n]
    """What the engine should find, from all differences at once."""
    if case.precision is None:
        border = "circular" if case.rows.wraps else "broken"
        return by_patches(x, sigma, IMAGES, case.rows.side, border).flatten(1)
    return reference.posterior_mean(x, sigma, IMAGES, case.precision).flatten(1)


def solved(case: Case, dtype: torch.dtype) -> tuple[Weighed, tuple]:
    """The state of all images, and the view and query that it belongs to."""
    if case.kernel.cost(dtype) == torch.inf:
        pytest.skip(f"does not work in {dtype}")
    query = case.query(asked()[0], SIGMA, dtype)
    return case.kernel.weigh(VIEW, query), (VIEW, query)


@every_kernel
def test_it_says_where_it_runs_what_it_costs_and_how_precise_it_is(case):
    query = case.query(asked()[0], SIGMA, torch.float64)
    costs = [case.kernel.cost(dtype) for dtype in TYPES]
    assert 0 < min(costs) < torch.inf
    error = case.kernel.error(query, MOMENTS)
    assert error.shape == (2,)
    single, double = (solved(case, dtype)[0].mean for dtype in TYPES)
    # The estimate is of logits; weights and sums are rounded, too. The second image is like none in the bank.
    assert relative(single[0], double[0]) <= error[0] + 5e-7


@every_kernel
@every_type
def test_it_finds_the_posterior_mean_of_brute_force(case, dtype):
    state, _ = solved(case, dtype)
    assert state.mean.dtype == torch.float64
    assert bool(state.sure.all())
    assert relative(state.mean, brute_mean(case, *asked())) < tolerance(dtype)


@every_kernel
@every_type
def test_its_statistics_are_those_of_the_weights(case, dtype):
    if case.precision is None:
        pytest.skip("see test_equivariant.py")
    x, sigma = asked()
    (state, (_, query)), owner = solved(case, dtype), case.rows.row_of_output
    logits = reference.masked_logits(x, sigma, IMAGES, case.precision)
    weights = logits.softmax(1)
    log_partition = (state.log_partition - case.rows.sums(query.shift))[:, owner]
    entropy = -torch.xlogy(weights, weights).sum(1)
    assert relative(log_partition, logits.logsumexp(1)) < tolerance(dtype)
    assert relative(state.effective_size[:, owner], 1 / weights.square().sum(1)) < 10 * tolerance(dtype)
    assert (state.entropy[:, owner] - entropy).abs().max() < 10 * tolerance(dtype)


@every_kernel
@every_type
def test_its_transpose_is_the_gradient(case, dtype):
    x, sigma = asked()
    g = torch.randn(2, SHAPE.numel(), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = x.requires_grad_()
    (expected,) = torch.autograd.grad((brute_mean(case, x, sigma) * g).sum(), x)
    state, given_to = solved(case, dtype)
    means = torch.zeros_like(state.peak).index_add_(1, case.rows.row_of_output, state.mean * g)
    found = case.kernel.transpose(*given_to, state.log_partition, Probe(Seen.OUTPUTS, g), means, state.mean)
    assert relative(found / SIGMA**2, expected.flatten(1)) < 10 * tolerance(dtype)


@every_kernel
@every_type
def test_probes_are_weighed_and_transposed_as_their_formulas_say(case, dtype):
    if not isinstance(case.kernel, MaskedKernel):
        pytest.skip("not of masks")
    x, sigma = asked()
    owner = case.rows.row_of_output
    first = torch.stack([(owner == u).nonzero()[0, 0] for u in range(len(case.rows.mask))])
    weights = reference.posterior_weights(x, sigma, IMAGES, case.precision)[:, :, first]  # [B, N, R]
    mask, flat = case.precision[first].double(), IMAGES.flatten(1)
    g = torch.randn(2, SHAPE.numel(), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    products = g[:, None] * flat
    members = torch.zeros(*products.shape[:2], len(first), dtype=torch.float64)
    probes = {
        Seen.ONE: torch.ones_like(members),
        Seen.OUTPUTS: members.index_add(2, owner, products),
        Seen.WINDOW: products @ mask.T,
    }
    state, given_to = solved(case, dtype)
    logits = reference.masked_logits(x, sigma, IMAGES, case.precision)[:, :, first]
    logits = logits + case.rows.sums(given_to[1].shift)[:, None]  # kernels' are without the shift
    probes[Seen.LOGIT] = logits * torch.zeros_like(logits[:, 0]).index_add(1, owner, g)[:, None]
    evidence, centre = state.log_partition, state.mean
    for seen, expected in probes.items():
        probe, means = Probe(seen, g), (weights * expected).sum(1)
        found = case.kernel.probe_means(*given_to, evidence, probe)
        assert relative(found, means) < 10 * tolerance(dtype)
        none = torch.zeros_like(means)
        found = case.kernel.transpose(*given_to, evidence, probe, none, centre)
        spread = (weights * expected) @ mask
        assert relative(found, (spread * (flat - centre[:, None])).sum(1)) < 10 * tolerance(dtype)


@every_kernel
@every_type
def test_rows_of_the_jacobian_are_those_of_autograd(case, dtype):
    if not isinstance(case.kernel, FieldKernel):
        pytest.skip("has none")
    x, sigma = asked()
    outputs = torch.arange(SHAPE.numel()).reshape(SHAPE[0], -1).T[[0, 8, 29]]
    one = slice(1, 2)
    x = x[one].requires_grad_()
    mean = brute_mean(case, x, sigma[one])
    expected = [
        torch.autograd.grad(mean[0, line].sum(), x, retain_graph=True)[0].flatten() for line in outputs
    ]
    state, (view, query) = solved(case, dtype)
    found = case.kernel.fields(view, query.pick(one), state.log_partition[one], state.mean[one], outputs)
    assert relative(found[0] / SIGMA**2, torch.stack(expected)) < 10 * tolerance(dtype)


@every_kernel
@every_type
@settings(max_examples=6, deadline=None)
@given(
    cuts=st.lists(st.integers(0, len(BANK)), max_size=3),
    log_sigma=st.floats(-2, 3),
    far=st.booleans(),
    copies=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_parts_of_a_bank_merge_to_the_whole_in_any_order(case, dtype, cuts, log_sigma, far, copies, seed):
    generator = torch.Generator().manual_seed(seed)
    sigma = float(torch.tensor(log_sigma).exp())
    x = IMAGES[-2:] * (-1 if far else 1)
    query = case.query(
        x + sigma * torch.randn(x.shape, generator=generator, dtype=torch.float64), sigma, dtype
    )
    ends = [0, 0, *sorted({*cuts, 1}), len(BANK)]  # no image is one part, the first image alone another
    parts = [VIEW._replace(images=VIEW.images[a:b]) for a, b in pairwise(ends)]
    parts += parts if copies else []  # exact duplicates, in other parts and in other places
    whole = case.kernel.weigh(VIEW._replace(images=torch.cat([part.images for part in parts])), query)
    states = [case.kernel.weigh(part, query) for part in parts]
    order = torch.randperm(len(states), generator=generator).tolist()
    merged = reduce(
        Weighed.merge, [states[k] for k in order], Weighed.empty(2, whole.peak.shape[1], whole.owner)
    )
    # Logits are found in the working type; which of them share a block or a chunk decides what is rounded.
    largest = whole.log_partition.abs().max().clamp(min=1).item()
    allowed = largest * (2e-6 if dtype == torch.float32 else 1e-13)
    assert torch.allclose(merged.log_partition, whole.log_partition, atol=allowed, rtol=0)
    assert torch.allclose(merged.entropy, whole.entropy, atol=100 * allowed, rtol=0)
    assert relative(merged.mean, whole.mean) < allowed


SOME = st.lists(st.integers(0, len(BANK) - 1), max_size=3)  # places: no image, one, several


@every_kernel
@every_type
@settings(max_examples=4, deadline=None)
@given(
    parts=st.tuples(SOME, SOME, SOME),
    copies=st.sampled_from([1, 2]),
    sigma=st.sampled_from([1e-14, 0.3, 9.0]),
)
@example(parts=([], [3], [3, 80]), copies=2, sigma=1e-14)  # logits near -1e30
def test_states_of_a_kernel_merge_in_any_grouping_and_order_with_none_neutral(
    case, dtype, parts, copies, sigma
):
    query = case.query(asked()[0], sigma, dtype)
    views = [VIEW._replace(images=VIEW.images[places * copies]) for places in parts]
    states = [case.kernel.weigh(view, query) for view in views]
    sure = torch.stack([state.sure for state in states]).all(0)
    a, b, c = (state.pick(sure) for state in states)
    none = Weighed.empty(len(a.sure), a.peak.shape[1], a.owner)
    assert_same(a.merge(b).merge(c), a.merge(b.merge(c)))
    assert_same(a.merge(b), b.merge(a))
    assert_same(c.merge(none), c, 0)
    assert_same(none.merge(c), c, 0)


def test_a_plan_takes_the_cheapest_kernel_that_is_usable_and_precise_enough(monkeypatch):
    def denoiser(precision: Tensor) -> PrecisionDenoiser:
        return PrecisionDenoiser(ImageBank(BANK), lambda sigma: precision)

    x, sigma = noisy(BANK, 500)
    before = denoiser(speckled())
    assert [type(one).__name__ for one in denoiser(weighted()).plan(1.0).usable] == ["Dense"]
    monkeypatch.setattr(masked_kernels, "KERNELS", (*masked_kernels.KERNELS, Plain))
    after = denoiser(speckled())
    assert type(after.plan(sigma[0].item()).single) is Plain
    assert relative(after(x, sigma), before(x, sigma)) < 1e-5
    monkeypatch.setattr(Plain, "error", lambda *_: torch.tensor([torch.inf]))
    plan = denoiser(speckled()).plan(sigma[0].item())
    assert type(plan.single) is not Plain
    monkeypatch.setattr(Plain, "usable", lambda *_: False)
    assert type(denoiser(speckled()).plan(sigma[0].item()).double) is not Plain


@pytest.mark.parametrize("kind", [LocalScore, PatchComposite, EquivariantLocalScore])
def test_an_engine_of_one_noise_level_refuses_another(kind):
    engine, x = kind(ImageBank(BANK), 3).engine(1.0), IMAGES[:2].flatten(1)
    mean, evidence = engine.solve(x, torch.ones(2))
    outputs = torch.zeros(1, 1, dtype=torch.long)
    for sigma in (torch.tensor([1.0, 9.0]), torch.full((2,), 9.0, dtype=torch.float64)):
        for ask in (
            lambda sigma=sigma: engine.solve(x, sigma),
            lambda sigma=sigma: engine.posterior(x, sigma),
            lambda sigma=sigma: engine.pullback(x, sigma, mean, evidence, x),
            lambda sigma=sigma: engine.fields(x, sigma, outputs),
        ):
            with pytest.raises(ValueError, match="sigma: want 1, as this engine was made for, got"):
                ask()


def test_one_rule_chooses_every_kernel(monkeypatch):
    """Those of whole images and of fields, too: what is precise comes before what is cheap."""

    class Dear(whole.Products):
        def cost(self, dtype: torch.dtype) -> float:
            return 2 * super().cost(dtype)

    class Absent(whole.Products):
        def usable(self, device: torch.device) -> bool:
            return False

        def cost(self, dtype: torch.dtype) -> float:
            return 0.0

    monkeypatch.setattr(whole, "KERNELS", (Absent(), Dear(), whole.Products()))
    assert type(Optimal(ImageBank(BANK)).engine(1.0)._kernel) is whole.Products

    class Wrong(Dense):
        def cost(self, dtype: torch.dtype) -> float:
            return 0.0 if dtype == torch.float32 else torch.inf

        def error(self, query: Query, moments: PixelMoments) -> Tensor:
            return torch.full_like(query.x[:, 0], torch.inf)

    monkeypatch.setattr(masked_kernels, "KERNELS", (Wrong, Dense))
    plan = LocalScore(ImageBank(BANK), 3).plan(1.0)
    able = [one for one in plan.usable if isinstance(one, FieldKernel)]
    assert [type(one) for one in able] == [Wrong, Dense]
    assert [type(one) for one in plan.chosen(able)] == [Dense, Dense]


@pytest.mark.slow
def test_a_kernel_that_enters_itself_is_held_to_the_contract_untouched():
    root = CONFIGS.parent
    command = [sys.executable, "-m", "pytest", "-p", "plain_kernel", "-p", "no:cacheprovider", "-k", "Plain"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    done = subprocess.run(
        [*command, __file__], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    assert int(passed[1]) > 10
