from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vst.compare.content import write_contents
from vst.compare.runs import read_run
from vst.errors import InputError
from vst.runs.inputs import hashes_of_inputs
from vst.synthetic.scenes import Talk
from vst.video.reader import VideoReader
from vst.video.store import load_png, to_uint8


@pytest.fixture
def run(write_run, tmp_path):
    return read_run(write_run(tmp_path / "run", pictures=False, video=False), "run")


READER, SCENE = "vst.video.reader.VideoReader", "vst.synthetic.scenes.Talk"


def changed(run, **video):
    return replace(run, settings={**run.settings, "video": {**run.settings["video"], **video}})


def test_each_clip_is_written_once_without_loss_and_as_a_video(run, tmp_path):
    contents, chosen = write_contents([run, changed(run, seed=3), run], tmp_path / "report")
    assert chosen == [0, 1, 0]
    first = contents[0]
    assert (first.name, first.frames, first.note) == ("talk", 5, None)
    frame = load_png(first.folder / "000002.png")
    np.testing.assert_array_equal(frame, to_uint8(Talk(32, 48, 5).frame(2)))
    assert VideoReader(first.folder / "content.mp4").info.frames == 5


def test_a_clip_that_is_there_is_not_made_again(run, tmp_path):
    folder = write_contents([run], tmp_path / "report")[0][0].folder
    before = (folder / "content.mp4").stat().st_mtime_ns
    content = write_contents([run], tmp_path / "report")[0][0]
    assert content.frames == 5
    assert (folder / "content.mp4").stat().st_mtime_ns == before


def test_a_clip_that_was_exchanged_is_not_shown_beside_the_paintings(run, write_run, tmp_path):
    path = write_run(tmp_path / "clip") / "stylized.mp4"
    node = {"_target_": READER, "path": str(path)}
    old = replace(run, settings={"video": node})
    new = replace(old, inputs=hashes_of_inputs({"video": node}))
    assert write_contents([old, new], tmp_path / "report")[1] == [0, 0]
    path.write_bytes(path.read_bytes() + b"x")
    contents, chosen = write_contents([old, new], tmp_path / "report")
    assert chosen == [0, 1]
    assert (contents[0].frames, contents[1].note) == (5, "its file has changed since it was painted")


def test_pictures_that_were_exchanged_are_another_clip(run, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    node = {"_target_": "vst.video.pictures.PictureSequence", "path": str(folder)}
    shown = []
    for colour in ("red", "blue"):
        Image.new("RGB", (48, 32), colour).save(folder / "0.png")
        one = replace(run, settings={"video": node}, inputs=hashes_of_inputs({"video": node}))
        shown.append(write_contents([one], tmp_path / "report")[0][0].folder)
    assert load_png(shown[0] / "000000.png")[0, 0].tolist() == [255, 0, 0]
    assert load_png(shown[1] / "000000.png")[0, 0].tolist() == [0, 0, 255]


def test_a_clip_that_is_gone_is_noted(run, tmp_path):
    gone = replace(
        run,
        settings={"video": {"_target_": "vst.video.reader.VideoReader", "path": str(tmp_path / "gone.mp4")}},
    )
    content = write_contents([gone], tmp_path / "report")[0][0]
    assert content.folder is None
    assert "gone.mp4" in content.note


def test_a_clip_that_breaks_is_kept_up_to_there(run, write_run, tmp_path):
    path = write_run(tmp_path / "longer", frames=5) / "stylized.mp4"
    path.write_bytes(path.read_bytes()[:-200])
    broken = replace(run, settings={"video": {"_target_": "vst.video.reader.VideoReader", "path": str(path)}})
    content = write_contents([broken], tmp_path / "report")[0][0]
    assert content.note
    assert content.frames < 5


@pytest.mark.parametrize(
    "video",
    [
        {"_target_": "os.system", "command": "touch harm"},
        {"_target_": "vst.video.reader.VideoReader", "path": {"_target_": "os.getcwd"}},
        {"path": "clip.mp4"},
        None,
        {"_target_": "vst.assets.os.system", "command": "touch harm"},
        {"_target_": "vst.video.store.np.load", "file": "harm.npy", "allow_pickle": True},
        {"_target_": "vst.synthetic.scenes.Gone", "height": 32},
        {"_target_": READER, "path": {"_target_": "vst.assets.Path.write_text", "_args_": ["harm", "x"]}},
        {"_target_": READER, "path": {"_target_": "vst.assets.fetch", "name": "bikes", "_partial_": True}},
        {"_target_": READER, "path": {"_target_": "vst.assets.fetch", "name": ["bikes"]}},
        {"_target_": READER, "path": {"_target_": ["vst.assets.fetch"], "name": "bikes"}},
        {"_target_": READER, "path": ["clip.mp4"]},
        {"_target_": SCENE, "_args_": [32, 48, 5]},
        {"_target_": SCENE, "_partial_": True, "height": 32, "width": 48, "frames": 5},
        {"_target_": SCENE, "height": {"_target_": "os.getpid"}},
        {"_target_": [SCENE]},
    ],
)
def test_a_configuration_cannot_have_anything_else_done(run, video, tmp_path):
    content = write_contents([replace(run, settings={"video": video})], tmp_path / "report")[0][0]
    assert content.folder is None
    assert "does not say how to read it" in content.note


def test_a_name_is_not_looked_up_in_the_environment(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "told")
    node = {"_target_": READER, "path": "${oc.env:SECRET}"}
    content = write_contents([replace(run, settings={"video": node})], tmp_path / "report")[0][0]
    assert "${oc.env:SECRET} does not exist" in content.note


@pytest.mark.parametrize(
    "size",
    [
        {"height": 1_000_000},
        {"frames": 10**9},
        {"height": None},
        {"width": "wide"},
        {"frames": 2.5},
        {"seed": -1},
    ],
)
def test_a_scene_that_cannot_be_drawn_is_noted(run, size, tmp_path):
    content = write_contents([changed(run, **size)], tmp_path / "report")[0][0]
    assert content.note
    assert content.frames == 0


@pytest.mark.parametrize("damage", ["", "[]", '{"frames": null}', '{"frames": 1e999}', "[" * 10_000])
def test_a_damaged_folder_is_made_again(run, damage, tmp_path):
    folder = write_contents([run], tmp_path / "report")[0][0].folder
    (folder / "content.json").write_text(damage)
    assert write_contents([run], tmp_path / "report")[0][0].frames == 5


def test_pictures_do_not_go_through_a_link(run, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "report" / "content").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="content is a link"):
        write_contents([run], tmp_path / "report")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("size", [1.5, 1e6, 10**9, "48", True, 0])
def test_a_number_that_no_run_takes_is_noted(run, write_run, tmp_path, size):
    path = write_run(tmp_path / "clip") / "stylized.mp4"
    odd = replace(run, settings={"video": {"_target_": READER, "path": str(path), "size": size}})
    content = write_contents([odd], tmp_path / "report")[0][0]
    assert content.folder is None
    assert f"video.size={size} is not " in content.note
