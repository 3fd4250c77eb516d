from __future__ import annotations

import math
from dataclasses import replace

import pytest

from vst.compare.find import find_runs
from vst.compare.groups import present_metrics
from vst.compare.looks import looks_of
from vst.compare.report.plots import curves, escaped, losses_along, metrics_along, parallel, trade_off
from vst.compare.series import parallel_choice
from vst.compare.settings import differing_settings


@pytest.fixture(scope="module")
def runs(write_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for model in ("naive", "mse", "flow"):
        write_run(folder / model, model, pictures=False, video=False)
    write_run(folder / "z-going", frames=2, status="failed", pictures=False, video=False)
    return find_runs([folder])


@pytest.fixture(scope="module")
def looks(runs):
    return looks_of(runs)


def series(figure, run, key):
    return next(trace for trace in figure["data"] if trace["meta"] == {"run": run, "series": key})


def test_a_line_a_run_and_series_along_the_clip(runs, looks):
    figure = metrics_along(runs, looks)
    names = [run.name for run in runs]
    trace = series(figure, names.index("mse"), "warping_error")
    assert list(trace["x"]) == [0, 1, 2, 3, 4]
    assert trace["y"][0] is None
    assert trace["y"][3] is None  # the cut
    assert trace["y"][2] == pytest.approx(2.4e-3)
    assert figure["layout"]["xaxis"]["title"]["text"].startswith("frame")
    titles = figure["layout"]["meta"]["titles"]
    assert titles["warping_error"] == "warping error (no unit; lower is better)"
    assert titles["seconds"] == "time a frame (s; lower is better)"
    assert "warping_error_long" not in titles  # no run has it
    assert list(losses_along(runs, looks)["layout"]["meta"]["titles"]) == [
        "style",
        "content",
        "coherence",
        "total",
    ]


def test_curves_are_left_to_the_page_to_fill(runs, looks):
    figure = curves(runs, looks)
    assert len(figure["data"]) == 4 * len(runs)
    assert not any(len(trace["x"]) for trace in figure["data"])
    assert figure["layout"]["xaxis"]["title"]["text"] == "evaluation of the objective"


def test_the_front_goes_through_finished_runs_alone(runs, looks):
    figure = trade_off(runs, looks)
    front = next(trace for trace in figure["data"] if "members" in trace["meta"])
    names = [run.name for run in runs]
    assert [names[i] for i in front["meta"]["members"]] == ["flow", "mse", "naive"]
    failed = next(trace for trace in figure["data"] if trace["meta"].get("run") == names.index("z-going"))
    assert failed["marker"]["symbol"].endswith("-open")
    assert "failed after 2 frames" in failed["hovertemplate"]
    assert figure["layout"]["xaxis"]["title"]["text"].startswith("warping error")


def test_each_clip_and_painting_has_a_front_of_its_own(runs, looks):
    others = [replace(run, settings={**run.settings, "style": {"name": "ink"}}, style="ink") for run in runs]
    figure = trade_off([*runs, *others], [*looks, *looks])
    assert sum("members" in trace["meta"] for trace in figure["data"]) == 2


def test_errors_over_decades_stand_by_their_logarithm(runs, looks):
    assert trade_off(runs, looks)["layout"]["xaxis"]["exponentformat"] == "power"  # 500 µ is no number
    assert "type" not in trade_off(runs, looks)["layout"]["xaxis"]
    steady = replace(runs[0], summary={**runs[0].summary, "warping_error": 1e-5})
    assert trade_off([steady, *runs[1:]], looks)["layout"]["xaxis"]["type"] == "log"


def test_nothing_to_trade_without_figures(runs, looks):
    bare = [replace(run, summary={}) for run in runs]
    assert trade_off(bare, looks) is None


def test_parallel_coordinates(runs, looks):
    figure = parallel(runs, looks, differing_settings(runs), present_metrics(runs)[:2])
    assert len(figure["data"]) == len(runs)
    texts = [note["text"] for note in figure["layout"]["annotations"]]
    assert {"<b>model</b>", "<b>eta</b>", "naive", "3e4"} <= set(texts)
    eta = [trace["y"][1] for trace in figure["data"]]
    by_name = dict(zip([run.name for run in runs], eta, strict=True))
    assert (by_name["naive"], by_name["mse"], by_name["flow"]) == (0, 0.5, 1)
    assert parallel(runs[:2], looks[:2], differing_settings(runs[:2]), []) is None
    assert parallel(runs, looks, [], []) is None


def test_many_numbers_over_decades_stand_by_their_logarithm(runs, looks):
    many = [replace(runs[0], settings={**runs[0].settings, "beta": 10.0**i}) for i in range(12)]
    figure = parallel(many, [looks[0]] * 12, differing_settings(many), [])
    assert [trace["y"][0] for trace in figure["data"]] == pytest.approx([i / 11 for i in range(12)])
    even = [replace(runs[0], settings={**runs[0].settings, "seed": i}) for i in range(12)]
    figure = parallel(even, [looks[0]] * 12, differing_settings(even), [])
    assert math.isclose(figure["data"][3]["y"][0], 3 / 11)


def test_parallel_coordinates_leave_out_what_comes_with_a_model(runs):
    started = [replace(run, settings={**run.settings, "start": f"{run.model}_start"}) for run in runs]
    assert "start" in [setting.key for setting in differing_settings(started)]
    assert [setting.key for setting in parallel_choice(started)[0]] == ["model", "eta"]


def test_names_are_neither_markup_nor_variables():
    assert escaped("<b>%{x}&") == "&lt;b&gt;%&#123;x}&amp;"
