"""The table of r2 that others have published."""

from __future__ import annotations

# GoldDiff (arXiv 2602.16498), its authors' re-run with the paper's networks: 128 samples, 10 steps of DDIM,
# images clamped before the metric.
PUBLISHED = (
    ("denoiser", "CIFAR-10 MSE / r2", "CelebA-HQ MSE / r2", "AFHQ MSE / r2"),
    ("optimal", ".030 / -.401", ".021 / .010", ".039 / -.713"),
    ("Wiener", ".008 / .553", ".012 / .781", ".010 / .687"),
    ("equivariant local score (Kamb)", ".011 / .411", ".011 / .720", ".034 / .576"),
    ("PCA locality", ".008 / .670", ".009 / .802", ".008 / .703"),
    ("golden subset", ".007 / .683", ".008 / .836", ".007 / .731"),
)
PAPERS_TAU = {  # of PCA locality, by data sets of ours: what the paper chose against its own networks
    "cifar": 0.05,
    "afhq32": 0.02,  # AFHQ at 64 x 64
    "fashion_mnist": 0.005,
}
PAPERS_SIDE = {"afhq32": 64}  # of its images, where ours have another
