"""Sums over the processes of a distributed job."""

from __future__ import annotations

import torch


def sum_over_ranks(sums: torch.Tensor) -> torch.Tensor:
    """The sum of a CPU tensor over all ranks of the default group; a copy where torch.distributed is not in use.

    Every rank has to call it, with a tensor of the same shape and dtype, and gets the same sums; `sums` stays as it is.
    """
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return sums.clone()
    # NCCL moves GPU memory only
    device = torch.device("cuda", torch.cuda.current_device()) if distributed.get_backend() == "nccl" else sums.device
    total = sums.to(device, copy=True)
    distributed.all_reduce(total)
    return total.to(sums.device)
