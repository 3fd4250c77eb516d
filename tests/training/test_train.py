from __future__ import annotations

import csv
import json
import re
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from vst.assets import file_hash
from vst.compare.find import find_runs
from vst.errors import InputError
from vst.networks.weights import open_network, trained_network
from vst.runs.signals import Interrupted
from vst.training.callbacks.curves import TrainingCurves
from vst.training.command import USAGE, _train, configuration
from vst.training.settings import TrainingConfig, resolve_training


def rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "curves.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_training_leaves_a_network_and_what_it_takes_to_repeat_it(run_training, tmp_path, clip):
    painting = tmp_path / "teal.png"
    Image.effect_noise((40, 32), 80).convert("RGB").save(painting)
    directory = run_training(
        "t", "style=file", f"style.path={painting}", "callbacks.previews.interval=4", "eta=10"
    )
    assert sorted(path.name for path in directory.iterdir()) == [
        *(".training", "curves.csv", "network.safetensors", "previews", "training.json"),
    ]
    assert sorted(path.name for path in (directory / "previews").iterdir()) == [
        "step_000004.png",
        "step_000006.png",
    ]
    found = rows(directory)
    assert [row["step"] for row in found] == ["1", "2", "3", "4", "5", "6"]
    assert {"content", "style", "coherence", "total", "seconds"} < set(found[0])
    trained = trained_network(directory / "network.safetensors")
    assert (trained.style, trained.style_sha256) == ("teal", file_hash(painting))
    assert (trained.width, trained.blocks, trained.size, trained.steps) == (2, 1, 48, 6)
    mean = sum(float(row["total"]) for row in found) / 6
    assert trained.losses["total"] == pytest.approx(mean)
    assert trained.options["data"] == [str(clip)]
    record = json.loads((directory / "training.json").read_text())
    assert record["status"] == "finished"
    assert record["provenance"]["inputs"] == {
        "style.path": file_hash(painting),
        f"data {clip}": file_hash(clip),
    }
    image = torch.rand(1, 3, 20, 24)
    assert open_network(directory / "network.safetensors")(image).shape == image.shape


def test_without_coherence_no_motion_is_estimated(run_training, monkeypatch):
    from vst.flow.estimators import DIS

    def never(*_: Any) -> None:
        raise AssertionError("it was asked for")

    monkeypatch.setattr(DIS, "__call__", never)
    assert "coherence" not in rows(run_training("t"))[0]


def interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    written = TrainingCurves.on_train_batch_end

    def write(self: TrainingCurves, trainer: Any, module: Any, *args: Any) -> None:
        written(self, trainer, module, *args)
        if module.step == step:
            raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(TrainingCurves, "on_train_batch_end", write)


def test_a_training_that_is_interrupted_and_resumed_is_the_one_that_was_not(run_training, monkeypatch):
    options = ("eta=10", "callbacks.resume.interval=2")
    whole = run_training("whole", *options)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        with pytest.raises(Interrupted) as caught:
            run_training("cut", *options)
    directory = whole.parent / "cut"
    assert caught.value.resume_with == f"resume={directory}"
    assert json.loads((directory / "training.json").read_text())["status"] == "interrupted"
    assert len(rows(directory)) == 5
    run_training("cut", *options, f"resume='{directory}'")
    without_seconds = [
        [{name: value for name, value in row.items() if name != "seconds"} for row in rows(each)]
        for each in (whole, directory)
    ]
    assert without_seconds[0] == without_seconds[1]
    image = torch.rand(1, 3, 20, 24)
    one, other = (open_network(each / "network.safetensors")(image) for each in (whole, directory))
    assert torch.equal(one, other)


def test_it_is_resumed_by_the_directory_alone(run_training, small, monkeypatch, capsys, tmp_path):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        with pytest.raises(Interrupted):
            run_training("cut", "callbacks.resume.interval=1")
    monkeypatch.chdir(tmp_path)
    _train(["resume=cut"])
    assert "network.safetensors" in capsys.readouterr().out
    assert len(rows(tmp_path / "cut")) == 6


