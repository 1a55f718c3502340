"""A teacher small enough for tests: --teacher tiny_teacher:tiny."""

from __future__ import annotations

import torch
from torch import nn

from maskreel.inversion.teachers import SemanticTeacher


class TinyTeacher(SemanticTeacher):
    """Three classes, one batch norm layer."""

    class_names = ("background", "red", "green")

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return self.network((images - 0.5) / 0.25)


def tiny() -> TinyTeacher:
    """The same weights and statistics every time."""
    network = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 3, 1))
    generator = torch.Generator().manual_seed(3)
    for values in network.parameters():
        values.data.normal_(0, 0.5, generator=generator)
    network[1].get_buffer("running_mean").normal_(generator=generator)
    network[1].get_buffer("running_var").uniform_(0.5, 2, generator=generator)
    return TinyTeacher(network)
