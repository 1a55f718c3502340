"""The procedural world: rendered clips with exact masks, flow, depth order and clean plates; no assets, no download."""

from typing import TYPE_CHECKING

from maskreel.common.lazy import attach

if TYPE_CHECKING:
    from maskreel.common.world._actors._clip import ActorsClip
    from maskreel.common.world._actors._scene import ActorsScene
    from maskreel.common.world._calibration import Calibration, calibrate
    from maskreel.common.world._classes import OBJECT_CLASSES, ObjectClass
    from maskreel.common.world._clip import Scene, WorldClip, render
    from maskreel.common.world._label_noise import LabelNoise
    from maskreel.common.world._lecture._clip import LectureClip
    from maskreel.common.world._lecture._scene import LectureScene
    from maskreel.common.world._lecture._take import LectureFrame, LectureTake
    from maskreel.common.world._lecture._write import write_lecture
    from maskreel.common.world._record import origin_of
    from maskreel.common.world._splits import Splits
    from maskreel.common.world._statistics import MaskStatistics
    from maskreel.common.world._table.clip import TableClip
    from maskreel.common.world._table.scene import TableScene
    from maskreel.common.world._writer import write_dataset

__all__ = [
    "OBJECT_CLASSES",
    "ActorsClip",
    "ActorsScene",
    "Calibration",
    "LabelNoise",
    "LectureClip",
    "LectureFrame",
    "LectureScene",
    "LectureTake",
    "MaskStatistics",
    "ObjectClass",
    "Scene",
    "Splits",
    "TableClip",
    "TableScene",
    "WorldClip",
    "calibrate",
    "origin_of",
    "render",
    "write_dataset",
    "write_lecture",
]


__getattr__ = attach(
    __name__,
    {
        "OBJECT_CLASSES": "_classes",
        "ActorsClip": "_actors._clip",
        "ActorsScene": "_actors._scene",
        "Calibration": "_calibration",
        "LabelNoise": "_label_noise",
        "LectureClip": "_lecture._clip",
        "LectureFrame": "_lecture._take",
        "LectureScene": "_lecture._scene",
        "LectureTake": "_lecture._take",
        "MaskStatistics": "_statistics",
        "ObjectClass": "_classes",
        "Scene": "_clip",
        "Splits": "_splits",
        "TableClip": "_table.clip",
        "TableScene": "_table.scene",
        "WorldClip": "_clip",
        "calibrate": "_calibration",
        "origin_of": "_record",
        "render": "_clip",
        "write_dataset": "_writer",
        "write_lecture": "_lecture._write",
    },
)
