"""What the commands say, and where it goes, whatever the streams are."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vst.commandline import exit_with, printable, say

WRITES = """
import sys
from vst.commandline import open_streams
open_streams()
for stream in (sys.stdout, sys.stderr):
    print("\\u03b7" * 100_000, file=stream, flush=True)
    assert not stream.isatty()
open("written", "w").write("all")
"""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("clip (1), 50%.mp4", "clip (1), 50%.mp4"),
        ("Gouvernée à l'œil 夜\u3000👩‍🎨", "Gouvernée à l'œil 夜\u3000👩‍🎨"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\x9b31m", r"\x9b31m"),
        ("txt.\u202e4pm", r"txt.\u202e4pm"),
        ("\udcff.mp4", r"\udcff.mp4"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(name: str, shown: str) -> None:
    assert printable(name) == shown


def test_what_is_said_is_lines_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    say("first", "\x1b[8mhidden\nvst: fake")
    assert capsys.readouterr().out == "first\n\\x1b[8mhidden\\nvst: fake\n"
    with pytest.raises(SystemExit) as left:
        exit_with("no \x1b[31mclip", 2)
    assert (left.value.code, capsys.readouterr().err) == (2, "vst: no \\x1b[31mclip\n")


@pytest.mark.parametrize(
    "streams",
    ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-", "2>&1 >/dev/null | head -c 1", "| head -c 1", ">/dev/null"],
)
def test_streams_that_nobody_reads_end_nothing(tmp_path, streams, monkeypatch):
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("LC_ALL", "C")
    command = f"( {sys.executable} -c '{WRITES}'; echo $? >status ) {streams}"
    # the streams are redirected where the program is started
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (tmp_path / "status").read_text() == "0\n", done.stderr
    assert (tmp_path / "written").read_text() == "all"
