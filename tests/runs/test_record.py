from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vst.errors import InputError
from vst.runs.moved import override_with_new_names, with_new_names
from vst.runs.record import VERSION, ClipRecord, Provenance, Record, read_record, record_path, write_record

RECORD = Record(
    status="finished",
    summary={"frames": 2, "warping_error": 0.25, "flicker": None},
    provenance=Provenance(
        config={"model": "flow", "start": {"_target_": "vst.painting.start.content_start"}},
        seed=3,
        weights={"name": "random", "sha256": None},
        clip=ClipRecord("talk", 1, 2, (48, 32), "30000/1001"),
        style="swirls",
        motion="exact",
        versions={"torch": "2.0", "av": None},
        machine={"threads": 2},
    ),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == RECORD
    written = json.loads(record_path(tmp_path).read_text(encoding="utf-8"))
    assert list(written) == ["version", "status", "summary", "provenance"]
    assert written["version"] == VERSION
    assert written["provenance"]["clip"]["size"] == [48, 32]


def test_there_is_none(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    for other in ("null", "[1]", '{"status": "finished"}', '{"systems": []}'):
        record_path(tmp_path).write_text(other)
        assert read_record(tmp_path) is None


def test_the_first_version_is_read_by_the_names_of_today(tmp_path: Path) -> None:
    config = {
        "canvas": {"_target_": "vst.canvas.FourierCanvas", "exponent": -0.5},
        "callbacks": {"curves": {"_target_": "vst.callbacks.curves.Curves"}},
        "logger": {"wandb": {"_target_": "vst.loggers.wandb.WandbRun"}},
        "start": {"_target_": "vst.start.noise_start", "_partial_": True},
        "video": {"_target_": "vst.video.reader.VideoReader", "path": {"_target_": "vst.assets.fetch"}},
        "cuts": [3],
    }
    record_path(tmp_path).write_text(
        json.dumps({"status": "broken", "summary": {}, "provenance": {"config": config}})
    )
    record = read_record(tmp_path)
    assert record is not None
    found = record.provenance.config
    assert found["canvas"] == {"_target_": "vst.painting.canvas.FourierCanvas", "exponent": -0.5}
    assert found["callbacks"]["curves"]["_target_"] == "vst.runs.callbacks.curves.Curves"
    assert found["logger"]["wandb"]["_target_"] == "vst.runs.loggers.wandb.WandbRun"
    assert found["start"]["_target_"] == "vst.painting.start.noise_start"
    assert found["video"] == config["video"]
    assert with_new_names(found) == found


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"status": ', r"is damaged and cannot be read \(.*\); restore it, or remove it"),
        ("\x00\x01", "is damaged and cannot be read"),
        (json.dumps({"version": VERSION + 1, "status": "?", "provenance": {}}), "install a newer vst"),
        (json.dumps({"version": "two", "status": "?", "provenance": {}}), "has version two"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    record_path(tmp_path).write_text(text)
    with pytest.raises(InputError, match=sentence) as refused:
        read_record(tmp_path)
    assert "\n" not in str(refused.value)
    assert str(record_path(tmp_path)) in str(refused.value)


@pytest.mark.parametrize(
    ("part", "value", "place"),
    [
        ("summary", [1, 2], "summary"),
        ("provenance", "lost", "provenance"),
        ("provenance", {"config": 3}, "provenance.config"),
        ("provenance", {"clip": {"size": [48]}}, "provenance.clip.size"),
        ("provenance", {"clip": {"frames": "many"}}, "provenance.clip.frames"),
    ],
)
def test_a_part_of_the_wrong_kind_is_named(tmp_path: Path, part: str, value: Any, place: str) -> None:
    write_record(tmp_path, replace(RECORD))
    content = json.loads(record_path(tmp_path).read_text(encoding="utf-8"))
    record_path(tmp_path).write_text(json.dumps({**content, part: value}))
    with pytest.raises(InputError, match="is damaged") as refused:
        read_record(tmp_path)
    assert f"({place}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_text_is_damaged(tmp_path: Path) -> None:
    record_path(tmp_path).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is damaged"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("shares=[2,1]", "evaluation_factors=[2,1]"),
        ("loss.coherence.anchor_share=0.2", "loss.coherence.anchor_weight=0.2"),
        ("++start.share=0.2", "++start.blend=0.2"),
        ("~shares", "~evaluation_factors"),
        ("start._target_=vst.start.noise_start", "start._target_=vst.painting.start.noise_start"),
        ("video.path='shares=1.mp4'", "video.path='shares=1.mp4'"),
        ("eta=1,2", "eta=1,2"),
    ],
)
def test_overrides_of_the_first_version_are_read_by_the_names_of_today(before: str, now: str) -> None:
    assert override_with_new_names(before) == now
    assert override_with_new_names(now) == now


def test_options_have_their_names_of_today() -> None:
    first = {
        "shares": [2, 1],
        "loss": {"coherence": {"anchor_share": 0.1}, "style": None},
        "start": {"share": 0.5},
        "video": {"share": 1},
    }
    found = with_new_names(first)
    assert found == {
        "evaluation_factors": [2, 1],
        "loss": {"coherence": {"anchor_weight": 0.1}, "style": None},
        "start": {"blend": 0.5},
        "video": {"share": 1},
    }
