"""The engine of patch composites: posterior means of whole windows, averaged where they overlap."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor

from locality.live import LIVE
from locality.posterior.engine import Engine, Posterior
from locality.posterior.kernel import Probe, Seen
from locality.posterior.masked.kernel import MaskedFieldKernel, MaskedKernel
from locality.posterior.masked.plans import MaskedPlan
from locality.posterior.rounding import Query
from locality.posterior.view import View


@dataclass(frozen=True)
class CompositeEngine(Engine):
    """`D[q] = 1/|{u: q in u}| sum over windows u with q of sum_i w_i(u) X_i[q]`.

    The average of weights over the windows of q is the mask transposed, times the weights: one more scan. Its
    noise level is the plan's; it raises ValueError for another.
    """

    view: View
    plan: MaskedPlan  # one row for each window

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Two passes over the bank: the weights of the windows, then what they average to."""

        evidence = self.plan.at(sigma).weigh(self.view, x, values=False).log_partition

        def forward(kernel: MaskedKernel, query: Query, which: Tensor) -> Tensor:
            zeros, none = torch.zeros_like(query.x), torch.zeros_like(evidence[which])
            known = (evidence[which], Probe(Seen.ONE, zeros), none, zeros)
            return self.view.summed(lambda part: kernel.transpose(part, query, *known))

        return self.plan.run(x, evidence, forward) / self._coverage, evidence

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The mean; the statistics are averages over the windows that cover an output."""
        rows, query = self.plan.rows, self.plan.query(x)
        mean, _ = self.solve(x, sigma)
        state = self.plan.weigh(self.view, x, values=False)
        mask = rows.mask.double()
        windows = (state.log_partition - rows.sums(query.shift), state.effective_size, state.entropy)
        per_place = [repeat(field @ mask, "b p -> b (k p)", k=rows.repeats) for field in windows]
        return Posterior(mean, *(field / self._coverage for field in per_place))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """`sum_u A[u, p] Cov_w(u)(sum over q in u of g_q X_q / |{u: q in u}|, X_p) / sigma^2`."""
        shared = cotangent / self._coverage

        def backward(kernel: MaskedKernel, query: Query, which: Tensor) -> Tensor:
            probe, known = Probe(Seen.WINDOW, shared[which]), evidence[which]
            means = self.view.summed(lambda part: kernel.probe_means(part, query, known, probe))
            return self.view.summed(
                lambda part: kernel.transpose(part, query, known, probe, means, mean[which])
            )

        return self.plan.at(sigma).run(x, evidence, backward) / self.plan.sigma**2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """The average of the windows' covariances, in float64."""
        able = [one for one in self.plan.usable if isinstance(one, MaskedFieldKernel)]
        (_, kernel), query = self.plan.chosen(able), self.plan.query(x).to(torch.float64)
        mean, evidence = self.solve(x.double(), sigma)
        scale = self._coverage[outputs[:, :1]] * self.plan.sigma**2
        fields = x.new_empty(len(x), len(outputs), x.shape[1])
        for b in LIVE.parts(range(len(x))):
            one = slice(b, b + 1)
            known = (query.pick(one), evidence[one], mean[one])
            fields[one] = kernel.window_fields(self.view, *known, outputs) / scale
        return fields

    @property
    def _coverage(self) -> Tensor:  # [n] float64, how many windows cover an output
        rows = self.plan.rows
        return rows.mask.sum(0).double().repeat(rows.repeats)
