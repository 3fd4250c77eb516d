from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vst.frames import Frame
from vst.synthetic.scenes import Anime, Battle, Talk
from vst.video.cuts import AHEAD, HISTORY, CutDetector, fades, mark_cuts, outline, similarity, unlikeness
from vst.video.reader import VideoReader

HEIGHT, WIDTH = 72, 96


def framed(contents: Iterable[Tensor], start: int = 0) -> Iterator[Frame]:
    """Number images (1, 3, H, W) as the frames of a clip, in a file from its frame `start` on."""
    return (Frame(content, i, start + i, i) for i, content in enumerate(contents))


def cuts(contents: Iterable[Tensor]) -> list[int]:
    return [frame.index for frame, begins in mark_cuts(framed(contents), CutDetector()) if begins]


def contents(scene: Anime | Battle | Talk, first: int = 0, last: int | None = None) -> list[Tensor]:
    return [scene.frame(i) for i in range(first, scene.info.frames if last is None else last)]


@pytest.fixture(scope="module")
def talk() -> list[Tensor]:
    return contents(Talk(HEIGHT, WIDTH, 24, seed=1))


@pytest.fixture(scope="module")
def plain() -> list[Tensor]:
    """The first shot of a battle."""
    return contents(Battle(HEIGHT, WIDTH, 48, seed=1), last=24)


@pytest.fixture(scope="module")
def run() -> list[Tensor]:
    """A fast pan without flashes."""
    return contents(Anime(HEIGHT, WIDTH, 36, seed=1), first=13, last=36)


# The parts


def test_the_edges_of_a_frame_survive_brightness_colour_and_inversion(talk):
    plain_edges = outline(talk[0]).edges
    tint = torch.tensor([0.6, 0.4, 0.9]).view(1, 3, 1, 1)
    assert np.allclose(outline(0.5 * talk[0]).edges, plain_edges, atol=1e-4)
    assert np.allclose(outline(1 - talk[0]).edges, plain_edges, atol=1e-4)
    assert unlikeness(outline(talk[0]), outline(0.6 * talk[0] + 0.4 * tint)) < 0.05
    assert plain_edges.shape == (64, 96)
    assert plain_edges.mean() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (24, 30), (360, 640)])
def test_frames_of_any_size_have_edges(size):
    seen = outline(torch.rand(1, 3, *size))
    assert seen.edges.shape == (64, 96)
    assert np.isfinite(seen.edges).all()
    assert 0 <= unlikeness(seen, outline(torch.zeros(1, 3, *size))) <= 1


def test_unlikeness_is_symmetric_small_within_a_shot_and_large_across_shots(talk, plain):
    a, b, other = outline(plain[5]), outline(plain[6]), outline(talk[0])
    assert unlikeness(a, a) < 0.01
    assert unlikeness(a, b) < 0.35
    assert unlikeness(a, other) > 0.6
    assert unlikeness(a, other) == pytest.approx(unlikeness(other, a), abs=0.02)


def test_a_blank_frame_is_like_another_and_unlike_a_picture(talk):
    black, white = outline(torch.zeros(1, 3, 8, 8)), outline(torch.ones(1, 3, 8, 8))
    assert black.blank
    assert unlikeness(black, white) == 0
    assert unlikeness(black, outline(talk[0])) == 1


@pytest.mark.parametrize("levels", [255, 1023])
def test_what_is_faint_is_not_blank_beside_what_is_as_faint(levels, talk):
    # fog: a disc three code values above its surroundings, and none of them as strong as an edge of BLANK
    y, x = torch.meshgrid(torch.arange(64), torch.arange(96), indexing="ij")
    fog, later = (
        outline(0.5 + 3 / levels * ((y - 32) ** 2 + (x - left) ** 2 < 300).float().expand(1, 3, -1, -1))
        for left in (40, 44)
    )
    plain, picture = outline(torch.full((1, 3, 64, 96), 0.5)), outline(talk[0])
    assert fog.blank
    for first, second in ((fog, later), (later, fog), (plain, plain), (fog, plain), (plain, fog)):
        assert not first.blank_beside(second)
    for faint in (fog, plain):
        assert faint.blank_beside(picture)
        assert not picture.blank_beside(faint)


def test_a_plain_colour_is_blank_beside_another():
    black, dark, white = (outline(torch.full((1, 3, 8, 8), level)) for level in (0.0, 0.05, 1.0))
    assert black.blank_beside(white)
    assert not black.blank_beside(dark)


