"""The notebook as it is committed: run whole, at full size, and light. That it runs is tested by nbmake."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vst.losses import functional

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "paper.ipynb"
AGAIN = "run it anew with make notebook"

EQUATIONS = (
    functional.mean_squared_error,
    functional.gram_matrix,
    functional.content_loss,
    functional.style_loss,
    functional.mse_coherence,
    functional.enhanced_coherence,
    functional.flow_coherence,
    functional.paper_gate,
)


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(cells: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for cell in cells:
        yield from cell["outputs"]


def words(cells: list[dict[str, Any]]) -> str:
    """All text that the cells have put out."""
    parts: list[str] = []
    for output in outputs(cells):
        parts += output.get("text", [])
        for kind, lines in output.get("data", {}).items():
            parts += lines if kind.startswith("text/") else []
    return "".join(parts)


def test_every_cell_was_run_once_and_in_order(cells):
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1)), AGAIN


def test_it_ran_without_a_failure_or_a_warning(cells):
    kinds = {output.get("name", output["output_type"]) for output in outputs(cells)}
    assert kinds == {"stdout", "display_data"}, AGAIN


def test_it_was_run_at_full_size_with_the_real_filters(cells):
    assert "vgg19-normalised" in words(cells), AGAIN
    figures = [output for output in outputs(cells) if "image/jpeg" in output.get("data", {})]
    assert len(figures) >= 15


def test_the_functions_beside_the_equations_are_those_of_the_package(cells):
    shown = words(cells)
    for function in EQUATIONS:
        assert inspect.getsource(function) in shown, f"{function.__name__} has changed; {AGAIN}"


def test_it_names_no_place_on_the_machine_that_ran_it(cells):
    assert re.findall(r"(?<![\w.')\]])(?:/[\w.-]+){2,}|\b[A-Z]:\\", words(cells)) == []


def test_it_holds_no_times_of_day(cells):
    assert all("execution" not in cell["metadata"] for cell in cells)


def test_it_is_light_to_clone():
    assert NOTEBOOK.stat().st_size < 3e6
