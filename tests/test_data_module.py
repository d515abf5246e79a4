"""Batches: every image once, and the same global batches on any number of ranks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from locality.data import Batch, ImageDataModule, PatternInjection, cross, digits, letter_w, photos
from locality.data.sampler import GlobalBatches
from locality.data.splits import SPLITS, Split


def numbered(split: str, seed: int, count: int = 103) -> Tensor:  # [N, 1, 4, 4] uint8
    """A source in which image i shows i in one corner, and so do no two mirror images."""
    images = torch.zeros(count, 1, 4, 4, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(count)
    return images


def on_rank(rank: int, world: int, **settings: object) -> ImageDataModule:
    datamodule = ImageDataModule(numbered, **settings)  # type: ignore[arg-type]
    datamodule.trainer = SimpleNamespace(global_rank=rank, world_size=world)  # type: ignore[assignment]
    return datamodule


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("kind", ["train", "moments", "val", "test", "predict"])
def test_every_image_comes_once_with_weight_one_on_any_number_of_ranks(world: int, kind: str) -> None:
    loaders = [
        getattr(on_rank(rank, world, batch_size=12, eval_batch_size=12), f"{kind}_dataloader")()
        for rank in range(world)
    ]
    per_rank = [list(loader) for loader in loaders]
    lengths = [[len(batch.images) for batch in batches] for batches in per_rank]
    assert all(length == lengths[0] for length in lengths)  # or the ranks would wait for each other for ever
    seen = torch.cat([batch.index[batch.weight == 1] for batches in per_rank for batch in batches])
    assert sorted(seen.tolist()) == list(range(103))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("world", [2, 3])
def test_any_number_of_ranks_sees_the_same_global_batches(world: int, flip: bool) -> None:
    alone = list(on_rank(0, 1, batch_size=12, flip=flip).train_dataloader())
    shares = [
        list(on_rank(rank, world, batch_size=12, flip=flip).train_dataloader()) for rank in range(world)
    ]
    for number, whole in enumerate(alone):
        joint = torch.stack([share[number].index for share in shares], dim=1).flatten()
        counts = torch.stack([share[number].weight for share in shares], dim=1).flatten() == 1
        assert torch.equal(joint[counts], whole.index)


def test_epochs_differ_and_can_be_repeated() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        batches = GlobalBatches(103, 8, shuffle=True, mirror=True, seed=seed)
        batches.set_epoch(epoch)
        return torch.cat(list(batches)).tolist()

    assert order(0, 1) == order(0, 1)
    assert len({tuple(order(*key)) for key in [(0, 0), (0, 1), (1, 0), (1, 1)]}) == 4


def test_skip_leaves_out_the_first_batches_of_one_epoch() -> None:
    batches = GlobalBatches(103, 8, shuffle=True)
    whole = [batch.tolist() for batch in batches]
    batches.skip = 5
    assert [batch.tolist() for batch in batches] == whole[5:]
    assert [batch.tolist() for batch in batches] == whole
    assert len(batches) == len(whole) == 13


def test_skip_and_epoch_may_be_set_after_the_loader_was_made_ready() -> None:
    """Lightning makes the iterator before it sets the epoch and before `on_train_start`."""
    loader = on_rank(0, 1, batch_size=8).train_dataloader()
    iterator = iter(loader)
    loader.sampler.set_epoch(3)  # type: ignore[attr-defined]
    loader.sampler.skip = 12  # type: ignore[attr-defined]
    late = next(iterator).index
    expected = GlobalBatches(103, 8, shuffle=True)
    expected.set_epoch(3)
    assert torch.equal(late, list(expected)[12])


def test_a_flip_is_a_function_of_seed_epoch_and_image() -> None:
    """Half the images are mirrored; which, does not depend on the batch size."""
    chosen = []
    for batch_size in (8, 50):
        batches = GlobalBatches(1000, batch_size, shuffle=True, mirror=True, seed=4)
        batches.set_epoch(2)
        chosen.append(set(torch.cat(list(batches)).tolist()))
    assert chosen[0] == chosen[1]
    assert {place % 1000 for place in chosen[0]} == set(range(1000))
    assert 400 < sum(place >= 1000 for place in chosen[0]) < 600  # six standard deviations


def test_batches_show_the_bank_at_their_index() -> None:
    datamodule = ImageDataModule(
        partial(photos, train=30), PatternInjection(letter_w), gamma=0.5, flip=True, batch_size=8
    )
    bank = torch.cat(list(datamodule.bank().chunks(100)))
    for loader in (datamodule.train_dataloader(), datamodule.moments_dataloader()):
        for batch in loader:
            assert isinstance(batch, Batch)
            assert batch.images.dtype == batch.weight.dtype == torch.float32
            assert batch.index.dtype == torch.int64
            assert torch.equal(batch.images, bank[batch.index])


def test_the_bank_of_flipped_data_holds_each_image_and_its_mirror_image() -> None:
    plain = ImageDataModule(partial(photos, train=30, val=20)).bank().images
    datamodule = ImageDataModule(partial(photos, train=30, val=20), flip=True)
    assert torch.equal(datamodule.bank().images, torch.cat([plain, plain.flip(3)]))
    assert len(datamodule.bank("val")) == 20
    assert len(torch.cat([batch.index for batch in datamodule.train_dataloader()])) == 30
    assert len(torch.cat([batch.index for batch in datamodule.moments_dataloader()])) == 60


def test_subsets_are_the_first_images_or_a_draw_that_the_seed_repeats() -> None:
    def corner(**settings: object) -> list[int]:
        return ImageDataModule(numbered, **settings).bank().images[:, 0, 0, 0].tolist()  # type: ignore[arg-type]

    assert corner(subset=7) == list(range(7))
    drawn = corner(subset=7, subset_draw="random")
    assert drawn == corner(subset=7, subset_draw="random")
    assert len(set(drawn)) == 7
    assert drawn != corner(subset=7, subset_draw="random", image_seed=1)
    assert drawn != list(range(7))
    assert len(ImageDataModule(numbered, subset=7).bank("val")) == 103
    with pytest.raises(ValueError, match="at most the 103 training images"):
        corner(subset=104)


@pytest.mark.parametrize("count", [2, 103, 104])
@pytest.mark.parametrize("flip", [False, True])
def test_halves_share_no_image_and_are_all_images_together(count: int, flip: bool) -> None:
    def half(which: int, **settings: object) -> Tensor:
        source = partial(numbered, count=count)
        images = ImageDataModule(source, subset_draw=f"half:{which}", flip=flip, **settings).bank().images  # type: ignore[arg-type]
        return images[:, 0, 0].amax(-1)[: len(images) // (1 + flip)]

    halves = [half(0), half(1)]
    assert [len(each) for each in halves] == [-(-count // 2), count // 2]
    assert sorted(torch.cat(halves).tolist()) == list(range(count))
    assert all(torch.equal(each, each.sort().values) for each in halves)  # in the order of the source
    assert torch.equal(half(0), halves[0])
    assert torch.equal(half(0, seed=5), halves[0])
    if count > 2:
        assert not torch.equal(half(0, image_seed=1), halves[0])


def test_a_subset_limits_the_count_within_its_half() -> None:
    def half(which: int, subset: int | None) -> set[int]:
        datamodule = ImageDataModule(numbered, subset=subset, subset_draw=f"half:{which}")  # type: ignore[arg-type]
        return set(datamodule.bank().images[:, 0, 0, 0].tolist())

    few, more, whole = half(1, 7), half(1, 30), half(1, None)
    assert (len(few), len(more), len(whole)) == (7, 30, 51)
    assert few < more < whole
    assert not whole & half(0, 52)
    with pytest.raises(ValueError, match="at most the 51 training images there are in half:1, got 52"):
        half(1, 52)
    with pytest.raises(ValueError, match="subset_draw=half:1: want 2 training images or more, got 1"):
        ImageDataModule(partial(numbered, count=1), subset_draw="half:1").bank()


def test_a_half_leaves_val_and_test_images_alone() -> None:
    whole, half = ImageDataModule(digits), ImageDataModule(digits, subset_draw="half:0")
    for split in ("val", "test"):
        assert half.bank(split).fingerprint == whole.bank(split).fingerprint  # type: ignore[arg-type]


def test_image_seed_draws_the_images_and_seed_only_the_order() -> None:
    def datamodule(**seeds: int) -> ImageDataModule:
        return ImageDataModule(partial(photos, train=30), batch_size=8, **seeds)  # type: ignore[arg-type]

    assert datamodule(seed=1).bank().fingerprint == datamodule(seed=2).bank().fingerprint
    assert datamodule(image_seed=1).bank().fingerprint != datamodule(image_seed=2).bank().fingerprint
    first = [next(iter(datamodule(seed=seed).train_dataloader())).index.tolist() for seed in (1, 2)]
    assert first[0] != first[1]


def test_loading_does_not_touch_the_global_generator() -> None:
    datamodule = ImageDataModule(digits, batch_size=64, flip=True)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    for _ in datamodule.train_dataloader():
        pass
    assert torch.equal(torch.rand(1), expected)


class _Recorder(LightningModule):
    """Trains nothing; notes which images it saw in which epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: dict[int, list[int]] = {}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.seen.setdefault(self.current_epoch, []).extend(batch.index.tolist())
        return self.weight * batch.images.mean()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        assert batch.weight.min() == 1

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return batch.index

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def test_lightning_sets_the_epoch_and_predicts_in_order() -> None:
    module, datamodule = _Recorder(), ImageDataModule(numbered, batch_size=8, eval_batch_size=50)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=2,
        use_distributed_sampler=False,
        enable_model_summary=False,
        **quiet,  # type: ignore[arg-type]
    )
    trainer.fit(module, datamodule)
    for epoch in range(2):
        order = GlobalBatches(103, 8, shuffle=True)
        order.set_epoch(epoch)
        assert module.seen[epoch] == torch.cat(list(order)).tolist()
    predictions = trainer.predict(module, datamodule)
    assert torch.cat(predictions).tolist() == list(range(103))  # type: ignore[arg-type]


