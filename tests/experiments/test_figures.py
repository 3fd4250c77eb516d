from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests import run_directories
from tests.run_directories import settings
from vst.config import conf_dir
from vst.errors import InputError
from vst.runs.directory import checkpoint_path
from vst.runs.record import Record, read_record

HEIGHT, WIDTH, FRAMES = 32, 48, 8
MODELS = ("naive", "mse", "enhanced", "flow", "ruder", "robust")
WARPING = {"naive": 7e-3, "mse": 2e-3, "enhanced": 1e-3, "flow": 8e-4, "ruder": 9e-4, "robust": 4e-4}
ETAS = {"naive": 0.0, "mse": 3e5, "enhanced": 1e5, "flow": 1e5, "ruder": 2e5, "robust": 5e5}

RED, GREEN, BLUE = (200, 30, 20), (20, 180, 60), (10, 60, 220)


@pytest.fixture
def scripts(script: Callable[[str], ModuleType]) -> SimpleNamespace:
    """The script and its parts."""
    names = {"main": "figures", "table": "figure_table", "layout": "figure_layout"}
    return SimpleNamespace(**{short: script(name) for short, name in names.items()})


def write_run(
    directory: Path, model: str, *, cut: int | None = None, status: str = "finished", **changes: Any
) -> Path:
    """A run as a figure needs it, with known figures; `changes` are of its configuration, provenance or summary."""
    video = {"_target_": "vst.synthetic.scenes.Talk", "height": HEIGHT, "width": WIDTH, "frames": FRAMES}
    draw = {"_target_": "vst.synthetic.paintings.swirls", "_partial_": True}
    painting = {"_target_": "vst.styles.DrawnPainting", "name": "swirls", "draw": draw, "size": 40}
    own = {"eta": ETAS[model], "video": video, "style": painting, "callbacks": {"metrics": {"interval": 10}}}
    config = settings(model, **own)
    summary = {
        "warping_error": WARPING[model],
        "warping_error_long": 5 * WARPING[model],
        "residual_correlation": 0.5,
        "flicker": 0.01,
        "ghosting": None,
        "ghosting_at_cut": None,
        "newly_painted": None,
        "newly_legible": 0.9,
        "content": 30.0,
        "style": 3e-4,
    }
    return run_directories.write_run(
        directory,
        model,
        frames=FRAMES,
        cut=cut,
        status=status,
        video=False,
        config=config | {key: value for key, value in changes.items() if key in config and key != "style"},
        summary=summary | changes.get("summary", {}),
        provenance={"clip": {"name": "talk", "frames": FRAMES, "size": [WIDTH, HEIGHT]}}
        | {key: value for key, value in changes.items() if key in ("clip", "style", "motion")},
    )


def write_scenario(runs: Path, name: str, models: tuple[str, ...] = MODELS, **changes: Any) -> Path:
    for model in models:
        write_run(runs / name / model, model, **changes)
    return runs


def call(monkeypatch: pytest.MonkeyPatch, main: ModuleType, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["figures.py", *map(str, arguments)])
    main.main()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, scripts: SimpleNamespace) -> list[list[str]]:
    """The commands that would have been run, each of which succeeds at once."""
    made: list[list[str]] = []

    def run(command: list[str], check: bool) -> subprocess.CompletedProcess[bytes]:
        made.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(scripts.main.subprocess, "run", run)
    return made


def scenario(scripts: SimpleNamespace, name: str) -> Any:
    return scripts.main.choose(name)[0]


def test_every_scenario_has_a_preset(scripts):
    presets = conf_dir() / "experiment"
    named = {scenario.name for scenario in scripts.main.choose(None)}
    assert named == {file.stem for file in presets.glob("fig*.yaml")}


