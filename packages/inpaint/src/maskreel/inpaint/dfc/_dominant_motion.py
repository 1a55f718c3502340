"""The motion that most of a picture shares, inside a network: of many flows at once, and where it carries points.

The model is that of `maskreel.inpaint.flow.completion.fit_background_motion`, the fit is another: here flows have no
holes, no place counts more than others, and few rounds must do. The weights that come with the package were trained
with this one.
"""

from __future__ import annotations

import torch

from maskreel.inpaint.flow.plane_motion import equations, normalised, velocity

__all__ = ["carried", "dominant_motion", "motion_field"]

_STRIDE = 4
_ROUNDS = 8
_SCALES = (2.0, 0.15)  # cells, first and last round
_RIDGE = 1e-4


@torch.no_grad()
def dominant_motion(flow: torch.Tensor) -> torch.Tensor:
    """Fit the motion of a plane, to second order, by iteratively reweighted least squares (Geman-McClure).

    The 8 parameters are those of `maskreel.inpaint.flow.plane_motion`.

    Args:
        flow: float32 (B, 2, H, W), complete, in cells.

    Returns:
        float32 (B, 8).
    """
    size = (flow.shape[-2], flow.shape[-1])
    start = (min(_STRIDE // 2, size[0] - 1), min(_STRIDE // 2, size[1] - 1))
    vectors = flow[:, :, start[0] :: _STRIDE, start[1] :: _STRIDE]
    rows = torch.arange(start[0], size[0], _STRIDE, device=flow.device)
    columns = torch.arange(start[1], size[1], _STRIDE, device=flow.device)
    y, x = torch.meshgrid(rows.to(flow.dtype), columns.to(flow.dtype), indexing="ij")
    design = _design(x.flatten(), y.flatten(), size)
    target = vectors.flatten(2)
    middle = target.median(-1).values
    parameters = torch.zeros(len(flow), 8, device=flow.device, dtype=flow.dtype)
    parameters[:, 0], parameters[:, 3] = middle[:, 0], middle[:, 1]
    for scale in _scales():
        error = target - torch.einsum("apk,bk->bap", design, parameters)
        length = error.square().sum(1).sqrt()
        sigma = (1.5 * length.median(-1, keepdim=True).values).clamp(min=scale)
        weights = (sigma**2 / (sigma**2 + length**2)) ** 2
        parameters = _solution(design, target, weights, parameters)
    return parameters


def motion_field(parameters: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Flow float32 (B, 2, H, W) of parameters (B, 8) over a whole picture."""
    rows = torch.arange(size[0], device=parameters.device, dtype=parameters.dtype)
    columns = torch.arange(size[1], device=parameters.device, dtype=parameters.dtype)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    points = torch.stack([x, y]).expand(len(parameters), -1, -1, -1)
    return carried(parameters, points, size) - points


def carried(parameters: torch.Tensor, points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Where motions (B, 8) of a picture of (height, width) `size` take points (B, 2, h, w), x first."""
    x, y = normalised(points[:, 0], points[:, 1], size)
    return points + torch.stack(velocity(parameters.T[:, :, None, None], x, y), 1)


def _scales() -> list[float]:
    first, last = _SCALES
    return [first * (last / first) ** (i / (_ROUNDS - 1)) for i in range(_ROUNDS)]


def _design(x: torch.Tensor, y: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(2, P, 8): what gives u and v of P points from the parameters."""
    x, y = normalised(x, y, size)
    return torch.stack([torch.stack(columns, -1) for columns in equations(x, y, torch.ones_like(x))])


def _solution(
    design: torch.Tensor, target: torch.Tensor, weights: torch.Tensor, previous: torch.Tensor
) -> torch.Tensor:
    products = torch.einsum("api,apj->pij", design, design)
    normal = (weights @ products.flatten(1)).view(-1, 8, 8)
    right = torch.einsum("bap,api->bi", target * weights[:, None], design)
    # A touch of ridge towards the previous round keeps parameters that the points do not show at rest.
    ridge = _RIDGE / 8 * normal.diagonal(dim1=1, dim2=2).sum(-1)[:, None]
    return torch.linalg.solve(normal + torch.diag_embed(ridge.expand(-1, 8)), right + ridge * previous)