def test_similarity_is_one_for_equal_edges_and_about_none_for_chance():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 64, 96), dtype=np.float32)
    assert similarity(a, a, 0.0) == pytest.approx(1, abs=1e-5)
    assert abs(similarity(a, b, 0.0)) < 0.3
    assert similarity(a, b, 10.0) > 0.9  # what is all noise is no evidence


def test_a_fade_gains_strength_at_each_step():
    assert fades([0.01, 0.02, 0.03])
    assert not fades([0.01, 0.01, 0.01])
    assert not fades([0.0, 0.03, 0.03])  # a flash
    assert not fades([0.03, 0.02, 0.01])
    assert not fades([0.0, 1e-5, 2e-5])  # noise in the black
    assert not fades([0.01, 0.02])


# Truth that was made


@pytest.mark.parametrize("seed", range(3))
def test_the_cut_of_a_battle_is_found_and_its_motion_is_none(seed):
    scene = Battle(96, 128, 24, seed)
    assert cuts(contents(scene)) == list(scene.cuts)


@pytest.mark.parametrize("seed", range(3))
def test_flashes_are_no_cuts(seed):
    scene = Anime(96, 128, 20, seed)
    assert len(scene.flashes) == 4
    assert cuts(contents(scene)) == []


def test_a_close_up_has_no_cuts(talk):
    assert cuts(talk) == []


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("size", [(24, 32), (150, 100), (270, 480)])
def test_cuts_are_found_at_any_size_and_rate(size, step, talk, run):
    shots = [shot[::step] for shot in (talk, run, talk)]
    frames = [
        torch.nn.functional.interpolate(frame, size, mode="bilinear", antialias=True)
        for shot in shots
        for frame in shot
    ]
    truth = list(np.cumsum([len(shot) for shot in shots])[:-1])
    assert cuts(frames) == truth


def test_shots_of_three_frames_are_found(talk, plain, run):
    frames = [*talk[:3], *plain[:3], *run[:3], *talk[10:13], *plain[10:13]]
    assert cuts(frames) == [3, 6, 9, 12]


@pytest.mark.parametrize("light", [torch.zeros_like, torch.ones_like, lambda frame: 1 - frame])
@pytest.mark.parametrize("length", [1, 2])
def test_a_frame_or_two_without_the_picture_are_no_shot(light, length, run):
    for at in (4, 10):
        flashed = [light(frame) if at <= i < at + length else frame for i, frame in enumerate(run)]
        assert cuts(flashed) == []


@pytest.mark.parametrize("at", [0, 1])
def test_a_flash_does_not_hide_a_cut(at, talk, run):
    flashed = [torch.ones_like(frame) if i == at else frame for i, frame in enumerate(run)]
    assert cuts([*talk[:10], *flashed]) == [10]


def test_a_cut_to_black_is_a_cut_and_so_is_one_from_it(talk, run):
    black = [torch.zeros_like(talk[0])] * 5
    assert cuts([*talk[:8], *black, *run[:8]]) == [8, 13]


@pytest.mark.parametrize("length", [3, 6, 12])
@pytest.mark.parametrize("colour", [0.0, 1.0])
def test_fades_are_no_cuts(length, colour, talk, run):
    ramp = torch.arange(1, length + 1) / (length + 1)
    out = [torch.lerp(torch.tensor(colour), talk[i], ramp[-1 - i]) for i in range(length)]
    into = [torch.lerp(torch.tensor(colour), run[i], ramp[i]) for i in range(length)]
    blank = [torch.full_like(talk[0], colour)] * 4
    assert cuts([*talk[:8], *out, *blank, *into, *run[length : length + 8]]) == []


@pytest.mark.parametrize("length", [3, 8])
def test_a_dissolve_is_no_cut(length, talk, run):
    ramp = torch.arange(1, length + 1) / (length + 1)
    mixed = [torch.lerp(talk[8 + i], run[i], ramp[i]) for i in range(length)]
    assert cuts([*talk[:8], *mixed, *run[length : length + 8]]) == []


@pytest.mark.parametrize("count", range(5))
def test_the_first_frame_is_never_a_cut_and_short_clips_are_read_to_their_end(count, talk):
    marked = list(mark_cuts(framed(talk[:count]), CutDetector()))
    assert [frame.index for frame, _ in marked] == list(range(count))
    assert not any(begins for _, begins in marked)


