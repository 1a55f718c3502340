"""The box around a hole, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.painting.box import box_around


@pytest.mark.parametrize(
    ("margin", "rows", "columns"),
    [(0, (3, 5), (6, 9)), (2, (1, 7), (4, 10)), (4, (0, 8), (2, 10)), (50, (0, 8), (0, 10))],
)
def test_it_holds_the_area_and_a_margin_inside_the_picture(
    margin: int, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    area = np.zeros((8, 10), bool)
    area[3, 6] = area[4, 8] = True
    assert box_around(area, margin) == (slice(*rows), slice(*columns))
