"""A small network that paints holes of images: the painter, and what trains it."""

from typing import TYPE_CHECKING

from maskreel.common.lazy import attach

if TYPE_CHECKING:
    from maskreel.inpaint.generator._folder import images_of
    from maskreel.inpaint.generator._network import FillNetwork
    from maskreel.inpaint.generator._painter import SmallInpainter
    from maskreel.inpaint.generator._pool import rendered_images
    from maskreel.inpaint.generator._samples import HoleSamples
    from maskreel.inpaint.generator._saved import SMALL, load_generator, save_generator
    from maskreel.inpaint.generator._task import FillTask

__all__ = [
    "SMALL",
    "FillNetwork",
    "FillTask",
    "HoleSamples",
    "SmallInpainter",
    "images_of",
    "load_generator",
    "rendered_images",
    "save_generator",
]


__getattr__ = attach(
    __name__,
    {
        "SMALL": "_saved",
        "FillNetwork": "_network",
        "FillTask": "_task",
        "HoleSamples": "_samples",
        "SmallInpainter": "_painter",
        "images_of": "_folder",
        "load_generator": "_saved",
        "rendered_images": "_pool",
        "save_generator": "_saved",
    },
)
