"""Video frame prediction: from 11 frames to the 22nd frame and its mask."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from maskreel.common.lazy import attach

if TYPE_CHECKING:
    from maskreel.vfp.config import ForecastConfig
    from maskreel.vfp.forecaster import Forecast, MaskForecaster
    from maskreel.vfp.occupancy import Occupancy

__all__ = ["Forecast", "ForecastConfig", "MaskForecaster", "Occupancy", "__version__"]

__version__ = version("maskreel-vfp")


__getattr__ = attach(
    __name__,
    {
        "Forecast": "forecaster",
        "ForecastConfig": "config",
        "MaskForecaster": "forecaster",
        "Occupancy": "occupancy",
    },
)
