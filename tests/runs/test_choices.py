from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from vst.composing import composed, with_run_directory
from vst.config import literal, quoted, unescaped
from vst.errors import InputError
from vst.runs.build import build
from vst.runs.choices import may_choose, own_targets
from vst.runs.configuration import stored_overrides, stored_settings, with_stored_overrides
from vst.runs.settings import resolve


@pytest.mark.parametrize(
    "override",
    [
        *("model=robust", "video=file", "experiment=fig1", "experiment=team/first.v2", "experiment=null"),
        *("alpha=1.5", "evaluation_factors=[2,0.75]", "cuts=[]", "cuts=null", "scales=auto"),
        *("keyframes={0: '/my/a b.png', 60: c.png}", "keyframes=30", "later_factor=0"),
        *("video.path='/clips/it\\'s (1), 50%.mp4'", "style.path=/my/s.jpg", r"video.path='/a/\${b}.mp4'"),
        *("~callbacks.progress", "~loss.range", "callbacks.metrics.motion=dis", "trainer.accelerator=cpu"),
        *("gate@loss.coherence.gate=closing", "++loss.coherence.anchor_weight=0.2", "eta=${beta}"),
        *("start._target_=vst.painting.start.noise_start", "logger=wandb", "logger.wandb.project=mine"),
        *(
            "loss.range={_target_: vst.losses.range.RangeLoss, weight: 1}",
            "network='/my nets/it\\'s.safetensors'",
            "logger=[wandb,tensorboard]",
        ),
    ],
)
def test_what_runs_are_given_goes_on_without_a_word(override: str) -> None:
    assert may_choose(override)


@pytest.mark.parametrize(
    "override",
    [
        *("callbacks.x._target_=os.system", "+callbacks.x={_target_: os.system, command: id}"),
        *("video={_target_: pytorch_lightning.Trainer, default_root_dir: /elsewhere}",),
        *("start._target_=vst.assets.shutil.rmtree", "video.path._target_=vst.assets.Path.write_text"),
        *("video.path={_target_: vst.assets.fetch, name: bikes, _args_: [x]}", "video._partial_=true"),
        *("callbacks.x=[{_target_: os.system, command: id}]", "+callbacks={x._target_: os.system}"),
        *("video.path=${oc.env:HOME}", "style.path='a ${oc.env:HOME}'", "model=${oc.decode:x}"),
        *("seed=${oc.env:${model}}", r"video.path='\\${oc.env:HOME}'"),
        *("paths.run=/elsewhere", "paths={run: /elsewhere}", "callbacks.video_writer.directory=/elsewhere"),
        *("callbacks={curves: {directory: /elsewhere}}", "logger.wandb.directory=/elsewhere"),
        *("logger.tensorboard.directory=/elsewhere", "logger.mlflow.tracking_uri=http://elsewhere"),
        *("+trainer.default_root_dir=/elsewhere", "trainer={strategy: ddp}", "+trainer.plugins=[x]"),
        *("model=../../elsewhere/evil", "+model=/elsewhere/evil", "experiment=[../evil]"),
        *("hydra.launcher.n_jobs=9", "+hydra/launcher=joblib", "+video@hydra.launcher=file"),
        *("--config-dir=/elsewhere", "-m", "eta=1,2", "eta=range(1,9)", "model=glob(*)", "video.path='", ""),
    ],
)
def test_what_a_directory_may_not_choose(override: str) -> None:
    assert not may_choose(override)


def test_every_class_of_the_configuration_is_known_and_no_other() -> None:
    found = own_targets()
    assert {"vst.video.reader.VideoReader", "vst.losses.range.RangeLoss", "vst.assets.fetch"} <= found
    assert all(name.startswith("vst.") for name in found)


def stored(folder: Path, overrides: list[str], config: str = "{}") -> Path:
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "overrides.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(overrides)))
    (folder / ".hydra" / "config.yaml").write_text(config)
    return folder


