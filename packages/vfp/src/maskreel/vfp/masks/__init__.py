"""Forecasting in the space of masks: label maps of 11 frames in, probabilities of the 22nd out."""

from typing import TYPE_CHECKING

from maskreel.common.lazy import attach

if TYPE_CHECKING:
    from maskreel.vfp.masks._build import build_mask_network, load_mask_network, save_mask_network
    from maskreel.vfp.masks._clips import LabelScene, StoredMasks, WorldMasks
    from maskreel.vfp.masks._config import MaskNetworkConfig
    from maskreel.vfp.masks._forecaster import MaskSpaceForecaster
    from maskreel.vfp.masks._loss_config import MaskLoss
    from maskreel.vfp.masks._measure import best_threshold, forecast_quality
    from maskreel.vfp.masks._network import MaskNetwork
    from maskreel.vfp.masks._object_network import ObjectMaskNetwork
    from maskreel.vfp.masks._planes import classes_in, coverage
    from maskreel.vfp.masks._pseudo import PseudoLabels, pseudo_label, pseudo_labels_of
    from maskreel.vfp.masks._task import MaskForecastTask
    from maskreel.vfp.masks._token_network import TokenMaskNetwork
    from maskreel.vfp.masks._window_config import MaskWindowConfig
    from maskreel.vfp.masks._windows import LabelWindows


__all__ = [
    "LabelScene",
    "LabelWindows",
    "MaskForecastTask",
    "MaskLoss",
    "MaskNetwork",
    "MaskNetworkConfig",
    "MaskSpaceForecaster",
    "MaskWindowConfig",
    "ObjectMaskNetwork",
    "PseudoLabels",
    "StoredMasks",
    "TokenMaskNetwork",
    "WorldMasks",
    "best_threshold",
    "build_mask_network",
    "classes_in",
    "coverage",
    "forecast_quality",
    "load_mask_network",
    "pseudo_label",
    "pseudo_labels_of",
    "save_mask_network",
]

__getattr__ = attach(
    __name__,
    {
        "LabelScene": "_clips",
        "LabelWindows": "_windows",
        "MaskForecastTask": "_task",
        "MaskLoss": "_loss_config",
        "MaskNetwork": "_network",
        "MaskNetworkConfig": "_config",
        "MaskSpaceForecaster": "_forecaster",
        "MaskWindowConfig": "_window_config",
        "ObjectMaskNetwork": "_object_network",
        "PseudoLabels": "_pseudo",
        "StoredMasks": "_clips",
        "TokenMaskNetwork": "_token_network",
        "WorldMasks": "_clips",
        "best_threshold": "_measure",
        "build_mask_network": "_build",
        "classes_in": "_planes",
        "coverage": "_planes",
        "forecast_quality": "_measure",
        "load_mask_network": "_build",
        "pseudo_label": "_pseudo",
        "pseudo_labels_of": "_pseudo",
        "save_mask_network": "_build",
    },
)
