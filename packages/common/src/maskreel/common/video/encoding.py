"""What a writer of a codec of your own is made of, where `VideoWriter` has none that fits.

Open a container with `open_output`. A `Muxer` takes the packets of your encoder and puts the sound and subtitles of
another video beside them; a `Clock` gives every frame its tick of `fitting_time_base`. `check_copied_streams` tells
before a long job whether the container can hold what is to be copied. Conversion to YCbCr wants `is_hd`, by which
colours are tagged, and `other_matrix`. `maskreel.animate.alpha_video` shows how they go together.
"""

from maskreel.common.video._encode import Clock, Encoder, fitting_time_base
from maskreel.common.video._mux import Muxer, open_output
from maskreel.common.video._rgb import is_hd, other_matrix
from maskreel.common.video._target import check_copied_streams

__all__ = [
    "Clock",
    "Encoder",
    "Muxer",
    "check_copied_streams",
    "fitting_time_base",
    "is_hd",
    "open_output",
    "other_matrix",
]
