"""An engine whose outputs choose, image by image, how far they look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from locality.posterior.engine import Engine, PlannedEngine, Posterior
from locality.posterior.softmax import State

STEPS = 16  # of a mix of two neighbours


@dataclass(frozen=True)
class ChosenEngine(Engine):
    """Each output of each image takes the mean of the part at which its entropy is down to a number.

    Parts look further and further, and an output's entropy falls. Between two parts the mean is mixed, by
    straight lines in the entropy, in steps of a sixteenth. An output that no part brings down takes the last
    one. A part in which an output does not look at itself counts for nothing there.

    The derivatives take the shares of the parts as they are. That is exact but where a share changes, and
    those x have measure zero.
    """

    parts: Sequence[PlannedEngine[Any, Any]]  # V of one bank and noise level, from what sees least on
    wanted: float  # nats

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """A pass for each part; what `pullback` needs to know of each, it finds again."""
        return self.posterior(x, sigma).mean, x.new_zeros(len(x), 0)

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The mean; the statistics are mixed as it is."""
        each = [part.posterior(x, sigma) for part in self.parts]
        shares = self._shares([one.entropy for one in each])
        return Posterior(*((shares * torch.stack(field)).sum(0) for field in zip(*each, strict=True)))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """Each part's own, of its shares."""
        total = torch.zeros_like(x, dtype=torch.float64)
        for part, state, share in self._weighed(x, sigma):
            total += part.pullback(x, sigma, state.mean, state.log_partition, cotangent * share)
        return total

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Each part's own, output by output, by its shares."""
        total = x.new_zeros(len(x), len(outputs), x.shape[1])
        for part, _, share in self._weighed(x, sigma):
            for one in outputs.split(1, dim=1):
                known = share[:, one[:, 0]].to(x)
                if bool(known.any()):
                    total += part.fields(x, sigma, one) * known[..., None]
        return total

    def _weighed(
        self, x: Tensor, sigma: Tensor
    ) -> Iterator[tuple[PlannedEngine[Any, Any], State, Tensor]]:  # with shares [B, n]
        states = [part.state(x, sigma) for part in self.parts]
        shares = self._shares([Posterior.of(state).entropy for state in states])
        yield from zip(self.parts, states, shares, strict=True)

    def _shares(self, entropies: Sequence[Tensor]) -> Tensor:  # [V, B, n] float64
        known = torch.stack(list(entropies))
        blind = torch.stack([part.plan.rows.own <= 0 for part in self.parts])[:, None]
        return chosen(known, blind.expand_as(known), self.wanted)


def chosen(
    entropies: Tensor,  # [V, ...] nats, from what sees least to what sees most
    blind: Tensor,  # [V, ...] bool: what counts for nothing
    wanted: float,  # nats
) -> Tensor:  # [V, ...] float64 shares, two neighbours' at most, of sum 1
    """How much of each part is taken: as much as brings the entropy down to the wanted one."""
    last = len(entropies) - 1
    below = (entropies <= wanted) & ~blind
    after = torch.where(below.any(0), below.int().argmax(0), last)[None]
    before = (after - 1).clamp_min(0)
    high, low = (entropies.double().gather(0, at) for at in (before, after))
    part = ((high - wanted) / (high - low)).nan_to_num(1.0).clamp(0, 1)
    part = torch.where(blind.gather(0, before), 1.0, (part * STEPS).round() / STEPS)
    return (
        torch.zeros_like(entropies, dtype=torch.float64)
        .scatter(0, before, 1 - part)
        .scatter_add(0, after, part)
    )
