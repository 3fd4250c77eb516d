"""How many cores a run takes, where several share a machine."""

from __future__ import annotations

import os


def limit_threads() -> int:
    """Keep torch and OpenCV to the cores that are this process's own, and return how many.

    They are what OMP_NUM_THREADS says, by the user or by whoever shares the machine out among several runs,
    else what SLURM allotted the job, else all that the process may run on. torch reads OMP_NUM_THREADS, but a
    worker of joblib's has MKL_NUM_THREADS set beside it, which wins; OpenCV reads neither.
    """
    import cv2
    import torch

    said = os.environ.get("OMP_NUM_THREADS") or os.environ.get("SLURM_CPUS_ON_NODE") or ""
    if said.isdecimal() and int(said) > 0:
        torch.set_num_threads(int(said))
    threads = torch.get_num_threads()
    cv2.setNumThreads(threads)
    return threads


def divide_cores(jobs: int) -> None:
    """Give each of `jobs` processes that are about to start its share of the cores; the user's own word stands."""
    from joblib import cpu_count  # counts the cores that this process may run on, under cgroups too

    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cpu_count() // jobs)))
