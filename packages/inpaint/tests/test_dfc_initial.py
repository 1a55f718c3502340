from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.dfc import initialise
from maskreel.inpaint.flow.completion import complete_flow


def _flow() -> np.ndarray:
    y, x = np.mgrid[:48, :64].astype(np.float32)
    return np.stack([3 * np.sin(x / 15) + 0.05 * y, 2 * np.cos(y / 12)], -1)


@pytest.fixture
def region() -> np.ndarray:
    region = np.zeros((48, 64), bool)
    region[14:32, 20:42] = region[0:6, 50:64] = True
    return region


def test_laplace_solves_the_equation(region: np.ndarray):
    flow = _flow()
    found = initialise(flow, region)
    exact = _solved(flow, region)
    assert np.array_equal(found[~region], flow[~region])
    # Half the size, as published: the rim is averaged, which the flow's range of 6 px bears.
    assert np.abs(found - exact)[region].max() < 0.35
    assert np.abs(found - exact)[region].mean() < 0.08


def test_what_stands_in_the_hole_does_not_matter(region: np.ndarray):
    flow = _flow()
    for rubbish in (1e6, np.nan):
        other = np.where(region[..., None], np.float32(rubbish), flow)
        for how in ("laplace", "background"):
            assert np.array_equal(initialise(other, region, how), initialise(flow, region, how))


def test_a_hole_in_the_middle_of_nothing(region: np.ndarray):
    flow = _flow()
    assert np.array_equal(initialise(flow, np.ones_like(region)), np.zeros_like(flow))
    assert np.array_equal(initialise(flow, np.zeros_like(region)), flow)
    one = np.zeros_like(region)
    one[20, 20] = True
    assert np.abs(initialise(flow, one) - flow).max() < 0.2


def test_background_is_complete_flow(region: np.ndarray):
    assert np.array_equal(initialise(_flow(), region, "background"), complete_flow(_flow(), region))
    with pytest.raises(ValueError, match="how must be one of laplace, background, got 'cubic'"):
        initialise(_flow(), region, "cubic")  # pyright: ignore[reportArgumentType]


def _solved(flow: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Every hole pixel is the mean of those neighbours that the image has: one dense system."""
    places = {(int(y), int(x)): i for i, (y, x) in enumerate(np.argwhere(region))}
    matrix, right = np.zeros((len(places), len(places))), np.zeros((len(places), 2))
    for (y, x), i in places.items():
        for near in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= near[0] < 48 and 0 <= near[1] < 64):
                continue
            matrix[i, i] += 1
            if near in places:
                matrix[i, places[near]] -= 1
            else:
                right[i] += flow[near]
    result = flow.astype(np.float64)
    result[region] = np.linalg.solve(matrix, right)
    return result
