"""Two processes each see half of the data; `reduce` gives both the sums of all."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import torch
from torch import distributed

from maskreel.common.metrics import PSNR, SSIM, MeanIoU, sum_over_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER_RANK = """
import json, sys
import torch
from torch import distributed
from maskreel.common.metrics import PSNR, SSIM, MeanIoU, sum_over_ranks

labels, images = torch.load(f"{sys.argv[1]}/data.pt", weights_only=True)
distributed.init_process_group("gloo", init_method=f"file://{sys.argv[1]}/rendezvous", rank=1, world_size=2)
metrics = MeanIoU(5), PSNR(), SSIM()
for metric, data in zip(metrics, (labels, images, images)):
    metric.update(*data[:, 1::2])
print(json.dumps([metric.reduce().compute() for metric in metrics]))
sum_over_ranks(torch.tensor([3, 4]))
distributed.destroy_process_group()
"""


@contextmanager
def two_ranks(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """This process is rank 0, the one that is yielded rank 1."""
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER_RANK, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    rendezvous = f"file://{folder}/rendezvous"
    try:
        distributed.init_process_group(
            "gloo", init_method=rendezvous, rank=0, world_size=2, timeout=timedelta(minutes=2)
        )
        yield other
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        other.kill()
        other.communicate()


@pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")
def test_ranks_add_up(tmp_path: Path) -> None:
    labels, images = torch.randint(0, 5, (2, 7, 6, 8)), torch.rand(2, 7, 3, 12, 14)
    torch.save((labels, images), tmp_path / "data.pt")
    whole, half = (MeanIoU(5), PSNR(), SSIM()), (MeanIoU(5), PSNR(), SSIM())
    for all_of_it, part, data in zip(whole, half, (labels, images, images), strict=True):
        all_of_it.update(*data)
        part.update(*data[:, ::2])
    expected = [metric.compute() for metric in whole]

    with two_ranks(tmp_path) as other:
        totals = [metric.reduce() for metric in half]
        own = torch.tensor([1, 20])
        both = sum_over_ranks(own)
        distributed.destroy_process_group()  # in PyTorch 2.6 each waits for the other
        output, errors = other.communicate(timeout=300)
    assert other.returncode == 0, errors.decode()
    assert json.loads(output) == pytest.approx(expected, abs=1e-9)
    assert [metric.compute() for metric in totals] == pytest.approx(expected, abs=1e-9)
    assert (both.tolist(), own.tolist()) == ([4, 24], [1, 20])
    # the parts are as they were: reducing twice counts nothing twice
    assert half[1].frames == 4


def test_one_process_gets_a_copy() -> None:
    own = torch.tensor([1, 20])
    alone = sum_over_ranks(own)
    alone += 1
    assert (alone.tolist(), own.tolist()) == ([2, 21], [1, 20])
