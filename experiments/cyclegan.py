"""Paints a clip with a generator of CycleGAN (Zhu et al. 2017), as a folder of frames for `vst evaluate`.

    python experiments/cyclegan.py GENERATOR.pth CLIP FOLDER [--start 0] [--frames 3] [--size 426]

GENERATOR.pth has the weights of a generator with nine residual blocks, as the authors' code writes them
(latest_net_G.pth of https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix, whose
scripts/download_cyclegan_model.sh fetches their own: style_vangogh, style_monet, style_cezanne, style_ukiyoe), or as
others do who have that architecture. Normalisation may have weights of its own or none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vst.commandline import reporting_errors
from vst.errors import InputError
from vst.video.reader import VideoReader
from vst.video.store import save_png

BLOCKS = 9
WIDTH = 64


class Block(nn.Module):
    """Two convolutions, which change what goes through."""

    def __init__(self, channels: int, affine: bool):
        super().__init__()
        self.change = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels, affine=affine),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels, affine=affine),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        return x + self.change(x)


def generator(affine: bool) -> nn.Sequential:
    """The generator: images in [-1, 1] whose sides are multiples of 4, (L, 3, H, W) → (L, 3, H, W)."""

    def with_norm(convolution: nn.Module, channels: int) -> list[nn.Module]:
        return [convolution, nn.InstanceNorm2d(channels, affine=affine), nn.ReLU()]

    twice, four = 2 * WIDTH, 4 * WIDTH
    return nn.Sequential(
        nn.ReflectionPad2d(3),
        *with_norm(nn.Conv2d(3, WIDTH, 7), WIDTH),
        *with_norm(nn.Conv2d(WIDTH, twice, 3, stride=2, padding=1), twice),
        *with_norm(nn.Conv2d(twice, four, 3, stride=2, padding=1), four),
        *(Block(four, affine) for _ in range(BLOCKS)),
        *with_norm(nn.ConvTranspose2d(four, twice, 3, stride=2, padding=1, output_padding=1), twice),
        *with_norm(nn.ConvTranspose2d(twice, WIDTH, 3, stride=2, padding=1, output_padding=1), WIDTH),
        nn.ReflectionPad2d(3),
        nn.Conv2d(WIDTH, 3, 7),
        nn.Tanh(),
    )


def load(file: Path) -> nn.Sequential:
    """The generator in a file; raises `InputError` where it is another network."""
    if not file.is_file():
        raise InputError(f"the generator {file} does not exist; name a file of weights")
    stored = torch.load(file, map_location="cpu", weights_only=True)
    # the authors' older files have statistics that instance normalisation does not use
    tensors = [tensor for name, tensor in stored.items() if "running_" not in name and "num_b" not in name]
    for network in (generator(affine=False), generator(affine=True)):
        own = network.state_dict()
        if [tensor.shape for tensor in own.values()] == [tensor.shape for tensor in tensors]:
            # every implementation has names of its own, and the order of the layers
            network.load_state_dict(dict(zip(own, tensors, strict=True)))
            return network.eval()
    raise InputError(f"{file} is no generator with {BLOCKS} residual blocks; give one of that architecture")


def paint(network: nn.Module, content: Tensor) -> Tensor:
    """A frame (1, 3, H, W) in [0, 1] as the generator translates it, the same size."""
    height, width = content.shape[-2:]
    whole = F.pad(content, (0, -width % 4, 0, -height % 4), mode="reflect")
    with torch.no_grad():
        return network(whole * 2 - 1)[..., :height, :width] / 2 + 0.5


def main() -> None:
    """Paint the frames."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generator", type=Path)
    parser.add_argument("clip")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", type=int, default=0, help="the first frame, counted from 0")
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--size", type=int, default=426, help="a frame's longer side, in pixels")
    given = parser.parse_args()
    with reporting_errors():
        network = load(given.generator)
        clip = VideoReader(given.clip, start=given.start, frames=given.frames, size=given.size)
        given.folder.mkdir(parents=True, exist_ok=True)
        for frame in clip.read():
            save_png(given.folder / f"{frame.index:06d}.png", paint(network, frame.content))


if __name__ == "__main__":
    main()
