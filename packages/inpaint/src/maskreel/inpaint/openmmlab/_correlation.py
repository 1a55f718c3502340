"""The correlation layer of FlowNetC (Dosovitskiy et al., ICCV 2015, section 3) in plain PyTorch, for any device.

Takes the place of `mmcv.ops.Correlation`, which has to be compiled and has no CPU kernel: same arguments, same result.
"""

from __future__ import annotations

import torch
from torch.nn import functional

_TILE = 16  # columns of one matrix: wider ones multiply more pairs in vain, narrower ones are slower for their size


class Correlation(torch.nn.Module):
    """Inner products of the windows of one feature map with shifted windows of another.

    Shifts go from -max_displacement to max_displacement in steps of dilation_patch, in y (first) and x. Features
    beyond the border are zero. Products are summed over channels and window, not averaged.

    Rows are correlated by matrix products, one vertical shift at a time: beside the result, memory is needed for a
    fraction of it.

    Args:
        kernel_size: side of the window.
        max_displacement: shifts to each side, in steps.
        stride: pixels between the windows of the first map.
        padding: zeros around both maps.
        dilation: pixels between the elements of a window.
        dilation_patch: pixels between shifts.
    """

    def __init__(
        self,
        kernel_size: int = 1,
        max_displacement: int = 1,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        dilation_patch: int = 1,
    ) -> None:
        super().__init__()
        if min(kernel_size, stride, dilation, dilation_patch) < 1 or min(max_displacement, padding) < 0:
            raise ValueError(
                "kernel_size, stride, dilation and dilation_patch must be 1 or more, max_displacement and padding 0 or "
                f"more, got {kernel_size}, {stride}, {dilation}, {dilation_patch}, {max_displacement}, {padding}"
            )
        self.kernel_size = kernel_size
        self.max_displacement = max_displacement
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.dilation_patch = dilation_patch

    def forward(self, input1: torch.Tensor, input2: torch.Tensor) -> torch.Tensor:
        """Correlate two maps, (N, C, H, W) each: (N, D, D, H', W') with D = 2 max_displacement + 1.

        Raises:
            ValueError: the shapes differ or are not (N, C, H, W), or the window does not fit in.
        """
        if input1.ndim != 4 or input1.shape != input2.shape:
            raise ValueError(
                f"input1 and input2 must have one shape (N, C, H, W), got {tuple(input1.shape)}, {tuple(input2.shape)}"
            )
        extent = self.dilation * (self.kernel_size - 1) + 1
        if min(input1.shape[2:]) + 2 * self.padding < extent:
            raise ValueError(f"input1 must be {extent} pixels or more in y and x, got {tuple(input1.shape)}")
        if self.padding:
            input1, input2 = (functional.pad(x, [self.padding] * 4) for x in (input1, input2))
        products = _pixel_products(input1, input2, self.max_displacement, self.dilation_patch)
        return self._window_sums(products, extent)

    def _window_sums(self, products: torch.Tensor, extent: int) -> torch.Tensor:
        """(N, D, D, H, W) -> (N, D, D, H', W'): summed over the window at every stride."""
        if self.kernel_size == self.stride == 1:
            return products
        height, width = (side - extent + 1 for side in products.shape[3:])
        offsets = range(0, extent, self.dilation)
        parts = (
            products[..., y : y + height : self.stride, x : x + width : self.stride] for y in offsets for x in offsets
        )
        total = next(parts).clone()
        for part in parts:
            total += part
        return total

    def extra_repr(self) -> str:
        """The arguments."""
        names = ("kernel_size", "max_displacement", "stride", "padding", "dilation", "dilation_patch")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


def _pixel_products(first: torch.Tensor, second: torch.Tensor, steps: int, step: int) -> torch.Tensor:
    """Inner products over channels of pixels and shifted pixels: (N, C, H, W) x2 -> (N, D, D, H, W)."""
    count, _, height, width = first.shape
    shifts = 2 * steps + 1
    rows, shifted = _rows(first, second, steps, step)
    products = first.new_zeros(count, shifts, shifts, height, width)
    for i in range(shifts):
        dy = (i - steps) * step
        top, bottom = max(0, -dy), min(height, height - dy)
        if top < bottom:
            band = _band(rows[top:bottom] @ shifted[top + dy : bottom + dy], shifts)  # (H, N, step, tiles, tile, D)
            products[:, i, :, top:bottom] = band.permute(1, 5, 0, 3, 4, 2).flatten(3)[..., :width]
    return products


def _rows(first: torch.Tensor, second: torch.Tensor, steps: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Both maps as matrices, one for each row, each remainder of x by `step`, and each tile of columns.

    Columns of one remainder only meet each other, so that column a of a tile of `first` meets the columns a to
    a + 2 steps of that of `second`, which has zeros added to the left and right.

    Returns:
        (H, N, step, tiles, tile, C) and (H, N, step, tiles, C, tile + 2 steps).
    """
    count, channels, height, width = first.shape
    columns = -(-width // step)
    tiles = -(-columns // _TILE)
    tile = -(-columns // tiles)
    surplus = tiles * tile * step - width
    border = steps * step
    first = functional.pad(first, (0, surplus)).view(count, channels, height, tiles, tile, step)
    second = functional.pad(second, (border, border + surplus)).view(count, channels, height, -1, step)
    second = second.unfold(3, tile + 2 * steps, tile)  # (N, C, H, tiles, step, tile + 2 steps)
    return first.permute(2, 0, 5, 3, 4, 1).contiguous(), second.permute(2, 0, 4, 3, 1, 5).contiguous()


def _band(matrices: torch.Tensor, width: int) -> torch.Tensor:
    """The band of `width` elements right of the diagonal: (..., A, B) -> (..., A, width)."""
    *batch, height, columns = matrices.shape
    matrices = matrices.contiguous()
    *strides, _, _ = matrices.stride()
    return matrices.as_strided((*batch, height, width), (*strides, columns + 1, 1))
