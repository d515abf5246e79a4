"""A cat's eye: what is local in the data need not be near.

In pictures of centred faces the two eyes are alike. Their pixels are correlated although they are far apart.
A network trained on cats looks at the other eye, too: no convolution made it do so, and no convolution
stopped it. The picture is a sample of the network itself.
"""

# %% A network that ships with the library, and a cat that it draws.
from pathlib import Path

import matplotlib.pyplot as plt
import torch

import locality
from locality import NoiseSchedule, sample
from locality.sensitivity import measure

checkout = Path(locality.__file__).parent.parent
denoiser = locality.load(checkout / "pretrained/cats")
noise = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(20))
with torch.no_grad():
    cat = sample(denoiser, noise, NoiseSchedule.ddpm().leading(20)).clamp(-1, 1)

# %% Sensitivity of the left eye's pixel to every input, at four noise levels.
# Row and column, from 0. The faces of the data have it at (16, 10) on average: docs/results/eyes.md.
eye = (14, 10)  # of this cat
sigmas = [3.4, 2.0, 1.2, 0.7]
field = measure(denoiser, cat, sigmas, pixels=[eye])

# %% The eye looks at itself, and at the other eye.
figure, axes = plt.subplots(1, 5, figsize=(10, 2.5), layout="constrained")
axes[0].imshow(cat[0].permute(1, 2, 0) / 2 + 0.5)
axes[0].plot(eye[1], eye[0], "c+")
axes[0].set_title("a sample")
for axis, sigma, field_map in zip(axes[1:], sigmas, field.maps[:, 0], strict=True):
    axis.imshow((field_map / field_map.max()).clamp(min=0.01).log10(), cmap="magma")
    axis.set_title(f"sigma = {sigma:g}")
for axis in axes:
    axis.set(xticks=[], yticks=[])
figure.suptitle("What the left eye of a network's estimate depends on (logarithm)")
