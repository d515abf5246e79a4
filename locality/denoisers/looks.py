"""How far a denoiser looks, as one number: windows of a side, and Wiener masks above a threshold."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from locality.at_rest import LEVELS
from locality.bank import ImageBank, some
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.masked_denoiser import MaskedDenoiser
from locality.posterior.engine import Engine, PlannedEngine
from locality.posterior.masked.rows import Rows

if TYPE_CHECKING:
    from locality.denoisers.wiener_mask import WienerMask

LARGEST_TAU, LEAST_TAU, STEP = 0.8, 0.0005, 1.25  # STEP: from one tau to the next
GREY_LEVEL = 1 / LEVELS  # pixel units, of images of 8 bits
_TRIED = 1000  # images that say which pixels vary


class Looks(ABC):
    """A way to look that one number makes wider or narrower.

    Curves are drawn over an axis of places, along which outputs see more and more.
    """

    setting: str  # what the number is called
    start: float  # where a search begins
    image_shape: torch.Size

    @property
    @abstractmethod
    def values(self) -> tuple[float, ...]:  # V
        """The numbers that are tried unless others are given, from what sees least to what sees most."""

    @abstractmethod
    def place(self, value: float) -> float:
        """Where a number lies on the axis."""

    @abstractmethod
    def value(self, place: float) -> float:
        """The number at a place of the axis."""

    @abstractmethod
    def around(self, value: float) -> tuple[float, ...]:  # V
        """A few numbers around one, from what sees less to what sees more: among them outputs may choose."""

    @abstractmethod
    def rows(self, sigma: float, value: float) -> Rows:
        """What outputs look at, at a noise level."""

    @abstractmethod
    def whole(self, rows: Rows) -> Tensor:  # [n] bool
        """The outputs that the border does not cut short: their entropies say how far one has to look."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What decides, with sigma and the number, what outputs look at; for the names of kept files."""

    def places(self, values: tuple[float, ...]) -> Tensor:  # [V] float64, ascending
        """The places of some numbers."""
        return torch.tensor([self.place(value) for value in values], dtype=torch.float64)


class Windows(Looks):
    """Squares around each pixel, of odd sides; from `2 max(H, W) - 1` on they hold the whole image."""

    setting, start = "patch_size", 3.0

    def __init__(self, image_shape: torch.Size, largest: int | None = None) -> None:
        self.image_shape = image_shape
        self.largest = 2 * max(image_shape[1:]) - 1 if largest is None else largest

    @property
    def values(self) -> tuple[float, ...]:
        """All odd sides."""
        return tuple(map(float, range(1, self.largest + 1, 2)))

    def place(self, value: float) -> float:
        """The side, in pixels."""
        return float(value)

    def value(self, place: float) -> float:
        """The side, in pixels."""
        return place

    def around(self, value: float) -> tuple[float, ...]:
        """Sides from half to twice the side, in steps of sqrt(2), each rounded to an odd one."""
        odd = {2 * math.floor((value * 2 ** (k / 2) - 1) / 2 + 0.5) + 1 for k in range(-2, 3)}
        return tuple(map(float, sorted({min(max(1, one), self.largest) for one in odd})))

    def rows(self, sigma: float, value: float) -> Rows:
        """A square for each pixel."""
        return Rows.of_windows(int(value), self.image_shape)

    def whole(self, rows: Rows) -> Tensor:  # [n] bool
        """Pixels whose window lies inside the image; of larger windows, those that are cut least."""
        seen = rows.mask.sum(1)[rows.row_of_output]
        return seen == seen.max()

    @property
    def key(self) -> str:
        """The name of this kind of look. Squares are all of one kind."""
        return f"{self.setting} {self.largest}"


class Masks(Looks):
    """The masks of a Wiener filter, from a large tau (few inputs) to a small one."""

    setting, start = "tau", 0.1

    def __init__(
        self, wiener: WienerMask, image_shape: torch.Size, memory_budget: int = MEMORY_BUDGET
    ) -> None:
        self.wiener, self.image_shape, self.memory_budget = wiener, image_shape, memory_budget
        self._relative: tuple[float, Tensor] | None = None  # of the noise level asked for last

    @property
    def values(self) -> tuple[float, ...]:
        """The taus, from LARGEST_TAU down to LEAST_TAU in steps of STEP."""
        steps = int(math.log(LARGEST_TAU / LEAST_TAU) / math.log(STEP))
        return tuple(LARGEST_TAU / STEP**k for k in range(steps + 1))

    def place(self, value: float) -> float:
        """`-ln tau`."""
        return -math.log(value)

    def value(self, place: float) -> float:
        """tau."""
        return math.exp(-place)

    def around(self, value: float) -> tuple[float, ...]:
        """Taus from four times to a quarter of one, in steps of 2."""
        return tuple(sorted({min(value * 2.0**k, LARGEST_TAU) for k in range(-2, 3)}, reverse=True))

    def rows(self, sigma: float, value: float) -> Rows:
        """The distinct rows of the mask."""
        if 4 * 8 * self.image_shape.numel() ** 2 > self.memory_budget:
            return Rows.of_precision(self.wiener.at(sigma, self.memory_budget, value), self.image_shape)
        if self._relative is None or self._relative[0] != sigma:
            self._relative = (sigma, self.wiener.at(sigma, self.memory_budget, 0.0))
        return Rows.of_precision(self.wiener.thresholded(self._relative[1], value), self.image_shape)

    def whole(self, rows: Rows) -> Tensor:  # [n] bool
        """Outputs in the middle half of the height and of the width: masks have no common shape."""
        channels, height, width = self.image_shape
        middle = torch.zeros(height, width, dtype=torch.bool)
        middle[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
        return middle.flatten().repeat(channels).to(rows.row_of_output.device)

    @property
    def key(self) -> str:
        """The filter's eigenvalues and how its matrix becomes a mask."""
        digest = hashlib.blake2b(self.wiener.eigenvalues.detach().cpu().numpy().tobytes(), digest_size=16)
        return f"{self.setting} {digest.hexdigest()} {self.wiener.extra_repr()}"


class Looking(MaskedDenoiser):
    """The posterior mean of a bank under rows that are given, at whatever noise level they are of."""

    def __init__(self, bank: ImageBank, rows: Rows, memory_budget: int = MEMORY_BUDGET) -> None:
        super().__init__(bank, None, memory_budget)
        self._rows = rows

    def rows(self, sigma: float) -> Rows:
        """The rows that were given. Several banks share them."""
        return self._rows.to(self.bank.images.device)

    def engine(self, sigma: float) -> Engine:
        """A softmax for each distinct row."""
        return PlannedEngine(self.view, self.plan(sigma))


def varying(bank: ImageBank) -> Tensor:  # [n] bool
    """Outputs that vary: a constant pixel is explained by all images, whatever it looks at.

    Their standard deviation over (at most _TRIED, evenly spread) images is at least one grey level.
    """
    return some(bank, _TRIED).std(0, correction=0).flatten() >= GREY_LEVEL
