"""What an engine is, and how its posterior mean joins autograd."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Posterior(NamedTuple):
    """A softmax average and what is known of its weights, per output coordinate.

    A "row" is a softmax; outputs that share their weights share a row, and R of them serve n outputs.
    """

    mean: Tensor  # [B, n] sum_i w_i(q) X_i[q]
    log_partition: Tensor  # [B, R] log sum_i exp(-sum_p A[q, p] (x_p - X_ip)^2 / (2 sigma^2)); float64
    effective_size: Tensor  # [B, R] 1 / sum_i w_i^2, in candidates; float64
    entropy: Tensor  # [B, R] -sum_i w_i log w_i, in nats; float64


class Engine(ABC):
    """Computes posterior means over a bank, and the two derivatives that have closed forms."""

    @abstractmethod
    def posterior(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
    ) -> Posterior:
        """The mean and its weights' statistics."""

    @abstractmethod
    def pullback(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
        mean: Tensor,  # [B, n] as `posterior` gave it
        log_partition: Tensor,  # [B, R] likewise
        cotangent: Tensor,  # [B, n]
    ) -> Tensor:  # [B, n]
        """`J^T cotangent`, with `J[q, p] = A[q, p] Cov_w(q)(X_q, X_p) / sigma^2`."""

    @abstractmethod
    def fields(
        self,
        x: Tensor,  # [B, n]
        sigma: Tensor,  # [B]
        outputs: Tensor,  # [P, C] output coordinates; those of one line are added up
    ) -> Tensor:  # [B, P, n]
        """Rows of the Jacobian, in closed form."""

    def outputs_of_rows(
        self,
        values: Tensor,  # [B, R]
        n: int,
    ) -> Tensor:  # [B, n]
        """A quantity of each row, given to the outputs that the row serves."""
        return values.expand(-1, n) if values.shape[1] == 1 else values


def average(
    engine: Engine,
    x: Tensor,  # [B, n]
    sigma: Tensor,  # [B]
) -> Tensor:  # [B, n]
    """The posterior mean, differentiable in x by the engine's closed form.

    Raises ValueError when asked for the gradient with respect to sigma, which no engine has.
    """
    if sigma.requires_grad and torch.is_grad_enabled():
        raise ValueError("sigma: want no gradient (bank denoisers have one in x only), got requires_grad")
    # Autocast would round the engines' products to 16 bits; distances do not survive that.
    with torch.autocast(x.device.type, enabled=False):
        mean, _ = _Average.apply(x, sigma, engine)
        return mean.to(x.dtype)


class _Average(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, sigma: Tensor, engine: Engine) -> tuple[Tensor, Tensor]:
        result = engine.posterior(x.detach(), sigma.detach())
        return result.mean, result.log_partition

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Engine], output: tuple[Tensor, Tensor]) -> None:
        x, sigma, ctx.engine = inputs
        mean, log_partition = output
        ctx.mark_non_differentiable(log_partition)
        ctx.save_for_backward(x, sigma, mean, log_partition)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor, _: Tensor | None) -> tuple[Tensor, None, None]:
        x, sigma, mean, log_partition = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            return ctx.engine.pullback(x, sigma, mean, log_partition, cotangent).to(x.dtype), None, None
