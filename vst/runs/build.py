"""Checks the options of a node of the configuration, and builds the object that the node names.

The check imports nothing that it checks, so that a misspelt option is reported before torch is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vst.config import literal
from vst.errors import InputError
from vst.runs.signatures import Kind, arguments_of


def build(node: Mapping[str, Any]) -> Any:
    """Instantiate a node that `check` accepted, and all nodes nested in it; its values are taken as they are."""
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(_as_it_is(node), _convert_="all")
    except InstantiationException as error:
        # Hydra wraps what a constructor raised, and the wrapper's message is a page long
        cause: BaseException | None = error
        while isinstance(cause, InstantiationException):
            cause = cause.__cause__
        raise cause or error from error


def _as_it_is(value: Any) -> Any:
    """A value in which Hydra interpolates nothing: what there was to interpolate is done when the run begins."""
    if isinstance(value, Mapping):
        return {key: _as_it_is(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_it_is(item) for item in value]
    # twice, since Hydra resolves the node, and then once more what came of it
    return literal(literal(value)) if isinstance(value, str) else value


def check(node: Any, path: str) -> None:
    """Raise an `InputError` for an option that the node's target does not have, or a value of the wrong type."""
    if not isinstance(node, Mapping):
        return
    target = node.get("_target_")
    arguments = arguments_of(target) if isinstance(target, str) and target.startswith("vst.") else None
    for key, value in node.items():
        if arguments is not None and not key.startswith("_"):
            if key not in arguments:
                raise InputError(
                    f"{path}.{key} is not an option here; {path} has: {', '.join(sorted(arguments)) or 'none'}"
                )
            _check_value(value, arguments[key], f"{path}.{key}")
        check(value, f"{path}.{key}")


_TYPE_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a string",
    "None": "null",
    "Sequence[str]": "a list of names",
}


def _check_value(value: Any, kind: Kind, path: str) -> None:
    if kind.choices and value not in kind.choices:
        raise InputError(f"{path}={value} is not known; choose one of: {', '.join(map(str, kind.choices))}")
    if kind.types and not any(_is(value, name) for name in kind.types):
        expected = " or ".join(_TYPE_NAMES[name] for name in sorted(kind.types))
        raise InputError(f"{path}={value} is not {expected}; give one")


def _is(value: Any, name: str) -> bool:
    if name == "None":
        return value is None
    if name == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "Sequence[str]":
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    # a string may be all digits, which YAML reads as a number; or be made by a nested node
    return isinstance(value, bool) if name == "bool" else isinstance(value, str | int | Mapping)
