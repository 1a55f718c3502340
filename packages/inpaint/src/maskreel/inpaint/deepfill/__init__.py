"""DeepFill v1, a network that paints holes in pictures, with the published weights where they are given."""

from maskreel.inpaint.deepfill.checkpoint import from_published, load_deepfill
from maskreel.inpaint.deepfill.inpainter import DeepFillInpainter
from maskreel.inpaint.deepfill.network import DeepFill

__all__ = ["DeepFill", "DeepFillInpainter", "from_published", "load_deepfill"]
