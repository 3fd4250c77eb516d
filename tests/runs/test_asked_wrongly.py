"""Whatever the command line asks for is refused in one sentence before anything is written, or all parts are built."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from PIL import Image

from vst import assets
from vst.assets import file_hash
from vst.composing import composed
from vst.config import choices, conf_dir, quoted
from vst.errors import InputError
from vst.features import weights
from vst.networks.transformation import TransformationNetwork
from vst.networks.weights import Trained, save_network
from vst.runs.lanes import frames_at_once
from vst.runs.parts import build_clip, build_parts
from vst.runs.settings import resolve
from vst.runs.trainer import make_trainer
from vst.synthetic import paintings

SMALL = ("backbone=random", "video.height=16", "video.width=24", "video.frames=2", "style.size=32")
"""Options that make building fast, and which those of a test follow."""


def answer(folder: Path, *overrides: str) -> str | None:
    """The sentence with which the options are refused, None where all parts were built; nothing may be written."""
    run = folder / "run"
    try:
        options = resolve(composed([f"paths.run='{run}'", "trainer.accelerator=cpu", *overrides]))
        parts = build_parts(options, build_clip(options), {})
        callbacks = list(parts.callbacks.values())
        trainer = make_trainer(options, options["passes"], callbacks, parts.loggers)
        frames_at_once(options, parts.module, parts.clip.info, trainer.strategy.root_device)
    except InputError as error:
        sentence = str(error)
        assert sentence
        assert "\n" not in sentence
        return sentence
    finally:
        assert not run.exists()
    return None


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters, fetched files and strokes that cost nothing."""

    def fetch(name: str) -> Path:
        raise InputError(f"{name} is not fetched here")

    def paint(height: int, width: int, rng: np.random.Generator) -> Any:
        return rng.random((height, width, 3), np.float32)

    monkeypatch.setattr(assets, "fetch", fetch)
    for name in ("normalised", "torchvision"):
        real = getattr(weights, name)
        monkeypatch.setattr(weights, name, lambda path=None, real=real: real(path) if path else filters())
    monkeypatch.setattr(weights, "random", lambda seed=0, width=64: filters())
    for name in ("paint_facets", "paint_ink", "paint_swirls"):
        monkeypatch.setattr(paintings, name, paint)


def filters() -> weights.Filters:
    return weights.Filters("none", "", {})


# anystyle's network is fetched, whatever the configuration says
@pytest.mark.parametrize("model", [model for model in choices("model") if model != "anystyle"])
def test_what_is_right_is_built(tmp_path: Path, model: str, network: Path) -> None:
    assert answer(tmp_path, *SMALL, f"model={model}", f"network={quoted(network)}") is None


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """One trained for the painting swirls, as its file says."""
    trained = Trained(1, 0, "swirls", None, 24, 1, {}, "", None, {})
    save_network(tmp_path / "network.safetensors", TransformationNetwork(1, 0), trained)
    return tmp_path / "network.safetensors"


def test_a_network_of_another_painting_is_refused(tmp_path: Path, network: Path) -> None:
    given = (*SMALL, "model=network", f"network={quoted(network)}")
    assert answer(tmp_path, *given, "style=ink") == (
        f"the network {network} was trained for the painting swirls, and the style is ink; choose that style, or "
        f"another network"
    )


