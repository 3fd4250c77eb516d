from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.run_directories import write_run


@pytest.fixture
def script_of(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("coherence_by_loss")


def a_run(directory: Path, error: float, style: float, content: float) -> None:
    summary = {
        "warping_error": error,
        "warping_floor": 1e-4,
        "style": style,
        "content": content,
        "strokes_kept": 0.9,
    }
    write_run(directory, directory.name, frames=2, video=False, summary=summary)


def call(monkeypatch: pytest.MonkeyPatch, script_of: ModuleType, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["coherence_by_loss.py", *map(str, arguments)])
    script_of.main()


def test_every_loss_is_compared_with_naive_under_the_same_loss(script_of, monkeypatch, tmp_path):
    runs, written = tmp_path / "64" / "bikes", tmp_path / "out.md"
    a_run(runs / "gatys" / "naive", 1e-2, 4e-4, 20.0)
    a_run(runs / "gatys" / "robust", 1e-3, 3e-4, 18.0)
    a_run(runs / "moments" / "naive", 2e-2, 8e-4, 25.0)
    a_run(runs / "moments" / "robust", 1e-2, 4e-4, 20.0)
    a_run(runs / "histogram" / "robust", 1e-2, 4e-4, 20.0)
    call(monkeypatch, script_of, "--runs", tmp_path, "--size", 64, "--no-paint", "-o", written)
    lines = written.read_text().splitlines()
    assert "## bikes" in lines
    assert "## pan" not in lines, "nothing of it is painted"
    assert "| style loss | naive | robust |" in lines
    assert "| `gatys` | 100 floors / 1 / 1.00 of gatys; 0.90 | 0.10 / 0.75 / 0.90; 0.90 |" in lines
    assert "| `moments` | 200 floors / 1 / 1.25 of gatys; 0.90 | 0.50 / 0.50 / 0.80; 0.90 |" in lines
    assert not any("histogram" in line for line in lines), "without naive there is nothing to compare with"


def test_what_is_missing_is_painted_with_the_loss(script_of, monkeypatch, tmp_path):
    asked: list[tuple[Path, str, list[str]]] = []
    monkeypatch.setattr(
        script_of, "painted", lambda folder, model, tried, options: asked.append((folder, model, options))
    )
    with pytest.raises(SystemExit) as left:
        call(monkeypatch, script_of, "--runs", tmp_path, "--clips", "anime", "--losses", "moments,gatys")
    assert left.value.code == 2
    assert [(folder.name, model) for folder, model, _ in asked] == [
        (loss, model) for loss in ("moments", "gatys") for model in script_of.MODELS
    ]
    assert all(f"loss={folder.name}" in options for folder, _, options in asked)


def test_an_unknown_loss_gets_one_sentence(script_of, monkeypatch, capsys):
    with pytest.raises(SystemExit) as left:
        call(monkeypatch, script_of, "--losses", "sand")
    assert left.value.code == 2
    assert "--losses sand is not known" in capsys.readouterr().err
