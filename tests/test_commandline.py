"""What is written goes somewhere, whatever the streams are."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
    "streams",
    ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-", "2>&1 >/dev/null | head -c 1", "| head -c 1", ">/dev/null"],
)
def test_streams_that_nobody_reads_end_nothing(tmp_path, streams, monkeypatch):
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("LC_ALL", "C")
    command = f"( {sys.executable} -c '{WRITES}'; echo $? >status ) {streams}"
    # the streams are redirected where the program is started
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (tmp_path / "status").read_text() == "0\n", done.stderr
    assert (tmp_path / "written").read_text() == "all"
