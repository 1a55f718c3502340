"""Flow fields made from a transform, and at another resolution."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.flow import affine_flow, resize_flow, warp


def test_resize_scales_vectors_by_axis() -> None:
    flow = torch.tensor([3.0, -2.0])[:, None, None].expand(5, 2, 10, 20)
    resized = resize_flow(flow, (30, 10))
    assert resized.shape == (5, 2, 30, 10)
    torch.testing.assert_close(resized[:, 0], torch.full((5, 30, 10), 1.5))
    torch.testing.assert_close(resized[:, 1], torch.full((5, 30, 10), -6.0))


@pytest.mark.parametrize("factor", [2, 0.5])
def test_resized_affine_flow_is_the_flow_of_the_resized_camera(factor: float) -> None:
    matrix = np.array([[1.02, 0.01, 3.0], [-0.02, 0.97, -1.5]])
    size = (24, 32)
    new_size = (int(24 * factor), int(32 * factor))
    # pixel (i + 0.5) * factor - 0.5 of the new image shows what pixel i of the old one does
    scale = np.array([[factor, 0, factor / 2 - 0.5], [0, factor, factor / 2 - 0.5], [0, 0, 1]])
    new_matrix = scale @ np.vstack((matrix, [0, 0, 1])) @ np.linalg.inv(scale)
    resized = resize_flow(affine_flow(matrix, size), new_size)
    margin = math.ceil(factor)  # beyond the outermost centres there is nothing to interpolate
    inner = np.s_[:, margin:-margin, margin:-margin]
    torch.testing.assert_close(resized[inner], affine_flow(new_matrix, new_size)[inner], atol=1e-4, rtol=0)


def test_resize_to_the_same_size_is_a_copy() -> None:
    flow = torch.randn(2, 6, 7)
    same = resize_flow(flow, (6, 7))
    assert torch.equal(same, flow)
    assert same.data_ptr() != flow.data_ptr()


@pytest.mark.parametrize("size", [(0, 4), (4,)])
def test_resize_guards_size(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="size must be"):
        resize_flow(torch.zeros(2, 4, 4), size)


def test_affine_flow_is_the_displacement_of_every_pixel() -> None:
    matrix = [[0.9, -0.1, 4.0], [0.2, 1.1, -3.0], [1e-3, 2e-3, 1.0]]
    flow = affine_flow(torch.tensor(matrix), (5, 6))
    assert flow.dtype == torch.float32
    for y in range(5):
        for x in range(6):
            u, v, w = (row[0] * x + row[1] * y + row[2] for row in matrix)
            assert flow[:, y, x].tolist() == pytest.approx([u / w - x, v / w - y], abs=1e-5)


def test_homographies_have_no_scale() -> None:
    matrix = np.array([[0.9, -0.1, 4.0], [0.2, 1.1, -3.0], [1e-4, 2e-4, 1.0]])
    torch.testing.assert_close(affine_flow(-3 * matrix, (40, 50)), affine_flow(matrix, (40, 50)))


def test_affine_flow_is_precise_in_a_large_frame() -> None:
    matrix = np.array([[1 + 1e-6, 0.0, 0.0], [0.0, 1.0, 0.125]])
    flow = affine_flow(matrix, (2, 4000))
    assert flow[:, 1, 3999].tolist() == pytest.approx([3.999e-3, 0.125], abs=1e-6)


def test_warp_with_affine_flow_agrees_with_opencv() -> None:
    image = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 1, (60, 80)), (0, 0), 3).astype(np.float32)
    matrix = cv2.getRotationMatrix2D((40, 30), 7, 1.1)
    expected = cv2.warpAffine(image, matrix, (80, 60), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    result = warp(torch.from_numpy(image)[None], affine_flow(matrix, (60, 80)))[0].numpy()
    inner = np.s_[10:-10, 12:-12]
    assert np.abs(result - expected)[inner].max() < 2e-3  # OpenCV rounds positions to 1/32 pixel


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(2), r"matrix must have shape \(2, 3\) or \(3, 3\), got \(2, 2\)"),
        (np.diag([1.0, 1.0, 0.0]), "matrix must have a last entry other than 0"),
        (np.array([[1.0, 0, 0], [0, 1, 0], [-0.1, 0, 1]]), "matrix sends pixels of a 8x20 frame to infinity"),
    ],
)
def test_affine_flow_guards(matrix: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        affine_flow(matrix, (8, 20))
