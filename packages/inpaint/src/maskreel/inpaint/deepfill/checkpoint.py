"""The published weights of DeepFill: how their file names the layers, and loading it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from maskreel.common.errors import InputError
from maskreel.common.weights import load_into, load_state_dict, rename_keys, strip_prefix
from maskreel.inpaint.deepfill.network import DeepFill

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["from_published", "load_deepfill"]

# imagenet_deepfill.pth is a bare state dict, with names such as stage_2.down_attn_branch.out.3.conv.1.weight. In the
# layers that halve, the convolution is number 1, after the padding.
_RULES = [
    (r"^stage_1\.", "coarse."),
    (r"^stage_2\.", "refinement."),
    (r"\.conv\.[01]\.", ".0."),
    (r"\.out\.", "."),
    (r"\.down_conv_branch\.", ".imagining."),
    (r"\.down_attn_branch\.", ".looking."),
    (r"\.down\.", ".encoder."),
    (r"\.atrous\.", ".dilated."),
    (r"\.CAttn\.", ".after_attention."),
    (r"\.up\.", ".decoder."),
]


def from_published(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename the keys of the published checkpoint (with or without "module." before them) to those of `DeepFill`.

    Raises:
        ValueError: the keys are of another network.
    """
    return rename_keys(strip_prefix(state, "module."), _RULES)


def load_deepfill(path: str | os.PathLike[str]) -> DeepFill:
    """The network, for inference, with the published weights (imagenet_deepfill.pth) from a file.

    The file is read without running code from it. A file with the names of `DeepFill` itself is read as well.

    Raises:
        InputError: there is no such file, or it is broken or of another network.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file with weights of DeepFill")
    state = load_state_dict(path)
    with torch.device("meta"):  # no time or random numbers for first values that are replaced at once
        network = DeepFill()
    if set(state) != set(network.state_dict()):
        try:
            state = from_published(state)
        except ValueError as error:
            raise InputError(f"{path} does not hold weights of DeepFill v1, as imagenet_deepfill.pth does") from error
    network.to_empty(device="cpu")
    load_into(network, state, source=str(path))
    return network.eval()
