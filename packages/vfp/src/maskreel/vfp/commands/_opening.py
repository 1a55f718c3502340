"""Splits of a data set, checked with a bar if bad videos shall be left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.cli import progress

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.common.datasets import VfpFolder, VfpSplit

__all__ = ["opened"]


def opened(data: Path, split: VfpSplit, quarantine: Path | None, skip_bad: bool) -> VfpFolder:
    """See `maskreel.vfp.data.open_split`."""
    from maskreel.vfp.data import open_split

    if not skip_bad:
        return open_split(data, split, quarantine=quarantine)
    with progress(description="check", unit="videos") as bar:
        return open_split(data, split, quarantine=quarantine, skip_bad=True, progress=bar.update)
