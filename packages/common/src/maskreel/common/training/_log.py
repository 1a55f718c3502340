"""The log of a run: JSON lines always, TensorBoard if asked for."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.json_file import parse_json

if TYPE_CHECKING:
    from maskreel.common.training._folder import RunFolder
    from maskreel.common.training._progress import Progress

__all__ = ["Log"]


class Log:
    """Open on `log.jsonl`, from which all that a resumed run will write again is taken out."""

    def __init__(self, folder: RunFolder, progress: Progress, *, tensorboard: bool) -> None:
        self._board = _writer(folder, progress.step) if tensorboard else None
        kept = [line for line in _lines(folder) if line["step"] <= _last(line, progress)]
        with atomic_path(folder.log) as scratch:
            scratch.write_text("".join(json.dumps(line) + "\n" for line in kept))
        self._file = folder.log.open("a")

    def write(self, line: dict[str, Any]) -> None:
        """Add a line; its numbers, also those in dicts, become curves of TensorBoard."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in _curves(line):
                self._board.add_scalar(name, value, line["step"])

    def write_picture(self, name: str, picture: Any, step: int) -> None:
        """Show uint8 (3, H, W) in TensorBoard."""
        if self._board is not None:
            self._board.add_image(name, picture, step)

    def close(self) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def _lines(folder: RunFolder) -> list[dict[str, Any]]:
    """The lines of an earlier run; what follows the last end of a line may have been cut off when it was killed.

    Raises:
        InputError: Another line is damaged, or not of a log.
    """
    if not folder.log.exists():
        return []
    *whole, rest = folder.log.read_bytes().split(b"\n")
    lines = [_line(text, f"{folder.log}, line {number},") for number, text in enumerate(whole, start=1)]
    with contextlib.suppress(InputError):
        lines.append(_line(rest, str(folder.log)))
    return lines


def _line(text: bytes, source: str) -> dict[str, Any]:
    line = parse_json(text, source=source)
    if not isinstance(line, dict) or not isinstance(line.get("step"), int):
        raise InputError(f"{source} is not of the log of a training, expected an object with a step")
    return line


def _last(line: dict[str, Any], progress: Progress) -> int:
    """The last step of which a line like this one is not written again."""
    if "metrics" in line and progress.evaluated < progress.step:
        return progress.step - 1  # the run stopped before its evaluation, which may be due
    return progress.step


def _curves(line: dict[str, Any]) -> list[tuple[str, float]]:
    curves = []
    for name, value in line.items():
        if isinstance(value, dict):
            curves += [(f"{name}/{inner}", number) for inner, number in value.items()]
        elif name != "step" and value is not None:
            curves.append((name, value))
    return curves


def _writer(folder: RunFolder, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("tensorboard", "maskreel-common[train]") from error
    return SummaryWriter(folder.tensorboard, purge_step=step + 1)
