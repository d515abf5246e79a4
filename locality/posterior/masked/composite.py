"""The engine of patch composites: posterior means of whole windows, averaged where they overlap."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor

from locality.posterior.engine import Engine, Posterior
from locality.posterior.masked.kernel import Probe, Scan, Seen
from locality.posterior.masked.plan import Plan
from locality.posterior.rounding import Query
from locality.posterior.view import Limits, chunks


@dataclass(frozen=True)
class CompositeEngine(Engine):
    """`D[q] = 1/|{u: q in u}| sum over windows u with q of sum_i w_i(u) X_i[q]`.

    The average of weights over the windows of q is the mask transposed, times the weights: one more scan.
    """

    images: Tensor  # [N, n] as at rest
    plan: Plan  # one row for each window
    limits: Limits

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Two passes over the bank: the weights of the windows, then what they average to."""

        evidence = self.plan.weigh(self.images, self.limits, x, values=False).log_partition

        def forward(scan: Scan, query: Query, which: Tensor) -> Tensor:
            zeros, known = torch.zeros_like(query.x), evidence[which]
            return scan.transpose(query, known, Probe(Seen.ONE, zeros), torch.zeros_like(known), zeros)

        total = self.plan.run(self.images, self.limits, x, evidence, forward)
        return total / self._coverage(x.shape[1]), evidence

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The mean; the statistics are averages over the windows that cover an output."""
        rows, query = self.plan.rows, self.plan.query(x)
        mean, _ = self.solve(x, sigma)
        state = self.plan.weigh(self.images, self.limits, x, values=False)
        mask = rows.mask.double()
        windows = (state.log_partition - rows.sums(query.shift), state.effective_size, state.entropy)
        per_place = [repeat(field @ mask, "b p -> b (k p)", k=rows.repeats) for field in windows]
        return Posterior(mean, *(field / self._coverage(x.shape[1]) for field in per_place))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """`sum_u A[u, p] Cov_w(u)(sum over q in u of g_q X_q / |{u: q in u}|, X_p) / sigma^2`."""
        shared = cotangent / self._coverage(x.shape[1])

        def backward(scan: Scan, query: Query, which: Tensor) -> Tensor:
            probe = Probe(Seen.WINDOW, shared[which])
            means = scan.probe_means(query, evidence[which], probe)
            return scan.transpose(query, evidence[which], probe, means, mean[which])

        return self.plan.run(self.images, self.limits, x, evidence, backward) / self.plan.sigma**2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Window by window: the covariance of its own pixels, in float64, for a few outputs at a time."""
        mean, evidence = self.solve(x.double(), sigma)
        fields = x.new_empty(len(x), len(outputs), x.shape[1])
        # Two numbers of an output and input are alive: a quarter of the budget.
        group = max(1, self.limits.memory_budget // (4 * 2 * 8 * x.shape[1]))
        for b in range(len(x)):
            for first in range(0, len(outputs), group):
                some = outputs[first : first + group]
                part = self._fields(x[b : b + 1], mean[b], evidence[b], some)
                fields[b, first : first + group] = part
        return fields

    def _fields(self, x: Tensor, mean: Tensor, evidence: Tensor, outputs: Tensor) -> Tensor:  # [P, n]
        rows, query = self.plan.rows, self.plan.query(x)
        n, places = len(mean), rows.mask.shape[1]
        channels = torch.arange(rows.repeats, device=x.device)[:, None] * places
        windows = [(row.nonzero()[:, 0] + channels).flatten() for row in rows.mask]
        covered = [rows.mask[u, outputs[:, 0] % places].nonzero()[:, 0] for u in range(len(windows))]
        mask = rows.mask.double()
        first, second = mean.new_zeros(len(mask), n), mean.new_zeros(len(outputs), n)
        for chunk in chunks(
            self.images, self.limits, 6 * n + 3 * len(mask), 2 * second.numel() + first.numel()
        ):
            squares = ((query.x - chunk).square() * query.scale).unflatten(1, (-1, places)).sum(1)
            weights = ((query.shift - squares) @ mask.T - evidence).exp()
            centred = chunk - mean
            first += weights.T @ centred
            probe = centred[:, outputs].sum(-1)  # [c, P]
            for u, window in enumerate(windows):
                seen = weights[:, u, None] * probe[:, covered[u]]
                second[covered[u][:, None], window] += seen.T @ centred[:, window]
        for u, window in enumerate(windows):
            middle = first[u, outputs[covered[u]]].sum(-1)
            second[covered[u][:, None], window] -= middle[:, None] * first[u, window]
        return second / (self._coverage(n)[outputs[:, :1]] * self.plan.sigma**2)

    def _coverage(self, n: int) -> Tensor:  # [n] float64, how many windows cover an output
        rows = self.plan.rows
        return rows.mask.sum(0).double().repeat(n // rows.mask.shape[1])
