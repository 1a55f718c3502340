"""What makes inverted frames a video: motion, visibility and layers, all read off the masks.

    motion = SequenceMotion.of(targets)
    loss = temporal_error(images, motion).mean()

Masks do not tell how the background moves: where no camera motion is given, the camera is taken to stand still.
"""

from maskreel.inversion.video._colours import colour_drift, hold_colours
from maskreel.inversion.video._flow import Kind, mask_flow
from maskreel.inversion.video._layers import Layers
from maskreel.inversion.video._sequence import SequenceMotion
from maskreel.inversion.video._start import multi_pass, warped_start
from maskreel.inversion.video._temporal import temporal_error

__all__ = [
    "Kind",
    "Layers",
    "SequenceMotion",
    "colour_drift",
    "hold_colours",
    "mask_flow",
    "multi_pass",
    "temporal_error",
    "warped_start",
]
