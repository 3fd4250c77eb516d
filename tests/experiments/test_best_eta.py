from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from omegaconf import OmegaConf


@pytest.mark.parametrize(
    ("most", "errors", "best"),
    [
        # style allows up to 1e5, and the error falls with η
        (1e5, lambda eta: 1 / eta, 1e5),
        # the error has its least below the highest η allowed
        (1e6, lambda eta: abs(eta - 1e5), 1e5),
        # the first rung is too much already
        (1e3, lambda eta: 1 / eta, 1e3),
        # nothing is allowed: the least held of all
        (0, lambda eta: 1 / eta, 1e2),
    ],
)
def test_the_search_finds_the_least_error_that_the_style_allows(
    script: Callable[[str], ModuleType], most, errors, best
):
    def try_eta(eta: float) -> dict[str, float]:
        return {"style": 1.0 if eta <= most else 1.1, "warping_error": errors(eta)}

    assert script("best_eta").search(1e4, try_eta, naive_style=1.0) == best


def test_what_was_found_is_kept_though_a_later_scenario_fails(script, monkeypatch, tmp_path):
    best_eta = script("best_eta")
    monkeypatch.setattr(best_eta, "BEST_ETA", tmp_path / "best_eta.yaml")
    tried = []

    def summary_of(scenario, model, eta, runs, clip):
        if scenario.name == "fig2":
            raise SystemExit(1)
        tried.append((model, eta))
        return {"style": 1.0 if eta <= 1e5 else 2.0, "warping_error": 1 / (eta or 1)}

    monkeypatch.setattr(best_eta, "summary_of", summary_of)
    with pytest.raises(SystemExit):
        best_eta.search_all(best_eta.choose("fig1,fig2"), tmp_path, None)
    assert OmegaConf.load(tmp_path / "best_eta.yaml") == {"fig1": dict.fromkeys(best_eta.TUNED, 1e5)}
    assert ("flow", 3e5) in tried, "the next one up was tried"


def test_an_unknown_scenario_gets_one_sentence(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["best_eta.py", "--only", "fig9"])
    with pytest.raises(SystemExit) as left:
        script("best_eta").main()
    assert left.value.code == 2
    assert "fig9 is not known" in capsys.readouterr().err
