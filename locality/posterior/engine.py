"""What an engine is, how its posterior mean joins autograd, and the engine of a plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, NoReturn, Self, final

import torch
from torch import Tensor

from locality.posterior.kernel import Probe, Seen, SomeKernel
from locality.posterior.plan import Plan, SomeRows
from locality.posterior.rounding import Query
from locality.posterior.softmax import Weighed
from locality.posterior.view import View


class Posterior(NamedTuple):
    """A softmax average and what is known of its weights, output by output; the statistics are float64.

    As exact as x allows: for float64 images they have float64's accuracy, for float32 ones float32's, since
    logits are then summed in float32 (the log-partition to about 1e-4).
    """

    mean: Tensor  # sum_i w_i(q) X_i[q]
    log_partition: Tensor  # log sum_i exp(-sum_p A[q, p] (x_p - X_ip)^2 / (2 sigma^2))
    effective_size: Tensor  # 1 / sum_i w_i^2, in candidates
    entropy: Tensor  # -sum_i w_i log w_i, in nats

    @classmethod
    def of(
        cls,
        state: Weighed,
        shift: Tensor | float = 0.0,  # [B, R] what the logits of the state are without
    ) -> Self:
        """What a state says, output by output; fields [B, n]."""
        per_row = (state.log_partition - shift, state.effective_size, state.entropy)
        return cls(state.mean, *(field[:, state.owner] for field in per_row))


class Engine(ABC):
    """Computes posterior means over a bank, and the derivatives that have closed forms."""

    @abstractmethod
    def solve(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
    ) -> tuple[Tensor, Tensor]:  # [B, n] the mean; [B, ...] what `pullback` wants to know again
        """The posterior mean."""

    @abstractmethod
    def posterior(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
    ) -> Posterior:  # fields [B, n]
        """The mean and its weights' statistics."""

    @abstractmethod
    def pullback(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
        mean: Tensor,  # [B, n] as `solve` gave it
        evidence: Tensor,  # [B, ...] likewise
        cotangent: Tensor,  # [B, n]
    ) -> Tensor:  # [B, n]
        """`J^T cotangent`, with `J[q, p] = A[q, p] Cov_w(q)(X_q, X_p) / sigma^2`."""

    @abstractmethod
    def fields(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
        outputs: Tensor,  # [P, C] output coordinates; the rows of one line are added up
    ) -> Tensor:  # [B, P, n]
        """Rows of the Jacobian, in closed form."""


class SoftmaxEngine(Engine, ABC):
    """An engine of softmaxes, each output's weighed by one of them: their state is all that it knows."""

    @abstractmethod
    def state(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
    ) -> Weighed:
        """All candidates merged."""

    @abstractmethod
    def shift(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
    ) -> Tensor:  # [B, R]
        """What the logits of the state are without."""

    @final
    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """One pass over the bank; the evidence is the log-partition of shifted logits."""
        state = self.state(x, sigma)
        return state.mean, state.log_partition

    @final
    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """One pass over the bank; the shift of the logits is put back."""
        return Posterior.of(self.state(x, sigma), self.shift(x, sigma))