def test_pixels_have_names() -> None:
    datamodule = ImageDataModule(
        partial(photos, train=5), PatternInjection(letter_w), pixels={"edge": [0, 8]}
    )
    assert datamodule.pixels == {"centre": (8, 8), "pattern": (5, 5), "edge": (0, 8)}
    with pytest.raises(ValueError, match=r"pixels\.edge: want \(row, col\) inside 16 x 16, got \(16, 0\)"):
        _ = ImageDataModule(partial(photos, train=5), pixels={"edge": [16, 0]}).pixels


@pytest.mark.parametrize("size", [16, 17, 48])
def test_pixels_may_be_shares_of_the_sides_and_then_stay_in_place_at_any_size(size) -> None:
    named = ImageDataModule(partial(photos, train=5, size=size), pixels={"eye": [0.5, 0.3125]}).pixels
    assert named["eye"] == (size // 2, size * 5 // 16)
    with pytest.raises(ValueError, match="two whole numbers, or two shares"):
        ImageDataModule(partial(photos, train=5), pixels={"eye": [0.5, 3]})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size: want at least 1"),
        ({"subset": 0}, "subset: want at least 1"),
        ({"subset_draw": "last"}, "subset_draw: want first, random, half:0 or half:1, got 'last'"),
        ({"subset_draw": "half:2"}, "want first, random, half:0 or half:1, got 'half:2'"),
        ({"subset_draw": ["half:0"]}, r"got \['half:0'\]"),
    ],
)
def test_settings_that_make_no_sense_are_errors(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageDataModule(digits, **settings)  # type: ignore[arg-type]


def test_ranks_that_do_not_divide_the_batch_are_an_error() -> None:
    with pytest.raises(ValueError, match="3 ranks do not divide it; try 63"):
        on_rank(0, 3, batch_size=64).train_dataloader()


def test_digits_are_scikit_learns_and_the_splits_are_apart() -> None:
    from sklearn.datasets import load_digits

    parts = torch.cat([digits(split, 0) for split in ("train", "val", "test")])  # type: ignore[arg-type]
    assert parts.shape == (1797, 1, 8, 8)
    assert parts.max() == 255
    ink = torch.from_numpy(load_digits().images)
    assert (parts[:, 0].double() * 16 / 255 - ink).abs().max() < 0.04  # rounding to 1/255 of 16


def floats(split: str, seed: int) -> Tensor:
    return torch.linspace(-1, 1, 640).reshape(10, 1, 8, 8)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x: (x + 1) * 127.5, "want floats in"),
        (lambda x: 20 * x, "want floats in"),
        (lambda x: x / 0, "want finite values"),
        (lambda x: x[:, 0], "N, C, H, W"),
        (lambda x: x.numpy(), "want a non-empty tensor"),
    ],
)
@pytest.mark.parametrize("gamma", [0.0, 0.5])
def test_images_of_a_source_are_checked_split_by_split_before_a_pattern_is_added(
    split: Split, wrong: Callable, message: str, gamma: float
) -> None:
    def source(split: Split, seed: int, of: Split = split) -> object:
        return wrong(floats(split, seed)) if split == of else floats(split, seed)

    data = ImageDataModule(source, PatternInjection(cross), gamma)  # type: ignore[arg-type]
    for other in SPLITS:
        if other != split:
            data.bank(other)
    with pytest.raises(ValueError, match=rf"^source, {split}: images: .*{message}"):
        data.bank(split)


@pytest.mark.parametrize("gamma", [0.5, 20.0])
def test_a_pattern_may_lead_as_far_as_its_gamma(gamma: float) -> None:
    bank = ImageDataModule(floats, PatternInjection(cross), gamma).bank()
    assert gamma / 2 < bank.images.abs().max() <= 1 + gamma
    assert len(bank.subset([1, 2])) == 2


def test_a_source_says_by_an_attribute_how_far_it_goes() -> None:
    def wide(split: str, seed: int, scale: float) -> Tensor:
        return scale * floats(split, seed)

    with pytest.raises(ValueError, match="got -20 to 20"):
        ImageDataModule(partial(wide, scale=20.0)).bank()
    wide.bound = 20.0  # type: ignore[attr-defined]
    assert ImageDataModule(partial(wide, scale=20.0)).bank().images.max() == 20
    with pytest.raises(ValueError, match="got -21 to 21"):
        ImageDataModule(partial(wide, scale=21.0)).bank()
