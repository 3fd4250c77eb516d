from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from vst.flow.estimators import DIS, DeepFlow, Farneback
from vst.flow.steady import SteadyFlow
from vst.flow.warp import spline_warp
from vst.metrics.clip import METRICS, ClipMetrics
from vst.metrics.ghosting import ghost_region, ghosting
from vst.metrics.motion import (
    AGREEMENT,
    AgreedMotion,
    EstimatedMotion,
    ExactMotion,
    Motion,
    consensus,
    named_estimator,
    truth_for,
)
from vst.metrics.newly_legible import came_into_view, newly_legible
from vst.metrics.newly_painted import newly_painted
from vst.metrics.repainted import repainted
from vst.metrics.residual import residual_correlation, residual_mse
from vst.metrics.strokes_kept import followed_energy, stroke_energy
from vst.metrics.temporal import flicker, still_mask, warping_error
from vst.synthetic.scene import Scene
from vst.synthetic.scenes import Anime, Battle, Talk

Rows = list[dict[str, Tensor]]


def feed(metrics: ClipMetrics, scene: Scene, paintings: list[Tensor], first: int = 0) -> Rows:
    return [
        metrics.update(scene.frame(i), paintings[i], i, cut=i in scene.cuts)
        for i in range(first, len(paintings))
    ]


@pytest.fixture
def battle(strokes) -> tuple[Scene, list[Tensor]]:
    """Return twelve frames with a cut at the sixth, and two paintings of them as lanes."""
    scene = Battle(72, 96, 12)
    paintings = [
        torch.cat([0.6 * scene.frame(i) + 0.4 * strokes(1, 72, 96, seed) for seed in (i, 99)])
        for i in range(12)
    ]
    return scene, paintings


def test_each_frame_has_what_the_functions_give(battle):
    scene, paintings = battle
    row = feed(ClipMetrics(ExactMotion(scene), interval=3), scene, paintings[:5])[4]
    assert list(row) == list(METRICS)
    for lane in range(2):
        stylized, previous = (paintings[i][lane : lane + 1] for i in (4, 3))
        content, previous_content = scene.frame(4), scene.frame(3)
        flow, trust = scene.backward_flow(4), scene.backward_valid(4)
        images = stylized, previous, content, previous_content
        expected = {
            "warping_error": warping_error(stylized, previous, flow, trust),
            "warping_error_long": warping_error(
                stylized,
                paintings[1][lane : lane + 1],
                scene.backward_flow(4, 3),
                scene.backward_valid(4, 3),
            ),
            "residual_mse": residual_mse(*images),
            "residual_correlation": residual_correlation(*images),
            "flicker": flicker(stylized, previous, still_mask(content, previous_content, flow, trust)),
            "ghosting": ghosting(*images, ghost_region(flow, 1 - trust)),
            "ghosting_at_cut": torch.tensor([torch.nan], dtype=torch.float64),
            "newly_painted": newly_painted(stylized, content, 1 - trust),
            "newly_legible": newly_legible(stylized, content, 1 - trust),
            "warping_floor": warping_error(content, previous_content, flow, trust),
            "warping_floor_long": warping_error(
                content, scene.frame(1), scene.backward_flow(4, 3), scene.backward_valid(4, 3)
            ),
            "judged": trust.double().mean()[None],
            "repainted": repainted(stylized, previous, flow, trust),
            "strokes_kept": strokes_kept(scene, [painting[lane : lane + 1] for painting in paintings[:5]]),
        }
        for name in METRICS:
            torch.testing.assert_close(row[name][lane : lane + 1], expected[name], equal_nan=True, msg=name)


def strokes_kept(scene: Scene, paintings: list[Tensor]) -> Tensor:
    """Of the last of some frames that begin a shot."""
    painted = stroke_energy(paintings[0])
    for i, painting in enumerate(paintings[1:], start=1):
        flow, revealed = scene.backward_flow(i), 1 - scene.backward_valid(i)
        kept, painted = followed_energy(stroke_energy(painting), painted, flow, revealed)
    return kept


