from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from vst.anchor import Anchor, Followed
from vst.flow.estimators import DIS, FlowEstimator
from vst.flow.warp import backward_warp
from vst.frames import Frame, Painted
from vst.history import History
from vst.neighbour import Neighbour
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
    scene: Scene, estimator: FlowEstimator, folder: Path, frames: int
) -> tuple[Anchor, list[Followed | None]]:
    """Paint every frame with noise of its own, and see the anchor from each."""
    history, anchor, seen = History(folder, 1), Anchor(estimator), []
    for i in range(frames):
        frame = Frame(scene.frame(i), i, i, i, cut=i in scene.cuts)
        past = [near for near in history.neighbours(frame, estimator) if near.same_shot]
        seen.append(anchor.follow(frame.content, past))
        image = torch.rand(frame.content.shape, generator=torch.Generator().manual_seed(i))
        painted = Painted(frame, image)
        anchor.update(painted, seen[-1])
        history.append(painted)
    return anchor, seen


def test_chained_flows_lead_to_the_anchor(tmp_path: Path) -> None:
    scene = Talk(72, 96, 8)
    _, seen = follow(scene, Exact(scene), tmp_path, 8)
    assert seen[0] is None
    last = seen[-1]
    assert last is not None
    shown = (scene.backward_valid(7, 7) * last.shown) > 0
    assert shown.float().mean() > 0.9
    error = (last.flow - scene.backward_flow(7, 7)).norm(dim=1, keepdim=True)[shown]
    assert error.mean() < 0.05, "but for the interpolation at boundaries"


def test_what_is_left_of_the_motion_is_estimated_anew(tmp_path: Path) -> None:
    scene = Talk(72, 96, 8)

    class Lame(Exact):
        """Sees a tenth too little of the motion between frames, but what is left of it as DIS does."""

        def __call__(self, first: Tensor, second: Tensor) -> Tensor:
            if self._index(first) is None or self._index(second) is None:
                return DIS()(first, second)
            return 0.9 * super().__call__(first, second)

    _, seen = follow(scene, Lame(scene), tmp_path, 8)
    last = seen[-1]
    assert last is not None
    true = scene.backward_flow(7, 7)
    moving = (true.norm(dim=1, keepdim=True) > 1) & (scene.backward_valid(7, 7) > 0) & (last.shown > 0)
    error = (last.flow - true).norm(dim=1, keepdim=True)[moving].median()
    chained = 0.1 * true.norm(dim=1, keepdim=True)[moving].median()
    assert error < 0.8 * chained


def test_a_new_anchor_is_taken_at_a_cut_and_when_little_is_left(tmp_path: Path) -> None:
    scene = Battle(72, 96, 24)
    (cut,) = scene.cuts
    _, seen = follow(scene, Exact(scene), tmp_path, cut + 2)
    assert seen[cut] is None
    first = [followed.shown.mean() for followed in seen[1:cut] if followed is not None]
    assert len(first) == cut - 1
    fallen = [n for n, share in enumerate(first) if share < 0.5]
    assert fallen, "the view moves on by more than half of itself"
    assert all(first[n + 1] > 0.6 for n in fallen if n + 1 < len(first)), "and the anchor with it"
    after = seen[cut + 1]
    assert after is not None
    image = torch.rand(1, 3, 72, 96, generator=torch.Generator().manual_seed(cut))
    torch.testing.assert_close(after.moved, backward_warp(image, after.flow))


def test_it_goes_on_from_its_state(tmp_path: Path) -> None:
    scene = Talk(48, 64, 5)
    estimator = Exact(scene)
    anchor, _ = follow(scene, estimator, tmp_path, 4)
    torch.save(anchor.state_dict(), tmp_path / "state.pt")
    again = Anchor(estimator)
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    content = scene.frame(4)
    near = Neighbour(scene.frame(3), scene.frame(3), content, estimator)
    expected, found = anchor.follow(content, [near]), again.follow(content, [near])
    assert expected is not None
    assert found is not None
    for one, other in (
        (found.flow, expected.flow),
        (found.shown, expected.shown),
        (found.moved, expected.moved),
    ):
        assert torch.equal(one, other)
    again.clear()
    assert again.follow(content, [near]) is None
    assert again.state_dict() == {}
    again.load_state_dict({})
    assert again.follow(content, [near]) is None
