"""Tries units of a style loss on three scenes, and prints the losses of a finished frame as ratios to those of `gatys`.

    python experiments/style_losses.py moments 1000,3000,9000 [override …]

The unit of a style loss divides it; the right one makes the mean content loss that of `loss=gatys` at the same β.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

from records import number, summary_of

from vst.commandline import reporting_errors
from vst.composing import composed
from vst.config import quoted
from vst.runs.run import run

SCENES = (("talk", "swirls"), ("battle", "facets"), ("anime", "ink"))


def main() -> None:
    """Paint the first frame of every scene with every unit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("loss", help="a choice of conf/loss")
    parser.add_argument("units", help="the units to try, with commas")
    parser.add_argument("overrides", nargs="*", help="added to every run")
    given = parser.parse_args()
    with reporting_errors():
        reference = [content_loss(scene, ["loss=gatys", *given.overrides]) for scene in SCENES]
        for unit in given.units.split(","):
            options = [f"loss={given.loss}", f"loss.style.unit={unit}", *given.overrides]
            ratios = [
                content_loss(scene, options) / base for scene, base in zip(SCENES, reference, strict=True)
            ]
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            print(f"{unit}: {mean:.3f}  ({', '.join(f'{ratio:.2f}' for ratio in ratios)})", flush=True)


def content_loss(scene: tuple[str, str], options: Sequence[str]) -> float:
    """The content loss of the scene's first frame, painted with the options."""
    video, style = scene
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "run"
        size = ["video.width=192", "video.height=108", "video.frames=1"]
        run(
            composed(
                [
                    *("model=naive", f"video={video}", f"style={style}", *size, "evaluations=40"),
                    *("~callbacks.progress", "logger=csv", f"paths.run={quoted(directory)}", *options),
                ]
            )
        )
        return number(summary_of(directory), "content")


if __name__ == "__main__":
    main()
