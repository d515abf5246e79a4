"""Plant your own pattern: change the covariance, and the look changes with it.

A letter in a random colour is added to every image. The colour is one number for the whole letter, so the
letter's pixels become correlated, however far apart they are. Now a pixel on the letter looks at the letter.
The paper trains networks on such images. Here Wiener alone shows it.
"""

# %% Photographs, without and with a letter.
import matplotlib.pyplot as plt
import torch

from locality import ImageBank
from locality.data import PatternInjection, letter_w, photos
from locality.denoisers import Wiener
from locality.sensitivity import measure

images = photos("train", seed=0, size=16, train=4000)
pattern = PatternInjection(letter_w, colour="grey")
planted = pattern.inject(images, torch.arange(len(images)), 0.5, seed=0, split="train")

# %% What a pixel on the letter looks at.
pixel = pattern.pixels(16, 16)[0]
sigmas = [7.0, 2.0, 0.7]
figure, axes = plt.subplots(2, 4, figsize=(8, 4.2), layout="constrained")
for line, (name, data) in zip(axes, {"gamma = 0": images, "gamma = 0.5": planted}.items(), strict=True):
    bank = ImageBank(data)
    shown = next(bank.chunks(1))
    field = measure(Wiener.fit(bank), shown, sigmas, pixels=[pixel])
    line[0].imshow((shown[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1))
    line[0].set_ylabel(name)
    for axis, sigma, found in zip(line[1:], sigmas, field.maps[:, 0], strict=True):
        axis.imshow(found / found.max(), cmap="magma")
        axis.set_title(f"sigma = {sigma:g}")
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
figure.suptitle("A pixel of the hidden letter, seen by the Wiener filter")
