"""The verbs of `maskreel inpaint`; what they need beyond flags is imported when they run."""

from __future__ import annotations

from maskreel.inpaint.commands.board import board
from maskreel.inpaint.commands.masks import masks
from maskreel.inpaint.commands.run import run
from maskreel.inpaint.commands.train_dfc import train_dfc
from maskreel.inpaint.commands.train_fill import train_fill

__all__ = ["VERBS"]

VERBS = {"run": run, "masks": masks, "board": board, "train-dfc": train_dfc, "train-fill": train_fill}
