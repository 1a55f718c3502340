"""The verbs of `maskreel world`; what they need beyond flags is imported when they run."""

from __future__ import annotations

from maskreel.common.world._command_calibrate import calibrate
from maskreel.common.world._command_render import render_actors, render_lecture, render_table
from maskreel.common.world._command_show import show
from maskreel.common.world._command_stats import stats
from maskreel.common.world._command_train import train_maskrcnn

SCENES = {"table": render_table, "actors": render_actors, "lecture": render_lecture}


def render() -> None:
    """Write clips of a scene to files: table, actors or lecture."""


VERBS = {
    "render": render,
    "show": show,
    "stats": stats,
    "calibrate": calibrate,
    "train-maskrcnn": train_maskrcnn,
}
"""`render` stands here for the overview; `main` looks for its scenes itself."""
