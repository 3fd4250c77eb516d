"""Searches each model's default weight on four clips, and writes experiments/defaults.md.

    python experiments/defaults.py [-o experiments/defaults.md] [--runs multirun/defaults] [--only flow,robust]
                                   [--workers 2] [override …]

For every model of conf/model, it runs a study (`python -m vst.sweep`) of several values of η, or of β for the naive
model, on each of four clips. All figures are ratios to naive's. The chosen value has the lowest geometric mean of the
warping error over the clips, among those whose mean losses are within the limits of a search, and whose style loss is
at most 1.25 on every clip: a default is for clips that have not been tried, so it must not be bad for any single clip.
Finished runs are not painted again, and interrupted ones are resumed. Overrides are added to every run.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from figure_table import table_line

from vst.composing import composed
from vst.config import conf_dir
from vst.errors import InputError
from vst.files import write_text
from vst.formatting import legible
from vst.runs.table import Table
from vst.search.objective import OBJECTIVES, Values, excess, objectives
from vst.search.space import read
from vst.search.sweep import reporting_search_errors, search

CLIPS: dict[str, tuple[str, ...]] = {
    "talk": ("video=talk", "video.height=96", "video.width=128", "video.frames=6", "style=swirls"),
    # RAFT estimates the motion for the metrics, since no model uses it
    "carphone": (
        *("video=carphone", "video.start=60", "video.size=128", "video.frames=6", "style=swirls"),
        "callbacks.metrics.motion=raft",
    ),
    "anime": ("video=anime", "video.height=96", "video.width=128", "video.frames=6", "style=ink"),
    # its cut is in the middle, whatever the length
    "battle": ("video=battle", "video.height=96", "video.width=128", "video.frames=6", "style=facets"),
}

EVALUATIONS = 40

TRIED = {
    "naive": (1e4, 3e4, 1e5, 3e5, 1e6),
    "mse": (1e3, 3e3, 1e4, 3e4, 1e5),
    "enhanced": (1e3, 3e3, 1e4, 3e4, 1e5),
    "flow": (3e3, 1e4, 3e4, 9e4, 3e5),
    "ruder": (3e3, 1e4, 3e4, 9e4, 3e5),
    "ruder_multipass": (3e3, 1e4, 3e4, 9e4, 3e5),
    "robust": (8e4, 3e5, 8e5, 2e6, 8e6),
}
"""The values of η to try for each model, and of β for naive."""

FACTORS = (1 / 10, 1 / 3, 1, 3, 10)
"""Factors of the default to try for any other model."""

MOST_ANYWHERE = 1.25
"""The maximum style loss of a default on any clip, as a ratio to naive's."""

Ratios = Mapping[str, Values]
"""For each clip the ratios of OBJECTIVES, in their order, to those of the naive model at the current defaults."""

ERROR, STYLE, CONTENT = (OBJECTIVES.index(name) for name in ("warping_error", "style", "content"))


