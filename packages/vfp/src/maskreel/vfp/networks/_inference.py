"""A network for prediction only: what batch norm and layer scales do is written into the convolutions beside them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn

from maskreel.vfp.networks._attention import AttentionBlock, AttentionTranslator

if TYPE_CHECKING:
    from maskreel.vfp.networks._simvp import SimVP


def optimise_for_inference(network: SimVP) -> SimVP:
    """A frozen copy in evaluation mode that gives the same predictions, but for rounding, in less time.

    It cannot be trained, and its state dict has other names. There is nothing to fold in the translator "incepu", whose
    group norms depend on the input.
    """
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    if isinstance(folded.hid, AttentionTranslator):
        for stage in folded.hid.enc:
            assert isinstance(stage.block, AttentionBlock)
            stage.block = _FoldedBlock(stage.block)
    return folded


class _FoldedBlock(nn.Module):
    # With BN(x) = a x + b and the layer scale s, x + s (BN(x) + f(BN(x))) = (1 + s a) x + (s b + s f(a x + b)).

    shortcut: torch.Tensor

    def __init__(self, block: AttentionBlock) -> None:
        super().__init__()
        self.attn, self.mlp = block.attn, block.mlp
        scale, shift = _affine(block.norm1)
        _absorb_input(self.attn.proj_1, scale, shift)
        _scale_output(self.attn.proj_2, block.layer_scale_1, shift)
        _absorb_input(self.mlp.fc1, *_affine(block.norm2))
        _scale_output(self.mlp.fc2, block.layer_scale_2, torch.zeros_like(shift))
        self.register_buffer("shortcut", (1 + block.layer_scale_1 * scale)[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.addcmul(self.attn.residual(x), x, self.shortcut)
        return x + self.mlp(x)


def _affine(norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _absorb_input(convolution: nn.Conv2d, scale: torch.Tensor, shift: torch.Tensor) -> None:
    assert convolution.bias is not None
    convolution.bias += convolution.weight[:, :, 0, 0] @ shift
    convolution.weight *= scale[:, None, None]


def _scale_output(convolution: nn.Conv2d, scale: torch.Tensor, added: torch.Tensor) -> None:
    assert convolution.bias is not None
    convolution.bias += added
    convolution.bias *= scale
    convolution.weight *= scale[:, None, None, None]
