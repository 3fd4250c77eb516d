from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vst.files import atomic_write
from vst.video.store import FrameStore, load_png, save_png, to_uint8


def test_frames_come_back_bit_for_bit(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "frames")
    frame = torch.randn(1, 3, 7, 5) * 3
    frame[0, 0, 0, 0], frame[0, 0, 0, 1] = float("nan"), -0.0
    store.save(3, frame)
    loaded = store.load(3)
    assert loaded.shape == (1, 3, 7, 5)
    assert loaded.view(torch.int32).equal(frame.view(torch.int32))
    store.save(3, frame[0] + 1)
    assert torch.equal(store.load(3)[0, 1], frame[0, 1] + 1)


def test_a_frame_that_shares_its_memory_is_kept_alone(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    frame = torch.rand(4, 6, 3, requires_grad=True).permute(2, 1, 0)
    store.save(0, frame)
    assert torch.equal(store.load(0)[0], frame)
    assert store.load(0).is_contiguous()


def test_store_knows_what_it_holds(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    assert 0 not in store
    store.save(0, torch.zeros(3, 2, 2))
    assert 0 in store
    assert 0 in FrameStore(tmp_path)
    store.discard(0)
    store.discard(0)
    assert 0 not in store
    with pytest.raises(FileNotFoundError):
        store.load(0)


@pytest.mark.parametrize("frame", [torch.zeros(2, 3, 4, 4), torch.zeros(4, 4), torch.zeros(3, 4, 4).double()])
def test_store_refuses_what_it_cannot_keep(tmp_path: Path, frame: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"frame|float32"):
        FrameStore(tmp_path).save(0, frame)
    assert list(tmp_path.iterdir()) == []


def test_png_keeps_every_step_of_8_bits(tmp_path: Path) -> None:
    steps = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = np.stack([steps, steps.T, 255 - steps], axis=-1)
    save_png(tmp_path / "array.png", image)
    assert np.array_equal(load_png(tmp_path / "array.png"), image)
    save_png(tmp_path / "tensor.png", torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)
    assert np.array_equal(load_png(tmp_path / "tensor.png"), image)


def test_floats_are_rounded_to_the_nearest_step_and_clamped() -> None:
    values = torch.tensor([-1.0, 0.49 / 255, 0.51 / 255, 254.6 / 255, 2.0])
    assert to_uint8(values.expand(3, 1, 5))[0, :, 0].tolist() == [0, 0, 1, 255, 255]


def test_floats_for_8_bits_are_refused_as_array(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="uint8"):
        save_png(tmp_path / "image.png", np.zeros((4, 4, 3)))  # ty: ignore[invalid-argument-type]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with atomic_write(path) as aside:
            aside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
