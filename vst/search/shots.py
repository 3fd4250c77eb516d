"""The shots of a clip as runs of their own: `shots=all` in a grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vst.config import quoted
from vst.errors import ClipBroke, InputError, VstError, failure
from vst.files import refuse_link
from vst.runs.parts import build_clip
from vst.runs.settings import Settings
from vst.search.grid import Job, Outcome

READERS = ("vst.video.reader.VideoReader", "vst.video.pictures.PictureSequence")


@dataclass(frozen=True)
class Whole:
    """A run of a grid, painted shot by shot: its job, its configuration, and the job of each shot, in order."""

    job: Job
    cfg: DictConfig
    shots: Sequence[Job]


def divided(job: Job, cfg: DictConfig, job_of: Callable[[list[str], Path], Job]) -> Whole:
    """Find the shots of a run's clip, and make a job of each in a directory below the run's.

    Raises `InputError` where they cannot be painted apart.
    """
    settings = job.settings
    assert not isinstance(settings, Outcome)
    _check(settings)
    refuse_link(job.directory / "shots")
    start = settings["video"]["start"]
    own = [option for option in job.overrides if not option.startswith("hydra.sweep.subdir=")]
    jobs = []
    for number, (first, count) in enumerate(_shots(settings)):
        directory = job.directory / "shots" / f"{number:04d}"
        stretch = [f"video.start={start + first}", f"video.frames={count}", "cuts=[]"]
        subdirectory = quoted(directory.relative_to(job.directory.parent))
        jobs.append(job_of([*own, *stretch, f"hydra.sweep.subdir={subdirectory}"], directory))
    return Whole(job, cfg, jobs)


def joined(whole: Whole, outcomes: Mapping[Path, Outcome]) -> Outcome:
    """Join the shots into the run, if all are finished."""
    from vst.runs.join import join

    missing = [shot.directory.name for shot in whole.shots if outcomes.get(shot.directory, _LOST).problem]
    if missing:
        return Outcome(
            f"{len(missing)} of its {len(whole.shots)} shots did not finish: {', '.join(missing)}", 1
        )
    settings = whole.job.settings
    assert not isinstance(settings, Outcome)
    directory = whole.job.directory
    try:
        own = [option for option in whole.job.overrides if not option.startswith("hydra.")]
        join(
            directory,
            [shot.directory for shot in whole.shots],
            build_clip(settings),
            whole.cfg,
            settings,
            own,
        )
    except (VstError, OSError) as error:
        return Outcome(*failure(error))
    return Outcome()


_LOST = Outcome("it was not finished", 1)


def _shots(settings: Settings) -> Iterator[tuple[int, int]]:
    """The first frame and the length of each shot, counted in the stretch."""
    from vst.video.loader import FrameLoader

    clip = build_clip(settings)
    loader = FrameLoader(clip, known_cuts=settings["cuts"])
    try:
        starts = [frame.index for frame in loader if frame.cut or frame.index == 0]
    except ClipBroke as error:
        # ClipBroke's own message is about what was painted
        raise InputError(
            f"{clip.info.name} breaks at frame {error.source_frame}, and which shots follow is not known; repair it, "
            f"or paint what there is with video.frames={error.source_frame - clip.info.start}"
        ) from error
    yield from ((first, after - first) for first, after in pairwise([*starts, clip.info.frames]))


def _check(settings: Settings) -> None:
    if settings["video"].get("_target_") not in READERS:
        raise InputError("shots=all paints the shots of files, and this video is a scene; drop shots")
    if settings["passes"] > 1:
        raise InputError(f"shots=all is for one pass, and passes is {settings['passes']}; drop one of them")
    if settings["keyframes"] is not None:
        raise InputError(
            "shots=all paints each shot alone, and keyframes counts the frames of all; drop one of them"
        )
    if not settings["callbacks"].get("video_writer"):
        raise InputError(
            "shots=all joins shots' frames, and callbacks.video_writer is left out; drop one of them"
        )
    parts = {f"loss.{name}": node for name, node in settings["loss"].items() if node}
    for name, node in {**parts, "start": settings["start"]}.items():
        if _compares(node) == "anything":
            raise InputError(
                f"shots=all needs shots that can be painted apart, and {name} of the model {settings['model']} "
                f"compares frames across a cut; choose a model that does not, such as robust or naive"
            )


def _compares(node: Mapping[str, Any]) -> str:
    """What a loss or a start compares a frame with."""
    from hydra.utils import get_object

    from vst.painting.start import comparison_of

    target = get_object(node["_target_"])
    return target.compares if isinstance(target, type) else comparison_of(partial(target))
