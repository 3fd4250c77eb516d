"""Every command that the documentation shows is one that the program understands."""

from __future__ import annotations

import argparse
import itertools
import re
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest
from omegaconf import OmegaConf

import vst.compare.evaluate.request
import vst.compare.plots.command
import vst.compare.report.command
import vst.search.command
from vst.composing import composed, with_run_directory
from vst.config import choices
from vst.runs.configuration import configuration_path, stored_overrides
from vst.runs.settings import resolve
from vst.search.grid import pair_options
from vst.search.space import read
from vst.training.command import configuration
from vst.training.settings import resolve_training

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SHELL = ("sh", "bash")
OTHER_LANGUAGES = ("python", "yaml")
NAMED = ("clip.mp4", "theirs.mp4", "painting.jpg", "wave.jpg", "surf.mp4")
"""Files that the documentation takes for granted."""


class Fence(NamedTuple):
    """A fenced block: where it stands, its language, and its lines, each with where it stands."""

    place: str
    language: str
    lines: list[tuple[str, str]]


def fences() -> Iterator[Fence]:
    for document in DOCUMENTS:
        open_fence: Fence | None = None
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
            place = f"{document.relative_to(ROOT)}:{number}"
            if mark := re.match(r"\s*(?:```|~~~)\s*(.*)", line):
                if open_fence is None:
                    open_fence = Fence(place, mark[1].strip(), [])
                else:
                    yield open_fence
                    open_fence = None
            elif open_fence is not None:
                open_fence.lines.append((place, line))
        assert open_fence is None, f"{open_fence and open_fence.place} opens a block that does not end"


FENCES = list(fences())


def commands() -> list[tuple[str, str]]:
    """The commands in fenced blocks, each with the place where it stands."""
    found = []
    for fence in FENCES:
        joined = ""
        for place, line in fence.lines if fence.language in SHELL else []:
            joined += line.strip()
            if joined.endswith("\\"):
                joined = joined[:-1]
            elif joined:
                found.append((place, joined))
                joined = ""
    return found


COMMANDS = commands()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to stand in, with the files that commands name."""
    for name in NAMED:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)


def test_there_are_commands():
    assert len(COMMANDS) > 25
    assert {place.partition(":")[0] for place, _ in COMMANDS} >= {"README.md", "docs/grids.md"}


def test_every_block_says_its_language_so_that_no_command_is_overlooked():
    unknown = [f.place for f in FENCES if f.language not in (*SHELL, *OTHER_LANGUAGES)]
    assert unknown == []


def check(place: str, line: str) -> None:
    """Fail, and name the place, where a command is not one that the program understands."""
    try:
        understand(line)
    except SystemExit as error:  # the parsers' way of refusing
        pytest.fail(f"{place}: {line}: exit status {error.code}")
    except Exception as error:
        pytest.fail(f"{place}: {line}: {type(error).__name__}: {error}")


# wandb_workspaces, which a script imports, still has validators in the form of pydantic 1
@pytest.mark.filterwarnings("ignore:Pydantic V1 style:DeprecationWarning")
@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("place", "line"), COMMANDS, ids=[place for place, _ in COMMANDS])
def test_the_program_understands(place: str, line: str):
    check(place, line)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "line",
    [
        "make dinner",
        "rm -rf outputs",
        ".venv/bin/vst model=naiv",
        ".venv/bin/vst modle=naive",
        ".venv/bin/vst -m model=naive,naiv",
        ".venv/bin/vst evaluate content=clip.mp4 stylised=theirs.mp4",
        ".venv/bin/vst report --dwanko multirun",
        ".venv/bin/python -m vst.reports multirun",
        ".venv/bin/python experiments/figures.py --dwank",
        ".venv/bin/python experiments/figure.py",
        "wandb sweep experiments/sweeps/none.yaml",
    ],
)
def test_a_wrong_command_is_noticed(line: str):
    with pytest.raises(pytest.fail.Exception, match=r"^docs/some\.md:3: "):
        check("docs/some.md:3", line)


def understand(line: str) -> None:
    """Raise where a line of a shell is not understood."""
    words = shlex.split(line, comments=True)
    if not words:  # a comment
        return
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        del words[0]
    program, arguments = words[0].rpartition("/")[2], words[1:]
    match program, arguments:
        case "make", targets:
            for target in targets:
                assert "=" in target or has_target(target), f"the Makefile has no target {target}"
        case "vst", _:
            understand_vst(arguments)
        case "python", ["-m", module, *rest] if module.partition(".")[0] == "vst":
            understand_vst([*module.split(".")[1:], *rest])
        case "python", ["-m", "pytest", path, *_]:
            assert (ROOT / path).exists(), f"{path} does not exist"
        case "python", ["-m", "pip", "download", *_]:
            pass
        case "python", [script, *options]:
            parse_with_its_own_parser(ROOT / script, options)
        case "wandb", ["sweep", file]:
            assert (ROOT / file).is_file(), f"{file} does not exist"
        case "wandb", ["sync", folder]:
            assert folder.endswith("/wandb"), "W&B's folder in a run's directory is sent"
        case "git" | "(cd" | "unzip", _:  # others' programs, with others' files
            pass
        case _:
            raise ValueError("no test knows this kind of command; teach it to tests/docs/test_commands.py")


def has_target(target: str) -> bool:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) is not None


class _Parsed(BaseException):
    """A script's parser has accepted its options."""


