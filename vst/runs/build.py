"""Checks the options of a node of the configuration, and builds the object that the node names.

The check imports nothing that it checks, so that a misspelt option is reported before torch is loaded.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from typing import Any

from vst.config import literal
from vst.errors import InputError
from vst.runs.kinds import Anything, Choice, Function, Kind
from vst.runs.signatures import NAME, Argument, arguments_of, made_by


def build(node: Mapping[str, Any]) -> Any:
    """Instantiate a node that `checked` returned, and all nodes nested in it; its values are taken as they are.

    Raises `InputError` for what cannot be imported, or what Hydra does not call, such as `os.system`.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    import_targets(node)
    try:
        return instantiate(_as_it_is(node), _convert_="all")
    except InstantiationException as error:
        # Hydra wraps what a constructor raised, and the wrapper's message is a page long
        cause: BaseException | None = error
        while isinstance(cause, InstantiationException):
            error, cause = cause, cause.__cause__
        if cause is None:
            raise InputError(
                f"{node['_target_']} cannot be called by a configuration; correct the _target_"
            ) from error
        raise cause from error


def import_targets(value: Any) -> None:
    """Import what a node and all nodes in it name; raises `InputError` for what cannot be imported."""
    if isinstance(value, list | tuple):
        for item in value:
            import_targets(item)
    if not isinstance(value, Mapping):
        return
    for item in value.values():
        import_targets(item)
    if "_target_" in value:
        try:
            pkgutil.resolve_name(value["_target_"])
        except (AttributeError, ImportError, ValueError) as error:
            raise InputError(
                f"{value['_target_']} cannot be imported ({error}); correct the _target_"
            ) from error


def _as_it_is(value: Any) -> Any:
    """A value in which Hydra interpolates nothing: what there was to interpolate is done when the run begins."""
    if isinstance(value, Mapping):
        return {key: _as_it_is(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_it_is(item) for item in value]
    # twice, since Hydra resolves the node, and then once more what came of it
    return literal(literal(value)) if isinstance(value, str) else value


def checked(node: Any, path: str, wanted: Kind | None = None) -> Any:
    """A node of the configuration as `build` takes it, where `path` is what takes what it makes.

    Raises `InputError` for an option that the node's target does not have, one that is not given, a value of the wrong
    kind, and for what does not make what is `wanted`.
    """
    if isinstance(node, list):
        return [checked(item, path) for item in node]
    if not isinstance(node, Mapping):
        return node
    if "_target_" not in node:
        return {key: checked(item, f"{path}.{key}") for key, item in node.items()}
    target = node["_target_"]
    _check_own_options(node, path)
    if not target.startswith(f"{NAME}."):
        return {key: checked(item, f"{path}.{key}") for key, item in node.items()}
    arguments, partial = arguments_of(target), bool(node.get("_partial_"))
    _check_made(target, partial, wanted, path)
    options = _options(arguments, partial, wanted)
    values = {key: value for key, value in node.items() if not key.startswith("_")}
    for name in values:
        if name not in options:
            raise InputError(
                f"{path}.{name} is not an option here; {path} has: {', '.join(sorted(options)) or 'none'}"
            )
    values = {name: taken(value, options[name].kind, f"{path}.{name}") for name, value in values.items()}
    for name, argument in options.items():
        if argument.required and name not in values:
            raise InputError(f"{path}.{name} is not given; add +{path}.{name}=… to the command line")
    return {**node, **values}


def _options(arguments: Mapping[str, Argument], partial: bool, wanted: Kind | None) -> dict[str, Argument]:
    """The arguments that the configuration gives: those of a function without those that the program gives it."""
    if not partial:
        return dict(arguments)
    if isinstance(wanted, Function) and wanted.given is not None:
        return dict(list(arguments.items())[wanted.given :])
    return {name: argument for name, argument in arguments.items() if not argument.required}


def _check_own_options(node: Mapping[str, Any], path: str) -> None:
    """Check what is Hydra's own in a node: what is called, and how."""
    known = {"_target_": str, "_partial_": bool, "_convert_": str}
    for key, value in node.items():
        if key.startswith("_") and key not in known:
            raise InputError(f"{path}.{key} is not an option here; give each option by its name")
        if key in known and (not isinstance(value, known[key]) or (not value and key == "_target_")):
            raise InputError(f"{path}.{key}={value} is not known; leave it as the configuration has it")


def _check_made(target: str, partial: bool, wanted: Kind | None, path: str) -> None:
    """Check that a node makes what is wanted, as far as its source says."""
    if wanted is None or isinstance(wanted, Anything):
        return
    made = made_by(target)
    if isinstance(wanted, Function):
        fits = partial
    else:
        fits = not partial and (made is None or wanted.makes is None or bool(made & wanted.makes))
    if not fits:
        raise InputError(f"{path}={target} is not {wanted.words}; correct {path}")


def taken(value: Any, kind: Kind, path: str) -> Any:
    """A value as an argument of that kind takes it; raises `InputError` where it does not."""
    if isinstance(value, Mapping) and "_target_" in value:
        return checked(value, path, kind)
    if kind.accepts(value):
        return checked(kind.taken(value), path)
    if isinstance(kind, Choice):
        raise InputError(f"{path}={value} is not known; choose one of: {', '.join(map(str, kind.values))}")
    raise InputError(f"{path}={value} is not {kind.words}; give one")