def test_a_directory_that_asks_for_more_is_refused_unless_it_is_given_again(tmp_path: Path) -> None:
    evil = "+callbacks.x._target_=os.system"
    run = stored(tmp_path, ["model=naive", "hydra.run.dir=/x", "+hydra.launcher=y", evil])
    with pytest.raises(InputError, match=r"asks for \+callbacks\.x\._target_=os\.system") as caught:
        stored_overrides(run)
    assert "\n" not in str(caught.value)
    assert stored_overrides(run, [evil])[-2:] == ["model=naive", evil]


def test_what_is_given_again_beside_resume_is_asked_for_once(tmp_path: Path) -> None:
    run = stored(tmp_path, ["model=naive", "~callbacks.progress", "eta=0"])
    given = [f"resume={run}", "~callbacks.progress", "model=naive"]
    arguments = with_stored_overrides(given, stored_overrides)
    assert [argument for argument in arguments if not argument.startswith("hydra.")][-4:] == [
        "eta=0",
        f"resume={quoted(run)}",
        "~callbacks.progress",
        "model=naive",
    ]
    composed([argument for argument in arguments if not argument.startswith("hydra.run.dir")])


def test_a_run_keeps_the_weights_it_began_with(tmp_path: Path) -> None:
    run = stored(tmp_path, ["model=mse", "beta=7.0"], "{beta: 7.0, eta: '3e3'}")
    config = composed(stored_overrides(run))
    assert (config.model, config.alpha, config.beta, config.eta) == ("mse", 1.0, 7.0, 3e3)


@pytest.mark.parametrize(
    "value", ["{_target_: os.system, command: id}", "'${oc.env:HOME}'", "'1,2'", "[1, {_target_: os.system}]"]
)
def test_a_stored_default_is_no_way_around(tmp_path: Path, value: str) -> None:
    run = stored(tmp_path, ["model=naive"], f"style: {{size: {value}}}")
    with pytest.raises(InputError, match=r"asks for style\.size="):
        stored_overrides(run)


@pytest.mark.parametrize("damage", ["model: naive", "[", "*", "\xff", "[" * 5000, "&a [*a, *a]"])
def test_damaged_options_are_one_sentence(tmp_path: Path, damage: str) -> None:
    run = stored(tmp_path, [])
    (run / ".hydra" / "overrides.yaml").write_bytes(damage.encode("latin-1"))
    with pytest.raises(InputError, match=r"overrides\.yaml is damaged|asks for") as caught:
        stored_overrides(run)
    assert "\n" not in str(caught.value)


def test_a_stored_configuration_asks_nothing_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "told")
    config = (
        "{beta: 7.0, first: '${beta}', second: '${first}', secret: '${oc.env:SECRET}', other: '${secret}', "
        "name: 'oc.env', indirect: '${${name}:SECRET}', round: '${round}', node: '${loss}', "
        "loss: {style: {weight: '${second}', layers: '${layers}'}}, layers: [conv1_1]}"
    )
    found = stored_settings(stored(tmp_path, [], config))
    assert found is not None
    assert (found["first"], found["second"]) == (7.0, 7.0)
    assert found["loss"]["style"] == {"weight": 7.0, "layers": ["conv1_1"]}
    assert "told" not in str(found)


def test_a_stored_configuration_cannot_grow_without_end(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1, 1]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 19))]
    assert stored_settings(stored(tmp_path, [], "\n".join(lines))) is None


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab'\"\\ ${}=,:[]()%~é\t") | st.characters(codec="utf-8"), max_size=12))
def test_a_quoted_name_is_read_as_it_is(name: str) -> None:
    value = OverridesParser.create().parse_override(f"video.path={quoted(name)}").value()
    assert OmegaConf.create({"path": value}).path == name
    assert unescaped(literal(name)) == name


@pytest.mark.parametrize("name", ["a\\", "it\\'s", "${oc.env:HOME}", "\\${x}", "a\\\\${x}'\\"])
def test_a_quoted_name_reaches_what_is_built(tmp_path: Path, name: str) -> None:
    settings = resolve(
        with_run_directory(composed(["style=file", f"style.path={quoted(tmp_path / name)}", "style.size=48"]))
    )
    assert settings["style"]["path"] == str(tmp_path / name)
    assert build(settings["style"]).path == str(tmp_path / name)
