"""The engine of ranks that share a bank: the noisy images of all are answered together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias
from zlib import crc32

import torch
from torch import Tensor
from torch.nn.functional import pad

from locality.posterior.engine import Engine, Posterior
from locality.shards import Shard

# Of noisy images [B, n] at noise levels [B]: those that one engine takes together, their levels, the engine.
Groups: TypeAlias = Callable[[Tensor, Tensor], Iterator[tuple[Tensor, Tensor, Tensor, Callable[[], Engine]]]]


@dataclass(frozen=True)
class GatheredEngine(Engine):
    """Any engines over a bank that is shared out, and the noisy images of each rank.

    A pass over a shard serves the noisy images of all ranks, whose states are then united; each rank keeps
    its own. Ranks that ask the same are answered once: they share the work. Ranks may ask for different
    numbers of images, and for none, but all must ask, for the same thing.
    """

    shard: Shard
    groups: Groups

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The mean; the evidence of levels with fewer softmaxes is filled up with NaN."""
        mean, evidence = self._own("solve", self._solve, x, sigma)
        return mean, evidence

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The mean and its weights' statistics."""
        return Posterior(*self._own("posterior", self._posterior, x, sigma))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """Likewise: the cotangents of all ranks are pulled back together."""
        given = (x, sigma, mean.double(), evidence.double(), cotangent)
        return self._own("pullback", self._pullback, *given)[0]

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Rows of the Jacobian; all ranks ask for the same outputs."""
        kind = f"fields of {outputs.tolist()}"
        return self._own(kind, partial(self._fields, outputs=outputs), x, sigma)[0]

    def _own(
        self, kind: str, work: Callable[..., tuple[Tensor, ...]], x: Tensor, *known: Tensor
    ) -> tuple[Tensor, ...]:
        """What all ranks' work finds for this rank's images."""
        columns = [x, *(one[:, None] if one.ndim == 1 else one for one in known)]
        widths = [one.shape[1] for one in columns]
        mine = torch.cat([one.double() for one in columns], 1)
        counts = self._counts(kind, x, sum(widths))
        every = self.shard.gather_rows(mine, counts)
        own = slice(sum(counts[: self.shard.rank]), sum(counts[: self.shard.rank + 1]))
        if sum(counts) == 0:
            every = [mine.new_ones(1, mine.shape[1])]  # no engine answers none
        elif all(one.shape == every[0].shape and _equal(one, every[0]) for one in every[1:]):
            every, own = every[:1], slice(None)
        given = torch.cat(every).split(widths, 1)
        types = [one.dtype for one in columns]
        asked = [one.to(dtype) for one, dtype in zip(given, types, strict=True)]
        asked[1] = asked[1][:, 0]  # the noise levels
        return tuple(one[own] for one in work(*asked))

    def _counts(self, kind: str, x: Tensor, width: int) -> list[int]:
        """How many images each rank asks for. Raises ValueError on all where they ask for unlike things."""
        asked = crc32(f"{kind} {x.dtype}".encode())
        every = torch.stack(self.shard.gather(torch.tensor([asked, width, len(x)])))
        if not bool((every[:, :2] == every[0, :2]).all()):
            raise ValueError(
                "x: want the same question on all ranks of the bank, of images of one type and size, "
                "got unlike ones"
            )
        return every[:, 2].tolist()

    def _solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, ...]:
        return self._each(x, sigma, lambda engine, place, *asked: engine.solve(*asked))

    def _posterior(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, ...]:
        return self._each(x, sigma, lambda engine, place, *asked: engine.posterior(*asked))

    def _pullback(
        self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor
    ) -> tuple[Tensor, ...]:
        def pull(engine: Engine, place: Tensor, flat: Tensor, level: Tensor) -> tuple[Tensor]:
            own = evidence[place]
            own = own[:, ~own[0].isnan()]
            return (engine.pullback(flat, level, mean[place], own, cotangent[place]),)

        return self._each(x, sigma, pull)

    def _fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> tuple[Tensor, ...]:
        return self._each(x, sigma, lambda engine, place, *asked: (engine.fields(*asked, outputs),))

    def _each(self, x: Tensor, sigma: Tensor, work: Callable[..., tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """What one engine after the other finds, in the order of the images."""
        places, parts = [], []
        for place, flat, level, engine in self.groups(x, sigma):
            places.append(place)
            parts.append(work(engine(), place, flat, level))
        order = torch.cat(places).argsort()
        return tuple(_joined(field)[order] for field in zip(*parts, strict=True))


def _joined(parts: tuple[Tensor, ...]) -> Tensor:
    width = max(part.shape[1] for part in parts)
    fills = [(0, width - part.shape[1]) for part in parts]
    return torch.cat(
        [
            pad(part, fill, value=torch.nan) if any(fill) else part
            for part, fill in zip(parts, fills, strict=True)
        ]
    )


def _equal(a: Tensor, b: Tensor) -> bool:
    return bool(((a == b) | (a.isnan() & b.isnan())).all())
