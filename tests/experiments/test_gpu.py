from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

Script = Callable[[str], ModuleType]
ROOT = Path(__file__).resolve().parents[2]


def test_everything_found_is_written_after_every_step(tmp_path: Path, script: Script) -> None:
    gpu = script("gpu")
    findings = gpu.Findings(tmp_path / "gpu.json", time.monotonic() + 60, "cpu")
    findings.put("speed", {"model": "naive", "frames a second": 12.3456})
    assert json.loads((tmp_path / "gpu.json").read_text()) == {
        "speed": [{"model": "naive", "frames a second": 12.3456}]
    }
    findings.put("speed", {"model": "flow", "frames a second": 1.0})
    assert (tmp_path / "gpu.md").read_text() == (
        "speed:\n\n| model | frames a second |\n| --- | --- |\n| naive | 12.3 |\n| flow | 1 |\n"
    )


def test_what_there_is_no_time_for_is_noted(tmp_path: Path, script: Script) -> None:
    gpu = script("gpu")
    findings = gpu.Findings(tmp_path / "gpu.json", time.monotonic() - 1, "cpu")
    gpu.speed(findings, 32)
    assert list(findings.found) == ["left out for want of time"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit) as left:
        script("gpu").main()
    # a sentence as the status: Python says it on standard error, and exits with 1
    assert left.value.code == "there is no GPU that torch can use; run this where torch.cuda.is_available()"


def test_wheels_are_those_of_the_lock_for_the_other_python(script: Script) -> None:
    wheels = script("wheels")
    pins = wheels.pinned(ROOT / "requirements.lock", "3.12")
    assert set(wheels.NEEDED) <= pins.keys()
    assert all(pin.startswith(f"{name}==") for name, pin in pins.items())