def test_a_cut_at_the_last_frame_is_found(talk, run):
    assert cuts([*talk[:8], run[0]]) == [8]


# The stream


def test_the_flags_are_the_same_each_time_and_for_a_used_detector(talk, plain):
    detector = CutDetector()
    clip = [*talk[:7], *plain[:7]]
    first, second = ([begins for _, begins in mark_cuts(framed(clip), detector)] for _ in range(2))
    assert first == second == [i == 7 for i in range(14)]


def test_a_run_that_resumes_gets_the_same_flags(talk, plain, run):
    flashed = [1 - frame if i in (3, 4) else frame for i, frame in enumerate(run[:8])]
    clip = [*talk[:5], *plain[:5], *flashed, *talk[:3]]
    whole = [begins for _, begins in mark_cuts(framed(clip), CutDetector())]
    assert [i for i, begins in enumerate(whole) if begins] == [5, 10, 18]
    for k in range(1, len(clip)):
        first = max(0, k - HISTORY)
        again = mark_cuts(framed(clip[first:]), CutDetector())
        assert [begins for _, begins in islice(again, k - first, k - first + 3)] == whole[k : k + 3]


def test_no_more_than_the_lookahead_is_read_before_a_frame_comes(talk, plain):
    read = 0

    def frames() -> Iterator[Frame]:
        nonlocal read
        for frame in framed([*talk[:6], *plain[:6]]):
            read += 1
            yield frame

    for frame, _ in mark_cuts(frames(), CutDetector()):
        assert read == min(frame.index + 1 + AHEAD, 12)


def test_memory_does_not_grow_with_the_clip(talk):
    alive: list[weakref.ref[Tensor]] = []
    most = 0

    def frames() -> Iterator[Frame]:
        for i in range(25):
            content = talk[i % len(talk)].clone()
            alive.append(weakref.ref(content))
            yield Frame(content, i, i, i)
            del content

    for _ in mark_cuts(frames(), CutDetector()):
        most = max(most, sum(reference() is not None for reference in alive))
    assert most <= AHEAD + 2


def test_known_cuts_are_taken_as_they_are_by_the_numbers_of_the_file(talk):
    marked = mark_cuts(framed(talk[:10], start=100), CutDetector(), known=[95, 103, 107])
    assert [frame.index for frame, begins in marked if begins] == [3, 7]
    assert not any(begins for _, begins in mark_cuts(framed(talk[:10]), CutDetector(), known=[]))


def test_known_cuts_need_no_lookahead(talk):
    frames = framed(talk)
    next(mark_cuts(frames, CutDetector(), known=[4]))
    assert next(frames).index == 1


def test_where_reading_breaks_the_frames_before_come_first(talk):
    def frames() -> Iterator[Frame]:
        yield from framed(talk[:5])
        raise OSError("broken")

    marked = mark_cuts(frames(), CutDetector())
    assert [next(marked)[0].index for _ in range(5)] == list(range(5))
    with pytest.raises(OSError, match="broken"):
        next(marked)


# Real clips


def found(clip: Path, start: int = 0, frames: int | None = None) -> list[int]:
    reader = VideoReader(clip, start=start, frames=frames, size=160)
    return [frame.source_index for frame, begins in mark_cuts(reader.read(), CutDetector()) if begins]


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("c_bikes_cuts.mp4", [30, 76, 137, 187, 242]),
        ("a_carphone_closeup.mp4", []),
        ("c_sintel_mountain_fast.mp4", []),
        ("b_pigs_cartoon.gif", []),
        ("b_dwanko_run_flash.mp4", []),
        ("odd/d_vfr_pool.mp4", []),
        ("odd/d_nasa_multistream.mp4", [202]),
        ("odd/d_failing_audio.mp4", []),
        ("odd/d_1x1.mp4", []),
    ],
)
def test_the_cuts_of_real_clips(shared, name, truth):
    assert found(shared / "clips" / name) == truth


def test_the_cuts_of_a_trailer_and_not_its_fast_motion(shared):
    clip = shared / "clips" / "c_sintel_trailer.mp4"
    assert found(clip, 390, 380) == [398, 406, 422, 573, 623, 660, 674]
    assert found(clip, 300, 50) == [336]
