"""The values that an argument of the configuration accepts, and how they are called in messages."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vst.files import from_home


class Kind(ABC):
    """The values that an argument accepts."""

    @property
    def makes(self) -> frozenset[str] | None:
        """Full names of the classes of which it accepts an instance, which a nested node makes; None for any."""
        return frozenset()

    @property
    @abstractmethod
    def words(self) -> str:
        """What a value that is not accepted is not."""

    @abstractmethod
    def accepts(self, value: Any) -> bool:
        """Whether it accepts a value as it stands in the configuration."""

    def taken(self, value: Any) -> Any:
        """A value that it accepts, as the argument is given it."""
        return value


class Anything(Kind):
    """An annotation that is not known here."""

    words = "known"

    @property
    def makes(self) -> None:
        """Any."""
        return

    def accepts(self, value: Any) -> bool:
        """Whatever it is."""
        return True


class Null(Kind):
    """No value."""

    words = "null"

    def accepts(self, value: Any) -> bool:
        """None alone."""
        return value is None


class Flag(Kind):
    """True or false."""

    words = "true or false"

    def accepts(self, value: Any) -> bool:
        """No numbers."""
        return isinstance(value, bool)


class Text(Kind):
    """A name, or the path of a file."""

    words = "a string"

    @property
    def makes(self) -> frozenset[str]:
        """Paths too."""
        return frozenset({"str", "pathlib.Path"})

    def accepts(self, value: Any) -> bool:
        """Whole numbers too: YAML reads a name that is all digits as one."""
        return isinstance(value, str | int) and not isinstance(value, bool)

    def taken(self, value: Any) -> Any:
        """The digits, for a whole number."""
        return str(value) if isinstance(value, int) else value


class File(Text):
    """The path of a file, in which `~` is the user's folder."""

    def taken(self, value: Any) -> Any:
        """The path, with that folder's."""
        return from_home(super().taken(value))


@dataclass(frozen=True)
class Number(Kind):
    """A finite number, or a `whole` one, from `least` to `most`; `above` the least, where it is not accepted itself."""

    whole: bool
    least: float = -math.inf
    most: float = math.inf
    above: bool = False

    @property
    def words(self) -> str:
        """Its bounds are named, where it has two."""
        name = "a whole number" if self.whole else "a number"
        if not (math.isfinite(self.least) and math.isfinite(self.most)):
            return name
        least, most = _digits(self.least), _digits(self.most)
        return f"{name} above {least}, at most {most}" if self.above else f"{name} from {least} to {most}"

    def accepts(self, value: Any) -> bool:
        """Numbers within the bounds, and never infinity."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        within = self.least < value if self.above else self.least <= value
        return within and value <= self.most and abs(value) < math.inf


@dataclass(frozen=True)
class Choice(Kind):
    """One of several values."""

    values: tuple[Any, ...]

    @property
    def words(self) -> str:
        """The values."""
        return " or ".join(map(str, self.values))

    def accepts(self, value: Any) -> bool:
        """The values themselves: 1 is not true."""
        return any(value == known and type(value) is type(known) for known in self.values)


@dataclass(frozen=True)
class Names(Kind):
    """A list of at least `least` names."""

    least: int = 0
    words = "a list of names"

    def accepts(self, value: Any) -> bool:
        """Lists of texts."""
        return (
            isinstance(value, list | tuple)
            and len(value) >= self.least
            and all(isinstance(item, str) for item in value)
        )


@dataclass(frozen=True)
class Numbers(Kind):
    """A list of numbers."""

    each: Number

    @property
    def words(self) -> str:
        """What is in the list."""
        return f"a list with {self.each.words} in every place"

    def accepts(self, value: Any) -> bool:
        """Lists of such numbers."""
        return isinstance(value, list | tuple) and all(map(self.each.accepts, value))


@dataclass(frozen=True)
class ByFrame(Kind):
    """Numbers by the frame to which they belong."""

    each: Number

    @property
    def words(self) -> str:
        """With an example."""
        return f"{self.each.words} at some frames, such as {{0: 0, 30: 1}}"

    def accepts(self, value: Any) -> bool:
        """A mapping with such a number for one frame at least."""
        if not isinstance(value, Mapping) or not value:
            return False
        return all(map(_FRAME.accepts, value)) and all(map(self.each.accepts, value.values()))


_FRAME = Number(whole=True, least=0)


@dataclass(frozen=True)
class Made(Kind):
    """An instance of a class, which only a nested node can make."""

    name: str

    @property
    def makes(self) -> frozenset[str]:
        """The class."""
        return frozenset({self.name})

    @property
    def words(self) -> str:
        """The class, without its module."""
        return f"{self.name.rpartition('.')[2]}, which a _target_ makes"

    def accepts(self, value: Any) -> bool:
        """No plain value."""
        return False


@dataclass(frozen=True)
class Function(Kind):
    """A function, to which the program gives the first `given` arguments; None for those that have no default."""

    given: int | None = None
    words = "a function, which a _target_ with _partial_: true makes"

    def accepts(self, value: Any) -> bool:
        """No plain value."""
        return False


@dataclass(frozen=True)
class Either(Kind):
    """A value of one of several kinds."""

    kinds: tuple[Kind, ...]

    @property
    def makes(self) -> frozenset[str] | None:
        """What any of them makes."""
        made = [kind.makes for kind in self.kinds]
        known = [names for names in made if names is not None]
        return frozenset().union(*known) if len(known) == len(made) else None

    @property
    def words(self) -> str:
        """Null first."""
        return " or ".join(kind.words for kind in sorted(self.kinds, key=lambda kind: kind.words != "null"))

    def accepts(self, value: Any) -> bool:
        """What one of them accepts."""
        return any(kind.accepts(value) for kind in self.kinds)

    def taken(self, value: Any) -> Any:
        """As the first of them that accepts it."""
        return next(kind for kind in self.kinds if kind.accepts(value)).taken(value)


def _digits(value: float) -> str:
    return f"{value:g}".replace("e+", "e") if isinstance(value, float) else str(value)
