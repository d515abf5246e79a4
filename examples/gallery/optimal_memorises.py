"""The optimal denoiser memorises.

The loss of a diffusion model has a minimum in closed form: a softmax average of the training images. Sampling
with it gives training images back. A network that generalises cannot be that minimum. The first row shows
samples, the second the training image nearest to each.
"""

# %% A thousand photographs, and the denoiser that the training loss asks for.
import matplotlib.pyplot as plt
import torch

from locality import ImageBank, NoiseSchedule, sample
from locality.data import photos
from locality.denoisers import Nearest, Optimal, Wiener

bank = ImageBank(photos("train", seed=0, size=16, train=1000))
sigmas = NoiseSchedule.ddpm().leading(50)
noise = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))

# %% Samples of the optimal denoiser and of the Wiener filter, from the same noise.
with torch.no_grad():
    optimal = sample(Optimal.fit(bank), noise, sigmas)
    nearest = Nearest.fit(bank)(optimal, 0.01)
    wiener = sample(Wiener.fit(bank), noise, sigmas)

# %% Every sample is a training image, to the bit of a byte.
assert (optimal - nearest).abs().max() < 1 / 127.5

# %% The Wiener filter copies nothing; it does not draw photographs either.
figure, axes = plt.subplots(3, 6, figsize=(8, 4.4), layout="constrained")
rows = {"optimal": optimal, "nearest\ntraining image": nearest, "Wiener": wiener}
for (name, drawn), line in zip(rows.items(), axes, strict=True):
    line[0].set_ylabel(name)
    for axis, image in zip(line, drawn, strict=True):
        axis.imshow((image.permute(1, 2, 0) / 2 + 0.5).clamp(0, 1))
        axis.set(xticks=[], yticks=[])
figure.suptitle("The optimal denoiser memorises")
