"""The interactive parts of report.html: as data, in `panels/` of the run folder."""

from __future__ import annotations

import base64
import io
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

LEVELS = 255  # steps from 0 to the maximum of a map
DIGITS = 4  # significant ones of numbers on the page
MOST_IMAGES = 512  # in paired differences; more would make the page heavy


@dataclass(frozen=True)
class Slides:
    """The same noisy images denoised by each denoiser, a slide for each noise level."""

    title: str
    note: str
    sigmas: Sequence[float]  # S
    rows: Mapping[str, Tensor]  # name -> [S, B, C, H, W] in [-1, 1]
    notes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # name -> S lines
    given: Sequence[str] = ()  # rows that are no denoiser's: the clean images, say

    def content(self) -> dict[str, Any]:
        """The slides as JSON holds them: a PNG strip of B images for each row and noise level."""
        rows = [
            {
                "name": name,
                "strips": [_strip(images) for images in row],
                "notes": list(self.notes.get(name, ())),
            }
            for name, row in self.rows.items()
        ]
        count, _, height, width = next(iter(self.rows.values())).shape[1:]
        about = {"kind": "slides", "title": self.title, "note": self.note, "sigmas": _short(self.sigmas)}
        size = {"count": count, "height": height, "width": width}
        return {**about, **size, "rows": rows, "given": list(self.given)}


@dataclass(frozen=True)
class FieldRow:
    """The fields of one denoiser, V views of them: over several images, or of one."""

    maps: Tensor  # [V, S, P, H, W] non-negative
    numbers: Mapping[str, Tensor]  # quantity -> [V, S, P], of the maps before they are rounded
    notes: Sequence[str] = ()  # S lines, below the maps
    marked: Sequence[bool] = ()  # S, the maps that are underlined


@dataclass(frozen=True)
class Explorer:
    """Fields of many pixels: which inputs does the output that one clicks depend on?"""

    title: str
    note: str  # how it was measured, in sentences
    sigmas: Sequence[float]  # S
    pixels: Sequence[tuple[int, int]]  # P that were probed; a click takes the nearest
    stride: int  # pixels between neighbours of them
    views: Sequence[str]  # V
    pictures: Tensor  # [V, 1 + S, C, H, W] in [-1, 1]: clean, then at each noise level
    rows: Mapping[str, FieldRow]
    labels: Mapping[str, str]  # quantity -> what it is
    reference: str  # the row that others are set against
    pattern: Sequence[tuple[int, int]] = ()  # pixels of a hidden pattern
    marks: str = ""  # what an underlined map means

    def content(self) -> dict[str, Any]:
        """The fields as JSON holds them: each map in 255 steps from 0 to its own maximum, all compressed."""
        height, width = next(iter(self.rows.values())).maps.shape[-2:]
        return {
            "kind": "explorer", "title": self.title, "note": self.note, "sigmas": _short(self.sigmas),
            "height": height, "width": width, "size": list(self.pictures.shape[-2:]),
            "pixels": [list(pixel) for pixel in self.pixels], "stride": self.stride,
            "views": [
                {"label": label, "pictures": [_strip(image[None]) for image in pictures]}
                for label, pictures in zip(self.views, self.pictures, strict=True)
            ],
            "rows": [self._row(name, row) for name, row in self.rows.items()],
            "labels": dict(self.labels), "reference": self.reference,
            "pattern": [list(pixel) for pixel in self.pattern], "marks": self.marks,
        }  # fmt: skip

    def _row(self, name: str, row: FieldRow) -> dict[str, Any]:
        steps, top = quantised(row.maps)
        return {
            "name": name,
            "maps": _text(zlib.compress(steps.tobytes(), 9)),
            "top": _short(top.flatten().tolist()),
            "numbers": {key: _short(value.flatten().tolist()) for key, value in row.numbers.items()},
            "notes": list(row.notes),
            "marked": [bool(flag) for flag in row.marked],
        }


@dataclass(frozen=True)
class Paired:
    """Numbers of single images, for differences between two denoisers on the same images and noise."""

    title: str
    note: str
    sigmas: Sequence[float]  # S
    values: Mapping[str, Mapping[str, Sequence[Tensor]]]  # quantity -> denoiser -> S times [N]; NaN: no score
    labels: Mapping[str, str]  # quantity -> what it is, with its unit
    images: str  # what the images and the noise are a function of: runs that agree can be set side by side
    band: tuple[float, float] = (0.0, math.inf)  # noise levels that tables average over: shown at first

    def content(self) -> dict[str, Any]:
        """The numbers as JSON holds them."""
        count = min(len(next(iter(next(iter(self.values.values())).values()))[0]), MOST_IMAGES)
        values = {
            quantity: {
                name: [_short(level.tolist()[:count]) for level in levels] for name, levels in rows.items()
            }
            for quantity, rows in self.values.items()
        }
        return {
            "kind": "paired", "title": self.title, "note": self.note, "sigmas": _short(self.sigmas),
            "values": values, "labels": dict(self.labels), "images": self.images, "count": count,
            "band": [s for s, sigma in enumerate(self.sigmas) if self.band[0] <= sigma <= self.band[1]],
        }  # fmt: skip


Panel = Slides | Explorer | Paired


def quantised(
    maps: Tensor,  # [..., H, W] non-negative
) -> tuple[np.ndarray, Tensor]:  # uint8 of the same shape; [...] the maximum of each
    """Each map in LEVELS steps from 0 to its own maximum; what is left out is half a step at most."""
    top = maps.amax((-2, -1))
    steps = (maps / top.clamp(min=1e-30)[..., None, None] * LEVELS).round()
    return steps.byte().cpu().numpy(), top


def _strip(
    images: Tensor,  # [B, C, H, W] in [-1, 1]
) -> str:
    """Images side by side, as a PNG file in base64."""
    from einops import rearrange
    from PIL import Image

    from locality.at_rest import to_bytes

    pixels = rearrange(to_bytes(images), "b c h w -> h (b w) c").numpy()
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG", optimize=True)
    return _text(file.getvalue())


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _short(values: Sequence[float]) -> list[float | None]:
    """Numbers with few digits; None for what is not finite."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in map(float, values)]
