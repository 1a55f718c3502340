"""How a saved motion was made, and whether that fits the networks that are to use it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import maskreel.animate
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from maskreel.animate.config import AnimateConfig
    from maskreel.animate.motion import MotionTemplate

__all__ = ["check_recipe", "recipe_of"]

logger = logging.getLogger(__name__)


def recipe_of(config: AnimateConfig, *, mask_network: str, border: str) -> dict[str, Any]:
    """What goes into the file.

    Args:
        config: of the animation.
        mask_network: SHA-256 of m's weights, as they were trained.
        border: what m puts at the border, "zero" or "replicate".
    """
    return {
        "weights": config.weights,
        "mask_network": mask_network,
        "driving_framing": config.driving_framing,
        "mask_border": border,
        "version": maskreel.animate.__version__,
    }


def check_recipe(motion: MotionTemplate, *, mask_network: str, border: str) -> None:
    """Compare a file with m as it is now; what the file does not tell is not compared.

    Masks of another network may do, so that is only a warning.

    Raises:
        InputError: the border is another, so that masks of source and driving frames would not agree.
    """
    recipe = motion.recipe or {}
    made_with = recipe.get("mask_border", border)
    if made_with != border:
        raise InputError(
            f"{motion.path} was saved with the mask border {made_with}, not {border}; say --mask-border {made_with}, "
            "or save it again"
        )
    if recipe.get("mask_network", mask_network) != mask_network:
        logger.warning(
            "%s was saved with other weights (%s): its masks are not those that these would find in the video",
            motion.path,
            recipe.get("weights") or "those of the package",
        )
