from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tests import run_directories
from tests.run_directories import settings

HEIGHT, WIDTH, FRAMES = 32, 48, 4
TALK = {"_target_": "vst.synthetic.scenes.Talk", "height": HEIGHT, "width": WIDTH, "frames": FRAMES}


@pytest.fixture
def sheet(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The script, called with arguments."""

    def call(*arguments: str | Path) -> None:
        monkeypatch.setattr(sys, "argv", ["sheet.py", *map(str, arguments)])
        script("sheet").main()

    return call


def test_the_models_come_in_the_order_they_are_told_in_below_the_content(sheet, tmp_path):
    for model, level in {"robust": 200, "enhanced": 120, "naive": 40}.items():
        config = settings(model, video=TALK)
        run_directories.write_run(
            tmp_path / "grid" / model, model, frames=FRAMES, config=config, level=level, video=False
        )
    sheet(tmp_path / "grid", "-o", tmp_path / "sheet.jpg", "--frames", "2")
    picture = np.array(Image.open(tmp_path / "sheet.jpg"))
    assert picture.shape == (24 + 4 * (HEIGHT + 6), 92 + 3 * (WIDTH + 6), 3)
    # on the left of a frame is its run's level
    tops = [24 + row * (HEIGHT + 6) for row in range(4)]
    levels = [int(picture[top + HEIGHT // 2, 92 + 4, 0]) for top in tops]
    assert levels[1:] == pytest.approx([40, 120, 200], abs=8)
    # on its right what counts the frames, so that the residual is dark there on the left alone
    residual = picture[tops[1] : tops[1] + HEIGHT, 92 + 2 * (WIDTH + 6) :][:, :WIDTH].astype(int).sum(2)
    dark, bright = residual[:, : WIDTH // 2 - 4], residual[:, WIDTH // 2 + 4 :]
    assert dark.max() < bright.min()
    # named one by one they are the same
    sheet(*sorted((tmp_path / "grid").iterdir()), "-o", tmp_path / "again.jpg", "--frames", "2")
    assert (tmp_path / "again.jpg").read_bytes() == (tmp_path / "sheet.jpg").read_bytes()


def test_a_folder_without_a_run_is_refused(sheet, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        sheet(tmp_path, "-o", tmp_path / "sheet.jpg")
    assert left.value.code == 2
    assert "holds no finished run" in capsys.readouterr().err
