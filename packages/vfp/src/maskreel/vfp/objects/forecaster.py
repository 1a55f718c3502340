"""`ObjectForecaster`: masks to tracks on a table, futures of these, and back to masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.vfp.objects.futures import Doubt, draw_futures
from maskreel.vfp.objects.motion_odds import motion_odds
from maskreel.vfp.objects.paint import occupancy, paint
from maskreel.vfp.objects.scene import scenes_of
from maskreel.vfp.objects.table import Table
from maskreel.vfp.objects.tracks import observed_tracks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from maskreel.vfp.objects.scene import Scene
    from maskreel.vfp.objects.tracks import Track
    from maskreel.vfp.occupancy import Occupancy

__all__ = ["ObjectForecaster"]


class ObjectForecaster:
    """Forecasts masks by simulating the objects in them.

    Every class is one object. Its masks are placed on the table; place and velocity are fitted to its newest sightings;
    many futures are drawn around that, with every motion of the table as often as it is probable, in which objects
    slide, collide and come to rest; and all are painted as the camera sees them, the nearer over the farther. Objects
    that the frames do not show are not forecast.

    Args:
        table: Camera, solids and motions; None: those that come with the package.
        futures: How many are drawn.
        doubt: How wide they are drawn.
        seed: The same seed gives the same forecasts.
    """

    def __init__(
        self, table: Table | None = None, *, futures: int = 64, doubt: Doubt | None = None, seed: int = 0
    ) -> None:
        if futures < 1:
            raise ValueError(f"futures must be 1 or more, got {futures}")
        self.table = Table.load() if table is None else table
        self.futures = futures
        self.doubt = Doubt() if doubt is None else doubt
        self.seed = seed

    def __call__(self, labels: torch.Tensor) -> Occupancy:
        """Where each object will be at frame 21, from label maps of frames 0 to 10, uint8 (11, H, W).

        Raises:
            TypeError: `labels` is not uint8.
            ValueError: The label maps have another shape or size than the table's camera.
        """
        return self.of_tracks(observed_tracks(self.table, labels))

    def of_tracks(self, clip: Sequence[Track]) -> Occupancy:
        """The same from tracks over the observed frames, where they are known already."""
        scenes = scenes_of(self.table, self.table.motions, clip)
        counts = self._shares(clip, scenes)
        rng = np.random.default_rng(self.seed)
        drawn = draw_futures(scenes, self.table.motions, counts, rng, doubt=self.doubt)
        return occupancy(paint(self.table, scenes[0].labels, drawn.places, drawn.yaw), scenes[0].labels)

    def _shares(self, clip: Sequence[Track], scenes: Sequence[Scene]) -> list[int]:
        """How many of the futures each motion gets."""
        ends = np.round(np.cumsum(motion_odds(self.table, clip, scenes)) * self.futures).astype(int)
        return np.diff(ends, prepend=0).tolist()