def main() -> None:
    """Run the studies that are not finished, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="output", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--runs", type=Path, default=Path("multirun/defaults"), help="where the studies are")
    parser.add_argument("--only", help="models, with commas; without it, all of conf/model")
    parser.add_argument("--workers", type=int, default=1, help="trials at a time")
    parser.add_argument("overrides", nargs="*", help="added to every run")
    given = parser.parse_args()
    with reporting_search_errors():
        sections = []
        for model in models(given.only):
            option, values, default = searched(model)
            found = {
                clip: study(given.runs / f"{model}-{clip}", model, clip, option, values, given)
                for clip in CLIPS
            }
            ratios = {value: {clip: found[clip][value] for clip in CLIPS} for value in values}
            sections.append(section(model, option, default, ratios))
        write_text(given.output, HEADER + "\n".join(sections))
        print(given.output)


def models(only: str | None) -> list[str]:
    """The models named, by default all of conf/model."""
    known = sorted(file.stem for file in (conf_dir() / "model").glob("*.yaml"))
    names = only.split(",") if only else known
    for name in names:
        if name not in known:
            raise InputError(f"--only {name} is not known; choose from: {', '.join(known)}")
    return names


def searched(model: str) -> tuple[str, list[float], float]:
    """The option to search, the values to try, and the current default."""
    cfg = composed([f"model={model}"])
    option = "eta" if cfg.eta > 0 else "beta"
    default = float(cfg[option])
    about = [float(f"{default * factor:.1g}") for factor in FACTORS]
    return option, list(TRIED.get(model, about)), default


def study(
    folder: Path, model: str, clip: str, option: str, values: Sequence[float], given: argparse.Namespace
) -> dict[float, Values]:
    """Try all values on one clip: the objectives of each value, as ratios to the reference's."""
    options = [
        *CLIPS[clip],
        f"model={model}",
        f"evaluations={EVALUATIONS}",
        *given.overrides,
        f"{option}={','.join(map(repr, values))}",
    ]
    # the last value of an option given twice is used
    space = read(list({line.partition("=")[0]: line for line in options}.values()))
    print(f"\n{model} on {clip}", flush=True)
    search(folder, space, total=len(values), workers=given.workers)
    record = json.loads((folder / "naive" / "metrics.json").read_text(encoding="utf-8"))
    reference = objectives(record["summary"])
    rows = {float(row[option]): row for row in Table(folder / "trials.csv").read()}
    for value in values:
        if rows[value]["state"] != "finished":
            raise InputError(
                f"{option}={value:g} of {model} on {clip} is {rows[value]['state']}; run this again if it was "
                f"interrupted, or see {folder / 'trials.csv'} if it failed"
            )
    return {
        value: tuple(
            float(rows[value][name]) / base for name, base in zip(OBJECTIVES, reference, strict=True)
        )
        for value in values
    }


def choose(ratios: Mapping[float, Ratios]) -> float:
    """The value with the lowest warping error within the limits; if there is none, the one that exceeds them least."""
    return min(ratios, key=lambda value: (beyond(ratios[value]), geometric_mean(ratios[value], ERROR)))


def beyond(clips: Ratios) -> float:
    """The largest excess of a loss over its limit, as a fraction of the limit; 0 within the limits."""
    means = tuple(mean(clips, objective) for objective in range(len(OBJECTIVES)))
    worst = max(values[STYLE] for values in clips.values())
    return max(excess(means, (1.0,) * len(OBJECTIVES)), worst / MOST_ANYWHERE - 1)


def mean(clips: Ratios, objective: int) -> float:
    """The mean of one objective's ratio over the clips."""
    return sum(values[objective] for values in clips.values()) / len(clips)


def geometric_mean(clips: Ratios, objective: int) -> float:
    """The geometric mean of one objective's ratio over the clips: a factor of 2 on one clip offsets 1/2 on another."""
    return math.exp(sum(math.log(values[objective]) for values in clips.values()) / len(clips))


HEADER = """\
# Each model's default weight

Made by `python experiments/defaults.py`. All figures are ratios to those of the naive model at the current defaults on
the same clip: warping error / style loss / content loss, each the mean over the frames. The chosen value, in bold, has
the lowest geometric mean of the warping error among those whose mean style loss is at most 1.05 and mean content loss
at most 1.10, with a style loss of at most 1.25 on every clip; † marks values that are Pareto-optimal in the study.

"""


def section(model: str, option: str, default: float, ratios: Mapping[float, Ratios]) -> str:
    """One model's table, and the chosen value."""
    clips = list(next(iter(ratios.values())))
    chosen = choose(ratios)
    heads = [{"eta": "η", "beta": "β"}[option], "warping error", "style", "content", *clips]
    lines = [f"## {model}", "", table_line(heads), table_line(["---:"] * len(heads))]
    for value, own in ratios.items():
        cells = [f"{value:g}", f"{geometric_mean(own, ERROR):.3g}"]
        cells += [f"{mean(own, objective):.3f}" for objective in (STYLE, CONTENT)]
        for clip in clips:
            others = [ratios[other][clip] for other in ratios if other != value]
            star = "" if any(_dominates(other, own[clip]) for other in others) else " †"
            cells.append(" / ".join(map(legible, own[clip])) + star)
        lines.append(table_line([f"**{cell}**" if value == chosen else cell for cell in cells]))
    verdict = "as it is" if chosen == default else f"{chosen:g} instead of {default:g}"
    if beyond(ratios[chosen]):
        verdict += ", though no value is within the limits"
    return "\n".join([*lines, "", f"The choice of {option}: {verdict}.", ""])


def _dominates(one: Values, other: Values) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


if __name__ == "__main__":
    main()
