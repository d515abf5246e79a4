"""Folders of colour images: cut, resized and split by rule; nothing is skipped silently."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from locality.data import (
    DataDamaged,
    DataError,
    DataNotFound,
    afhq,
    celeba_hq,
    image_folders,
    photos,
    resized_cache,
)
from locality.data.image_folders import read_image, split_files
from locality.data.places import VARIABLE


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def write(folder: Path, count: int, prefix: str = "face", size: int = 64) -> Tensor:  # [count, 3, size, size]
    folder.mkdir(parents=True, exist_ok=True)
    images = photos("train", 0, size=size, train=count)
    for i, image in enumerate(images):
        save(folder / f"{prefix}_{i:04d}.png", image)
    return images


def save(path: Path, image: Tensor) -> None:
    Image.fromarray(rearrange(image, "c h w -> h w c").numpy()).save(path)


def test_images_of_the_right_size_are_read_as_they_are(nowhere: Path) -> None:
    written = write(nowhere / "data/celeba_hq", 60)
    parts = torch.cat([celeba_hq(split, 0) for split in ("train", "val", "test")])  # type: ignore[arg-type]
    assert sorted(image.numpy().tobytes() for image in parts) == sorted(
        image.numpy().tobytes() for image in written
    )


def test_the_middle_square_is_resized_by_area(nowhere: Path) -> None:
    """A 3:2 picture of flat 4 x 4 blocks: its middle square at a quarter of the size shows the blocks."""
    blocks = photos("train", 0, size=64, train=1)[0]
    wide = torch.nn.functional.pad(blocks, (16, 16), value=255)
    folder = nowhere / "data/celeba_hq/train"
    folder.mkdir(parents=True)
    save(folder / "one.png", wide.repeat_interleave(4, 1).repeat_interleave(4, 2))
    write(nowhere / "data/celeba_hq/val", 4)
    image = celeba_hq("train", 0)[0]
    # Lanczos rings at the edges of blocks; away from them it is exact, and nothing of the white margin shows.
    assert (image.float() - blocks.float()).abs().mean() < 4
    assert np.corrcoef(image.flatten(), blocks.flatten())[0, 1] > 0.99


def test_a_file_never_changes_sides(nowhere: Path) -> None:
    """The split of a name is the same in a folder of 400 and of 200, and the parts are about 90 : 5 : 5."""
    large, small = nowhere / "large", nowhere / "small"
    for folder, count in ((large, 400), (small, 200)):
        folder.mkdir()
        for i in range(count):
            (folder / f"{i:05d}.jpg").touch()
    many, few = split_files(large), split_files(small)
    names = {split: {path.name for path in files} for split, files in many.items()}
    for split, files in few.items():
        assert {path.name for path in files} <= names[split]
    assert sum(map(len, names.values())) == len(set.union(*names.values())) == 400
    assert 340 <= len(names["train"]) <= 380  # 360 expected, deviation 6


def test_folders_named_for_splits_are_the_splits(nowhere: Path) -> None:
    for split in ("train", "val", "test"):
        write(nowhere / "data/afhq" / split / "cat", 3, prefix=split)
    files = split_files(nowhere / "data/afhq")
    for split, paths in files.items():
        assert [path.name for path in paths] == [f"{split}_{i:04d}.png" for i in range(3)]


@pytest.mark.parametrize("held_out", ["val", "test"])
def test_one_held_out_folder_is_halved(nowhere: Path, held_out: str) -> None:
    write(nowhere / "data/afhq/train/cat", 5, prefix="cat")
    write(nowhere / "data/afhq" / held_out / "dog", 30, prefix="dog")
    files = split_files(nowhere / "data/afhq")
    assert [len(files["train"]), len(files["val"]) + len(files["test"])] == [5, 30]
    assert len(files["val"]) >= 5
    assert len(files["test"]) >= 5
    assert len(afhq("train", 0)) == 5


def damage(path: Path, how: str) -> None:
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:2000])
    elif how == "text":
        path.write_text("not an image")
    elif how == "grey":
        Image.open(path).convert("L").save(path)
    elif how == "transparent":
        Image.open(path).convert("RGBA").save(path)
    elif how == "small":
        Image.open(path).resize((64, 63)).save(path)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", "damaged"),
        ("text", "damaged"),
        ("grey", r"no RGB image \(its mode is L\); convert it"),
        ("transparent", r"no RGB image \(its mode is RGBA\)"),
        ("small", "64 x 63, want 64 or more"),
    ],
)
def test_bad_images_are_named(nowhere: Path, how: str, message: str) -> None:
    write(nowhere / "data/celeba_hq/train", 4)
    write(nowhere / "data/celeba_hq/val", 4)
    damage(nowhere / "data/celeba_hq/train/face_0002.png", how)
    with pytest.raises(DataDamaged, match=rf"face_0002\.png is {message}") as caught:
        celeba_hq("train", 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("many", [1, 3, 8])
def test_images_without_colour_are_counted_before_any_is_read(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """All at once, in every split, and the first is named: not one try for each."""
    folder = nowhere / "data/celeba_hq"
    write(folder / "train", 4)
    write(folder / "val", 4)
    for path in sorted(folder.rglob("*.png"))[8 - many :]:
        damage(path, "grey")
    monkeypatch.setattr(image_folders, "read_image", lambda *_: pytest.fail("an image was read"))
    with pytest.raises(DataDamaged) as caught:
        celeba_hq("train", 0)
    said = str(caught.value)
    first = {1: "val/face_0003.png", 3: "val/face_0001.png", 8: "train/face_0000.png"}[many]
    assert f"{first} " in said
    if many == 1:
        assert "is no RGB image (its mode is L); convert it to RGB or remove it" in said
    else:
        assert said.startswith(f"{many} of 8 images in data/celeba_hq are no RGB images, the first is ")
        assert said.endswith("(its mode is L); convert them to RGB or remove them")


def test_other_files_and_empty_folders_are_named(nowhere: Path) -> None:
    with pytest.raises(DataNotFound, match="not in data/celeba_hq"):
        celeba_hq("train", 0)
    (nowhere / "data/celeba_hq").mkdir(parents=True)
    with pytest.raises(DataDamaged, match="data/celeba_hq is empty"):
        celeba_hq("train", 0)
    write(nowhere / "data/celeba_hq", 3)
    (nowhere / "data/celeba_hq/.hidden").touch()
    (nowhere / "data/celeba_hq/list.txt").touch()
    with pytest.raises(DataDamaged, match=r"list\.txt is not an image"):
        celeba_hq("train", 0)


def test_a_held_out_folder_alone_is_an_error(nowhere: Path) -> None:
    write(nowhere / "data/afhq/val", 3)
    with pytest.raises(DataDamaged, match="has val/ alone"):
        afhq("train", 0)


def test_other_data_below_a_root_are_not_taken_for_these(nowhere: Path) -> None:
    write(nowhere / "disk/afhq/train", 3)
    with pytest.raises(DataNotFound, match="CelebA-HQ"):
        celeba_hq("train", 0, root="disk")


def test_the_cache_gives_the_same_images_and_notices_any_change(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, opened = nowhere / "data/celeba_hq/train", []
    write(folder, 5)
    write(nowhere / "data/celeba_hq/val", 2)
    first = celeba_hq("train", 0, cache="kept")

    def counting(path: Path, size: int) -> Tensor:
        opened.append(path)
        return read_image(path, size)

    monkeypatch.setattr(image_folders, "read_image", counting)
    assert torch.equal(celeba_hq("train", 0, cache="kept"), first)
    assert opened == []
    save(folder / "face_0003.png", first[0])
    assert torch.equal(celeba_hq("train", 0, cache="kept")[3], first[0])
    assert len(opened) == 5
    for kept in Path("kept").iterdir():
        content = bytearray(kept.read_bytes())
        content[-1] ^= 1
        kept.write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged; reading the images anew"):
        assert torch.equal(celeba_hq("train", 0, cache="kept")[3], first[0])


HIDDEN = (".ipynb_checkpoints", ".Trash-1000/files", "__MACOSX", "cat/@eaDir/x.png", "cat/.thumbs")


@pytest.mark.parametrize("place", HIDDEN)
@pytest.mark.parametrize("split", [True, False])
def test_images_in_hidden_folders_and_those_of_systems_do_not_count(
    nowhere: Path, place: str, split: bool
) -> None:
    folder = nowhere / "data/afhq"
    top = folder / "train" if split else folder
    write(top / "cat", 6)
    if split:
        write(folder / "val", 4)
    before = split_files(folder)
    write(top / place, 2, prefix="stray")
    write(folder / ".Trash-0", 1)
    for name in ("._face_0000.png", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (top / "cat" / name).write_text("no image")
    assert split_files(folder) == before


def test_links_to_files_and_folders_are_followed(nowhere: Path) -> None:
    write(nowhere / "elsewhere/cats", 3)
    write(nowhere / "elsewhere/one", 1, prefix="single")
    folder = nowhere / "data/afhq/train"
    folder.mkdir(parents=True)
    (folder / "cats").symlink_to(nowhere / "elsewhere/cats")
    (folder / "one.png").symlink_to(nowhere / "elsewhere/one/single_0000.png")
    write(nowhere / "data/afhq/val", 2)
    names = [path.name for path in split_files(nowhere / "data/afhq")["train"]]
    assert names == [*(f"face_{i:04d}.png" for i in range(3)), "one.png"]
    assert len(afhq("train", 0)) == 4


def link_to_nothing(folder: Path) -> None:
    (folder / "train/gone.png").symlink_to(folder / "nowhere.png")


def folder_linked_to_nothing(folder: Path) -> None:
    (folder / "train/gone").symlink_to(folder / "nowhere")


def circle(folder: Path) -> None:
    (folder / "train/loop").symlink_to(folder / "train")


def link_to_itself(folder: Path) -> None:
    (folder / "train/loop.png").symlink_to(folder / "train/loop.png")


def twice(folder: Path) -> None:
    (folder / "train/again").symlink_to(folder / "train/cat")


def training_image_to_test(folder: Path) -> None:
    (folder / "val/zzz.png").symlink_to(folder / "train/cat/face_0000.png")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "train/x.png")


def loose_images(folder: Path) -> None:
    write(folder, 1)


def third_folder(folder: Path) -> None:
    write(folder / "Test/cat", 1)


def dangling_split(folder: Path) -> None:
    (folder / "test").symlink_to(folder / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (link_to_nothing, r"train/gone\.png is a link to nothing"),
        (folder_linked_to_nothing, "train/gone is a link to nothing"),
        (circle, "train/loop is a link to a folder around it"),
        (link_to_itself, r"train/loop\.png is a link to nothing"),
        (twice, r"face_0000\.png is the same file as .*face_0000\.png, by a link"),
        (training_image_to_test, r"val/zzz\.png is the same file as .*train/cat/face_0000\.png"),
        (pipe, r"train/x\.png is neither a file nor a folder"),
        (loose_images, r"face_0000\.png is in none of the splits"),
        (third_folder, "Test is in none of the splits"),
        (dangling_split, "test is in none of the splits"),
    ],
)
def test_what_would_be_skipped_or_counted_twice_is_named(nowhere: Path, change, message: str) -> None:
    folder = nowhere / "data/afhq"
    write(folder / "train/cat", 2)
    write(folder / "val", 3, prefix="other")
    (folder / "README.txt").touch()  # beside the splits: no image, and no harm
    split_files(folder)
    change(folder)
    with pytest.raises(DataDamaged, match=message) as caught:
        afhq("train", 0)
    assert str(caught.value).isprintable()


def test_a_folder_that_may_not_be_read_is_named(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(nowhere / "data/afhq/cat", 2)
    listed = os.listdir

    def refusing(folder: Path) -> list[str]:
        if Path(folder).name == "cat":
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(os, "listdir", refusing)
    with pytest.raises(DataDamaged, match=r"afhq/cat cannot be read \(Permission denied\)"):
        split_files(nowhere / "data/afhq")


def test_names_that_are_no_utf8_are_read_and_cached(nowhere: Path) -> None:
    folder = nowhere / "data/afhq/train"
    written = write(folder, 2)
    (folder / "face_0001.png").rename(folder / os.fsdecode(b"f\xe9ce.png"))
    write(nowhere / "data/afhq/val", 2)
    for _ in range(2):
        assert torch.equal(afhq("train", 0, cache="kept"), written)


def test_a_cache_of_an_older_rule_of_reading_is_not_used(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images that older versions left lying on their side."""
    folder = nowhere / "data/afhq/train"
    (written,) = write(folder, 1)
    write(nowhere / "data/afhq/val", 2)
    with monkeypatch.context() as old:
        old.setattr(resized_cache, "_FORMAT", "locality.resized/1")
        old.setattr(image_folders, "read_image", lambda path, size: torch.zeros(3, size, size).byte())
        assert not afhq("train", 0, cache="kept").any()
    assert torch.equal(afhq("train", 0, cache="kept")[0], written)
    (nowhere / "file").touch()
    with pytest.raises(DataError, match=r"cache=file: want a folder"):
        afhq("train", 0, cache="file")
