"""What the pages of results call things, and how they write numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.results.kept.choosing import ENDS, LONGER, WEAK
from locality.denoisers.network import PREDICTS
from locality.report import names
from locality.report.table import format_markdown

IMAGES = {  # data sets, in the order in which they are told of
    "cifar": "CIFAR-10",
    "afhq32": "cats (32 x 32)",
    "fashion_mnist": "Fashion-MNIST",
    "photos16": "photographs (16 x 16)",
    "photos32": "photographs (32 x 32)",
    "afhq64": "cats (64 x 64)",
    "celeba_hq64": "CelebA-HQ (64 x 64)",
}
NOTES = {  # beside names, on these pages
    "stacked_locality": " (ours)",
    "stacked_mixtures": " (ours)",
    "local_mixture": " (ours)",
    "soft_locality": " (ours)",
    "pca_locality": " (the paper's, exact)",
}
FORMS = {  # of PCA locality: compare=paper_variants, and the released one
    "pca_locality_released": "released form",
    "float32": "float32 masks",
    "float32_wssm_512": "float32 masks, batches of 512",
    "wssm_128": "batches of 128",
    "wssm_512": "batches of 512",
    "wssm_2048": "batches of 2,048",
    "axis_row": "mask by rows",
    "threshold_row": "threshold of each row",
    "both_row": "both by rows",
    "tau_002": "tau .002",
    "tau_005": "tau .005",
    "tau_02": "tau .02",
    "tau_05": "tau .05",
    "tau_2": "tau .2",
    "tau_5": "tau .5",
}
PART_OF_IMAGES = re.compile(r"(pca_locality|stacked_mixtures)_(\d+)")  # rows of compare=bank_sizes
NETWORKS = {"half": "network of half the images"}  # named in commands, beside those that reports know
WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SHIPPED = {**IMAGES, "cats": IMAGES["afhq32"]}  # how the names of networks in pretrained/ begin
ABOUT = {  # what follows, and what it says
    "seed1": "second seed",
    "longer": "trained longer",
    "half0": "first half of the images",
    "half1": "second half of the images",
    "gamma0": "control without a letter",
    "epsilon": "predicts the noise",
    "residual": "predicts what Wiener misses",
}
PREDICTED = {**PREDICTS, "epsilon": "the noise"}  # what networks put out
SIGMA = "noise level sigma (pixel units)"
NETWORK = "network"
# Charts of a quantity: title, label, and what is drawn of the axis.
TITLES_OF = {
    "heldout_ratio": "Error on held-out images over the Wiener filter's",
    "step_r2": "One step from the same noised images: what r2 to the network's lacks of 1",
    "coarse_over_second": "Squared distance to the network in waves longer than 12 pixels",
    "samples_by_tau": "Samples from the same noise: median r2 to the network's, at each tau",
}
LABELS = {
    "heldout_ratio": "error / Wiener's",
    "step_r2": "1 - r2 (lower is nearer)",
    "median_step_r2": "1 - r2 (lower is nearer)",
    "coarse_over_second": "over the second network's",
    "samples_by_tau": "r2",
}
FRAMES = {
    "heldout_ratio": (0.35, 2.0), "step_r2": (1e-3, 1.0), "median_step_r2": (1e-3, 1.0),
    "coarse_over_second": (0.5, 20.0), "samples_by_tau": (0.0, 1.0),
}  # fmt: skip


def with_words(title: str, *words: str) -> str:
    """A title with words in its brackets.

    >>> with_words("CIFAR-10", "second seed"), with_words("cats (32 x 32)", "DiT", "")
    ('CIFAR-10 (second seed)', 'cats (32 x 32, DiT)')
    """
    name, _, size = title.rstrip(")").partition(" (")
    inside = ", ".join(filter(None, (size, *words)))
    return f"{name} ({inside})" if inside else name


def in_networks(kind: str) -> str:
    """Which networks, by what they put out."""
    return f"networks that predict {PREDICTED[kind]}"


TITLES = {  # of what was measured: data sets, and data sets with networks of one kind
    f"{data}{end}{more}": with_words(title, in_networks(kind) if kind else "", told)
    for data, title in IMAGES.items()
    for kind, end in {"": "", **ENDS}.items()
    for more, told in {"": "", LONGER: "trained longer", WEAK: "the weak letter alone"}.items()
    if kind or not more
}
DATA = tuple(TITLES)


def bullets(lines: Iterable[str]) -> str:
    """Lines that a reader takes one by one."""
    return "\n".join(f"* {line}" for line in lines)


def numbered(lines: Iterable[str]) -> str:
    """The same with numbers, that others refer to."""
    return "\n".join(f"{k}. {line}" for k, line in enumerate(lines, start=1))


def on(names: Sequence[str], last: str = "and") -> str:
    """On which data.

    >>> on(["CIFAR-10", "cats (32 x 32)"])
    'on CIFAR-10 and cats (32 x 32)'
    """
    return f"on {joined(names, last)}"


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """The text as it stands within a sentence.

    >>> lowered("Networks look"), lowered("PCA locality")
    ('networks look', 'PCA locality')
    """
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def joined(names: Iterable[Any], last: str = "and") -> str:
    """`a, b and c`."""
    parts = [str(name) for name in names]
    return f" {last} ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def network_called(name: str) -> str:
    """A network's name for readers; other names stay as they are.

    >>> network_called("cats"), network_called("cats_dit"), network_called("cifar_gamma0.5_seed1")
    ('cats (32 x 32)', 'cats (32 x 32, DiT)', 'CIFAR-10 (letter of strength 0.5, second seed)')
    """
    data = max((one for one in SHIPPED if f"{name}_".startswith(f"{one}_")), key=len, default="")
    if not data:
        return name.replace("_", " ")
    parts = [_about(part) for part in name.removeprefix(data).split("_") if part]
    return with_words(SHIPPED[data], *parts)


def _about(part: str) -> str:
    return ABOUT.get(part) or names.called(re.sub(r"^gamma(?=\d)", "letter of strength ", part))


def spelled(count: int) -> str:
    """A small count in words.

    >>> spelled(3), spelled(20)
    ('three', '20')
    """
    return WORDS[count] if count < len(WORDS) else str(count)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table, of cells as `shown`."""
    return format_markdown(columns, [[shown(cell) for cell in row] for row in rows])


def shown(cell: Any) -> str:
    """A cell: three significant digits, a dash for nothing."""
    return "-" if cell is None or cell == "" else f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def plus(value: float) -> str:
    """A difference: three decimals, and more where these would make a nought of what is none.

    >>> plus(0.0032), plus(-0.0002075), plus(0.0)
    ('+0.003', '-0.0002', '+0.000')
    """
    usual = f"{value:+.3f}"
    return f"{value:+.{-math.floor(math.log10(abs(value)))}f}" if value and not float(usual) else usual


def called(name: str) -> str:
    """A row's name for readers, as reports have it, and whose it is.

    >>> called("pca_locality"), called("pca_locality_20000")  # the second with a part of the training images
    ("PCA locality (the paper's, exact)", 'PCA locality, 20,000 images')
    """
    if part := PART_OF_IMAGES.fullmatch(name):
        return f"{names.called(part[1])}, {int(part[2]):,} images"
    if any(name.startswith(f"{data}_") for data in SHIPPED):
        return network_called(name)
    return NETWORKS.get(name) or FORMS.get(name) or names.called(name).replace("_", " ") + NOTES.get(name, "")
