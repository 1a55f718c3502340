"""Video frame prediction: from 11 frames to the 22nd frame and its mask."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskreel.vfp.config import ForecastConfig
    from maskreel.vfp.forecaster import Forecast, MaskForecaster
    from maskreel.vfp.occupancy import Occupancy

__all__ = ["Forecast", "ForecastConfig", "MaskForecaster", "Occupancy", "__version__"]

__version__ = version("maskreel-vfp")

_HOMES = {
    "Forecast": "forecaster",
    "ForecastConfig": "config",
    "MaskForecaster": "forecaster",
    "Occupancy": "occupancy",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, so that the command line does not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
