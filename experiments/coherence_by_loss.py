"""Paints clips under every style loss with every coherence model, and writes experiments/coherence_by_loss.md.

    python experiments/coherence_by_loss.py [-o experiments/coherence_by_loss.md] [--runs multirun/coherence_by_loss]
                                            [--clips pan,bikes] [--losses gatys,moments] [--size 256] [--no-paint]

Every loss has its calibrated unit and every model its default η, so that a loss is all that differs between two runs
of a model. Finished runs are not painted again, and interrupted ones are resumed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from defaults import CLIPS, FRAMES, chosen, clip_options, painted, run_directory
from figure_table import table_line
from records import Summary, number, status, summary_of

from vst.commandline import reporting_errors
from vst.errors import InputError
from vst.files import write_text

LOSSES = (
    "gatys",
    "moments",
    "histogram",
    "sliced_wasserstein",
    "nearest_neighbour",
    "optimal_transport",
)
MODELS = ("naive", "enhanced", "flow", "robust")
TRIED = ("pan", "bikes", "battle")
"""The clips of experiments/defaults.py that are painted unless others are asked for: a pan, a pedestrian, a cut."""

HEADER = """\
# Which coherence holds under which style loss

Made by `python experiments/coherence_by_loss.py`, from {frames} frames of each clip at {size} pixels. Every figure is a
ratio to that of naive under the same loss: warping error / style loss / content loss; losses of different kinds cannot
be compared otherwise. naive's own warping error is in units of the content's own, and its content loss a ratio to that
under gatys. Last, the part of their strength that followed strokes keep.

"""


def main() -> None:
    """Paint what is missing, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="output", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument(
        "--runs", type=Path, default=Path("multirun/coherence_by_loss"), help="where the runs are"
    )
    parser.add_argument(
        "--clips", default=",".join(TRIED), help="clips of experiments/defaults.py, with commas"
    )
    parser.add_argument("--losses", default=",".join(LOSSES), help="choices of conf/loss, with commas")
    parser.add_argument("--size", type=int, default=256, help="a frame's longer side, in pixels")
    parser.add_argument("--no-paint", action="store_true", help="write the tables of the finished runs alone")
    given = parser.parse_args()
    with reporting_errors():
        clips = chosen("--clips", given.clips, list(CLIPS))
        losses = chosen("--losses", given.losses, list(LOSSES))
        runs = given.runs / str(given.size)
        if not given.no_paint:
            for clip in clips:
                options = clip_options(clip, given.size, given.runs / "clips")
                for loss in losses:
                    for model in MODELS:
                        painted(runs / clip / loss, model, "", [*options, f"loss={loss}"])
        found = {clip: read(runs / clip, losses) for clip in clips}
        if not any(found.values()):
            raise InputError(
                f"{given.runs} holds no finished run of naive; leave --no-paint out to paint them"
            )
        tables = [line for clip, own in found.items() if own for line in section(clip, own)]
        write_text(given.output, HEADER.format(size=given.size, frames=FRAMES) + "\n".join(tables))
        print(given.output)


Models = Mapping[str, Summary]
"""The summaries of a clip's runs under one loss, by model."""


def read(folder: Path, losses: list[str]) -> dict[str, Models]:
    """The finished runs of a clip by loss; a loss without one of naive is left out."""
    found: dict[str, Models] = {}
    for loss in losses:
        directories = {model: run_directory(folder / loss, model, "") for model in MODELS}
        own = {model: summary_of(path) for model, path in directories.items() if status(path) == "finished"}
        if "naive" in own:
            found[loss] = own
    return found


def section(clip: str, found: Mapping[str, Models]) -> list[str]:
    """One clip's table."""
    models = [model for model in MODELS if any(model in own for own in found.values())]
    lines = [
        f"## {clip}",
        "",
        table_line(["style loss", *models]),
        table_line(["---", *["---:"] * len(models)]),
    ]
    for loss, own in found.items():
        base = found.get("gatys", own)["naive"]
        cells = [cell(own.get(model), own["naive"], base if model == "naive" else None) for model in models]
        lines.append(table_line([f"`{loss}`", *cells]))
    return [*lines, ""]


def cell(own: Summary | None, naive: Summary, base: Summary | None) -> str:
    """A run's figures; those of naive itself beside `base`, naive under gatys."""
    if own is None:
        return "–"
    if base is not None:
        error = number(own, "warping_error") / number(own, "warping_floor")
        figures = [
            f"{error:.3g} floors",
            "1",
            f"{number(own, 'content') / number(base, 'content'):.2f} of gatys",
        ]
    else:
        keys = ("warping_error", "style", "content")
        figures = [f"{number(own, key) / number(naive, key):.2f}" for key in keys]
    kept = own.get("strokes_kept")
    return " / ".join(figures) + ("" if kept is None else f"; {kept:.2f}")


if __name__ == "__main__":
    main()
