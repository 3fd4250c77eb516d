from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from vst.errors import InputError, VstError
from vst.flow.estimators import Farneback
from vst.painting.canvas import FourierCanvas
from vst.runs.build import build, checked

CANVAS = "vst.painting.canvas.FourierCanvas"
CONTENT = "vst.losses.content.ContentLoss"
FARNEBACK = "vst.flow.estimators.Farneback"
FILTERS = "vst.features.weights.normalised"
READER = "vst.video.reader.VideoReader"
STYLE = "vst.losses.style.StyleLoss"
VGG = "vst.features.vgg.VGG19"


def sentence(node: Any, path: str = "group") -> str:
    with pytest.raises(InputError) as refused:
        checked(node, path)
    return str(refused.value)


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": CANVAS, "exponent": -1.0},
        {"_target_": CANVAS, "exponent": 1},
        {"_target_": CANVAS},
        {"_target_": "vst.painting.canvas.PixelCanvas"},
        {"_target_": FARNEBACK, "levels": 3, "poly_sigma": 1},
        {"_target_": "vst.flow.estimators.DeepFlow"},
        {"_target_": FILTERS, "path": None},
        {"_target_": FILTERS, "path": "file.pth"},
        {"_target_": FILTERS, "path": 1234},  # YAML's reading of a name of digits
        {"_target_": FILTERS},
        {"_target_": READER, "path": {"_target_": "vst.assets.fetch", "name": "bunny"}, "frames": None},
        {"_target_": CONTENT, "weight": 1, "layers": ["conv4_2"]},
        {"_target_": CONTENT, "weight": 1, "layers": ("conv4_2",)},
        {"_target_": STYLE, "weight": 1.0, "layers": ["conv1_1"], "normalisation": "hw"},
        {"_target_": VGG, "weights": {"_target_": FILTERS}, "precision": "tf32", "pooling": "average"},
        {"_target_": "vst.optim.minimise", "_partial_": True, "history": 3},
        {"_target_": "vst.losses.functional.closing_gate", "_partial_": True, "scale": 0.1},
        {"_target_": "pytorch_lightning.Trainer", "anything": object},
        {"_target_": CANVAS, "_convert_": "all"},
        {"free": {"of": "target"}},
        {},
        None,
        "text",
    ],
)
def test_what_is_right_passes(node):
    checked(node, "group")


def test_an_unknown_option_is_named_with_those_there_are():
    found = sentence({"_target_": FILTERS, "pth": "x"}, "backbone.weights")
    assert found == "backbone.weights.pth is not an option here; backbone.weights has: path"
    found = sentence({"_target_": STYLE, "weight": 1.0, "layer": []}, "loss.style")
    assert found == "loss.style.layer is not an option here; loss.style has: layers, normalisation, weight"
    assert sentence({"_target_": "vst.painting.canvas.PixelCanvas", "x": 1}).endswith("group has: none")


def test_a_dataclass_has_its_fields_and_no_class_variables():
    found = sentence({"_target_": FARNEBACK, "window": 3}, "flow")
    assert found == (
        "flow.window is not an option here; flow has: iterations, levels, poly_n, poly_sigma, pyr_scale, winsize"
    )
    assert "flow.name is not an option" in sentence({"_target_": FARNEBACK, "name": "x"}, "flow")
    assert (
        sentence({"_target_": FARNEBACK, "levels": 2.5}, "flow")
        == "flow.levels=2.5 is not a whole number from 1 to 1000; give one"
    )


def test_a_class_takes_what_its_base_takes():
    node = {"_target_": "vst.losses.coherence.MseCoherence", "weight": 3.0}
    checked(node, "loss.coherence")
    found = sentence({**node, "warp": "forward"}, "loss.coherence")
    assert found == "loss.coherence.warp is not an option here; loss.coherence has: weight"
    assert sentence({**node, "weight": "much"}).endswith(
        "group.weight=much is not a number from 0 to 1e38; give one"
    )


