"""The command lines beside Hydra's, all read in one way and with mistakes answered in one sentence."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from vst.errors import InputError, VstError

_SENTENCES = (
    (r"argument (\S+): expected one argument", r"\1 is given without a value; add one"),
    (r"argument (\S+): (.+)", r"\1: \2; see {help}"),
    (r"unrecognized arguments: (\S+).*", r"\1 is not understood; see {help}"),
    (r"the following arguments are required: (.+)", r"\1 is missing; add it, and see {help}"),
    (r"(.+)", r"\1; see {help}"),
)
"""What argparse says, and what is said here."""


class Parser(argparse.ArgumentParser):
    """A command line whose help is a page that is written by hand, and on which no option is given twice."""

    def __init__(self, prog: str):
        super().__init__(prog=prog, add_help=False, allow_abbrev=False)

    def add_option(self, *names: str, **how: Any) -> None:
        """Add an option with a value; a second one is a mistake."""
        self.add_argument(*names, action=_Once, **how)

    def error(self, message: str) -> NoReturn:
        """Raise `InputError` instead of printing the usage."""
        page = f"{self.prog} --help"
        found = ((re.fullmatch(pattern, message), sentence) for pattern, sentence in _SENTENCES)
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
    """A type for options: a whole number of at least so much."""

    def __init__(self, least: int):
        self._least = least

    def __call__(self, text: str) -> int:
        """Read it, or say what it is not."""
        if not text.isdecimal() or int(text) < self._least:
            raise argparse.ArgumentTypeError(f"{text} is not a whole number of {self._least} or more")
        return int(text)


def execute(page: str, act: Callable[[Sequence[str]], None]) -> None:
    """Do what the command line asks, and exit: 0 done, 1 failed on the way, 2 wrong input.

    `page` is the help, printed where it is asked for or nothing else is.
    """
    arguments = sys.argv[1:]
    if not arguments or set(arguments) & {"-h", "--help"}:
        print(page, end="")
        return
    with reporting_errors():
        act(arguments)


def leave(sentence: str, status: int) -> NoReturn:
    """Say why on standard error, in one line, and exit."""
    print(f"vst: {sentence}", file=sys.stderr)
    sys.stderr.flush()
    sys.exit(status)


@contextmanager
def reporting_errors() -> Generator[None]:
    """Leave with one sentence where what is done within fails in a way that the user can act on."""
    try:
        yield
    except VstError as error:
        leave(str(error), error.status)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        leave(f"a file{where} failed: {error.strerror or error}; correct it and try again", 1)
