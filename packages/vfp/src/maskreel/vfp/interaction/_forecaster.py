"""`InteractionForecaster`: masks to tracks, their ways as a network sees them, and back to masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.vfp.interaction._build import load_interaction
from maskreel.vfp.interaction._observed import Observed
from maskreel.vfp.interaction._recorded import early
from maskreel.vfp.objects.paint import occupancy, paint
from maskreel.vfp.objects.scene import scene_of
from maskreel.vfp.objects.table import Table
from maskreel.vfp.objects.tracks import observed_tracks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from maskreel.vfp.interaction._network import InteractionTransformer
    from maskreel.vfp.objects.tracks import Track
    from maskreel.vfp.occupancy import Occupancy

__all__ = ["InteractionForecaster"]

_TURNED = 0.25
"""A cube with a larger scale, in radii of a sphere, may be pushed, and is then turned in any way."""


class InteractionForecaster:
    """Forecasts masks by a network that has learned how objects move on and meet.

    Places are drawn around those that the network gives for frame 21, as widely as it says, for each object by itself,
    and painted as the camera sees them. Objects that the frames do not show, or that have left, are not forecast.

    Args:
        network: None: the one that comes with the package.
        table: Camera and solids; None: those that come with the package.
        futures: How many are drawn.
        spread: Factor of the scales that they are drawn with.
        seed: The same seed gives the same forecasts.
    """

    def __init__(
        self,
        network: InteractionTransformer | None = None,
        table: Table | None = None,
        *,
        futures: int = 64,
        spread: float = 1.0,
        seed: int = 0,
    ) -> None:
        if futures < 1:
            raise ValueError(f"futures must be 1 or more, got {futures}")
        if spread < 0:
            raise ValueError(f"spread must be 0 or more, got {spread}")
        self.network = load_interaction() if network is None else network
        self.table = Table.load() if table is None else table
        self.futures = futures
        self.spread = spread
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
        begun = early(clip, self.network.config.objects)
        scene = scene_of(self.table, self.table.motions[0], begun)
        if not len(scene):
            return occupancy(np.zeros((1, *self.table.camera.size), np.uint8), ())
        rows = [[track.label for track in begun].index(label) for label in scene.labels]
        middle, scale = self._outlook(begun)
        places, yaw = self._drawn(middle[rows], scale[rows], scene.yaw)
        return occupancy(paint(self.table, scene.labels, places, yaw), scene.labels)

    def _outlook(self, clip: list[Track]) -> tuple[np.ndarray, np.ndarray]:
        """Medians (N, 2) and scales (N,) in frame 21."""
        device = next(self.network.parameters()).device
        outlook = self.network.forecast(Observed.of_tracks(clip).to(device))
        return outlook.places[0, :, -1].double().cpu().numpy(), outlook.log_scale[0, :, -1].exp().double().cpu().numpy()

    def _drawn(self, middle: np.ndarray, scale: np.ndarray, yaw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (K, N, 2) and turns (K, N), the first ones without chance."""
        rng = np.random.default_rng(self.seed)
        places = middle + self.spread * scale[:, None] * rng.laplace(size=(self.futures, *middle.shape))
        turned = rng.uniform(-np.pi / 4, np.pi / 4, (self.futures, len(yaw)))
        places[0] = middle
        return places, np.where(scale > _TURNED, turned, yaw)
