"""The command line as a user meets it: answers, statuses, and several runs in one call."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.processes import finish
from vst import cli
from vst.runs.table import Table

Launch = Callable[..., BaseProcess]
Vst = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def vst(tmp_path: Path, start: Start) -> Vst:
    """Call the program, in a directory of its own."""
    return lambda *arguments: start(*arguments, folder=tmp_path).ended()


def test_help_names_the_choices(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vst", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for words in ("model: anystyle, enhanced, flow, keyframes, mse, naive", "video.path=clip.mp4", "resume="):
        assert words in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["model=foo"],
            "model=foo is not known; choose one of: anystyle, enhanced, flow, keyframes, mse, naive",
        ),
        (["modle=flow"], "did you mean model"),
        (["evaluations=many"], "evaluations=many is not a whole number"),
        (["eta=strong"], "eta=strong is not a number"),
        (["+typo=1"], "typo is not an option"),
        (["video.strat=1"], "video.strat is not an option"),
        (["+video.strat=1"], "video.strat is not an option here; video has: frames, height, seed, width"),
        (["+loss.coherence.wrap=x"], "loss.coherence.wrap is not an option here"),
        (["backbone.pooling=median"], "choose one of: max, average"),
        (["video=carphone", "video.size=large"], "video.size=large is not"),
        (["experiment=fig9"], "experiment=fig9 is not known"),
        (["video=file"], "video.path is not given"),
        (["model=naive", "eta=5"], "has no coherence"),
        (["beta=1e5,"], "cannot be understood"),
        (["video=file", "video.path=nowhere.mp4"], "nowhere.mp4 does not exist"),
        (["resume=nowhere"], "nowhere holds no run"),
        (["pair=ink:talk"], "pair is only for a grid of runs; add -m"),
        (["-m", "pair=ink:tlak,ink:talk"], "pair=ink:tlak: tlak is neither a file nor a video"),
        (["-m", "pair="], "pair is empty"),
        (["model=naive", "-m", "eta=5", "beta=1,2"], "has no coherence"),
        (["-m", "pair=ink:talk", "pair=swirls:talk"], "pair is given twice"),
        (["-m", "pair=a=1/wave.png:talk"], "vst: pair=a=1/wave.png:talk cannot be understood"),
        (
            ["-m", "model=mse", "hydra/launcher=slurm"],
            "choose one of: basic, joblib, submitit_local, submitit_slurm",
        ),
        (["-m", "pair=ink:talk", "style=swirls"], "style is given as well as pair"),
        (["-m", "model=naive", "eta=5,6"], "eta is 5, but the model naive has no coherence"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_calls_get_one_sentence(tmp_path: Path, vst: Vst, arguments: list[str], sentence: str) -> None:
    done = vst(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.startswith("vst: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize("grid", [False, True], ids=["a run", "a grid"])
def test_a_refused_run_leaves_an_empty_directory_of_the_users(tmp_path: Path, vst: Vst, grid: bool) -> None:
    for name in ("theirs/naive-swirls-file", "outputs"):
        (tmp_path / name).mkdir(parents=True)
    missing = ["model=naive", "video=file", "video.path=nowhere.mp4"]
    place = "theirs/naive-swirls-file"
    where = ["hydra.sweep.dir=theirs", "-m"] if grid else [f"hydra.run.dir={place}"]
    done = vst(*missing, *where)
    assert "nowhere.mp4 does not exist" in done.stderr
    assert (tmp_path / place).is_dir()
    if not grid:
        done = vst(*missing, "hydra.run.dir=outputs/new/one")
        assert done.returncode == 2
        assert not list((tmp_path / "outputs").iterdir()), "what was made for the run is removed, no more"


def test_relative_paths_are_those_of_the_command_line(tmp_path: Path, vst: Vst) -> None:
    (tmp_path / "clip.mp4").write_text("no clip")
    done = vst("video=file", "video.path=clip.mp4", "hydra.job.chdir=true", "hydra.run.dir=run")
    assert done.returncode == 2
    assert f"{tmp_path / 'clip.mp4'}" in done.stderr
    assert "does not exist" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_errors_do_not_wait_for_torch() -> None:
    script = "import sys; sys.argv = ['vst', 'video=file', 'video.path=nowhere.mp4']\n"
    script += "from vst.cli import main\n"
    script += (
        "try: main()\nexcept SystemExit: print('torch' in sys.modules, 'pytorch_lightning' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False False"


def test_multirun_keeps_its_jobs_apart(tmp_path: Path, launch: Launch) -> None:
    sweep = tmp_path / "sweep"
    process = launch(
        "model=naive,mse", "eta=0,30", "video.frames=2", f"hydra.sweep.dir={sweep}", "--multirun"
    )
    assert finish(process) == 1, "naive with η = 30 is refused; the others are painted all the same"
    done = {path.parent.name for path in sweep.glob("*/metrics.json")}
    free, held = "mse-swirls-file-eta=0", "mse-swirls-file-eta=30"
    assert done == {"naive-swirls-file-eta=0", free, held}
    coherence = [float(Table(sweep / job / "metrics.csv").read()[1]["coherence"]) for job in (free, held)]
    assert coherence[1] < coherence[0]
    assert (sweep / free / ".hydra" / "overrides.yaml").is_file()


def test_it_runs_from_anywhere(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "vst"), "--cfg", "job"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "alpha: 1.0" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["model=naive"], ""),
        (["--config-dir", "my sweep", "experiment=best"], "--config-dir 'my sweep'"),
        (["--config-dir=sweep"], "--config-dir sweep"),
        (["-cd", "sweep"], "--config-dir sweep"),
    ],
)
def test_what_resumes_a_run_names_the_folder_of_its_experiment(arguments: list[str], option: str) -> None:
    assert cli._config_dir(arguments) == option
