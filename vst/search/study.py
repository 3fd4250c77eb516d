"""The stored state of a search: an optuna study, in which each trial is a setting and its results."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vst.errors import InputError
from vst.search.objective import OBJECTIVES, Values
from vst.search.pruning import Means
from vst.search.space import Choice, Dimension, Setting, Space
from vst.search.workers import Outcome

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

SUGGESTIONS = 100
"""How many suggestions optuna makes for an untried setting, before the first untried one is used."""

SQLITE_TIMEOUT = 60
"""Seconds to wait while another process writes to the same file."""


class Trials:
    """The trials of one folder's search, in `storage`, or else in a file in the folder.

    Only the main process reads and writes the storage; workers do not. Several machines may share a storage; each
    resumes only its own trials.
    """

    def __init__(self, folder: Path, space: Space, seed: int, storage: str | None = None):
        self._space = space
        self._seed = seed
        self._folder = folder
        self._place = f"{platform.node()}:{folder.resolve()}" if storage else ""
        self._storage, self._study = _open(folder, storage)
        self._definition = _definition(space, seed)
        self._distributions = {
            option: _distribution(dimension) for option, dimension in space.searched.items()
        }
        self._check()

    def plan(self, total: int) -> int:
        """Enqueue the first settings, and return how many trials there will be, at most `total`.

        If there are no more than `total` settings, each is tried once. Otherwise the defaults are tried first, and then
        optuna's suggestions. From now on, the study belongs to this search, and another search is refused.
        """
        self._study.set_user_attr("asked", self._definition)
        size = self._space.size
        if size is None or size > total:
            if not self._trials() and (point := self._space.starting_point()):
                self._study.enqueue_trial(point)
            return total
        for setting in self._space.settings():
            self._study.enqueue_trial(setting, skip_if_exists=True)
        return self.begun() + len(self._trials("WAITING"))

    def begun(self) -> int:
        """How many trials have begun, finished or not, on all machines."""
        return len(self._trials()) - len(self._trials("WAITING"))

    def unfinished(self) -> list[tuple[int, Setting]]:
        """The trials of this folder that began and have not ended."""
        return [(trial.number, trial.params) for trial in self._own("RUNNING")]

    def failed(self) -> list[int]:
        """The trials of this folder that failed, by number."""
        return [trial.number for trial in self._own("FAIL")]

    def ask(self) -> tuple[int, Setting]:
        """Begin the next trial, with an untried setting if there is one; return its number and its setting.

        The suggestion depends only on the seed, the trial's number and the trials so far.
        """
        from optuna.samplers import TPESampler

        self._study.sampler = TPESampler(seed=self._seed + self.begun())
        if self._space.size is not None and not self._trials("WAITING"):
            self._enqueue_untried()
        trial = self._study.ask(self._distributions)
        trial.set_user_attr("place", self._place)
        return trial.number, trial.params

    def _enqueue_untried(self) -> None:
        """Enqueue optuna's suggestion among the untried settings; by itself, optuna also suggests tried ones."""
        import optuna

        tried = [trial.params for trial in self._trials()]
        untried = [setting for setting in self._space.settings() if setting not in tried]
        if not untried:
            return
        draft = optuna.create_study(directions=self._study.directions, sampler=self._study.sampler)
        draft.add_trials(self._trials("COMPLETE"))
        suggested = (draft.ask(self._distributions).params for _ in range(SUGGESTIONS))
        self._study.enqueue_trial(next((setting for setting in suggested if setting in untried), untried[0]))

    def tell(self, number: int, outcome: Outcome) -> None:
        """Record the end of a trial."""
        from optuna.trial import TrialState

        states = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        if outcome.status == "finished":
            study = self._storage.get_study_id_from_name(self._study.study_name)
            trial = self._storage.get_trial_id_from_study_id_trial_number(study, number)
            self._storage.set_trial_user_attr(trial, "means", outcome.means)
        self._study.tell(number, outcome.values, state=states[outcome.status])

    def finished(self) -> dict[int, Values]:
        """The objectives of all finished trials, by number."""
        return {trial.number: tuple(trial.values or ()) for trial in self._trials("COMPLETE")}

    def finished_means(self) -> list[Means]:
        """The running means of all finished trials."""
        return [trial.user_attrs["means"] for trial in self._trials("COMPLETE")]

    def setting(self, number: int) -> Setting:
        """The setting of a trial."""
        return self._trials()[number].params

    def table(self) -> list[dict[str, Any]]:
        """One row per trial: its number, setting, objectives, state, and whether it is on the Pareto front."""
        states = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
        front = {trial.number for trial in self._study.best_trials}
        return [
            {
                "number": trial.number,
                **trial.params,
                **dict(zip(OBJECTIVES, trial.values or (), strict=False)),
                "state": states[trial.state.name],
                "front": int(trial.number in front),
            }
            for trial in self._trials()
            if trial.state.name in states
        ]

    def _trials(self, state: str | None = None) -> list[FrozenTrial]:
        """All trials, in the order of their numbers, or those in one state.

        Raises `InputError` for a trial of what is not searched: a study may come from elsewhere, and must not choose
        what is built and where is written.
        """
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials:
            for option, distribution in trial.distributions.items():
                if distribution != self._distributions.get(option):
                    raise InputError(
                        f"trial {trial.number} of the study for {self._folder} has {option}={trial.params[option]}, "
                        f"which is not of this search; name another folder with -o"
                    )
        return [trial for trial in trials if state in (None, trial.state.name)]

    def _own(self, state: str) -> list[FrozenTrial]:
        """The trials of this folder in one state."""
        return [trial for trial in self._trials(state) if trial.user_attrs.get("place") == self._place]

    def _check(self) -> None:
        """Refuse the study of another search."""
        before = {**self._definition, **self._study.user_attrs.get("asked", {})}
        if before != self._definition:
            raise InputError(
                f"{self._folder} holds a search with another {_difference(before, self._definition)}; resume it with "
                f"its original options and the original defaults in conf/, or name another folder with -o"
            )
        self._trials()


