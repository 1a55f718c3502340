"""How far the statistics of pictures inside the teacher are from those of its training images, beside real frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maskreel.inversion.teachers import Teacher

__all__ = ["has_statistics", "norm_distances", "pooled_features"]


def has_statistics(teacher: Teacher) -> bool:
    """Whether the teacher keeps statistics that can be compared."""
    from maskreel.common.maskrcnn import identity_statistics

    layers = teacher.norm_layers()
    return bool(layers) and not identity_statistics(layers)


def norm_distances(
    teacher: Teacher, pictures: Mapping[str, torch.Tensor], *, batch: int = 8
) -> dict[str, dict[str, float]]:
    """Distance of each norm layer for each kind of picture, in batches of one size: a few frames are noisier than many.

    Args:
        teacher: With norm layers.
        pictures: Kind -> uint8 (T, 3, H, W).
        batch: Frames in a batch; as many as the smallest kind has where that is fewer. The first ones are taken,
            evenly spread.

    Returns:
        Kind -> layer -> distance.
    """
    from maskreel.inversion.statistics import FeatureStatistics

    count = min(batch, *map(len, pictures.values()))
    device = next(teacher.parameters()).device
    found = {}
    with FeatureStatistics(teacher.norm_layers()) as monitor, torch.no_grad():
        for kind, frames in pictures.items():
            places = torch.linspace(0, len(frames) - 1, count).round().long()
            teacher.look(frames[places].to(device).float() / 255)
            found[kind] = monitor.distances()
    return found


def pooled_features(teacher: Teacher, pictures: torch.Tensor, *, batch: int = 4) -> torch.Tensor:
    """Mean over the picture of what reaches the teacher's last norm layer: float32 (T, C)."""
    last = list(teacher.norm_layers().values())[-1]
    kept: list[torch.Tensor] = []
    handle = last.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0].detach().mean((-2, -1)).cpu()))
    device = next(teacher.parameters()).device
    try:
        with torch.no_grad():
            for part in pictures.split(batch):
                teacher.look(part.to(device).float() / 255)
    finally:
        handle.remove()
    return torch.cat(kept).float()
