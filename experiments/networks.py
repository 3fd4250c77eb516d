"""Measures a network that is trained on the clip it paints against robust, and writes experiments/networks.md.

    python experiments/networks.py [-o experiments/networks.md] [--runs multirun/networks] [--clip bikes]
                                   [--size 426] [--steps 2000] [--frames 5]

What is compared: the losses and coherence of both paintings of the same frames, and processor time, which other
programs on the machine do not lengthen as they do the time on the clock. robust has several budgets, as a network's
losses are to be had from it for fewer evaluations than it has by default. The first frame is also optimised from the
content and from the network's painting. Finished runs are not repeated.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from figure_table import table_line
from records import Summary, number, status, summary_of

from vst.commandline import exit_with, reporting_errors
from vst.config import quoted
from vst.files import write_text
from vst.formatting import legible
from vst.runs.rows import read_curves
from vst.training.run import network_path

BUDGETS = (10, 20, 40, 60)
"""Evaluations a frame that robust is given."""

FIGURES = {"style": "style loss", "content": "content loss", "warping_error": "warping error"}


def main() -> None:
    """Train and paint what is missing, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="output", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--runs", type=Path, default=Path("multirun/networks"), help="where the runs are")
    parser.add_argument("--clip", default="bikes", help="a choice of the group video, read from a file")
    parser.add_argument("--size", type=int, default=426, help="a frame's longer side, in pixels")
    parser.add_argument("--steps", type=int, default=2000, help="steps of the training")
    parser.add_argument("--frames", type=int, default=5, help="frames that are painted for the comparison")
    given = parser.parse_args()
    with reporting_errors():
        runs = given.runs / f"{given.clip}-{given.size}-{given.steps}"
        clip = [f"video={given.clip}", f"video.size={given.size}"]
        some, one = [*clip, f"video.frames={given.frames}"], [*clip, "video.frames=1"]
        trained = network_path(runs / "training")
        with_network = f"network={quoted(trained)}"
        options = ["eta=3e4", f"size={given.size}", f"steps={given.steps}", f"data={given.clip}"]
        seconds = {"training": made(runs / "training", ["vst.train", *options], trained.is_file())}
        whole = [f"evaluations={BUDGETS[-1]}", "optimizer.tolerance=0"]
        compared = {
            "anystyle": ["model=anystyle", *some],
            "network": ["model=network", with_network, *some],
        }
        compared |= {robust(budget): ["model=robust", *some, f"evaluations={budget}"] for budget in BUDGETS}
        first_frame = {
            "from content": ["model=naive", *one, *whole],
            "from network": ["model=naive", "start=network", with_network, *one, *whole],
        }
        for name, asked in {**compared, **first_frame}.items():
            seconds[name] = made(runs / name, ["vst", *asked], status(runs / name) == "finished")
        summaries = {name: summary_of(runs / name) for name in compared}
        curves = {name: totals(runs / name) for name in ("from content", "from network")}
        write_text(given.output, page(given, seconds, summaries, curves))
        print(given.output)


def robust(budget: int) -> str:
    """The name of robust's run with a budget."""
    return f"robust, {budget} evaluations"


def made(directory: Path, call: Sequence[str], finished: bool) -> float:
    """Seconds of processor time that a program took, which is run unless it has finished before."""
    kept = directory.with_name(f"{directory.name}.seconds")
    if not finished:
        print(directory, flush=True)
        before = _children()
        command = [sys.executable, "-m", *call, f"hydra.run.dir={quoted(directory)}"]
        if code := subprocess.run(command, check=False).returncode:
            exit_with(f"{directory} was not finished; correct the error above and repeat", code)
        write_text(kept, f"{_children() - before:.1f}\n")
    return float(kept.read_text(encoding="utf-8"))


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


Curve = Sequence[tuple[float, float]]
"""Evaluations spent, those of smaller scales counted by their area, and the lowest total loss at full size so far."""


def totals(directory: Path) -> Curve:
    """The curve of a run's first frame; a loss at a smaller scale is of another image, and is left out."""
    rows = [{name: row[name] or 0.0 for name in ("size", "total")} for row in read_curves(directory)[0]]
    full = max(row["size"] for row in rows)
    curve: list[tuple[float, float]] = []
    spent = 0.0
    for row in rows:
        spent += (row["size"] / full) ** 2
        if row["size"] == full:
            curve.append((spent, min([row["total"], *(lowest for _, lowest in curve[-1:])])))
    return curve


