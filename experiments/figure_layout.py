"""Lays out a figure like the paper's: one row per model, with painted frames side by side, and the last change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from figure_table import COLUMNS, UNDEFINED
from PIL import Image, ImageDraw, ImageFont
from records import Summary
from torch import Tensor

from vst.runs.pictures import Picture, coloured, legend

WIDTH = 1000
"""Display width of a figure. All measures below are in 1/1000 of the figure's width."""

LABEL, GAP, LINE, SMALL, LARGE = 92, 6, 21, 13.5, 17
PAPER, WORDS, QUIET, BEST = (255, 255, 255), (25, 25, 25), (105, 105, 105), (255, 226, 140)

SHOWN = {
    "warping_error": "warping error",
    "warping_error_long": "long",
    "style": "style",
    "content": "content",
    "ghosting": "ghosting",
    "ghosting_at_cut": "at the cut",
    "newly_painted": "newly visible strokes",
}
"""The metrics below a row, and their names there."""


@dataclass(frozen=True)
class Row:
    """The row of a model, or of the content, whose `summary` is empty; `change` is (H, W), at least 0."""

    name: str
    frames: Sequence[Picture]
    change: Tensor
    summary: Summary


def lay_out(rows: Sequence[Row], heads: Sequence[str], style: Picture, notes: Sequence[str]) -> Picture:
    """The figure: rows below the column heads, then the colour scale and the notes.

    `style` is the painting, shown beside the first row. All frames have one size, and are enlarged by the whole factor
    that makes the figure at least as wide as its display width.
    """
    page = _Page(rows[0].frames[0].shape[1], rows[0].frames[0].shape[0], len(heads))
    scale = common_scale([row.change for row in rows])
    wrapped = [line for note in notes for line in page.wrap(note, page.legend_left - page.units(2 * GAP))]
    heights = [
        (page.height + page.units(LINE) if row.summary else page.first_height) + page.units(2 * GAP)
        for row in rows
    ]
    top = page.units(LINE + GAP)
    foot = page.units(LINE) * max(2, len(wrapped)) + page.units(GAP)
    sheet = Image.new("RGB", (page.width, top + sum(heights) + foot), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, head in enumerate(heads):
        page.write(draw, head, page.left(column), page.units(GAP), QUIET)
    bests = {
        column.key: column.best([row.summary.get(column.key) for row in rows if row.summary])
        for column in COLUMNS
    }
    places = page.places(rows)
    for row, height in zip(rows, heights, strict=True):
        _paste_row(sheet, page, row, top, scale)
        if row.summary:
            page.figures(draw, row.summary, bests, places, top + page.height + page.units(3))
        else:
            _paste_style(sheet, page, style, top)
        top += height
    bar = legend(page.tile + page.units(2 * GAP), scale, page.units(SMALL))
    sheet.paste(Image.fromarray(bar), (page.legend_left - page.units(GAP), top))
    for number, line in enumerate(wrapped):
        page.write(draw, line, page.units(GAP), top + number * page.units(LINE), QUIET)
    return np.array(sheet)


def common_scale(changes: Sequence[Tensor]) -> float:
    """The end of the scale for all changes: the largest of their 99th percentiles, rounded up."""
    largest = max(float(np.quantile(change.numpy(), 0.99)) for change in changes)
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return min(
        1.0, next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if largest <= step * power * 1.001)
    )


def _paste_row(sheet: Image.Image, page: _Page, row: Row, top: int, scale: float) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.text((page.units(GAP), top), row.name, WORDS, page.font(LARGE), "la")
    for column, picture in enumerate(row.frames):
        tile = Image.fromarray(picture).resize((page.tile, page.height), Image.Resampling.LANCZOS)
        sheet.paste(tile, (page.left(column), top))
    # not interpolated, so that every pixel has a colour of the scale
    change = coloured(row.change, scale).repeat(page.factor, axis=0).repeat(page.factor, axis=1)
    sheet.paste(Image.fromarray(change), (page.left(len(row.frames)), top))


