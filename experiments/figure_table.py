"""The numbers of the figures: their format, the best of them, and Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vst.errors import InputError
from vst.files import write_text
from vst.formatting import SUPERSCRIPTS, legible
from vst.metrics.catalogue import BY_KEY
from vst.runs.record import Record

Records = Mapping[str, Mapping[str, Record]]
"""The records of runs by scenario and model."""

UNDEFINED = "–"
WARPING = ("warping_error", "warping_error_long")


@dataclass(frozen=True)
class Column:
    """A metric and its format: in units of 10^power, to three digits, or to `decimals` decimals."""

    key: str
    power: int = 0
    decimals: int | None = None

    def written(self, value: float | None) -> str:
        """The formatted value, without its factor."""
        if value is None:
            return UNDEFINED
        scaled = value / 10.0**self.power
        if self.decimals is None:
            return legible(scaled)
        # + 0.0 turns -0.0, which is rounded from -0.001, into 0.0
        return f"{round(scaled, self.decimals) + 0.0:.{self.decimals}f}"

    def best(self, values: Sequence[float | None]) -> str | None:
        """The best value, formatted, so that values that look equal count as equal; None where none is defined."""
        defined = [value for value in values if value is not None]
        return self.written(min(defined, key=BY_KEY[self.key].distance)) if defined else None

    @property
    def head(self) -> str:
        """The metric's name and factor."""
        factor = f" ×10{str(self.power).translate(SUPERSCRIPTS)}" if self.power else ""
        return f"{BY_KEY[self.key].title}{factor}"


COLUMNS = (
    Column("warping_error", -3),
    Column("warping_error_long", -3),
    Column("residual_correlation", decimals=2),
    Column("flicker", -2),
    Column("ghosting", decimals=2),
    Column("ghosting_at_cut", decimals=2),
    Column("newly_painted", decimals=2),
    Column("newly_legible", decimals=2),
    Column("content"),
    Column("style", -4),
)


def tables(records: Records) -> str:
    """All results, and the comparison of robust with the others."""
    lines = header()
    for scenario, models in records.items():
        summaries = {model: record.summary for model, record in models.items()}
        bests = [column.best([own.get(column.key) for own in summaries.values()]) for column in COLUMNS]
        for model, summary in summaries.items():
            eta = models[model].provenance.config["eta"]
            cells = [column.written(summary.get(column.key)) for column in COLUMNS]
            marked = [
                f"**{cell}**" if cell == best else cell for cell, best in zip(cells, bests, strict=True)
            ]
            lines.append(table_line([scenario, model, power(eta) if eta else UNDEFINED, *marked]))
    return "\n".join([*lines, "", caption(), *_ratios(records)]) + "\n"


def header() -> list[str]:
    """The first two lines of the table of all results."""
    heads = ["scenario", "model", "η", *(column.head for column in COLUMNS)]
    return [table_line(heads), table_line(["---", "---", *["---:"] * (len(heads) - 2)])]


def caption() -> str:
    """The line below the table of all results: what is in bold, and which values are better."""
    directions = "; ".join(
        f"{BY_KEY[column.key].title}: {BY_KEY[column.key].direction}" for column in COLUMNS
    )
    return f"The best of each scenario is in bold ({directions})."


def summary(records: Records) -> str:
    """Only the comparison of robust with the others."""
    return "\n".join(_ratios(records)).strip() + "\n"


def _ratios(records: Records) -> list[str]:
    """The warping errors of robust as ratios to naive's and to the best other model's, one row per scenario."""
    records = {scenario: models for scenario, models in records.items() if "robust" in models}
    if not records:
        return []
    names = [BY_KEY[key].title for key in WARPING]
    heads = [f"{name}, robust / {other}" for name in names for other in ("naive", "best other")]
    lines = ["", table_line(["scenario", *heads]), table_line(["---", *["---:"] * len(heads)])]
    for scenario, models in records.items():
        cells = []
        for key in WARPING:
            errors = {model: record.summary.get(key) for model, record in models.items()}
            others = {model: error for model, error in errors.items() if error and model != "robust"}
            cells.append(_ratio(errors["robust"], others.get("naive")))
            best = min(others, key=lambda model: others[model], default=None)
            cells.append(f"{_ratio(errors['robust'], others[best])} ({best})" if best else UNDEFINED)
        lines.append(table_line([scenario, *cells]))
    return lines


def _ratio(value: float | None, other: float | None) -> str:
    return UNDEFINED if value is None or not other else f"{value / other:.2f}"


def power(value: float) -> str:
    """3·10⁴ for 30000; one digit is enough for the values of the ladder."""
    digits, _, power = f"{value:.0e}".partition("e")
    ten = f"10{str(int(power)).translate(SUPERSCRIPTS)}"
    return ten if digits == "1" else f"{digits}·{ten}"


def table_line(cells: Sequence[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def check_markers(document: Path) -> None:
    """Raise `InputError` where a document has no markers for a table."""
    text = document.read_text(encoding="utf-8") if document.is_file() else ""
    if not _places(text):
        named = " or ".join(f"{_begin(name)} and {_end(name)}" for name in TABLES)
        raise InputError(f"{document} has no lines {named} in this order; put them where the tables belong")


def insert(document: Path, records: Records) -> None:
    """Replace what is between the markers of each table in a document with the table."""
    check_markers(document)
    text = document.read_text(encoding="utf-8")
    for name in _places(text):
        before, _, rest = text.partition(_begin(name))
        _, _, after = rest.partition(_end(name))
        text = f"{before}{_begin(name)}\n\n{TABLES[name](records)}\n{_end(name)}{after}"
    write_text(document, text)


TABLES: Mapping[str, Callable[[Records], str]] = {"results": tables, "summary": summary}
"""The table between the markers of each name."""


def _places(text: str) -> list[str]:
    """The tables that a text has markers for."""
    return [name for name in TABLES if 0 <= text.find(_begin(name)) < text.find(_end(name))]


def _begin(name: str) -> str:
    return f"<!-- {name} -->"


def _end(name: str) -> str:
    return f"<!-- /{name} -->"
