"""What pairs stand for, and what runs are called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import torch

from vst.errors import InputError
from vst.runs.threads import divide_cores, limit_threads
from vst.search.grid import Job, pair_options, run_name

CHOSEN = {"model": "flow", "style": "ink", "video": "talk"}


def test_pair_of_built_ins() -> None:
    assert pair_options("swirls:talk") == ["style=swirls", "video=talk"]


def test_pair_of_files_may_have_colons_of_their_own(tmp_path: Path) -> None:
    picture, clip = tmp_path / "a:b.jpg", tmp_path / "it's.mp4"
    picture.touch()
    clip.touch()
    options = pair_options(f"{picture}:{clip}")
    assert options[:2] == ["style=file", f"style.path='{picture}'"]
    assert options[2:] == ["video=file", f"video.path='{tmp_path}/it\\'s.mp4'"]
    assert pair_options(f"ink:{clip}")[0] == "style=ink"


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("swirls", "write it as pair=STYLE:VIDEO"),
        ("swrils:talk", "swrils is neither a file nor a style; the choices are: facets, ink, swirls"),
        ("swirls:tlak", "tlak is neither a file nor a video; the choices are: anime, "),
        ("swirls:", "nothing is neither a file nor a video"),
        ("file:talk", "file is neither"),
    ],
)
def test_wrong_pairs_get_one_sentence(pair: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        pair_options(pair)


def test_runs_are_named_by_what_they_are() -> None:
    assert run_name(CHOSEN, []) == "flow-ink-talk"
    assert run_name(CHOSEN, ["model=flow", "eta=1e4", "style=ink"]) == "flow-ink-talk-eta=1e4"


@pytest.mark.parametrize(
    ("option", "begins"),
    [
        ("video.path=/clips/a b.mp4", "video.path=a_b.mp4~"),
        ("style.path='x/y.jpg'", "style.path=y.jpg~"),
        ("style.path='x/a=1/y.jpg'", "style.path=y.jpg~"),
        ("style.path='a=1.jpg'", "style.path=a_1.jpg~"),
        ("cuts=[30,76]", "cuts=_30_76_~"),
        ("gate@loss.coherence.gate=closing", "gate@loss.coherence.gate=closing"),
    ],
)
def test_values_are_legible_in_names(option: str, begins: str) -> None:
    name = run_name(CHOSEN, [option])
    assert name.startswith(f"flow-ink-talk-{begins}")
    assert not set(name) & set("/[]'\" ,")


def test_other_values_have_other_names_and_none_is_too_long() -> None:
    values = [
        "a/x.mp4",
        "b/x.mp4",
        "a/k=1/x.mp4",
        "b/k=1/x.mp4",
        "x.mp4",
        "'x.mp4'",
        "[1,2]",
        "[1;2]",
        "y" * 300,
        "y" * 301,
    ]
    names = {run_name(CHOSEN, [f"video.path={value}"]) for value in values}
    assert len(names) == len(values)
    many = [f"loss.coherence.{letter * 20}={letter}" for letter in "abcdefgh"]
    assert len(run_name(CHOSEN, many)) <= 120
    assert run_name(CHOSEN, many) != run_name(CHOSEN, [*many[:-1], "loss.coherence.hhh=i"])
    # in bytes, which is what file systems count
    clips = [f"video.path={'影' * 60}.mp4", f"style.path={'画' * 60}.jpg"]
    assert len(run_name(CHOSEN, clips).encode()) <= 120


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Nothing said of threads, and their numbers put back after the test."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("SLURM_CPUS_ON_NODE", raising=False)
    before = torch.get_num_threads(), cv2.getNumThreads()
    yield monkeypatch
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


@pytest.mark.parametrize(
    ("said", "threads_expected"),
    [
        ({"OMP_NUM_THREADS": "3"}, 3),
        ({"SLURM_CPUS_ON_NODE": "2"}, 2),
        ({"OMP_NUM_THREADS": "1", "SLURM_CPUS_ON_NODE": "4"}, 1),
    ],
)
def test_torch_and_opencv_keep_to_their_share(
    threads: pytest.MonkeyPatch, said: dict[str, str], threads_expected: int
) -> None:
    for name, number in said.items():
        threads.setenv(name, number)
    assert limit_threads() == threads_expected
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (threads_expected, threads_expected)


def test_cores_are_shared_out_unless_the_user_has_said(threads: pytest.MonkeyPatch) -> None:
    import os

    threads.setattr("joblib.cpu_count", lambda: 8)
    threads.setenv("OMP_NUM_THREADS", "5")
    divide_cores(2)
    assert os.environ["OMP_NUM_THREADS"] == "5"
    threads.delenv("OMP_NUM_THREADS")
    divide_cores(3)
    assert os.environ.pop("OMP_NUM_THREADS") == "2"
    divide_cores(20)
    assert os.environ.pop("OMP_NUM_THREADS") == "1"


def test_a_run_of_a_grid_is_not_painted_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "naive").symlink_to(tmp_path / "elsewhere")
    outcome = Job(tmp_path / "naive", [], {}).known_outcome()
    assert outcome is not None
    assert outcome.status == 2
    assert "naive is a link" in str(outcome.problem)
