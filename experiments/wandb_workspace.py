"""Makes a W&B workspace for a project: a section per topic, with runs grouped by clip and painting, then by model.

    python experiments/wandb_workspace.py [--project vst] [--entity TEAM] [--json FILE]

It is saved in the project, to which the account of `wandb login` must have write access, and its address is printed.
With --json, it is written to a file instead, which needs no account. It shows only what runs log; runs recorded
offline appear after `wandb sync`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import wandb
import wandb_workspaces.reports.v2 as panels
import wandb_workspaces.workspaces as workspaces
from wandb_workspaces import expr
from wandb_workspaces.reports.v2.interface import PanelTypes

from vst.commandline import reporting_errors
from vst.compare.looks import model_colours
from vst.compare.series import LOSSES
from vst.config import conf_dir
from vst.errors import InputError, VstError
from vst.files import write_json
from vst.metrics.catalogue import BY_KEY
from vst.metrics.clip import METRICS
from vst.runs.loggers.names import run_group
from vst.runs.rows import SPENT

COMPARED = ("style", "content", *METRICS, "seconds")
"""The means by which runs are compared."""


def main() -> None:
    """Save the workspace, or write it to a file; exits with 2 for wrong input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", default="vst", help="the project that the runs were logged to")
    parser.add_argument("--entity", default="", help="the user or team it belongs to; without it, your own")
    parser.add_argument("--json", type=Path, help="a file to write it to instead, without an account")
    given = parser.parse_args()
    with reporting_errors():
        if given.json:
            view = workspace(given.entity, given.project)._to_model()
            write_json(given.json, view.model_dump(by_alias=True, exclude_none=True))
            print(given.json)
        else:
            print(save(given.entity, given.project))


def save(entity: str, project: str) -> str:
    """Save the workspace in the account, and return its address."""
    if not wandb.login(prompt=False, verify=False):
        raise InputError(
            "no W&B account is known here; log in with `wandb login`, or name a file with --json"
        )
    try:
        own = entity or wandb.Api().default_entity
        return workspace(own or "", project).save().url
    except Exception as error:  # many types: of the network, the server and the client
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise VstError(
            f"the workspace cannot be saved in {entity or 'your account'}, project {project} ({reason}); "
            f"correct that, or name a file with --json"
        ) from error


def workspace(entity: str, project: str) -> workspaces.Workspace:
    """The workspace, as an object of W&B's client."""
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name="vst: models side by side",
        sections=sections(),
        settings=workspaces.WorkspaceSettings(max_runs=30, smoothing_type="none"),
        runset_settings=workspaces.RunsetSettings(
            groupby=[expr.Metric("Group"), expr.Config("model")],
            group_colors=group_colours(),
            pinned_columns=[
                *(f"config:{name}" for name in ("model", "beta", "eta", "evaluations")),
                *(f"summary:{mean(name)}" for name in COMPARED),
            ],
        ),
    )


def sections() -> list[workspaces.Section]:
    """The sections from top to bottom: what was painted, then what is measured of it."""
    along_clip = workspaces.SectionPanelSettings(x_axis="frame")
    along_run = workspaces.SectionPanelSettings(x_axis="evaluation")
    return [
        _section("Key frames: content, painted", [_by_model("keyframe")], columns=1, rows=2),
        _section("Residuals: what changes from the frame before", [_by_model("residual")], columns=1, rows=2),
        _section("Painted clips", [videos()], columns=1, rows=1),
        _section("Trade-off", [*trade_offs(), *map(bars, COMPARED)], columns=3, rows=2),
        _section("Coherence along the clip", [_line("frame", name) for name in METRICS], along_clip),
        _section("Losses along the clip", [_line("frame", name) for name in LOSSES], along_clip),
        _section("Loss curves", [_line("curve", name) for name in LOSSES], along_run),
        _section("What it took", [_line("frame", name) for name in SPENT], along_clip),
    ]


def _section(
    name: str,
    shown: Sequence[PanelTypes],
    settings: workspaces.SectionPanelSettings | None = None,
    columns: int = 2,
    rows: int = 2,
) -> workspaces.Section:
    return workspaces.Section(
        name=name,
        panels=list(shown),
        is_open=True,
        layout_settings=workspaces.SectionLayoutSettings(columns=columns, rows=rows),
        panel_settings=settings or workspaces.SectionPanelSettings(),
    )


def _by_model(key: str) -> panels.MediaBrowser:
    """Pictures with one column per run and one row per frame, which all runs log at the same steps."""
    return panels.MediaBrowser(title=key, media_keys=[f"media/{key}"], grid_x_axis="run", grid_y_axis="step")


def videos() -> panels.MediaBrowser:
    """The painted clips, side by side."""
    return panels.MediaBrowser(title="stylized", media_keys=["media/stylized"], gallery_axis="run")


def _line(prefix: str, name: str) -> panels.LinePlot:
    """A figure against the axis of its prefix."""
    x, x_title = {
        "frame": ("frame", "frame (0 is the first one painted)"),
        "curve": ("evaluation", "evaluation of the objective, through the run"),
    }[prefix]
    return panels.LinePlot(
        title=BY_KEY[name].title, x=x, y=[f"{prefix}/{name}"], title_x=x_title, title_y=BY_KEY[name].axis
    )


def trade_offs() -> list[PanelTypes]:
    """The trade-off: means against each other, and against the settings."""
    style, error = BY_KEY["style"], BY_KEY["warping_error"]
    settings = ("model", "beta", "eta", "evaluations")
    means = ("style", "content", "warping_error", "warping_error_long", "seconds")
    columns = [
        *(panels.ParallelCoordinatesPlotColumn(metric=panels.Config(name)) for name in settings),
        *(
            panels.ParallelCoordinatesPlotColumn(
                metric=panels.SummaryMetric(mean(name)), display_name=BY_KEY[name].title
            )
            for name in means
        ),
    ]
    return [
        panels.ScatterPlot(
            title=f"{style.title} against {error.title}",
            x=panels.SummaryMetric(mean("warping_error")),
            y=panels.SummaryMetric(mean("style")),
            log_x=True,
        ),
        panels.ParallelCoordinatesPlot(title="settings and means", columns=columns),
    ]


def bars(name: str) -> panels.BarPlot:
    """A mean, with one bar per model."""
    return panels.BarPlot(
        title=f"{BY_KEY[name].title}, mean",
        metrics=[mean(name)],
        title_x=BY_KEY[name].axis,
        groupby=panels.Config("model"),
    )


def mean(name: str) -> str:
    """The name under which runs log the mean of a figure."""
    return f"summary/{name}"


def group_colours() -> dict[object, object]:
    """The colour of each model, as in the report, for all built-in clips and paintings."""
    clips, paintings, models = (
        sorted(
            file.stem for file in (conf_dir() / group).glob("*.yaml") if file.stem not in ("file", "pictures")
        )
        for group in ("video", "style", "model")
    )
    colours = model_colours(models)
    return {
        workspaces.GroupPath(run_group(clip, painting), model): colour
        for clip, painting, (model, colour) in product(clips, paintings, colours.items())
    }


if __name__ == "__main__":
    main()
