"""Tries values of each model's weights on six clips that differ, and writes experiments/defaults.md.

    python experiments/defaults.py [-o experiments/defaults.md] [--runs multirun/defaults] [--only flow,robust]
                                   [--clips talk,pan] [--size 384] [--no-paint] [override …]

Every model of conf/model that optimises, but ruder_multipass, is painted with the options in TRIED, on every clip. All
figures are ratios to naive's at its current defaults. The chosen options have the lowest geometric mean of the warping
error over the clips, among those whose mean losses are within the limits of a search, and whose style loss is at most
1.25 times naive's on every clip: a default is for clips that have not been tried, so it must not be bad for any single
one.
Finished runs are not painted again, and interrupted ones are resumed. Overrides are added to every run.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from camera_clips import CAMERAS, camera_clip
from figure_table import table_line
from records import status, summary_of

from vst.commandline import exit_with, reporting_errors
from vst.config import conf_dir, quoted
from vst.errors import InputError
from vst.files import write_text
from vst.formatting import legible
from vst.runs.directory import checkpoint_path
from vst.search.objective import OBJECTIVES, Values, excess, objectives

CLIPS: dict[str, tuple[str, ...]] = {
    # scenes, whose motion is known exactly: a still close-up, flat animation, and a battle with a cut in its middle
    "talk": ("video=talk", "style=swirls"),
    "anime": ("video=anime", "style=ink"),
    "battle": ("video=battle", "style=facets"),
    # a pedestrian who crosses the picture
    "bikes": ("video=bikes", "video.start=189", "style=ink"),
    "pan": ("video=file", "style=swirls"),
    "shaky": ("video=file", "style=facets"),
}

SCENES = ("talk", "anime", "battle")

FRAMES = 6

EVALUATIONS = 40

TRIED: dict[str, tuple[str, ...]] = {
    "naive": ("", "beta=3e5"),
    "mse": ("eta=1e3", "eta=3e3"),
    "enhanced": ("eta=1e3", "eta=3e3"),
    "flow": ("eta=1e4", "eta=3e4", "eta=1e5"),
    "ruder": ("eta=3e4", "eta=1e5"),
    # what others gave on these clips while it was designed: experiments/robust.md
    "robust": ("eta=2e5",),
}
"""The options to try for each model; for any other model, its defaults."""

MOST_ANYWHERE = 1.25
"""The maximum style loss of a default on any clip, as a ratio to naive's."""

Ratios = Mapping[str, Values]
"""For each clip the ratios of OBJECTIVES, in their order, to those of the naive model at the current defaults."""

ERROR, STYLE, CONTENT = (OBJECTIVES.index(name) for name in ("warping_error", "style", "content"))


def main() -> None:
    """Paint what is missing, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="output", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--runs", type=Path, default=Path("multirun/defaults"), help="where the runs are")
    parser.add_argument("--only", help="models, with commas; without it, all of conf/model")
    parser.add_argument("--clips", default=",".join(CLIPS), help="clips, with commas")
    parser.add_argument("--size", type=int, default=384, help="a frame's longer side, in pixels")
    parser.add_argument("--no-paint", action="store_true", help="only what is finished on every clip")
    parser.add_argument("--paint-only", action="store_true", help="write no tables")
    parser.add_argument("overrides", nargs="*", help="added to every run")
    given = parser.parse_args()
    with reporting_errors():
        clips = chosen("--clips", given.clips, list(CLIPS))
        asked = chosen("--only", given.only, models())
        runs = given.runs / str(given.size)
        options = {
            clip: [*clip_options(clip, given.size, given.runs / "clips"), *given.overrides] for clip in clips
        }
        sections = []
        for model in asked:
            found = {
                tried: {clip: values(runs / clip, model, tried, options[clip]) for clip in clips}
                for tried in TRIED.get(model, ("",))
                if not given.no_paint or finished(runs, clips, model, tried)
            }
            if found and not given.paint_only:
                reference = {clip: values(runs / clip, "naive", "", options[clip]) for clip in clips}
                sections.append(
                    section(model, {tried: ratios(own, reference) for tried, own in found.items()})
                )
        if sections:
            write_text(given.output, HEADER.format(size=given.size, frames=FRAMES) + "\n".join(sections))
            print(given.output)


def chosen(flag: str, names: str | None, known: Sequence[str]) -> list[str]:
    """The names given with commas, by default all that are known; raises `InputError` for an unknown one."""
    given = names.split(",") if names else list(known)
    for name in given:
        if name not in known:
            raise InputError(f"{flag} {name} is not known; choose from: {', '.join(known)}")
    return given


def models() -> list[str]:
    """All of conf/model but those that optimise nothing, and ruder_multipass, for which the budget is too small."""
    others = {"anystyle", "keyframes", "network", "ruder_multipass"}
    return sorted({file.stem for file in (conf_dir() / "model").glob("*.yaml")} - others)


def clip_options(clip: str, size: int, folder: Path) -> list[str]:
    """The options that select a clip, its length and its size."""
    options = [*CLIPS[clip], f"video.frames={FRAMES}"]
    if clip in SCENES:
        return [*options, f"video.width={size}", f"video.height={round(size * 9 / 16)}"]
    if clip in CAMERAS:
        options.append(f"video.path={quoted(camera_clip(clip, (folder / f'{clip}.mkv').resolve()))}")
    return [*options, f"video.size={size}"]


def finished(runs: Path, clips: Sequence[str], model: str, tried: str) -> bool:
    """Whether a model's runs with the options tried are finished on all clips."""
    return all(status(run_directory(runs / clip, model, tried)) == "finished" for clip in clips)