def test_where_each_metric_is_defined(battle):
    scene, paintings = battle
    (cut,) = scene.cuts
    rows = feed(ClipMetrics(ExactMotion(scene), interval=3), scene, paintings)
    defined = [{name for name in METRICS if row[name].isfinite().all()} for row in rows]
    assert defined[0] == set()
    assert defined[cut] == {"ghosting_at_cut"}
    for i, names in enumerate(defined):
        assert ("warping_error_long" in names) == (3 <= i < cut or i >= cut + 3)
        if i not in (0, cut):
            assert {"warping_error", "residual_mse", "residual_correlation"} <= names


def test_the_summary_is_the_mean_over_the_frames_that_have_a_value(battle):
    scene, paintings = battle
    metrics = ClipMetrics(ExactMotion(scene), interval=3)
    rows = feed(metrics, scene, paintings)
    summary = metrics.summary()
    for name, lane in itertools.product(METRICS, range(2)):
        values = [float(row[name][lane]) for row in rows if not row[name][lane].isnan()]
        expected = sum(values) / len(values) if values else math.nan
        assert float(summary[name][lane]) == pytest.approx(expected, nan_ok=True)
    for name in ("warping_error", "warping_error_long"):
        torch.testing.assert_close(summary[f"{name}_root"] ** 2, summary[name])


def test_the_summary_without_frames_is_empty():
    assert ClipMetrics(ExactMotion(Talk(24, 32, 3))).summary() == {}


def test_recalled_frames_continue_as_if_never_interrupted(battle):
    scene, paintings = battle
    rows = feed(ClipMetrics(ExactMotion(scene), interval=3), scene, paintings)
    for stop in (1, 4, 6, 7):
        resumed = ClipMetrics(ExactMotion(scene), interval=3)
        for i in range(max(0, stop - 3), stop):
            resumed.recall(scene.frame(i), paintings[i], i, cut=i in scene.cuts)
        before = ClipMetrics(ExactMotion(scene), interval=3)
        feed(before, scene, paintings[:stop])
        resumed.painted_energy = before.painted_energy
        for row, expected in zip(feed(resumed, scene, paintings, first=stop), rows[stop:], strict=True):
            for name in METRICS:
                assert torch.equal(row[name].nan_to_num(9), expected[name].nan_to_num(9))


def test_it_keeps_no_more_frames_than_the_interval(battle):
    scene, paintings = battle
    metrics = ClipMetrics(ExactMotion(scene), interval=2)
    for i in range(5):
        metrics.update(scene.frame(i), paintings[i], i)
        assert len(metrics._kept) == min(i + 1, 2)


def test_frames_come_in_order(battle):
    scene, paintings = battle
    metrics = ClipMetrics(ExactMotion(scene))
    metrics.update(scene.frame(3), paintings[3], 3)
    with pytest.raises(ValueError, match="frame 5 does not follow frame 3"):
        metrics.update(scene.frame(5), paintings[5], 5)
    with pytest.raises(ValueError, match="at least 1"):
        ClipMetrics(ExactMotion(scene), interval=0)


def test_paintings_of_known_coherence_are_ranked(strokes):
    scene = Battle(72, 96, 5)
    carried = [0.5 * scene.frame(0) + 0.5 * strokes(1, 72, 96)]
    for i in (1, 2):  # moved along the exact motion, and painted anew where nothing is known
        moved = spline_warp(carried[-1], scene.backward_flow(i))
        fresh = 0.5 * scene.frame(i) + 0.5 * strokes(1, 72, 96, seed=i)
        carried.append(torch.where(scene.backward_valid(i) > 0, moved, fresh))
    paintings = [
        torch.cat(
            [
                scene.frame(i),  # passed through
                carried[i],  # coherent
                0.5 * scene.frame(i) + 0.5 * strokes(1, 72, 96),  # strokes that stay where they are
                0.5 * scene.frame(i) + 0.5 * strokes(1, 72, 96, seed=i),  # each frame by itself
                torch.rand(1, 3, 72, 96, generator=torch.Generator().manual_seed(i)),  # noise
            ]
        )
        for i in range(2)
    ]
    metrics = ClipMetrics(ExactMotion(scene))
    feed(metrics, scene, paintings)
    errors = metrics.summary()["warping_error"].tolist()
    assert errors[1] == pytest.approx(0, abs=1e-9)
    assert errors[1] < errors[0] < errors[2] <= errors[3] * 1.2 < errors[4]
    assert errors[4] > 0.1
    correlations = metrics.summary()["residual_correlation"].tolist()
    assert correlations[0] == pytest.approx(1)
    assert correlations[2] > correlations[3] > correlations[4]
    assert correlations[4] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("scene", [Talk(96, 128, 3), Anime(96, 128, 3)])