@pytest.mark.parametrize(
    ("target", "key", "value", "complaint"),
    [
        (CANVAS, "exponent", "steep", "is not a number from -4 to 4; give one"),
        (CANVAS, "exponent", None, "is not a number from -4 to 4; give one"),
        (CANVAS, "exponent", True, "is not a number from -4 to 4; give one"),
        (CANVAS, "exponent", [1.0], "is not a number from -4 to 4; give one"),
        (FARNEBACK, "levels", True, "is not a whole number from 1 to 1000; give one"),
        (FARNEBACK, "levels", "5", "is not a whole number from 1 to 1000; give one"),
        (FILTERS, "path", 1.5, "is not null or a string; give one"),
        (FILTERS, "path", ["a"], "is not null or a string; give one"),
        (READER, "frames", 2.0, "is not null or a whole number from 1 to 1000000; give one"),
        (READER, "start", None, "is not a whole number from 0 to 1000000000; give one"),
        (CONTENT, "layers", "conv4_2", "is not a list of names; give one"),
        (CONTENT, "layers", [4, 2], "is not a list of names; give one"),
        (CONTENT, "layers", None, "is not a list of names; give one"),
        (STYLE, "normalisation", "c", "is not known; choose one of: chw, hw, none"),  # an alias, imported
        (STYLE, "normalisation", None, "is not known; choose one of: chw, hw, none"),
        (VGG, "precision", "half", "is not known; choose one of: auto, float32, tf32, bf16"),  # an alias
        (VGG, "pooling", "mean", "is not known; choose one of: max, average"),
        (
            "vst.optim.minimise",
            "history",
            1.5,
            "is not a whole number from 1 to 1000; give one",
        ),  # exported by its package
    ],
)
def test_a_value_of_the_wrong_kind(target, key, value, complaint):
    assert sentence({"_target_": target, key: value}) == f"group.{key}={value} {complaint}"


def test_nested_nodes_are_checked_under_their_path():
    node = {"_target_": VGG, "weights": {"_target_": FILTERS, "pth": None}}
    assert sentence(node, "backbone").startswith("backbone.weights.pth is not an option here")
    assert sentence({"coherence": {"gate": {"_target_": CANVAS, "exponent": ""}}}, "loss").startswith(
        "loss.coherence.gate.exponent= is not a number"
    )
    unchecked = {"_target_": "pytorch_lightning.Trainer", "strategy": {"_target_": CANVAS, "typo": 1}}
    assert sentence(unchecked, "trainer").startswith("trainer.strategy.typo is not an option here")


@pytest.mark.parametrize(
    "target", ["vst.painting.canvas.Canvass", "vst.nowhere.Canvas", "vst.painting.canvas.torch"]
)
def test_a_target_that_does_not_exist(target):
    found = sentence({"_target_": target, "exponent": 1.0})
    assert found.endswith("does not exist; correct the _target_ in the configuration")
    assert target in found or target.rpartition(".")[0] in found


def test_build_makes_plain_things_and_nested_ones():
    canvas = build({"_target_": CANVAS, "exponent": -1.0})
    assert isinstance(canvas, FourierCanvas)
    assert canvas.exponent == -1.0
    assert build({"_target_": FARNEBACK, "levels": 2}) == Farneback(levels=2)
    gate = build({"_target_": "vst.losses.functional.closing_gate", "_partial_": True, "scale": 0.5})
    assert gate.keywords == {"scale": 0.5}


def test_the_sentence_of_a_constructor_comes_through(tmp_path):
    nested = {"_target_": VGG, "weights": {"_target_": FILTERS, "path": str(tmp_path / "none.pth")}}
    with pytest.raises(VstError, match=r"^the weights file .*none\.pth does not exist"):
        build(nested)


def test_other_failures_are_not_hidden():
    with pytest.raises(Exception, match="unexpected keyword argument 'typo'"):
        build({"_target_": CANVAS, "typo": 1})


def test_checking_a_whole_configuration_loads_no_torch(tmp_path):
    code = """
import sys
import hydra
from vst.config import conf_dir, register_schema
from vst.errors import InputError
from vst.runs.run import resolve
register_schema()
with hydra.initialize_config_dir(str(conf_dir().resolve()), version_base="1.3"):
    good = hydra.compose("config", [f"paths.run={sys.argv[1]!r}", "model=enhanced", "backbone=random"])
    bad = hydra.compose("config", [f"paths.run={sys.argv[1]!r}", "+loss.coherence.typo=1"])
resolve(good)
try:
    resolve(bad)
except InputError as error:
    print(error)
print(*{"torch", "pytorch_lightning", "cv2", "av", "wandb"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "loss.coherence.typo is not an option here; loss.coherence has: anchor_weight, weight",
        "",
    ]
