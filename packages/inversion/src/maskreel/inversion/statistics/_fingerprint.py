"""A short name for the weights of a network."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn


def fingerprint(network: nn.Module) -> str:
    """64 hex digits that change with any weight or stored statistic of `network`, in whatever module it is wrapped."""
    digests = sorted(_digest(value) for value in network.state_dict().values() if value.is_floating_point())
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _digest(value: torch.Tensor) -> bytes:
    plain = value.detach().float().cpu().contiguous()
    digest = hashlib.sha256(repr(tuple(plain.shape)).encode())
    digest.update(plain.flatten().view(torch.uint8).numpy().data if plain.numel() else b"")
    return digest.digest()
