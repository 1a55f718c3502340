"""The small flow completion network that comes with the package: one stage of it.

It has the interface of DFC-S (a window of 11 flows in, the flow of the middle frame out) but starts from flow that the
background's motion has filled. It says how much of two other guesses to take at every point, a smooth continuation from
the border of the hole and what other moments show there, and what is wrong beyond that. The window is aligned along the
dominant motion of the picture first, so that what a hole hides at one moment and shows at another lies at the same
place; and everything is seen relative to the dominant motion and to how much the rest deviates from it, so that fast
and slow scenes look alike.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from maskreel.inpaint.dfc._dominant_motion import carried, dominant_motion, motion_field
from maskreel.inpaint.dfc._smooth_fill import smooth_fill
from maskreel.inpaint.dfc.windows import RADIUS

__all__ = ["CELLS", "SmallStage"]

CELLS = 1620
"""Points of the grid that the network works on: 30 x 54 for 240 x 432."""

_WINDOW = 2 * RADIUS + 1
_CENTRE = RADIUS
_WIDTHS = (24, 48, 80)
_DILATIONS = (1, 2, 4)
_FINEST = 2  # pixels that a cell has at least on each side
_LEAST_SCALE = 0.05  # cells
_LEAST_SEEN = 0.15  # of the weight of a neighbour, 1/2
_GUESSES = 2


class SmallStage(nn.Module):
    """One stage: 33 -> 2 channels completes one direction, 66 -> 4 refines both.

    Args:
        channels_in: 33, or 66 for both directions.
        channels_out: 2 or 4.
        cells: The network works on a grid of about so many cells, whatever the size of the picture. None: every pixel
            is a cell.

    Raises:
        ValueError: The channels do not fit.
    """

    time_ordered = True
    """Whether the backward flows of a first stage must come in reversed order, as the forward flows of a video that
    runs backward, which the alignment relies on."""

    def __init__(self, channels_in: int = 33, channels_out: int = 2, *, cells: int | None = CELLS) -> None:
        super().__init__()
        if (channels_in, channels_out) not in ((3 * _WINDOW, 2), (6 * _WINDOW, 4)):
            raise ValueError(
                f"channels_in and channels_out must be 33 and 2 or 66 and 4, got {channels_in}, {channels_out}"
            )
        if cells is not None and cells < 1:
            raise ValueError(f"cells must be None or 1 or more, got {cells}")
        self.directions, self.cells = channels_out // 2, cells
        fine, middle, coarse = _WIDTHS
        seen = channels_in + 6 * self.directions
        self.stem = nn.Conv2d(seen, fine, 3, padding=1)
        self.down = nn.Sequential(nn.Conv2d(fine, middle, 3, stride=2, padding=1), _Block(middle, 1), _Block(middle, 2))
        self.deep = nn.Sequential(
            nn.Conv2d(middle, coarse, 3, stride=2, padding=1), *(_Block(coarse, step) for step in _DILATIONS)
        )
        self.up = nn.Conv2d(coarse + middle, middle, 1)
        self.mix = _Block(middle, 1)
        self.out = nn.Sequential(nn.Conv2d(middle + fine, fine, 1), _Block(fine, 1), nn.LeakyReLU(0.1))
        self.head = nn.Conv2d(fine, self.directions * (2 + _GUESSES), 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)  # it starts as good as what it is given

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Complete the middle flow of windows.

        Args:
            x: float (N, 33 or 66, H, W): for each of 11 flows u, v in pixels, complete (see `complete_flow`), and the
                hole as 0 and 1; with 66 channels 11 forward flows and then 11 backward flows, at the same frames.

        Returns:
            float (N, 2 or 4, H, W), pixels: the middle flow, of both directions with 66 channels. What it says
            outside the hole means nothing.
        """
        count, height, width = x.shape[0], x.shape[-2], x.shape[-1]
        windows = x.view(count, self.directions, _WINDOW, 3, height, width)
        centre = windows[:, :, _CENTRE, :2].flatten(1, 2)
        grid = self._grid(height, width)
        with torch.autocast(x.device.type, enabled=False):
            flows, known = _gridded(windows.float(), grid)
            inputs, guesses, scale = _seen(flows, known)
        answer = self._answer(inputs).float().unflatten(1, (self.directions, 2 + _GUESSES))
        shares = answer[:, :, 2:, None]
        residual = (answer[:, :, :2] * scale[:, None] + (shares * guesses).sum(2)).flatten(1, 2)
        residual = residual * residual.new_tensor([width / grid[1], height / grid[0]] * self.directions)[:, None, None]
        if grid != (height, width):
            residual = functional.interpolate(residual, (height, width), mode="bilinear", align_corners=False)
        return centre + residual

    def _answer(self, inputs: torch.Tensor) -> torch.Tensor:
        stem = functional.leaky_relu(self.stem(inputs.contiguous(memory_format=torch.channels_last)), 0.1)
        down = self.down(stem)
        deep = _enlarged(self.deep(down), down)
        up = self.mix(self.up(torch.cat([deep, down], 1)))
        return self.head(self.out(torch.cat([_enlarged(up, stem), stem], 1)))

    def _grid(self, height: int, width: int) -> tuple[int, int]:
        if self.cells is None:
            return height, width
        factor = max(_FINEST, (height * width / self.cells) ** 0.5)
        return max(1, round(height / factor)), max(1, round(width / factor))


