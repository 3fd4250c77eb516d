"""The runs of a grid as lanes of one optimisation, in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from vst.errors import InputError
from vst.runs.lanes import fitting_lanes
from vst.runs.parts import build_clip
from vst.runs.run import run
from vst.runs.signals import Interrupted, interruptible
from vst.search.grid import Job, Outcome, outcome_of

if TYPE_CHECKING:
    from vst.optim import Minimise


def paint_in_lanes(
    jobs: Sequence[Job], configurations: Mapping[Path, DictConfig], lanes: int
) -> dict[Path, Outcome]:
    """Paint the runs, `lanes` at a time, each in its own directory as if alone; the others go on if one fails."""
    # slow to import, as torch is
    from vst.painting.together import Together

    with interruptible():
        outcomes = Together[Outcome](lanes).paint(
            partial(_outcome, job, configurations[job.directory]) for job in jobs
        )
    found = zip(jobs, outcomes, strict=True)
    return {job.directory: outcome for job, outcome in found if outcome is not None}


def _outcome(job: Job, cfg: DictConfig, as_lane: Callable[[Minimise], Minimise]) -> Outcome:
    if cfg.callbacks.get("progress"):
        # progress bars of concurrent runs would overwrite each other
        OmegaConf.update(cfg, "callbacks.progress.name", job.name, force_add=True)
    try:
        return outcome_of(job.directory, lambda: run(cfg, job.overrides, again=True, as_lane=as_lane))
    except Interrupted as interrupted:
        return Outcome(f"ended by {interrupted}", interrupted.status)


def fitting(jobs: Sequence[Job]) -> int:
    """How many of the runs are painted at once where nobody says: what fits on a GPU, and 1 without one."""
    import torch

    settings = [job.settings for job in jobs if not isinstance(job.settings, Outcome)]
    wanted = {node["trainer"].get("accelerator") for node in settings}
    if not torch.cuda.is_available() or not wanted <= {"auto", "gpu", "cuda"} or differ_in_tf32(jobs):
        return 1
    clips = []
    for node in settings:
        with suppress(InputError):  # told by its run, which does not stop the others
            clips.append(build_clip(node).info)
    lanes = [fitting_lanes(info, torch.device("cuda")) for info in clips]
    return min(len(lanes), *lanes) if lanes else 1


def differ_in_tf32(jobs: Sequence[Job]) -> bool:
    """Whether some runs compute in TF32 and others do not: it is a switch of the whole process."""
    asked = {
        job.settings["backbone"].get("precision") for job in jobs if not isinstance(job.settings, Outcome)
    }
    return "tf32" in asked and len(asked) > 1