def test_what_is_missing_is_painted(scripts, calls, tmp_path):
    write_run(tmp_path / "fig1" / "mse", "mse")
    write_run(tmp_path / "fig1" / "flow", "flow", status="interrupted")
    checkpoint_path(tmp_path / "fig1" / "flow").parent.mkdir()
    checkpoint_path(tmp_path / "fig1" / "flow").touch()
    scripts.main.paint(scenario(scripts, "fig1"), tmp_path, None)
    start = [sys.executable, "-m", "vst"]
    assert all(command[:3] == start for command in calls)
    options = [set(command[3:]) for command in calls]
    directories = {model: f"hydra.run.dir='{tmp_path}/fig1/{model}'" for model in MODELS}
    assert options == [
        {"experiment=fig1", "model=naive", directories["naive"]},
        {"experiment=fig1", "model=enhanced", directories["enhanced"]},
        {f"resume={tmp_path}/fig1/flow"},
        {"experiment=fig1", "model=ruder", directories["ruder"]},
        {"experiment=fig1", "model=robust", directories["robust"]},
    ]


def test_a_run_that_broke_off_before_a_checkpoint_is_begun_anew(scripts, calls, tmp_path):
    write_run(tmp_path / "fig1" / "naive", "naive", status="interrupted")
    scripts.main.paint(scenario(scripts, "fig1"), tmp_path, None)
    assert "experiment=fig1" in calls[0]
    assert "model=naive" in calls[0]


def test_commands_are_understood(scripts, compose, tmp_path):
    # by Hydra, which has a grammar for values
    clip = tmp_path / "it's, a [clip].mp4"
    for model in MODELS:
        command = scripts.main.command(scenario(scripts, "fig2_real"), model, tmp_path / "a b", clip)
        config = compose(*(option for option in command[3:] if not option.startswith("hydra.")))
        assert config.model == model
        assert config.video.path == str(clip)


def test_the_drawn_clip_is_left_out_unless_it_is_given(scripts, calls, tmp_path, capsys):
    scripts.main.paint(scenario(scripts, "fig2_real"), tmp_path, None)
    assert calls == []
    assert "--dwanko" in capsys.readouterr().out
    scripts.main.paint(scenario(scripts, "fig2_real"), tmp_path, tmp_path / "clip.mp4")
    assert len(calls) == len(MODELS)
    assert all(f"video.path='{tmp_path / 'clip.mp4'}'" in command for command in calls)


def test_a_run_that_fails_ends_all(scripts, monkeypatch, tmp_path, capsys):
    made = []

    def fail(command: list[str], check: bool) -> subprocess.CompletedProcess[bytes]:
        made.append(command)
        return subprocess.CompletedProcess(command, 130)

    monkeypatch.setattr(scripts.main.subprocess, "run", fail)
    with pytest.raises(SystemExit) as left:
        call(monkeypatch, scripts.main, "--only", "fig1", "--runs", tmp_path, "-o", tmp_path / "out")
    assert left.value.code == 130
    assert len(made) == 1
    assert not (tmp_path / "out").exists()
    assert "not finished" in capsys.readouterr().err


def test_figures_and_tables_are_written(scripts, monkeypatch, tmp_path, capsys):
    write_scenario(tmp_path / "runs", "fig1")
    document, short = tmp_path / "results.md", tmp_path / "README.md"
    document.write_text("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n")
    short.write_text("before\n<!-- summary --><!-- /summary -->\nafter\n")
    call(
        monkeypatch, scripts.main, "--no-paint", "--runs", tmp_path / "runs", "-o", tmp_path / "docs",
        "--into", document, "--into", short,
    )  # fmt: skip
    picture = np.array(Image.open(tmp_path / "docs" / "fig1.jpg"))
    assert picture.shape[1] >= 1000
    results = (tmp_path / "runs" / "results.md").read_text()
    summary = results[results.index("| scenario | warping error, robust / naive") :]
    assert short.read_text() == f"before\n<!-- summary -->\n\n{summary}\n<!-- /summary -->\nafter\n"
    assert document.read_text() == f"before\n<!-- results -->\n\n{results}\n<!-- /results -->\nafter\n"
    out = capsys.readouterr().out
    assert "fig3 is skipped" in out
    assert sorted(path.name for path in (tmp_path / "docs").iterdir()) == ["fig1.jpg"]


