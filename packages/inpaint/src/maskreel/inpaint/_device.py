"""Where a network works that somebody makes in Python."""

from __future__ import annotations

import torch

from maskreel.common.device import chosen_device

__all__ = ["network_device"]


def network_device(device: str | torch.device | None) -> torch.device:
    """The device that is given; for None, CUDA where there is a device, else the CPU."""
    return torch.device(chosen_device("auto") if device is None else device)
