from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vst.errors import InputError
from vst.runs.parts import build_clip
from vst.runs.preview import EVALUATIONS, FRAMES, LONGER
from vst.runs.settings import resolve


def test_a_preview_is_a_few_small_frames_of_the_same_run(compose: Callable) -> None:
    options = [
        "video=battle",
        "video.width=1920",
        "video.height=1080",
        "model=mse",
        "style.size=960",
        "beta=7",
    ]
    whole, preview = resolve(compose(*options)), resolve(compose(*options, "preview=true"))
    info = build_clip(preview).info
    assert (info.frames, info.height, info.width) == (FRAMES, LONGER * 9 // 16, LONGER)
    assert preview["evaluations"] == EVALUATIONS
    assert preview["style"]["size"] == LONGER // 2
    changed = {name for name in whole if whole[name] != preview[name]}
    assert changed == {"preview", "video", "style", "evaluations"}


def test_a_preview_of_a_file_begins_where_the_run_does(compose: Callable, clip: Path) -> None:
    settings = resolve(compose("video=file", f"video.path={clip}", "video.start=1", "preview=true"))
    assert settings["video"] == {**settings["video"], "start": 1, "frames": min(FRAMES, 3), "size": 48}
    assert settings["style"]["size"] is None
    build_clip(settings)


def test_cuts_after_the_preview_are_none_of_its_own(compose: Callable) -> None:
    settings = resolve(compose("cuts=[2,20]", "preview=true"))
    assert settings["cuts"] == [2]
    build_clip(settings)
    assert resolve(compose("cuts=[]", "preview=true"))["cuts"] == []


def test_key_frames_after_the_preview_are_none_of_its_own(compose: Callable) -> None:
    settings = resolve(compose("keyframes={0: a.png, 20: b.png}", "model=keyframes", "preview=true"))
    assert list(settings["keyframes"]) == ["0"]
    assert resolve(compose("keyframes=20", "model=keyframes", "preview=true"))["keyframes"] == 20


def test_what_is_smaller_already_stays(compose: Callable) -> None:
    settings = resolve(
        compose("video.frames=2", "video.width=96", "video.height=64", "evaluations=5", "preview=true")
    )
    info = build_clip(settings).info
    assert (info.frames, info.height, info.width, settings["evaluations"]) == (2, 64, 96, 5)


def test_a_preview_of_nothing_is_refused(compose: Callable) -> None:
    with pytest.raises(InputError, match=r"/none.mp4 does not exist"):
        resolve(compose("video=file", "video.path=/none.mp4", "preview=true"))
