"""Network builders: what each can see, and that all are trained and probed alike."""

from __future__ import annotations

import copy

import pytest
import torch
from conftest import CONFIGS
from einops import rearrange
from hydra import compose, initialize_config_dir
from torch import Tensor, nn

from locality import build
from locality.checkpoints.trained import model_name
from locality.denoisers import NetworkDenoiser
from locality.networks import dit, mixer, mlp, unet

NAMES = ["unet", "unet_conv", "unet_attention", "dit", "mlp", "mixer"]


def built(name: str, *overrides: str, shape: tuple[int, int, int] = (3, 16, 16)) -> nn.Module:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose("train", [f"model={name}", *overrides])
    return build.module(cfg.model, shape).denoiser.net.eval()


def small(name: str) -> nn.Module:
    """The same architectures, for images of 8 x 8 in one channel."""
    torch.manual_seed(0)
    shape = (1, 8, 8)
    if name == "dit":
        return dit(shape, width=32, depth=2, heads=2).eval()
    if name in ("mlp", "mixer"):
        net = (mlp if name == "mlp" else mixer)(shape, width=32, depth=2).eval()
        nn.init.normal_(net.outward.weight, std=0.1)  # as built it is zero, and nothing would be seen
        return net
    attention = {"unet": "middle", "unet_conv": "none", "unet_attention": "all"}[name]
    return unet(shape, channels=[8, 16], layers=1, attention=attention, groups=4).eval()


def noise_of(net: nn.Module, x: Tensor, t: Tensor) -> Tensor:
    out = net(x, t)
    return out if isinstance(out, Tensor) else out.sample


