"""An engine whose outputs choose, image by image, how far they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from locality.live import LIVE
from locality.posterior.engine import Engine, PlannedEngine, Posterior
from locality.posterior.kernel import Probe, Seen
from locality.posterior.masked.fields import Mix, masked_fields
from locality.posterior.masked.kernel import MaskedKernel
from locality.posterior.masked.rows import Rows
from locality.posterior.softmax import Weighed

Part = PlannedEngine[Rows, MaskedKernel]


class Choice(NamedTuple):
    """Two neighbouring parts of each output, and how they are mixed."""

    before: Tensor  # [...] places of the parts, the one that sees less
    after: Tensor  # [...] the one that sees more; the same one where the first part is enough
    share: Tensor  # [...] float64, of the one after, from 0 to 1
    steep: Tensor  # [...] float64, one over the difference of their entropies; 0 where the share is held


def parts_at(
    entropies: Tensor,  # [V, ...] nats, from what sees least to what sees most
    blind: Tensor,  # [V, ...] bool: what counts for nothing
    wanted: float,  # nats
) -> Choice:
    """The first part that brings the entropy down to the wanted one, and how much of it, by a straight line.

    All of the last part where none does, and all of a part after a blind one.
    """
    entropies, last = entropies.double(), len(entropies) - 1
    below = (entropies <= wanted) & ~blind
    found = below.any(0)
    after = torch.where(found, below.int().argmax(0), last)
    before = (after - 1).clamp_min(0)
    high, low = (entropies.gather(0, at[None])[0] for at in (before, after))
    held = ~found | (after == before) | blind.gather(0, before[None])[0]
    fall = torch.where(held, 1.0, high - low)
    return Choice(before, after, torch.where(held, 1.0, (high - wanted) / fall), (~held) / fall)


@dataclass(frozen=True)
class ChosenEngine(Engine):
    """Each output of each image takes the mean of the part at which its entropy is down to a number.

    Parts look further and further, and an output's entropy falls. Between two parts the mean is mixed, by a
    straight line in the entropy (`chosen`). A part in which an output does not look at itself counts for
    nothing there. With f the share of the part after,
    `dD = (1 - f) dm + f dm' + (m' - m) ((1 - f) dS + f dS') / (S - S')`, and
    `dS[q] / dx_p = -A[q, p] Cov_w(q)(logit, X_p) / sigma^2`.
    """

    parts: Sequence[Part]  # V of one bank and noise level, from what sees least on
    wanted: float  # nats

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """A pass for each part; what `pullback` needs to know of each, it finds again."""
        means = []
        for one, level in self._some(x, sigma):
            states = self._states(one, level)
            means.append(_mixed(self._choice(states), [state.mean for state in states]))
        return torch.cat(means), x.new_zeros(len(x), 0)

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The mean; the statistics are mixed as it is, and are not those of mixed weights."""
        each = [self._posterior(one, level) for one, level in self._some(x, sigma)]
        return Posterior(*(torch.cat(field) for field in zip(*each, strict=True)))

    def _posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        states = self._states(x, sigma)
        found = zip(self.parts, states, strict=True)
        each = [Posterior.of(state, part.shift(x, sigma)) for part, state in found]
        choice = self._choice(states)
        return Posterior(*(_mixed(choice, field) for field in zip(*each, strict=True)))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """Each part's own, and what its entropy does to the shares."""
        some = zip(self._some(x, sigma), self._split(cotangent), strict=True)
        return torch.cat([self._pullback(one, level, own) for (one, level), own in some])

    def _pullback(self, x: Tensor, sigma: Tensor, cotangent: Tensor) -> Tensor:
        states = self._states(x, sigma)
        total = torch.zeros_like(x, dtype=torch.float64)
        for part, state, (share, slope) in zip(self.parts, states, self._slopes(states), strict=True):
            if bool((share > 0).any()):
                total += part.pullback(x, sigma, state.mean, state.log_partition, cotangent * share)
            if bool((slope != 0).any()):
                total += _entropy_pullback(part, x, sigma, state, cotangent * slope)
        return total

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Image by image in float64, a product for each part that has a share there."""
        each = LIVE.parts(list(zip(x.split(1), sigma.split(1), strict=True)))
        return torch.cat([self._fields(one.double(), level, outputs) for one, level in each]).to(x)

    def _fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:  # [1, P, n] of one image
        states = self._states(x, sigma)
        total = x.new_zeros(len(outputs), x.shape[1])
        for part, state, mixed in zip(self.parts, states, self._slopes(states), strict=True):
            shares, slopes = (number[0, outputs] for number in mixed)
            if bool(((shares > 0) | (slopes != 0)).any()):
                work = partial(
                    masked_fields,
                    part.plan.rows,
                    query=part.plan.query(x),
                    evidence=state.log_partition[0],
                    mean=state.mean[0],
                    outputs=outputs,
                    mix=Mix(shares, slopes, state.mean_logit[0]),
                )
                total += part.view.summed(work) / part.plan.sigma**2
        return total[None]

    def _states(self, x: Tensor, sigma: Tensor) -> list[Weighed]:
        return [part.state(x, sigma) for part in self.parts]

    def _slopes(self, states: Sequence[Weighed]) -> list[tuple[Tensor, Tensor]]:  # [B, n] each, of each part
        """What the mean changes by with each part's mean, and with its entropy."""
        means = torch.stack([state.mean for state in states])
        choice = self._choice(states)
        ahead, back = (means.gather(0, at[None])[0] for at in (choice.after, choice.before))
        change = (ahead - back) * choice.steep
        shares = [_share(choice, v) for v in range(len(states))]
        return [(share, share * change) for share in shares]

    def _choice(self, states: Sequence[Weighed]) -> Choice:
        known = torch.stack([state.entropy[:, state.owner] for state in states])
        blind = torch.stack([part.plan.rows.own <= 0 for part in self.parts])[:, None]
        return parts_at(known, blind.expand_as(known), self.wanted)

    def _some(self, x: Tensor, sigma: Tensor) -> list[tuple[Tensor, Tensor]]:
        """A few images at a time, as all parts are held at once."""
        return list(zip(self._split(x), self._split(sigma), strict=True))

    def _split(self, batch: Tensor) -> Sequence[Tensor]:
        return batch.split(max(1, len(batch) // len(self.parts)))


def _share(choice: Choice, part: int) -> Tensor:  # [...] float64
    own = torch.where(choice.after == part, choice.share, 0.0)
    return torch.where(choice.before == part, 1 - choice.share, 0.0) + own


def _mixed(choice: Choice, field: Sequence[Tensor]) -> Tensor:
    total = torch.zeros_like(field[0], dtype=torch.float64)
    for v, one in enumerate(field):
        total += _share(choice, v) * one
    return total


def _entropy_pullback(part: Part, x: Tensor, sigma: Tensor, state: Weighed, cotangent: Tensor) -> Tensor:
    """`sum_q g_q dS[q] / dx`."""
    means = torch.zeros_like(state.peak).index_add_(1, part.plan.rows.row_of_output, cotangent.double())
    known = (state.log_partition, means * state.mean_logit, state.mean)
    return -part.transposed(x, sigma, Probe(Seen.LOGIT, cotangent), *known)
