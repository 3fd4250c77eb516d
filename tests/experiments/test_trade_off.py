from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.run_directories import write_run

FLOOR, NAIVE = 5e-4, 3e-4


@pytest.fixture
def script_of(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("trade_off")


def a_run(folder: Path, name: str, error: float, style: float) -> None:
    summary = {"warping_error": error, "warping_floor": FLOOR, "style": style}
    write_run(folder / name, name.split("-")[0], frames=2, video=False, summary=summary)


@pytest.fixture
def searched(tmp_path: Path) -> Path:
    """What a search leaves on a clip: naive's runs, robust's, and flow's, the steadier the more firmly it is held."""
    clip = tmp_path / "64" / "talk"
    a_run(clip, "naive", 7e-3, NAIVE)
    a_run(clip, "naive-beta=3e4", 6e-3, 9e-4)
    for eta, style in (("1e5", 4.5e-4), ("1e4", 3e-4), ("3e4", 3e-4)):
        a_run(clip, f"flow-eta={eta}", 50 / float(eta), style)
    a_run(clip, "robust-eta=2e5", 4e-4, 3e-4)
    return tmp_path


def test_the_trade_off_goes_through_every_run_of_the_search(script_of, searched):
    found = script_of.curves(
        script_of.read(searched / "64" / "talk"), {"naive": 0.0, "flow": 3e4, "robust": 2e5}
    )
    assert list(found) == ["naive", "flow", "robust"]
    # in order of rising η, in units of the content's own error and of naive's style loss
    written = [(point.eta, point.error, point.style, point.default) for point in found["flow"]]
    assert written == [
        (1e4, pytest.approx(10), pytest.approx(1), False),
        (3e4, pytest.approx(10 / 3), pytest.approx(1), True),
        (1e5, pytest.approx(1), pytest.approx(1.5), False),
    ]
    assert [point.error for point in found["naive"]] == [pytest.approx(14)]
    (axes,) = script_of.trade_off({"talk": found}).axes
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    assert (pytest.approx([10, 10 / 3, 1]), pytest.approx([1, 1, 1.5])) in lines
    rings = [line for line in axes.lines if line.get_markersize() == 9]
    assert [list(ring.get_xdata()) for ring in rings] == [[pytest.approx(10 / 3)], [pytest.approx(0.8)]]
    assert [1.05, 1.05] in [list(line.get_ydata()) for line in axes.lines]


def test_a_picture_is_made_of_the_clips_that_were_painted(script_of, searched, monkeypatch, tmp_path):
    picture = tmp_path / "trade_off.png"
    monkeypatch.setattr(
        sys, "argv", ["trade_off.py", "--runs", str(searched), "--size", "64", "-o", str(picture)]
    )
    script_of.main()
    assert picture.stat().st_size > 10_000


def test_without_runs_there_is_one_sentence(script_of, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["trade_off.py", "--runs", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        script_of.main()
    assert left.value.code == 2
    assert "paint some with experiments/defaults.py" in capsys.readouterr().err
