"""What the processes that tests start are forked with: slow imports, and what every small run would make anew."""

# ruff: noqa: F401
from __future__ import annotations

import cv2
import jinja2
import plotly.graph_objects
import plotly.io

import vst.cli
import vst.compare.report.page
import vst.painting.stylizer
import vst.runs.exemplars
import vst.runs.loggers.wandb
import vst.search.lanes
import vst.search.shots
import vst.video.datamodule
import vst.video.reader
from vst.composing import composed, with_run_directory
from vst.runs.build import import_targets
from vst.runs.settings import resolve
from vst.styles import DrawnPainting
from vst.synthetic.paintings import swirls

import_targets(resolve(with_run_directory(composed([]))))

# threads of OpenCV's would be missing in the processes that are forked
threads = cv2.getNumThreads()
cv2.setNumThreads(1)
DrawnPainting("swirls", swirls, size=48).at(0)
cv2.setNumThreads(threads)