def test_estimated_motion_is_near_the_exact_one(scene, strokes):
    paintings = [
        torch.cat([scene.frame(i), 0.6 * scene.frame(i) + 0.4 * strokes(1, 96, 128, i)]) for i in range(3)
    ]
    exact, estimated = (
        feed(ClipMetrics(truth), scene, paintings)[2]
        for truth in (ExactMotion(scene), EstimatedMotion(DeepFlow()))
    )
    assert estimated["warping_error"][1].item() == pytest.approx(exact["warping_error"][1].item(), rel=0.3)
    assert estimated["warping_error"][0] < estimated["warping_error"][1]


def test_still_images_are_still_for_an_estimator(strokes):
    image = strokes(1, 64, 80)
    motion = EstimatedMotion(DIS())(image, image, 1, 1)
    assert motion.flow.abs().max() < 0.01
    assert motion.trust.mean() > 0.99
    assert motion.revealed.mean() < 0.01
    assert motion.trust.shape == motion.revealed.shape == (1, 1, 64, 80)


def test_the_estimator_is_never_the_one_that_painted():
    for used in ("farneback", "dis", "deepflow", "raft", "sparse", SteadyFlow.name):
        assert not any(name in used for name in consensus(used).name.split(" & "))
    assert EstimatedMotion(DIS()).name == "dis"


def test_the_truth_of_a_scene_is_exact_unless_another_is_asked_for():
    scene = Talk(48, 64, 3)
    exact = truth_for(scene, "deepflow")
    assert exact.name == "exact"
    motion = exact(scene.frame(2), scene.frame(0), 2, 2)
    assert torch.equal(motion.flow, scene.backward_flow(2, 2))
    assert torch.equal(motion.trust, scene.backward_valid(2, 2))
    assert torch.equal(motion.revealed, 1 - scene.backward_valid(2, 2))
    asked = truth_for(scene, "deepflow", "farneback")
    assert asked.name == "farneback"
    assert not torch.equal(asked(scene.frame(2), scene.frame(0), 2, 2).flow, motion.flow)


class File:
    """A clip that knows nothing of its motion."""

    def __init__(self, scene: Scene):
        self.info, self.read = scene.info, scene.read


@pytest.mark.parametrize(
    ("used", "judge"),
    [
        ("deepflow", "dis & sparse"),
        (SteadyFlow.name, "dis & sparse"),
        ("dis", "sparse & deepflow"),
        ("sparse", "dis & deepflow"),
        ("raft", "dis & sparse"),
    ],
)
def test_a_clip_of_unknown_motion_is_judged_by_two_other_estimators(used, judge):
    assert truth_for(File(Talk(24, 32, 3)), used).name == judge


@pytest.mark.parametrize("name", ["deepflow", "dis", "farneback"])
def test_a_judge_sees_small_frames_enlarged(name):
    scene = Battle(48, 64, 4)
    shown = scene.backward_valid(1) > 0
    plain = {"deepflow": DeepFlow, "dis": DIS, "farneback": Farneback}[name]()
    errors = [
        (judge(scene.frame(1), scene.frame(0)) - scene.backward_flow(1))
        .norm(dim=1, keepdim=True)[shown]
        .median()
        for judge in (named_estimator(name), plain)
    ]
    assert named_estimator(name).name == name
    assert errors[0] < errors[1]


class Shifted:
    """An estimator that finds the exact backward motion of a scene's frame, and is wrong in a part of it."""

    def __init__(self, name: str, scene: Scene, wrong: slice, by: float):
        self.name, self._scene, self._wrong, self._by = name, scene, wrong, by

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        forward = torch.equal(second, self._scene.frame(2))
        flow = (self._scene.forward_flow if forward else self._scene.backward_flow)(2).clone()
        flow[:, 0, :, self._wrong] += -self._by if forward else self._by
        return flow


