"""A square of the frame, as the networks want it, and the way back into the frame."""

from maskreel.animate.framing._square import Framing, whole
from maskreel.animate.framing._subject import around_moving_subject, around_subject

__all__ = ["Framing", "around_moving_subject", "around_subject", "whole"]
