"""The model of a plane's motion, for arrays and tensors alike."""

from __future__ import annotations

import numpy as np
import torch

from maskreel.inpaint.flow.plane_motion import equations, normalised, velocity

PARAMETERS = np.array([2, 1, -1, 3, 0.25, 0.5, -2, 4])


def test_coordinates_run_from_edge_to_edge_of_the_longer_side() -> None:
    x, y = normalised(np.array([-0.5, 3.5, 7.5]), np.array([-0.5, 1.5, 3.5]), (4, 8))
    assert x.tolist() == [-1, 0, 1]
    assert y.tolist() == [-0.5, 0, 0.5]


def test_motion_is_that_of_the_formula() -> None:
    u, v = velocity(PARAMETERS, np.array([0.0, 0.5]), np.array([0.0, -1.0]))
    assert u.tolist() == [2, 2 + 0.5 + 1 - 2 * 0.25 + 4 * -0.5]
    assert v.tolist() == [3, 3 + 0.125 - 0.5 - 2 * -0.5 + 4]


def test_equations_give_the_motion_to_arrays_and_tensors() -> None:
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 50))
    expected = np.stack(velocity(PARAMETERS, x, y))
    rows = [np.stack(columns, -1) for columns in equations(x, y, np.ones_like(x))]
    np.testing.assert_allclose(np.stack(rows) @ PARAMETERS, expected, rtol=1e-12)
    points = torch.from_numpy(x), torch.from_numpy(y)
    tensor = torch.stack([torch.stack(columns, -1) for columns in equations(*points, torch.ones_like(points[0]))])
    np.testing.assert_array_equal(tensor.numpy(), np.stack(rows))
    np.testing.assert_array_equal(torch.stack(velocity(torch.from_numpy(PARAMETERS), *points)).numpy(), expected)
