"""Teachers: trained, frozen segmentation networks that say how far images are from showing given masks."""

from maskreel.inversion.settings import MaskRCNNSettings
from maskreel.inversion.teachers._ensemble import Ensemble
from maskreel.inversion.teachers._maskrcnn import MaskRCNNTeacher
from maskreel.inversion.teachers._open import TEACHERS, open_teacher
from maskreel.inversion.teachers._semantic import SemanticTeacher
from maskreel.inversion.teachers._teacher import Teacher
from maskreel.inversion.teachers._torchvision_semantic import TorchvisionSemanticTeacher, torchvision_semantic

__all__ = [
    "TEACHERS",
    "Ensemble",
    "MaskRCNNSettings",
    "MaskRCNNTeacher",
    "SemanticTeacher",
    "Teacher",
    "TorchvisionSemanticTeacher",
    "open_teacher",
    "torchvision_semantic",
]
