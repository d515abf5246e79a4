"""What readers call denoisers: one name in tables, curves, pictures and cards. Numbers keep their keys."""

from __future__ import annotations

import re

NAMES = {
    "network": "network",
    "second_network": "second network",
    "wiener": "Wiener",
    "optimal": "optimal",
    "nearest": "nearest",
    "stacked_locality": "stacked locality",
    "stacked_mixtures": "stacked mixtures",
    "local_mixture": "local mixture",
    "soft_locality": "soft locality",
    "pca_locality": "PCA locality",
    "pca_locality_wssm": "PCA locality, batch averages",
    "pca_locality_released": "PCA locality, released form",
    "local_score": "local score",
    "local_score_entropy": "local score by entropy",
    "local_score_by_output": "local score by output",
    "pca_locality_entropy": "PCA locality by entropy",
    "pca_locality_by_output": "PCA locality by output",
    "equivariant_local_score": "equivariant local score",
    "equivariant_broken": "broken equivariant score",
    "patch_composite": "patch composite",
    "smoothed": "smoothed optimal",
    "golden_subset": "golden subset",
    "identity": "noisy input",
}
NETWORKS = {  # as commands of the pages name them
    "dit": "DiT",
    "mixer": "MLP-Mixer",
    "residual": "U-Net on Wiener",
    "epsilon": "U-Net on epsilon",
    "cifar": "CIFAR-10",
}
IMAGES = {  # sources of images
    "cifar": "CIFAR-10",
    "afhq": "AFHQ",
    "celeba_hq": "CelebA-HQ",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "photos": "photographs",
    "GaussianSource": "Gaussian images",
}
ALIASES = {"nn2": "second_network", "network_2": "second_network", "noisy": "identity"}
REFERENCE = "_reference"  # ends the name of a reference that is also a candidate
ROUND = "_round"  # ends the name of a row whose field was made to depend on distance alone
# In a text: not within a setting, a path or a list of a command. Any name is one where a cell begins with it.
_PLAIN = ("smoothed", "identity", "noisy")
_KEYS = sorted({*NAMES, *ALIASES, "NN2"} - {*_PLAIN}, key=len, reverse=True)
_IN_TEXT = re.compile(rf"(?<![^\s(])({'|'.join(_KEYS)})({REFERENCE})?(?=$|[\s);:]|'s|[,.](?:\s|$))")
_AT_START = re.compile(r"^[\w-]+(?=$| \(\d)")


def known(name: str) -> str | None:
    """The key of a denoiser that the project knows, however its name is written; None for another."""
    key = name.lower().replace(" ", "_").replace("-", "_")
    key = ALIASES.get(key, key)
    return key if key in NAMES else None


def called(name: str) -> str:
    """What readers call a denoiser; one that the project does not know keeps its name.

    >>> called("pca_locality"), called("wiener_reference"), called("wiener_round"), called("mine")
    ('PCA locality', 'Wiener (reference)', 'Wiener, made round', 'mine')
    """
    if name.endswith(ROUND):
        return f"{called(name.removesuffix(ROUND))}, made round"
    key, base = known(name), known(name.removesuffix(REFERENCE))
    if key is None and base is not None:
        return f"{NAMES[base]} (reference)"
    return NETWORKS.get(name.lower(), name) if key is None else NAMES[key]


def spoken(text: str) -> str:
    """A text with known denoisers called as readers call them; what a command or a path has stays.

    >>> spoken("pca_locality (6,000 images), wiener: +denoiser@candidates.wiener=wiener")
    'PCA locality (6,000 images), Wiener: +denoiser@candidates.wiener=wiener'
    >>> spoken("nearest to the network: NN2 (r2 0.9); networks={NN2: runs/a}")
    'nearest to the network: second network (r2 0.9); networks={NN2: runs/a}'
    """
    begun = _AT_START.sub(lambda match: called(match[0]), text)
    return _IN_TEXT.sub(lambda match: called(match[0]), begun)
