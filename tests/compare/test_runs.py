from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from vst.compare.find import find_runs
from vst.compare.groups import group_of
from vst.compare.runs import read_run
from vst.errors import InputError
from vst.files import natural_key

FRAMES = 5


def test_runs_are_found_at_any_depth_each_once_in_order(write_run, tmp_path):
    for name in ("sweep/10-flow", "sweep/2-mse", "sweep/deep/down/0-naive"):
        write_run(tmp_path / name, video=False, pictures=False)
    (tmp_path / "sweep" / "multirun.yaml").write_text("")
    (tmp_path / "sweep" / "metrics.json").write_text('{"systems": []}')  # another tool's
    runs = find_runs([tmp_path / "sweep", tmp_path / "sweep" / "2-mse"])
    assert [run.name for run in runs] == ["2-mse", "10-flow", "deep/down/0-naive"]


def test_a_run_is_itself_a_place_to_look(write_run, tmp_path):
    run = write_run(tmp_path / "run", video=False)
    assert [found.name for found in find_runs([run])] == ["run"]


def test_numbers_in_names_count_as_numbers():
    assert sorted(["10-a", "9-b", "a", "1-c"], key=natural_key) == ["1-c", "9-b", "10-a", "a"]


@pytest.mark.parametrize(
    ("name", "what"),
    [("missing", "does not exist"), ("file", "is a file"), ("empty", "there are no runs in")],
)
def test_what_holds_no_runs_is_refused(tmp_path, name, what):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"{name}.*{what}|{what}.*{name}"):
        find_runs([tmp_path / name])


def test_a_finished_run(write_run, tmp_path):
    run = read_run(write_run(tmp_path / "run", "mse", cut=3), "run")
    assert (run.status, run.model, run.clip, run.style, run.motion) == (
        "finished",
        "mse",
        "talk",
        "swirls",
        "exact",
    )
    assert (run.size, run.frame_rate, run.expected, run.frames, run.video) == (
        (48, 32),
        25.0,
        FRAMES,
        FRAMES,
        True,
    )
    assert run.cuts == [3]
    assert run.keyframes == [0, 1, 2, 3, 4]
    errors = run.column("warping_error")
    assert errors[0] is None
    assert errors[3] is None
    assert errors[1] == pytest.approx(2.2e-3)
    assert [row["evaluation"] for row in run.curves[4]] == [1, 2, 3]
    assert "paths" not in run.settings


def test_a_run_of_today_has_fewer_columns(write_run, tmp_path):
    run = read_run(write_run(tmp_path / "run", extra=False), "run")
    assert run.cuts == []
    assert run.column("warping_error") == [None] * FRAMES
    assert "warping_error" not in run.summary
    assert run.summary["style"] == pytest.approx(1.1e-4)


def test_a_run_that_is_going(write_run, tmp_path):
    directory = write_run(tmp_path / "run", "mse", frames=3, status=None, video=False)
    with FileLock(directory / ".lock"):
        run = read_run(directory, "run")
    assert (run.status, run.frames, run.expected, run.video) == ("running", 3, FRAMES, False)
    # what only Hydra could resolve does not keep the rest from being read
    assert run.settings["loss"]["style"]["weight"] == 1e5
    assert (run.model, run.clip, run.style) == ("mse", "talk", "swirls")
    assert run.summary["style"] == pytest.approx(1.3e-4)


def test_a_killed_run_leaves_its_lock_file_but_does_not_hold_it(write_run, tmp_path):
    directory = write_run(tmp_path / "run", status=None, video=False)
    (directory / ".lock").write_text("")
    assert read_run(directory, "run").status == "stopped"
    assert (directory / ".lock").is_file()


def test_a_resumed_run_is_going_whatever_its_old_record_says(write_run, tmp_path):
    directory = write_run(tmp_path / "run", frames=3, status="interrupted", video=False)
    record = json.loads((directory / "metrics.json").read_text())
    record["summary"]["style"] = 99.0
    (directory / "metrics.json").write_text(json.dumps(record))
    assert read_run(directory, "run").status == "interrupted"
    with FileLock(directory / ".lock"):
        run = read_run(directory, "run")
    assert run.status == "running"
    assert run.summary["style"] != 99.0  # the old record's is of fewer frames


def test_the_newest_pass_counts(write_run, tmp_path):
    directory = write_run(tmp_path / "run", video=False)
    table = directory / "metrics.csv"
    header, *rows = table.read_text().splitlines()
    place = header.split(",").index("pass")
    later = [",".join("1" if i == place else cell for i, cell in enumerate(row.split(","))) for row in rows]
    table.write_text("\n".join([header, *rows, *reversed(later)]) + "\n")
    run = read_run(directory, "run")
    assert run.column("pass") == [1.0] * FRAMES
    assert run.column("frame") == [0, 1, 2, 3, 4]


def test_damage_is_told_and_survived(write_run, tmp_path):
    directory = write_run(tmp_path / "run", video=False)
    write_run(tmp_path / "other", status=None, video=False)
    shutil.copytree(tmp_path / "other" / ".hydra", directory / ".hydra")
    (directory / "metrics.json").write_text('{"status": ')
    with (directory / "metrics.csv").open("a") as file:
        file.write("5,15,0")  # a row that is being written
    (directory / "curves.csv").unlink()
    run = read_run(directory, "run")
    [note] = run.notes
    assert note.startswith(
        f"the record {directory / 'metrics.json'} is damaged and cannot be read (Expecting value"
    )
    assert note.endswith("; restore it, or remove it and paint the run anew")
    assert run.status == "stopped"
    assert len(run.rows) == FRAMES
    assert run.curves == {}


def test_nothing_but_a_configuration(tmp_path: Path):
    (tmp_path / "run" / ".hydra").mkdir(parents=True)
    (tmp_path / "run" / ".hydra" / "config.yaml").write_text("model: [")
    run = find_runs([tmp_path])[0]
    assert run.notes == ["its configuration cannot be read"]
    assert (run.status, run.frames, run.rows, run.model) == ("stopped", 0, [], "?")


def test_a_run_that_is_going_is_called_as_finished_ones_of_its_clip_are(write_run, tmp_path):
    write_run(tmp_path / "a-finished", clip="talk.mp4", style="swirls.png", pictures=False, video=False)
    write_run(tmp_path / "b-going", status=None, pictures=False, video=False)
    write_run(
        tmp_path / "c-other", status=None, pictures=False, video=False, config={"video": {"name": "sea"}}
    )
    finished, going, other = find_runs([tmp_path])
    assert (going.clip, going.style, going.motion) == ("talk.mp4", "swirls.png", "exact")
    assert group_of(going) == group_of(finished)
    assert (other.clip, other.motion) == ("sea", None)


def test_records_that_differ_teach_nothing(write_run, tmp_path):
    write_run(tmp_path / "a", pictures=False, video=False)
    write_run(tmp_path / "b", pictures=False, video=False, provenance={"motion": "dis"})
    write_run(tmp_path / "c", status=None, pictures=False, video=False)
    assert find_runs([tmp_path])[2].motion is None