def values(folder: Path, model: str, tried: str, options: Sequence[str]) -> Values:
    """The objectives of a model's run with the options tried, which is painted unless it is finished."""
    return objectives(summary_of(painted(folder, model, tried, options)))


def painted(folder: Path, model: str, tried: str, options: Sequence[str]) -> Path:
    """The directory of a model's run with the options tried, which is painted unless it is finished."""
    directory = run_directory(folder, model, tried)
    if status(directory) != "finished":
        print(directory, flush=True)
        start = [sys.executable, "-m", "vst"]
        new = [
            f"model={model}",
            f"evaluations={EVALUATIONS}",
            "logger=csv",
            *options,
            *tried.split(),
            f"hydra.run.dir={quoted(directory)}",
        ]
        call = [*start, f"resume={directory}"] if checkpoint_path(directory).is_file() else [*start, *new]
        if code := subprocess.run(call, check=False).returncode:
            exit_with(f"{directory} was not finished; correct the error above and repeat", code)
    return directory


def run_directory(folder: Path, model: str, tried: str) -> Path:
    """Where a model is painted with the options tried."""
    return folder / f"{model} {tried}".strip().replace(" ", "-")


def ratios(own: Ratios, reference: Ratios) -> Ratios:
    """The objectives on each clip, as ratios to the reference's there."""
    return {
        clip: tuple(value / base for value, base in zip(found, reference[clip], strict=True))
        for clip, found in own.items()
    }


def choose(tried: Mapping[str, Ratios]) -> str:
    """The options with the lowest warping error within the limits; if there are none, those least beyond them."""
    return min(tried, key=lambda options: (beyond(tried[options]), geometric_mean(tried[options], ERROR)))


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
# Each model's default weights

Made by `python experiments/defaults.py`, from frames of {size} pixels, {frames} of each clip. All figures are ratios to
those of the naive model at its current defaults on the same clip: warping error / style loss / content loss, each the
mean over the frames. The chosen options, in bold, have the lowest geometric mean of the warping error among those whose
mean style loss is at most 1.05 and mean content loss at most 1.10, with a style loss of at most 1.25 on every clip; †
marks options that are Pareto-optimal among those tried.

"""


def section(model: str, tried: Mapping[str, Ratios]) -> str:
    """One model's table, and the chosen options."""
    clips = list(next(iter(tried.values())))
    best = choose(tried)
    heads = ["options", "warping error", "style", "content", *clips]
    lines = [f"## {model}", "", table_line(heads), table_line(["---:"] * len(heads))]
    for options, own in tried.items():
        cells = [options or "defaults", f"{geometric_mean(own, ERROR):.3g}"]
        cells += [f"{mean(own, objective):.3f}" for objective in (STYLE, CONTENT)]
        for clip in clips:
            others = [tried[other][clip] for other in tried if other != options]
            star = "" if any(_dominates(other, own[clip]) for other in others) else " †"
            cells.append(" / ".join(map(legible, own[clip])) + star)
        lines.append(table_line([f"**{cell}**" if options == best else cell for cell in cells]))
    if beyond(tried[best]):
        lines += ["", "None is within the limits."]
    return "\n".join([*lines, ""])


def _dominates(one: Values, other: Values) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


if __name__ == "__main__":
    main()
