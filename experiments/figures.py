"""Paints every scenario with every model, and makes the paper's figures, and tables of all results.

python experiments/figures.py [-o docs] [--runs multirun/figures] [--only fig1,fig2_real] [--dwanko CLIP]
                              [--no-paint] [--into docs/results.md]

Every model has its default weights. Finished runs are not painted again, and interrupted ones are resumed, so it can be
run again after any failure. Writes OUTPUT/SCENARIO.jpg and RUNS/results.md; with --into, which may be given several
times, all tables between the markers <!-- results --> and <!-- /results --> of a document, and the comparison of robust
with the others between <!-- summary --> and <!-- /summary -->.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from figure_layout import Row, lay_out
from figure_table import check_markers, insert, tables
from PIL import Image
from records import Summary, record_of, status

from vst.commandline import exit_with, reporting_errors
from vst.config import quoted
from vst.errors import InputError
from vst.files import atomic_write, write_text
from vst.runs.build import build
from vst.runs.directory import checkpoint_path
from vst.runs.pictures import Picture
from vst.runs.record import Provenance, Record
from vst.runs.table import Table
from vst.video.store import load_png, to_uint8

MODELS = ("naive", "mse", "enhanced", "flow", "ruder", "robust")


@dataclass(frozen=True)
class Scenario:
    """One of the paper's figures: `shown` are its frames, counted from the first cut with `at_cut`."""

    name: str
    caption: str
    shown: tuple[int, ...]
    at_cut: bool = False
    clip_given: bool = False


SCENARIOS = (
    Scenario("fig1", "Consecutive frames", (6, 7)),
    Scenario("fig1_real", "Consecutive frames", (6, 7)),
    # while a character runs, before the flash that follows
    Scenario("fig2", "Nearby frames", (3, 4, 5)),
    Scenario("fig2_real", "Nearby frames", (3, 4, 5), clip_given=True),
    Scenario("fig3", "Frames across a scene transition", (-1, 0, 4), at_cut=True),
    Scenario("fig3_real", "Frames across a scene transition", (-1, 0, 4), at_cut=True),
)


def main() -> None:
    """Paint what is missing, then write the figures and the tables; exits with 2 for wrong input."""
    given = arguments()
    with reporting_errors():
        for document in given.into:
            check_markers(document)
        chosen = choose(given.only)
        if not given.no_paint:
            for scenario in chosen:
                paint(scenario, given.runs, given.dwanko)
        # the tables always have all scenarios, so that painting one again does not drop the others
        found = {s.name: finished(given.runs / s.name) for s in SCENARIOS}
        records = {name: runs for name, runs in found.items() if runs}
        if not records:
            raise InputError(f"{given.runs} holds no finished run; leave --no-paint out to paint them")
        for scenario in chosen:
            if scenario.name not in records:
                print(f"{scenario.name} is skipped: {given.runs / scenario.name} holds no finished run")
                continue
            picture = figure(scenario, given.runs / scenario.name, records[scenario.name])
            save(given.output / f"{scenario.name}.jpg", picture)
            print(given.output / f"{scenario.name}.jpg")
        write_text(given.runs / "results.md", tables(records))
        print(given.runs / "results.md")
        for document in given.into:
            insert(document, records)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="output", type=Path, default=Path("docs"), help="where the figures go")
    parser.add_argument("--runs", type=Path, default=Path("multirun/figures"), help="where the runs are")
    parser.add_argument("--only", help="scenarios to paint and draw, separated by commas; by default, all")
    parser.add_argument("--dwanko", type=Path, help="the clip of fig2_real, which is skipped without it")
    parser.add_argument("--no-paint", action="store_true", help="make the figures only from finished runs")
    parser.add_argument(
        "--into",
        type=Path,
        action="append",
        default=[],
        help="a document in which to replace the tables between the markers",
    )
    return parser.parse_args()


def choose(only: str | None) -> list[Scenario]:
    """The scenarios named, by default all; raises `InputError` for an unknown name."""
    names = only.split(",") if only else [scenario.name for scenario in SCENARIOS]
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names:
        if name not in known:
            raise InputError(f"--only {name} is not known; choose from: {', '.join(known)}")
    return [known[name] for name in names]


def paint(scenario: Scenario, runs: Path, clip: Path | None) -> None:
    """Paint a scenario with every model whose run is not finished; exits with the status of a run that fails."""
    missing = [model for model in MODELS if status(runs / scenario.name / model) != "finished"]
    if missing and scenario.clip_given and clip is None:
        print(f"{scenario.name} is not painted: no package contains its clip; name it with --dwanko CLIP")
        return
    for model in missing:
        directory = runs / scenario.name / model
        print(f"{scenario.name} {model}", flush=True)
        call = command(scenario, model, directory, clip)
        if code := subprocess.run(call, check=False).returncode:
            exit_with(f"{directory} was not finished; correct the error above and repeat", code)


