"""The verbs of `maskreel inpaint`; what they need beyond flags is imported when they run."""

from __future__ import annotations

from maskreel.inpaint._train_dfc import train_dfc
from maskreel.inpaint._train_fill import train_fill
from maskreel.inpaint.commands.board import board
from maskreel.inpaint.commands.run import run

__all__ = ["VERBS"]

VERBS = {"run": run, "board": board, "train-dfc": train_dfc, "train-fill": train_fill}
