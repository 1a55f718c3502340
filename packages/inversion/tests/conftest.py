"""What tests of the optimisation have in common."""

from __future__ import annotations

import importlib
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.common import masks as mask_tools
from maskreel.inversion.config import InversionConfig, Weights
from maskreel.inversion.settings import AugmentSettings
from maskreel.inversion.targets import FrameTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.inversion.teachers import SemanticTeacher

HERE = Path(__file__).parent


@pytest.fixture
def tiny_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets this process and its children import tiny_teacher."""
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture
def teacher(tiny_on_path: None) -> SemanticTeacher:
    """See tiny_teacher.py."""
    return importlib.import_module("tiny_teacher").tiny()


@pytest.fixture
def scene() -> Callable[..., list[FrameTarget]]:
    """Frames in which a red thing moves to the right and a green one stands still."""

    def make(count: int = 3, size: tuple[int, int] = (32, 48)) -> list[FrameTarget]:
        made = []
        for index in range(count):
            masks = torch.zeros(2, *size, dtype=torch.bool)
            masks[0, 6:18, 4 + 3 * index : 18 + 3 * index] = True
            masks[1, 20:28, 30:44] = True
            made.append(FrameTarget(masks, torch.tensor([1, 2])))
        return made

    return make


@pytest.fixture
def quick() -> Callable[..., InversionConfig]:
    """A config of few steps, with everything that may be random switched on."""

    def make(**changes: Any) -> InversionConfig:
        weights = Weights(mask=1.0, statistics=0.2, tv_l1=0.1, temporal=1.0, l2=0.0, tv_l2=0.0)
        settings: dict[str, Any] = {
            "steps": 5,
            "lr": 0.05,
            "stages": 2,
            "levels": 3,
            "batch": 2,
            "checks": 2,
            "weights": weights,
            "augment": AugmentSettings(jitter=4, flip=0.5, brightness=0.05),
        }
        return InversionConfig(**(settings | changes))

    return make


@pytest.fixture
def mask_folder(tmp_path: Path, scene: Callable[..., list[FrameTarget]]) -> Path:
    """The scene as three PNG masks."""
    folder = tmp_path / "masks"
    for index, target in enumerate(scene()):
        labels = target.masks[0].byte() + 2 * target.masks[1].byte()
        mask_tools.write_label_png(folder / f"{index:05d}.png", labels)
    return folder


@pytest.fixture
def data_of() -> Callable[[str, str], Any]:
    """Loads a file of another package alone: importing all of torchvision takes many seconds."""

    def load(package: str, module: str) -> Any:
        found = find_spec(package)
        if found is None or found.origin is None:
            pytest.skip(f"{package} is not installed")
        spec = spec_from_file_location("data_of_another_package", Path(found.origin).parent / module)
        assert spec is not None
        assert spec.loader is not None
        loaded = module_from_spec(spec)
        spec.loader.exec_module(loaded)
        return loaded

    return load
