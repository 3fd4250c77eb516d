"""The arguments of this package's functions and classes, read from their source without importing them."""

from __future__ import annotations

from ast import literal_eval
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vst.errors import InputError

if TYPE_CHECKING:
    from griffe import Alias, Object

NAME = __name__.partition(".")[0]
"""The name of this package."""

SIMPLE = ("int", "float", "bool", "str")


@dataclass(frozen=True)
class Kind:
    """The values that an argument accepts: types by name, or literal choices; both empty for any value."""

    types: frozenset[str] = frozenset()
    choices: tuple[Any, ...] = ()


def arguments_of(target: str) -> dict[str, Kind]:
    """The arguments of the function or class with this full name, and the values that each accepts.

    Raises `InputError` where there is no such function or class.
    """
    from griffe import Class, Function

    found = _find(target)
    if not isinstance(found, Class | Function):
        raise InputError(f"{target} does not exist; correct the _target_ in the configuration")
    return {
        argument.name: _kind(argument.annotation) for argument in found.parameters if argument.name != "self"
    }


def _kind(annotation: Any) -> Kind:
    """The values that an annotation allows; any value where it is of a form not known here."""
    from griffe import Attribute, ExprBinOp, ExprName, ExprSubscript

    match annotation:
        case "None":
            return Kind(types=frozenset({"None"}))
        case ExprName(name=name) if name in SIMPLE:
            return Kind(types=frozenset({name}))
        case ExprName():  # such as Normalisation = Literal[…]
            alias = _find(annotation.canonical_path)
            return _kind(alias.value) if isinstance(alias, Attribute) else Kind()
        case ExprBinOp(left=left, operator="|", right=right):
            kinds = _kind(left), _kind(right)
            known = all(kind.types for kind in kinds)
            return Kind(types=kinds[0].types | kinds[1].types) if known else Kind()
        case ExprSubscript(left=ExprName(name="Literal"), slice=choices):
            values = getattr(choices, "elements", [choices])
            return Kind(choices=tuple(literal_eval(str(value)) for value in values))
        case ExprSubscript() if str(annotation) == "Sequence[str]":
            return Kind(types=frozenset({"Sequence[str]"}))
    return Kind()


def _find(path: str) -> Object | None:
    """This package's object with this full name, even if imported from another module; None if there is none."""
    from griffe import Alias, AliasResolutionError, CyclicAliasError

    package, _, name = path.partition(".")
    if package != NAME or not name:
        return None
    try:
        found = _sources()[name]
        return found.final_target if isinstance(found, Alias) else found
    except (KeyError, AliasResolutionError, CyclicAliasError):
        return None


@cache
def _sources() -> Object | Alias:
    import griffe

    above = Path(__file__).parents[2]
    return griffe.load(NAME, search_paths=[above], try_relative_path=False, allow_inspection=False)