def test_the_tables_are_of_all_scenarios_whatever_is_drawn(scripts, monkeypatch, tmp_path):
    for name in ("fig1", "fig1_real"):
        write_scenario(tmp_path / "runs", name)
    arguments = ("--no-paint", "--runs", tmp_path / "runs", "-o", tmp_path / "docs", "--only", "fig1_real")
    call(monkeypatch, scripts.main, *arguments)
    assert sorted(path.name for path in (tmp_path / "docs").iterdir()) == ["fig1_real.jpg"]
    scenarios = [cells(line)[0] for line in (tmp_path / "runs" / "results.md").read_text().splitlines()[2:14]]
    assert scenarios == ["fig1"] * len(MODELS) + ["fig1_real"] * len(MODELS)


def test_nothing_painted_is_refused(scripts, monkeypatch, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        call(monkeypatch, scripts.main, "--no-paint", "--runs", tmp_path, "-o", tmp_path / "docs")
    assert left.value.code == 2
    assert "no finished run" in capsys.readouterr().err
    assert not (tmp_path / "docs").exists()


def test_a_document_without_markers_is_refused_before_anything_is_painted(
    scripts, monkeypatch, calls, tmp_path, capsys
):
    for text in ("nothing", "<!-- /results --> <!-- results -->"):
        document = tmp_path / "README.md"
        document.write_text(text)
        with pytest.raises(SystemExit) as left:
            call(monkeypatch, scripts.main, "--runs", tmp_path, "-o", tmp_path, "--into", document)
        assert left.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert document.read_text() == text
    assert calls == []


def test_an_unknown_scenario_is_refused(scripts):
    with pytest.raises(InputError, match=r"fig4 is not known.*fig1_real"):
        scripts.main.choose("fig1,fig4")


def test_runs_that_differ_in_more_than_the_model_are_refused(scripts, tmp_path):
    other_clip = {"name": "talk", "frames": FRAMES, "size": [64, 48]}
    for name, value in [("clip", other_clip), ("motion", "dis"), ("evaluations", 40), ("beta", 1e4)]:
        runs = write_scenario(tmp_path / name, "fig1", ("naive",))
        write_run(runs / "fig1" / "flow", "flow", **{name: value})
        with pytest.raises(InputError, match=f"differ in {name}"):
            scripts.main.finished(runs / "fig1")


def test_unfinished_runs_are_named(scripts, tmp_path, capsys):
    write_scenario(tmp_path, "fig1", ("naive", "mse", "flow"))
    write_run(tmp_path / "fig1" / "robust", "robust", status="interrupted")
    assert list(scripts.main.finished(tmp_path / "fig1")) == ["naive", "mse", "flow"]
    (said,) = capsys.readouterr().out.splitlines()
    assert "enhanced, ruder, robust" in said


def test_frames_are_counted_from_the_cut(scripts, tmp_path):
    def table(frames: int, cut: int | None) -> list[dict[str, str]]:
        return [{"frame": str(index), "cut": str(int(index == cut))} for index in range(frames)]

    shown = scripts.main.frames_shown
    assert shown(scenario(scripts, "fig3"), table(24, 12), tmp_path) == [11, 12, 16]
    assert shown(scenario(scripts, "fig1"), table(14, None), tmp_path) == [6, 7]
    with pytest.raises(InputError, match="no cut"):
        shown(scenario(scripts, "fig3"), table(24, None), tmp_path)
    with pytest.raises(InputError, match="end before frame 16"):
        shown(scenario(scripts, "fig3"), table(16, 12), tmp_path)


def rows_of(scripts: SimpleNamespace, changes: dict[str, float], width: int = WIDTH) -> list[Any]:
    frames = [np.full((HEIGHT, width, 3), colour, np.uint8) for colour in (RED, GREEN)]
    summary = {column.key: 0.5 for column in scripts.table.COLUMNS}
    return [
        scripts.layout.Row(name, frames, torch.full((HEIGHT, width), change), {} if number == 0 else summary)
        for number, (name, change) in enumerate(changes.items())
    ]


@pytest.mark.parametrize("width", [48, 128, 192, 1280])
def test_a_figure_is_readable_and_its_frames_whole(scripts, width):
    heads = ["frame 1", "frame 2", "change"]
    rows = rows_of(scripts, {"content": 0.0, "naive": 0.4, "flow": 0.2}, width)
    style = np.full((40, 50, 3), BLUE, np.uint8)
    picture = scripts.layout.lay_out(rows, heads, style, ["A note."])
    factor = -(-884 // (3 * width))
    assert picture.shape[1] >= 1000
    # a frame is one colour, which covers all of its pixels, enlarged, in each of three rows
    for colour in (RED, GREEN):
        assert (picture == colour).all(2).sum() == 3 * HEIGHT * width * factor**2
    assert (picture == BLUE).all(2).sum() >= 40 * 40
    # and the residuals have one scale
    magma = {0.0: (0, 0, 4), 0.2: (183, 55, 121), 0.4: (252, 253, 191)}
    for colour in magma.values():
        close = (np.abs(picture.astype(int) - colour).max(2) <= 3).sum()
        assert close >= HEIGHT * width * factor**2


def test_the_scale_ends_at_a_round_number(scripts):
    def scale(*levels: float) -> float:
        return scripts.layout.common_scale([torch.full((10, 10), level) for level in levels])

    assert scale(0.01, 0.13) == pytest.approx(0.2)
    assert scale(0.2, 0.0) == pytest.approx(0.2)
    assert scale(0.61) == pytest.approx(0.8)
    assert scale(0.99) == pytest.approx(1.0)
    assert scale(0.0) == 1.0
    speck = torch.zeros(100, 100)
    speck[0, 0] = 1
    assert scripts.layout.common_scale([speck + 0.05]) == pytest.approx(0.05)


def records(runs: Path, name: str) -> dict[str, Record]:
    return {model: found for model in MODELS if (found := read_record(runs / name / model))}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_tables_say_what_the_runs_say(scripts, tmp_path):
    write_scenario(tmp_path, "fig1")
    text = scripts.table.tables({"fig1": records(tmp_path, "fig1")})
    lines = text.splitlines()
    assert cells(lines[0])[:4] == ["scenario", "model", "η", "warping error ×10⁻³"]
    # neither ghosting nor newly visible strokes are defined here; what all share is the best of all
    shared = ["**0.50**", "**1.00**", "–", "–", "–", "**0.90**", "**30.0**", "**3.00**"]
    assert cells(lines[2]) == ["fig1", "naive", "–", "7.00", "35.0", *shared]
    assert cells(lines[3])[:5] == ["fig1", "mse", "3·10⁵", "2.00", "10.0"]
    assert cells(lines[7])[:5] == ["fig1", "robust", "5·10⁵", "**0.400**", "**2.00**"]
    assert cells(lines[-1]) == ["fig1", "0.06", "0.50 (flow)", "0.06", "0.50 (flow)"]


def test_ratios_are_left_out_without_a_robust_run_and_dashed_where_undefined(scripts, tmp_path):
    write_scenario(tmp_path, "fig1", summary={"warping_error_long": None})
    found = records(tmp_path, "fig1")
    lines = scripts.table.tables({"fig1": found}).splitlines()
    assert cells(lines[-1]) == ["fig1", "0.06", "0.50 (flow)", "–", "–"]
    del found["robust"]
    assert "robust" not in scripts.table.tables({"fig1": found})


@pytest.mark.parametrize(
    ("key", "values", "best"),
    [
        ("warping_error", [2e-3, 1e-3, None], "1.00"),
        ("residual_correlation", [0.2, 0.9], "0.90"),
        ("ghosting", [-0.3, 0.1, 0.2], "0.10"),
        ("ghosting", [-0.001, 0.4], "0.00"),
        ("newly_painted", [0.5, 1.2, 2.0], "1.20"),
        ("newly_painted", [None, None], None),
    ],
)
def test_the_best_is_as_the_metric_has_it(scripts, key, values, best):
    column = next(column for column in scripts.table.COLUMNS if column.key == key)
    assert column.best(values) == best
