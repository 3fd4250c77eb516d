"""Each model's default weight, by a search on four clips: paints what is missing, and writes experiments/defaults.md.

    python experiments/defaults.py [-o experiments/defaults.md] [--runs multirun/defaults] [--only flow,robust]
                                   [--workers 2] [override …]

For every model of conf/model a study (`python -m vst.sweep`) of some values of η, of β for the naive model, on each of
four clips. The choice is the value with the lowest warping error by naive's, in the geometric mean over the clips,
among those whose losses are in the mean at most as many times naive's as a search allows its best, and whose style
loss is on no clip more than 1.25 times naive's: a default is for clips that nobody has tried, and one of them must not
pay for the others. What is painted is not painted again; what was interrupted goes on. Overrides are added to every
run.
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
from vst.search.sweep import answered, search

CLIPS: dict[str, tuple[str, ...]] = {
    "talk": ("video=talk", "video.height=96", "video.width=128", "video.frames=6", "style=swirls"),
    # RAFT judges the motion, which no model uses
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
"""The values of a model's η, of naive's β."""

FACTORS = (1 / 10, 1 / 3, 1, 3, 10)
"""What the default of any other model is tried at, by itself."""

MOST_ANYWHERE = 1.25
"""The style loss that a default may have on any one clip, by naive's."""

Ratios = Mapping[str, Values]
"""The objectives by those of the naive model at the present defaults, by clip; in the order of OBJECTIVES."""

ERROR, STYLE, CONTENT = (OBJECTIVES.index(name) for name in ("warping_error", "style", "content"))


def main() -> None:
    """Search where it is not done yet, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="output", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--runs", type=Path, default=Path("multirun/defaults"), help="where the studies are")
    parser.add_argument("--only", help="models, with commas; without it, all of conf/model")
    parser.add_argument("--workers", type=int, default=1, help="trials at a time")
    parser.add_argument("overrides", nargs="*", help="added to every run")
    given = parser.parse_args()
    with answered():
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
    """The models by their names, all of conf/model without any."""
    known = sorted(file.stem for file in (conf_dir() / "model").glob("*.yaml"))
    names = only.split(",") if only else known
    for name in names:
        if name not in known:
            raise InputError(f"--only {name} is not known; choose from: {', '.join(known)}")
    return names


def searched(model: str) -> tuple[str, list[float], float]:
    """The option that is searched, the values that it is tried at, and its present default."""
    cfg = composed([f"model={model}"])
    option = "eta" if cfg.eta > 0 else "beta"
    default = float(cfg[option])
    about = [float(f"{default * factor:.1g}") for factor in FACTORS]
    return option, list(TRIED.get(model, about)), default


def study(
    folder: Path, model: str, clip: str, option: str, values: Sequence[float], given: argparse.Namespace
) -> dict[float, Values]:
    """Try all values on one clip: each one's objectives, by the reference's."""
    options = [
        *CLIPS[clip],
        f"model={model}",
        f"evaluations={EVALUATIONS}",
        *given.overrides,
        f"{option}={','.join(map(repr, values))}",
    ]
    # of an option that is given twice, the later is meant
    space = read(list({line.partition("=")[0]: line for line in options}.values()))
    print(f"\n{model} on {clip}", flush=True)
    search(folder, space, total=len(values), workers=given.workers)
    record = json.loads((folder / "naive" / "metrics.json").read_text(encoding="utf-8"))
    reference = objectives(record["summary"])
    rows = {float(row[option]): row for row in Table(folder / "trials.csv").read()}
    for value in values:
        if rows[value]["state"] != "finished":
            raise InputError(
                f"{option}={value:g} of {model} on {clip} is {rows[value]['state']}; call this again where it was "
                f"ended, and see {folder / 'trials.csv'} where it failed"
            )
    return {
        value: tuple(
            float(rows[value][name]) / base for name, base in zip(OBJECTIVES, reference, strict=True)
        )
        for value in values
    }


def choose(ratios: Mapping[float, Ratios]) -> float:
    """The value with the lowest warping error that the limits allow; the one that exceeds them least if none is."""
    return min(ratios, key=lambda value: (beyond(ratios[value]), geometric_mean(ratios[value], ERROR)))


def beyond(clips: Ratios) -> float:
    """How far the loss that is furthest beyond its limit is beyond it, in parts of the limit; 0 within."""
    means = tuple(mean(clips, objective) for objective in range(len(OBJECTIVES)))
    worst = max(values[STYLE] for values in clips.values())
    return max(excess(means, (1.0,) * len(OBJECTIVES)), worst / MOST_ANYWHERE - 1)


def mean(clips: Ratios, objective: int) -> float:
    """Of one objective's ratio over the clips."""
    return sum(values[objective] for values in clips.values()) / len(clips)


def geometric_mean(clips: Ratios, objective: int) -> float:
    """Of one objective's ratio over the clips: twice as good here makes up for half as good there."""
    return math.exp(sum(math.log(values[objective]) for values in clips.values()) / len(clips))


HEADER = """\
# Each model's default weight

Made by `python experiments/defaults.py`. Every figure is a model's by the naive model's at the present defaults on the
same clip: warping error / style loss / content loss, each the mean over the frames. Chosen, in bold, is the value
with the lowest geometric mean of the warping error among those whose style loss is at most 1.05 and whose content
loss is at most 1.10 in the mean, with a style loss of at most 1.25 on every clip; † marks what no other value of the
study is better than in all three.

"""


def section(model: str, option: str, default: float, ratios: Mapping[float, Ratios]) -> str:
    """One model's table, and the choice."""
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
