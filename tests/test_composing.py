from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from vst import config
from vst.cli import main
from vst.compare.evaluate.request import parse as parse_request
from vst.composing import composed, parse, with_home, with_run_directory
from vst.config import choices, quoted
from vst.errors import InputError
from vst.runs.choices import own_targets
from vst.runs.settings import resolve
from vst.search.grid import pair_options


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "it's me"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.mark.parametrize("value", ["~/clip.mp4", "'~/clip.mp4'", '"~/clip.mp4"'])
def test_a_tilde_after_an_option_is_the_users_folder(home: Path, value: str) -> None:
    [given] = with_home([f"video.path={value}"])
    assert parse([given])[0].value() == str(home / "clip.mp4")


def test_each_of_several_values_may_begin_with_a_tilde(home: Path) -> None:
    [given] = with_home(["style.path=~/a.png,b.png,~/c.png"])
    assert given == f"style.path={quoted(home / 'a.png')},b.png,{quoted(home / 'c.png')}"


@pytest.mark.parametrize(
    "given", ["video.path=a~b", "~callbacks.progress", "video.path=./~/a", "eta=1", "-m"]
)
def test_any_other_tilde_stays(home: Path, given: str) -> None:
    assert with_home([given]) == [given]


def test_a_user_whom_nobody_knows_is_no_traceback() -> None:
    [given] = with_home(["video.path=~nobody-at-all/a.mp4"])
    assert parse([given])[0].value() == "~nobody-at-all/a.mp4"


def test_files_that_a_configuration_names_may_begin_with_a_tilde(home: Path) -> None:
    given = ["video=file", "style=file", "video.path='~/a.mp4'", "style.path='~/a.png'"]
    settings = resolve(with_run_directory(composed([*given, "backbone.weights.path='~/w.pth'"])))
    assert settings["video"]["path"] == str(home / "a.mp4")
    assert settings["style"]["path"] == str(home / "a.png")
    assert settings["backbone"]["weights"]["path"] == str(home / "w.pth")


def test_files_of_a_pair_and_of_an_evaluation_may_begin_with_a_tilde(home: Path) -> None:
    (home / "a.mp4").touch()
    assert pair_options("ink:~/a.mp4") == ["style=ink", "video=file", f"video.path={quoted(home / 'a.mp4')}"]
    request = parse_request(["content=~/a.mp4", "stylized=~/b.mp4", "style=~/c.png"])
    found = request.content, *request.stylized, request.style
    assert found == tuple(str(home / name) for name in ("a.mp4", "b.mp4", "c.png"))


def test_what_macos_puts_beside_files_is_no_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "content.yaml").write_text("_target_: vst.painting.start.content_start\n")
    (tmp_path / "start" / "._content.yaml").write_bytes(b"\x00\x05\x16\x07\xff")
    monkeypatch.setattr(config, "conf_dir", lambda: tmp_path)
    assert choices("start") == ["content"]
    monkeypatch.setattr("vst.runs.choices.conf_dir", lambda: tmp_path)
    assert own_targets.__wrapped__() == {"vst.painting.start.content_start"}


@pytest.mark.parametrize(
    ("override", "option"),
    [
        ("canvas={height: 3}", "canvas.height"),
        ("video.strat=1", "video.strat"),
        ("video={a: {b: 1}}", "video.a"),
    ],
)
def test_what_is_no_option_is_named(override: str, option: str) -> None:
    with pytest.raises(InputError, match=f"^{option} is not an option; see"):
        composed([override])


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """Call the program with an option that it refuses, and return what it says."""

    def call(option: str) -> str:
        monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
        monkeypatch.setattr(sys, "argv", ["vst", option, f"hydra.run.dir={tmp_path / 'run'}"])
        with pytest.raises(SystemExit, match="2"):
            main()
        GlobalHydra.instance().clear()
        return capsys.readouterr().err

    return call


@pytest.mark.parametrize(
    "option", ["hydra.verbose={}", "hydra.verbose=[1]", "hydra.verbose=1", "hydra.job_logging.version=9"]
)
def test_what_hydra_itself_stumbles_over_is_one_sentence(
    refused: Callable[[str], str], option: str, tmp_path: Path
) -> None:
    said = refused(option)
    assert said.startswith(f"vst: Hydra cannot begin with {option} ")
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", ["optimizer.tolerance=${oc.env:VST_NOWHERE}", "beta=${..x}"])
def test_what_is_referred_to_in_vain_is_one_sentence(
    refused: Callable[[str], str], option: str, tmp_path: Path
) -> None:
    said = refused(option)
    assert said.startswith("vst: an option refers to what cannot be found")
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_what_is_wrong_in_the_program_stays_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise TypeError("a fault")

    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr("vst.cli._results", fault)
    monkeypatch.setattr("vst.runs.run.run", lambda *_: tmp_path)
    monkeypatch.setattr(sys, "argv", ["vst", f"hydra.run.dir={tmp_path / 'run'}"])
    with pytest.raises(TypeError, match="a fault"):
        main()
    GlobalHydra.instance().clear()


@pytest.mark.parametrize(
    ("given", "loggers"),
    [
        ([], {"wandb"}),
        (["logger=csv"], set()),
        (["~logger"], set()),
        (["logger=[tensorboard,wandb]"], {"tensorboard", "wandb"}),
        (["logger=[wandb,csv]"], {"wandb"}),
        (["logger=[mlflow]", "logger.mlflow.tracking_uri=sqlite:///mine.db"], {"mlflow"}),
        (["logger=[wandb,mlflow]", "logger.wandb=null"], {"wandb", "mlflow"}),
    ],
)
def test_a_run_has_the_loggers_it_is_given(given: list[str], loggers: set[str]) -> None:
    assert resolve(with_run_directory(composed(given)))["logger"].keys() == loggers


@pytest.mark.parametrize(
    "given", ["logger=[wandb,tensorbord]", "logger=[wandb,3]", "logger=[[wandb]]", "logger=null"]
)
def test_a_logger_that_is_none_is_refused_with_the_choices(given: str) -> None:
    with pytest.raises(
        InputError, match=r"is no choice of logger; choose one of: csv, mlflow, tensorboard, wandb$"
    ):
        composed([given])


def test_choices_that_exclude_each_other_are_not_combined() -> None:
    with pytest.raises(InputError, match=r"is no choice of model; choose one of: anystyle, enhanced, "):
        composed(["model=[naive,mse]"])
