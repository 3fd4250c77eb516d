from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from pathlib import Path

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from tests import run_directories
from tests.processes import Program, program
from vst.assets import fetch
from vst.config import conf_dir, register_schema
from vst.errors import InputError
from vst.features import weights
from vst.features.vgg import VGG19

# W&B is where a run is logged by default; its own tests take this back. Processes that tests start inherit it.
os.environ["WANDB_MODE"] = "disabled"

Start = Callable[..., Program]

SLOW = (
    *("notebooks/", "tests/compare/report/test_browser", "tests/docs/test_site"),
    *(
        "tests/experiments/test_wandb_workspace",
        "tests/search/test_search.py",
        "tests/search/test_workers.py",
        "tests/training/test_train.py",
    ),
    *(
        f"tests/runs/test_{name}.py"
        for name in (
            "cli",
            "coherence",
            "damage",
            "grid",
            "killed_at_the_end",
            "lanes",
            "mlflow",
            "network",
            "resume",
            "run",
            "shots",
            "tensorboard",
            "wandb",
            "wandb_server",
        )
    ),
)
"""Where tests start programs, paint, drive a browser or build the site; `make test-fast` leaves them out."""


LONGEST = (
    "tests/runs/test_grid.py",
    "tests/search/test_search.py",
    "tests/runs/test_resume.py",
    "tests/metrics/test_newly_painted.py",
    "tests/runs/test_lanes.py",
    "tests/runs/test_shots.py",
    "tests/compare/report/test_browser.py",
    "tests/runs/test_coherence.py",
    "tests/runs/test_wandb.py",
    "notebooks/",
    "tests/runs/",
)
"""Files that take longest. They begin first, so that no worker is left with one of them while the others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, and put the longest files first, in one place."""
    items.sort(
        key=lambda item: next(
            (n for n, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST)
        )
    )
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real clips and paintings beside the repository."""
    folder = Path(__file__).resolve().parents[1].parent / "shared"
    if not folder.is_dir():
        pytest.skip("the real clips and paintings are not beside the repository (../shared)")
    return folder


@pytest.fixture(scope="session")
def write_run() -> run_directories.WriteRun:
    """Give the function that writes a run's directory by hand."""
    return run_directories.write_run


@pytest.fixture(scope="session")
def random_backbone() -> VGG19:
    """Return VGG-19 with random filters, which need no download."""
    return VGG19(weights.random())


@pytest.fixture(scope="session")
def normalised() -> weights.Filters:
    """Return the filters that a run uses by default, fetched once into the user's own cache."""
    try:
        fetch("vgg19-normalised")
    except InputError as error:
        pytest.skip(f"the normalised filters cannot be had: {error}")
    return weights.normalised()


@pytest.fixture
def compose(tmp_path: Path) -> Iterator[Callable[..., DictConfig]]:
    """Give the function that composes the configuration as the command line would, with its overrides."""
    register_schema()

    def make(*overrides: str) -> DictConfig:
        GlobalHydra.instance().clear()
        with hydra.initialize_config_dir(str(conf_dir().resolve()), version_base="1.3"):
            return hydra.compose("config", [f"paths.run='{tmp_path / 'run'}'", *overrides])

    yield make
    GlobalHydra.instance().clear()


@pytest.fixture(scope="session")
def server() -> multiprocessing.context.ForkServerContext:
    """Forks processes that have all that is slow in their beginning behind them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.preloaded"])
    ensure_running()
    return context


@pytest.fixture
def start(
    server: multiprocessing.context.ForkServerContext, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """`start(*arguments)` starts `python -m vst` as a process of its own, in the `folder` if one is given."""
    started: list[BaseProcess] = []

    def start(*arguments: str, folder: Path | None = None) -> Program:
        said = tmp_path_factory.mktemp("said") / "said"
        process = server.Process(target=program, args=(arguments, folder, dict(os.environ), said))
        process.start()
        started.append(process)
        return Program(process, said)

    yield start
    for process in started:
        process.kill()
        process.join()


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who is in no list of users, as in a container, and whose HOME is not set."""
    pwd = pytest.importorskip("pwd")

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.fixture(params=["pipe", "device", "folder"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What can be opened, but would be read without end, waited for, or not read at all."""
    path = tmp_path / "no_file"
    match request.param:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
    return path
