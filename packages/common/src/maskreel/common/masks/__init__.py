"""Masks: bool tensors (..., H, W) in memory; PNG files, folders and mask videos on disk; morphology, boxes, RLE."""

from maskreel.common.masks._instances import instances_to_labels, labels_to_instances
from maskreel.common.masks._labels import VOID, binary
from maskreel.common.masks._morphology import close, dilate, erode, feather
from maskreel.common.masks._palette import DAVIS_PALETTE
from maskreel.common.masks._png import PngKind, read_binary_png, read_label_png, write_binary_png, write_label_png
from maskreel.common.masks._polygon import rasterise_polygon
from maskreel.common.masks._regions import boxes, fill_holes, remove_small
from maskreel.common.masks._rle import Rle, decode_rle, encode_rle
from maskreel.common.masks._sequence import iterate_masks, read_masks
from maskreel.common.masks._write import write_masks

__all__ = [
    "DAVIS_PALETTE",
    "VOID",
    "PngKind",
    "Rle",
    "binary",
    "boxes",
    "close",
    "decode_rle",
    "dilate",
    "encode_rle",
    "erode",
    "feather",
    "fill_holes",
    "instances_to_labels",
    "iterate_masks",
    "labels_to_instances",
    "rasterise_polygon",
    "read_binary_png",
    "read_label_png",
    "read_masks",
    "remove_small",
    "write_binary_png",
    "write_label_png",
    "write_masks",
]
