"""The folder of a run: what lies where, and `training.json`, the record of how it was made."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import remove_scratch, write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json
from maskreel.common.training._config import MAY_CHANGE
from maskreel.common.training._outcome import TrainingResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from maskreel.common.training._config import TrainingConfig

__all__ = ["RunFolder"]


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run."""

    path: Path

    @property
    def record(self) -> Path:
        return self.path / "training.json"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def final(self) -> Path:
        return self.path / "final.safetensors"

    @property
    def best(self) -> Path:
        return self.path / "best.safetensors"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    def samples(self, step: int) -> Path:
        return self.path / "samples" / f"step_{step:08}.png"

    @staticmethod
    def asked(config: TrainingConfig, samples: int, task: Mapping[str, Any]) -> dict[str, Any]:
        """What a run is to be, as it stands in its record."""
        return json.loads(json.dumps({"samples": samples, "task": dict(task), "config": asdict(config)}, default=str))

    def finished(self, asked: Mapping[str, Any]) -> TrainingResult | None:
        """The result, if the run is there and finished.

        Raises:
            InputError: The folder holds a run of another config, task or data set.
        """
        if not self.record.exists():
            return None
        before = self._read()
        self._refuse_change(_flat(before), _flat(asked))
        return None if before["result"] is None else self._result(before["result"])

    def begin(self, asked: Mapping[str, Any], device: torch.device) -> None:
        """Write the record of a run, new or resumed, and delete what a killed process was writing."""
        for folder, _, _ in os.walk(self.path):  # also what was prepared in it, for that is whole by now
            remove_scratch(Path(folder))
        about = {"versions": _versions(), "device": _device_name(device), "command": sys.argv, "result": None}
        write_json(self.record, {**asked, **about})

    def finish(self, result: TrainingResult) -> None:
        """Mark the run as finished."""
        record = self._read()
        paths = {"weights": result.weights.name, "best_weights": result.best_weights and result.best_weights.name}
        write_json(self.record, record | {"result": asdict(result) | paths})

    def _read(self) -> dict[str, Any]:
        try:
            record = read_json(self.record)
            return {"samples": record["samples"], "config": record["config"], "result": record["result"]} | record
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{self.record}: not the record of a training; choose another folder") from None

    def _refuse_change(self, before: dict[str, Any], present: dict[str, Any]) -> None:
        for name in before.keys() & present.keys() - MAY_CHANGE:
            if before[name] != present[name]:
                raise InputError(
                    f"{self.path}: this training was begun with {name} {before[name]}, not {present[name]}; "
                    "go on with that, or choose another folder"
                )

    def _result(self, stored: dict[str, Any]) -> TrainingResult:
        result = TrainingResult(**stored)
        best = None if result.best_weights is None else self.best
        return replace(result, weights=self.final, best_weights=best)


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same for a run to go on, by the name that a person is told."""
    task = {f"{name} of the task": value for name, value in record.get("task", {}).items()}  # older records have none
    return {"the number of samples": record["samples"]} | task | record["config"]


def _versions() -> dict[str, str]:
    import mmengine
    import numpy as np
    import torch

    own = metadata.version("maskreel-common")
    return {
        "python": platform.python_version(),
        "maskreel-common": own,
        "torch": str(torch.__version__),
        "mmengine": mmengine.__version__,
        "numpy": np.__version__,
    }


def _device_name(device: torch.device) -> str:
    if device.type == "cpu":
        return f"cpu ({platform.machine()})"
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})"
