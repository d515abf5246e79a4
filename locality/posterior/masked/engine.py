"""The engine of a masked softmax: every output has its own softmax over the same candidates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from locality.posterior.engine import Engine, Posterior
from locality.posterior.masked.fields import Solved, masked_fields
from locality.posterior.masked.kernel import Probe, Scan, Seen
from locality.posterior.masked.plan import Plan
from locality.posterior.rounding import Query
from locality.posterior.softmax import State
from locality.posterior.view import Limits


@dataclass(frozen=True)
class MaskedEngine(Engine):
    """`w_i(q) = softmax_i(-sum_p A[q, p] (x_p - X_ip)^2 / (2 sigma^2))` at one noise level."""

    images: Tensor  # [N, n] as at rest
    plan: Plan
    limits: Limits

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """One pass over the bank; the evidence is the log-partition of shifted logits."""
        state = self._weigh(x)
        return state.mean, state.log_partition

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """One pass over the bank."""
        state, rows = self._weigh(x), self.plan.rows
        log_partition = state.log_partition - rows.sums(self.plan.query(x).shift)
        per_row = (log_partition, state.effective_size, state.entropy)
        return Posterior(state.mean, *(field[:, rows.row_of_output] for field in per_row))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """`sum_q A[q, p] g_q Cov_w(q)(X_q, X_p) / sigma^2`: the mask transposed, in a second pass."""
        means = torch.zeros_like(evidence)
        means.index_add_(1, self.plan.rows.row_of_output, mean * cotangent.double())

        def backward(scan: Scan, query: Query, which: Tensor) -> Tensor:
            probe = Probe(Seen.OUTPUTS, cotangent[which])
            return scan.transpose(query, evidence[which], probe, means[which], mean[which])

        return self.plan.run(self.images, self.limits, x, evidence, backward) / self.plan.sigma**2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """`A[q, p] Cov_w(q)(X_q, X_p) / sigma^2`, by products over the bank."""
        mean, evidence = self.solve(x, sigma)
        return masked_fields(self.images, self.plan, self.limits, Solved(x, mean, evidence), outputs)

    def _weigh(self, x: Tensor) -> State:
        return self.plan.weigh(self.images, self.limits, x)
