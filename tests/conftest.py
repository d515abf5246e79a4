"""What all tests share: the configs, and one small bank."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # two spinning thread pools on two cores crawl
os.environ.setdefault("WANDB_MODE", "offline")

import pytest
import torch

from locality import ImageBank
from locality.report import Report, report
from locality.runs import files

pytest_plugins = ["pages", "reliability"]
CONFIGS = Path(__file__).parent.parent / "configs"
# Candidates of compare=calibrate, all but PCA locality and the equivariant local score
OTHERS = ("local_score", "patch_composite", "soft_locality")
OTHERS += ("local_mixture", "stacked_mixtures", "stacked_locality")
PRETRAINED = files.SHIPPED  # the networks that ship, which tests that do not ask for them never meet


@pytest.fixture(scope="session")
def bank() -> ImageBank:
    """40 smooth colour images of 6 x 6 pixels, as bytes."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(40, 3, 3, 3, generator=generator)
    images = torch.nn.functional.interpolate(coarse, size=(6, 6), mode="bilinear")
    return ImageBank(((images * 0.4).clamp(-1, 1) * 127.5 + 127.5).round().byte())


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs draw nothing: drawing is most of the time of a small run, and this test looks at no picture."""
    for draw in ("draw_chart", "draw_grid", "draw_history"):
        monkeypatch.setattr(report, draw, lambda *_, **__: None)
    monkeypatch.setattr(Report, "_keep_picture", lambda self, name, _: self.folder / "images" / f"{name}.png")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALITY_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _nothing_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SHIPPED", tmp_path / "pretrained")
