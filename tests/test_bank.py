"""The bank: reading, chunks, fingerprint, errors."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from locality import ImageBank
from locality.denoisers import Optimal

PIXELS = torch.randint(0, 256, (11, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_bytes_read_as_floats_in_the_unit_range():
    read = torch.cat(list(ImageBank(PIXELS).chunks(4)))
    assert torch.allclose(read, PIXELS.float() / 127.5 - 1)
    assert read.dtype == torch.float32
    assert next(ImageBank(PIXELS).chunks(4, torch.float64)).dtype == torch.float64


@given(size=st.integers(1, 20))
def test_chunks_of_any_size_hold_every_image_once_in_order(size):
    chunks = list(ImageBank(PIXELS).chunks(size))
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert torch.equal(torch.cat(chunks), torch.cat(list(ImageBank(PIXELS).chunks(11))))


def test_the_fingerprint_changes_with_pixels_order_shape_and_type_and_nothing_else():
    bank = ImageBank(PIXELS)
    touched = PIXELS.clone()
    touched[7, 1, 2, 3] ^= 1
    others = [
        touched,
        PIXELS.flip(0),
        PIXELS.flip(-1),
        PIXELS[:10],
        PIXELS.reshape(11, 3, 5, 4),
        PIXELS.float() / 127.5 - 1,
    ]
    prints = {ImageBank(images).fingerprint for images in others} | {bank.fingerprint}
    assert len(prints) == len(others) + 1
    assert ImageBank(PIXELS.clone()).fingerprint == bank.fingerprint


def test_loading_a_state_dict_renews_the_fingerprint():
    bank, other = ImageBank(PIXELS), ImageBank(PIXELS.flip(0))
    assert bank.fingerprint != other.fingerprint
    bank.load_state_dict(other.state_dict())
    assert bank.fingerprint == other.fingerprint


def test_loading_a_state_dict_leaves_the_callers_tensor_alone():
    mine = PIXELS.clone()
    bank = ImageBank(mine)
    bank.load_state_dict(ImageBank(PIXELS.flip(0)).state_dict())
    assert torch.equal(mine, PIXELS)


def test_a_subset_is_the_named_images_in_the_named_order():
    assert torch.equal(ImageBank(PIXELS).subset([5, 2]).images, PIXELS[[5, 2]])
    assert len(ImageBank(PIXELS).subset(torch.arange(11) % 2 == 0)) == 6


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bit_floats_rest_as_float32_and_a_bank_keeps_its_type(dtype):
    images = (PIXELS.float() / 127.5 - 1).to(dtype)
    assert torch.equal(ImageBank(images).images, images.float())
    for kept in (PIXELS, PIXELS.float() / 127.5 - 1, PIXELS.double() / 127.5 - 1):
        bank = ImageBank(kept).to(dtype)
        assert bank.images.dtype == kept.dtype
        assert torch.equal(bank.images, kept)
        assert bank.to("meta").images.is_meta


@pytest.mark.parametrize("images", [PIXELS, PIXELS.float() / 127.5 - 1])
def test_a_bank_of_images_with_channels_last_is_read_without_a_copy(images):
    denoiser = Optimal.fit(ImageBank(images.contiguous(memory_format=torch.channels_last)))
    assert denoiser.images.data_ptr() == denoiser.bank.images.data_ptr()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(0, 3, 4, 4), "non-empty"),
        (torch.zeros(3, 4, 4), "N, C, H, W"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.int64), "uint8 or floats"),
        (torch.full((2, 1, 2, 2), float("nan")), "finite"),
        (torch.full((2, 1, 2, 2), float("inf")), "finite"),
        (PIXELS.float(), "got 0 to 255; pass uint8 or divide by 127.5"),
        (PIXELS.float() - 128, "got -128 to 127; scale them"),
        (PIXELS.float() / 12.75 - 10, r"floats in \[-1, 1\], got -10"),
        (PIXELS > 127, "uint8 or floats"),
    ],
)
def test_what_cannot_be_images_is_refused_by_name(bad, message):
    with pytest.raises(ValueError, match=rf"^images: .*{message}"):
        ImageBank(bad)


def test_a_bank_of_images_beyond_one_says_how_far_they_go():
    images = 3 * (PIXELS.float() / 127.5 - 1)
    assert torch.equal(ImageBank(images, bound=3).images, images)
    assert torch.equal(ImageBank(images, bound=math.inf).subset([4]).images, images[4:5])
    with pytest.raises(ValueError, match="got -3 to 3"):
        ImageBank(images, bound=2.9)
    with pytest.raises(ValueError, match="finite"):
        ImageBank(images / 0, bound=math.inf)


def test_what_resampling_overshoots_is_no_mistake():
    """Sharp edges between -1 and 1, enlarged by the kernels that are in use, both ways."""
    edges = (PIXELS.float() / 127.5 - 1).sign()
    larger = torch.nn.functional.interpolate(edges, scale_factor=3, mode="bicubic", antialias=True)
    assert 1.25 < larger.abs().max() < 1.5
    assert len(ImageBank(larger)) == 11


def test_black_and_nearly_black_parts_of_a_bank_are_no_mistake():
    images = PIXELS.clone()
    images[2:5] = PIXELS[2:5] // 128
    assert len(ImageBank(images).subset([2, 3, 4])) == 3
    assert len(ImageBank(torch.zeros_like(PIXELS))) == 11
