from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from vst.errors import InputError
from vst.synthetic.scenes import Battle, Talk
from vst.training import examples
from vst.training.examples import ClipExamples, PictureExamples
from vst.training.sources import open_examples


def test_every_frame_of_a_clip_comes_with_the_one_before_it():
    scene = Talk(32, 48, 4)
    found = ClipExamples(scene, number=7)
    assert found.sizes == [(32, 48)] * 4
    assert found.followed == [False, True, True, True]
    for index in range(4):
        example = found.example(index)
        assert (example.clip, example.index) == (7, index)
        torch.testing.assert_close(example.content, scene.frame(index), rtol=0, atol=0.5 / 255 + 1e-6)
        if index:
            assert example.before is not None
            assert torch.equal(example.before, found.example(index - 1).content)
        else:
            assert example.before is None


def test_a_frame_after_a_cut_has_none_before_it():
    scene = Battle(48, 64, 24)
    [cut] = scene.cuts
    found = ClipExamples(scene, 0)
    assert [index for index, followed in enumerate(found.followed) if not followed] == [0, cut]


def test_of_a_long_clip_frames_are_kept_that_are_evenly_spread(monkeypatch):
    monkeypatch.setattr(examples, "MOST_FRAMES", 4)
    scene = Talk(32, 48, 10)
    found = ClipExamples(scene, 0)
    indices = [found.example(number).index for number in range(len(found.sizes))]
    assert indices == [0, 3, 6, 9]
    before = found.example(2).before
    assert before is not None
    torch.testing.assert_close(before, scene.frame(5), rtol=0, atol=0.5 / 255 + 1e-6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, size in (("10.png", (60, 30)), ("9.jpg", (20, 40)), ("._9.jpg", (5, 5)), ("note.txt", (5, 5))):
        if name.endswith("txt"):
            (tmp_path / name).write_text("no picture")
        else:
            Image.new("RGB", size, "teal").save(tmp_path / name)
    return tmp_path


def test_pictures_of_a_folder_are_scaled_to_the_longer_side(folder: Path):
    [found] = open_examples([str(folder)], 40)
    assert isinstance(found, PictureExamples)
    assert list(found.sizes) == [(40, 20), (20, 40)]
    assert list(found.followed) == [False, False]
    assert found.example(1).content.shape == (1, 3, 20, 40)
    assert found.example(1).before is None


def test_one_picture_a_clip_and_a_choice_of_the_group_video(folder: Path, clip: Path):
    picture, video, scene = open_examples([str(folder / "10.png"), str(clip), "talk"], 36)
    assert list(picture.sizes) == [(18, 36)]
    assert list(video.sizes) == [(24, 36)] * 4
    assert list(scene.sizes) == [(27, 36)] * 24


def test_what_cannot_be_trained_on_is_named(tmp_path: Path):
    with pytest.raises(
        InputError, match=r"^tlak is neither a file nor a video; the choices for data are: anime, "
    ):
        open_examples(["tlak"], 40)
    with pytest.raises(InputError, match="contains no pictures"):
        open_examples([str(tmp_path)], 40)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG but no more")
    with pytest.raises(InputError, match=r"broken\.png cannot be read as a picture"):
        open_examples([str(tmp_path)], 40)
