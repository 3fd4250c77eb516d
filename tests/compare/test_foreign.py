"""Runs from elsewhere, and odd ones: none is followed, and none keeps the others from being shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.run_directories import WriteRun, settings
from vst.compare.find import find_runs
from vst.compare.plots import write_plots
from vst.compare.report import write_report
from vst.compare.runs import read_run
from vst.errors import InputError
from vst.runs.record import RecordError, read_record
from vst.runs.rows import number
from vst.runs.state import is_done

DEEP = 10_000


def odd_records() -> dict[str, Any]:
    """Records that no run writes, by the name of a run, as what is changed in that of a proper run."""
    nested: Any = 1
    for _ in range(60):
        nested = {"deeper": nested}
    return {
        "renamed": {"config": settings("mse", video={"_target_": "vst.synthetic.scenes.Gone"})},
        "sizeless": {"clip": {"name": "talk", "size": [None, None]}},
        "no-size": {"clip": {"name": "talk", "size": [0, -3]}},
        "fast": {"clip": {"name": "talk", "frame_rate": "1e400"}},
        "endless": {"clip": {"name": "talk", "frame_rate": "1e30000000"}},
        "still": {"clip": {"name": "talk", "frame_rate": "0/0"}},
        "large": {"config": settings("mse", beta=10**400)},
        "huge": {"config": settings("mse", video={**settings("mse")["video"], "height": 1_000_000})},
        "half-size": {
            "config": settings(
                "mse",
                video={"_target_": "vst.synthetic.scenes.Talk", "height": 32.5, "width": 1e6, "frames": 2},
            )
        },
        "long": {
            "config": settings("mse", video={"_target_": "vst.video.reader.VideoReader", "path": "/a" * 5000})
        },
        "nested": {"config": settings("mse", loss=nested)},
        "half": {"style": "\ud800 half", "clip": {"name": "\udcff"}},
        "lists": {"config": {"video": [1], "style": [], "model": {"a": [1]}, "loss": 3, "eta": "x"}},
        "infinite": {"config": settings("mse", eta=float("inf"), alpha=float("nan"))},
        "nothing": {"config": {}},
    }


@pytest.fixture
def folder(write_run: WriteRun, tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_run(folder / "a", "naive")
    for name, provenance in odd_records().items():
        directory = write_run(folder / name, "mse", frames=3, pictures=False, video=False)
        record = json.loads((directory / "metrics.json").read_text())
        record["provenance"] |= provenance
        record["summary"] |= {"style": 10**299, "content": 5e-324, "total": 1e308, "seconds": "x"}
        (directory / "metrics.json").write_text(json.dumps(record))
    deep = write_run(folder / "deep", "mse", pictures=False, video=False)
    (deep / "metrics.json").write_text("[" * DEEP + "]" * DEEP)
    (write_run(folder / "digits", "mse") / "metrics.json").write_text('{"status": 1' + "0" * 5000 + "}")
    return folder


def test_one_odd_record_does_not_keep_the_others_from_the_page(folder: Path) -> None:
    page = write_report([folder])
    text = page.read_text(encoding="utf-8")
    runs = {run.name: run for run in find_runs([folder])}
    assert set(runs) == {"a", "deep", "digits", *odd_records()}
    for name in ("deep", "digits", "large", "nested", "sizeless"):
        [note] = runs[name].notes
        assert f"{name}/metrics.json is damaged" in note
    assert all(runs[name].recorded for name in ("fast", "endless", "huge", "half", "lists", "infinite"))
    assert "the run&#39;s configuration does not say how to read it" in text
    assert "it is too large to be shown" in text
    for name in ("fast", "endless", "still"):
        assert runs[name].frame_rate == 25
    assert runs["no-size"].size is None
    assert "NaN" not in text
    assert "Infinity" not in text.partition('id="data"')[2]


def test_one_odd_record_does_not_keep_the_others_from_the_plots(folder: Path) -> None:
    written = write_plots([folder], folder.parent / "plots", ("svg",), frame=1)
    assert {"losses.svg", "residuals_1.svg"} <= {path.name for path in written}


def test_a_damaged_picture_is_left_out_and_the_others_are_drawn(
    write_run: WriteRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name, video=False)
    (tmp_path / "b" / "frames" / "000002.png").write_bytes(b"half a picture")
    written = write_plots([tmp_path], tmp_path / "plots", ("svg",), frame=2)
    assert "residuals_2.svg" in {path.name for path in written}
    assert "the pictures of b are left out" in capsys.readouterr().err


def test_a_folder_that_cannot_be_looked_into_is_told(
    write_run: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "a", pictures=False, video=False)
    write_run(tmp_path / "b", pictures=False, video=False)
    whole = Path.stat

    def stat(self: Path, **options: Any) -> Any:
        if self.parent == tmp_path / "b" or self.parent.parent == tmp_path / "b":
            raise PermissionError(13, "Permission denied", str(self))
        return whole(self, **options)

    monkeypatch.setattr(Path, "stat", stat)
    seen, hidden = find_runs([tmp_path])
    assert seen.notes == []
    assert "its directory cannot be read (Permission denied)" in hidden.notes


def test_a_record_that_is_no_file_is_not_waited_for(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", pictures=False, video=False)
    (run / "metrics.json").unlink()
    (run / "metrics.json").symlink_to("/dev/zero")
    with pytest.raises(RecordError, match="it is not a file"):
        read_record(run)
    assert read_run(run, "run").notes


@pytest.mark.parametrize("name", ["metrics.csv", "curves.csv"])
@pytest.mark.parametrize("kind", ["pipe", "device", "sparse"])
def test_a_table_without_end_is_not_read(write_run: WriteRun, tmp_path: Path, name: str, kind: str) -> None:
    run = write_run(tmp_path / "run", pictures=False, video=False)
    (run / name).unlink()
    if kind == "pipe":
        os.mkfifo(run / name)
    elif kind == "device":
        (run / name).symlink_to("/dev/zero")
    else:
        with (run / name).open("wb") as file:
            file.truncate(2**40)
    found = read_run(run, "run")
    assert (found.rows if name == "metrics.csv" else found.curves) in ([], {})


def test_a_record_without_a_configuration_is_another_run(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config={"beta": 1}, pictures=False, video=False)
    whole = settings("mse", callbacks={}, optimizer={}, trainer={})
    with pytest.raises(InputError, match="was configured with another"):
        is_done(run, whole)


@pytest.mark.parametrize("value", [10**400, "1e400", "nan", float("inf"), 1e308, None, "x", [1], {}])
def test_what_cannot_be_measured_is_no_number(value: object) -> None:
    assert number(value) is None


def test_a_page_is_not_written_through_links(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (run / "report").mkdir()
    for name in ("page.css", "page.js", "plotly.min.js", ".index.html.part", ".page.css.part"):
        (run / "report" / name).symlink_to(theirs)
    page = write_report([run])
    assert theirs.read_text() == "theirs"
    assert not (page.parent / "page.css").is_symlink()


@pytest.mark.parametrize(("make", "name"), [(write_report, "report"), (write_plots, "plots")])
def test_a_run_does_not_choose_where_its_page_is_written(
    write_run: WriteRun, tmp_path: Path, make: Any, name: str
) -> None:
    run = write_run(tmp_path / "run", video=False)
    (tmp_path / "elsewhere").mkdir()
    (run / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=f"{name} is a link"):
        make([run])
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert make([run], tmp_path / "elsewhere")
