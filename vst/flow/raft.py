from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.bounds import Few
from vst.errors import InputError

# Layer names in the published weights (github.com/princeton-vl/RAFT), and torchvision's names for them.
_RENAMINGS = (
    (r"^module\.", ""),
    (r"^fnet\.", "feature_encoder."),
    (r"^cnet\.", "context_encoder."),
    (r"^(\w+_encoder)\.conv1\.", r"\1.convnormrelu.0."),
    (r"^(\w+_encoder)\.conv2\.", r"\1.conv."),
    (r"^(\w+_encoder\.layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
    (r"^update_block\.encoder\.convc(\d)\.", r"update_block.motion_encoder.convcorr\1.0."),
    (r"^update_block\.encoder\.convf(\d)\.", r"update_block.motion_encoder.convflow\1.0."),
    (r"^update_block\.encoder\.conv\.", "update_block.motion_encoder.conv.0."),
    (r"^update_block\.gru\.", "update_block.recurrent_block.convgru1."),
)


class Raft:
    """RAFT, the small network (Teed and Deng 2020), for large motion.

    `weights` is a state dict of raft_small, in torchvision's names or in those of the authors'
    raft-small.pth, in any floating-point precision; reading it runs no code of the file. Raises InputError for
    any other file. The flow is computed on the frames' device, without gradients, in float32, or in TF32 where the
    convolutions of the painting are: that is a switch of the whole process. Memory grows with the square of the
    frame's area.
    """

    name: ClassVar[str] = "raft"

    def __init__(self, weights: str | Path, iterations: Few = 12):
        # Imported here, because torchvision takes seconds to import and only this network needs it.
        from torchvision.models.optical_flow import raft_small

        self.iterations = iterations
        self._network = raft_small(weights=None)
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            self._network.load_state_dict({torchvision_name(key): value for key, value in state.items()})
        except OSError as error:
            raise InputError(
                f"RAFT's weights {weights} cannot be read ({error.strerror}); check the path"
            ) from error
        except (
            pickle.UnpicklingError,
            RuntimeError,
            EOFError,
            AttributeError,
            TypeError,
            ValueError,
        ) as error:
            raise InputError(
                f"{weights} does not contain the weights of RAFT's small network; "
                "give torchvision's raft_small or the authors' raft-small.pth"
            ) from error
        self._network.eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow (L, 2, H, W) from first to second, (L, 3, H, W) in [0, 1]."""
        height, width = first.shape[-2:]
        self._network.to(first.device)
        # bfloat16, if a caller enabled it for the painting, would cost sub-pixel accuracy here
        with torch.autocast(first.device.type, enabled=False):
            flow = self._network(_fit(first), _fit(second), num_flow_updates=self.iterations)[-1]
        top, left = (margin // 2 for margin in _margins(height, width))
        flow = flow[..., top : top + height, left : left + width].contiguous()
        return flow.nan_to_num(nan=0, posinf=0, neginf=0).to(first.dtype)


def torchvision_name(key: str) -> str:
    """Convert a weight's name in the authors' raft-small.pth to torchvision's; leave torchvision's names."""
    for pattern, replacement in _RENAMINGS:
        key = re.sub(pattern, replacement, key)
    return key


def _margins(height: int, width: int) -> tuple[int, int]:
    """Return the padding of height and width to a multiple of 8 and to the 128 that the network needs."""
    return max(128, -(-height // 8) * 8) - height, max(128, -(-width // 8) * 8) - width


def _fit(frames: Tensor) -> Tensor:
    """Scale frames from [0, 1] to [-1, 1] and edge-pad them to a size that the network accepts."""
    below, beside = _margins(*frames.shape[-2:])
    margins = (beside // 2, beside - beside // 2, below // 2, below - below // 2)
    return F.pad(2 * frames.float() - 1, margins, mode="replicate")
