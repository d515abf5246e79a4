"""Parts of a user's own that are wrong: told by name, and before hours of work."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from conftest import PRETRAINED
from torch import Tensor

from locality import Denoiser, ImageBank, NoiseSchedule, load, sample
from locality.compare.candidate import fitted_candidate
from locality.config import UsageError
from locality.data import ImageDataModule
from locality.data.errors import DataError
from locality.denoisers.fitting import Recipe
from locality.metrics import PerImage
from locality.runs import files


class Own(Denoiser):
    """Whatever its estimate is told to be."""

    def __init__(self, made: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.made = made

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.made(x, sigma)


def boom(x: Tensor, sigma: Tensor) -> Tensor:
    raise KeyError("boom")


def fit_of(made: object) -> Denoiser:
    bank = ImageBank(torch.rand(5, 1, 4, 6) * 2 - 1)
    return fitted_candidate("mine", Recipe.of(lambda bank: made), bank, lambda: pytest.fail("no statistics"))


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (
            lambda x, s: x[..., :-1],
            UsageError,
            r"mine: estimate: want torch.float32 \(1, 1, 4, 6\)",
        ),
        (lambda x, s: x.double(), UsageError, r"candidates.mine: estimate: .* got torch.float64"),
        (lambda x, s: x / (s[0] < 2), UsageError, r"candidates.mine: .* NaN or infinity at sigma 6"),
        (boom, RuntimeError, r"candidates.mine: .*KeyError: 'boom'"),
    ],
)
def test_an_own_denoiser_is_tried_before_anything_is_measured(made, error, message) -> None:
    with pytest.raises(error, match=message):
        fit_of(Own(made))


def test_an_own_denoiser_that_answers_is_taken() -> None:
    own = Own(lambda x, sigma: x)
    assert fit_of(own) is own


def test_a_fit_that_fails_is_named() -> None:
    def fit(bank: ImageBank, alpha: float) -> Denoiser:
        raise AssertionError

    bank = ImageBank(torch.rand(5, 1, 4, 6) * 2 - 1)
    with pytest.raises(RuntimeError, match=r"candidates.mine: its fit failed: TypeError: .*'alpha'"):
        fitted_candidate("mine", Recipe.of(fit), bank, lambda: pytest.fail("no statistics"))
    with pytest.raises(UsageError, match=r"mine: want a _target_ that makes a Denoiser, got NoneType"):
        fit_of(None)


def images(split: str, seed: int, **how: Any) -> Tensor:
    if how.get("only_train") and split != "train":
        raise KeyError(split)
    side = how.get("side", 8) if split != "train" else 8
    made = torch.rand(6, *how.get("shape", (1, side, 8)))
    return made if how.get("unit") else 2 * made - 1


def data_of(**how: object) -> ImageDataModule:
    def source(split: str, seed: int) -> Tensor:
        return images(split, seed, **how)

    return ImageDataModule(source)


def test_an_own_source_that_fails_is_named_with_the_split() -> None:
    data = data_of(only_train=True)
    assert len(data.bank("train")) == 6
    with pytest.raises(DataError, match="source, val: KeyError: 'val'"):
        data.bank("val")


def test_images_of_another_size_are_refused_with_both_sizes() -> None:
    data = data_of(side=10)
    data.bank("train")
    wanted = re.escape("source, test: want images (1, 8, 8), as in the other splits, got (1, 10, 8)")
    with pytest.raises(DataError, match=wanted):
        data.bank("test")


@pytest.mark.parametrize(
    ("how", "slip"),
    [
        ({"unit": True}, r"source, train: all values are in \[0, 1\]"),
        ({"shape": (9, 8, 3)}, "channels are last"),
    ],
)
def test_likely_slips_of_an_own_source_are_told(how, slip) -> None:
    with pytest.warns(UserWarning, match=slip):
        data_of(**how).bank("train")


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 3), (4, 2, 1)])
def test_usual_images_of_an_own_source_are_taken_without_a_word(shape) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data_of(shape=shape).bank("train")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("cifar", "Did you mean 'pretrained/cifar'"),
        ("pretrained/cifr", "Did you mean 'pretrained/cifar'"),
        ("runs/nothing", "or hub:<id>$"),
        (3, "path: want pretrained/<name>, .* got int"),
    ],
)
def test_a_network_that_is_not_there_is_named_with_those_called_alike(path, message, monkeypatch) -> None:
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    with pytest.raises(UsageError, match=message):
        load(path)


@pytest.mark.parametrize("sigmas", [NoiseSchedule.ddpm(), 3])
def test_noise_levels_that_are_no_list_are_refused_by_name(sigmas) -> None:
    own = Own(lambda x, sigma: x)
    with pytest.raises(ValueError, match=r"list of noise levels, got (a NoiseS|int)"):
        sample(own, torch.randn(1, 1, 4, 4), sigmas)
    assert sample(own, torch.randn(1, 1, 4, 4), torch.tensor([2.0, 1.0]).numpy()).shape == (1, 1, 4, 4)


def test_no_noise_is_refused_with_what_the_image_is() -> None:
    with pytest.raises(ValueError, match="without noise the image is x itself"):
        Own(lambda x, sigma: x)(torch.randn(1, 1, 4, 4), 0.0)


class Scalar(PerImage):
    def score(self, preds: Tensor, target: Tensor) -> Tensor:
        return (preds - target).abs().mean()


def test_a_metric_that_gives_one_number_for_all_images_is_named() -> None:
    with pytest.raises(ValueError, match=r"Scalar.score: want a number for each image, \(2,\), got \(\)"):
        Scalar().update(torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4))
