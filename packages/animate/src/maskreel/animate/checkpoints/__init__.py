"""Checkpoints of the reference code ("Image Animation with Perturbed Masks" and its background swap), in and out."""

from maskreel.animate.checkpoints._export import export_checkpoint, unused_parameters
from maskreel.animate.checkpoints._import import import_checkpoint

__all__ = ["export_checkpoint", "import_checkpoint", "unused_parameters"]
