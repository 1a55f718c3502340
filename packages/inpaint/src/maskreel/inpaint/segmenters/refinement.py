"""From what a segmenter marks to the pixels that get replaced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from maskreel.common import masks as mask_ops
from maskreel.common.errors import InputError

__all__ = ["MaskRefinement", "fill_between", "region_mask"]


@dataclass(frozen=True)
class MaskRefinement:
    """How masks grow. Lengths are in pixels of the frame."""

    dilation: float
    """Radius that masks grow by on all sides."""
    shadow_margin: float
    """Pixels that masks grow downward and half as much sideways on top, where shadows fall."""
    temporal_union: int
    """Frames before and after whose masks are added to each frame's."""
    remove: torch.Tensor | None = None
    """bool (H, W): always removed."""
    keep: torch.Tensor | None = None
    """bool (H, W): never touched; wins over `remove`."""

    @property
    def context(self) -> int:
        """Frames needed before and after those that are refined."""
        return self.temporal_union

    def __call__(self, marked: torch.Tensor, first: int, stop: int) -> torch.Tensor:
        """Refine `marked[first:stop]`, using the frames around them: bool (T, H, W) -> (stop - first, H, W)."""
        grown = torch.stack([self._union(marked, t) for t in range(first, stop)])
        grown = mask_ops.fill_holes(mask_ops.dilate(grown, self.dilation))
        grown = self._add_shadow(grown)
        if self.remove is not None:
            grown = grown | self.remove
        if self.keep is not None:
            grown = grown & ~self.keep
        return grown

    def _union(self, marked: torch.Tensor, t: int) -> torch.Tensor:
        return marked[max(0, t - self.temporal_union) : t + self.temporal_union + 1].any(dim=0)

    def _add_shadow(self, grown: torch.Tensor) -> torch.Tensor:
        margin = round(self.shadow_margin)
        if margin == 0:
            return grown
        height, width = grown.shape[-2:]
        side = (margin + 1) // 2
        reach = torch.nn.functional.pad(grown, (side, side, margin, 0))
        shifted = [reach[..., margin : margin + height, k : k + width] for k in (0, 2 * side)]
        shifted += [reach[..., :height, k : k + width] for k in (0, side, 2 * side)]
        result = grown.clone()
        for part in shifted:
            result |= part
        return mask_ops.close(result, side) if side > 1 else result


def fill_between(before: torch.Tensor, after: torch.Tensor, count: int) -> torch.Tensor:
    """Masks for `count` frames between two segmented ones: both masks, grown by what the object may have moved.

    Args:
        before: bool (H, W), the mask of the segmented frame before.
        after: bool (H, W), that of the segmented frame after.
        count: how many frames lie between.

    Returns:
        bool (count, H, W).
    """
    if not before.any() or not after.any():
        return (before | after).expand(count, *before.shape)
    limit = round(0.04 * before.shape[0])
    reach = next((r for r in range(limit) if bool((before <= mask_ops.dilate(after, r)).all())), limit)
    return mask_ops.dilate(before | after, reach / 2).expand(count, *before.shape)


def region_mask(regions: tuple[str, ...], size: tuple[int, int], *, name: str) -> torch.Tensor | None:
    """The union of regions of a frame, each given as "x0,y0,x1,y1" in pixels (half-open) or as a mask image.

    Returns bool (H, W), or None without regions. Raises `InputError` naming the option `name` for anything else.
    """
    if not regions:
        return None
    total = torch.zeros(size, dtype=torch.bool)
    for region in regions:
        total |= _rectangle(region, size, name) if "," in region else _image(Path(region), size, name)
    return total


def _rectangle(region: str, size: tuple[int, int], name: str) -> torch.Tensor:
    try:
        x0, y0, x1, y1 = (int(part) for part in region.split(","))
    except ValueError:
        raise InputError(f"--{name} {region}: a rectangle is four whole numbers, x0,y0,x1,y1") from None
    height, width = size
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise InputError(
            f"--{name} {region}: the rectangle must satisfy 0 <= x0 < x1 <= {width} and 0 <= y0 < y1 <= {height}"
        )
    mask = torch.zeros(size, dtype=torch.bool)
    mask[y0:y1, x0:x1] = True
    return mask


def _image(path: Path, size: tuple[int, int], name: str) -> torch.Tensor:
    if not path.is_file():
        raise InputError(f"--{name} {path}: there is no such mask image; a rectangle is written x0,y0,x1,y1")
    return mask_ops.read_masks(path, size=size, frame_count=1)[0]
