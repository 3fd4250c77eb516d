"""Joins the shots of a clip, each painted by a run of its own, into the run that would have painted the whole clip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from vst.errors import InputError
from vst.files import atomic_write
from vst.frames import Clip
from vst.metrics.ghosting import frame_ghosting
from vst.runs.build import build
from vst.runs.callbacks.key_frames import Images, Sheets
from vst.runs.configuration import write_configuration
from vst.runs.directory import clip_paths, frame_path, make_own
from vst.runs.record import ClipRecord, Record, read_record, write_record
from vst.runs.rows import curves_path, metrics_path
from vst.runs.settings import Settings
from vst.runs.summary import summary_of
from vst.runs.table import Table
from vst.video.store import load_frames, load_png
from vst.video.writer import write_video


def join(
    directory: Path,
    shots: Sequence[Path],
    clip: Clip,
    cfg: DictConfig,
    settings: Settings,
    overrides: Sequence[str],
) -> None:
    """Write the run of the whole clip from those of its shots, in order, which are finished.

    Frames, losses and the metrics within a shot are theirs. What lies across a cut, and all pictures, is made from the
    8-bit frames. The record, by which the run counts as finished, is written last.
    """
    lengths = [sum(1 for _ in (shot / "frames").glob("[!.]*.png")) for shot in shots]
    if sum(lengths) != clip.info.frames:
        raise InputError(
            f"the shots in {directory} have {sum(lengths)} frames, and the clip has {clip.info.frames}; remove the "
            f"shot whose clip has changed, and give the same command"
        )
    firsts = [sum(lengths[:number]) for number in range(len(shots))]
    make_own(directory)
    (directory / "frames").mkdir(parents=True, exist_ok=True)
    for shot, first, length in zip(shots, firsts, lengths, strict=True):
        for index in range(length):
            _link(frame_path(shot, index), frame_path(directory, first + index))
    ghosts = _pictures(directory, clip, settings, frozenset(firsts[1:]))
    rows, columns = _joined([metrics_path(shot) for shot in shots], firsts)
    for row in rows:
        index = int(row["frame"])
        row["cut"] = int(index in firsts[1:])
        if index in ghosts:
            row["ghosting_at_cut"] = f"{ghosts[index]:.9g}"
    _write(metrics_path(directory), columns, rows)
    curves, names = _joined([curves_path(shot) for shot in shots], firsts)
    _write(curves_path(directory), names, curves)
    write_configuration(directory, cfg, overrides, settings)
    records = [read_record(shot) for shot in shots]
    first_record = records[0]
    assert first_record is not None
    info = clip.info
    whole = ClipRecord(info.name, info.start, info.frames, (info.width, info.height), str(info.frame_rate))
    provenance = replace(first_record.provenance, config=settings, clip=whole)
    write_record(directory, Record("finished", summary_of(columns, rows) if columns else {}, provenance))


def _pictures(directory: Path, clip: Clip, settings: Settings, cuts: frozenset[int]) -> dict[int, float]:
    """Write the clip, key frames and residuals; return the ghosting at each cut where it is defined."""
    ghosts: dict[int, float] = {}
    times: list[tuple[Path, int]] = []
    nodes = [settings["callbacks"].get(name) for name in ("key_frames", "residuals")]
    sheets: list[Sheets] = [build(node) for node in nodes if node]
    chosen = [(one, one.choose(clip.info.frames)) for one in sheets]

    def frames() -> Iterator[tuple[Any, int]]:
        before: Images | None = None
        for frame in clip.read():
            painted = load_png(frame_path(directory, frame.index))
            image = torch.from_numpy(painted).permute(2, 0, 1)[None].float() / 255
            for one, indices in chosen:
                if frame.index in indices:
                    one.write(frame.index, frame.content, image, before)
            if frame.index in cuts and before is not None:
                found = frame_ghosting(image, before[1], frame.content, before[0], None)
                if found.isfinite()[0]:
                    ghosts[frame.index] = float(found[0])
            before = frame.content, image
            times.append((frame_path(directory, frame.index), frame.pts))
            yield painted, frame.pts

    played, *others = clip_paths(directory, settings["output"]["codec"]).items()
    write_video(played[0], frames(), clip.info, played[1])
    for path, codec in others:
        write_video(path, load_frames(times, codec), clip.info, codec)
    return ghosts


def _joined(tables: Sequence[Path], firsts: Sequence[int]) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of several tables, their frames counted through, and the columns; none where there is no such table."""
    rows: list[dict[str, Any]] = []
    for table, first in zip(tables, firsts, strict=True):
        found = Table(table).read()
        rows += [{**row, "frame": int(row["frame"]) + first} for row in found]
    return rows, Table(tables[0]).header()


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    if not columns:
        return
    table = Table(path)
    table.columns = list(columns)
    table.replace(rows)


def _link(source: Path, target: Path) -> None:
    """Give a frame a second name, or copy it where the file system has no such names."""
    if target.is_file():
        return
    try:
        os.link(source, target)
    except OSError:
        with atomic_write(target) as aside:
            shutil.copyfile(source, aside)
