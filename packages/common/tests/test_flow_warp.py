"""`warp` against shifts that can be written down."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from maskreel.common.flow import inside, warp


def constant_flow(dx: float, dy: float, size: tuple[int, int]) -> torch.Tensor:
    return torch.tensor([float(dx), float(dy)])[:, None, None].expand(2, *size).contiguous()


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, 2), (-4, 5), (0, 0)])
def test_whole_pixel_shift_copies_pixels(device: str, mode: Literal["bilinear", "nearest"], dx: int, dy: int) -> None:
    image = torch.randint(0, 256, (3, 31, 45), dtype=torch.uint8, device=device)
    rows = (torch.arange(31) + dy).clamp(0, 30)
    columns = (torch.arange(45) + dx).clamp(0, 44)
    shifted = image[:, rows][:, :, columns]
    result = warp(image, constant_flow(dx, dy, (31, 45)).to(device), mode=mode)
    assert result.dtype == torch.uint8
    assert result.device == image.device
    assert torch.equal(result, shifted)


def test_bilinear_is_exact_on_a_ramp(device: str) -> None:
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    ramp = (2 * x - 3 * y + 5)[None].to(device)
    flow = torch.empty(2, 20, 30, device=device).uniform_(-2, 2)
    expected = ramp + 2 * flow[0] - 3 * flow[1]
    in_frame = inside(flow)
    torch.testing.assert_close(warp(ramp, flow)[0][in_frame], expected[0][in_frame], atol=1e-4, rtol=0)


def test_wide_image_keeps_sub_pixel_accuracy() -> None:
    x = torch.arange(4000.0).expand(1, 2, -1)
    flow = constant_flow(0.25, 0, (2, 4000))
    assert (warp(x, flow) - (x + 0.25))[..., :-1].abs().max() < 1e-3


def test_zeros_padding_empties_what_lies_outside() -> None:
    image = torch.full((1, 4, 5), 7.0)
    flow = constant_flow(2, 0, (4, 5))
    expected = torch.tensor([7.0, 7, 7, 0, 0]).expand(1, 4, 5)
    torch.testing.assert_close(warp(image, flow, padding="zeros"), expected)
    assert torch.equal(warp(image, flow), image)


def test_nearest_keeps_masks_and_labels() -> None:
    mask = torch.zeros(1, 6, 6, dtype=torch.bool)
    mask[0, 2:4, 2:4] = True
    moved = warp(mask, constant_flow(1.4, 0, (6, 6)), mode="nearest")
    assert moved.dtype == torch.bool
    assert torch.equal(moved[0, 2:4, 1:3], torch.ones(2, 2, dtype=torch.bool))
    assert moved.sum() == 4


def test_uint8_is_rounded() -> None:
    image = torch.tensor([[[0, 1, 1]]], dtype=torch.uint8)
    assert warp(image, constant_flow(0.75, 0, (1, 3))).tolist() == [[[1, 1, 1]]]
    assert warp(image, constant_flow(0.25, 0, (1, 3))).tolist() == [[[0, 1, 1]]]


def test_leading_dimensions_broadcast() -> None:
    image = torch.rand(3, 8, 9)
    flows = torch.randn(4, 2, 2, 8, 9)
    result = warp(image, flows)
    assert result.shape == (4, 2, 3, 8, 9)
    torch.testing.assert_close(result[3, 1], warp(image, flows[3, 1]))
    one = warp(torch.rand(4, 1, 3, 8, 9), flows[0, 0])
    assert one.shape == (4, 1, 3, 8, 9)


def test_a_chunk_of_one_frame_has_no_flow_to_warp_with() -> None:
    flows = torch.zeros(0, 2, 8, 9)
    assert warp(torch.rand(0, 3, 8, 9), flows).shape == (0, 3, 8, 9)
    assert inside(flows).shape == (0, 8, 9)


def test_dtypes_of_floats() -> None:
    image, flow = torch.rand(3, 40, 300), torch.randn(2, 40, 300)
    reference = warp(image.double(), flow)
    assert reference.dtype == torch.float64
    half = warp(image.half(), flow.half())
    assert half.dtype == torch.float16
    # the flow itself loses 1/1000 in float16; positions computed in float16 would be off by up to 0.1 pixels
    torch.testing.assert_close(half.double(), warp(image.double(), flow.half()), atol=1e-3, rtol=0)
    torch.testing.assert_close(warp(image, flow).double(), reference, atol=1e-4, rtol=0)


def test_gradients() -> None:
    image = torch.rand(1, 4, 5, dtype=torch.float64, requires_grad=True)
    flow = (0.3 + 0.2 * torch.rand(2, 4, 5, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda i, f: warp(i, f, padding="zeros"), (image, flow))


def test_inputs_are_left_alone() -> None:
    image, flow = torch.rand(1, 5, 6), torch.randn(2, 5, 6)
    copies = image.clone(), flow.clone()
    warp(image, flow)
    assert torch.equal(image, copies[0])
    assert torch.equal(flow, copies[1])


def test_inside_includes_the_edge() -> None:
    flow = torch.zeros(2, 3, 4)
    flow[0, 0] = torch.tensor([3.0, 3.0, -2.0, -3.01])
    flow[1, 2] = torch.tensor([-2.0, -2.5, 0.0, torch.nan])
    assert inside(flow).tolist() == [[True, False, True, False], [True] * 4, [True, False, True, False]]


@pytest.mark.parametrize(
    ("image", "flow", "options", "error", "message"),
    [
        (torch.zeros(3, 4, 5), torch.zeros(3, 4, 5), {}, ValueError, r"flow must have shape \(\.\.\., 2, H, W\)"),
        (torch.zeros(3, 4, 5), torch.zeros(2, 4, 5).int(), {}, TypeError, "flow must be a floating-point tensor"),
        (torch.zeros(3, 4, 6), torch.zeros(2, 4, 5), {}, ValueError, r"image must have shape .* got \(3, 4, 6\)"),
        (torch.zeros(4, 5), torch.zeros(2, 4, 5), {}, ValueError, r"image must have shape"),
        (torch.zeros(3, 4, 5).long(), torch.zeros(2, 4, 5), {}, TypeError, "image must be float, uint8 or bool"),
        (torch.zeros(3, 4, 5).bool(), torch.zeros(2, 4, 5), {}, TypeError, "use mode='nearest'"),
        (torch.zeros(3, 4, 5), torch.zeros(2, 4, 5), {"mode": "cubic"}, ValueError, "mode must be .* got 'cubic'"),
        (torch.zeros(3, 4, 5), torch.zeros(2, 4, 5), {"padding": "wrap"}, ValueError, "padding must be .* got 'wrap'"),
    ],
)
def test_guards(image: torch.Tensor, flow: torch.Tensor, options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        warp(image, flow, **options)
