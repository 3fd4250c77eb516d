"""The arguments of this package's functions and classes, read from their source without importing them."""

from __future__ import annotations

import math
from ast import literal_eval
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vst.errors import InputError
from vst.runs.kinds import (
    Anything,
    ByFrame,
    Choice,
    Either,
    File,
    Flag,
    Function,
    Kind,
    Made,
    Names,
    Null,
    Number,
    Numbers,
    Text,
)

if TYPE_CHECKING:
    from griffe import Alias, Class, Object

NAME = __name__.partition(".")[0]
"""The name of this package."""


@dataclass(frozen=True)
class Argument:
    """What an argument accepts, and whether it has no default."""

    kind: Kind
    required: bool


def arguments_of(target: str) -> dict[str, Argument]:
    """The arguments of the function or class with this full name, in order.

    Raises `InputError` where there is no such function or class.
    """
    from griffe import Class, Function

    found = _find(target)
    if not isinstance(found, Class | Function):
        raise InputError(f"{target} does not exist; correct the _target_ in the configuration")
    return {
        argument.name: Argument(_kind(argument.annotation), argument.required)
        for argument in found.parameters
        if argument.name != "self"
    }


def kind_of(name: str) -> Kind:
    """What an argument accepts whose annotation is the class or alias with this full name."""
    from griffe import Attribute, Class

    found = _find(name)
    if isinstance(found, Attribute):  # such as Normalisation = Literal[…]
        return _kind(found.value)
    return Made(found.path) if isinstance(found, Class) else Anything()


def made_by(target: str) -> frozenset[str] | None:
    """The full names of the class of what a function or class makes, and of its bases; None where it is not known."""
    from griffe import Class, Function

    found = _find(target)
    if isinstance(found, Function):
        return _kind(found.annotation).makes or None
    return _with_bases(found) if isinstance(found, Class) else None


def _with_bases(found: Class) -> frozenset[str]:
    from griffe import Class

    bases = [_find(base if isinstance(base, str) else base.canonical_path) for base in found.bases]
    return frozenset({found.path}).union(*(_with_bases(base) for base in bases if isinstance(base, Class)))


_SIMPLE: Mapping[str, Kind] = {
    "int": Number(whole=True),
    "float": Number(whole=False),
    "bool": Flag(),
    "str": Text(),
    "Path": File(),
}


def _kind(annotation: Any) -> Kind:
    """The values that an annotation allows; any value where it is of a form not known here."""
    from griffe import ExprBinOp, ExprName, ExprSubscript

    match annotation:
        case "None":
            return Null()
        case ExprName(name=name):
            return _SIMPLE.get(name) or kind_of(annotation.canonical_path)
        case ExprBinOp(left=left, operator="|", right=right):
            kinds = dict.fromkeys(kind for side in (left, right) for kind in _alternatives(_kind(side)))
            if any(isinstance(kind, File) for kind in kinds):  # str | Path
                kinds.pop(_SIMPLE["str"], None)
            return Either(tuple(kinds)) if len(kinds) > 1 else next(iter(kinds))
        case ExprSubscript(left=ExprName(name=name), slice=inner):
            return _of_form(name, list(getattr(inner, "elements", [inner])))
    return Anything()


def _alternatives(kind: Kind) -> Sequence[Kind]:
    return kind.kinds if isinstance(kind, Either) else (kind,)


def _of_form(name: str, parts: list[Any]) -> Kind:
    """The kind of an annotation `name[parts]`."""
    from griffe import ExprName

    match name, parts:
        case "Literal", values:
            return Choice(tuple(literal_eval(str(value)) for value in values))
        case "Annotated", [annotation, limits]:
            bounds = {argument.name: literal_eval(str(argument.value)) for argument in limits.arguments}
            return _limited(_kind(annotation), bounds)
        case (("Sequence" | "list"), [item]):
            each = _kind(item)
            if isinstance(each, Text):
                return Names()
            return Numbers(each) if isinstance(each, Number) else Anything()
        case "Mapping", [ExprName(name="int"), item]:
            each = _kind(item)
            return ByFrame(each) if isinstance(each, Number) else Anything()
        case "Callable", [arguments, _]:
            return Function(len(arguments.elements) if hasattr(arguments, "elements") else None)
    return Anything()


def _limited(kind: Kind, bounds: Mapping[str, Any]) -> Kind:
    """A kind within the bounds of an `Interval`, or the length of a `Len`."""
    match kind:
        case Number():
            least = bounds.get("ge", bounds.get("gt", -math.inf))
            return replace(kind, least=least, most=bounds.get("le", math.inf), above="gt" in bounds)
        case Names():
            return replace(kind, least=bounds["min_length"])
    return kind


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
