"""The search space: searched and fixed options, parsed from Hydra's overrides, and checked by composing them."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from vst.composing import composed, parse, with_run_directory
from vst.errors import InputError
from vst.runs.identity import identity
from vst.runs.settings import is_coherent, replace_files, resolve

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

BETA, ETA = "beta=tag(log,interval(1e4,1e6))", "eta=tag(log,interval(1e2,1e7))"
"""The default search space. Only the ratios of α, β and η matter, so α is fixed."""

NOT_SEARCHED = (
    *(
        "video",
        "style",
        "styles",
        "backbone",
        "loss.content",
        "loss.style",
    ),  # what is painted, and how it is measured
    *("experiment", "callbacks", "logger", "trainer", "paths", "resume"),
)


@dataclass(frozen=True)
class Interval:
    """The numbers from `low` to `high`, inclusive; on a log scale with `log`, whole numbers only with `whole`."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Choice:
    """A list of values, as they are written in an override."""

    values: tuple[str, ...]


Dimension = Interval | Choice
Setting = dict[str, float | int | str]
"""A value for each searched option."""


@dataclass(frozen=True)
class Space:
    """The overrides that all trials have, and the searched options by name."""

    fixed: tuple[str, ...]
    searched: dict[str, Dimension] = field(default_factory=dict)

    def overrides(self, setting: Setting) -> list[str]:
        """The overrides of one trial."""
        return [*self.fixed, *(f"{option}={value}" for option, value in setting.items())]

    @property
    def size(self) -> int | None:
        """The number of settings; None where there is an interval."""
        dimensions = self.searched.values()
        counts = [len(dimension.values) for dimension in dimensions if isinstance(dimension, Choice)]
        return math.prod(counts) if len(counts) == len(self.searched) else None

    def settings(self) -> list[Setting]:
        """All settings, in the order of their options and values; only where there is no interval."""
        values = [dimension.values for dimension in self.searched.values() if isinstance(dimension, Choice)]
        return [dict(zip(self.searched, setting, strict=True)) for setting in itertools.product(*values)]

    def fingerprint(self) -> str:
        """A digest of the composed configuration, which changes with the defaults in conf/.

        A file contributes its name and size, since its path may differ on another machine.
        """
        settings = identity(resolve(with_run_directory(composed(self.overrides(self.first())))))
        replace_files(settings, _name_and_size)
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]

    def ends(self) -> dict[str, Sequence[float | str]]:
        """Every choice, and both ends of every interval."""
        return {
            option: (dimension.low, dimension.high) if isinstance(dimension, Interval) else dimension.values
            for option, dimension in self.searched.items()
        }

    def first(self) -> Setting:
        """The first choice, or the lower end, of every option."""
        return {option: values[0] for option, values in self.ends().items()}

    def starting_point(self) -> Setting:
        """The defaults of the searched options, if they are among the choices or within the intervals."""
        settings = composed(self.fixed, hydra=True)
        point: Setting = {}
        for option, dimension in self.searched.items():
            value = settings.hydra.runtime.choices.get(option) or _selected(settings, option)
            if isinstance(dimension, Interval) and isinstance(value, int | float):
                if dimension.low <= value <= dimension.high:
                    point[option] = value
            elif isinstance(dimension, Choice) and str(value) in dimension.values:
                point[option] = str(value)
        return point


def read(given: Sequence[str]) -> Space:
    """Read the search space from overrides; raises `InputError` for what cannot be searched or composed."""
    parsed = parse(given)
    fixed = tuple(
        line for line, override in zip(given, parsed, strict=True) if not override.is_sweep_override()
    )
    searched: dict[str, Dimension] = {}
    named: set[str] = set()
    for override in parsed:
        option = override.get_key_element()
        if override.is_hydra_override() or option in ("paths.run", "resume"):
            raise InputError(
                f"{option} cannot be given to a search; name the search's folder with -o, and remove {option}"
            )
        if option in named:
            raise InputError(f"{option} is given twice; give it once")
        named.add(option)
        if override.is_sweep_override():
            searched[option] = _dimension(override)
    if not searched:
        searched = _searched_by_default(fixed, named)
    space = Space(fixed, searched)
    _check(space)
    return space


