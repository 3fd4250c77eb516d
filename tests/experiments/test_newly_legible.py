from __future__ import annotations

import pytest

from tests import run_directories
from vst.runs.directory import frame_path
from vst.runs.record import read_record
from vst.synthetic.scenes import Battle
from vst.video.store import save_png, to_uint8


@pytest.fixture
def run(write_run, tmp_path):
    """A run whose painting is the content itself."""
    scene = Battle(72, 128, 3)
    draw = {"_target_": "vst.synthetic.paintings.swirls", "_partial_": True}
    config = run_directories.settings(
        "naive",
        video={"_target_": "vst.synthetic.scenes.Battle", "height": 72, "width": 128, "frames": 3},
        style={"_target_": "vst.styles.DrawnPainting", "name": "swirls", "draw": draw},
    )
    directory = write_run(tmp_path / "run", "naive", frames=3, cut=None, config=config, video=False)
    for index in range(3):
        save_png(frame_path(directory, index), to_uint8(scene.frame(index)))
    return directory


def test_a_run_is_measured_frame_by_frame(script, run):
    frames, mean, _, ghosting = script("newly_legible").measured(run, read_record(run), 2)
    across_the_cut, last = frames.split()
    assert across_the_cut == "–"
    assert float(last) == pytest.approx(1, abs=0.02)
    assert float(mean) == pytest.approx(1, abs=0.02)
    assert float(ghosting) == pytest.approx(0, abs=0.05)


def test_other_paintings_are_put_where_something_came_into_view(script, run):
    made = script("newly_legible").made_up(run, read_record(run), 1)
    whole, untouched, half, mirrored, before, strokes = (float(cell) for cell in made)
    assert whole == untouched == pytest.approx(1, abs=0.02)
    assert max(abs(mirrored), abs(before), abs(strokes)) < 0.4 < half < whole
    assert script("newly_legible").made_up(run, read_record(run), 3) == ["–"] * 6