def _paste_style(sheet: Image.Image, page: _Page, style: Picture, top: int) -> None:
    """Paste the painting below the name of the first row, as large as fits."""
    image = Image.fromarray(style)
    room = page.units(LABEL - 2 * GAP), page.first_height - page.units(LARGE + LINE + GAP)
    image.thumbnail(room, Image.Resampling.LANCZOS)
    corner = page.units(GAP), top + page.first_height - image.height
    sheet.paste(image, corner)
    page.write(ImageDraw.Draw(sheet), "style", corner[0], corner[1] - page.units(LINE - 2), QUIET)


class _Page:
    """The layout and the text of a figure whose frames are `width` by `height`."""

    def __init__(self, width: int, height: int, columns: int):
        self.factor = math.ceil((WIDTH - LABEL - (columns + 1) * GAP) / (columns * width))
        self.tile, self.height = self.factor * width, self.factor * height
        self._unit = columns * self.tile / (WIDTH - LABEL - (columns + 1) * GAP)
        # high enough for the painting beside it, even if the clip's frames are low
        self.first_height = max(self.height, self.units(LARGE + LINE + GAP + 48))
        self.width = self.left(columns)
        self.legend_left = self.left(columns - 1)

    def units(self, measure: float) -> int:
        """A measure in pixels."""
        return round(measure * self._unit)

    def left(self, column: int) -> int:
        """The left edge of a column."""
        return self.units(LABEL + GAP) + column * (self.tile + self.units(GAP))

    def font(self, size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        """The font at a size."""
        return ImageFont.load_default(self.units(size))

    def write(
        self, draw: ImageDraw.ImageDraw, text: str, x: float, y: float, colour: tuple[int, ...]
    ) -> None:
        """Write a line of small text."""
        draw.text((x, y), text, colour, self.font(SMALL), "la")

    def wrap(self, text: str, width: int) -> list[str]:
        """Break a text into lines of at most a width."""
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            if self.font(SMALL).getlength(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def places(self, rows: Sequence[Row]) -> list[float]:
        """The left edges of the metrics below the rows, aligned in columns that fill the width."""
        columns = [column for key in SHOWN for column in COLUMNS if column.key == key]
        widths = [
            max((_length(self, _parts(row.summary, column.key)) for row in rows if row.summary), default=0)
            for column in columns
        ]
        free = (self.width - self.units(LABEL + 2 * GAP) - sum(widths)) / max(1, len(widths) - 1)
        return [self.left(0) + sum(widths[:number]) + number * free for number in range(len(widths))]

    def figures(
        self,
        draw: ImageDraw.ImageDraw,
        summary: Summary,
        bests: Mapping[str, str | None],
        places: Sequence[float],
        top: int,
    ) -> None:
        """Write the metrics of a row; the best of each is bold on a coloured background."""
        for key, place in zip(SHOWN, places, strict=True):
            name, value, power = _parts(summary, key)
            self.write(draw, name, place, top, QUIET)
            start = place + self.font(SMALL).getlength(name)
            marked = value == bests[key]
            end = place + _length(self, (name, value, power))
            if marked:
                box = (
                    start - self.units(3),
                    top - self.units(1),
                    end + self.units(3),
                    top + self.units(LINE - 4),
                )
                draw.rounded_rectangle(box, self.units(3), BEST)
            ink = "-" if value == UNDEFINED else value
            # the font has no bold, no signs × and –, and no superscript digits
            for shift in (0, self.units(0.7)) if marked else (0,):
                self.write(draw, f"{ink}·10" if power else ink, start + shift, top, WORDS)
            if power:
                raised = self.font(SMALL * 0.72)
                left = start + self.font(SMALL).getlength(f"{ink}·10") + self.units(1)
                draw.text((left, top - self.units(1.5)), power, WORDS, raised, "la")


def _parts(summary: Summary, key: str) -> tuple[str, str, str]:
    """Name, value and the power of ten of a metric."""
    column = next(column for column in COLUMNS if column.key == key)
    value = column.written(summary.get(key))
    return f"{SHOWN[key]}  ", value, str(column.power) if column.power and value != UNDEFINED else ""


def _length(page: _Page, parts: tuple[str, str, str]) -> float:
    name, value, power = parts
    raised = page.font(SMALL).getlength("·10") + page.font(SMALL * 0.72).getlength(power) + page.units(1)
    return page.font(SMALL).getlength(name + value) + (raised if power else 0)
