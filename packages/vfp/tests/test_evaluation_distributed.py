"""Two processes each see some of the clips; `reduce` gives both what all have counted."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import torch
from torch import distributed

from maskreel.vfp.evaluation import ForecastBreakdown, ForecastMetric, FramePredictionMetric

if TYPE_CHECKING:
    from pathlib import Path

OTHER_RANK = """
import json, sys
import torch
from torch import distributed
from maskreel.vfp.evaluation import ForecastBreakdown, ForecastMetric, FramePredictionMetric

masks, frames = torch.load(f"{sys.argv[1]}/data.pt", weights_only=True)
distributed.init_process_group("gloo", init_method=f"file://{sys.argv[1]}/rendezvous", rank=1, world_size=2)
metric, breakdown, quality = ForecastMetric(), ForecastBreakdown(), FramePredictionMetric(1)
metric.update(*masks[:, 2:])
for forecast, truth in zip(*masks[:, 2:]):
    breakdown.update(forecast, truth, {3: frozenset({"moving"})})
quality.update(*frames[:, 2:])
score, groups, frames = (part.reduce().compute() for part in (metric, breakdown, quality))
print(json.dumps([score.iou, groups[0].iou, frames.overall.mae]))
distributed.destroy_process_group()
"""


@pytest.mark.skipif(not distributed.is_available(), reason="this torch has no torch.distributed")
def test_ranks_add_up(tmp_path: Path) -> None:
    masks = torch.randint(0, 6, (2, 5, 8, 9), dtype=torch.uint8)
    frames = torch.randint(0, 256, (2, 5, 1, 3, 12, 14), dtype=torch.uint8)
    torch.save((masks, frames), tmp_path / "data.pt")
    whole, half = (
        (ForecastMetric(), ForecastBreakdown(), FramePredictionMetric(1)),
        (ForecastMetric(), ForecastBreakdown(), FramePredictionMetric(1)),
    )
    for (metric, breakdown, quality), clips in ((whole, slice(None)), (half, slice(2))):
        metric.update(*masks[:, clips])
        for forecast, truth in zip(*masks[:, clips], strict=True):
            breakdown.update(forecast, truth, {3: frozenset({"moving"})})
        quality.update(*frames[:, clips])
    expected = [whole[0].compute().iou, whole[1].compute()[0].iou, whole[2].compute().overall.mae]

    command = [sys.executable, "-c", OTHER_RANK, str(tmp_path)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        distributed.init_process_group(
            "gloo", f"file://{tmp_path}/rendezvous", rank=0, world_size=2, timeout=timedelta(minutes=2)
        )
        metric, breakdown, quality = (part.reduce() for part in half)
        output, errors = other.communicate(timeout=120)
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        other.kill()
        other.communicate()
    assert other.returncode == 0, errors.decode()
    assert json.loads(output) == pytest.approx(expected)
    # the ranks hold 2 and 3 clips, here in the order of the whole: even the interval is the same
    assert isinstance(metric, ForecastMetric)
    assert metric.compute() == whole[0].compute()
    assert isinstance(breakdown, ForecastBreakdown)
    assert breakdown.compute() == whole[1].compute()
    assert isinstance(quality, FramePredictionMetric)
    assert vars(quality.compute().overall) == pytest.approx(vars(whole[2].compute().overall))
    assert len(half[0]) == 2, "reducing twice would count twice"
