"""The command lines other than Hydra's: all are parsed alike, and every mistake is reported in one sentence."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

from vst.errors import InputError, VstError, file_of, memory_for

_MESSAGES = (
    (r"argument (\S+): expected one argument", r"\1 is given without a value; add one"),
    (r"argument (\S+): (.+)", r"\1: \2; see {help}"),
    (r"unrecognized arguments: (\S+).*", r"\1 is not understood; see {help}"),
    (r"the following arguments are required: (.+)", r"\1 is missing; add it, and see {help}"),
    (r"(.+)", r"\1; see {help}"),
)
"""argparse's messages, as patterns, and what is printed in their place."""


class Parser(argparse.ArgumentParser):
    """A command line with a hand-written help page, on which no option may be given twice."""

    def __init__(self, prog: str):
        super().__init__(prog=prog, add_help=False, allow_abbrev=False)

    def add_option(self, *names: str, **settings: Any) -> None:
        """Add an option with a value, which may be given only once."""
        self.add_argument(*names, action=_Once, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise `InputError` instead of printing the usage."""
        page = f"{self.prog} --help"
        found = ((re.fullmatch(pattern, message), sentence) for pattern, sentence in _MESSAGES)
        match, sentence = next((match, sentence) for match, sentence in found if match)
        raise InputError(match.expand(sentence.replace("{help}", page)))


class _Once(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        seen = vars(namespace).setdefault("_seen", set())
        if self.dest in seen:
            raise InputError(f"{option_string} is given twice; give it once")
        seen.add(self.dest)
        setattr(namespace, self.dest, values)


class WholeNumber:
    """An option type: a whole number of at least `least`."""

    def __init__(self, least: int):
        self._least = least

    def __call__(self, text: str) -> int:
        """Read the number; raises `ArgumentTypeError` for any other text."""
        if not text.isdecimal() or int(text) < self._least:
            raise argparse.ArgumentTypeError(f"{text} is not a whole number of {self._least} or more")
        return int(text)


class _Pipe(io.FileIO):
    """Takes what nobody reads any more: `… | head` is not to end a run."""

    def write(self, content: Any, /) -> int:
        try:
            return super().write(content)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return len(content)


def open_streams() -> None:
    """Open standard output and standard error so that a program may write to them whatever they are.

    One may be closed, or be read by a program that ends first; and its encoding may not have every character.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        number = os.open(os.devnull, os.O_WRONLY) if stream is None else stream.fileno()
        pipe = io.BufferedWriter(_Pipe(number, "w", closefd=False))
        line_by_line = name == "stderr" or pipe.isatty()
        encoding = getattr(stream, "encoding", "utf-8")
        opened = io.TextIOWrapper(pipe, encoding, errors="backslashreplace", line_buffering=line_by_line)
        setattr(sys, name, opened)


def execute(page: str, act: Callable[[Sequence[str]], None]) -> None:
    """Call `act` with the arguments, and exit: 0 success, 1 failure during the run, 2 wrong input.

    `page` is the help, printed where it is asked for or there are no arguments.
    """
    arguments = sys.argv[1:]
    if not arguments or set(arguments) & {"-h", "--help"}:
        print(page, end="")
        return
    try:
        with reporting_errors():
            act(arguments)
    except KeyboardInterrupt:
        exit_with("ended by SIGINT", 130)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that are not shown but obeyed: of a terminal, of the direction of writing, and halves of others."""


def printable(text: str) -> str:
    """Text for a terminal. Names of files may have anything in them, and would otherwise hide or fake what is said."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(*lines: str, to: TextIO | None = None) -> None:
    """Print lines, by default on standard output."""
    for line in lines:
        print(printable(line), file=to, flush=True)


def exit_with(message: str, status: int) -> NoReturn:
    """Print the message on standard error, in one line, and exit with the status."""
    say(f"vst: {message}", to=sys.stderr)
    sys.exit(status)


@contextmanager
def reporting_errors() -> Generator[None]:
    """Exit with a one-sentence message where the block fails in a way that the user can act on."""
    try:
        with memory_for("this", "close what else runs, or give fewer or smaller files"):
            yield
    except VstError as error:
        exit_with(str(error), error.status)
    except OSError as error:
        where = f" {name}" if (name := file_of(error)) else ""
        exit_with(f"the file{where} cannot be used: {error.strerror or error}; correct that and try again", 1)
