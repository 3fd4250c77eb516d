"""The command line: `vst evaluate`.

Torch is imported late, so that a file that cannot be used is reported at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from vst.commandline import execute, say
from vst.compare.evaluate.evaluate import evaluate
from vst.compare.evaluate.request import parse
from vst.compare.evaluate.table import table
from vst.files import write_json

USAGE = """\
python -m vst.evaluate content=… stylized=… [stylized=… …] [option=…] [-o FILE]

  content=CLIP    the source: a video, a folder of frames, or a built-in scene (talk, anime, battle)
  stylized=CLIP   the painted clip: a video or a folder of frames; give several to compare them side by side
  style=PICTURE   the painting: adds the paper's content and style losses, computed with VGG-19
  flow=NAME       estimates the motion: consensus (where dis and sparse agree, the default), deepflow, dis, farneback,
                  raft or sparse; choose one that the painter did not use; a built-in scene has its exact motion
  size=PIXELS     scale the content's longer side to this size; by default, the content keeps its size
  start=N         the first frame of the content that was painted, from 0
  frames=N        how many frames were painted; by default, all from start on
  cuts=[N,N,…]    the frames of the content that begin a new shot, numbered like start, [] for none;
                  by default they are detected, and in a built-in scene they are known
  -o FILE         write all figures, also for each frame, as JSON
"""


def main() -> None:
    """Evaluate the clips of the command line, and exit: 0 success, 1 failure during the evaluation, 2 wrong input."""
    execute(USAGE, _evaluate)


def _evaluate(arguments: Sequence[str]) -> None:
    request = parse(arguments)
    figures = evaluate(request)
    if request.output:
        write_json(request.output, figures)
    say(*table(figures).splitlines())
