"""Quality numbers, each by its published definition: masks, label maps, images, consecutive frames.

Functions score tensors at hand and return one value per mask, image or pair of frames. The classes `MeanIoU`, `PSNR`
and `SSIM` add up sums over a whole data set or a long video: `update` with each chunk, `merge` other objects, `reduce`
over the ranks of torch.distributed, then `compute`. They keep sums, never averages of averages. `sum_over_ranks` serves
metrics of your own, and `bootstrap_interval` tells how far any of them would move with other cases.

What has no value by definition (a hole without a pixel, a class that occurs nowhere) is nan where tensors are returned,
None or an error elsewhere, and never enters a mean.
"""

from maskreel.common.metrics._bootstrap import bootstrap_interval
from maskreel.common.metrics._contour import contour_f
from maskreel.common.metrics._distributed import sum_over_ranks
from maskreel.common.metrics._mean_iou import MeanIoU, class_iou, confusion_matrix, mean_iou
from maskreel.common.metrics._ms_ssim import ms_ssim
from maskreel.common.metrics._psnr import PSNR, psnr
from maskreel.common.metrics._regions import iou
from maskreel.common.metrics._sequences import decay, recall
from maskreel.common.metrics._ssim import SSIM, ssim
from maskreel.common.metrics._temporal import flicker, warping_error

__all__ = [
    "PSNR",
    "SSIM",
    "MeanIoU",
    "bootstrap_interval",
    "class_iou",
    "confusion_matrix",
    "contour_f",
    "decay",
    "flicker",
    "iou",
    "mean_iou",
    "ms_ssim",
    "psnr",
    "recall",
    "ssim",
    "sum_over_ranks",
    "warping_error",
]
