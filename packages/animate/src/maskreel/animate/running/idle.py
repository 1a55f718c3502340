"""Settings that cannot have an effect with what a person gave: refused in a sentence, or told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from maskreel.animate.backdrop import is_transparent, shows_nothing
from maskreel.animate.config import AnimateConfig
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from maskreel.animate.running.inputs import Driving, Inputs
    from maskreel.animate.running.outputs import Output

__all__ = ["refuse_idle", "refuse_idle_crf", "refuse_missing_start", "tell_of_lock"]

logger = logging.getLogger(__name__)


def refuse_idle(config: AnimateConfig, inputs: Inputs) -> None:
    """Raise InputError if a setting is about a background, but there is none, or none of that sort."""
    if inputs.background is None:
        _refuse_without_background(config, inputs)
    else:
        _refuse_beside(inputs.background, config, inputs)


def _refuse_without_background(config: AnimateConfig, inputs: Inputs) -> None:
    if inputs.background_mask is not None:
        raise InputError(f"{inputs.background_mask} masks a background, but there is none; add --background")
    for name in ("kind", "swap"):
        value = getattr(config, name)
        if value != getattr(AnimateConfig, name):
            raise InputError(f"--{name} {value} is about a new background, but there is none; add --background")


def _refuse_beside(background: str, config: AnimateConfig, inputs: Inputs) -> None:
    if config.kind != AnimateConfig.kind and shows_nothing(background):
        raise InputError(
            f"--kind {config.kind} cannot be used: the background {background!r} shows nothing that could be a subject"
        )
    if config.kind != AnimateConfig.kind and inputs.background_mask is not None:
        raise InputError(
            f"--kind {config.kind} cannot be used: {inputs.background_mask} tells where the background's own subject "
            "is; leave one of the two out"
        )
    if not is_transparent(background):
        return
    if config.swap != AnimateConfig.swap:
        raise InputError(f"--swap {config.swap} cannot be used: a transparent background has nothing to be repainted")
    if config.lock_background:
        raise InputError("--lock-background cannot be used: a transparent background has no pixels to be kept")


def refuse_idle_crf(config: AnimateConfig, output: Output) -> None:
    """Raise InputError if a quality of H.264 is asked for, but something else is written."""
    if config.crf != AnimateConfig.crf and output.codec != "h264":
        raise InputError(
            f"--crf {config.crf} is the quality of H.264, which {output.path} is not written with; leave it out"
        )


def refuse_missing_start(config: AnimateConfig, driving: Driving) -> None:
    """Raise InputError if the starting frame is not there, whether motion will be relative or not."""
    if config.start != "auto" and config.start >= driving.count:
        raise InputError(
            f"--start {config.start}: {driving.info.path} has {driving.count} frames, counted from 0; "
            "name one of them, or auto"
        )


def tell_of_lock(config: AnimateConfig, inputs: Inputs, output: Output) -> None:
    """Say what --lock-background adds, and whether the file will hold what it promises."""
    if not config.lock_background:
        return
    if inputs.background is not None and config.swap == "composite":
        logger.info("--lock-background adds nothing to --swap composite, which keeps the background by itself")
    if not output.exact:
        logger.warning(
            "--lock-background keeps pixels, but %s changes all of them a little; add --lossless to have the very ones "
            "in the file",
            "a GIF" if output.form == "gif" else "H.264" if output.form == "film" else "the picture's format",
        )
