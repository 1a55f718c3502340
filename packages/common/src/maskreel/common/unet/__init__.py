"""A small U-Net for the classes of every pixel: an independent second opinion on what a Mask R-CNN says."""

from maskreel.common.unet._network import UNet
from maskreel.common.unet._task import UNetTask
from maskreel.common.unet._weights import load_unet, save_unet

__all__ = ["UNet", "UNetTask", "load_unet", "save_unet"]
