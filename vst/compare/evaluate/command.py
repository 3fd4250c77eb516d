"""The command line: `vst evaluate`.

Torch and all that needs it is imported late, so that a file that cannot be used is answered at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from vst.commandline import execute
from vst.compare.evaluate.evaluate import evaluate
from vst.compare.evaluate.request import parse
from vst.compare.evaluate.table import table
from vst.files import write_json

USAGE = """\
python -m vst.evaluate content=… stylized=… [stylized=… …] [option=…] [-o FILE]

  content=CLIP    the source: a video, a folder of frames, or a built-in scene (talk, anime, battle)
  stylized=CLIP   what was painted of it: a video or a folder of frames; several stand side by side
  style=PICTURE   the painting: adds the paper's content and style losses, through VGG-19
  flow=NAME       how motion is estimated: deepflow, dis, farneback or raft, and not as the painter did it;
                  without it, deepflow, and for a built-in scene its exact motion
  size=PIXELS     scale the content's longer side to it; without it, the content keeps its size
  start=N         the first frame of the content that was painted, from 0
  frames=N        how many were painted; without it, all from start on
  cuts=[N,N,…]    the frames of the content with which a new shot begins, counted as start is, [] for none;
                  without it they are found, and for a built-in scene known
  -o FILE         write all figures, frame by frame too, as JSON
"""


def main() -> None:
    """Evaluate what the command line names, and exit: 0 done, 1 failed on the way, 2 wrong input."""
    execute(USAGE, _evaluate)


def _evaluate(arguments: Sequence[str]) -> None:
    request = parse(arguments)
    figures = evaluate(request)
    if request.output:
        write_json(request.output, figures)
    print(table(figures))
