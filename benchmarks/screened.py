"""A masked softmax that leaves images out, each answer with a bound on its error: what `certified` measures.

It is no part of the library, as it does not pay: docs/benchmarks.md says why.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.screen_passes import screen
from locality.at_rest import to_float
from locality.posterior.vectors.threads import at_rest

SEED = 32  # of so many images, one is scanned first: what it finds is where the scan of all begins
_ROUNDING = 2.0**-23  # of float32, twice the error of one operation
_FINE = 2.0**-50  # of float64, with room


class Cells(NamedTuple):
    """Each row's places, cell by cell: those of cell k of row u begin at `starts[u K + k]`."""

    places: np.ndarray  # uint32
    starts: np.ndarray  # [R K + 1] int64
    share: np.ndarray  # [R K] float32, 1 / m of a cell of m places; 0 of an empty one
    root: np.ndarray  # [R K] float32, 1 / sqrt(m)
    per_row: int  # K cells of a row; where it looks at fewer places some are empty

    @classmethod
    def of(
        cls,
        mask: np.ndarray,  # [R, n] bool
        image_shape: tuple[int, ...],  # (C, H, W)
        count: int,
    ) -> Cells:
        """Cells of equal size along a curve on which neighbours are neighbours; all channels together."""
        order = np.argsort(along_curve(image_shape), kind="stable")
        rows, places = np.nonzero(mask[:, order])
        sizes = np.bincount(rows, minlength=len(mask)).astype(np.int64)
        ends = np.concatenate([[0], sizes.cumsum()])
        cuts = ends[:-1, None] + sizes[:, None] * np.arange(count) // count
        starts = np.append(cuts.ravel(), ends[-1])
        some = np.diff(starts)
        share = np.where(some > 0, 1 / np.maximum(some, 1), 0)
        numbers = (share.astype(np.float32), np.sqrt(share).astype(np.float32))
        return cls(order[places].astype(np.uint32), starts, *numbers, count)

    def features(
        self,
        x: np.ndarray,  # [B, n] float64
    ) -> tuple[np.ndarray, np.ndarray]:  # [B, R, K + 1], [B, R] the squared lengths
        """The features of noisy images, in float64."""
        edges = np.zeros((len(x), 1))
        sums, squares = (
            np.diff(np.concatenate([edges, numbers[:, self.places].cumsum(1)], 1)[:, self.starts])
            for numbers in (x, x * x)
        )
        size = np.maximum(np.diff(self.starts), 1)
        means = (sums / np.sqrt(size)).reshape(len(x), -1, self.per_row)
        lengths = squares.reshape(means.shape).sum(2)
        rest = np.sqrt(np.maximum(lengths - (means**2).sum(2), 0))
        return np.concatenate([means, rest[:, :, None]], 2), lengths


def along_curve(image_shape: tuple[int, ...]) -> np.ndarray:  # [n]
    """How far along the Z-order curve each place lies: the bits of its row and of its column, in turns."""
    channels, height, width = image_shape
    down, right = np.divmod(np.arange(height * width), width)
    code = np.zeros(height * width, np.int64)
    for bit in range(max(height, width).bit_length()):
        code |= (right >> bit & 1) << 2 * bit | (down >> bit & 1) << 2 * bit + 1
    return np.tile(code, channels)


class Answer(NamedTuple):
    """What a screened scan found."""

    mean: Tensor  # [B, R] float64
    bound: Tensor  # [B, R] float64: no mean is farther from the exact one
    passed: float  # share of images that the bound let pass
    weighed: float  # share of them all that was weighed


class Screened:
    """Softmax averages of some outputs, of the images that may weigh something.

    An image is left out where its weight is below `exp(-reach)` of the sum of all. The N images then weigh at
    most `N exp(-reach)` together, and the mean moves by no more than that share of the output's range in the
    bank. So `reach = ln(N range / greatest)`; the distance of an image from x is bounded from below first.
    """

    def __init__(
        self,
        images: Tensor,  # [N, n] as at rest
        image_shape: tuple[int, ...],  # (C, H, W)
        mask: Tensor,  # [R, n] bool, the places that each output looks at
        outputs: Tensor,  # [R] which outputs these are
        sigma: float,
        greatest: float,  # error of an output, in pixel units
        cells: int = 8,  # of a row, whose means make the bound
    ) -> None:
        self._bank, self._sample = at_rest(images), at_rest(images[::SEED].contiguous())
        self._outputs, self._sigma = outputs.numpy(), sigma
        self.cells = Cells.of(mask.numpy(), image_shape, cells)
        self._sizes = mask.sum(1).numpy()
        values = images[:, outputs]
        ends = (to_float(end, torch.float64) for end in (values.amin(0), values.amax(0)))
        self._low, self._high = ends
        spread = (self._high - self._low).clamp(min=1e-300).numpy()
        # One nat at least beyond ln N: the nearest image is never left out, however many are as near.
        self._reach = np.log(len(images)) + np.maximum(np.log(spread / greatest), 1)
        reach = (to_float(end, torch.float64).item() for end in (images.min(), images.max()))
        self._largest = max(map(abs, reach))

    def __call__(
        self,
        x: Tensor,  # [B, n]
    ) -> Answer:
        """The means, with their bounds. Each noisy image's are its own, whatever is beside it."""
        farthest = np.full((len(x), len(self._outputs)), np.inf)
        self._scan(self._sample, x, farthest)
        state, sums, seen = self._scan(self._bank, x, farthest)
        mean = torch.from_numpy(sums / state[:, :, 1])
        count = len(self._bank[0])
        left = torch.from_numpy(count - seen[:, :, 1]) * torch.from_numpy(np.exp(-self._reach))
        most = torch.maximum(self._high - mean, mean - self._low)
        # What float64 itself may have moved: a logit by so many roundings, a mean by as much of its range.
        logits = np.abs(state[:, :, 0]) + self._reach + 1
        fine = torch.from_numpy((self._sizes + 8) * logits) * _FINE * (self._high - self._low + 1)
        passed, weighed = (seen.sum((0, 1)) / (seen.shape[0] * seen.shape[1] * count)).tolist()
        return Answer(mean, most * left / (1 + left) + fine, passed, weighed)

    def bounds_alone(self, x: Tensor) -> None:
        """The scan with its bounds, none of which lets an image pass: what they cost."""
        self._scan(self._bank, x, np.full((len(x), len(self._outputs)), -np.inf))

    def _scan(
        self, bank: tuple[np.ndarray, float, float], x: Tensor, farthest: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """State [B, R, 4], sums [B, R] and counts [B, R, 2]; the limits are brought up to what was found."""
        _, levels, offset = bank
        numbers = x.double().numpy()
        features, lengths = self.cells.features(numbers)
        # What float32 may have to add to a bound: it adds up so many products, none larger than the square.
        sizes = self._sizes
        longest = self._largest * np.sqrt(sizes) + np.sqrt(lengths)
        room = (sizes + self.cells.per_row + 16) * _ROUNDING * longest**2
        scale = 1 / (2 * self._sigma**2 * levels**2)
        asked = np.ascontiguousarray(-2 * features, np.float32)
        queries = ((numbers - offset) * levels, asked, scale)
        state, sums = np.zeros((*lengths.shape, 4)), np.zeros(lengths.shape)
        seen = np.zeros((*lengths.shape, 2), np.int64)
        limits = (self._reach, room - lengths)
        screen(bank, tuple(self.cells), queries, limits, self._outputs, state, sums, seen, farthest)
        return state, sums, seen
