"""A trained DDPM network, seen as a denoiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

import torch
from torch import Tensor, nn

from locality.denoisers.base import per_image
from locality.denoisers.conditional import Conditional
from locality.denoisers.wiener import Wiener
from locality.schedule import NoiseSchedule

Prediction = Literal["epsilon", "v_prediction", "sample", "wiener_residual"]  # what a network puts out
VARIES: Final = 1e-9  # a variance above rounding
PREDICTS: Final[Mapping[str, str]] = {  # in words
    "epsilon": "the noise (epsilon)",
    "v_prediction": "v",
    "sample": "the image",
    "wiener_residual": "what Wiener misses",
}
PLAIN: Final = ("epsilon", "v_prediction", "sample")  # those that diffusers has, by its names


class NetworkDenoiser(Conditional):
    """A DDPM network read as `D(x, sigma)`: the only place where its scaling and integer time-steps exist.

    `x_vp = x sqrt(ab)` with `ab = alpha_bar(sigma)`, `t` nearest in log sigma (between two steps, if the
    network is `continuous`), and from the output
    - `epsilon`, the noise: `D = (x_vp - sqrt(1 - ab) eps) / sqrt(ab) = x - sigma eps`;
    - `v_prediction`, `v = sqrt(ab) eps - sqrt(1 - ab) x0` (Salimans & Ho 2022): `D = ab x - sqrt(1 - ab) v`;
    - `sample`, the clean image: `D` itself;
    - `wiener_residual`, what the Wiener filter `W` of the images misses, over what it is expected to miss:
      `D = W(x, sigma) + r(sigma) out`, `r^2 = mean(lam sigma^2 / (lam + sigma^2))`, lam the eigenvalues.

    The network runs in the type of its own parameters; the estimate has the type of x.
    """

    autocast = True

    def __init__(
        self,
        net: nn.Module,  # net(x_vp [B, C, H, W], t [B]) -> its output, a tensor or an object with `.sample`
        schedule: NoiseSchedule | None = None,  # the one it was trained with; DDPM's unless given
        image_shape: Sequence[int] | None = None,  # (C, H, W); None takes any
        prediction: Prediction = "epsilon",  # what the output is
        continuous: bool = False,  # true: the net takes times between steps, floats, and gets them unrounded
        floor: Wiener | None = None,  # the filter, for wiener_residual
    ) -> None:
        super().__init__()
        if prediction not in get_args(Prediction):
            raise ValueError(f"prediction: want one of {', '.join(get_args(Prediction))}, got {prediction!r}")
        self.net = net
        self.schedule = schedule or NoiseSchedule.ddpm()
        self.image_shape = None if image_shape is None else torch.Size(image_shape)
        if (floor is None) == (prediction == "wiener_residual"):
            want = "a Wiener filter" if floor is None else "None"
            raise ValueError(f"floor: want {want} for prediction={prediction}, got {floor!r}")
        self.prediction, self.floor = prediction, floor
        self.continuous = continuous

    def extra_repr(self) -> str:
        return f"prediction={self.prediction!r}" + (", continuous" if self.continuous else "")

    def fit_floor(self, wiener: Wiener) -> None:
        """Takes the filter over. Raises ValueError for one of images that do not vary."""
        if not bool(wiener.eigenvalues.max() > VARIES):
            raise ValueError(f"floor: want a Wiener filter of images that vary, got {wiener!r} of equal ones")
        assert self.floor is not None, "of wiener_residual"
        self.floor.load_state_dict(wiener.state_dict())

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The clean image that the output stands for."""
        return self.read(x, sigma, self.output(x, sigma))

    def read(
        self,
        x: Tensor,  # [B, C, H, W] noisy images, variance-exploding
        sigma: Tensor,  # [B]
        out: Tensor,  # [B, C, H, W] what the network put out there
    ) -> Tensor:  # [B, C, H, W]
        """The clean image that an output stands for."""
        if self.prediction == "sample":
            return out
        if self.prediction == "epsilon":
            return x - per_image(sigma) * out
        if self.floor is not None:
            return self.floor(x, sigma) + self._missed(self.floor, sigma) * out
        signal = per_image(self.schedule.alpha_bar(sigma))
        return signal * x - (1 - signal).sqrt() * out

    def output(
        self,
        x: Tensor,  # [B, C, H, W] noisy images, variance-exploding
        sigma: Tensor,  # [B]
        labels: Tensor | None = None,  # [B] int64, for a network that is told classes; None: told none
    ) -> Tensor:  # [B, C, H, W]
        """What the network puts out, in the type of x."""
        inner = next(self.net.parameters(), x).dtype
        scaled = x * per_image(self.schedule.alpha_bar(sigma).sqrt())
        known = self.schedule
        t = known.time(sigma).to(inner) if self.continuous else known.timestep(sigma)
        out = self.net(scaled.to(inner), t) if labels is None else self.net(scaled.to(inner), t, labels)
        return (out if isinstance(out, Tensor) else out.sample).to(x.dtype)

    @property
    def classes(self) -> int:
        """How many classes the network knows; 0 for one that is told none."""
        return int(getattr(self.net, "classes", 0))

    def conditioned(self, x: Tensor, sigma: Tensor, labels: Tensor) -> Tensor:
        """The estimate of a network that is told the class of each image."""
        return self.read(x, sigma, self.output(x, sigma, labels))

    def target(
        self,
        clean: Tensor,  # [B, C, H, W]
        noise: Tensor,  # [B, C, H, W] standard normal
        sigma: Tensor,  # [B]
    ) -> Tensor:  # [B, C, H, W]
        """What `output` should be at `clean + sigma noise`."""
        if self.floor is not None:
            estimate = self.floor(clean + per_image(sigma) * noise, sigma)
            return (clean - estimate) / self._missed(self.floor, sigma)
        if self.prediction != "v_prediction":
            return noise if self.prediction == "epsilon" else clean
        signal = per_image(self.schedule.alpha_bar(sigma))
        return signal.sqrt() * noise - (1 - signal).sqrt() * clean

    @staticmethod
    def _missed(floor: Wiener, sigma: Tensor) -> Tensor:  # [B, 1, 1, 1]
        return per_image(floor.expected_error(sigma).sqrt())
