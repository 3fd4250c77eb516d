"""The workspace is written without an account, and shows nothing but what a real run logs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vst.metrics.clip import METRICS

SCRIPT = Path(__file__).parents[2] / "experiments" / "wandb_workspace.py"


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The workspace, written as a user would."""
    file = tmp_path_factory.mktemp("workspace") / "workspace.json"
    done = call("--project", "mine", "--entity", "team", "--json", str(file))
    assert (done.returncode, done.stdout) == (0, f"{file}\n")
    return json.loads(file.read_text(encoding="utf-8"))


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # no account is known, wherever the tests run
    known = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(SCRIPT.parents[1])}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True, text=True, env={**known, **environment}, check=False,
    )  # fmt: skip


def sections(view: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {
        section["name"]: section["panels"]
        for section in view["spec"]["section"]["panelBankConfig"]["sections"]
    }


def test_it_is_the_projects(view: dict[str, Any]) -> None:
    assert (view["entity"], view["project"]) == ("team", "mine")
    (runs,) = view["spec"]["section"]["runSets"]
    assert [(key["section"], key["name"]) for key in runs["grouping"]] == [
        ("run", "group"),
        ("config", "model.value"),
    ]
    assert runs["runFeed"]["columnPinned"]["summary:summary/warping_error"]


def test_lines_have_the_axis_that_runs_log_them_against(view: dict[str, Any]) -> None:
    lines = [
        panel["config"]
        for panels in sections(view).values()
        for panel in panels
        if "xAxis" in panel["config"]
    ]
    lines = [line for line in lines if "metrics" in line]
    assert len(lines) == len(METRICS) + 11
    axes = {"frame": "frame", "curve": "evaluation"}
    for line in lines:
        (name,) = line["metrics"]
        assert line["xAxis"] == axes[name.split("/")[0]]
        assert "(" in line["yAxisTitle"]


def test_a_model_has_one_colour_in_every_group(view: dict[str, Any]) -> None:
    from urllib.parse import unquote

    colours = view["spec"]["section"]["customRunColors"]
    assert len(colours) == 6 * 3 * 10
    of_model: dict[str, set[str]] = {}
    for key, colour in colours.items():
        path = json.loads(unquote(key.rsplit(":", 1)[1]))
        of_model.setdefault(path[1]["value"], set()).add(colour)
    assert all(len(found) == 1 for found in of_model.values())
    assert len(set.union(*of_model.values())) == 10


def test_without_an_account_there_is_one_sentence(tmp_path: Path) -> None:
    done = call()
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "wandb login" in done.stderr
    assert "--json" in done.stderr
