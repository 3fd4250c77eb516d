"""The numbers that options accept, as annotations of the arguments that the options are.

They are read from the source and checked before anything is built (`vst.runs.signatures`), so that a wrong number is
answered in one sentence, and a huge one before memory is taken for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from annotated_types import Interval

Count = Annotated[int, Interval(ge=1, le=1_000_000)]
"""A number of frames."""

Place = Annotated[int, Interval(ge=0, le=1_000_000_000)]
"""A number of a frame or a pass, counted from 0."""

Few = Annotated[int, Interval(ge=1, le=1000)]
"""A number of things each of which takes memory or time."""

Side = Annotated[int, Interval(ge=1, le=8192)]
"""The longer side of a picture in pixels."""

LONGEST = 8192
"""Most pixels of a `Side`: frames of 8K."""

Seed = Annotated[int, Interval(ge=0, le=9_223_372_036_854_775_807)]
"""A seed of random numbers."""

Share = Annotated[float, Interval(ge=0, le=1)]
"""A part of a whole."""

Weight = Annotated[float, Interval(ge=0, le=1e38)]
"""The weight of a loss, a number of float32."""

WeightOverTime = Weight | Mapping[int, Weight]
"""A weight, or weights by frame of the source, linear in between."""

Strength = Annotated[float, Interval(ge=0, le=10)]
"""How strongly something is done, in that of the default."""

StrengthOverTime = Strength | Mapping[int, Strength]
"""A strength, or strengths by frame of the source, linear in between."""

Scale = Annotated[float, Interval(gt=0, le=1000)]
"""A factor of a size or of a value."""
