"""The masks of PCA locality at six noise levels.

The paper's denoiser averages training images as the optimal one does, but each output looks at a part of the
input only: where the Wiener filter of that noise level has large entries. The part is found from the data's
covariance. With little noise it is a few pixels, with much noise the whole image.
"""

# %% PCA locality of two thousand photographs.
import matplotlib.pyplot as plt

from locality import ImageBank
from locality.data import photos
from locality.denoisers import PCALocality

bank = ImageBank(photos("train", seed=0, size=16, train=2000))
denoiser = PCALocality.fit(bank, tau=0.05)

# %% Which inputs does the green channel of one pixel look at?
sigmas = [0.1, 0.3, 0.7, 1.5, 4.0, 12.0]
row, column = 6, 9
output = (1 * 16 + row) * 16 + column  # channel 1 of (channel, row, column)
figure, axes = plt.subplots(1, len(sigmas), figsize=(10, 2.2), layout="constrained")
seen = []
for axis, sigma in zip(axes, sigmas, strict=True):
    mask = denoiser.mask(sigma)[output].reshape(3, 16, 16)
    seen.append(int(mask.sum()))
    axis.imshow(mask.float().mean(0), cmap="magma", vmin=0, vmax=1)
    axis.plot(column, row, "c+")
    axis.set(title=f"sigma = {sigma:g}\n{seen[-1]} of {mask.numel()} inputs", xticks=[], yticks=[])
figure.suptitle("What one output of PCA locality looks at")

# %% More noise, a wider look.
assert seen[0] < seen[2] < seen[-1]
