"""Searches each model's best η in each of the paper's scenarios, and writes experiments/best_eta.yaml.

    python experiments/best_eta.py [--runs multirun/best_eta] [--only fig1,fig3] [--dwanko CLIP]

The best η, used for a fair comparison, has the lowest warping error at a style loss of at most 1.05 times naive's. The
search goes through a ladder of 1, 3, 10 …, from the value in the file, or else the model's default: up while the style
loss is within the limit, or else down until it is. Finished runs are not repeated, and the file's values for other
scenarios are kept.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from figures import BEST_ETA, MOST_STYLE, SCENARIOS, TUNED, Scenario, choose, command, status
from omegaconf import OmegaConf

from vst.commandline import reporting_errors
from vst.composing import composed
from vst.files import write_text

LADDER = (1e2, 3e2, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6)

HEADER = """\
# The eta of each model in each scenario with the lowest warping error at a style loss of at most 1.05 times naive's,
# on a ladder of 1, 3, 10 …; made by experiments/best_eta.py.
"""

Summary = Mapping[str, Any]


def main() -> None:
    """Run the search, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("multirun/best_eta"), help="where the runs are")
    parser.add_argument("--only", help="scenarios to search, separated by commas; by default, all")
    parser.add_argument("--dwanko", type=Path, help="the clip of fig2_real, which is skipped without it")
    given = parser.parse_args()
    with reporting_errors():
        search_all(choose(given.only), given.runs, given.dwanko)


def search_all(scenarios: Sequence[Scenario], runs: Path, dwanko: Path | None) -> None:
    """Search the scenarios one after another, and write the file after each."""
    found = OmegaConf.to_container(OmegaConf.load(BEST_ETA)) if BEST_ETA.is_file() else {}
    assert isinstance(found, dict)
    for scenario in scenarios:
        if scenario.clip_given and dwanko is None:
            print(f"{scenario.name} is skipped: no package contains its clip; name it with --dwanko CLIP")
            continue
        naive = summary_of(scenario, "naive", 0.0, runs, dwanko)
        for model in TUNED:

            def try_eta(eta: float, scenario: Scenario = scenario, model: str = model) -> Summary:
                return summary_of(scenario, model, eta, runs, dwanko)

            best = found.setdefault(scenario.name, {})
            best[model] = int(search(float(best.get(model) or default_eta(model)), try_eta, naive["style"]))
        ordered = {scenario.name: found[scenario.name] for scenario in SCENARIOS if scenario.name in found}
        write_text(BEST_ETA, HEADER + OmegaConf.to_yaml(OmegaConf.create(ordered)))


def default_eta(model: str) -> float:
    """The η from which a model's first search begins."""
    return composed([f"model={model}"]).eta


def search(begin: float, try_eta: Callable[[float], Summary], naive_style: float) -> float:
    """The best η of the ladder, searched up from the rung nearest to `begin`, or down if its style loss is too high.

    If the style loss is always too high, the lowest η tried.
    """
    tried: dict[float, Summary] = {}

    def allowed(rung: int) -> bool:
        tried[LADDER[rung]] = try_eta(LADDER[rung])
        return tried[LADDER[rung]]["style"] <= MOST_STYLE * naive_style

    rung = min(range(len(LADDER)), key=lambda index: abs(math.log(LADDER[index] / begin)))
    if allowed(rung):
        while rung + 1 < len(LADDER) and allowed(rung + 1):
            rung += 1
    else:
        while rung > 0 and not allowed(rung - 1):
            rung -= 1
    fair = {eta: run for eta, run in tried.items() if run["style"] <= MOST_STYLE * naive_style}
    return min(fair, key=lambda eta: fair[eta]["warping_error"]) if fair else min(tried)


def summary_of(scenario: Scenario, model: str, eta: float, runs: Path, clip: Path | None) -> Summary:
    """The summary of a scenario's run with a model and an η, which is painted unless it is finished."""
    directory = runs / scenario.name / (f"{model}-{eta:g}" if eta else model)
    if status(directory) != "finished":
        print(f"{scenario.name} {model} {eta:g}", flush=True)
        call = command(scenario, model, {model: eta}, directory, clip)
        if code := subprocess.run(call, check=False).returncode:
            sys.exit(code)
    summary = json.loads((directory / "metrics.json").read_text(encoding="utf-8"))["summary"]
    print(f"  style {summary['style']:.4g}, warping error {summary['warping_error']:.4g}", flush=True)
    return summary


if __name__ == "__main__":
    main()