def test_what_has_changed_since_is_refused(run_training, monkeypatch, clip, tmp_path):
    own = tmp_path / "own.png"
    Image.new("RGB", (48, 32), "teal").save(own)
    with monkeypatch.context() as patch:
        interrupt_at(patch, 3)
        with pytest.raises(Interrupted):
            run_training("cut", f"data={own}", "callbacks.resume.interval=1")
    where = f"resume='{tmp_path / 'cut'}'"
    with pytest.raises(InputError, match="was configured with another beta"):
        run_training("cut", f"data={own}", where, "beta=7")
    with pytest.raises(InputError, match="holds a training or a run already"):
        run_training("cut", f"data={own}")
    Image.new("RGB", (48, 32), "navy").save(own)
    with pytest.raises(InputError, match=r"the file of data .*own\.png has changed"):
        run_training("cut", f"data={own}", where)


def test_a_training_is_not_taken_for_a_run(run_training):
    directory = run_training("t")
    with pytest.raises(InputError, match="there are no runs"):
        find_runs([directory])


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["data=[]"], "names nothing to train on"),
        (["data=tlak"], "tlak is neither a file nor a video"),
        (["steps=0"], "steps=0 is not a whole number from 1"),
        (["learning_rate=0"], "learning_rate=0.0 is not a number above 0"),
        (["style.mask=sky.png"], "style.mask is for a run, and a network paints all of a frame alike"),
        (["style.weight=2"], "style.weight is for a run"),
        (["callbacks.curves=null"], "callbacks.curves cannot be left out of a training"),
        (["data=pictures"], "pictures is neither a file nor a video"),
        (["network.width=0"], "network.width=0 is not a whole number from 1 to 256"),
        (["network.depth=3"], "network.depth"),
        (["size=15"], "VGG-19 needs at least 16 on each side"),
        (["loss.coherence=null", "eta=1"], "eta is 1, but there is no coherence term"),
        (["trainer.devices=2", "trainer.accelerator=cpu"], "trainer.devices=2 are 2 devices"),
        (["resume=nowhere"], "holds no training to resume"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence_and_nothing_is_written(
    run_training, tmp_path, overrides, sentence
):
    with pytest.raises(InputError, match=sentence) as caught:
        run_training("t", *overrides)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "t").exists()


def test_coherence_needs_consecutive_frames(run_training, tmp_path):
    Image.new("RGB", (48, 32), "teal").save(tmp_path / "one.png")
    with pytest.raises(
        InputError, match="eta is 3, but the data has no consecutive frames; drop eta, or give a clip"
    ):
        run_training("t", f"data={tmp_path / 'one.png'}", "eta=3")


def test_several_values_are_refused_with_how_a_list_is_written():
    with pytest.raises(InputError, match=r"data=a,b has several values, .* such as data=\[a\.mp4,b\.mp4\]"):
        configuration(["data=a,b"])


def test_the_defaults_are_complete():
    settings = resolve_training(configuration([]))
    assert settings["loss"].keys() == {"content", "style", "range", "coherence"}
    assert settings["loss"]["coherence"] is None
    with_motion = resolve_training(configuration(["eta=3e4"]))
    assert with_motion["loss"]["coherence"]["weight"] == 3e4
    assert settings["paths"]["run"].endswith("-train")


def test_the_help_names_every_option_of_the_top_level():
    groups = {"tiles", "backbone", "loss", "flow", "trainer", "callbacks", "paths"}
    for name in {field.name for field in fields(TrainingConfig)} - groups:
        assert re.search(rf"\b{name}\b", USAGE), name


def test_a_grid_is_refused():
    with pytest.raises(InputError, match=r"-m is not understood; see python -m vst\.train --help"):
        _train(["-m"])


def test_the_command_trains_as_the_function_does(small, tmp_path, capsys):
    _train([*small, f"hydra.run.dir={tmp_path / 'by command'}", "steps=1"])
    assert (tmp_path / "by command" / "network.safetensors").is_file()
    said = capsys.readouterr()
    assert "network.safetensors" in said.out
    assert "1/1" in said.err


def test_weights_and_biases_get_the_curves_and_previews(run_training, monkeypatch, tmp_path):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    directory = run_training("t", "logger=wandb", "logger.wandb.mode=offline", "steps=2")
    assert (directory / "network.safetensors").is_file()
    assert list((directory / "wandb").glob("offline-run-*/run-*.wandb"))
