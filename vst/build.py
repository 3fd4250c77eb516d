"""From a node of the configuration to the object it names, with its options checked first.

The check reads the signature from the source of the module that `_target_` names, and imports nothing, so
that a misspelt option is answered before torch and Lightning are loaded.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vst.errors import InputError


def build(node: Mapping[str, Any]) -> Any:
    """Instantiate a node that `check` has passed, with everything nested in it."""
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(node, _convert_="all")
    except InstantiationException as error:
        # Hydra wraps what a constructor raised, and the wrapper's text is a page long
        cause: BaseException | None = error
        while isinstance(cause, InstantiationException):
            cause = cause.__cause__
        raise cause or error from error


def check(node: Any, path: str) -> None:
    """Raise an `InputError` for an option that the node's target does not have, or a value of a wrong kind."""
    if not isinstance(node, Mapping):
        return
    target = node.get("_target_")
    arguments = _arguments(target) if isinstance(target, str) and target.startswith("vst.") else None
    for key, value in node.items():
        if arguments is not None and not key.startswith("_"):
            if key not in arguments:
                raise InputError(
                    f"{path}.{key} is not an option here; {path} has: {', '.join(sorted(arguments)) or 'none'}"
                )
            _check_value(value, arguments[key], f"{path}.{key}")
        check(value, f"{path}.{key}")


@dataclass(frozen=True)
class _Kind:
    """What values an argument takes: types by name, or literal choices; empty where anything goes."""

    types: frozenset[str] = frozenset()
    choices: tuple[Any, ...] = ()


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "None": "null",
    "Sequence[str]": "a list of names",
}


def _check_value(value: Any, kind: _Kind, path: str) -> None:
    if kind.choices and value not in kind.choices:
        raise InputError(f"{path}={value} is not known; choose one of: {', '.join(map(str, kind.choices))}")
    if kind.types and not any(_is(value, name) for name in kind.types):
        words = " or ".join(_WORDS[name] for name in sorted(kind.types))
        raise InputError(f"{path}={value} is not {words}; give one")


def _is(value: Any, name: str) -> bool:
    if name == "None":
        return value is None
    if name == "float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "Sequence[str]":
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    # a text may be all digits, which YAML reads as a number; or a node that is to give it
    return isinstance(value, bool) if name == "bool" else isinstance(value, str | int | Mapping)


def _arguments(target: str) -> dict[str, _Kind]:
    """The arguments of the function or class `module.name`, and what values each takes."""
    module, _, name = target.rpartition(".")
    definition = next(
        (
            node
            for node in _tree(module).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
        ),
        None,
    )
    if definition is None:
        exported = _imported(module, name)
        if exported is None:
            raise InputError(f"{target} does not exist; correct the _target_ in the configuration")
        return _arguments(exported)
    if isinstance(definition, ast.FunctionDef):
        return _signature(definition, module)
    for node in definition.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return _signature(node, module)
    if not any("dataclass" in ast.unparse(decorator) for decorator in definition.decorator_list):
        return _inherited(definition, module)
    return {
        node.target.id: _kind(node.annotation, module)
        for node in definition.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and not ast.unparse(node.annotation).startswith("ClassVar")
    }


def _inherited(definition: ast.ClassDef, module: str) -> dict[str, _Kind]:
    """The arguments of the first base class of this package; a class without one takes none."""
    for base in definition.bases:
        name = ast.unparse(base)
        local = any(isinstance(node, ast.ClassDef) and node.name == name for node in _tree(module).body)
        target = f"{module}.{name}" if local else _imported(module, name)
        if target is not None:
            return _arguments(target)
    return {}


def _signature(function: ast.FunctionDef, module: str) -> dict[str, _Kind]:
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {argument.arg: _kind(argument.annotation, module) for argument in given if argument.arg != "self"}


def _kind(annotation: ast.expr | None, module: str) -> _Kind:
    """Read an annotation; what it cannot read admits everything."""
    match annotation:
        case ast.Constant(value=None):
            return _Kind(types=frozenset({"None"}))
        case ast.Name(id="int" | "float" | "bool" | "str" as name):
            return _Kind(types=frozenset({name}))
        case ast.Name(id=alias):
            return _alias(alias, module)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            kinds = _kind(left, module), _kind(right, module)
            known = all(kind.types for kind in kinds)
            return _Kind(types=kinds[0].types | kinds[1].types) if known else _Kind()
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            values = choices.elts if isinstance(choices, ast.Tuple) else [choices]
            return _Kind(choices=tuple(ast.literal_eval(value) for value in values))
        case ast.Subscript() if ast.unparse(annotation) == "Sequence[str]":
            return _Kind(types=frozenset({"Sequence[str]"}))
    return _Kind()


def _alias(alias: str, module: str) -> _Kind:
    """Follow a name such as `Normalisation = Literal[…]`, in the module itself or where it is imported from."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == alias for target in node.targets
        ):
            return _kind(node.value, module)
    imported = _imported(module, alias)
    return _alias(alias, imported.rpartition(".")[0]) if imported else _Kind()


def _imported(module: str, name: str) -> str | None:
    """Where a module of this package has a name from, if from another of its modules."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vst."):
            for item in node.names:
                if (item.asname or item.name) == name:
                    return f"{node.module}.{item.name}"
    return None


@cache
def _tree(module: str) -> ast.Module:
    """The source of one of this package's modules; found by its place, for a look-up would import packages."""
    place = Path(__file__).parent.joinpath(*module.split(".")[1:])
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    raise InputError(f"the module {module} does not exist; correct the _target_ in the configuration")
