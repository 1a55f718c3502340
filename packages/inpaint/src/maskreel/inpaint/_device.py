"""Where networks work: one word for it in the config, in Python and on the command line."""

from __future__ import annotations

from typing import Literal, get_args

import torch

from maskreel.common.device import chosen_device

__all__ = ["Device", "network_device"]

Device = Literal["auto", "cpu", "cuda"]


def network_device(device: Device | torch.device) -> torch.device:
    """auto is CUDA where there is a device, else the CPU; a `torch.device` is taken as it is.

    Raises:
        InputError: cuda is asked for, and there is none.
        ValueError: it is another word.
    """
    if isinstance(device, torch.device):
        return device
    if device not in get_args(Device):
        raise ValueError(f"device must be auto, cpu, cuda or a torch.device, got {device!r}")
    return torch.device(chosen_device(device))
