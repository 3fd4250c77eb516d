"""The command line: `vst train`."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf, open_dict

from vst.commandline import Parser, execute, exit_with, say
from vst.composing import composed, parse, with_home
from vst.errors import InputError
from vst.runs.configuration import with_stored_overrides
from vst.runs.signals import Interrupted
from vst.training.configuration import stored_training_overrides
from vst.training.settings import register_training_schema

USAGE = """\
python -m vst.train [group=choice …] [option=value …]

Trains a network that paints in the style of one painting (Johnson et al. 2016), by the same losses as a run. It is
written to network.safetensors in the training's directory; paint with python -m vst model=network network=FILE.

  style=NAME            the painting, as in a run: swirls, facets, ink, or file with style.path=PICTURE
  data=[A,B,…]          what it is trained on: clips, pictures, folders of pictures, and choices of the group video;
                        by default the built-in scenes and clips
  eta=NUMBER            weight of the coherence of consecutive frames; 0, the default, trains on each frame alone
  alpha, beta           weights of the content and style losses
  steps, batch          steps of the optimiser, and frames in each
  size=PIXELS           longer side of the frames that it is trained on: train at the size at which you paint
  learning_rate         Adam's; it rises over the first steps, and falls to 0 along half a cosine
  network.width         channels of the first convolution; Johnson et al. have 32
  network.blocks        residual blocks
  seed                  seed of all random numbers
  logger=wandb          also log to Weights & Biases
  hydra.run.dir         the training's directory
  resume=DIR            resume an interrupted training

  python -m vst.train style=swirls data=clip.mp4 eta=1e5    a network for one clip and one painting
  python -m vst.train style=file style.path=painting.jpg data=photographs batch=4 steps=20000
"""


def main() -> None:
    """Train, and exit: 0 success, 1 failure, 2 wrong input, 128 + n ended by signal n."""
    execute(USAGE, _train)


def _train(arguments: Sequence[str]) -> None:
    from vst.training.run import network_path, train

    parser = Parser(prog="python -m vst.train")
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args(list(arguments))
    overrides = with_home(with_stored_overrides(given.overrides, stored_training_overrides))
    try:
        directory = train(configuration(overrides), overrides)
    except Interrupted as interrupted:
        resume = f"; resume with {interrupted.resume_with}" if interrupted.resume_with else " before it began"
        exit_with(f"ended by {interrupted}{resume}", interrupted.status)
    say(
        f"network   {network_path(directory)}",
        f"previews  {directory / 'previews'}",
        f"curves    {directory / 'curves.csv'}",
    )


def configuration(overrides: Sequence[str]) -> DictConfig:
    """The configuration of a training, with its directory; raises `InputError` for what cannot be composed."""
    register_training_schema()
    for override in parse(overrides):
        if override.is_sweep_override():
            raise InputError(
                f"{override.input_line} has several values, and one network is trained at a time; write a list in "
                f"brackets, such as data=[a.mp4,b.mp4]"
            )
    cfg = composed(overrides, hydra=True, name="train")
    directory = str(cfg.hydra.run.dir)
    OmegaConf.set_readonly(cfg, False)
    with open_dict(cfg):
        del cfg["hydra"]
        cfg.paths.run = directory
    return cfg
