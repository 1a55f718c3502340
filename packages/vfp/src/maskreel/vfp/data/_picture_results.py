"""Forecasts as pictures: a folder for many clips, one file for one clip."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import remove_scratch
from maskreel.common.errors import InputError
from maskreel.common.masks import write_label_png
from maskreel.common.show import save_animation, save_image
from maskreel.common.video import Clip, write
from maskreel.vfp.data._observed_clip import scaled
from maskreel.vfp.data._progress_file import ProgressFile
from maskreel.vfp.show import CLASS_PALETTE, forecast_film, forecast_strip

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

    from maskreel.vfp.data._observed_clip import ObservedClip
    from maskreel.vfp.forecaster import Forecast

FOLDER_RECORD = "forecast.json"
_WIDEST = 480
"""Pixels of a frame in strips and GIFs."""


class FolderResult:
    """Of every clip the mask, NAME.png; what was seen and is forecast, NAME_strip.png; both in motion, NAME.gif."""

    def __init__(self, path: Path, job: Mapping[str, Any]) -> None:
        _refuse_foreign(path)
        self._path, self._scratch = path, path.with_name(f".{path.name}.part")
        self._progress = ProgressFile(path.with_name(f".{path.name}.part.json"), job)
        self.record = self._scratch / FOLDER_RECORD
        self.done = self._progress.done() if self._scratch.is_dir() else 0
        if not self.done:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch.mkdir(parents=True)
        remove_scratch(self._scratch)

    def add(self, clip: ObservedClip, forecast: Forecast) -> None:
        mask, small = clip.at_its_size(forecast.labels), clip.narrowed(_WIDEST)
        write_label_png(self._scratch / f"{clip.name}.png", mask, palette=CLASS_PALETTE)
        save_image(self._scratch / f"{clip.name}_strip.png", _strip(small, forecast))
        save_animation(self._scratch / f"{clip.name}.gif", _film(small, forecast))
        self.done += 1
        self._progress.tell(self.done)

    def finish(self) -> None:
        # Killed in between, either the old folder or the new one must be there, whole.
        replaced = self._path.with_name(f".{self._path.name}.old.part")
        shutil.rmtree(replaced, ignore_errors=True)
        if self._path.exists():
            self._path.rename(replaced)
        self._scratch.rename(self._path)
        shutil.rmtree(replaced, ignore_errors=True)
        self._progress.remove()


class PictureResult:
    """One clip: its mask as a palette PNG, or a .gif or .mp4 of what was seen and what is forecast."""

    done = 0

    def __init__(self, path: Path) -> None:
        self._path, self.record = path, path.with_suffix(".json")

    def add(self, clip: ObservedClip, forecast: Forecast) -> None:
        suffix = self._path.suffix.lower()
        if suffix == ".png":
            write_label_png(self._path, clip.at_its_size(forecast.labels), palette=CLASS_PALETTE)
        elif suffix == ".gif":
            save_animation(self._path, _film(clip.narrowed(_WIDEST), forecast))
        else:
            write(self._path, _film(clip, forecast))

    def finish(self) -> None:
        """Nothing is left to do."""


def _strip(clip: ObservedClip, forecast: Forecast) -> torch.Tensor:
    observed, labels, predicted = _at_its_size(clip, forecast)
    return forecast_strip(clip.pictures, observed, labels, predicted=predicted)


def _film(clip: ObservedClip, forecast: Forecast) -> Clip:
    observed, labels, predicted = _at_its_size(clip, forecast)
    return Clip(forecast_film(clip.pictures, observed, labels, predicted=predicted), clip.fps)


def _at_its_size(clip: ObservedClip, forecast: Forecast) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    predicted = None if forecast.frames is None else scaled(forecast.frames, clip.size)
    return clip.at_its_size(forecast.observed), clip.at_its_size(forecast.labels), predicted


def _refuse_foreign(path: Path) -> None:
    """Never delete a folder that holds somebody's files."""
    if path.is_file():
        raise InputError(f"{path} is a file; its name has no suffix, so a folder would be written")
    if path.is_dir() and any(path.iterdir()) and not (path / FOLDER_RECORD).is_file():
        raise InputError(f"{path} holds other files than forecasts; choose a new folder")
