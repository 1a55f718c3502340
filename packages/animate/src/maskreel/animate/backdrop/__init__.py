"""What comes behind the subject: a picture, a video, a colour, nothing, or what was behind it before."""

from maskreel.animate.backdrop._backdrop import Backdrop
from maskreel.animate.backdrop._evidence import shows_subject
from maskreel.animate.backdrop._film import FilmBackdrop
from maskreel.animate.backdrop._fitting import fitted
from maskreel.animate.backdrop._hole_filling import filled, push_pull
from maskreel.animate.backdrop._open import is_transparent, open_backdrop, shows_nothing
from maskreel.animate.backdrop._still import StillBackdrop

__all__ = [
    "Backdrop",
    "FilmBackdrop",
    "StillBackdrop",
    "filled",
    "fitted",
    "is_transparent",
    "open_backdrop",
    "push_pull",
    "shows_nothing",
    "shows_subject",
]
