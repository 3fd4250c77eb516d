"""Names of files that are no UTF-8, or not of the terminal's alphabet, are names like any other."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.run_directories import WriteRun, settings
from vst.compare.content import write_contents
from vst.compare.find import find_runs
from vst.compare.plots import write_plots
from vst.compare.report import write_report
from vst.composing import composed, with_run_directory
from vst.config import quoted
from vst.files import json_ready, write_json
from vst.runs.configuration import stored_overrides, stored_settings, write_configuration
from vst.runs.data import plain, read_text
from vst.runs.record import ClipRecord, Provenance, Record, read_record, write_record
from vst.runs.settings import resolve
from vst.runs.state import is_done
from vst.search.grid import run_name

NAME = os.fsdecode(b"cl\xffip \xe9.mp4")


def test_a_name_is_read_back_from_json_as_it_was(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": NAME, "title": "Gouvernée 夜"})
    assert "Gouvernée 夜" in (tmp_path / "a.json").read_text(encoding="utf-8")
    found = plain(json.loads(read_text(tmp_path / "a.json")))
    assert found == {"name": NAME, "title": "Gouvernée 夜"}
    assert os.fsencode(found["name"]) == b"cl\xffip \xe9.mp4"


def test_what_can_be_no_name_is_replaced() -> None:
    assert plain(["\ud800", "\udc00", "\udfff"]) == ["?", "?", "?"]


def test_a_run_is_recorded_and_found_again_under_such_names(tmp_path: Path) -> None:
    run, clip = tmp_path / os.fsdecode(b"r\xfcn"), tmp_path / NAME
    clip.write_bytes(b"clip")
    overrides = ["video=file", f"video.path={quoted(clip)}"]
    cfg = with_run_directory(composed(overrides))
    cfg.paths.run = str(run)
    options = resolve(cfg)
    write_configuration(run, cfg, overrides, options)
    write_record(run, Record("finished", {}, Provenance(config=options, clip=ClipRecord(name=NAME))))
    (run / "stylized.mp4").write_bytes(b"painted")
    record = read_record(run)
    assert record is not None
    assert record.provenance.clip.name == NAME
    assert record.provenance.config == json_ready(options)
    assert is_done(run, options)
    stored = stored_settings(run)
    assert stored is not None
    assert stored["video"]["path"] == str(clip)
    assert stored_overrides(run)[-1] == f"video.path={quoted(clip)}"


def test_a_page_and_plots_show_runs_of_such_names(tmp_path: Path, write_run: WriteRun) -> None:
    for number, name in enumerate((NAME, "other.mp4")):
        video = {"_target_": "vst.video.reader.VideoReader", "path": str(tmp_path / name)}
        run = tmp_path / "runs" / os.fsdecode(b"r\xfcn%d" % number)
        write_run(run, clip=name, config=settings("flow", video=video))
    page = write_report([tmp_path / "runs"]).read_text(encoding="utf-8")
    assert "r%FCn0/" in page, "files are linked by their bytes"
    assert r"cl\udcffip" in page
    assert write_plots([tmp_path / "runs"])


def test_clips_of_such_names_have_folders_of_their_own(tmp_path: Path, write_run: WriteRun) -> None:
    video = {"_target_": "vst.video.reader.VideoReader", "path": str(tmp_path / NAME)}
    write_run(tmp_path / "run", config=settings("flow", video=video))
    [content], _ = write_contents(find_runs([tmp_path / "run"]), tmp_path / "report")
    assert "does not exist" in str(content.note)


def test_a_run_of_a_grid_may_vary_such_names() -> None:
    chosen = {"model": "naive", "style": "ink", "video": "file"}
    names = {run_name(chosen, [f"video.path=a{half}.mp4"]) for half in ("\udcfe", "\udcff")}
    assert len(names) == 2
    assert all(name.isascii() for name in names)
