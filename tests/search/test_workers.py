from __future__ import annotations

import importlib.util
import multiprocessing.connection
import multiprocessing.context
import sys
from pathlib import Path

import pytest

import vst.search.workers
from vst.search.workers import Task, Workers, paint


def test_a_system_without_fork_server_has_workers(monkeypatch, tmp_path):
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    with Workers(1) as pool:
        pool.start(Task("0", tmp_path / "0", ["model=robots"]))
        _, outcome = pool.next()
    assert outcome.status == "failed"
    assert "model=robots is not known" in outcome.reason

    # as on Windows
    monkeypatch.delattr(multiprocessing.context, "ForkServerContext")
    spec = importlib.util.spec_from_file_location("workers_there", Path(vst.search.workers.__file__))
    assert spec is not None
    assert spec.loader is not None
    there = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, there)
    spec.loader.exec_module(there)
    assert there.Workers(1).idle


@pytest.mark.parametrize(("given", "loggers"), [([], set()), (["logger=wandb"], {"wandb"})])
def test_a_trial_is_logged_elsewhere_only_if_asked(monkeypatch, tmp_path, given, loggers):
    logged = []
    monkeypatch.setattr("vst.runs.run.run", lambda cfg, *rest, **options: logged.append(set(cfg.logger)))
    monkeypatch.setattr("vst.search.workers.finished_outcome", lambda directory: None)
    paint(Task("0", tmp_path, ["model=naive", *given]))
    assert logged == [loggers]
