from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vst.compare.report.command import main, parse
from vst.errors import InputError


def test_arguments():
    assert parse(["a", "b/c"]) == ([Path("a"), Path("b/c")], None)
    assert parse(["a", "-o", "there"]) == ([Path("a")], Path("there"))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["-o", "there"], "no folder is given"),
        (["a", "-o"], "-o is given without a value"),
        (["a", "-o", "b", "-o", "c"], "-o is given twice"),
        (["a", "--open"], "--open is not understood"),
    ],
)
def test_wrong_arguments(arguments, what):
    with pytest.raises(InputError, match=what):
        parse(arguments)


def call(monkeypatch, capsys, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["vst.report", *arguments])
    try:
        main()
        status = 0
    except SystemExit as left:
        status = int(left.code or 0)
    return status, *capsys.readouterr()


def test_it_writes_the_page_and_says_where(write_run, tmp_path, monkeypatch, capsys):
    write_run(tmp_path / "sweep" / "0-flow")
    status, out, _ = call(monkeypatch, capsys, str(tmp_path / "sweep"))
    page = tmp_path / "sweep" / "report" / "index.html"
    assert (status, out) == (0, f"report  {page}\n")
    assert page.is_file()
    status, out, _ = call(monkeypatch, capsys, str(tmp_path / "sweep"), "-o", str(tmp_path / "there"))
    assert (status, out) == (0, f"report  {tmp_path / 'there' / 'index.html'}\n")


def test_bad_input_gets_one_sentence_and_leaves_nothing(write_run, tmp_path, monkeypatch, capsys):
    run = write_run(tmp_path / "run", pictures=False, video=False)
    (tmp_path / "file").write_text("")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "index.html").write_text("<p>not ours")
    (tmp_path / "empty").mkdir()
    for arguments, what in [
        ([str(tmp_path / "missing")], "does not exist"),
        ([str(tmp_path / "empty")], "there are no runs in"),
        ([str(run), "-o", str(tmp_path / "file")], "is a file; name a folder"),
        ([str(run), "-o", str(tmp_path / "file" / "below")], "cannot be written"),
        ([str(run), "-o", str(tmp_path / "theirs")], "is not a report"),
    ]:
        status, out, err = call(monkeypatch, capsys, *arguments)
        assert (status, out) == (2, "")
        assert err.startswith("vst: ")
        assert err.count("\n") == 1
        assert what in err
    assert (tmp_path / "theirs" / "index.html").read_text() == "<p>not ours"
    assert not (tmp_path / "empty" / "report").exists()


def test_help(monkeypatch, capsys):
    status, out, _ = call(monkeypatch, capsys, "--help")
    assert status == 0
    assert out.startswith("python -m vst.report DIR")


def test_importing_it_is_cheap():
    slow = ("torch", "plotly", "jinja2", "cv2", "hydra")
    lines = f"import sys, vst.compare.report.command; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
