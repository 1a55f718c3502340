"""From the networks' pictures to full frames: before a backdrop, or back into the source."""

from maskreel.animate.compositing._compositor import Compositor
from maskreel.animate.compositing._matte import matte_of, subject_colours, subject_region
from maskreel.animate.compositing._paste import Paste

__all__ = ["Compositor", "Paste", "matte_of", "subject_colours", "subject_region"]
