"""Where networks compute."""

from __future__ import annotations

from typing import Literal

from maskreel.common.errors import InputError

__all__ = ["chosen_device"]


def chosen_device(device: Literal["auto", "cpu", "cuda"]) -> str:
    """cpu or cuda; auto is cuda where there is a device.

    Raises:
        InputError: cuda is asked for, and there is none.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is cuda, but torch finds no CUDA device; leave it out or say cpu")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
