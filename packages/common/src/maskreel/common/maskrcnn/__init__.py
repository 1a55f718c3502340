"""Mask R-CNN behind one interface, whichever library it comes from, and a small one that comes with this package."""

from maskreel.common.maskrcnn._batch_norm import batch_norm_layers, identity_statistics
from maskreel.common.maskrcnn._classes import SHAPES_CLASS_NAMES
from maskreel.common.maskrcnn._detections import Detections
from maskreel.common.maskrcnn._detectron2 import Detectron2MaskRCNN, detectron2_maskrcnn
from maskreel.common.maskrcnn._evaluate import DetectionQuality, evaluate_detector
from maskreel.common.maskrcnn._frames import LabelledFrames, instance_targets
from maskreel.common.maskrcnn._interface import Features, MaskRCNN, Objectness
from maskreel.common.maskrcnn._labels import detections_to_labels, labels_to_detections
from maskreel.common.maskrcnn._paste import paste_probabilities
from maskreel.common.maskrcnn._published import TorchvisionName, torchvision_maskrcnn, torchvision_weights
from maskreel.common.maskrcnn._shapes import TrainingRecord, build_shapes, save_shapes, shapes_maskrcnn
from maskreel.common.maskrcnn._task import ShapesTask
from maskreel.common.maskrcnn._torchvision import TorchvisionMaskRCNN

__all__ = [
    "SHAPES_CLASS_NAMES",
    "DetectionQuality",
    "Detections",
    "Detectron2MaskRCNN",
    "Features",
    "LabelledFrames",
    "MaskRCNN",
    "Objectness",
    "ShapesTask",
    "TorchvisionMaskRCNN",
    "TorchvisionName",
    "TrainingRecord",
    "batch_norm_layers",
    "build_shapes",
    "detections_to_labels",
    "detectron2_maskrcnn",
    "evaluate_detector",
    "identity_statistics",
    "instance_targets",
    "labels_to_detections",
    "paste_probabilities",
    "save_shapes",
    "shapes_maskrcnn",
    "torchvision_maskrcnn",
    "torchvision_weights",
]
