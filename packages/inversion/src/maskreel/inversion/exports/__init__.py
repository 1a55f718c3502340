"""Frames out: as a data set in the layout of DAVIS or COCO, as video, animation or pictures."""

from maskreel.inversion.exports._coco import export_coco
from maskreel.inversion.exports._davis import export_davis
from maskreel.inversion.exports._pictures import export_gif, export_png, export_video
from maskreel.inversion.exports._sequence import ExportFrame, ExportSequence, from_run, from_targets

__all__ = [
    "ExportFrame",
    "ExportSequence",
    "export_coco",
    "export_davis",
    "export_gif",
    "export_png",
    "export_video",
    "from_run",
    "from_targets",
]
