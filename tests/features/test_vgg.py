from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import vgg19

from vst.errors import InputError
from vst.features import vgg, weights
from vst.features.layers import check_layers, smallest_side
from vst.features.precision import fastest_precision
from vst.features.vgg import VGG19
from vst.features.weights import LAYERS, Filters
from vst.losses.functional import content_loss, gram_matrix


def picture(lanes: int = 1, height: int = 40, width: int = 48, seed: int = 0) -> Tensor:
    return torch.rand(lanes, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def filters() -> Filters:
    """Random filters in which biases and the mixing of colours count as well."""
    generator = torch.Generator().manual_seed(1)
    drawn = weights.random(3)
    tensors = dict(drawn.tensors)
    for name, tensor in tensors.items():
        if name.endswith("bias"):
            tensors[name] = 0.1 * torch.randn(tensor.shape, generator=generator)
    tensors["input.weight"] = torch.randn(3, 3, 1, 1, generator=generator)
    return replace(drawn, tensors=tensors)


def by_torchvision(
    filters: Filters, images: Tensor, pooling: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Activations before and after the ReLUs of torchvision's own VGG-19 with these filters."""
    with torch.device("meta"):  # its classifier would take half a gigabyte
        features = vgg19(weights=None).features
    names, state = iter(LAYERS), {}
    for key, layer in features.named_children():
        if isinstance(layer, nn.Conv2d):
            name = next(names)
            state[f"{key}.weight"] = filters.tensors[f"{name}.weight"]
            state[f"{key}.bias"] = filters.tensors[f"{name}.bias"]
    features.load_state_dict(state, assign=True)
    mixing, shift = filters.tensors["input.weight"][:, :, 0, 0], filters.tensors["input.bias"]
    x = torch.einsum("oi,lihw->lohw", mixing, images) + shift[None, :, None, None]
    before, after, names = {}, {}, iter(LAYERS)
    name = ""
    for layer in features:
        if isinstance(layer, nn.MaxPool2d):
            x = nn.AvgPool2d(2, 2)(x) if pooling == "average" else layer(x)
            continue
        x = layer(x.clone())
        if isinstance(layer, nn.Conv2d):
            name = next(names)
            before[name] = x
        else:
            after[name] = x
    return before, after


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_activations_are_those_of_torchvisions_network(filters, pooling):
    images = picture(2)
    with torch.no_grad():
        before, after = by_torchvision(filters, images, pooling)
        assert list(before) == list(after) == list(LAYERS)
        for option, expected in (("before_relu", before), ("after_relu", after)):
            found = VGG19(filters, option, pooling)(images, LAYERS)
            for layer in LAYERS:
                scale = expected[layer].abs().max().item()
                torch.testing.assert_close(found[layer], expected[layer], rtol=1e-4, atol=1e-5 * scale)


def test_the_paper_takes_convolutions_before_relu_and_vgg_has_maximum_pooling(filters):
    with torch.no_grad():
        before, _ = by_torchvision(filters, picture(), "max")
        found = VGG19(filters)(picture(), ["conv3_1"])["conv3_1"]
    torch.testing.assert_close(found, before["conv3_1"], rtol=1e-4, atol=1e-4)
    assert (found < 0).any()


@pytest.fixture
def convolutions(monkeypatch) -> list[int]:
    """Count the convolutions that are computed, by their number of channels."""
    counted: list[int] = []
    convolve = torch.nn.functional.conv2d

    def counting(x: Tensor, weight: Tensor, *args: Any, **options: Any) -> Tensor:
        counted.append(weight.shape[0])
        return convolve(x, weight, *args, **options)

    monkeypatch.setattr(vgg.F, "conv2d", counting)
    return counted


@pytest.mark.parametrize(
    ("asked", "deepest"),
    [(["conv1_1"], 1), (["conv3_1", "conv1_2"], 5), (["conv4_2", "conv4_2"], 10), ([], 0)],
)
def test_only_what_is_asked_for_is_computed_and_returned(random_backbone, convolutions, asked, deepest):
    found = random_backbone(picture(), iter(asked))
    assert set(found) == set(asked)
    assert len(convolutions) == 1 + deepest  # and the input's


def test_gradients_flow_to_the_image_and_to_nothing_else(random_backbone):
    assert list(random_backbone.parameters()) == []
    assert random_backbone.state_dict() == {}  # a checkpoint must not carry 80 MB of filters
    images = picture(2).requires_grad_()
    found = random_backbone(images, ["conv2_1", "conv4_2"])
    # the second lane's activations alone
    sum(value[1].square().mean() for value in found.values()).backward()
    assert images.grad is not None
    assert images.grad[1].abs().min() > 0
    assert images.grad[0].abs().max() == 0
    assert not any(buffer.requires_grad for buffer in random_backbone.buffers())


def test_the_layout_of_the_image_does_not_matter(random_backbone):
    images = picture(2)
    assert images.is_contiguous()
    expected = random_backbone(images, ["conv1_1", "conv4_2"])
    other = random_backbone(images.contiguous(memory_format=torch.channels_last), ["conv1_1", "conv4_2"])
    for layer, value in expected.items():
        assert torch.equal(value, other[layer])


def test_lanes_are_seen_one_by_one(random_backbone):
    images = picture(3)
    together = random_backbone(images, ["conv1_1", "conv4_2"])
    for lane in range(3):
        alone = random_backbone(images[lane : lane + 1], ["conv1_1", "conv4_2"])
        for layer, value in alone.items():
            torch.testing.assert_close(together[layer][lane], value[0], rtol=1e-4, atol=1e-4)


@pytest.fixture
def tf32_as_before() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.mark.usefixtures("tf32_as_before")
def test_bf16_is_close_to_float32(random_backbone):
    exact = random_backbone(picture(), LAYERS)
    found = VGG19(random_backbone.weights, precision="bf16")(picture(), LAYERS)
    for layer in LAYERS:
        assert found[layer].dtype == torch.bfloat16
        error = (found[layer] - exact[layer]).norm() / exact[layer].norm()
        assert 1e-5 < error < 0.03  # rounded at all, and to 8 bits rather than fewer


@pytest.mark.usefixtures("tf32_as_before")
def test_bf16_sees_all_the_levels_of_an_image(filters):
    # input values far from 0, as those of 255 levels: in bfloat16 two of them would be one
    far = dict(filters.tensors)
    far["input.weight"], far["input.bias"] = torch.eye(3).view(3, 3, 1, 1) * 255, torch.full((3,), 700.0)
    backbone = VGG19(replace(filters, tensors=far), precision="bf16")
    seen: list[Tensor] = []
    convolve = backbone._convolve
    backbone._convolve = lambda x, name, padding: seen.append(convolve(x, name, padding)) or seen[-1]
    backbone(torch.arange(256).view(1, 1, 16, 16).expand(1, 3, 16, 16) / 255, ["conv1_1"])
    assert seen[0].unique().numel() == 256
    assert seen[0].dtype == torch.float32


@pytest.mark.usefixtures("tf32_as_before")
def test_tf32_is_switched_for_the_whole_process(random_backbone):
    small = random_backbone.weights
    VGG19(small, precision="tf32")
    assert torch.backends.cudnn.allow_tf32
    VGG19(small, precision="float32")
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(
    ("avx512", "amx", "chosen"),
    [(True, False, "bf16"), (False, True, "bf16"), (False, False, "float32")],
)
@pytest.mark.usefixtures("tf32_as_before")
def test_auto_is_the_fastest_that_a_processor_has(random_backbone, monkeypatch, avx512, amx, chosen):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    backbone = VGG19(random_backbone.weights, precision="auto")
    assert backbone.precision is None
    found = backbone(picture(), ["conv1_1"])["conv1_1"]
    assert backbone.precision == chosen
    assert found.dtype == {"bf16": torch.bfloat16, "float32": torch.float32}[chosen]


@pytest.mark.parametrize(("capability", "chosen"), [((9, 0), "bf16"), ((8, 0), "bf16"), ((7, 5), "tf32")])
def test_auto_is_the_fastest_that_a_card_has(monkeypatch, capability, chosen):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert fastest_precision(torch.device("cuda")) == chosen


@pytest.mark.usefixtures("tf32_as_before")
def test_a_precision_is_chosen_once(random_backbone, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    backbone = VGG19(random_backbone.weights, precision="auto")
    backbone.choose_precision(torch.device("cpu"), began_with="float32")
    backbone.choose_precision(torch.device("cpu"))
    assert backbone.precision == "float32"
    for layer, values in random_backbone(picture(), LAYERS).items():
        assert torch.equal(backbone(picture(), LAYERS)[layer], values)


@pytest.mark.usefixtures("tf32_as_before")
def test_losses_of_bf16_are_summed_in_float32(random_backbone):
    backbone = VGG19(random_backbone.weights, precision="bf16")
    found, other = (backbone(picture(seed=seed), LAYERS) for seed in (0, 1))
    for layer in LAYERS:
        gram = gram_matrix(found[layer])
        expected = gram_matrix(found[layer].double())
        assert gram.dtype == torch.float32
        torch.testing.assert_close(
            gram.double(), expected, rtol=1e-5, atol=1e-6 * expected.abs().max().item()
        )
        loss = content_loss(found[layer], other[layer])
        torch.testing.assert_close(
            loss.double(), content_loss(found[layer].double(), other[layer].double()), rtol=1e-5, atol=0
        )


@pytest.mark.parametrize("layer", ["conv1_2", "conv2_1", "conv3_4", "conv4_2", "conv5_1"])
def test_the_smallest_side_is_just_enough(random_backbone, layer):
    side = smallest_side([layer, "conv1_1"])
    for height, width in ((side, side + 5), (side + 5, side)):
        found = random_backbone(picture(1, height, width), [layer])[layer]
        assert min(found.shape[2:]) == 1 or layer == "conv1_2"
    if side > 1:
        with pytest.raises(RuntimeError):
            random_backbone(picture(1, side - 1, side + 5), [layer])


def test_the_smallest_side_for_the_papers_layers():
    assert smallest_side(["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2", "conv5_1"]) == 16


def test_layers_are_checked_by_name():
    check_layers(LAYERS)
    check_layers([])
    with pytest.raises(InputError) as refused:
        check_layers(["conv1_1", "conv6_1"])
    assert str(refused.value).startswith(
        "conv6_1 is not a layer of VGG-19; choose one of: conv1_1, conv1_2, "
    )
    assert str(refused.value).endswith("conv5_3, conv5_4")
    with pytest.raises(InputError, match="conv2_3 is not a layer"):
        check_layers(["conv2_3"])


def test_replicating_the_border_a_plain_image_has_plain_activations():
    plain = torch.full((1, 3, 64, 80), 0.3)
    layers = ["conv1_1", "conv2_1", "conv4_2", "conv5_1"]
    for border, even in (("replicate", True), ("zeros", False)):
        for found in VGG19(weights.random(), border=border)(plain, layers).values():
            spread = (found - found.mean((2, 3), keepdim=True)).abs().amax()
            assert (spread < 1e-3 * found.abs().amax()) == even, border


def test_the_border_changes_nothing_inside():
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    found = [
        VGG19(weights.random(), border=border)(image, ["conv1_1", "conv2_1"])
        for border in ("zeros", "replicate")
    ]
    for layer, margin in (("conv1_1", 1), ("conv2_1", 2)):
        inner = (..., slice(margin, -margin), slice(margin, -margin))
        torch.testing.assert_close(found[0][layer][inner], found[1][layer][inner])
        assert not torch.equal(found[0][layer], found[1][layer])
