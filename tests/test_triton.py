"""What the kernels for GPUs keep, held to it without one: interpreted on the CPU, and compiled for GPUs.

Triton interprets where TRITON_INTERPRET was set before it was imported, so those tests run in a process of
their own, with those of test_kernels.py: TRITON_INTERPRET=1 python -m pytest tests -k "Tiled or interpreted".
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import torch
from banks import noisy, photographs, relative
from conftest import CONFIGS
from torch import Tensor

from benchmarks import gpu
from locality import ImageBank
from locality.bank import to_float
from locality.data import DataNotFound
from locality.denoisers import LocalScore, PatchComposite, PrecisionDenoiser
from locality.posterior import reference
from locality.posterior.masked import kernels
from locality.posterior.masked.dense import Dense
from locality.posterior.masked.rows import Rows
from locality.posterior.patches.dense import DensePatches
from locality.posterior.patches.kernel import Patches
from locality.posterior.rounding import PixelMoments, query
from locality.posterior.triton import running
from locality.posterior.triton.launching import Served, TiledProducts
from locality.posterior.triton.masked import Tiled
from locality.posterior.triton.patches import TiledPatches
from locality.posterior.triton.tiles import PLACES, ROWS, Tiles
from locality.posterior.view import MemoryBudget, View

ROOT = CONFIGS.parent
CPU = torch.device("cpu")
only_interpreted = pytest.mark.skipif(not running.interpreted(), reason="needs TRITON_INTERPRET=1")
without_triton = pytest.mark.skipif(not running.installed(), reason="triton is not installed")


def banded(n: int, width: int) -> Tensor:
    """[n, n] bool: outputs that look at their neighbours; the second half looks at all else."""
    place = torch.arange(n)
    near = (place[:, None] - place).abs() <= width
    return near ^ ((place >= n // 2)[:, None] & (place[:, None] != place))


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels that are usable there."""
    monkeypatch.setattr(kernels, "KERNELS", (Tiled, Dense))


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONPATH": paths, **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


# Patches are slow to interpret: a few calls of every kind are enough.
CHOSEN = {"Tiled and not Patches": 10, "TiledPatches and (finds or gradient)": 4, "interpreted": 15}


@without_triton
@pytest.mark.skipif(running.interpreted(), reason="this is the process of its own")
@pytest.mark.parametrize(
    "chosen", [one if "not Patches" in one else pytest.param(one, marks=pytest.mark.slow) for one in CHOSEN]
)
def test_the_kernels_for_gpus_keep_the_contract_of_kernels_when_interpreted(chosen):
    files = [str(ROOT / "tests" / name) for name in ("test_kernels.py", "test_triton.py")]
    done = python("-m", "pytest", "-p", "no:cacheprovider", "-k", chosen, *files, TRITON_INTERPRET="1")
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    assert int(passed[1]) >= CHOSEN[chosen]


def test_where_triton_is_missing_denoisers_work_and_the_kernel_is_not_usable():
    code = (
        "import sys; sys.modules['triton'] = None\n"
        "import torch, locality.denoisers\n"
        "from locality.posterior.masked import kernels\n"
        "from locality.posterior.triton import running\n"
        "print([running.usable(torch.device(kind)) for kind in ('cpu', 'cuda', 'mps')])"
    )
    done = python("-c", code, TRITON_INTERPRET="1")
    assert done.stdout == "[False, False, False]\n", done.stderr


def test_a_cpu_meets_the_kernel_under_the_interpreter_alone_and_no_import_brings_triton(monkeypatch):
    code = "import sys, locality.denoisers, locality.posterior.masked.kernels; print('triton' in sys.modules)"
    assert python("-c", code).stdout == "False\n"
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert not running.usable(CPU)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert running.usable(CPU) == running.installed()
    assert not running.usable(torch.device("mps"))


