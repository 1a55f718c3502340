"""Videos to learn from: found in a folder, checked, stored as small frames, and drawn in pairs."""

from maskreel.animate.data._check import ClipFault, check_clips
from maskreel.animate.data._clip_path import ClipPath
from maskreel.animate.data._find import Split, find_clips
from maskreel.animate.data._frames import examine, frames_from, masks_from
from maskreel.animate.data._jitter import jittered
from maskreel.animate.data._pairs import VideoPairs
from maskreel.animate.data._pairs_table import read_pairs
from maskreel.animate.data._square import Fit
from maskreel.animate.data._store import FrameStore
from maskreel.animate.data._stored_clip import StoredClip
from maskreel.animate.data._watched import watched_batches

__all__ = [
    "ClipFault",
    "ClipPath",
    "Fit",
    "FrameStore",
    "Split",
    "StoredClip",
    "VideoPairs",
    "check_clips",
    "examine",
    "find_clips",
    "frames_from",
    "jittered",
    "masks_from",
    "read_pairs",
    "watched_batches",
]