@dataclass(frozen=True)
class PlannedEngine(SoftmaxEngine, Generic[SomeRows, SomeKernel]):
    """A softmax average at one noise level (`reference.py`), whatever its softmaxes are of.

    Its noise level is the plan's; it raises ValueError for another.
    """

    view: View
    plan: Plan[SomeRows, SomeKernel]

    def state(self, x: Tensor, sigma: Tensor) -> Weighed:
        """One pass over the bank."""
        return self.plan.at(sigma).weigh(self.view, x)

    def shift(self, x: Tensor, sigma: Tensor) -> Tensor:
        """What the query's shift adds up to."""
        return self.plan.rows.sums(self.plan.at(sigma).query(x).shift)

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """`sum_q A[q, p] g_q Cov_w(q)(X_q, X_p) / sigma^2`: the precision transposed, in a second pass."""
        probe = Probe(Seen.OUTPUTS, cotangent)
        means = torch.zeros_like(evidence)
        means.index_add_(1, self.plan.rows.row_of_output, mean * cotangent.double())
        return self.transposed(x, sigma, probe, evidence, means, mean)

    def transposed(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
        probe: Probe,
        evidence: Tensor,  # [B, R] the log-partition
        means: Tensor,  # [B, R] of the probe
        centre: Tensor,  # [B, n] changes nothing but rounding
    ) -> Tensor:  # [B, n] float64
        """`sum_u A[u, p] Cov_w(u)(probe_u, X_p) / sigma^2`: the precision transposed, in a second pass."""

        def backward(kernel: SomeKernel, query: Query, which: Tensor) -> Tensor:
            seen = Probe(probe.seen, probe.g[which])
            known = (evidence[which], seen, means[which], centre[which])
            return self.view.summed(lambda part: kernel.transpose(part, query, *known))

        return self.plan.at(sigma).run(x, evidence, backward) / self.plan.sigma**2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """`A[q, p] Cov_w(q)(X_q, X_p) / sigma^2`, by the kernels that have rows of the Jacobian."""
        return self.plan.at(sigma).fields(self.view, x, outputs)


def average(
    engine: Callable[[], Engine],  # called inside: what it builds is of plain tensors, under torch.func too
    x: Tensor,  # [B, n]
    sigma: Tensor,  # [B]
) -> Tensor:  # [B, n]
    """The posterior mean, differentiable in x by the engine's closed form, once.

    Raises ValueError when asked for the gradient with respect to sigma, which no engine has, and RuntimeError
    when the gradient is itself differentiated.
    """
    if sigma.requires_grad and torch.is_grad_enabled():
        raise ValueError("sigma: want no gradient (bank denoisers have one in x only), got requires_grad")
    # Autocast would round the engines' products to 16 bits; distances do not survive that.
    with torch.autocast(x.device.type, enabled=False):
        mean, _ = _Average.apply(x, sigma, engine)
        return mean.to(x.dtype)


def refuse_transform(*_: object) -> NoReturn:
    """Raises RuntimeError: engines read banks by the values of x, which transforms of torch do not tell."""
    raise RuntimeError(
        "x: bank denoisers know no vmap, jacrev, jvp or export; take .backward, torch.func.vjp, "
        "denoiser.jacobian or locality.sensitivity"
    )


def check_values(*given: Tensor) -> None:
    """Raises RuntimeError where tensors have no values to look at: under vmap and torch.export."""
    batched = any(torch.func.debug_unwrap(one).ndim != one.ndim for one in given)
    if batched or torch.compiler.is_exporting():
        refuse_transform()


class _Average(torch.autograd.Function):
    vmap = jvp = staticmethod(refuse_transform)  # type: ignore[assignment]  # of whatever arguments

    @staticmethod
    def forward(x: Tensor, sigma: Tensor, engine: Callable[[], Engine]) -> tuple[Tensor, Tensor]:
        return engine().solve(x.detach(), sigma.detach())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        x, sigma, ctx.engine = inputs
        mean, evidence = output
        ctx.mark_non_differentiable(evidence)
        ctx.save_for_backward(x, sigma, mean, evidence)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor, _: Tensor | None) -> tuple[Tensor, None, None]:
        x, *known = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            return _Gradient.apply(x, *known, cotangent, ctx.engine), None, None


class _Gradient(torch.autograd.Function):
    """The pullback; a function of its own, so that differentiating it is an error and not a zero."""

    vmap = jvp = staticmethod(refuse_transform)  # type: ignore[assignment]  # of whatever arguments

    @staticmethod
    def forward(
        x: Tensor,
        sigma: Tensor,
        mean: Tensor,
        evidence: Tensor,
        cotangent: Tensor,
        engine: Callable[[], Engine],
    ) -> Tensor:
        return engine().pullback(x, sigma, mean, evidence, cotangent).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[None, ...]:
        raise RuntimeError("x: bank denoisers have first derivatives in x only, no second ones")
