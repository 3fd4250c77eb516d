"""The sweep files for Weights & Biases: what an agent would call composes, whatever it chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from vst.runs.settings import resolve

FILES = sorted((Path(__file__).parents[2] / "experiments" / "sweeps").glob("*.yaml"))


def command(sweep: dict[str, Any], chosen: dict[str, Any]) -> list[str]:
    """What an agent calls, put together by wandb's own functions, as `wandb.wandb_agent` puts it together."""
    given = create_sweep_command_args({"args": {name: {"value": value} for name, value in chosen.items()}})
    parts = {**given, "interpreter": ["python"], "env": ["/usr/bin/env"]}
    call: list[str] = []
    for part in create_sweep_command(list(sweep["command"])):
        call += parts[part[2:-1]] if part.startswith("${") and part.endswith("}") else [part]
    return call


def choices(sweep: dict[str, Any]) -> list[dict[str, Any]]:
    """Settings that an agent may choose: every value of a list, and both ends of a range."""
    ends = {
        name: options.get("values") or [options["min"], options["max"]]
        for name, options in sweep["parameters"].items()
    }
    first = {name: values[0] for name, values in ends.items()}
    return [{**first, name: value} for name, values in ends.items() for value in values]


def test_there_are_some():
    assert len(FILES) >= 2


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_an_agent_calls_composes(file, compose, monkeypatch):
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep1")
    monkeypatch.setenv("WANDB_RUN_ID", "run1")
    sweep = yaml.safe_load(file.read_text(encoding="utf-8"))
    for chosen in choices(sweep):
        call = command(sweep, chosen)
        assert call[:4] == ["/usr/bin/env", "python", "-m", "vst"]
        (place,) = [part for part in call if part.startswith("hydra.run.dir=")]
        settings = resolve(compose(*(part for part in call[4:] if part != place)))
        assert "wandb" in settings["logger"], "or the sweep never hears of the run"
        assert {name: settings[name] for name in chosen} == chosen
        directory = OmegaConf.create({"directory": place.partition("=")[2]}).directory
        assert directory == "outputs/sweep1/run1"
