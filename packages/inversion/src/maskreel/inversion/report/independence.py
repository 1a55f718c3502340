"""Whether a verifier is a second opinion: it must not be the teacher, nor share most of its weights."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn

    from maskreel.inversion.report.verifier import Verifier

__all__ = ["require_independent", "shared_weights"]

_SHARED = 0.1
"""Share of the verifier's weights that it may have in common with the teacher."""
_SMALLEST = 16
"""Smaller tensors say nothing."""


def require_independent(verifier: Verifier, teacher: nn.Module) -> None:
    """Refuse the teacher as its own witness.

    A teacher always finds what frames were optimised to show it; only other weights, better another architecture, tell
    whether there is something to be seen.

    Raises:
        ValueError: More than a tenth of the verifier's weights are the teacher's, and `is_teacher` does not say so.
    """
    if verifier.is_teacher or verifier.network is None:
        return
    share = shared_weights(verifier.network, teacher)
    if share > _SHARED:
        raise ValueError(
            f"the verifier {verifier.name} has {share:.0%} of its weights from the teacher and is no second opinion; "
            "choose another network, or say is_teacher=True to have it called a self score"
        )


def shared_weights(network: nn.Module, other: nn.Module) -> float:
    """The share of the weights of `network` that are in tensors which `other` has, too, whatever they are called.

    Values are compared in half precision, so a saved copy is the same network. Constant and tiny tensors do not count.
    """
    known = set(_digests(other))
    sizes = _digests(network)
    total = sum(sizes.values())
    return sum(size for digest, size in sizes.items() if digest in known) / total if total else 0.0


def _digests(network: nn.Module) -> dict[bytes, int]:
    digests = {}
    for value in network.state_dict().values():
        if value.is_floating_point() and value.numel() >= _SMALLEST and not bool((value == value.flatten()[0]).all()):
            half = value.detach().to("cpu", torch.float16).contiguous()
            digests[hashlib.sha256(half.numpy().tobytes()).digest()] = value.numel()
    return digests
