"""How many cores each run uses where several share a machine."""

from __future__ import annotations

import os


def limit_threads() -> int:
    """Limit torch and OpenCV to this process's number of cores, and return it.

    That is OMP_NUM_THREADS, set by the user or by `divide_cores`, else what SLURM allotted to the job, else all cores
    that the process may run on. torch reads OMP_NUM_THREADS itself, but joblib also sets MKL_NUM_THREADS in its
    workers, which takes precedence; OpenCV reads neither.
    """
    import cv2
    import torch

    limit = os.environ.get("OMP_NUM_THREADS") or os.environ.get("SLURM_CPUS_ON_NODE") or ""
    if limit.isdecimal() and int(limit) > 0:
        torch.set_num_threads(int(limit))
    threads = torch.get_num_threads()
    cv2.setNumThreads(threads)
    return threads


def divide_cores(jobs: int) -> None:
    """Divide the cores among `jobs` processes that are about to start, unless the user has set OMP_NUM_THREADS."""
    from joblib import cpu_count  # counts the cores that this process may run on, under cgroups too

    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cpu_count() // jobs)))
