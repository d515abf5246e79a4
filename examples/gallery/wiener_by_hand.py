"""The Wiener filter by hand: locality comes from the covariance.

The best affine denoiser needs nothing but the mean and the covariance of the images. A row of its matrix says
what one output pixel looks at. On photographs that is a neighbourhood, although nobody asked for one: pixels
that are near each other are correlated, and those far away are not. The neighbourhood grows with the noise.
"""

# %% Images, their mean and their covariance.
import matplotlib.pyplot as plt
import torch

from locality import ImageBank
from locality.data import photos
from locality.denoisers import Wiener

images = photos("train", seed=0, size=16, train=4000)  # [4000, 3, 16, 16] uint8
flat = images.flatten(1).double() / 127.5 - 1
mean, centred = flat.mean(0), flat - flat.mean(0)
covariance = centred.T @ centred / (len(flat) - 1)

# %% The filter of a noise level is `C (C + sigma^2 I)^-1`.
sigmas = [0.2, 0.7, 2.0, 7.0]
identity = torch.eye(len(covariance), dtype=torch.float64)
filters = [torch.linalg.solve(covariance + sigma**2 * identity, covariance) for sigma in sigmas]

# %% It is what the library computes.
x = torch.randn(1, 3, 16, 16, dtype=torch.float64)
ours = mean + (x.flatten(1) - mean) @ filters[1].T
theirs = Wiener.fit(ImageBank(images))(x, sigmas[1]).flatten(1)
assert (ours - theirs).abs().max() < 1e-6

# %% What the pixel in row 6, column 9 looks at, all channels together.
row, column = 6, 9
figure, axes = plt.subplots(1, len(sigmas), figsize=(9, 2.6), layout="constrained")
for axis, sigma, matrix in zip(axes, sigmas, filters, strict=True):
    field = matrix.reshape(3, 16, 16, 3, 16, 16)[:, row, column].sum(0).abs().mean(0)
    axis.imshow(field / field.max(), cmap="magma")
    axis.set(title=f"sigma = {sigma:g}", xticks=[], yticks=[])
figure.suptitle("What one pixel of the Wiener filter looks at")
