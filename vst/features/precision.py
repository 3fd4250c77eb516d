"""In which numbers convolutions are computed."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["float32", "tf32", "bf16"]
"""`tf32` rounds what goes into a GPU's products to 10 bits, `bf16` stores weights and activations in 8."""

Asked = Literal["auto", "float32", "tf32", "bf16"]
"""`auto` is the fastest that the device has."""


def fastest_precision(device: torch.device) -> Precision:
    """The fastest that a device computes itself; where it has no bf16, bf16 is emulated and slower than float32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "tf32"
    if device.type == "cpu":
        # private, and the only way to ask
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return "bf16" if native else "float32"
    return "float32"
