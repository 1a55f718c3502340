"""`fused`: a trained model rewritten for inference, and nothing but rounding changes."""

from __future__ import annotations

import torch
from torch import nn

from maskreel.animate.fused._fast import FastKit
from maskreel.animate.fused._networks import FusedHigh, FusedLow, FusedMasks, FusedNetwork, FusedRefiner
from maskreel.animate.fused._portable import PortableKit
from maskreel.animate.model import AnimationModel

__all__ = ["FusedModel", "fused", "portable"]

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


class FusedModel(AnimationModel):
    """An `AnimationModel` for inference: the same methods, without gradients; its networks are other modules.

    Made by `fused`. Its state dict is no checkpoint. `dtype` and `memory_format` are those inside the networks.
    """

    def __init__(
        self,
        model: AnimationModel,
        kit: PortableKit,
        *,
        dtype: torch.dtype = torch.float32,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        nn.Module.__init__(self)
        self.config = model.config
        large = model.config.size
        small = large // model.config.factor
        networks: dict[str, FusedNetwork] = {
            "mask_generator": FusedMasks(model.mask_generator, kit, small),
            "mask_refiner": FusedRefiner(model.mask_refiner, kit, small),
            "low_resolution": FusedLow(model.low_resolution, kit),
            "high_resolution": FusedHigh(model.high_resolution, kit, large),
            "bg_base": FusedLow(model.bg_base, kit),
            "bg_refine": FusedHigh(model.bg_refine, kit, large),
        }
        for name, network in networks.items():
            network.set_format(torch.float32 if name.startswith("mask_") else dtype, memory_format)
            self.add_module(name, network)
        self.eval()


def fused(model: AnimationModel, *, dtype: torch.dtype | None = None, channels_last: bool = True) -> FusedModel:
    """A copy of a model, on the same device, that gives the same pictures faster; `model` itself is not changed.

    Everywhere, batch norm becomes a part of the convolutions, and "doubled, then 3x3" one transposed convolution. On
    CPUs in float32, wide 3x3 convolutions go by Winograd's scheme, those of few pixels as one product, wide
    up-blocks by differences of neighbours; all of it is exact but for rounding (below 1e-4 in what comes out of each
    network, mostly below 1e-5).

    Batch norm uses its running statistics, whether `model` is in evaluation mode or not. The weights on a CPU take
    about twice the memory of the plain ones at the published size.

    Args:
        model: a trained model; move it to its device first, as the choice of layers depends on it.
        dtype: of the picture networks inside: torch.bfloat16 or torch.float16 where the device has instructions for
            them; float32 by default. Masks are always computed in float32, because thresholds follow them.
        channels_last: memory format inside; False leaves the CPU's special layers out.

    Raises:
        TypeError: the model is a fused one.
        ValueError: another dtype.
    """
    dtype = dtype or torch.float32
    if dtype not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(map(str, _DTYPES))}, got {dtype}")
    if isinstance(model, FusedModel):
        raise TypeError("model must be an AnimationModel that is not fused, got a FusedModel")
    device = model.device
    fast = device.type == "cpu" and dtype == torch.float32 and channels_last
    kit = FastKit() if fast else PortableKit()
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    return FusedModel(model, kit, dtype=dtype, memory_format=memory_format)


def portable(model: AnimationModel) -> FusedModel:
    """As `fused` in float32, with the layers that every device and ONNX know; free batch sizes for tracing."""
    return FusedModel(model, PortableKit())
