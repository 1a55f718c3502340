"""Segmentation: the class of every pixel in observed frames and in predicted, blurred ones."""

from maskreel.vfp.segmentation._blur import Unseen, write_blur_images
from maskreel.vfp.segmentation._blur_images import BlurImages
from maskreel.vfp.segmentation._build import build_segmenter_network, segmenter_of
from maskreel.vfp.segmentation._calibrate import PAINTINGS, PaintingScore, calibrate_painting
from maskreel.vfp.segmentation._colour_order import check_colour_order, swapped_classes
from maskreel.vfp.segmentation._config import FrameKind, SegmenterConfig
from maskreel.vfp.segmentation._detectron2 import detectron2_config, detectron2_options, detectron2_records
from maskreel.vfp.segmentation._folds import Fold, assign_folds, prepare_folds, read_folds, split_folds
from maskreel.vfp.segmentation._footage import Footage, open_footage
from maskreel.vfp.segmentation._maskrcnn_segmenter import MaskRCNNSegmenter, Painting, occupancy_of
from maskreel.vfp.segmentation._mixture import Mixture, observed_clip
from maskreel.vfp.segmentation._protocol import Segmenter
from maskreel.vfp.segmentation._quick import quickened
from maskreel.vfp.segmentation._results import SegmentOutput, segment_footage
from maskreel.vfp.segmentation._saved import load_segmenter, load_segmenter_network, save_segmenter
from maskreel.vfp.segmentation._task import SegmenterTask, draw_labels, pooled_iou
from maskreel.vfp.segmentation._unet_segmenter import UNetSegmenter

__all__ = [
    "PAINTINGS",
    "BlurImages",
    "Fold",
    "Footage",
    "FrameKind",
    "MaskRCNNSegmenter",
    "Mixture",
    "Painting",
    "PaintingScore",
    "SegmentOutput",
    "Segmenter",
    "SegmenterConfig",
    "SegmenterTask",
    "UNetSegmenter",
    "Unseen",
    "assign_folds",
    "build_segmenter_network",
    "calibrate_painting",
    "check_colour_order",
    "detectron2_config",
    "detectron2_options",
    "detectron2_records",
    "draw_labels",
    "load_segmenter",
    "load_segmenter_network",
    "observed_clip",
    "occupancy_of",
    "open_footage",
    "pooled_iou",
    "prepare_folds",
    "quickened",
    "read_folds",
    "save_segmenter",
    "segment_footage",
    "segmenter_of",
    "split_folds",
    "swapped_classes",
    "write_blur_images",
]
