"""Classes of images: with the data, in denoisers that are told them, and in networks."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning import Trainer
from tiny_runs import NETWORK, TINY, config, latest, trained_in

import locality
from locality import app
from locality.bank import ImageBank, to_float
from locality.config import UsageError
from locality.data import ImageDataModule, digits
from locality.denoisers import ByClass, GivenClass, Optimal, PCALocality, Wiener
from locality.denoisers.network import NetworkDenoiser
from locality.labels import Labels
from locality.modules.ddpm import UNTOLD, DDPMModule
from locality.networks import unet
from locality.noise import image_noise
from locality.schedule import NoiseSchedule
from locality.statistics import GaussianStats

SHAPE = (1, 4, 4)
small_unet = partial(unet, channels=[8, 8], layers=1, groups=4, attention="none", classes=10)


def noise(count: int, seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(count, *(shape or SHAPE), generator=torch.Generator().manual_seed(seed)).double()


def two_classes(count: int = 200) -> ImageBank:
    """Two Gaussian clouds, far apart, in turns."""
    labels = torch.arange(count) % 2
    images = 0.1 * noise(count, 0) + (2.0 * labels - 1)[:, None, None, None] * 0.5
    return ImageBank(images, labels=Labels(lambda: labels))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("draw", ["first", "random", "half:0", "half:1"])
def test_labels_stay_with_their_images(draw, flip):
    data = ImageDataModule(digits, subset=300, subset_draw=draw, flip=flip)
    whole = ImageDataModule(digits)
    known = {
        image.numpy().tobytes(): int(label)
        for image, label in zip(whole.bank().images, whole.labels("train"), strict=True)
    }
    bank = data.bank("train")
    labels = bank.labels
    assert len(labels) == len(bank) == (600 if flip else 300)
    images = torch.cat([bank.images[:300], bank.images[300:].flip(-1)])
    assert [known[image.numpy().tobytes()] for image in images] == labels.tolist()
    some = bank.subset(torch.arange(len(bank)) % 3 == 0)
    assert torch.equal(some.labels, labels[::3])
    for other in (copy.deepcopy(some), pickle.loads(pickle.dumps(some))):
        assert torch.equal(other.labels, labels[::3])


def test_held_out_labels_are_those_of_the_files():
    from sklearn.datasets import load_digits

    data = ImageDataModule(digits)
    assert data.labels("val").tolist() == load_digits().target[1297:1547].tolist()
    assert data.labels("test").tolist() == load_digits().target[1547:].tolist()


def test_labels_are_read_only_when_they_are_asked_for():
    def source(split, seed):
        return torch.zeros(3, *SHAPE)

    def broken(split, seed):
        raise OSError("no such file")

    source.labels = broken
    data = ImageDataModule(source)
    assert len(data.bank("test")) == 3
    copy.deepcopy(data.bank("test"))
    with pytest.raises(OSError, match="no such file"):
        data.labels("test")


@pytest.mark.parametrize("wrong", [[0, 1], torch.tensor([0.5]), torch.tensor([-1, 0]), torch.tensor([True])])
def test_what_can_be_no_classes_is_refused(wrong):
    with pytest.raises(ValueError, match="labels: want"):
        Labels(lambda: wrong)()


def test_as_many_labels_as_images():
    bank = ImageBank(torch.zeros(3, *SHAPE), labels=Labels(lambda: torch.zeros(2, dtype=torch.int64)))
    with pytest.raises(ValueError, match="labels: want one for each of 3 images, got 2"):
        _ = bank.labels


def test_told_the_class_it_is_the_denoiser_of_that_class_and_untold_that_of_all():
    bank = two_classes()
    for fit in (Optimal.fit, Wiener.fit, partial(PCALocality.fit, tau=0.1)):
        both = ByClass.fit(bank, fit)
        assert both.classes == 2
        x, labels = noise(6, 1), torch.tensor([0, 1, 1, 0, 1, 0])
        told = both.given(labels)(x, 0.7)
        for label in (0, 1):
            own = fit(bank.subset(bank.labels == label))
            torch.testing.assert_close(told[labels == label], own(x[labels == label], 0.7))
        torch.testing.assert_close(both(x, 0.7), fit(bank)(x, 0.7))


def test_the_class_is_worth_most_where_noise_hides_it_and_nothing_where_it_shows():
    """Two tight clouds: Wiener of all must shrink towards the mean of both, Wiener of a class need not."""
    bank = two_classes(2000)
    wiener = ByClass.fit(bank, Wiener.fit)
    clean, labels = bank.images[:500], bank.labels[:500]

    def errors(sigma: float) -> tuple[float, float]:
        x = clean + sigma * noise(500, 3)
        told = wiener.given(labels)
        return tuple((one(x, sigma) - clean).square().mean().item() for one in (told, wiener))

    told, untold = errors(4.0)
    assert told == pytest.approx(0.1**2, rel=0.1)  # the variance within a class: nothing better is known
    assert untold > 10 * told
    told, untold = errors(0.01)
    assert told == pytest.approx(untold, rel=0.1)


@pytest.mark.parametrize("guidance", [0.0, 1.0, 3.0])
def test_guidance_goes_from_the_untold_estimate_through_the_told_one_and_on(guidance):
    both = ByClass.fit(two_classes(), Wiener.fit)
    x = noise(5, 1)
    told, untold = both.given(1)(x, 2.0), both(x, 2.0)
    torch.testing.assert_close(both.given(1, guidance)(x, 2.0), untold + guidance * (told - untold))


def test_guidance_of_the_estimate_is_guidance_of_the_noise():
    """Ho & Salimans guide the noise estimate; x - sigma eps is linear in it."""
    net = _random(small_unet(SHAPE))
    denoiser = NetworkDenoiser(net, image_shape=SHAPE)
    x, sigma = noise(3, 1).float(), torch.full((3,), 1.3)
    labels = torch.tensor([0, 4, 9])
    eps, plain = denoiser.output(x, sigma, labels), denoiser.output(x, sigma)
    w = 1.5
    torch.testing.assert_close(
        denoiser.given(labels, 1 + w)(x, 1.3), x - 1.3 * ((1 + w) * eps - w * plain), rtol=1e-4, atol=1e-4
    )


def _random(net: torch.nn.Module) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(0.2 * torch.randn(weight.shape, generator=generator))
    return net


def test_a_class_changes_the_estimate_of_its_image_alone():
    denoiser = NetworkDenoiser(_random(small_unet(SHAPE)), image_shape=SHAPE)
    x = noise(2, 1).float()
    one, other = (denoiser.given(torch.tensor([3, last]))(x, 1.0) for last in (3, 4))
    torch.testing.assert_close(one[0], other[0])
    assert (one[1] - other[1]).abs().max() > 1e-3
    with pytest.raises(ValueError, match="want 2 images, as there are labels, got 1"):
        denoiser.given(torch.tensor([3, 4]))(x[:1], 1.0)


@pytest.mark.parametrize("labels", [10, -1, torch.tensor([0, 10]), 0.5, torch.zeros(2, 2, dtype=torch.int64)])
def test_labels_beyond_the_classes_are_refused(labels):
    denoiser = NetworkDenoiser(small_unet(SHAPE), image_shape=SHAPE)
    with pytest.raises(ValueError, match="labels: want whole numbers from 0 to 9"):
        denoiser.given(labels)


def test_a_network_without_classes_cannot_be_told_any():
    plain = NetworkDenoiser(unet(SHAPE, channels=[8, 8], layers=1, groups=4), image_shape=SHAPE)
    with pytest.raises(ValueError, match="want a denoiser with classes"):
        GivenClass(plain, 0)


def test_a_bank_that_does_not_know_is_refused_and_so_is_a_class_without_images():
    with pytest.raises(ValueError, match="classes are known"):
        ByClass.fit(ImageBank(torch.zeros(3, *SHAPE)), Wiener.fit)
    bank = ImageBank(torch.zeros(2, *SHAPE), labels=Labels(lambda: torch.tensor([0, 2])))
    with pytest.raises(ValueError, match="got none of class 1"):
        ByClass.fit(bank, Optimal.fit)


def test_statistics_are_of_all_images_of_a_class_where_only_some_are_averaged():
    bank = two_classes(400)
    some = ByClass.fit(bank, partial(PCALocality.fit, tau=0.1), count=40)
    own = bank.subset(bank.labels == 1)
    every = GaussianStats.from_bank(own)
    member = some.members[1]
    assert len(member.bank) == 20
    torch.testing.assert_close(member.wiener.eigenvalues, every.eigenvalues)


def test_a_network_learns_the_class_and_one_image_in_ten_hides_it(tmp_path):
    data = ImageDataModule(digits, batch_size=64, subset=256)
    module = DDPMModule((1, 8, 8), small_unet, learning_rate=3e-3)
    seen = []
    net = module.denoiser.net
    net.register_forward_pre_hook(lambda _, given: seen.append(given[2]) if len(given) > 2 else None)
    trainer = Trainer(
        max_epochs=25, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, use_distributed_sampler=False,
        limit_val_batches=1, num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(module, datamodule=data)
    told = torch.cat(seen)
    hidden = (told == 10).double().mean().item()
    assert abs(hidden - 1 / UNTOLD) < 4 * (0.1 * 0.9 / len(told)) ** 0.5
    # At noise that hides the digit the class tells the mean image of the digit.
    bank = data.bank("test")
    x = 20 * noise(len(bank), 5, 1, 8, 8).float()
    clean = bank.images.float() / 127.5 - 1
    net.eval()
    with torch.no_grad():
        errors = {
            offset: (module.denoiser.given((bank.labels + offset) % 10)(clean + x, 20.0) - clean)
            .square()
            .mean()
            for offset in (0, 1)
        }
    assert errors[0] < errors[1]


def test_a_network_with_classes_refuses_data_without(tmp_path):
    def source(split, seed):
        return torch.zeros(8, 1, 8, 8)

    trainer = Trainer(
        max_steps=1, accelerator="cpu", logger=False, default_root_dir=tmp_path, enable_checkpointing=False,
        enable_progress_bar=False, use_distributed_sampler=False,
    )  # fmt: skip
    with pytest.raises(ValueError, match="the source knows none"):
        trainer.fit(DDPMModule((1, 8, 8), small_unet), datamodule=ImageDataModule(source, batch_size=8))


def test_the_comparison_measures_told_against_untold_on_the_same_noise(tmp_path):
    settings = [
        "compare=labels", "data=digits", "compare.count=40", "compare.sigmas=[3,0.5]", "logger=none",
        "trainer.accelerator=cpu", "compare.bank_counts.pca_locality=300",
    ]  # fmt: skip
    numbers = app.run(config(tmp_path, *settings, task="evaluate"))
    data = ImageDataModule(digits)
    bank, test = data.bank("train"), data.bank("test")
    clean, labels = to_float(test.images)[:40], test.labels[:40]
    eps = image_noise(range(40), clean.shape[1:], 0, "test")
    steps = {sigma: f"t{int(NoiseSchedule.ddpm().timestep(sigma)):03d}" for sigma in (3.0, 0.5)}
    for sigma, t in steps.items():
        errors = []
        for image, noised, label in zip(clean, clean + sigma * eps, labels, strict=True):
            own = Wiener.fit(bank.subset(bank.labels == label))
            errors.append((own(noised[None], sigma) - image).square().mean())
        told = torch.stack(errors).mean().item()
        untold = (Wiener.fit(bank)(clean + sigma * eps, sigma) - clean).square().mean().item()
        assert numbers[f"labels/mse_told/wiener/{t}"] == pytest.approx(told, rel=1e-4)
        assert numbers[f"labels/ratio/wiener/{t}"] == pytest.approx(told / untold, rel=1e-4)
        low, high = (numbers[f"labels/ratio_{end}/wiener/{t}"] for end in ("low", "high"))
        assert low < told / untold < high
    assert {f"labels/ratio/pca_locality/{t}" for t in steps.values()} <= numbers.keys()
    with pytest.raises(UsageError, match=r"compare\.sigmas: want distinct noise levels above 0"):
        app.run(config(tmp_path, *settings, "compare.sigmas=[0]", task="evaluate"))
    with pytest.raises(UsageError, match="want images whose classes are known"):
        app.run(config(tmp_path, *settings, "data=photos", "data.source.train=20", task="evaluate"))


def test_a_network_with_classes_is_trained_and_compared_by_the_command_line(tmp_path):
    trained_in(tmp_path, *TINY, *NETWORK, "model=unet_conditional", "trainer.max_epochs=1")
    denoiser = locality.load(latest(tmp_path))
    assert denoiser.classes == 10
    numbers = app.run(
        config(
            tmp_path, "compare=labels", "data=digits", "data.subset=103", "compare.count=8", "logger=none",
            "compare.sigmas=[2]", "trainer.accelerator=cpu",
            f"checkpoint={latest(tmp_path)}", task="evaluate",
        )
    )  # fmt: skip
    assert numbers["labels/mse_told/network/t396"] != numbers["labels/mse_untold/network/t396"]


def test_cifar_has_as_many_images_of_each_class_as_its_authors_say():
    data = Path(__file__).parent.parent / "data"
    if not (data / "cifar-10-batches-py").is_dir():
        pytest.skip("data/cifar-10-batches-py is not here")
    from locality.data.cifar_files import cifar_labels

    assert cifar_labels("train", 0, root=str(data)).bincount().tolist() == [5000] * 10
    both = torch.cat([cifar_labels(split, 0, root=str(data)) for split in ("val", "test")])
    assert both.bincount().tolist() == [1000] * 10