@pytest.mark.parametrize(("rows", "places"), [(5, 7), (128, 32), (200, 100), (300, 64)])
def test_tiles_hold_the_mask_or_its_complement_and_no_tile_is_empty(rows, places):
    mask = torch.zeros(rows, places, dtype=torch.bool)
    mask[: rows // 2, : places // 3] = True
    mask[-1] = True
    mask[-1, 0] = False
    for given in (mask, ~mask, torch.ones_like(mask), torch.zeros_like(mask)):
        tiles, found = Tiles.of(given), torch.zeros(rows + ROWS, places + PLACES, dtype=torch.bool)
        for line in range(tiles.lines):
            found[line * ROWS :][:ROWS] = bool(tiles.inverted[line])
            for t in range(tiles.starts[line], tiles.starts[line + 1]):
                assert tiles.members[t].any()
                across = slice(tiles.where[t] * PLACES, (tiles.where[t] + 1) * PLACES)
                found[line * ROWS :][:ROWS, across] ^= tiles.members[t].bool()
        assert torch.equal(found[:rows, :places], given)
        chosen = given ^ tiles.inverted.bool().repeat_interleave(ROWS)[:rows, None]
        read = [part.sum(1).double().mean() for part in chosen.split(ROWS)]
        assert torch.allclose(tiles.members_read, torch.stack(read))
    assert Tiles.of(torch.ones_like(mask)).places_read == 0


@pytest.mark.parametrize("owner", [[0, 1, 2], [2, 0, 2, 0, 2, 2, 2, 1], [0] * 9])
def test_every_output_is_served_once_by_a_copy_of_its_row(owner):
    served = Served.of(torch.tensor(owner), 3)  # a row may serve none
    held = [(int(row), int(q)) for row, line in zip(served.row, served.outputs, strict=True) for q in line]
    assert sorted((q, row) for row, q in held if q < len(owner)) == list(enumerate(owner))
    assert torch.equal(served.row[served.first], torch.arange(3))


def test_a_noisy_image_whose_terms_float16_cannot_hold_is_left_to_float64():
    images = photographs(8, 60)
    rows, moments = Rows.of_precision(banded(192, 3), images.shape[1:]), PixelMoments.of(images.flatten(1))
    x = to_float(images[:1], torch.float64).flatten(1)
    for far, finite in ((1, True), (1000, False)):
        error = Tiled(rows).error(query(x * far, 1.0, moments, rows.places), moments)
        assert bool(error.isfinite()) == finite


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32, torch.float64])
@only_interpreted
def test_interpreted_several_lines_of_tiles_and_blocks_of_images_give_the_posterior_mean(kind):
    images = photographs(8, 150)
    images = images if kind == torch.uint8 else to_float(images, kind)
    rows = Rows.of_precision(banded(192, 3), images.shape[1:])
    moments, kernel = PixelMoments.of(images.flatten(1)), Tiled(rows)
    x, sigma = noisy(photographs(8, 150), 300, 3)
    asked = query(x.flatten(1), sigma[0].item(), moments, rows.places).to(torch.float32)
    expected = reference.posterior_mean(x, sigma, to_float(images, torch.float64), banded(192, 3)).flatten(1)
    for chunk in (None, 70):
        state = kernel.weigh(View(images.flatten(1), MemoryBudget(chunk, 2**30)), asked)
        assert bool(state.sure.all())
        assert relative(state.mean, expected) < 2e-6
        assert not kernel.weigh(View(images.flatten(1), MemoryBudget(chunk, 2**30)), asked, False).sums.any()


@only_interpreted
def test_interpreted_products_with_a_mask_are_as_good_as_float32_at_any_scale():
    generator = torch.Generator().manual_seed(0)
    mask = banded(192, 5)[:150]
    scale = torch.tensor([1e-30, 1e-3, 0, 1, 1e30])[:, None]
    values, weights = (torch.randn(2, 5, k, generator=generator) * scale for k in (192, 150))
    for found, given, exact in (
        (TiledProducts(mask).of_places(values), values, mask.double()),
        (TiledProducts(mask).of_rows(weights.mT), weights, mask.T.double()),
    ):
        expected = given.double() @ exact.T
        error = (found.mT - expected).abs().amax(2) / expected.abs().amax(2).clamp(min=1e-300)
        assert error.max() < 1e-6


