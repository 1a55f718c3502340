"""`MaskNetworkConfig`: the shape of a network that forecasts masks from masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from maskreel.vfp.timeline import CLASSES, FRAMES, OBSERVED, TARGET

if TYPE_CHECKING:
    from maskreel.vfp.networks import SimVPConfig

__all__ = ["MaskNetworkConfig"]

Design = Literal["objects", "tokens"]


@dataclass(frozen=True)
class MaskNetworkConfig:
    """The shape of a `MaskNetwork`; the defaults are those of the weights that come with the package."""

    design: Design = "objects"
    """objects: every object is seen from its own point of view by the same network; tokens: embeddings of the class ids
    of all pixels, as published."""
    targets: tuple[int, ...] = (13, 17, 21)
    """Frames that one pass gives: (21,) is the direct head, 11 to 21 the one for the whole future, and (11,) the next
    frame, which is fed back until the one that is asked for."""
    observed: tuple[int, ...] = (2, 6, 8, 9, 10)
    """Frames that a network of objects looks at (one of tokens: at all the 11)."""
    drafts: tuple[int, ...] = (13, 17, 21)
    """Frames that a network of objects is also shown as they would be if every object went on alone."""
    draft_width: int = 128
    """Layers of the small network that learns how objects slow down; 0: they go on at constant velocity."""
    prior: bool = False
    """Whether a network of objects is also given another forecast of frame 21, to refine it."""
    spatial_width: int = 16
    """This and the next five: see `SimVPConfig`."""
    temporal_width: int = 96
    spatial_depth: int = 2
    temporal_depth: int = 3
    mlp_ratio: float = 2.0
    drop_path: float = 0.0
    translator: Literal["incepu", "gsta", "tau"] = "gsta"
    newest_skip: bool = True
    embedding: int = 49
    """Channels of a token."""
    published_layout: bool = False
    """Tokens: SimVP gives 11 frames, of which the first are taken, as in the published weights; by default as many as
    there are targets."""
    threshold: float | None = None
    """Probability from which a pixel is given to an object; by default training chooses what fits its clips best."""

    def simvp(self, *, frames: int, frames_out: int, channels: int, channels_out: int | None = None) -> SimVPConfig:
        """The SimVP within the network."""
        from maskreel.vfp.networks import SimVPConfig

        return SimVPConfig(
            frames=frames,
            frames_out=frames_out,
            channels=channels,
            channels_out=channels_out,
            spatial_width=self.spatial_width,
            temporal_width=self.temporal_width,
            spatial_depth=self.spatial_depth,
            temporal_depth=self.temporal_depth,
            translator=self.translator,
            mlp_ratio=self.mlp_ratio,
            drop_path=self.drop_path,
            newest_skip=self.newest_skip,
        )

    def __post_init__(self) -> None:
        if self.design not in get_args(Design):
            raise ValueError(f"design must be one of {', '.join(get_args(Design))}, got {self.design!r}")
        self._check_frames("targets", OBSERVED, FRAMES)
        self._check_frames("observed", 0, OBSERVED)
        self._check_frames("drafts", OBSERVED, FRAMES, empty=True)
        if TARGET not in self.targets and self.targets != (OBSERVED,):
            raise ValueError(f"targets must hold {TARGET}, or be ({OBSERVED},) to feed back, got {self.targets}")
        for name in ("draft_width", "embedding"):
            least = 1 if name == "embedding" else 0
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], got {self.threshold}")
        self._check_design()

    @property
    def feeds_back(self) -> bool:
        """Whether a pass gives the next frame alone."""
        return self.targets == (OBSERVED,)

    def _check_design(self) -> None:
        if self.design == "tokens" and self.prior:
            raise ValueError("prior must be False for a network of tokens, got True")
        if self.design == "objects" and self.published_layout:
            raise ValueError("published_layout must be False for a network of objects, got True")
        first = tuple(range(OBSERVED, OBSERVED + len(self.targets)))
        if self.published_layout and self.targets != first:
            raise ValueError(f"targets must be {first} with published_layout, which counts from 11, got {self.targets}")

    def _check_frames(self, name: str, start: int, stop: int, *, empty: bool = False) -> None:
        frames = getattr(self, name)
        rising = sorted(set(frames)) == list(frames) and all(start <= frame < stop for frame in frames)
        if not rising or not (frames or empty):
            raise ValueError(f"{name} must be rising frames from {start} to {stop - 1}, got {frames}")


KNOWN = CLASSES - 1
"""Kinds of object: the class ids from 1."""
