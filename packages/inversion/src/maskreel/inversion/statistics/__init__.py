"""Batch norm statistics as a prior on images: the loss, the files, and the doctor that says whether they can be used.

with FeatureStatistics(teacher.norm_layers()) as monitor:
    answer = teacher.look(images)
    loss = monitor.loss()
"""

from maskreel.inversion.settings import StatisticsSettings
from maskreel.inversion.statistics._examine import STALE, Diagnosis, LayerReport, examine
from maskreel.inversion.statistics._fingerprint import fingerprint
from maskreel.inversion.statistics._monitor import FeatureStatistics
from maskreel.inversion.statistics._recalibrate import recalibrate
from maskreel.inversion.statistics._reference import LayerStatistics, Reference

__all__ = [
    "STALE",
    "Diagnosis",
    "FeatureStatistics",
    "LayerReport",
    "LayerStatistics",
    "Reference",
    "StatisticsSettings",
    "examine",
    "fingerprint",
    "recalibrate",
]
