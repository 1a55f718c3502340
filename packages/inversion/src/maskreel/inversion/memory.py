"""Memory that this process has used."""

from __future__ import annotations

import sys

import torch

__all__ = ["peak_mib"]


def peak_mib() -> int:
    """The most so far, in MiB: of the GPU where one was used, else of the process; 0 on Windows without a GPU."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() // 2**20
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10)