class _Block(nn.Module):
    """Residual block; it starts as the identity."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.leaky_relu(self.first(functional.leaky_relu(x, 0.1)), 0.1)
        return x + self.second(inner)


def _gridded(windows: torch.Tensor, grid: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Flows (N, D, 11, 2, h, w) in cells and what is known, 0 or 1, (N, D, 11, 1, h, w)."""
    flows, holes = windows[:, :, :, :2], windows[:, :, :, 2:]
    height, width = windows.shape[-2:]
    if grid != (height, width):
        outer = windows.shape[:3]
        flows = functional.adaptive_avg_pool2d(flows.flatten(0, 2), grid).unflatten(0, outer)
        flows = flows * flows.new_tensor([grid[1] / width, grid[0] / height])[:, None, None]
        holes = functional.adaptive_max_pool2d(holes.flatten(0, 2), grid).unflatten(0, outer)
    return flows, (holes < 0.5).to(flows.dtype)


def _seen(flows: torch.Tensor, known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the network is shown, what it can choose from, and the scale that the former is relative to.

    Returns:
        (N, 39 D, h, w) without unit; (N, D, 2, 2, h, w), how far two other guesses are from the middle flow, in cells:
        a smooth continuation from the border of the hole, and what the other moments show at the same places;
        (N, 1, 1, 1), in cells.
    """
    outer, size = flows.shape[:3], (flows.shape[-2], flows.shape[-1])
    motions = dominant_motion(flows.flatten(0, 2).detach())
    deviation = flows - motion_field(motions, size).unflatten(0, outer)
    centre, known_now = deviation[:, :, _CENTRE], known[:, :, _CENTRE]
    with torch.no_grad():
        length = deviation.square().sum(3, keepdim=True).sqrt()
        spread = (length.sqrt() * known).sum((1, 2, 3, 4, 5)) / known.sum((1, 2, 3, 4, 5)).clamp(min=1)
        scale = (spread**2 + _LEAST_SCALE)[:, None, None, None]
    aligned = _sampled(
        torch.cat([deviation * known, known], 3), _places(motions.unflatten(0, outer), _repeated(flows), size)
    )
    shown, seen = aligned.split([2, 1], 3)
    nearness = 1 / (1 + (torch.arange(_WINDOW, device=flows.device) - _CENTRE).abs().to(flows.dtype))
    nearness[_CENTRE] = 0.0
    total = (seen * nearness[:, None, None, None]).sum(2)
    others = (shown * nearness[:, None, None, None]).sum(2) / total.clamp(min=_LEAST_SEEN)
    others = torch.where(total < _LEAST_SEEN, centre, others)
    smooth = smooth_fill(centre.flatten(0, 1), known_now.flatten(0, 1)).unflatten(0, outer[:2])
    planes = [
        torch.cat([_compressed(shown, scale[:, None, None]), seen], 3).flatten(1, 3),
        *(_compressed(guess, scale[:, None]).flatten(1, 2) for guess in (centre, others, smooth)),
    ]
    return torch.cat(planes, 1), torch.stack([smooth - centre, others - centre], 2), scale


def _compressed(flow: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Without unit; far outliers say little more than near ones."""
    relative = flow / scale
    return relative * (1 + relative.abs()).rsqrt()


def _places(motions: torch.Tensor, repeated: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Where the points of the middle frame lie in the frames of the window: (N, D, 11, 2, h, w), in cells.

    With both directions the flows lead to the frames after and before; with one alone its inverse leads back.

    Args:
        motions: (N, D, 11, 8), of the flows of the window.
        repeated: bool (N, D, 10, 1, 1, 1), where two neighbours in the window are the same flow, as at the ends of a
            video; nothing moves from one to the other.
        size: Height and width.
    """
    count, directions = motions.shape[:2]
    y, x = torch.meshgrid(
        *(torch.arange(side, device=motions.device, dtype=motions.dtype) for side in size), indexing="ij"
    )
    start = torch.stack([x, y]).expand(count, -1, -1, -1)
    places = [start] * _WINDOW
    for k in range(_CENTRE, _WINDOW - 1):
        moved = carried(motions[:, 0, k], places[k], size)
        places[k + 1] = torch.where(repeated[:, 0, k], places[k], moved)
    for k in range(_CENTRE, 0, -1):
        if directions == 2:
            moved = carried(motions[:, 1, k], places[k], size)
        else:
            moved = _carried_back(motions[:, 0, k - 1], places[k], size)
        places[k - 1] = torch.where(repeated[:, -1, k - 1], places[k], moved)
    return torch.stack(places, 1)[:, None].expand(-1, directions, -1, -1, -1, -1)


def _repeated(flows: torch.Tensor) -> torch.Tensor:
    same = (flows[:, :, 1:] == flows[:, :, :-1]).flatten(3).all(-1)
    return same[..., None, None, None]


def _carried_back(motion: torch.Tensor, points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The points that a motion takes to `points`, by fixed-point iteration."""
    found = points
    for _ in range(3):
        found = points - (carried(motion, found, size) - found)
    return found


def _sampled(planes: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """(N, D, 11, C, h, w) planes at (N, D, 11, 2, h, w) places; zero outside the picture."""
    outer = planes.shape[:3]
    height, width = planes.shape[-2:]
    span = places.new_tensor([max(width - 1, 1), max(height - 1, 1)]) / 2
    grid = places.flatten(0, 2).movedim(1, -1) / span - 1
    sampled = functional.grid_sample(planes.flatten(0, 2), grid, padding_mode="zeros", align_corners=True)
    return sampled.unflatten(0, outer)


def _enlarged(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)