def test_two_estimates_are_trusted_where_they_agree():
    scene = Talk(48, 64, 4)
    first = Shifted("first", scene, slice(10, 30), 0.9 * AGREEMENT)
    second = Shifted("second", scene, slice(20, 40), -0.9 * AGREEMENT)
    agreed = AgreedMotion(first, second)
    assert agreed.name == "first & second"
    frames = scene.frame(2), scene.frame(1)
    motion = agreed(*frames, 2, 1)
    alone = [EstimatedMotion(estimator)(*frames, 2, 1) for estimator in (first, second)]
    torch.testing.assert_close(motion.flow, (alone[0].flow + alone[1].flow) / 2)
    both = alone[0].trust * alone[1].trust
    assert motion.trust[..., 20:30].sum() == 0
    for part in (slice(0, 10), slice(40, 64)):
        assert torch.equal(motion.trust[..., part], both[..., part])
    assert torch.equal(motion.revealed, alone[0].revealed * alone[1].revealed)


@pytest.mark.parametrize("scene", [Talk(144, 256, 4), Battle(144, 256, 8)])
def test_a_consensus_is_nearer_the_exact_motion_than_either(scene):
    def error(name: str) -> float:
        truth = consensus("") if name == "both" else EstimatedMotion(named_estimator(name))
        motion = truth(scene.frame(2), scene.frame(1), 2, 1)
        counted = (motion.trust > 0) & (scene.backward_valid(2) > 0)
        off = (motion.flow - scene.backward_flow(2)).norm(dim=1, keepdim=True)[counted]
        return float(off.square().mean().sqrt())

    assert consensus("").name == "dis & sparse"
    assert error("both") < min(error("dis"), error("sparse"))


def test_what_a_slow_motion_reveals_is_measured_over_the_long_interval():
    generator = torch.Generator().manual_seed(0)
    wide, strokes = torch.rand(2, 1, 3, 64, 140, generator=generator)
    painting = (wide + strokes) / 2

    class Slow:
        """The camera moves by a pixel a frame."""

        name = "exact"

        def __call__(self, content: Tensor, earlier: Tensor, index: int, interval: int) -> Motion:
            flow, visible = torch.zeros(1, 2, 64, 128), torch.ones(1, 1, 64, 128)
            flow[:, 0], visible[..., 128 - interval :] = interval, 0
            return Motion(flow, visible, 1 - visible)

    metrics = ClipMetrics(Slow(), interval=8)
    frames = [(wide[..., i : i + 128], painting[..., i : i + 128]) for i in range(10)]
    rows = [metrics.update(*frame, i) for i, frame in enumerate(frames)]
    strip = torch.zeros(1, 1, 64, 128)
    strip[..., -8:] = 1
    for measure in (newly_painted, newly_legible):
        values = [row[measure.__name__] for row in rows]
        assert [value.isnan().item() for value in values] == [True] * 8 + [False] * 2
        torch.testing.assert_close(values[9], measure(*reversed(frames[9]), strip))


def test_what_no_motion_explains_is_to_be_legible(strokes):
    content, right = strokes(1, 96, 128, seed=1), torch.arange(128).expand(1, 1, 96, 128) >= 96
    lost = Motion(torch.zeros(1, 2, 96, 128), (~right).float(), torch.zeros(1, 1, 96, 128))

    class Lost:
        """What came in at the right is not found to be revealed."""

        name = "lost"

        def __call__(self, content: Tensor, earlier: Tensor, index: int, interval: int) -> Motion:
            return lost

    earlier = torch.where(right, 0.9, content)
    shown, old = ((picture + strokes(1, 96, 128, seed=2)) / 2 for picture in (content, earlier))
    metrics = ClipMetrics(Lost())
    metrics.update(earlier, torch.cat([old, old]), 0)
    found = metrics.update(content, torch.cat([shown, old]), 1)["newly_legible"]
    expected = [
        newly_legible(painting, content, came_into_view(content, earlier, lost)) for painting in (shown, old)
    ]
    torch.testing.assert_close(found, torch.cat(expected))
    assert found[1] < 0.3 < 0.8 < found[0]
