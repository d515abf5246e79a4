"""Times of the analytical denoisers against public packages, in turns, with errors beside float64.

python -m benchmarks.peers                       minutes; writes docs/peers.md
python -m benchmarks.peers --only nearest --images 10000 --steps 500

The packages come with `pip install 'locality[peers]'`. KeOps keeps a bank in float32 and makes sums over it
without the table of weights. FAISS has the flat index, whose search is exact. What counts is the CPU time
of the process.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from statistics import median
from typing import Any

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import pad, unfold

from benchmarks.cases import TIMESTEPS, noisy
from benchmarks.page import ROOT
from benchmarks.processor import about
from locality import ImageBank
from locality.bank import to_float
from locality.data import cifar, photos
from locality.denoisers import LocalScore, Nearest, Optimal
from locality.report.table import format_markdown

PAGE, KEPT = ROOT / "docs" / "peers.md", ROOT / "docs" / "peers.json"
PATCH = 5  # pixels, of the local score
BATCH = 8  # noisy images together
COLUMNS = ("t", "ours, CPU seconds", "theirs", "theirs over ours", "our error", "their error")
NEEDS = {"optimal": "pykeops", "local-score": "pykeops", "nearest": "faiss"}  # the packages of cases
Row = dict[str, float]


@dataclass(frozen=True)
class Against:
    """A bank, and how each package answers for it."""

    bank: ImageBank

    @cached_property
    def images(self) -> Tensor:  # [N, n] float32
        """What the packages keep."""
        return to_float(self.bank.images).flatten(1)

    def keops(self, x: Tensor, sigma: float) -> Tensor:
        """The optimal denoiser: `sum_i softmax_i(-|x - X_i|^2 / (2 sigma^2)) X_i`."""
        return _softmax_average(x.flatten(1), self.images, self.images, sigma)

    def product(self, x: Tensor, sigma: float) -> Tensor:
        """The optimal denoiser by two float32 products, `|X|^2` known before."""
        logits = (x.flatten(1) @ self.images.T - self.half_squares) / sigma**2
        return logits.softmax(1) @ self.images

    @cached_property
    def half_squares(self) -> Tensor:  # [N]
        """`|X|^2 / 2`."""
        return self.images.square().sum(1) / 2

    def keops_patches(self, x: Tensor, sigma: float) -> Tensor:
        """The local score machine: each pixel's patch against those of all images at its place."""
        values = rearrange(self.images, "i (c p) -> p i c", c=x.shape[1])
        return rearrange(_softmax_average(_patches(x), self.patches, values, sigma), "p b c -> b (c p)")

    @cached_property
    def patches(self) -> Tensor:  # [H W, N, C k k]
        """The patches of all images, at all places."""
        return _patches(to_float(self.bank.images))

    @cached_property
    def index(self) -> Any:
        """FAISS's flat index."""
        import faiss

        index = faiss.IndexFlatL2(self.images.shape[1])
        index.add(self.images.numpy())
        return index

    def faiss(self, x: Tensor, sigma: float) -> Tensor:
        """The nearest image."""
        import faiss

        faiss.omp_set_num_threads(torch.get_num_threads())
        _, found = self.index.search(x.flatten(1).numpy(), 1)
        return self.images[torch.from_numpy(found[:, 0])]


def _softmax_average(
    x: Tensor,  # [..., B, d]
    keys: Tensor,  # [..., N, d]
    values: Tensor,  # [..., N, e]
    sigma: float,
) -> Tensor:  # [..., B, e]
    """The softmax average by KeOps's symbolic matrices, all places together."""
    from pykeops.torch import LazyTensor

    asked, known = x[..., :, None, :].contiguous(), keys[..., None, :, :].contiguous()
    logits = -((LazyTensor(asked) - LazyTensor(known)) ** 2).sum(-1) / (2 * sigma**2)
    return logits.sumsoftmaxweight(LazyTensor(values[..., None, :, :].contiguous()), axis=x.ndim - 1)


