"""Forecasting how objects move on and meet: a small transformer that learns from simulated clips."""

from importlib import import_module
from typing import TYPE_CHECKING

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

_HOMES = {
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
}
"""Modules of the public names, imported when a name is first used, so that flags can be shown without torch."""

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


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
