from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.models import vgg19

from vst.errors import InputError
from vst.features import weights
from vst.features.vgg import VGG19
from vst.features.weights import LAYERS, Filters, filter_shapes
from vst.styles import OpenedPainting

Load = Callable[[str], Filters]
LOADS = [weights.normalised, weights.torchvision]


@pytest.fixture(scope="module")
def drawn() -> dict[str, Tensor]:
    return weights.random(5).tensors


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("VST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "cache"


def torchvision_keys() -> list[str]:
    """The names in torchvision's own state dict, in its order."""
    with torch.device("meta"):
        return list(vgg19(weights=None).state_dict())


def as_published(drawn: dict[str, Tensor], form: Load) -> dict[str, Tensor]:
    """The filters as the file of that form has them: in network order under a sequence's names."""
    if form is weights.normalised:
        names = [f"{2 * number}.{part}" for number in range(17) for part in ("weight", "bias")]
        return dict(zip(names, drawn.values(), strict=True))
    keys = torchvision_keys()
    convolutions = [key for key in keys if key.startswith("features.")]
    filters = list(drawn.values())[2:]
    classifier = {key: torch.zeros(2) for key in keys if key.startswith("classifier.")}
    assert len(classifier) == 6
    return {**dict(zip(convolutions, filters, strict=True)), **classifier}


def tiny(form: Load) -> dict[str, Tensor]:
    """A file of the right shapes which takes no room: every tensor is one number, repeated."""
    shapes = filter_shapes()
    return as_published({name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}, form)


def test_vgg19_has_sixteen_convolutions_and_an_input():
    shapes = filter_shapes()
    assert len(LAYERS) == 16
    assert len(shapes) == 34
    assert list(shapes)[:4] == ["input.weight", "input.bias", "conv1_1.weight", "conv1_1.bias"]
    with torch.device("meta"):
        state = vgg19(weights=None).features.state_dict()
    assert [tuple(tensor.shape) for tensor in state.values()] == list(shapes.values())[2:]


def test_normalised_filters_make_the_round_trip(drawn, tmp_path):
    file = tmp_path / "filters.pth"
    torch.save(as_published(drawn, weights.normalised), file)
    filters = weights.normalised(str(file))
    assert filters.name == "vgg19-normalised"
    assert filters.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert list(filters.tensors) == list(filter_shapes())
    for name, tensor in filters.tensors.items():
        assert torch.equal(tensor, drawn[name])


def test_torchvisions_filters_make_the_round_trip(drawn, tmp_path):
    file = tmp_path / "vgg19.pth"
    torch.save(as_published(drawn, weights.torchvision), file)
    filters = weights.torchvision(str(file))
    assert filters.name == "vgg19-torchvision"
    assert filters.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert list(filters.tensors) == list(filter_shapes())
    for name in list(filter_shapes())[2:]:
        assert torch.equal(filters.tensors[name], drawn[name])


def test_torchvisions_normalisation_is_the_input_convolution(tmp_path):
    file = tmp_path / "vgg19.pth"
    torch.save(tiny(weights.torchvision), file)
    tensors = weights.torchvision(str(file)).tensors
    image = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    found = torch.nn.functional.conv2d(image, tensors["input.weight"], tensors["input.bias"])
    mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    for channel in range(3):
        expected = (image[:, channel] - mean[channel]) / deviation[channel]
        torch.testing.assert_close(found[:, channel], expected)


@pytest.mark.parametrize("form", LOADS)
def test_half_precision_files_become_float32(form, tmp_path):
    file = tmp_path / "half.pth"
    half = torch.zeros(1, dtype=torch.float16)
    torch.save({name: half.expand(tensor.shape) for name, tensor in tiny(form).items()}, file)
    assert {tensor.dtype for tensor in form(str(file)).tensors.values()} == {torch.float32}


class Harmful:
    """What a pickle could do on the machine of the one who reads it."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self) -> tuple:
        return Path.touch, (self.mark,)


def refused(load: Load, file: Path) -> str:
    with pytest.raises(InputError) as error:
        load(str(file))
    sentence = str(error.value)
    assert str(file) in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("form", LOADS)
def test_a_missing_file(form, tmp_path):
    assert "does not exist; set backbone.weights.path" in refused(form, tmp_path / "none.pth")
    assert "does not exist" in refused(form, tmp_path)


@pytest.mark.parametrize("form", LOADS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"these are not weights\n",
        b"<html><body>404</body></html>",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"PK\x03\x04 cut off",
        b"\x80\x02.",
        b".",
        b"abc",
        b"q\x00",
    ],
)
def test_a_file_that_is_not_pytorchs(form, content, tmp_path):
    file = tmp_path / "odd.pth"
    file.write_bytes(content)
    assert "cannot be read as PyTorch weights" in refused(form, file)


@pytest.mark.parametrize("form", LOADS)
def test_a_file_that_was_cut_off(form, tmp_path):
    file = tmp_path / "cut.pth"
    torch.save(tiny(form), file)
    file.write_bytes(file.read_bytes()[:-500])
    assert "cannot be read as PyTorch weights" in refused(form, file)


@pytest.mark.parametrize("form", LOADS)
@pytest.mark.parametrize("write", [torch.save, lambda value, file: file.write_bytes(pickle.dumps(value, 2))])
def test_code_in_a_file_is_not_run(form, write, tmp_path):
    file = tmp_path / "harmful.pth"
    write({**tiny(form), "code": Harmful(tmp_path / "harm")}, file)
    assert "cannot be read as PyTorch weights" in refused(form, file)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("form", LOADS)
@pytest.mark.parametrize("content", [[torch.zeros(2)], torch.zeros(2), {"a": 1.0}, {0: torch.zeros(2)}])
def test_a_file_that_holds_something_else(form, content, tmp_path):
    file = tmp_path / "else.pth"
    torch.save(content, file)
    assert "does not contain tensors by name" in refused(form, file)


@pytest.mark.parametrize("form", LOADS)
def test_a_file_of_another_network(form, tmp_path):
    file, tensors = tmp_path / "vgg.pth", tiny(form)
    name = "20.bias" if form is weights.normalised else "features.19.bias"
    tensors.pop(name)
    torch.save(tensors, file)
    sentence = refused(form, file)
    wanted = "33 tensors where VGG-19 has 34" if form is weights.normalised else "the 16 convolutions"
    assert wanted in sentence
    assert "leave backbone.weights.path null" in sentence


@pytest.mark.parametrize("form", LOADS)
def test_a_tensor_of_another_shape(form, tmp_path):
    file, tensors = tmp_path / "shape.pth", tiny(form)
    # the weight of conv2_1
    tensors["6.weight" if form is weights.normalised else "features.5.weight"] = torch.zeros(128, 64, 5, 5)
    torch.save(tensors, file)
    assert "(128, 64, 5, 5) for conv2_1.weight, which needs shape (128, 64, 3, 3)" in refused(form, file)


@pytest.mark.parametrize("form", LOADS)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_tensor_that_is_not_finite(form, bad, tmp_path):
    file, tensors = tmp_path / "nan.pth", tiny(form)
    broken = torch.zeros(64)
    broken[7] = bad
    tensors["2.bias" if form is weights.normalised else "features.0.bias"] = broken
    torch.save(tensors, file)
    assert "not finite in conv1_1.bias" in refused(form, file)


def test_without_a_path_the_normalised_file_is_fetched(tmp_path, monkeypatch):
    file, asked = tmp_path / "fetched.pth", []
    torch.save(tiny(weights.normalised), file)
    monkeypatch.setattr(weights, "fetch", lambda name: asked.append(name) or file)
    assert weights.normalised().sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert asked == ["vgg19-normalised"]


@pytest.fixture
def published(drawn, tmp_path, monkeypatch) -> Path:
    """A file where torchvision looks for its own, that it does not check the name's hash of."""
    checkpoints = tmp_path / "torch" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    file = checkpoints / "vgg19-dcbb9e9d.pth"
    torch.save(as_published(drawn, weights.torchvision), file)

    def no_network(url: str, *args: object, **options: object) -> None:
        raise OSError(f"no way to {url}")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    return file


def test_torchvisions_own_file_is_taken_once_and_its_convolutions_kept(drawn, published, cache):
    first = weights.torchvision()
    kept = cache / "vgg19-torchvision.safetensors"
    assert [file.name for file in cache.iterdir()] == [kept.name]
    assert first.sha256 == hashlib.sha256(kept.read_bytes()).hexdigest()
    for name in list(filter_shapes())[2:]:
        assert torch.equal(first.tensors[name], drawn[name])
    published.unlink()
    second = weights.torchvision()
    assert (second.name, second.sha256) == (first.name, first.sha256)
    assert set(second.tensors) == set(first.tensors) == set(filter_shapes())
    assert all(torch.equal(second.tensors[name], tensor) for name, tensor in first.tensors.items())


def test_without_torchvisions_file_a_sentence_names_the_ways_out(published, cache):
    published.unlink()
    with pytest.raises(
        InputError, match=r"could not be fetched .*backbone.weights.path to it, or use backbone=vgg19"
    ):
        weights.torchvision()
    assert not cache.exists()


def test_a_kept_file_that_was_cut_off_is_made_again(drawn, published, cache):
    weights.torchvision()
    kept = cache / "vgg19-torchvision.safetensors"
    kept.write_bytes(kept.read_bytes()[:1000])
    assert torch.equal(weights.torchvision().tensors["conv5_4.bias"], drawn["conv5_4.bias"])


def test_random_filters_repeat_themselves_by_seed(drawn):
    again, other = weights.random(5), weights.random(6)
    assert {name: tuple(tensor.shape) for name, tensor in again.tensors.items()} == filter_shapes()
    assert all(torch.equal(again.tensors[name], tensor) for name, tensor in drawn.items())
    assert not torch.equal(other.tensors["conv1_1.weight"], drawn["conv1_1.weight"])
    assert (again.name, again.sha256) == ("vgg19-random", "seed 5")


def test_narrow_random_filters_have_an_eighth_of_the_channels():
    narrow = weights.random(5, width=8)
    assert narrow.sha256 == "seed 5, width 8"
    channels = {"conv1_1": 8, "conv2_1": 16, "conv3_1": 32, "conv4_2": 64, "conv5_4": 64}
    found = VGG19(narrow, precision="float32")(torch.rand(2, 3, 32, 48), list(channels))
    assert {layer: activations.shape[1] for layer, activations in found.items()} == channels


def test_random_filters_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    weights.random(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_random_filters_keep_the_size_of_activations(random_backbone):
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for layer, value in random_backbone(image, LAYERS).items():
        assert 0.1 < value.square().mean() < 10, layer


def test_the_normalised_filters_have_a_mean_activation_of_about_one(normalised, shared):
    image = OpenedPainting(str(shared / "styles" / "van_gogh_starry_night.jpg")).at(192).image
    with torch.no_grad():
        activations = VGG19(normalised, "after_relu")(image, LAYERS)
    for layer, value in activations.items():
        assert 0.5 < value.mean() < 1.6, layer