@only_interpreted
def test_interpreted_patches_of_several_lines_of_tiles_are_those_of_the_dense_form():
    images = photographs(12, 6, 1)[:, :, :, :11]
    patches = Patches(images.shape[1:], 4, False, CPU)
    moments = PixelMoments.of(images.flatten(1)).over_locations(1)
    asked = query(noisy(images, 300, 1)[0].flatten(1), 1.2, moments, patches.places)
    view = View(images.flatten(1), MemoryBudget(None, 2**30))
    exact = DensePatches(patches).weigh(view, asked)
    found = TiledPatches(patches).weigh(view, asked.to(torch.float32))
    assert bool(found.sure.all())
    assert relative(found.mean, exact.mean) < 2e-6
    assert relative(found.log_partition, exact.log_partition) < 2e-6


@only_interpreted
@pytest.mark.parametrize("t", [100, 300, 500, 700, 900])
def test_interpreted_its_error_is_below_what_it_says(t):
    images = photographs(8, 150)
    precision = banded(192, 10)
    rows, flat = Rows.of_precision(precision, images.shape[1:]), images.flatten(1)
    moments, view = PixelMoments.of(flat), View(flat, MemoryBudget(None, 2**30))
    x, sigma = noisy(images, t, 2)
    asked = query(x.flatten(1), sigma[0].item(), moments, rows.places)
    exact = Dense(rows).weigh(view, asked).mean
    found = Tiled(rows).weigh(view, asked.to(torch.float32)).mean
    for b in range(2):
        assert relative(found[b], exact[b]) <= Tiled(rows).error(asked, moments)[b] + 5e-7


@only_interpreted
@pytest.mark.usefixtures("as_on_a_gpu")
def test_interpreted_denoisers_take_it_and_give_what_the_formula_says():
    bank = ImageBank(photographs(6, 80))
    n = bank.image_shape.numel()
    x, sigma = noisy(bank.images, 400, 2)
    denoiser = PrecisionDenoiser(bank, lambda sigma: banded(n, 4))
    assert isinstance(denoiser.plan(sigma[0].item()).single, Tiled)
    images = to_float(bank.images, torch.float64)
    x64 = x.double().requires_grad_()
    expected = reference.posterior_mean(x64, sigma, images, banded(n, 4))
    (slope,) = torch.autograd.grad(expected.square().sum(), x64)
    leaf = x.clone().requires_grad_()
    found = denoiser(leaf, sigma)
    assert relative(found.detach(), expected.detach()) < 2e-6
    assert relative(torch.autograd.grad(found.square().sum(), leaf)[0], slope) < 2e-5
    exact = denoiser.jacobian(x.double(), sigma.double(), [(2, 3)])
    assert relative(denoiser.jacobian(x, sigma, [(2, 3)]), exact) < 2e-5


@only_interpreted
@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("make", [LocalScore.fit, PatchComposite.fit], ids=["LocalScore", "PatchComposite"])
def test_interpreted_square_windows_are_masks_too(make):
    denoiser = make(ImageBank(photographs(6, 80)), 3)
    x, sigma = noisy(photographs(6, 80), 400, 2)
    assert isinstance(denoiser.plan(sigma[0].item()).single, Tiled)
    single, double = x.clone().requires_grad_(), x.double().requires_grad_()
    found, exact = denoiser(single, sigma), denoiser(double, sigma.double())
    assert relative(found.detach(), exact.detach()) < 5e-6
    slopes = [
        torch.autograd.grad(out.square().sum(), leaf)[0] for out, leaf in ((found, single), (exact, double))
    ]
    assert relative(*slopes) < 5e-5


@only_interpreted
@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize("t", [0, 20])
def test_interpreted_images_that_float32_cannot_hold_go_through_float64(t):
    bank = ImageBank(photographs(6, 80))
    n = bank.image_shape.numel()
    denoiser = PrecisionDenoiser(bank, lambda sigma: banded(n, 4))
    x, sigma = noisy(bank.images, t, 2)
    x[1] += 2 * torch.randn(x[1].shape, generator=torch.Generator().manual_seed(1))  # unlike any
    expected = reference.posterior_mean(x, sigma, to_float(bank.images, torch.float64), banded(n, 4))
    for b in range(2):
        assert relative(denoiser(x, sigma)[b], expected[b]) < 1e-5


