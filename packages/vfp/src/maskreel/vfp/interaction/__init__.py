"""Forecasting how objects move on and meet: a small transformer that learns from simulated clips."""

from typing import TYPE_CHECKING

from maskreel.common.lazy import attach

if TYPE_CHECKING:
    from maskreel.vfp.interaction._build import build_interaction, load_interaction, save_interaction
    from maskreel.vfp.interaction._config import InteractionConfig
    from maskreel.vfp.interaction._forecaster import InteractionForecaster
    from maskreel.vfp.interaction._held_out import HeldOut
    from maskreel.vfp.interaction._network import InteractionTransformer, Outlook
    from maskreel.vfp.interaction._observed import Observed
    from maskreel.vfp.interaction._pool import EntryPool
    from maskreel.vfp.interaction._recorded import Recorded
    from maskreel.vfp.interaction._scenarios import Scenarios
    from maskreel.vfp.interaction._task import InteractionTask


__all__ = [
    "EntryPool",
    "HeldOut",
    "InteractionConfig",
    "InteractionForecaster",
    "InteractionTask",
    "InteractionTransformer",
    "Observed",
    "Outlook",
    "Recorded",
    "Scenarios",
    "build_interaction",
    "load_interaction",
    "save_interaction",
]

__getattr__ = attach(
    __name__,
    {
        "EntryPool": "_pool",
        "HeldOut": "_held_out",
        "InteractionConfig": "_config",
        "InteractionForecaster": "_forecaster",
        "InteractionTask": "_task",
        "InteractionTransformer": "_network",
        "Observed": "_observed",
        "Outlook": "_network",
        "Recorded": "_recorded",
        "Scenarios": "_scenarios",
        "build_interaction": "_build",
        "load_interaction": "_build",
        "save_interaction": "_build",
    },
)
