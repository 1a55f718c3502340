"""How large the networks of a reference checkpoint are, told from its shapes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from maskreel.animate.checkpoints._anti_alias import factor_of
from maskreel.animate.checkpoints._names import ANTI_ALIAS
from maskreel.animate.model_config import ModelConfig
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

__all__ = ["config_of"]

_HIGH_CHANNELS = 8
_LEVEL = r"encoder\.down_blocks\.(\d+)\.conv\.weight"
_WIDTH = re.compile(r"encoder\..*conv\.weight$")


def config_of(states: Mapping[str, Mapping[str, Tensor]], *, source: str, threshold: float, size: int) -> ModelConfig:
    """The sizes of the networks in `states`, which are by entry.

    Raises:
        InputError: A layer that tells a size is missing, or the sizes make no model.
    """
    generator, masks = states["generator"], states["mask_generator"]
    depth = _count(masks, rf"predictor\.{_LEVEL}")
    refiner_depth = _count(generator, rf"mask_fix_net\.{_LEVEL}")
    high_depth = _count(generator, rf"hourglass\.{_LEVEL}")
    try:
        return ModelConfig(
            size=size,
            factor=_factor(masks, source),
            mask_width=masks["ref.weight"].shape[1],
            refiner_width=generator["ref.weight"].shape[1],
            low_width=generator["first.conv.weight"].shape[0],
            low_blocks=_count(generator, r"bottleneck\.r(\d+)\.conv1\.weight"),
            high_width=generator["final_hourglass.weight"].shape[1] - _HIGH_CHANNELS,
            widest=_widest(states.values()),
            depth=depth,
            refiner_depth=None if refiner_depth == depth else refiner_depth,
            high_depth=None if high_depth == depth else high_depth,
            threshold=threshold,
        )
    except KeyError as error:
        raise InputError(f"{source} is no checkpoint of the reference code: it lacks the tensor {error}") from error
    except IndexError as error:
        raise InputError(f"{source} is no checkpoint of the reference code: a tensor has too few axes") from error
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{source} holds networks of sizes that are not supported: {error}") from error


def _factor(masks: Mapping[str, Tensor], source: str) -> int:
    weight = masks[f"{ANTI_ALIAS}.weight"]
    factor = factor_of(weight)
    if factor is None:
        shape = "x".join(map(str, weight.shape))
        raise InputError(
            f"{source} makes pictures smaller for its masks in a way that is not supported: mask_generator.down.weight "
            f"({shape}) must be the Gaussian of a factor of 2 (3x1x5x5) or 4 (3x1x13x13)"
        )
    return factor


def _count(state: Iterable[str], pattern: str) -> int:
    return len({found[1] for key in state if (found := re.fullmatch(pattern, key))})


def _widest(states: Iterable[Mapping[str, Tensor]]) -> int:
    """Most channels that an hourglass has; where no width reaches the limit, the limit does not matter."""
    found = (value.shape[0] for state in states for key, value in state.items() if _WIDTH.search(key))
    return max(found, default=0)
