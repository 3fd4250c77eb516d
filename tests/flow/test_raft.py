from __future__ import annotations

import cv2
import pytest
import torch

from vst.errors import InputError
from vst.flow.io import read_flo
from vst.flow.raft import Raft, torchvision_name


@pytest.fixture(scope="module")
def raft(shared):
    return Raft(shared / "weights" / "raft_small_torchvision_fp16.pt")


@pytest.fixture(scope="module")
def torchvision_state():
    from torchvision.models.optical_flow import raft_small

    torch.manual_seed(0)
    return raft_small(weights=None).state_dict()


def authors_name(key: str) -> str:
    """The inverse renaming, written down layer by layer."""
    for ours, theirs in (
        ("feature_encoder", "fnet"),
        ("context_encoder", "cnet"),
        ("convnormrelu.0", "conv1"),
        ("convnormrelu1.0", "conv1"),
        ("convnormrelu2.0", "conv2"),
        ("convnormrelu3.0", "conv3"),
        ("net.conv.", "net.conv2."),
        ("motion_encoder.convcorr1.0", "encoder.convc1"),
        ("motion_encoder.convflow1.0", "encoder.convf1"),
        ("motion_encoder.convflow2.0", "encoder.convf2"),
        ("motion_encoder.conv.0", "encoder.conv"),
        ("recurrent_block.convgru1", "gru"),
    ):
        key = key.replace(ours, theirs)
    return f"module.{key}"


def test_every_layer_of_the_authors_file_is_found(torchvision_state):
    names = {key: authors_name(key) for key in torchvision_state}
    assert len(set(names.values())) == len(names)
    assert {torchvision_name(theirs) for theirs in names.values()} == set(names)
    assert all(torchvision_name(name) == name for name in names)


def test_both_namings_give_the_same_flow(torchvision_state, tmp_path, texture):
    torch.save(torchvision_state, tmp_path / "torchvision.pt")
    torch.save({authors_name(k): v for k, v in torchvision_state.items()}, tmp_path / "authors.pth")
    flows = [
        Raft(tmp_path / name, iterations=1)(texture(128, 128), texture(128, 128, seed=1))
        for name in ("torchvision.pt", "authors.pth")
    ]
    assert torch.equal(*flows)


def test_a_translation_is_found_with_its_sign(raft, texture):
    picture = texture(140, 156)
    first, second = picture[..., 10:-10, 10:-10], picture[..., 12:-8, 4:-16]
    flow = raft(first, second)
    assert flow.shape == (1, 2, 120, 136)
    assert flow.dtype == torch.float32
    assert not flow.requires_grad
    truth = torch.tensor([6.0, -2.0]).view(1, 2, 1, 1)
    assert (flow - truth).square().sum(1).sqrt()[..., 8:-8, 8:-8].mean() < 0.6
    assert torch.equal(raft(first, second), flow)


def test_rubberwhale(raft, shared):
    folder = shared / "rubberwhale"
    first, second = (
        torch.from_numpy(cv2.imread(str(folder / name))[..., ::-1] / 255).float().permute(2, 0, 1)[None]
        for name in ("frame10.png", "frame11.png")
    )
    errors = (raft(first, second) - read_flo(folder / "flow10.flo")).square().sum(dim=1).sqrt()
    assert errors.nanmean().item() == pytest.approx(0.32, rel=0.1)


def test_frames_as_small_as_16_are_taken_lane_by_lane(raft, texture):
    pictures = [texture(20, 21, seed=seed) for seed in range(2)]
    pairs = [(p[..., 2:18, 2:18], p[..., 2:18, 3:19]) for p in pictures]
    together = raft(*(torch.cat(frames) for frames in zip(*pairs, strict=True)))
    assert together.shape == (2, 2, 16, 16)
    torch.testing.assert_close(together, torch.cat([raft(*pair) for pair in pairs]), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_state_dict_is_named(tmp_path, content):
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.pth"):
        Raft(path)


@pytest.mark.parametrize("state", [{"conv.weight": torch.zeros(3)}, [torch.zeros(1)], {1: torch.zeros(1)}])
def test_other_weights_are_named(tmp_path, state):
    path = tmp_path / "other.pth"
    torch.save(state, path)
    with pytest.raises(InputError, match=r"other\.pth"):
        Raft(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.pth"):
        Raft(tmp_path / "nowhere.pth")