def _definition(space: Space, seed: int) -> dict[str, Any]:
    """What defines the search, in the form in which the storage, which keeps JSON, returns it."""
    searched = {option: asdict(dimension) for option, dimension in space.searched.items()}
    definition = {
        "fixed": space.fixed,
        "searched": searched,
        "seed": seed,
        "configuration": space.fingerprint(),
    }
    return cast(dict[str, Any], json.loads(json.dumps(definition)))


def _open(folder: Path, storage: str | None) -> tuple[BaseStorage, Study]:
    """The storage and the study in it, created if there is none. In a shared storage, it has the folder's name."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file, name = folder.resolve() / "study.db", folder.resolve().name if storage else "vst"
    known = name in optuna.get_all_study_names(_storage(storage)) if storage else file.is_file()
    if not known and (folder / "trials").exists():
        raise InputError(
            f"{folder} holds trials of a search that is not in this storage; name another folder with -o"
        )
    opened = _storage(storage or _sqlite(file))
    study = optuna.create_study(
        storage=opened, study_name=name, directions=["minimize"] * len(OBJECTIVES), load_if_exists=True
    )
    return opened, study


def _sqlite(file: Path) -> str:
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(file)).render_as_string()


def _storage(url: str) -> BaseStorage:
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    options = {"connect_args": {"timeout": SQLITE_TIMEOUT}} if url.startswith("sqlite:") else {}
    try:
        return RDBStorage(url, engine_kwargs=options)
    except (SQLAlchemyError, ImportError, RuntimeError) as error:
        raise InputError(
            f"the storage {url} cannot be used ({reason_of(error)}); give a URL such as sqlite:///study.db or "
            f"postgresql://host/name"
        ) from error


def _distribution(dimension: Dimension) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.values)
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What first differs between two searches, in words."""
    if before["seed"] != now["seed"]:
        return "seed"
    options: Sequence[str] = sorted({*before["searched"], *now["searched"]})
    for option in options:
        if before["searched"].get(option) != now["searched"].get(option):
            return f"range of {option}"
    lines = sorted({*before["fixed"]} ^ {*now["fixed"]})
    if lines:
        return lines[0].partition("=")[0]
    return "order of options" if before["fixed"] != now["fixed"] else "configuration under the same options"


def reason_of(error: Exception) -> str:
    """The first line of a storage's error, without the query.

    optuna's own error only guesses at the reason; the database's error, its cause, states it.
    """
    cause = error.__cause__ or error
    return str(getattr(cause, "orig", None) or cause).splitlines()[0].rstrip(".")


def storage_errors() -> tuple[type[Exception], ...]:
    """The exceptions that are raised where the storage becomes unavailable during a search."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return StorageInternalError, SQLAlchemyError
