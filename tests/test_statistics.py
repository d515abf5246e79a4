"""Streaming moments against numpy and scikit-learn."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from sklearn.covariance import ledoit_wolf

from locality import GaussianStats, ImageBank, export
from locality.config import UsageError, check
from locality.denoisers import PCALocality, Wiener


def bank_of(x: torch.Tensor) -> ImageBank:
    """Normal numbers are no images in [-1, 1]."""
    return ImageBank(x, bound=math.inf)


def images(count: int, seed: int = 0, shape: tuple[int, int, int] = (2, 3, 4)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    n = shape[0] * shape[1] * shape[2]
    mix = torch.randn(n, n, generator=generator)
    return (torch.randn(count, n, generator=generator) @ mix / 10 + 0.3).reshape(count, *shape)


def quiet(bank: ImageBank, **options) -> GaussianStats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GaussianStats.from_bank(bank, **options)


def same(a: GaussianStats, b: GaussianStats) -> bool:
    return torch.allclose(a.mean, b.mean, atol=1e-12) and torch.allclose(
        a.covariance, b.covariance, atol=1e-12
    )


@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_moments_equal_numpy_whatever_the_chunk(chunk_size):
    x = images(53)
    stats = GaussianStats.from_bank(bank_of(x), chunk_size=chunk_size)
    flat = x.flatten(1).double().numpy()
    assert np.allclose(stats.mean, flat.mean(0), atol=1e-12)
    assert np.allclose(stats.covariance, np.cov(flat.T), atol=1e-12)
    assert stats.count == 53


@pytest.mark.parametrize("chunk_size", [7, 1024, 4000])
@pytest.mark.parametrize("extreme", [False, True])
def test_moments_of_bytes_are_those_of_float64(chunk_size, extreme):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (2100, 3, 14, 11), dtype=torch.uint8, generator=generator)
    if extreme:  # the largest sums that there can be
        x = (x > 250).byte() * 255
        x[:, 0] = 0
    stats = GaussianStats.from_bank(ImageBank(x), chunk_size=chunk_size)
    flat = (x.flatten(1).double() / 127.5 - 1).numpy()
    assert np.allclose(stats.mean, flat.mean(0), rtol=0, atol=1e-12)
    assert np.allclose(stats.covariance, np.cov(flat.T), rtol=0, atol=1e-12)
    as_floats = GaussianStats.from_bank(ImageBank(torch.from_numpy(flat).reshape(x.shape)))
    assert stats.shrinkage_intensity() == pytest.approx(as_floats.shrinkage_intensity(), rel=1e-9)


def test_a_far_mean_does_not_spoil_the_covariance():
    x = images(60).double()
    near, far = GaussianStats.from_bank(bank_of(x)), GaussianStats.from_bank(bank_of(x - 1e5))
    assert torch.allclose(near.covariance, far.covariance, atol=1e-9)


@pytest.mark.parametrize("cut", [1, 20, 52])
def test_merging_two_parts_equals_measuring_the_whole(cut):
    x = images(53)
    whole = GaussianStats.from_bank(bank_of(x))
    merged = quiet(bank_of(x[:cut])).merge(quiet(bank_of(x[cut:])))
    assert same(merged, whole)
    assert merged.count == 53
    assert merged.shrinkage_intensity() == pytest.approx(whole.shrinkage_intensity(), rel=1e-9)


@pytest.mark.parametrize("count", [10, 53, 400])
def test_shrinkage_is_scikit_learns_ledoit_wolf(count):
    bank = bank_of(images(count))
    theirs, intensity = ledoit_wolf(bank.images.flatten(1).double().numpy())
    stats = quiet(bank)
    assert stats.shrinkage_intensity() == pytest.approx(intensity, rel=1e-9)
    # scikit-learn divides by N, we by N - 1.
    assert np.allclose(
        GaussianStats.from_bank(bank, shrinkage="ledoit_wolf").covariance * (count - 1) / count, theirs
    )


def test_the_eigenbasis_rebuilds_the_covariance_with_and_without_shrinkage():
    bank = bank_of(images(53))
    for stats in (GaussianStats.from_bank(bank), GaussianStats.from_bank(bank, shrinkage="ledoit_wolf")):
        vectors, values = stats.eigenvectors, stats.eigenvalues
        assert torch.allclose(vectors * values @ vectors.T, stats.covariance, atol=1e-12)
        assert (values >= 0).all()
        assert (values.diff() >= 0).all()


def test_fewer_images_than_coordinates_warns_and_names_the_remedy():
    with pytest.warns(UserWarning, match="20 images for 24 coordinates.*ledoit_wolf"):
        GaussianStats.from_bank(bank_of(images(20)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GaussianStats.from_bank(bank_of(images(20)), shrinkage="ledoit_wolf")


def test_true_moments_cannot_be_merged():
    true = GaussianStats(torch.zeros(4), torch.eye(4), (1, 2, 2))
    with pytest.raises(ValueError, match="merge"):
        true.merge(true)


def test_the_cache_gives_back_what_was_measured(tmp_path, monkeypatch):
    bank = bank_of(images(53))
    first = GaussianStats.from_bank(bank, cache=tmp_path)
    monkeypatch.setattr("locality.statistics.measure", lambda *_: pytest.fail("measured again"))
    again = GaussianStats.from_bank(bank, cache=tmp_path)
    assert torch.equal(first.mean, again.mean)
    assert torch.equal(first.eigenvectors, again.eigenvectors)
    assert first.shrinkage_intensity() == pytest.approx(again.shrinkage_intensity(), rel=1e-12)


def test_what_takes_long_is_kept_by_default_and_one_line_says_where(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOCALITY_CACHE", str(tmp_path / "own"))
    bank = bank_of(images(53))
    quiet(bank)
    assert not (tmp_path / "own").exists()  # nothing to save
    monkeypatch.setattr("locality.statistics_cache._WORTHWHILE", 0)
    quiet(bank, cache=None)
    assert not (tmp_path / "own").exists()
    assert capsys.readouterr().err == ""
    first = quiet(bank)
    assert (
        capsys.readouterr().err
        == f"statistics: kept in {tmp_path / 'own'} for the next time (cache=None: nowhere)\n"
    )
    monkeypatch.setattr("locality.statistics.measure", lambda *_: pytest.fail("measured again"))
    assert same(quiet(bank), first)
    PCALocality.fit(bank, tau="entropy")
    Wiener.fit(bank)
    assert capsys.readouterr().err == ""


def test_a_cache_variable_with_nothing_in_it_is_refused_by_all_that_read_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LOCALITY_CACHE", "")
    monkeypatch.setattr("locality.statistics_cache._WORTHWHILE", 0)
    with pytest.raises(ValueError, match="LOCALITY_CACHE: want a path, got nothing"):
        quiet(bank_of(images(53)))
    with pytest.raises(SystemExit) as ended:
        export.main(["runs/none", str(tmp_path / "new")])
    assert ended.value.code == 2
    assert "LOCALITY_CACHE: want a path, got nothing" in capsys.readouterr().err
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        train = compose("train", [f"runs={tmp_path}"])
    with pytest.raises(UsageError, match="cache: want a path, got nothing"):
        check(train)


def flip_a_byte(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


@pytest.mark.parametrize(
    "damage", [flip_a_byte, lambda d: d[: len(d) // 2], lambda d: b"", lambda d: b"junk" * 99]
)
def test_a_damaged_cache_file_is_measured_anew_with_one_warning(tmp_path, damage):
    bank = bank_of(images(53))
    truth = GaussianStats.from_bank(bank, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    with pytest.warns(UserWarning, match="computing it anew") as caught:
        assert same(GaussianStats.from_bank(bank, cache=tmp_path), truth)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(GaussianStats.from_bank(bank, cache=tmp_path), truth)


def test_a_cache_file_of_other_images_is_not_trusted(tmp_path):
    mine, other = bank_of(images(53)), bank_of(images(53, seed=1))
    GaussianStats.from_bank(other, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    file.rename(tmp_path / f"statistics-{mine.fingerprint}.safetensors")
    with pytest.warns(UserWarning, match="of other images or settings"):
        assert same(GaussianStats.from_bank(mine, cache=tmp_path), GaussianStats.from_bank(mine))


def test_a_cache_that_cannot_be_a_folder_costs_a_warning_and_no_run(tmp_path):
    bank = bank_of(images(53))
    (tmp_path / "file").write_text("not a folder")
    occupied = tmp_path / "cache" / f"statistics-{bank.fingerprint}.safetensors"
    occupied.mkdir(parents=True)
    for cache in (tmp_path / "file", tmp_path / "cache"):
        with pytest.warns(UserWarning, match=r"cache=.*; the result is not kept"):
            assert same(GaussianStats.from_bank(bank, cache=cache), GaussianStats.from_bank(bank))
