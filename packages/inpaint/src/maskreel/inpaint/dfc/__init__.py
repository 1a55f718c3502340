"""DFC-Net: completion of optical flow by three networks (Xu et al., "Deep Flow-Guided Video Inpainting", CVPR 2019)."""

from maskreel.inpaint.dfc.cascade import Cascade, Completed
from maskreel.inpaint.dfc.completer import DFCCompleter, Precision
from maskreel.inpaint.dfc.dfc_s import DFCS, dfc_s, dfc_s_movie
from maskreel.inpaint.dfc.initial import Initial, initialise
from maskreel.inpaint.dfc.named_completer import dfc_completer
from maskreel.inpaint.dfc.published import load_imagenet, load_published, published_cascade
from maskreel.inpaint.dfc.sizes import FRACTIONS, PUBLISHED_SIZES, resize_flows, resize_masks, stage_sizes
from maskreel.inpaint.dfc.weights_file import load_cascade, save_cascade
from maskreel.inpaint.dfc.windows import RADIUS, composite, refine_input, stage1_input, window

__all__ = [
    "DFCS",
    "FRACTIONS",
    "PUBLISHED_SIZES",
    "RADIUS",
    "Cascade",
    "Completed",
    "DFCCompleter",
    "Initial",
    "Precision",
    "composite",
    "dfc_completer",
    "dfc_s",
    "dfc_s_movie",
    "initialise",
    "load_cascade",
    "load_imagenet",
    "load_published",
    "published_cascade",
    "refine_input",
    "resize_flows",
    "resize_masks",
    "save_cascade",
    "stage1_input",
    "stage_sizes",
    "window",
]
