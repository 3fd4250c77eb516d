from __future__ import annotations

import pytest

from vst.commandline import exit_with, printable, say


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