def lowest_after(curve: Curve, spent: float) -> float | None:
    """The lowest loss for so many evaluations; None where that is too few for the full size."""
    # half an evaluation more, since areas do not add up to whole numbers
    return next((total for at, total in reversed(curve) if at <= spent + 0.5), None)


def overtakes(training: float, network: float, robust: float) -> float:
    """Frames from which training and painting by the network take less time than robust, given both a frame."""
    return training / (robust - network)


def equal(summaries: Mapping[str, Summary]) -> str | None:
    """The cheapest of robust's runs whose style and content losses are no higher than the network's, if any is."""
    wanted = summaries["network"]
    names = (robust(budget) for budget in BUDGETS)
    return next(
        (
            name
            for name in names
            if all(number(summaries[name], key) <= number(wanted, key) for key in ("style", "content"))
        ),
        None,
    )


def reached(curve: Curve, total: float) -> float | None:
    """The evaluations after which a curve has come down to a loss; None where it never does."""
    return next((spent for spent, lowest in curve if lowest <= total), None)


def page(
    given: argparse.Namespace,
    seconds: Mapping[str, float],
    summaries: Mapping[str, Summary],
    curves: Mapping[str, Curve],
) -> str:
    """The results as Markdown."""
    each = {name: seconds[name] / given.frames for name in summaries}
    rows = [
        table_line(["", *FIGURES.values(), "processor seconds a frame"]),
        table_line(["---", *["---:"] * 4]),
    ]
    for name, found in summaries.items():
        rows.append(
            table_line([name, *(legible(number(found, key)) for key in FIGURES), legible(each[name])])
        )
    rival = equal(summaries)
    best = robust(BUDGETS[-1])
    ratios = [legible(number(summaries["network"], key) / number(summaries[best], key)) for key in FIGURES]
    rows.append(table_line([f"network / {best}", *ratios, legible(each["network"] / each[best])]))
    if rival is None:
        verdict = "None of these runs of robust has both losses as low as the network's"
    else:
        frames = legible(overtakes(seconds["training"], each["network"], each[rival]))
        errors = legible(
            number(summaries["network"], "warping_error") / number(summaries[rival], "warping_error")
        )
        verdict = (
            f"{rival[0].upper()}{rival[1:]}, is the cheapest run with both losses no higher than the network's.\n"
            f"Against it, training and painting take less time from {frames} frames on, with {errors} times its\n"
            f"warping error"
        )
    most = legible(overtakes(seconds["training"], each["network"], each[best]))
    content, network = curves["from content"], curves["from network"]
    saved = [table_line(["evaluations", "from the content", "from the network"]), table_line(["---:"] * 3)]
    for count in (1, 5, 10, 20, 40, BUDGETS[-1]):
        pair = (lowest_after(curve, count) for curve in (content, network))
        saved.append(table_line([str(count), *("–" if loss is None else legible(loss) for loss in pair)]))
    reach = "; ".join(
        f"the loss of {count} evaluations from the content after "
        f"{'more than ' + str(BUDGETS[-1]) if after is None else f'{after:.0f}'} from the network"
        for count in BUDGETS
        if (loss := lowest_after(content, count)) is not None
        for after in [reached(network, loss)]
    )
    return PAGE.format(
        given=given,
        rows="\n".join(rows),
        training=legible(seconds["training"]),
        step=legible(seconds["training"] / given.steps),
        verdict=verdict,
        best=best,
        most=most,
        saved="\n".join(saved),
        reach=reach,
    )


PAGE = """\
# A network for one clip

Made by `python experiments/networks.py`. A network of width 32 was trained on the clip {given.clip} and the painting
swirls, at {given.size} pixels, {given.steps} steps of one frame each, with the coherence of consecutive frames
(η = 3×10⁴), in {training} seconds of processor time on one core: {step} a step, the program's start included. Then
it, robust, and the network of anystyle, which was trained for any painting, painted the first {given.frames} frames of
the clip. Processor time is that of the whole program, metrics
and start included.

{rows}

{verdict}. Against {best},
training and painting take less time from {most} frames on, at the losses of the table.

## As the start of a first frame

The lowest total loss of the first frame after so many evaluations of the optimisation, without a tolerance. From the
content it is painted coarse to fine, evaluations of smaller scales counted by their area; from the network at its own
size alone:

{saved}

It comes to {reach}.
"""


if __name__ == "__main__":
    main()
