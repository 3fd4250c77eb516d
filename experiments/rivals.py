"""Sets robust, with one η for all, beside every other model at its own best η on each clip, and writes rivals.md.

    python experiments/rivals.py [-o experiments/rivals.md] [--runs multirun/defaults] [--size 384]

Paints nothing: the runs are those of experiments/defaults.py. A model's best η on a clip has the lowest warping error
at a style loss of at most 1.05 times naive's, or else the lowest style loss.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from defaults import CLIPS, TRIED, run_directory
from figure_table import table_line
from records import Summary, number, status, summary_of

from vst.commandline import reporting_errors
from vst.errors import InputError
from vst.files import write_text
from vst.search.objective import LOSS_LIMITS

OURS = "robust"

Models = Mapping[str, Mapping[str, Summary]]
"""The summaries of the runs of a clip: by model, then by the options tried."""

HEADER = """\
# robust beside the others, each at its own best η

Made by `python experiments/rivals.py` from the runs of `python experiments/defaults.py`, frames of {size} pixels.
On each clip every model but robust has the η, of those that were tried, with the lowest warping error at a style loss
of at most 1.05 times naive's there; † where none is within that, and the one with the lowest style loss stands. robust
has {ours} everywhere. The warping error is in units of the content's own ("floor"), below which no painting that shows
the content can be asked to go; a model whose newly_legible is low does not show it where something comes into view, and
has a lower error for it. Style and content losses are ratios to naive's. The rest: docs/metrics.md.
"""

COLUMNS = (
    "warping_error",
    "style",
    "content",
    "repainted",
    "strokes_kept",
    "ghosting",
    "ghosting_at_cut",
    "newly_painted",
    "newly_legible",
)


def main() -> None:
    """Read the runs, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="output", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--runs", type=Path, default=Path("multirun/defaults"), help="where the runs are")
    parser.add_argument("--size", type=int, default=384, help="a frame's longer side, in pixels")
    parser.add_argument("--ours", default="eta=2e5", help="the options of robust, on every clip")
    given = parser.parse_args()
    with reporting_errors():
        found = {clip: read(given.runs / str(given.size) / clip) for clip in CLIPS}
        for clip, models in found.items():
            if "" not in models.get("naive", {}) or given.ours not in models.get(OURS, {}):
                raise InputError(
                    f"{given.runs} has no finished run of {clip} by naive and by robust {given.ours}; "
                    "paint them with experiments/defaults.py"
                )
        head = HEADER.format(size=given.size, ours=f"`{given.ours}`")
        write_text(
            given.output, "\n".join([head, *table(found, given.ours), "", *ratios(found, given.ours)]) + "\n"
        )
        print(given.output)


def read(folder: Path) -> dict[str, dict[str, Summary]]:
    """The finished runs of a clip."""
    found: dict[str, dict[str, Summary]] = {}
    for model, options in TRIED.items():
        for tried in options:
            directory = run_directory(folder, model, tried)
            if status(directory) == "finished":
                found.setdefault(model, {})[tried] = summary_of(directory)
    return found


def best(tried: Mapping[str, Summary], naive: Summary) -> tuple[str, bool]:
    """The options with the lowest warping error within the limit of style, and whether there are any.

    Otherwise those with the lowest style loss.
    """
    limit = LOSS_LIMITS["style"] * number(naive, "style")
    within = [options for options, own in tried.items() if number(own, "style") <= limit]
    if within:
        return min(within, key=lambda options: number(tried[options], "warping_error")), True
    return min(tried, key=lambda options: number(tried[options], "style")), False


def chosen(models: Models, ours: str) -> dict[str, tuple[str, bool]]:
    """The options of every model on a clip."""
    naive = models["naive"][""]
    own = {"naive": ("", True), OURS: (ours, True)}
    return {model: own.get(model) or best(tried, naive) for model, tried in models.items()}


def table(found: Mapping[str, Models], ours: str) -> list[str]:
    """All models on all clips."""
    heads = ["clip", "model", "options", *(name.replace("_", " ") for name in COLUMNS)]
    lines = [table_line(heads), table_line(["---", "---", "---", *["---:"] * len(COLUMNS)])]
    for clip, models in found.items():
        naive = models["naive"][""]
        for model, (options, within) in chosen(models, ours).items():
            own = models[model][options]
            cells = [cell(name, own, naive) for name in COLUMNS]
            lines.append(
                table_line([clip, model, f"{options or 'defaults'}{'' if within else ' †'}", *cells])
            )
    return lines


def cell(name: str, own: Summary, naive: Summary) -> str:
    """A metric of a run: in units of the floor, as a ratio to naive's, or as it is."""
    value = own.get(name)
    if value is None:
        return "–"
    if name == "warping_error":
        return f"{value / number(own, 'warping_floor'):.2f}"
    if name in LOSS_LIMITS:
        return f"{value / number(naive, name):.2f}"
    return f"{round(value, 3) + 0.0:.3f}" if name == "repainted" else f"{round(value, 2) + 0.0:.2f}"


def ratios(found: Mapping[str, Models], ours: str) -> list[str]:
    """robust's warping error against the best other's, and what it costs."""
    heads = [
        "clip",
        "best other",
        "warping error, robust / it",
        "style / naive's",
        "content / naive's",
        "ghosting − naive's",
    ]
    lines = [table_line(heads), table_line(["---", "---", *["---:"] * 4])]
    for clip, models in found.items():
        naive, robust = models["naive"][""], models[OURS][ours]
        errors = {
            f"{model} {options}".strip(): number(models[model][options], "warping_error")
            for model, (options, within) in chosen(models, ours).items()
            if model != OURS and within
        }
        other = min(errors, key=lambda name: errors[name])
        cells = [f"{number(robust, 'warping_error') / errors[other]:.2f}"]
        cells += [f"{number(robust, name) / number(naive, name):.2f}" for name in ("style", "content")]
        ghosts = (robust.get("ghosting"), naive.get("ghosting"))
        cells.append(
            "–" if None in ghosts else f"{number(robust, 'ghosting') - number(naive, 'ghosting'):+.2f}"
        )
        lines.append(table_line([clip, other, *cells]))
    return lines


if __name__ == "__main__":
    main()
