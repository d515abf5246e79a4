"""A denoiser in 30 lines, measured beside the Wiener filter.

A denoiser is a class with one method, `estimate(x, sigma)`. Everything else comes with it: samples,
gradients, sensitivity fields, a row in every comparison. This one knows the power spectrum of the images and
nothing else. It is the Wiener filter of data whose statistics are the same everywhere.
"""

# %% The denoiser.
import matplotlib.pyplot as plt
import torch
from torch import Tensor

from locality import Denoiser, ImageBank
from locality.data import photos
from locality.denoisers import Wiener
from locality.noise import image_noise


class Spectral(Denoiser):
    """`D = mean + F^-1 [S / (S + sigma^2)] F (x - mean)`, S the power spectrum of each channel."""

    def __init__(self, mean: Tensor, power: Tensor) -> None:  # both [C, H, W]
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("power", power)
        self.image_shape = mean.shape

    @classmethod
    def fit(cls, bank: ImageBank) -> "Spectral":
        """The mean image, and the mean power at each frequency."""
        images = torch.cat(list(bank.chunks(1000)))
        mean = images.mean(0)
        return cls(mean, torch.fft.fft2(images - mean, norm="ortho").abs().square().mean(0))

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The formula; x is [B, C, H, W] and sigma [B]."""
        mean, power = self.mean.to(x), self.power.to(x)
        gain = power / (power + sigma[:, None, None, None] ** 2)
        return mean + torch.fft.ifft2(gain * torch.fft.fft2(x - mean)).real


# %% Its error on images that it has not seen, beside Wiener's.
bank = ImageBank(photos("train", seed=0, size=16, train=4000))
clean = photos("test", seed=0, size=16, test=200) / 127.5 - 1
noise = image_noise(range(200), clean.shape[1:], 0, "example")
sigmas = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
errors = {}
for name, denoiser in {"spectral": Spectral.fit(bank), "Wiener": Wiener.fit(bank)}.items():
    errors[name] = [(denoiser(clean + s * noise, s) - clean).square().mean().item() for s in sigmas]

# %% What the spectrum does not know: that images end at their border, and that channels belong together.
figure, axis = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
for name, values in errors.items():
    axis.loglog(sigmas, values, "o-", label=name)
axis.set(xlabel="noise level sigma", ylabel="mean squared error", title="A denoiser in 30 lines")
axis.legend()
