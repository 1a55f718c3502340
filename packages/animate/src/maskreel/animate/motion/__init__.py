"""What happens to driving masks on their way to r: relative motion, smoothing, the best start, templates of motion."""

from maskreel.animate.motion._absolute import AbsoluteMotion, MaskMotion
from maskreel.animate.motion._moments import Moments, has_subject, moments
from maskreel.animate.motion._relative import RelativeMotion
from maskreel.animate.motion._smoothed import Smoothed
from maskreel.animate.motion._start import StartSearch, best_start
from maskreel.animate.motion._template import MotionTemplate, load_motion
from maskreel.animate.motion._template_writer import MotionWriter, save_motion

__all__ = [
    "AbsoluteMotion",
    "MaskMotion",
    "Moments",
    "MotionTemplate",
    "MotionWriter",
    "RelativeMotion",
    "Smoothed",
    "StartSearch",
    "best_start",
    "has_subject",
    "load_motion",
    "moments",
    "save_motion",
]
