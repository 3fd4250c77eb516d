"""The paper's losses of finished paintings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vst.compare.evaluate.fitting import Sizes
from vst.compare.evaluate.request import Request
from vst.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from vst.features.vgg import VGG19

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"


class PaperLosses:
    """The paper's content and style losses of finished paintings, with the defaults of a run.

    `style` is the painting s, (1, 3, h, w) in [0, 1].
    """

    def __init__(self, backbone: VGG19, style: Tensor):
        self._backbone = backbone
        self._style = self._grams(backbone(style, STYLE_LAYERS))

    def __call__(self, content: Tensor, stylized: Tensor) -> dict[str, Tensor]:
        """L_content and L_style by name, (L,) each, of V[i] (1, 3, H, W), V'[i] (L, 3, H, W)."""
        from vst.losses.functional import content_loss, style_loss

        wanted = self._backbone(content, [CONTENT_LAYER])[CONTENT_LAYER]
        found = self._backbone(stylized, [*STYLE_LAYERS, CONTENT_LAYER])
        return {
            "content": content_loss(found[CONTENT_LAYER], wanted),
            "style": style_loss(self._grams(found), self._style),
        }

    @staticmethod
    def _grams(activations: dict[str, Tensor]) -> list[Tensor]:
        from vst.losses.functional import gram_matrix

        return [gram_matrix(activations[layer]) for layer in STYLE_LAYERS]


def open_losses(request: Request, sizes: Sizes) -> PaperLosses | None:
    """The losses for the requested painting and frames of `sizes`, (height, width); None if no painting is requested.

    Raises `InputError` where the frames are too small for VGG-19.
    """
    if request.style is None:
        return None
    import torch

    from vst.features.layers import smallest_side
    from vst.features.vgg import VGG19
    from vst.features.weights import normalised
    from vst.styles import OpenedPainting

    painting = OpenedPainting(request.style).at(max(sizes))
    least = smallest_side(STYLE_LAYERS)
    if min(sizes) < least:
        raise InputError(
            f"the frames of {request.content} are {sizes[1]}x{sizes[0]} pixels, and VGG-19 needs at least {least} on "
            f"each side; raise size, or leave style out"
        )
    with torch.no_grad():
        return PaperLosses(VGG19(normalised(), border="replicate"), painting.image)