def command(scenario: Scenario, model: str, directory: Path, clip: Path | None) -> list[str]:
    """The command that paints a scenario with a model, or resumes it."""
    start = [sys.executable, "-m", "vst"]
    if checkpoint_path(directory).is_file():
        return [*start, f"resume={directory}"]
    options = [f"experiment={scenario.name}", f"model={model}", f"hydra.run.dir={quoted(directory)}"]
    if scenario.clip_given and clip is not None:
        options.append(f"video.path={quoted(clip.resolve())}")
    return [*start, *options]


def finished(directory: Path) -> dict[str, Record]:
    """The records of a scenario's finished runs by model; prints which runs are missing.

    Raises `InputError` where the runs cannot be compared, since they differ in more than the model.
    """
    records = {
        model: record_of(directory / model) for model in MODELS if status(directory / model) == "finished"
    }
    if records and (missing := [model for model in MODELS if model not in records]):
        print(f"{directory} has no finished run of {', '.join(missing)}")
    if name := _difference(list(records.values())):
        raise InputError(
            f"the runs in {directory} differ in {name}; remove those that should be painted again"
        )
    return records


def _difference(records: Sequence[Record]) -> str | None:
    """A property other than the model in which runs differ and cannot be compared; None if there is none."""
    provenances = [record.provenance for record in records]
    for name in ("clip", "style", "motion"):
        if any(getattr(one, name) != getattr(provenances[0], name) for one in provenances):
            return name
    for name in ("alpha", "beta", "evaluations", "seed"):
        if any(one.config[name] != provenances[0].config[name] for one in provenances):
            return name
    return None


def figure(scenario: Scenario, directory: Path, records: Mapping[str, Record]) -> Picture:
    """The picture of a scenario: the content, and every model that has a record."""
    first = next(iter(records))
    shown = frames_shown(scenario, Table(directory / first / "metrics.csv").read(), directory)
    provenance = records[first].provenance
    config = provenance.config
    content = {frame.index: to_uint8(frame.content) for frame in build(config["video"]).read()}
    rows = [_row("content", content, shown, {})]
    for model, record in records.items():
        folder = directory / model / "frames"
        wanted = sorted({*shown, shown[-1] - 1})
        frames = {index: load_png(folder / f"{index:06d}.png") for index in wanted}
        rows.append(_row(model, frames, shown, record.summary))
    heads = [*(f"frame {index}" for index in shown), f"|frame {shown[-1]} - frame {shown[-1] - 1}|"]
    style = build(config["style"]).at(max(content[shown[0]].shape[:2])).image
    return lay_out(rows, heads, to_uint8(style), _notes(scenario, provenance))


def frames_shown(scenario: Scenario, table: Sequence[Mapping[str, str]], directory: Path) -> list[int]:
    """The frames of a figure, from the run's table; raises `InputError` where the run does not have them."""
    first = 0
    if scenario.at_cut:
        cuts = [int(row["frame"]) for row in table if row["cut"] == "1"]
        if not cuts:
            raise InputError(
                f"the runs in {directory} have no cut to show; paint {scenario.name} with its own options"
            )
        first = cuts[0]
    shown = [first + offset for offset in scenario.shown]
    if shown[-1] >= len(table):
        raise InputError(
            f"the runs in {directory} end before frame {shown[-1]}; paint more with video.frames"
        )
    return shown


def _row(name: str, frames: Mapping[int, Picture], shown: Sequence[int], summary: Summary) -> Row:
    last = shown[-1]
    now, before = (torch.from_numpy(frames[index]).float() for index in (last, last - 1))
    return Row(name, [frames[index] for index in shown], (now - before).abs().mean(2) / 255, summary)


def _notes(scenario: Scenario, provenance: Provenance) -> list[str]:
    """What was painted, and the meaning of the numbers."""
    clip, config, judge = provenance.clip, provenance.config, provenance.motion
    assert clip.size is not None
    width, height = clip.size
    motion = "the exact motion" if judge == "exact" else f"the motion that {judge} finds"
    return [
        f"{scenario.caption} of {clip.name} in the style of {provenance.style}; {clip.frames} frames of "
        f"{width} x {height} pixels, {config['evaluations']} evaluations each. Right: mean absolute change of "
        f"the channels from one frame to the next.",
        f"Warping error: MSE of a painted frame and the one before it, moved along {motion}; long: of the one "
        f"{config['callbacks']['metrics']['interval']} frames before. All are means over the frames; a dash "
        f"where there is nothing to measure. Lower is better, except that ghosting is best at 0 and newly "
        f"visible strokes at 1; the best are marked.",
    ]


def save(path: Path, picture: Picture) -> None:
    """Write a figure as a visually lossless JPEG: PNGs of paintings take megabytes."""
    with atomic_write(path) as aside:
        Image.fromarray(picture).save(aside, "JPEG", quality=92, subsampling=0, optimize=True)


if __name__ == "__main__":
    main()
