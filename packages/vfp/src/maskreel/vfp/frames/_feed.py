"""Which true frames a ConvLSTM is fed in a step of its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.vfp.networks import ReverseScheduledSampling, ScheduledSampling
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    import torch

    from maskreel.vfp.frames._config import FeedConfig

__all__ = ["drawn_feed"]


def drawn_feed(config: FeedConfig, batches: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """True where a frame is fed, bool (B, 11 + ahead - 1), drawn from torch's global generator.

    Args:
        config: Scheduled or reverse, and how fast.
        batches: How many batches have been learned from.
        known: bool (B, ahead), future frames that the clips have; others are never fed.
    """
    if config.feed == "scheduled":
        schedule = ScheduledSampling(decay=config.feed_decay, stop=config.feed_stop)
    else:
        schedule = ReverseScheduledSampling(start=config.feed_start, stop=config.feed_stop, scale=config.feed_scale)
    batch, ahead = known.shape
    feed = schedule.feed(int(batches), batch=batch, observed=OBSERVED, steps=ahead).to(known.device)
    feed[:, OBSERVED:] &= known[:, :-1]
    return feed
