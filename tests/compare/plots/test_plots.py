"""The figures in files say what the runs' tables say; what is drawn is read back from matplotlib's own artists."""

from __future__ import annotations

import csv
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from tests.run_directories import WriteRun, settings
from vst.compare.find import find_runs
from vst.compare.looks import COLOURS, looks_of
from vst.compare.plots import draw, pictures, write_plots
from vst.compare.plots.command import main
from vst.compare.plots.paper import MARKERS, literal, paper, save, tick
from vst.compare.runs import Run
from vst.compare.series import METRIC_TITLES
from vst.errors import InputError

MODELS = ("naive", "mse", "flow")


@pytest.fixture(scope="module")
def folder(write_run: WriteRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three finished runs, and one that failed."""
    folder = tmp_path_factory.mktemp("runs")
    for level, model in enumerate(MODELS):
        write_run(folder / model, model, level=60 * level, video=False)
    write_run(folder / "z-failed", frames=3, status="failed", pictures=False, video=False)
    return folder


@pytest.fixture(scope="module")
def runs(folder: Path) -> list[Run]:
    return find_runs([folder])


def panel(figure: Figure, title: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def column(run: Run, name: str) -> list[float]:
    """A column of metrics.csv, read without the program's own reader."""
    with (run.directory / "metrics.csv").open(newline="") as file:
        return [float(row[name] or "nan") for row in csv.DictReader(file)]


def test_lines_are_what_the_tables_say(runs: list[Run]) -> None:
    looks = looks_of(runs)
    figure = draw.metrics_along(runs, looks)
    assert figure is not None
    axes = panel(figure, "warping error")
    for run, line in zip(runs, axes.lines, strict=False):
        np.testing.assert_allclose(line.get_xdata(), column(run, "frame"))
        np.testing.assert_allclose(line.get_ydata(), column(run, "warping_error"), equal_nan=True)
    assert math.isnan(axes.lines[0].get_ydata()[0])
    # what no run has, has no panel, and no panel is empty
    assert "long warping error" not in [axes.get_title(loc="left") for axes in figure.axes]
    assert all(axes.get_title(loc="left") and axes.lines for axes in figure.axes)


def test_axes_are_named_with_units(runs: list[Run]) -> None:
    figure = draw.metrics_along(runs, looks_of(runs))
    assert figure is not None
    named = {axes.get_title(loc="left"): axes.get_ylabel() for axes in figure.axes}
    assert named["time a frame"] == "(s; lower is better)"
    assert named["newly visible strokes"] == "(no unit; best at 1)"
    assert {f"{title} {unit}" for title, unit in named.items()} <= set(METRIC_TITLES.values())
    assert {axes.get_xlabel() for axes in figure.axes} == {"frame (0 is the first one painted)"}


def test_cuts_are_marked_between_the_frames(runs: list[Run]) -> None:
    figure = draw.losses_along(runs, looks_of(runs))
    assert figure is not None
    for axes in figure.axes:
        cuts = [line for line in axes.lines if line.get_gid() == "cut-3"]
        assert [list(line.get_xdata()) for line in cuts] == [[2.5, 2.5]]
        assert "cut" in [text.get_text() for text in axes.texts]


def test_curves_are_those_of_the_frame(runs: list[Run]) -> None:
    figure = draw.curves(runs, looks_of(runs), 2)
    assert figure is not None
    line = panel(figure, "style loss").lines[0]
    assert list(line.get_xdata()) == [1, 2, 3]
    assert list(line.get_ydata()) == pytest.approx([3, 1.5, 1])
    assert figure.axes[0].get_xlabel() == "evaluation of the objective, frame 2"
    assert draw.curves(runs, looks_of(runs), 99) is None


def test_the_trade_off_is_of_the_summaries_with_its_front(runs: list[Run]) -> None:
    figure = draw.trade_off(runs, looks_of(runs))
    assert figure is not None
    (axes,) = figure.axes
    points = {line.get_gid(): line for line in axes.lines}
    for index, run in enumerate(runs):
        drawn = points[f"run-{index}"]
        errors = [value for value in column(run, "warping_error") if not math.isnan(value)]
        assert drawn.get_xdata()[0] == pytest.approx(sum(errors) / len(errors))
        assert drawn.get_ydata()[0] == pytest.approx(column(run, "style")[0])
        assert (drawn.get_markerfacecolor() == "white") == (run.status == "failed")
    # mse is behind flow in both
    assert list(points["front"].get_ydata()) == pytest.approx([1.1e-4, 1.0e-4])
    assert draw.trade_off(runs[:1], looks_of(runs[:1])) is None


def test_parallel_coordinates(runs: list[Run]) -> None:
    figure = draw.parallel(runs, looks_of(runs))
    assert figure is not None
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.texts]
    assert {"model", "eta", "warping\nerror", "lower is better", "naive", "3e4"} <= set(names)
    by_name = {run.name: line.get_ydata() for run, line in zip(runs, axes.lines, strict=False)}
    assert [by_name[model][1] for model in MODELS] == [0, 0.5, 1]
    assert draw.parallel(runs[:2], looks_of(runs[:2])) is None


def test_colour_is_never_alone(runs: list[Run]) -> None:
    assert len(set(MARKERS)) >= len(COLOURS)
    figure = draw.losses_along(runs, looks_of(runs))
    assert figure is not None
    lines = [line for line in figure.axes[0].lines if line.get_gid() is None]
    assert len({line.get_marker() for line in lines}) == len({line.get_color() for line in lines}) == 3
    # of two runs of one model, the line says which
    assert len({(line.get_color(), line.is_dashed()) for line in lines}) == 4