def reference(fixed: Sequence[str]) -> list[str]:
    """The overrides of the reference: those of the naive model and the fixed ones, except what only other models have.

    It paints each frame independently, from the same kind of start if that needs no previous frame.
    """
    kept = []
    for line, override in zip(fixed, parse(fixed), strict=True):
        option, value = override.get_key_element(), override.value()
        place = f"{override.key_or_group}@{override.package}."
        if (
            option in ("model", "eta", "passes", "evaluation_factors", "later_factor", "keyframes")
            or "loss.coherence." in f"{option}. {place}"
            or override.key_or_group.startswith(("loss.revealed", "start."))
        ):
            continue
        if option == "start" and value not in ("content", "noise"):
            continue
        kept.append(line)
    return [*kept, "model=naive"]


def _searched_by_default(fixed: Sequence[str], named: set[str]) -> dict[str, Dimension]:
    coherent = is_coherent(resolve(with_run_directory(composed(fixed))))
    defaults = parse([BETA, ETA] if coherent else [BETA])
    searched = {
        override.key_or_group: _dimension(override)
        for override in defaults
        if override.key_or_group not in named
    }
    if not searched:
        raise InputError(f"there is nothing to search; give an option several values, such as '{ETA}'")
    return searched


def _dimension(override: Override) -> Dimension:
    from hydra.core.override_parser.types import IntervalSweep, Sweep

    option, sweep = override.get_key_element(), override.value()
    assert isinstance(sweep, Sweep)
    place = override.package or override.key_or_group
    if any(
        f"{name}.".startswith(f"{part}.") for part in NOT_SEARCHED for name in (place, override.key_or_group)
    ):
        raise InputError(
            f"{option} cannot be searched, since all trials must have the same clip, painting and measurements; "
            f"give it one value"
        )
    if unknown := sorted(sweep.tags - {"log"}):
        raise InputError(f"{option} has the unknown tag {unknown[0]}; use log, or no tag")
    if isinstance(sweep, IntervalSweep):
        return _interval(option, sweep)
    if sweep.tags:
        raise InputError(
            f"{option} has the tag log, which only an interval may have; remove it, or give an interval"
        )
    values = tuple(dict.fromkeys(override.sweep_string_iterator()))
    if not values:
        raise InputError(f"{option} has a range without values; correct its ends or its step")
    return Choice(values)


def _interval(option: str, sweep: Any) -> Interval:
    low, high, log = sweep.start, sweep.end, "log" in sweep.tags
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(
            f"{option} has the interval {low:g} to {high:g}, which is empty; give the lower end first"
        )
    if log and low <= 0:
        raise InputError(f"{option} has an interval from {low:g}, which has no logarithm; begin above 0")
    return Interval(low, high, log, whole=isinstance(low, int) and isinstance(high, int))


def _name_and_size(path: str) -> list[str | int | None]:
    file = Path(path)
    return [file.name, file.stat().st_size if file.is_file() else None]


def _check(space: Space) -> None:
    """Compose every choice and both ends of every interval, the other options at their first value."""
    first, ends = space.first(), space.ends().items()
    settings = [first, *({**first, option: value} for option, values in ends for value in values[1:])]
    for overrides in (*map(space.overrides, settings), reference(space.fixed)):
        resolved = resolve(with_run_directory(composed(overrides)))
        _check_estimator(space, resolved)


def _check_estimator(space: Space, settings: Mapping[str, Any]) -> None:
    """Refuse trials whose metrics would use different flow estimators: by default, one that the model does not use."""
    searched = [option for option in space.searched if option.split(".")[0] == "flow"]
    metrics = settings["callbacks"].get("metrics") or {}
    exact = str(settings["video"].get("_target_")).startswith("vst.synthetic.")
    if searched and not exact and metrics.get("motion") == "auto":
        raise InputError(
            f"{searched[0]} is searched, and the estimator that the metrics use would change with it; "
            f"choose one for all trials, such as callbacks.metrics.motion=raft"
        )


def _selected(cfg: DictConfig, option: str) -> Any:
    from omegaconf import OmegaConf

    value = OmegaConf.select(cfg, option) if "@" not in option else None
    return None if OmegaConf.is_config(value) else value
