"""What all loggers have in common, without any of their packages."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

from vst.errors import InputError
from vst.runs.build import build
from vst.runs.loggers.offline import how_to_send
from vst.runs.parts import build_parts
from vst.runs.run import run
from vst.runs.settings import resolve


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_package_that_is_not_installed_is_named(
    name: str, compose: Callable[..., DictConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    missing = {"tensorboard", "mlflow"}
    monkeypatch.setattr(
        "vst.runs.loggers.media.find_spec", lambda module: None if module in missing else found(module)
    )
    with pytest.raises(
        InputError, match=rf"^logger={name} needs the package {name}, .* `pip install {name}`"
    ):
        build(resolve(compose(f"logger={name}"))["logger"][name])


def test_offline_runs_are_found_where_they_are(tmp_path: Path) -> None:
    grid = tmp_path / "my grid"
    assert how_to_send(grid) == []
    (grid / "naive" / "wandb" / "run-1").mkdir(parents=True)  # which was online
    assert how_to_send(grid) == []
    (grid / "naive" / "wandb" / "offline-run-1").mkdir()
    assert how_to_send(grid) == [f"offline W&B   wandb sync '{grid}'/*/wandb"]
    assert how_to_send(grid / "naive") == [f"offline W&B   wandb sync '{grid / 'naive'}'/wandb"]
    (grid / "robust" / "shots" / "0000" / "wandb" / "offline-run-1").mkdir(parents=True)
    assert how_to_send(grid) == [f"offline W&B   wandb sync '{grid}'/*/wandb '{grid}'/*/shots/*/wandb"]


class Recorded:
    """Stands for a logger, and records what it is asked."""

    def __init__(self, fails: str = "") -> None:
        self.asked: list[str] = []
        self.fails = fails

    def __getattr__(self, name: str) -> Callable[..., None]:
        def ask(*arguments: Any, **options: Any) -> None:
            self.asked.append(name)
            if name == self.fails:
                raise InputError("made to fail")

        return ask


def test_where_one_logger_cannot_begin_those_before_it_end(
    tmp_path: Path,
    compose: Callable[..., DictConfig],
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = Recorded(), Recorded(fails="begin")

    def with_loggers(*arguments: Any) -> Any:
        parts = build_parts(*arguments)
        parts.loggers[:] = [first, second]
        return parts

    monkeypatch.setattr("vst.runs.run.build_parts", with_loggers)
    monkeypatch.setattr("vst.runs.run._begin", lambda *arguments, **options: None)
    with pytest.raises(InputError, match="made to fail"):
        run(compose(*options, "model=naive", "logger=csv"))
    assert first.asked == ["describe", "begin", "finish"]
    assert second.asked == ["describe", "begin"]
    assert not (tmp_path / "run").exists()
