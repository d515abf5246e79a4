"""A measured sensitivity field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from einops import reduce
from torch import Tensor

from locality.denoisers.base import Pixel
from locality.sensitivity.maps import Reduction
from locality.sensitivity.shape import Profile, mass_radius, participation, profile

_HEADER = "sensitivity_field"
Facts = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, eq=False)
class SensitivityField:
    """`|dD(x)[pixel] / dx|` over images, one map for each noise level and probed pixel.

    Raises ValueError for shapes that do not fit.
    """

    maps: Tensor  # [S, P, H, W] over images, not scaled
    sigmas: Sequence[float]  # [S] high to low, pixel units
    pixels: Sequence[Pixel]  # [P]
    spread: Tensor  # [S, P, H, W] standard deviation from image to image
    images: Tensor | None = None  # [N, S, P, H, W] of each, signed if so measured, where few enough to keep
    about: Facts = field(default_factory=dict)  # the denoiser's name and the options of the measurement
    groups: Tensor | None = None  # [N] images of one number were cut from one picture: intervals draw these

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigmas", tuple(float(sigma) for sigma in self.sigmas))
        object.__setattr__(self, "pixels", tuple((int(row), int(col)) for row, col in self.pixels))
        shape = (len(self.sigmas), len(self.pixels), *self.maps.shape[2:])
        for name in ("maps", "spread"):
            if getattr(self, name).shape != shape or len(shape) != 4:
                raise ValueError(
                    f"{name}: want [sigmas, pixels, H, W], {shape[:2]} at first, "
                    f"got {tuple(getattr(self, name).shape)}"
                )
        if self.images is not None and self.images.shape[1:] != shape:
            raise ValueError(f"images: want [N, *{shape}], got {tuple(self.images.shape)}")
        if self.groups is not None and (self.images is None or self.groups.shape != self.images.shape[:1]):
            raise ValueError(f"groups: want one for each of the images, got {tuple(self.groups.shape)}")

    @classmethod
    def of_images(
        cls,
        images: Tensor,  # [N, S, P, H, W] the map of each
        sigmas: Sequence[float],
        pixels: Sequence[Pixel],
        reduction: Reduction | None = None,  # `images` of it is how they are averaged
        about: Facts | None = None,
        groups: Tensor | None = None,  # [N]
    ) -> SensitivityField:
        """The field of images whose maps are all at hand."""
        reduction = reduction or Reduction()
        maps = reduction.over_images(images.mean(0), images.square().mean(0))
        spread = images.std(0, correction=0)
        return cls(maps, sigmas, pixels, spread, images, {**(about or {}), **reduction.facts()}, groups)

    @property
    def signed(self) -> bool:
        """Whether derivatives kept their signs in the mean over images."""
        return self.about.get("reduction_magnitude") == "signed"

    def of_pixels(self, places: slice) -> SensitivityField:
        """The field of some of its pixels."""
        images = None if self.images is None else self.images[:, :, places]
        maps, spread = self.maps[:, places], self.spread[:, places]
        return SensitivityField(
            maps, self.sigmas, self.pixels[places], spread, images, self.about, self.groups
        )

    def __repr__(self) -> str:
        """One line: what was measured and where, not the numbers."""
        name = self.about.get("denoiser", "a denoiser")
        images = "" if self.images is None else f", {len(self.images)} images"
        height, width = self.maps.shape[2:]
        return (
            f"SensitivityField({name}: {len(self.sigmas)} noise levels, {len(self.pixels)} pixels{images}, "
            f"{height} x {width})"
        )

    def radius(self, mass: float = 0.5) -> Tensor:  # [S, P] pixels
        """The distance within which that share of the field's mass lies; nan for a field of zeros."""
        return mass_radius(self.maps, self.pixels, mass)

    def profile(self) -> Profile:  # .distance [D], .value [S, P, D]
        """The mean of the field against the distance to the probed pixel."""
        return profile(self.maps, self.pixels)

    def participation(self) -> Tensor:  # [S, P]
        """The effective number of input pixels: `(sum f)^2 / sum f^2`; nan for a field of zeros."""
        return participation(self.maps)

    def normalised(self) -> Tensor:  # [S, P, H, W] in [0, 1]
        """Each map over its own maximum, for display only; a map of zeros stays one."""
        top = reduce(self.maps, "s p h w -> s p 1 1", "max")
        return self.maps / torch.where(top > 0, top, 1)

    def save(self, path: str | Path) -> Path:
        """Write a safetensors file, everything but the tensors as JSON in its header."""
        from safetensors.torch import save_file

        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = {"sigmas": self.sigmas, "pixels": self.pixels, "about": dict(self.about)}
        tensors = {name: getattr(self, name) for name in ("maps", "spread", "images", "groups")}
        save_file(
            {name: one.detach().cpu().contiguous() for name, one in tensors.items() if one is not None},
            path,
            {_HEADER: json.dumps(facts)},
        )
        return path

    @classmethod
    def load(cls, path: str | Path) -> SensitivityField:
        """Read what `save` wrote. Raises ValueError for another kind of safetensors file."""
        from safetensors import safe_open

        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            if _HEADER not in header:
                raise ValueError(f"{path}: not a sensitivity field, its header lacks '{_HEADER}'")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        facts = json.loads(header[_HEADER])
        return cls(**tensors, **facts)
