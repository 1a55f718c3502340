from __future__ import annotations

import itertools

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from maskreel.inpaint.openmmlab import Correlation


def by_definition(
    first: torch.Tensor,
    second: torch.Tensor,
    *,
    kernel: int,
    steps: int,
    stride: int,
    padding: int,
    gap: int,
    step: int,
) -> torch.Tensor:
    """One product after the other; what lies outside is zero."""
    count, channels, height, width = first.shape
    rows, columns = ((side + 2 * padding - gap * (kernel - 1) - 1) // stride + 1 for side in (height, width))
    result = torch.zeros(count, 2 * steps + 1, 2 * steps + 1, rows, columns, dtype=first.dtype)

    def inside(y: int, x: int) -> bool:
        return 0 <= y < height and 0 <= x < width

    for n, i, j, row, column in itertools.product(*map(range, result.shape)):
        for ky, kx, c in itertools.product(range(kernel), range(kernel), range(channels)):
            y, x = row * stride - padding + ky * gap, column * stride - padding + kx * gap
            v, u = y + (i - steps) * step, x + (j - steps) * step
            if inside(y, x) and inside(v, u):
                result[n, i, j, row, column] += first[n, c, y, x] * second[n, c, v, u]
    return result


SETTINGS = [
    {"kernel": 1, "steps": 2, "stride": 1, "padding": 0, "gap": 1, "step": 1},
    {"kernel": 1, "steps": 2, "stride": 1, "padding": 0, "gap": 1, "step": 2},
    {"kernel": 1, "steps": 1, "stride": 2, "padding": 1, "gap": 1, "step": 3},
    {"kernel": 3, "steps": 1, "stride": 1, "padding": 1, "gap": 1, "step": 1},
    {"kernel": 2, "steps": 1, "stride": 2, "padding": 2, "gap": 2, "step": 2},
    {"kernel": 1, "steps": 0, "stride": 1, "padding": 0, "gap": 1, "step": 1},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_equals_the_definition_exactly(settings: dict[str, int]) -> None:
    first, second = torch.randint(-8, 9, (2, 2, 3, 5, 7)).float()  # sums of small integers are exact in any order
    layer = Correlation(
        kernel_size=settings["kernel"],
        max_displacement=settings["steps"],
        stride=settings["stride"],
        padding=settings["padding"],
        dilation=settings["gap"],
        dilation_patch=settings["step"],
    )
    assert torch.equal(layer(first, second), by_definition(first, second, **settings))


@pytest.mark.parametrize("width", [37, 70])  # one and three tiles of columns for each parity
def test_settings_of_flownet2_are_441_shifted_products(width: int) -> None:
    first, second = torch.randint(-8, 9, (2, 2, 6, 24, width)).float()
    found = Correlation(kernel_size=1, max_displacement=10, stride=1, padding=0, dilation_patch=2)(first, second)
    assert found.shape == (2, 21, 21, 24, width)
    wide = torch.nn.functional.pad(second, (20, 20, 20, 20))
    for i, j in itertools.product(range(21), range(21)):
        shifted = wide[:, :, 2 * i : 2 * i + 24, 2 * j : 2 * j + width]
        assert torch.equal(found[:, i, j], (first * shifted).sum(dim=1))


def test_a_map_with_itself_divided_by_channels_is_its_mean_square_in_the_middle() -> None:
    features = torch.randn(1, 16, 4, 5, dtype=torch.float64)
    found = Correlation(max_displacement=1)(features, features) / 16
    torch.testing.assert_close(found[:, 1, 1], features.square().mean(dim=1))


def test_gradients_are_right() -> None:
    first, second = torch.randn(2, 1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    layer = Correlation(max_displacement=1, dilation_patch=2)
    assert torch.autograd.gradcheck(layer, (first, second))


def test_memory_beside_the_result_is_a_fraction_of_it() -> None:
    """441 products would be 256 times the result; no tensor that is made on the way is larger than the result."""
    first, second = torch.randn(2, 1, 16, 40, 60)
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest = max(largest, result.untyped_storage().nbytes())
            return result

    with Watch():
        result = Correlation(max_displacement=10, dilation_patch=2)(first, second)
    assert largest == result.untyped_storage().nbytes() == 441 * 40 * 60 * 4


def test_the_settings_are_attributes_and_shown() -> None:
    layer = Correlation(kernel_size=1, max_displacement=10, stride=1, padding=0, dilation_patch=2)
    assert (layer.kernel_size, layer.max_displacement, layer.stride, layer.padding) == (1, 10, 1, 0)
    assert (layer.dilation, layer.dilation_patch) == (1, 2)
    assert "max_displacement=10" in repr(layer)
    assert "dilation_patch=2" in repr(layer)


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(ValueError, match="must be 1 or more, max_displacement and padding 0 or more, got 0, 1, 1, 1"):
        Correlation(kernel_size=0)
    with pytest.raises(ValueError, match="got 1, 1, 1, 1, -1, 0"):
        Correlation(max_displacement=-1)
    with pytest.raises(ValueError, match=r"must have one shape \(N, C, H, W\), got \(1, 2, 3, 4\), \(1, 2, 3, 5\)"):
        Correlation()(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 5))
    with pytest.raises(ValueError, match="input1 must be 5 pixels or more in y and x"):
        Correlation(kernel_size=3, dilation=2)(torch.zeros(1, 1, 4, 9), torch.zeros(1, 1, 4, 9))