@only_interpreted
@pytest.mark.usefixtures("as_on_a_gpu")
def test_interpreted_the_benchmark_writes_its_page(tmp_path, monkeypatch):
    def missing(*_: object, **__: object) -> Tensor:
        raise DataNotFound("not unpacked")

    monkeypatch.setattr(gpu, "cifar", missing)
    monkeypatch.setattr(gpu, "TIMESTEPS", [500])
    monkeypatch.setattr(gpu, "SMALL", 2)
    options = ["--count", "70", "--size", "5", "--batch", "2", "--output"]
    monkeypatch.setattr("sys.argv", ["gpu", *options, str(tmp_path / "gpu.md")])
    gpu.main()
    page = (tmp_path / "gpu.md").read_text()
    assert "random images of 5 x 5 x 3, N = 70, 2 noisy images a step" in page
    assert "| local score, 3 | 500 | Tiled |" in page
    assert "interpreter" in page


def test_without_a_gpu_the_benchmark_says_so_and_leaves_what_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu.running, "usable", lambda device: False)
    path = tmp_path / "gpu.md"
    monkeypatch.setattr("sys.argv", ["gpu", "--output", str(path)])
    for _ in range(2):
        with pytest.raises(SystemExit, match="nothing was timed"):
            gpu.main()
        assert "Not timed yet: no GPU has run this" in path.read_text() or path.read_text() == "measured"
        path.write_text("measured")


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from locality.posterior.triton import passes, patch_passes
from locality.posterior.triton.launching import STAGES, WARPS
types = dict.fromkeys("count n places rows each height width radius shifts across".split(), "i32")
types |= dict.fromkeys("first_down first_right".split(), "i32")
types |= dict.fromkeys("x shift scale total values out".split(), "*fp32")
types |= dict.fromkeys("which starts inverted served".split(), "*i32")
types |= {"images": "*u8", "tiles": "*fp16", "rows_out": "*fp64", "sums_out": "*fp64"}
for kernel, fixed in ARGUMENTS.items():
    kernel = getattr(patch_passes if kernel == "patch_softmaxes" else passes, kernel)
    names = kernel.arg_names
    signature = {name: "constexpr" if name in fixed else types[name] for name in names}
    divisible = {(k,): [["tt.divisibility", 16]] for k, name in enumerate(names)
                 if name not in fixed and (types[name].startswith("*") or name in ("n", "places"))}
    constants = {(names.index(name),): value for name, value in fixed.items()}
    source = ASTSource(kernel, signature, constexprs=constants, attrs=divisible)
    options = {"num_warps": WARPS, "num_stages": STAGES}
    done = triton.compile(source, target=GPUTarget("cuda", ARCHITECTURE, 32), options=options)
    print(done.metadata.shared, "wgmma" in done.asm["ptx"] or "mma.sync" in done.asm["ptx"])
"""
ARGUMENTS = {
    "softmaxes": {"PLANES": 3, "SERVED": 4, "IMAGES": 64, "PLACES": PLACES, "ROWS": ROWS},
    "patch_softmaxes": {
        "WRAPS": True,
        "PLANES": 3,
        "COLUMNS": 4,
        "IMAGES": 64,
        "PLACES": PLACES,
        "ROWS": ROWS,
    },
    "products": {"IMAGES": 64, "PLACES": PLACES, "ROWS": ROWS},
    "whole_distances": {"PLANES": 3, "IMAGES": 64, "PLACES": PLACES},
}


@without_triton
@pytest.mark.skipif(sys.platform != "linux", reason="NVIDIA's assembler comes with Triton for Linux")
@pytest.mark.parametrize("architecture", [80, 90])
def test_the_compiler_for_gpus_takes_the_kernels_and_they_fit_shared_memory(architecture, tmp_path):
    path = tmp_path / "compiling.py"
    path.write_text(f"ARGUMENTS, ARCHITECTURE = {ARGUMENTS}, {architecture}\n{COMPILE}")
    done = python(str(path), TRITON_INTERPRET="0", TRITON_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    shared, units = zip(*(line.split() for line in done.stdout.splitlines()), strict=True)
    assert max(map(int, shared)) <= 99 * 1024  # of sm_86 and sm_89, which have the least
    assert units == ("True", "True", "True", "False")  # the last adds up without a mask
