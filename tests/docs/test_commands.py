"""Every command that the documentation shows is one that the program understands."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

import vst.cli
import vst.compare.evaluate.request
import vst.compare.plots.command
import vst.compare.report.command
import vst.search.command
from vst.composing import composed, with_run_directory
from vst.config import choices
from vst.runs.settings import resolve
from vst.search.grid import pair_options
from vst.search.space import read

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = ("clip.mp4", "theirs.mp4", "painting.jpg", "wave.jpg", "surf.mp4")
"""Files that the documentation takes for granted."""


def commands() -> list[tuple[str, str]]:
    """The commands in fenced blocks, each with the place where it stands."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in FENCE.finditer(text):
            first = text[: block.start(1)].count("\n") + 1
            lines = enumerate(block[1].splitlines(), first)
            found += [(f"{document.relative_to(ROOT)}:{n}", line) for n, line in lines if line.strip()]
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


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("place", "line"), COMMANDS, ids=[place for place, _ in COMMANDS])
def test_the_program_understands(place: str, line: str):
    words = shlex.split(line, comments=True)
    program = words[0].rpartition("/")[2]
    if words[1:3] == ["-m", "vst"]:
        words[:3] = [program := "vst"]
    match program, words[1:]:
        case "make", targets:
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in targets if "=" not in name)
        case "vst", arguments:
            understand(arguments)
        case "wandb", ["sweep", file]:
            assert (ROOT / file).is_file()
        case "python", ["-m", "pytest", path, *_]:
            assert (ROOT / path).exists()
        case "python", [script, *options]:
            source = (ROOT / script).read_text(encoding="utf-8")
            assert all(f'"{option}"' in source for option in options if option.startswith("--"))
        case _:
            pytest.fail(f"{place}: no test knows what {line} is")


def understand(arguments: Sequence[str]) -> None:
    """Raise where `vst` would not understand its arguments."""
    match arguments:
        case "evaluate", *rest:
            vst.compare.evaluate.request.parse(rest)
        case "report", *rest:
            vst.compare.report.command.parse(rest)
        case "plots", *rest:
            vst.compare.plots.command.parse(rest)
        case "sweep", *rest:
            read(vst.search.command.parse(rest).overrides)
        case "-m", *rest:
            pairs = [pair_options(pair) for word in rest if "pair=" in word for pair in word[5:].split(",")]
            products = itertools.product(*(alternatives(word) for word in rest if "pair=" not in word))
            for options, pair in itertools.product(products, pairs or [[]]):
                resolve(with_run_directory(composed([*pair, *options])))
        case [resume] if resume.startswith("resume="):
            stored = Path(resume.removeprefix("resume=")) / ".hydra" / "overrides.yaml"
            stored.parent.mkdir(parents=True)
            stored.write_text("[model=flow]")
            options = vst.cli._with_stored_overrides([resume])
            resolve(
                with_run_directory(
                    composed([option for option in options if not option.startswith("hydra.")])
                )
            )
        case options:
            resolve(with_run_directory(composed(options)))


def alternatives(option: str) -> list[str]:
    name, _, values = option.partition("=")
    return [f"{name}={value}" for value in values.split(",")]


OPTION = r"[a-z_]+(?:[.@][a-z_.]+)?=[\w.\[\],|/-]+"
INLINE = re.compile(rf"`({OPTION}(?: {OPTION})*)`")
OTHERS = ("hydra", "pair=", "resume=", "content=", "loss=mean")
"""How options begin that are Hydra's, a command's, or an example of what one may add."""


def options_in_the_text() -> list[str]:
    """Options, alone or several together, as they stand in the text; not those whose value is only a name for one."""
    found: dict[str, None] = {}
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8").replace("\\|", "|")
        for match in INLINE.finditer(text):
            if not match[1].startswith(OTHERS) and not re.search("=[A-Z]", match[1]):
                found.setdefault(match[1])
    return list(found)


# options that only some configurations have, and one that has them
NEEDED = {
    "eta": "model=flow",
    "loss.coherence": "model=flow",
    "gate": "model=enhanced",
    "video.start": "video=bikes",
}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("options", options_in_the_text())
def test_options_in_the_text_are_options(options: str):
    for chosen in itertools.product(*(choices_of(word) for word in options.split(" "))):
        needed = [other for name, other in NEEDED.items() if any(word.startswith(name) for word in chosen)]
        files = ["video.path=clip.mp4"] if "video=file" in chosen else []
        files += ["style.path=painting.jpg"] if "style=file" in chosen else []
        resolve(with_run_directory(composed([*needed, *chosen, *files])))


def choices_of(word: str) -> list[str]:
    name, _, values = word.partition("=")
    several = values.split("|") if "[" in values else re.split(r"[|,]", values)
    return [f"{name}={value}" for value in several]


def test_every_model_and_start_is_named():
    text = (ROOT / "docs" / "painting.md").read_text(encoding="utf-8")
    assert all(re.search(rf"[=|]{model}\b", text) for model in choices("model"))
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert all(f"`{model}`" in text for model in choices("model"))
    assert all(re.search(rf"\b{flow}\b", text) for flow in choices("flow"))