def images(count: int = 2, size: int = 8, seed: int = 0) -> Tensor:
    return torch.randn(count, 1, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_is_about_as_large_as_the_unet_and_predicts_noise(name):
    net = built(name)
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert noise_of(net, x, torch.tensor([3, 900])).shape == x.shape
    assert 1.2e6 < sum(parameter.numel() for parameter in net.parameters()) < 1.8e6


@pytest.mark.parametrize("recipe", ["photos16_cpu", "pattern_cpu"])
@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_has_a_size_for_two_cores(name, recipe):
    net = built(name, f"experiment={recipe}")
    assert 0.9e6 < sum(parameter.numel() for parameter in net.parameters()) < 1.8e6
    if name.startswith("unet"):
        assert net.config.layers_per_block == 1  # two for every other recipe
        assert built(name).config.layers_per_block == 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_the_jacobian_of_every_architecture_vectorises(name):
    denoiser, x = NetworkDenoiser(small(name)), images()
    pullback = torch.func.vjp(lambda y: denoiser(y, 1.0), x)[1]
    cotangents = torch.zeros(3, 2, 1, 8, 8)
    pixels = [(0, 0), (3, 4), (7, 2)]
    for p, (row, col) in enumerate(pixels):
        cotangents[p, :, :, row, col] = 1
    together = torch.func.vmap(lambda cotangent: pullback(cotangent)[0])(cotangents)
    torch.testing.assert_close(
        together.transpose(0, 1), denoiser.jacobian(x, 1.0, pixels), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_image_gets_the_same_noise_whatever_is_beside_it(name):
    net, x, t = small(name), images(3), torch.tensor([10, 500, 900])
    alone = torch.cat([noise_of(net, x[k : k + 1], t[k : k + 1]) for k in range(3)])
    torch.testing.assert_close(noise_of(net, x, t), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_time_step_matters(name):
    net, x = small(name), images(1)
    assert not torch.allclose(noise_of(net, x, torch.tensor([10])), noise_of(net, x, torch.tensor([900])))


@pytest.mark.parametrize(("name", "places"), [("unet_conv", 0), ("unet", 1), ("unet_attention", 7)])
def test_attention_is_where_the_name_says(name, places):
    found = [part for part in small(name).modules() if type(part).__name__ == "Attention"]
    assert len(found) == places


@pytest.mark.parametrize("classes", [0, 4])
def test_a_unet_on_patches_is_a_unet_on_images_whose_pixels_became_channels(classes):
    def build(shape, **options) -> nn.Module:
        torch.manual_seed(0)
        return unet(shape, channels=[8, 16], layers=1, groups=4, classes=classes, **options).eval()

    x, t = torch.randn(3, 2, 8, 12, generator=torch.Generator().manual_seed(0)), torch.tensor([10, 500, 900])
    told = [torch.tensor([0, 3, 1])] if classes else []
    on_patches, plain = build((2, 8, 12), patch_size=2), build((8, 4, 6))
    inside = plain(nn.functional.pixel_unshuffle(x, 2), t, *told)
    inside = inside if isinstance(inside, Tensor) else inside.sample
    torch.testing.assert_close(
        on_patches(x, t, *told), nn.functional.pixel_shuffle(inside, 2), rtol=0, atol=0
    )
    assert NetworkDenoiser(on_patches).classes == classes


def test_the_unet_on_patches_is_told_from_the_others_by_its_name():
    names = ["unet", "unet_patches", "unet_conv", "unet_attention"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        found = [model_name(compose("train", [f"model={name}"]).model) for name in names]
    assert found == names


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("name", ["dit", "mlp", "mixer"])
def test_a_network_without_convolution_sees_every_pixel(name):
    net, x = small(name), images(1)
    jacobian = torch.func.jacrev(lambda y: noise_of(net, y, torch.tensor([400])))(x).reshape(64, 64)
    assert (jacobian != 0).all()


def test_the_mlp_is_the_same_kind_of_network_in_any_basis():
    # Rotate the space of images: the weights rotated alike are again an mlp, and give the rotated noise.
    net, x, t = small("mlp").double(), images(4).double(), torch.tensor([5, 100, 500, 900])
    noise = torch.randn(64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    rotation = torch.linalg.qr(noise).Q
    turned = copy.deepcopy(net)
    with torch.no_grad():
        turned.inward.weight.copy_(net.inward.weight @ rotation.T)
        turned.outward.weight.copy_(rotation @ net.outward.weight)
        turned.outward.bias.copy_(rotation @ net.outward.bias)
    rotated = (x.flatten(1) @ rotation.T).reshape(x.shape)
    expected = (net(x, t).flatten(1) @ rotation.T).reshape(x.shape)
    torch.testing.assert_close(turned(rotated, t), expected, rtol=1e-9, atol=1e-9)


def test_the_mixer_does_not_know_which_patches_are_near():
    # Shuffle the patches: the weights over tokens, shuffled alike, are again a mixer, and shuffle the noise.
    net, x, t = small("mixer").double(), images(4).double(), torch.tensor([5, 100, 500, 900])
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    turned = copy.deepcopy(net)
    with torch.no_grad():
        for old, new in zip(net.blocks, turned.blocks, strict=True):
            new.over_tokens[0].weight.copy_(old.over_tokens[0].weight[:, order])
            new.over_tokens[3].weight.copy_(old.over_tokens[3].weight[order])
            new.over_tokens[3].bias.copy_(old.over_tokens[3].bias[order])

    def shuffled(y: Tensor) -> Tensor:
        patches = rearrange(y, "b c (h p) (w q) -> b (h w) c p q", p=2, q=2)[:, order]
        return rearrange(patches, "b (h w) c p q -> b c (h p) (w q)", h=4)

    torch.testing.assert_close(turned(shuffled(x), t), shuffled(net(x, t)), rtol=1e-9, atol=1e-9)


def test_the_transformer_draws_no_labels_in_training():
    net, x, t = small("dit").train(), images(64), torch.full((64,), 300)
    torch.testing.assert_close(net(x, t), net(x, t), rtol=0, atol=0)
    net(x, t).square().mean().backward()
    tables = [part for part in net.modules() if isinstance(part, nn.Embedding)]
    assert tables
    for table in tables:  # the one label that means none is learned; no other is ever asked for
        assert table.weight.grad[1].abs().sum() > 0
        assert table.weight.grad[0].abs().sum() == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dit((3, 16, 12)), "want square images in whole patches of 2, got 16 x 12"),
        (lambda: dit((3, 9, 9)), "whole patches of 2"),
        (lambda: dit((3, 16, 16), width=130), "width: want a multiple of heads=4"),
        (lambda: mlp((3, 16, 16), width=7), "want an even width from 8"),
        (lambda: mixer((3, 16, 12), patch_size=8), "want an image in whole patches of 8, got 16 x 12"),
        (lambda: mixer((3, 16, 16), mixing=0), "1 hidden number, got 128, 6, 0"),
        (lambda: unet((3, 16, 16), attention="some"), "attention: want 'none', 'middle' or 'all'"),
        (
            lambda: unet((3, 16, 15), patch_size=2),
            "patch_size: want images in whole patches .* 16 x 15 pixels",
        ),
        (lambda: unet((3, 16, 16), patch_size=0), "patch_size: .* got 0"),
        (lambda: unet((3, 16, 16), patch_size=2.0), "patch_size: .* got 2.0"),
        (lambda: unet((3, 8, 8), channels=[8] * 4, groups=4, patch_size=2), "4 levels halve .* 4 x 4"),
    ],
)
def test_a_size_that_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
