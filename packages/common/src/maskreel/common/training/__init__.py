"""Training for all parts: a task says what is minimised, a config says how, `train` does the rest.

The run lives in one folder and can be killed at any moment: the same call goes on where it stopped and ends with the
same weights, bit for bit.
"""

from maskreel.common.training._config import TrainingConfig
from maskreel.common.training._outcome import DivergedError, Preempted, TrainingResult
from maskreel.common.training._place import is_first, place_in_group, same_in_all
from maskreel.common.training._provenance import Provenance, provenance
from maskreel.common.training._task import TrainingTask
from maskreel.common.training._train import train

__all__ = [
    "DivergedError",
    "Preempted",
    "Provenance",
    "TrainingConfig",
    "TrainingResult",
    "TrainingTask",
    "is_first",
    "place_in_group",
    "provenance",
    "same_in_all",
    "train",
]