@pytest.mark.parametrize(("trained_on", "refused"), [("the same file", False), ("another file", True)])
def test_a_painting_in_a_file_is_known_by_its_hash(tmp_path: Path, trained_on: str, refused: bool) -> None:
    picture = tmp_path / "renamed.png"
    Image.new("RGB", (32, 32), "teal").save(picture)
    sha256 = file_hash(picture) if trained_on == "the same file" else "0" * 64
    file = tmp_path / "network.safetensors"
    save_network(file, TransformationNetwork(1, 0), Trained(1, 0, "teal", sha256, 24, 1, {}, "", None, {}))
    style = ("style=file", f"style.path={quoted(picture)}", "style.size=32")
    found = answer(tmp_path, *SMALL[:-1], *style, "model=network", f"network={quoted(file)}")
    assert (found is not None) == refused


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["evaluation_factors=[inf]"], "evaluation_factors=[inf] is not a list with a number above 0, at most 100"),
        (["evaluation_factors=[[1]]"], "evaluation_factors=[[1]] is not a list with a number"),
        (["cuts=[[1]]"], "cuts=[[1]] is not null or a list with a whole number"),
        (["video.seed=-1"], "video.seed=-1 is not a whole number from 0"),
        (["style.seed=-1"], "style.seed=-1 is not a whole number from 0"),
        (["seed=99999999999999999999"], "seed=99999999999999999999 is not a whole number from 0"),
        (["video.height=99999999"], "video.height=99999999 is not a whole number from 1 to 8192"),
        (["video.height=8192", "video.width=8192"], "ask for sides of at most 4096 pixels"),
        (["video.height=16", "video.width=1024"], "and of at most 8 times each other"),
        (["style.size=99999999"], "style.size=99999999 is not null or a whole number from 1 to 8192"),
        (["style.size=8192"], "too large to be drawn; ask for at most 4096"),
        (["style.size=null", "style.scale=1000"], "style.scale=1000 makes a painting of 24000 pixels"),
        (["+style.aspect=1e-9"], "style.aspect=1e-09 is not a number from 1 to 8"),
        (["backbone=vgg19", "backbone.weights.path=7"], "/7 does not exist"),
        (["backbone.weights=7"], "backbone.weights=7 is not Filters, which a _target_ makes"),
        (["backbone.weights._target_=vst.assets.fetch"], "is not Filters, which a _target_ makes"),
        (["optimizer.history=0"], "optimizer.history=0 is not a whole number from 1 to 1000"),
        (["optimizer._target_="], "optimizer._target_= is not known"),
        (["optimizer._target_=null"], "optimizer has no _target_; choose one of: lbfgs"),
        (["loss.style.layers=[]"], "loss.style.layers=[] is not a list of names"),
        (["loss.content.layers=[conv9_9]"], "conv9_9 is not a layer of VGG-19; choose one of: conv1_1"),
        (["loss.range=1"], "loss.range=1 has no _target_"),
        (["+loss.foo=1"], "loss.foo=1 has no _target_"),
        (["model=naive", *(f"loss.{name}=null" for name in ("content", "style", "range"))], "loss has no term; choose"),
        (["+loss.foo._target_=vst.painting.canvas.PixelCanvas"], "makes a PixelCanvas, which is no Loss"),
        (["loss.range.weight=${nope}"], "loss.range.weight refers to what cannot be found (Interpolation key"),
        (["eta=${eta}"], "eta refers to what cannot be found (Recursive interpolation detected); correct it"),
        (["loss.range.weight=-1"], "loss.range.weight=-1 is not a number from 0"),
        (["canvas.exponent=nan"], "canvas.exponent=nan is not a number from -4 to 4"),
        (["callbacks.metrics=7"], "callbacks.metrics=7 has no _target_"),
        (["callbacks.metrics.interval=0"], "callbacks.metrics.interval=0 is not a whole number from 1"),
        (["+callbacks.x._target_=collections.OrderedDict"], "makes a OrderedDict, which is no Callback"),
        (["+callbacks.x._target_=os.system"], "os.system cannot be called by a configuration"),
        (["+callbacks.x._target_=nowhere.Nothing"], "nowhere.Nothing cannot be imported (No module"),
        (["+canvas._args_=[1]"], "canvas._args_ is not an option here; give each option by its name"),
        (["+canvas._partial_=true"], "canvas makes a _DeferredTarget, which is no Canvas"),
        (["start._partial_=false"], "is not a function, which a _target_ with _partial_: true makes"),
        (["+start.target=1"], "start.target is not an option here; start has: none"),
        (["+style.draw.seed=3"], "style.draw.seed is not an option here; style.draw has: none"),
        (["model=enhanced", "loss.coherence.gate=null"], "loss.coherence.gate=None is not a function"),
        (["model=ruder", "loss.coherence.distances=[1,inf]"], "is not a list with a whole number from 1 to 1000"),
        (["tiles=1000000"], "tiles is 1000000, and must be auto or a whole number"),
        (["paths.run=null"], "paths.run=None is not a directory; name one with hydra.run.dir"),
        (["trainer.devices=2"], "a run paints on one"),
        (["trainer._target_=builtins.dict"], "trainer._target_=builtins.dict is not known"),
        (["canvas=7"], "canvas=7 is no choice of canvas; choose one of: fourier, pixels"),
        (["canvas=[pixels]"], "canvas=[pixels] is no choice of canvas"),
        (["~canvas"], "canvas has no _target_; choose one of: fourier, pixels"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_each_mistake_has_its_sentence(tmp_path: Path, overrides: list[str], sentence: str) -> None:
    assert sentence in str(answer(tmp_path, *SMALL, *overrides))


GROUPS = sorted({file.parent.name for file in conf_dir().glob("*/*.yaml")} - {"gate"})


@pytest.mark.parametrize("group", GROUPS)
def test_no_group_is_null(tmp_path: Path, group: str) -> None:
    assert f"{group}=null is no choice of {group}; choose one of: " in str(answer(tmp_path, f"{group}=null"))


ODD = (
    *("null", "", "true", "0", "-1", "1", "3", "0.5", "-0.5", "1e9", "99999999", "1" + 30 * "0", "1e-300"),
    *(
        "inf",
        "-inf",
        "nan",
        "[]",
        "[1]",
        "[[1]]",
        "[inf]",
        "[null]",
        "[a,1]",
        "{}",
        "{a: 1}",
        "{_target_: 1}",
    ),
    *("text", "'a b'", "é", "'~/x'", "conv1_1", "[conv1_1]", "auto", "${seed}", "${nope}", "${loss}", "1:2"),
    *(
        "{_target_: os.system, command: id}",
        "{_target_: vst.assets.fetch, name: x}",
        "{_target_: vst.nowhere}",
    ),
    *("vst.losses.range.RangeLoss", "{_target_: vst.losses.range.RangeLoss, weight: 1}", "nowhere.Nothing"),
    *("vst.painting.start.content_start", "'\\x00'", "%00", "/dev/null", ".", "1_000", "0x10", "007"),
)


@cache
def options_of(model: str) -> tuple[str, ...]:
    """The paths of all options of a model, and of the nodes that they are in."""
    found = OmegaConf.to_container(composed([f"model={model}"]), resolve=False)
    return tuple(_paths(found, ()))


def _paths(node: Any, path: tuple[str, ...]) -> Iterator[str]:
    if path:
        yield ".".join(path)
    if isinstance(node, dict):
        for key, item in node.items():
            yield from _paths(item, (*path, str(key)))


@st.composite
def overrides(draw: st.DrawFn) -> list[str]:
    """A model, and a few options of it, most of them wrong."""
    model = draw(st.sampled_from(choices("model")))
    given = [f"model={model}"]
    for _ in range(draw(st.integers(1, 2))):
        option = draw(st.sampled_from(options_of(model)))
        group = draw(st.sampled_from(GROUPS))
        value = draw(st.sampled_from(ODD) | st.integers().map(str) | st.floats().map(str))
        chosen = draw(st.sampled_from([*choices(group), *ODD]))
        unknown = draw(
            st.sampled_from(["foo", "_args_", "_partial_", "_recursive_", "_convert_", "0", "seed"])
        )
        forms = [
            *(f"{option}={value}", f"{option}={value}", f"++{option}={value}", f"~{option}"),
            *(f"{group}={chosen}", f"+{group}={chosen}", f"~{group}"),
            *(f"+{option}.{unknown}={value}", f"+{unknown}={value}"),
        ]
        given.append(draw(st.sampled_from(forms)))
    return given


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(overrides())
def test_any_other_is_refused_or_built(tmp_path: Path, given: list[str]) -> None:
    answer(tmp_path, *SMALL, *given)
