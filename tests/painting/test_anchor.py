from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vst.flow.estimators import DIS, FlowEstimator
from vst.flow.pair import FramePair
from vst.flow.steady import SteadyFlow
from vst.flow.warp import unworn_warp
from vst.frames import Frame
from vst.losses.target import AnchorView
from vst.painting.anchor import Anchor, AnchorMotion, AnchorPlace, AnchorTrack
from vst.painting.past import Past
from vst.painting.preparation import shown_in_shot
from vst.synthetic.scene import Scene
from vst.synthetic.scenes import Battle, Talk


class Exact:
    """The flow of a scene between any two of its frames, told apart by their pixels; 0 for any other picture."""

    name = "exact"

    def __init__(self, scene: Scene):
        self.scene = scene
        self.frames = [scene.frame(i) for i in range(scene.info.frames)]

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        i, j = self._index(first), self._index(second)
        if i is None or j is None:
            return torch.zeros_like(first[:, :2])
        later, interval = max(i, j), abs(i - j)
        flow = self.scene.backward_flow if i > j else self.scene.forward_flow
        return flow(later, interval)

    def _index(self, image: Tensor) -> int | None:
        found = [i for i, frame in enumerate(self.frames) if torch.equal(frame, image)]
        return found[0] if found else None


def follow(
    scene: Scene, estimator: FlowEstimator, frames: int
) -> tuple[AnchorTrack, Anchor, list[AnchorView | None]]:
    """Paint every frame with noise of its own, and see the anchor from each."""
    past, track, anchor, seen = Past(1, estimator), AnchorTrack(estimator), Anchor(), []
    for i in range(frames):
        frame = Frame(scene.frame(i), i, i, i, cut=i in scene.cuts)
        motion = track.next(frame.content, shown_in_shot(past.pairs(frame)))
        seen.append(anchor.view(motion))
        image = torch.rand(frame.content.shape, generator=torch.Generator().manual_seed(i))
        anchor.update(image, motion)
        past.append(frame)
    return track, anchor, seen


def test_chained_flows_lead_to_the_anchor() -> None:
    scene = Talk(72, 96, 8)
    _, _, seen = follow(scene, Exact(scene), 8)
    assert seen[0] is None
    last = seen[-1]
    assert last is not None
    shown = (scene.backward_valid(7, 7) * last.visibility) > 0
    assert shown.float().mean() > 0.9
    error = (last.flow - scene.backward_flow(7, 7)).norm(dim=1, keepdim=True)[shown]
    assert error.mean() < 0.05, "but for the interpolation at boundaries"


def test_what_is_left_of_the_motion_is_estimated_anew() -> None:
    scene = Talk(72, 96, 8)

    class Lame(Exact):
        """Sees a tenth too little of the motion between frames, but what is left of it as DIS does."""

        def __call__(self, first: Tensor, second: Tensor) -> Tensor:
            if self._index(first) is None or self._index(second) is None:
                return DIS()(first, second)
            return 0.9 * super().__call__(first, second)

    _, _, seen = follow(scene, Lame(scene), 8)
    last = seen[-1]
    assert last is not None
    true = scene.backward_flow(7, 7)
    moving = (true.norm(dim=1, keepdim=True) > 1) & (scene.backward_valid(7, 7) > 0) & (last.visibility > 0)
    error = (last.flow - true).norm(dim=1, keepdim=True)[moving].median()
    chained = 0.1 * true.norm(dim=1, keepdim=True)[moving].median()
    assert error < 0.8 * chained


def test_a_new_anchor_is_taken_at_a_cut_and_when_little_is_left() -> None:
    scene = Battle(72, 96, 24)
    (cut,) = scene.cuts
    _, _, seen = follow(scene, Exact(scene), cut + 2)
    assert seen[cut] is None
    first = [followed.visibility.mean() for followed in seen[1:cut] if followed is not None]
    assert len(first) == cut - 1
    fallen = [n for n, share in enumerate(first) if share < 0.5]
    assert fallen, "the view moves on by more than half of itself"
    assert all(first[n + 1] > 0.6 for n in fallen if n + 1 < len(first)), "and the anchor with it"
    after = seen[cut + 1]
    assert after is not None
    image = torch.rand(1, 3, 72, 96, generator=torch.Generator().manual_seed(cut))
    torch.testing.assert_close(after.moved, unworn_warp(image, after.flow))


def texture(height: int, width: int) -> Tensor:
    """A smooth random picture, the same on the left as on the right, so that it can be rolled."""
    coarse = torch.rand(1, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(1))
    coarse = torch.cat([coarse[..., -2:], coarse, coarse[..., :2]], dim=3)
    fine = F.interpolate(coarse, scale_factor=4, mode="bicubic", align_corners=False).clamp(0, 1)
    return fine[..., 8:-8]


def follow_pictures(
    pictures: list[Tensor], estimator: FlowEstimator
) -> list[tuple[Tensor, AnchorView | None]]:
    """Paint each picture as its negative, and see the anchor from each, past blank frames as a run does."""
    past, track, anchor, seen = Past(3, estimator), AnchorTrack(estimator), Anchor(), []
    for i, content in enumerate(pictures):
        frame = Frame(content, i, i, i)
        pairs = past.pairs(frame)
        motion = track.next(content, shown_in_shot(pairs) or pairs)
        seen.append((1 - content, anchor.view(motion)))
        anchor.update(1 - content, motion)
        past.append(frame)
    return seen


