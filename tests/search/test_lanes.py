from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from vst.errors import InputError
from vst.search import lanes


def jobs(*clips: str, precisions: tuple[str, ...] = ("auto",)) -> list[Any]:
    trainer = {"accelerator": "auto"}
    return [
        SimpleNamespace(settings={"trainer": trainer, "backbone": {"precision": precision}, "clip": clip})
        for clip in clips
        for precision in precisions
    ]


@pytest.fixture(autouse=True)
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU with room for as many lanes as the clip is called."""

    def build_clip(settings: dict[str, Any]) -> Any:
        if settings["clip"] == "missing":
            raise InputError("the clip is missing")
        return SimpleNamespace(info=settings["clip"])

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(lanes, "build_clip", build_clip)
    monkeypatch.setattr(lanes, "fitting_lanes", lambda info, device: int(info))


def test_the_lanes_of_a_grid_fit_its_largest_clip() -> None:
    assert lanes.fitting(jobs("8", "2", "4")) == 2
    assert lanes.fitting(jobs("8", "8")) == 2


def test_a_clip_that_cannot_be_read_is_left_to_its_own_run() -> None:
    assert lanes.fitting(jobs("8", "missing", "4")) == 2
    assert lanes.fitting(jobs("missing")) == 1


def test_runs_in_tf32_and_others_are_not_painted_at_once() -> None:
    assert lanes.fitting(jobs("8", precisions=("float32", "tf32"))) == 1
    assert lanes.fitting(jobs("8", precisions=("float32", "bf16"))) == 2