def _patches(images: Tensor) -> Tensor:  # [H W, i, C k k]
    # What lies outside is the same for all, so that it is left out of the distances.
    return rearrange(unfold(pad(images, (PATCH // 2,) * 4), PATCH), "i d p -> p i d").contiguous()


def cases(count: int, pixels: int) -> dict[str, tuple[str, Callable[[], tuple[Any, Any, ImageBank]]]]:
    """What is timed: a title, and what makes ours, theirs and the bank."""

    def images() -> ImageBank:
        return ImageBank(cifar("train", 0)[:count])

    def small() -> ImageBank:
        return ImageBank(photos("train", 0, size=16, train=pixels))

    def optimal() -> tuple[Any, Any, ImageBank]:
        bank = images()
        return Optimal.fit(bank), Against(bank).keops, bank

    def product() -> tuple[Any, Any, ImageBank]:
        bank = images()
        return Optimal.fit(bank), Against(bank).product, bank

    def nearest() -> tuple[Any, Any, ImageBank]:
        bank = images()
        return Nearest.fit(bank), Against(bank).faiss, bank

    def local() -> tuple[Any, Any, ImageBank]:
        bank = small()
        return LocalScore.fit(bank, PATCH), Against(bank).keops_patches, bank

    return {
        "optimal": (f"Optimal, against KeOps: {count:,} images of CIFAR-10", optimal),
        "product": (f"Optimal, against two float32 products: {count:,} images of CIFAR-10", product),
        "nearest": (f"Nearest, against FAISS's flat index: {count:,} images of CIFAR-10", nearest),
        "local-score": (
            f"Local score, {PATCH} x {PATCH}, against KeOps: {pixels:,} photographs of 16 x 16 pixels", local
        ),
    }  # fmt: skip


def rows(ours: Any, theirs: Any, bank: ImageBank, steps: list[int], rounds: int) -> Iterator[Row]:
    """A row for each time-step: medians of CPU seconds in turns, and errors beside our float64."""
    exact = type(ours).fit(ImageBank(to_float(bank.images, torch.float64)), **_settings(ours))
    for t in steps:
        x, sigma = noisy(bank.images[:BATCH], t)
        work = (lambda: ours(x, sigma).flatten(1), lambda: theirs(x, sigma))  # noqa: B023
        truth = exact(x[:1].double(), sigma).flatten(1)
        errors = [((each()[:1] - truth).norm() / truth.norm()).item() for each in work]
        times = [[cpu_seconds(each) for each in work] for _ in range(rounds)]
        mine, other = (median(column) for column in zip(*times, strict=True))
        ratio = median(b / a for a, b in times)
        found = {"t": t, "ours": mine, "theirs": other, "ratio": ratio}
        yield found | {"our_error": errors[0], "their_error": errors[1]}


def _settings(denoiser: Any) -> dict[str, Any]:
    return {"patch_size": PATCH} if isinstance(denoiser, LocalScore) else {}


def cpu_seconds(work: Callable[[], object]) -> float:
    """The CPU time of this process, of all its threads. Other work on the machine does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def table(found: list[Row]) -> str:
    """Markdown."""
    keys = ("ours", "theirs", "ratio", "our_error", "their_error")
    return format_markdown(
        COLUMNS, [[f"{row['t']:g}", *(f"{row[key]:.3g}" for key in keys)] for row in found]
    )


def write(kept: dict[str, Any]) -> None:
    """The numbers, and each block of the page."""
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")

    def block(match: re.Match[str]) -> str:
        case = kept.get(match[2])
        if case is None:
            return match[1] + "Not measured yet.\n" + match[3]
        where = ", ".join(f"{name} {value}" for name, value in case["about"].items())
        return match[1] + f"{case['title']}.\n\n{table(case['rows'])}\n\n({where})\n" + match[3]

    text = re.sub(r"(<!-- peers-(\S+): .*? -->\n).*?(<!-- end -->)", block, PAGE.read_text(), flags=re.DOTALL)
    PAGE.write_text(text)


def main() -> None:
    """Run the cases, print and write what they measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", help="some of the cases")
    parser.add_argument("--images", type=int, default=50_000, help="of CIFAR-10")
    parser.add_argument("--photographs", type=int, default=2000, help="of the local score")
    parser.add_argument("--steps", type=int, nargs="+", default=TIMESTEPS, help="time-steps")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each takes")
    options = parser.parse_args()
    known = cases(options.images, options.photographs)
    for name in options.only or []:
        if name not in known:
            parser.error(f"--only {name}: want some of {', '.join(known)}")
    missing = {NEEDS[name] for name in options.only or known if name in NEEDS and not find_spec(NEEDS[name])}
    if missing:
        parser.error(f"{', '.join(sorted(missing))} not installed; pip install 'locality[peers]' has it")
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name in options.only or known:
        title, make = known[name]
        print(title, flush=True)
        found = []
        for row in rows(*make(), options.steps, options.rounds):
            found.append(row)
            print("  ", json.dumps(row), flush=True)
        kept[name] = {"title": title, "about": about(), "rows": found}
        write(kept)


if __name__ == "__main__":
    main()
