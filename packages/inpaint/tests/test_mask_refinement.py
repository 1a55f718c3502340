"""How masks grow, what lies between two segmented frames, and regions given by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.masks import write_binary_png
from maskreel.inpaint.segmenters.refinement import MaskRefinement, fill_between, region_mask

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (40, 60)


def block(rows: slice, columns: slice) -> torch.Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[rows, columns] = True
    return mask


def refined(mask: torch.Tensor, **settings: float) -> torch.Tensor:
    values = {"dilation": 0.0, "shadow_margin": 0.0, "temporal_union": 0} | settings
    return MaskRefinement(**values)(mask[None], 0, 1)[0]  # pyright: ignore[reportArgumentType]


def test_without_growth_a_solid_mask_stays_as_it_is() -> None:
    mask = block(slice(10, 20), slice(30, 40))
    assert torch.equal(refined(mask), mask)


def test_masks_grow_by_a_disk() -> None:
    mask = block(slice(20, 21), slice(30, 31))
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
    assert np.array_equal(refined(mask, dilation=4.5).numpy(), (ys - 20) ** 2 + (xs - 30) ** 2 <= 4.5**2)


def test_holes_are_filled_and_bays_are_not() -> None:
    ring = block(slice(10, 20), slice(10, 20)) & ~block(slice(12, 18), slice(12, 18))
    assert torch.equal(refined(ring), block(slice(10, 20), slice(10, 20)))
    bay = ring & ~block(slice(14, 16), slice(10, 12))
    assert torch.equal(refined(bay), bay)


def test_shadows_are_below_and_half_as_far_beside() -> None:
    grown = refined(block(slice(10, 20), slice(20, 40)), shadow_margin=6)
    assert torch.equal(grown.any(dim=1).nonzero().flatten(), torch.arange(10, 26)), "nothing above, 6 pixels below"
    assert torch.equal(grown.any(dim=0).nonzero().flatten(), torch.arange(17, 43)), "3 pixels to either side"
    assert grown[10:20, 17:43].all()
    assert grown[20:25, 20:40].all()


def test_a_shadow_hangs_together_with_what_casts_it() -> None:
    """A thin thing and its shifted copies have gaps between them, which are closed."""
    grown = refined(block(slice(10, 11), slice(20, 40)), shadow_margin=8)
    assert grown[10:19, 21:39].all()


def test_shadows_stop_at_the_edge_of_the_frame() -> None:
    grown = refined(block(slice(36, 40), slice(55, 60)), shadow_margin=6)
    assert grown.any(dim=0).nonzero().flatten().tolist() == list(range(52, 60))
    assert not grown[:36].any()


def test_the_masks_of_neighbouring_frames_are_added() -> None:
    marked = torch.stack([block(slice(10, 12), slice(10 * t, 10 * t + 3)) for t in range(6)])
    refinement = MaskRefinement(dilation=0, shadow_margin=0, temporal_union=1)
    assert refinement.context == 1
    grown = refinement(marked, 0, 6)
    for t in range(6):
        assert torch.equal(grown[t], marked[max(0, t - 1) : t + 2].any(dim=0))
    assert torch.equal(refinement(marked[1:5], 1, 3), grown[2:4]), "with one frame of context on each side"


def test_removed_regions_are_added_and_kept_ones_win() -> None:
    mask = block(slice(10, 20), slice(10, 20))
    remove, keep = (
        block(slice(0, 5), slice(50, 60)),
        block(slice(15, 40), slice(0, 55)) | block(slice(0, 2), slice(50, 60)),
    )
    grown = MaskRefinement(3, 2, 0, remove=remove, keep=keep)(mask[None], 0, 1)[0]
    assert not (grown & keep).any()
    assert (grown | keep)[remove].all()
    assert grown[10:15, 10:20].all()


def test_the_given_masks_are_left_unchanged() -> None:
    marked = torch.stack([block(slice(10, 20), slice(10, 20)), block(slice(12, 22), slice(10, 20))])
    before = marked.clone()
    MaskRefinement(2, 4, 1, remove=block(slice(0, 2), slice(0, 2)), keep=block(slice(14, 16), slice(0, 60)))(
        marked, 0, 2
    )
    assert torch.equal(marked, before)


def test_between_two_frames_lies_what_moved_from_one_to_the_other() -> None:
    """A block that moves by 2 pixels is half way, 1 pixel from either place."""
    before, after = block(slice(10, 20), slice(20, 30)), block(slice(10, 20), slice(22, 32))
    between = fill_between(before, after, 3)
    assert between.shape == (3, *SIZE)
    assert torch.equal(between[0], between[2])
    assert between[1][10:20, 20:32].all()
    assert between[1].any(dim=0).nonzero().flatten().tolist() == list(range(19, 33))


def test_between_two_equal_masks_lies_the_same_mask() -> None:
    mask = block(slice(10, 20), slice(20, 30))
    assert torch.equal(fill_between(mask, mask, 2), mask.expand(2, -1, -1))


def test_what_appears_or_disappears_is_there_in_between() -> None:
    mask, none = block(slice(10, 20), slice(20, 30)), torch.zeros(SIZE, dtype=torch.bool)
    for between in (fill_between(mask, none, 2), fill_between(none, mask, 2)):
        assert torch.equal(between, mask.expand(2, -1, -1))
    assert not fill_between(none, none, 2).any()


def test_far_jumps_grow_masks_by_two_percent_of_the_height_only() -> None:
    """Two people, not one: 4 % of 100 rows is the limit, half of it on each side."""
    before, after = torch.zeros(2, 100, 100, dtype=torch.bool)
    before[40:60, 10:20] = True
    after[40:60, 70:80] = True
    between = fill_between(before, after, 1)[0]
    assert between.any(dim=0).nonzero().flatten().tolist() == [*range(8, 22), *range(68, 82)]


def test_nothing_lies_between_frames_next_to_each_other() -> None:
    mask = block(slice(0, 5), slice(0, 5))
    assert fill_between(mask, ~mask, 0).shape == (0, *SIZE)


def test_regions_are_rectangles_and_images(tmp_path: Path) -> None:
    image = block(slice(30, 40), slice(0, 10))
    write_binary_png(tmp_path / "logo.png", image)
    found = region_mask(("5,0,20,10", str(tmp_path / "logo.png")), SIZE, name="remove")
    assert found is not None
    assert torch.equal(found, image | block(slice(0, 10), slice(5, 20)))


def test_a_region_may_be_the_whole_frame_and_none_is_none() -> None:
    whole = region_mask(("0,0,60,40",), SIZE, name="keep")
    assert whole is not None
    assert whole.all()
    assert region_mask((), SIZE, name="keep") is None


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("1,2,3", "--keep 1,2,3: a rectangle is four whole numbers, x0,y0,x1,y1"),
        ("1,2,3,4,5", "four whole numbers"),
        ("a,b,c,d", "four whole numbers"),
        ("0.5,0,9,9", "four whole numbers"),
        ("10,0,5,5", "0 <= x0 < x1 <= 60 and 0 <= y0 < y1 <= 40"),
        ("0,0,61,40", "0 <= x0 < x1 <= 60"),
        ("0,-1,5,5", "0 <= y0 < y1 <= 40"),
        ("0,5,5,5", "0 <= y0 < y1 <= 40"),
        ("nowhere.png", "--keep nowhere.png: there is no such mask image; a rectangle is written x0,y0,x1,y1"),
    ],
)
def test_bad_regions_are_refused_by_name(region: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        region_mask((region,), SIZE, name="keep")


def test_a_mask_image_of_another_size_is_refused(tmp_path: Path) -> None:
    write_binary_png(tmp_path / "logo.png", torch.ones(30, 60, dtype=torch.bool))
    with pytest.raises(InputError, match=r"logo\.png is 60x30 pixels, expected 60x40"):
        region_mask((str(tmp_path / "logo.png"),), SIZE, name="remove")