def parse_with_its_own_parser(script: Path, options: Sequence[str]) -> None:
    """Run a script up to where it has parsed its options."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(parser: argparse.ArgumentParser, *given: object) -> NoReturn:
        parse(parser)
        raise _Parsed

    def refuse(parser: argparse.ArgumentParser, message: str) -> NoReturn:
        raise ValueError(message)

    assert "parse_args()" in script.read_text(encoding="utf-8"), f"{script.name} parses no options"
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
        patch.setattr(argparse.ArgumentParser, "error", refuse)
        patch.setattr(sys, "argv", [str(script), *options])
        patch.syspath_prepend(str(script.parent))
        with pytest.raises(_Parsed):
            runpy.run_path(str(script), run_name="__main__")
    # what it has imported from its own folder goes again
    for name in {file.stem for file in script.parent.glob("*.py")} & (set(sys.modules) - before):
        del sys.modules[name]


def understand_vst(arguments: Sequence[str]) -> None:
    """Raise where `vst` would not understand its arguments."""
    commands: dict[str, Callable[[Sequence[str]], object]] = {
        "evaluate": vst.compare.evaluate.request.parse,
        "report": vst.compare.report.command.parse,
        "plots": vst.compare.plots.command.parse,
        "sweep": lambda rest: read(vst.search.command.parse(rest).overrides),
        "train": lambda rest: resolve_training(configuration(rest)),
    }
    match arguments:
        case [name, *rest] if name in commands:
            commands[name](rest)
        case ["-m", *rest]:
            pairs = [pair_options(pair) for word in rest if "pair=" in word for pair in word[5:].split(",")]
            swept = [word for word in rest if "pair=" not in word and word != "shots=all"]
            products = itertools.product(*(alternatives(word) for word in swept))
            for options, pair in itertools.product(products, pairs or [[]]):
                resolve(with_run_directory(composed([*pair, *options])))
        case [resume] if resume.startswith("resume="):
            run = Path(resume.removeprefix("resume="))
            begun = ["model=flow", "evaluations=20"]
            configuration_path(run).parent.mkdir(parents=True)
            OmegaConf.save(composed(begun), configuration_path(run))
            OmegaConf.save(OmegaConf.create(begun), configuration_path(run).with_name("overrides.yaml"))
            settings = resolve(with_run_directory(composed([*stored_overrides(run), resume])))
            assert (settings["model"], settings["evaluations"]) == ("flow", 20)
        case options:
            resolve(with_run_directory(composed(options)))


def alternatives(option: str) -> list[str]:
    name, _, values = option.partition("=")
    return [f"{name}={value}" for value in values.split(",")]


def test_the_makes_in_the_text_are_targets():
    for place, words in inline(r"make ([a-z-]+)[^`]*"):
        assert has_target(words), f"{place}: the Makefile has no target {words}"


OPTION = r"[a-z_]+(?:[.@][a-z_.]+)?=[\w.\[\],|/-]+"
OTHERS = ("hydra", "pair=", "shots=all", "resume=", "content=", "loss=mean")
"""How options begin that are Hydra's, a command's, or an example of what one may add."""


def inline(pattern: str) -> Iterator[tuple[str, str]]:
    """What a pattern's first group matches between backticks, each once with the place where it stands first."""
    found: dict[str, str] = {}
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for match in re.finditer(rf"`{pattern}`", text):
            found.setdefault(
                match[1], f"{document.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
            )
    for words, place in found.items():
        yield place, words


def options_in_the_text() -> list[tuple[str, str]]:
    """Options, alone or several together, as they stand in the text; not those whose value is only a name for one."""
    found = inline(rf"({OPTION}(?: {OPTION})*)")
    return [(place, o) for place, o in found if not o.startswith(OTHERS) and not re.search("=[A-Z]", o)]


# options that only some configurations have, and one that has them
NEEDED = {
    "eta": "model=flow",
    "loss.coherence": "model=flow",
    "gate": "model=enhanced",
    "video.start": "video=bikes",
    "model=network": "network=network.safetensors",
    "start=network": "network=network.safetensors",
    "keyframes": "model=keyframes",
    "styles.night": "+style@styles.night=ink",
}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("place", "options"), [pytest.param(*found, id=" ".join(found)) for found in options_in_the_text()]
)
def test_options_in_the_text_are_options(place: str, options: str):
    for chosen in itertools.product(*(choices_of(word) for word in options.split(" "))):
        needed = [other for name, other in NEEDED.items() if any(word.startswith(name) for word in chosen)]
        files = ["video.path=clip.mp4"] if {"video=file", "video=pictures"} & set(chosen) else []
        files += ["style.path=painting.jpg"] if "style=file" in chosen else []
        check(place, shlex.join(["vst", *needed, *chosen, *files]))


def choices_of(word: str) -> list[str]:
    name, _, values = word.partition("=")
    several = values.split("|") if "[" in values else re.split(r"[|,]", values)
    return [f"{name}={value}" for value in several]


def test_every_choice_is_named():
    painting = (ROOT / "docs" / "painting.md").read_text(encoding="utf-8")
    models = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert all(f"`{model}`" in painting and f"`{model}`" in models for model in choices("model"))
    assert all(f"`{name}`" in painting for name in ("swirls", "facets", "ink", "talk", "anime", "battle"))
    assert all(re.search(rf"\b{flow}\b", models) for flow in choices("flow"))
