"""Invert a segmentation network of your own: here, one that knows two colours. Masks in, a video with red things out.

python own_teacher.py masks/ out.mp4
maskreel inversion run masks/ --teacher own_teacher:colours --classes "1=red thing" --bn 0 -o out.mp4
"""

from __future__ import annotations

import sys

import torch
from torch import nn

from maskreel.common.video import Clip, write
from maskreel.inversion import InversionConfig, MaskInverter
from maskreel.inversion.choices import targets_of
from maskreel.inversion.sources import open_masks
from maskreel.inversion.teachers import SemanticTeacher


class Colours(SemanticTeacher):
    """All that an adapter needs: the names of the classes, and logits (B, C, h, w) for RGB images in [0, 1]."""

    class_names = ("background", "red thing", "blue thing")

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return self.network((images - 0.5) / 0.25)


def colours() -> Colours:
    network = nn.Conv2d(3, 3, 1)  # yours would be loaded from a file
    network.weight.data[..., 0, 0] = torch.tensor([[0.0, 0.0, 0.0], [2.0, -1.0, -1.0], [-1.0, -1.0, 2.0]])
    network.bias = nn.Parameter(torch.tensor([1.0, 0.0, 0.0]))
    return Colours(network)


if __name__ == "__main__":
    masks, output = sys.argv[1:]
    teacher, sequence = colours(), open_masks(masks, classes=("1=red thing",))
    config = InversionConfig(steps=40).with_weights(statistics=0)  # this network has no norm layers
    frames = MaskInverter(config, teacher).invert(targets_of(sequence, teacher))
    write(output, Clip(frames, sequence.fps))