def test_residuals_are_those_of_the_paintings_on_one_scale(runs: list[Run]) -> None:
    figure = pictures.residuals(runs, looks_of(runs), {}, 2)
    assert figure is not None
    images = [axes.images[0] for axes in figure.axes if axes.images]
    # the right half of a picture has the level of its frame
    assert len(images) == len(MODELS)
    for image in images:
        values = np.asarray(image.get_array())
        assert values[:, 0] == pytest.approx(0)
        assert values[:, -1] == pytest.approx(40 / 255)
        assert image.get_clim() == images[0].get_clim()


def test_residuals_are_of_both_contents_where_two_stretches_have_one_name(runs: list[Run]) -> None:
    # the number of the run that painted each first
    contents = {0: runs[0].directory / "frames", 1: runs[1].directory / "frames"}
    figure = pictures.residuals(runs, looks_of(runs), contents, 2)
    assert figure is not None
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert titles[:2] == ["content: talk", "content: talk"]
    assert len(titles) == 2 + len(MODELS)
    assert pictures.residuals(runs, looks_of(runs), contents, 7) is None, "no run has painted that far"


def test_a_grid_has_its_paintings_down_and_its_clips_across(write_run: WriteRun, tmp_path: Path) -> None:
    for level, (clip, style) in enumerate(
        (clip, style) for clip in ("talk", "anime") for style in ("ink", "swirls")
    ):
        config = {**settings("flow"), "style": {"name": style}, "video": {"name": clip}}
        directory = tmp_path / f"{clip}-{style}"
        write_run(directory, config=config, level=50 * level, clip=clip, style=style, video=False)
    runs = find_runs([tmp_path])
    (figure,) = pictures.grids(runs, 1).values()
    titles = [axes.get_title() for axes in figure.axes]
    rows = [axes.get_ylabel() for axes in figure.axes]
    assert (titles[:2], rows[0], rows[2]) == (["anime", "talk"], "ink", "swirls")
    levels = [int(np.asarray(axes.images[0].get_array())[0, 0, 0]) for axes in figure.axes]
    assert levels == [100, 0, 150, 50]
    assert pictures.grids(runs[:1], 1) == {}


def test_files_are_what_their_names_say(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = write_plots([folder], tmp_path / "plots")
    assert sorted(written) == sorted((tmp_path / "plots").iterdir())
    names = {path.stem for path in written}
    assert names == {"losses", "metrics", "curves_1", "trade_off", "parallel", "residuals_1"}
    for path in written:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.format == "PNG"
                assert 1000 <= image.width <= 2500
                corner = image.convert("RGB").getpixel((0, 0))
            assert corner == (255, 255, 255)
        else:
            root = ET.parse(path).getroot()
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = (tmp_path / "plots" / "metrics.svg").read_text()
    assert re.search(r"<text[^>]*>warping error</text>", texts), "text that can be read, searched and edited"


def test_the_same_figure_has_the_same_bytes(runs: list[Run], tmp_path: Path) -> None:
    for kind in ("png", "svg"):
        for name in ("first", "again"):
            with paper():
                figure = draw.losses_along(runs, looks_of(runs))
            assert figure is not None
            save(figure, tmp_path / f"{name}.{kind}")
        assert (tmp_path / f"first.{kind}").read_bytes() == (tmp_path / f"again.{kind}").read_bytes()


def test_names_are_no_mathematics(write_run: WriteRun, tmp_path: Path) -> None:
    for name in ("_a $x^2$", r"b $\frac{", "c & <d>"):
        write_run(tmp_path / name, video=False, clip="50$ or 60$", style="$_$")
    written = write_plots([tmp_path], tmp_path / "out", ("svg",))
    texts = [
        "".join(node.itertext()) for path in written for node in ET.parse(path).iter() if "text" in node.tag
    ]
    assert any("$x^2$" in text for text in texts)
    assert any(r"$\frac{" in text for text in texts)
    assert any("50$ or 60$, $_$" in text for text in texts)
    assert literal("a$b") == r"a\$b"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01, "0.01"), (-0.2, "−0.2"), (3e-5, "3.00×10⁻⁵"), (0.30000000004, "0.3")]
)
def test_marks_of_axes(value: float, text: str) -> None:
    assert tick(value) == text


def test_a_damaged_frame_is_named(write_run: WriteRun, tmp_path: Path) -> None:
    frame = write_run(tmp_path / "run", video=False) / "frames" / "000002.png"
    frame.write_bytes(b"half a picture")
    with pytest.raises(InputError, match=rf"a painted frame cannot be read \(.*{frame.name}"):
        write_plots([tmp_path / "run"], tmp_path / "plots", frame=2)
    assert not (tmp_path / "plots").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{folder}", "--format", "pdf"], "--format pdf is not known; choose from: png, svg"),
        (["{folder}", "--frame", "5"], "--frame 5 is in no run; choose from 0 to 4"),
        (["{folder}", "--frame", "x"], "--frame"),
        (["{folder}/none"], "does not exist"),
        (["{folder}", "-o", "{folder}/flow/metrics.csv"], "is a file"),
        (["--frame", "1"], "no folder is given; name a run"),
        (["{folder}", "--format"], "--format is given without a value"),
    ],
)
def test_wrong_calls_get_one_sentence(
    folder: Path,
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["plots", *(argument.format(folder=folder) for argument in arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    answer = capsys.readouterr().err
    assert answer.count("\n") == 1
    assert said in answer
    assert not (folder / "plots").exists()


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_is_given(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["plots", *arguments])
    main()
    printed = capsys.readouterr().out
    assert printed.startswith("python -m vst.plots DIR")
    assert "--format" in printed
    assert "--frame" in printed
