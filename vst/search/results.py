"""The results of a search: a table, the best settings as an experiment, and the report of all trials."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf

from vst.compare.report import write_report
from vst.composing import parse
from vst.config import conf_dir
from vst.errors import VstError
from vst.files import write_text
from vst.runs.table import Table
from vst.search.objective import LOSS_LIMITS, OBJECTIVES, Values, best
from vst.search.space import Space
from vst.search.study import Trials


def write_results(folder: Path, space: Space, trials: Trials, reference: Values) -> str:
    """Write trials.csv, experiment/best.yaml and report/; return the lines that say where they are."""
    table = Table(folder / "trials.csv")
    table.columns = ["number", *space.searched, *OBJECTIVES, "state", "front"]
    table.replace(trials.table())
    finished = trials.finished()
    if not finished:
        remedy = "the same command resumes them" if trials.unfinished() else "--prune 0 prunes none"
        raise VstError(
            f"no trial finished, so there is no best one; {table.path} lists the trials, and {remedy}"
        )
    choice = best(finished, reference)
    setting = trials.setting(choice.number)
    experiment = folder / "experiment" / "best.yaml"
    limits = ", ".join(f"{name} at most {most:g} times" for name, most in LOSS_LIMITS.items())
    remark = (
        "" if choice.within_limits else "; no trial is within the limits, and this one exceeds them least"
    )
    header = f"Trial {choice.number}: the lowest warping error with {limits} that of the reference{remark}."
    write_text(experiment, experiment_file(space.overrides(setting), header))
    # if several machines share the search, this folder may have no trials
    page = write_report(
        [runs for name in ("trials", "naive") if (runs := folder / name).is_dir()], folder / "report"
    )
    lines = [
        f"best          {' '.join(f'{option}={value}' for option, value in setting.items())}, trial {choice.number}"
        + remark,
        f"to run it     python -m vst --config-dir {shlex.quote(str(folder))} experiment=best",
        f"trials        {table.path}",
        f"side by side  {page}",
    ]
    return "\n".join(lines)


def experiment_file(overrides: Sequence[str], header: str) -> str:
    """An experiment (conf/experiment/) that composes to the same configuration as overrides of the command line."""
    others, added, choices = [], [], []
    values = OmegaConf.create()
    for override in parse(overrides):
        option = override.key_or_group
        if override.key_or_group == "experiment":
            others.append(override.value())
        elif (conf_dir() / option).is_dir():
            place = f"@{override.package}" if override.package else ""
            # a group that was added has no choice before it
            if override.is_add() or override.is_force_add():
                added.append({f"/{option}{place}": override.value()})
            else:
                choices.append({f"override /{option}{place}": override.value()})
        else:
            # a deleted option is written as null, which also builds nothing
            OmegaConf.update(values, option, override.value(), force_add=True)
    content = OmegaConf.create({"defaults": [*others, *added, "_self_", *choices]})
    return f"# @package _global_\n# {header}\n{OmegaConf.to_yaml(content)}{OmegaConf.to_yaml(values) if values else ''}"