def test_in_a_scene_that_stands_still_the_first_painting_is_kept() -> None:
    still = texture(48, 64)
    noise = [
        still + 0.001 * torch.rand(still.shape, generator=torch.Generator().manual_seed(i)) for i in range(5)
    ]

    class Zero:
        name = "zero"

        def __call__(self, first: Tensor, second: Tensor) -> Tensor:
            return torch.zeros_like(first[:, :2])

    seen = follow_pictures(noise, Zero())
    for _, followed in seen[1:]:
        assert followed is not None
        assert torch.equal(followed.moved, seen[0][0])
        assert followed.visibility.all()


def test_a_texture_that_moves_is_followed_over_ten_frames_without_drift() -> None:
    pictures = [texture(48, 96).roll(2 * i, dims=3) for i in range(11)]
    estimator = Noisy(DIS())
    seen = follow_pictures(pictures, estimator)
    _, last = seen[-1]
    assert last is not None
    inner = last.flow[..., 6:-6, 26:-6]
    error = (inner - torch.tensor([-20.0, 0.0]).view(1, 2, 1, 1)).norm(dim=1)
    # ten steps, each 0.2 too short, would be off by two pixels
    assert error.median() < 0.4
    moved, wanted = last.moved[..., 6:-6, 26:-6], seen[-1][0][..., 6:-6, 26:-6]
    assert (moved - wanted).abs().mean() < 0.04
    assert last.visibility[..., :18].mean() < 0.1, "what came into view is not the anchor's"
    assert last.visibility[..., 26:-6].mean() > 0.9


class Noisy:
    """An estimator that sees each larger motion 0.2 pixels too short."""

    name = "noisy"

    def __init__(self, estimator: FlowEstimator):
        self.estimator = estimator

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        flow = self.estimator(first, second)
        length = flow.norm(dim=1, keepdim=True).clamp(min=1e-6)
        return torch.where(length > 1, flow * (1 - 0.2 / length), flow)


@pytest.mark.parametrize("estimator", [SteadyFlow(), DIS()], ids=["steady", "dis"])
def test_the_anchor_is_followed_past_a_blank_frame(estimator: FlowEstimator) -> None:
    pictures = [texture(48, 96).roll(2 * i, dims=3) for i in range(6)]
    pictures[3] = torch.ones_like(pictures[3])
    seen = follow_pictures(pictures, estimator)
    for i in (2, 4, 5):
        _, followed = seen[i]
        assert followed is not None
        assert torch.equal(followed.painting, 1 - pictures[0]), "and not that of the blank frame"
        flow = followed.flow[..., 6:-6, 18:-6]
        assert flow[:, 0].median().item() == pytest.approx(-2 * i, abs=0.2), f"frame {i}"
        assert flow[:, 1].median().item() == pytest.approx(0, abs=0.2)


def test_it_goes_on_from_its_state(tmp_path: Path) -> None:
    scene = Talk(48, 64, 5)
    estimator = Exact(scene)
    track, anchor, _ = follow(scene, estimator, 4)
    torch.save(anchor.state_dict(), tmp_path / "state.pt")
    again = Anchor()
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    content = scene.frame(4)
    near = FramePair(scene.frame(3), content, estimator)
    motion, motion_again = (one.next(content, [near]) for one in (track, AnchorTrack(estimator, again.place)))
    expected, found = anchor.view(motion), again.view(motion_again)
    assert expected is not None
    assert found is not None
    for one, other in (
        (found.flow, expected.flow),
        (found.visibility, expected.visibility),
        (found.moved, expected.moved),
    ):
        assert torch.equal(one, other)
    again.clear()
    assert again.view(motion) is None
    assert again.state_dict() == {}
    again.load_state_dict({})
    assert again.view(motion) is None


def test_each_lane_takes_a_new_anchor_of_its_own() -> None:
    first, second = (torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(i)) for i in range(2))
    place = AnchorPlace(first, torch.zeros(2, 2, 8, 8), torch.ones(2, 1, 8, 8))
    anchor, renewed = Anchor(), torch.tensor([False, True]).view(2, 1, 1, 1)
    anchor.update(first, AnchorMotion(None, torch.ones_like(renewed), place))
    anchor.update(second, AnchorMotion((place.flow, place.visibility), renewed, place))
    assert torch.equal(anchor.state_dict()["image"], torch.stack([first[0], second[1]]))


def test_the_lane_of_which_too_little_is_visible_begins_anew() -> None:
    content = texture(16, 16).expand(2, -1, -1, -1)

    class Apart:
        """No motion, and in the second lane none that is consistent."""

        name = "apart"

        def __call__(self, first: Tensor, second: Tensor) -> Tensor:
            flow = torch.zeros(2, 2, 16, 16)
            flow[1, 0] = 5
            return flow

    track = AnchorTrack(Apart())
    track.next(content, [])
    motion = track.next(content + 0.01, [FramePair(content, content + 0.01, Apart())])
    assert motion.renewed.flatten().tolist() == [False, True]
    assert torch.equal(motion.place.content, torch.stack([content[0], content[1] + 0.01]))
    assert motion.place.visibility.flatten(1).all(1).tolist() == [True, True]
