"""The verbs of `maskreel animate`; what they need beyond flags is imported when they run."""

from __future__ import annotations

from maskreel.animate.commands.check_data import check_data
from maskreel.animate.commands.evaluate import evaluate
from maskreel.animate.commands.export import export
from maskreel.animate.commands.motion import motion
from maskreel.animate.commands.reconstruct import reconstruct
from maskreel.animate.commands.run import run
from maskreel.animate.commands.slim_vgg import slim_vgg
from maskreel.animate.commands.train import PRESETS

__all__ = ["PRESETS", "VERBS"]


def train() -> None:
    """Train the networks: tiny, or as published for taichi, vox or bair."""


VERBS = {
    "run": run,
    "motion": motion,
    "train": train,
    "reconstruct": reconstruct,
    "evaluate": evaluate,
    "export": export,
    "check-data": check_data,
    "slim-vgg": slim_vgg,
}
"""`train` stands here for the overview; `main` looks for its presets itself."""
