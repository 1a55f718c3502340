"""Parts of boxes: past the resolution of the mask head."""

from __future__ import annotations

import torch
from torch.nn import functional

from maskreel.common.maskrcnn import shapes_maskrcnn
from maskreel.common.maskrcnn._paste import paste_probabilities
from maskreel.inversion.targets import FrameTarget
from maskreel.inversion.teachers import MaskRCNNSettings, MaskRCNNTeacher
from maskreel.inversion.teachers._mask_loss import cut
from maskreel.inversion.teachers._regions import parts, stitch, whole

BOXES = torch.tensor([[10.0, 20, 80, 55], [0.0, 0, 28, 28], [3.0, 4, 40, 90]])


def test_parts_cover_the_box_and_overlap_by_a_quarter() -> None:
    found = parts(BOXES[:1], 2, side=28, coarse=False)
    side = 70 / 1.75  # 2 sides less a quarter of one
    first = [10.0, 20.0, 10 + side, 20 + side / 2]
    last = [80 - side, 55 - side / 2, 80.0, 55.0]
    torch.testing.assert_close(found.boxes[0], torch.tensor(first))
    torch.testing.assert_close(found.boxes[3], torch.tensor(last))
    assert (found.boxes[0, 2] - found.boxes[1, 0]).item() / side == 0.25


def test_only_boxes_larger_than_the_heads_mask_are_cut_and_every_object_counts_once() -> None:
    both, alone = (parts(BOXES, 3, side=28, coarse=coarse) for coarse in (True, False))
    assert torch.bincount(both.objects).tolist() == [10, 1, 10]
    assert torch.bincount(alone.objects).tolist() == [9, 1, 9]
    for found in (both, alone):
        torch.testing.assert_close(torch.zeros(3).index_add(0, found.objects, found.weights), torch.ones(3))
        assert (found.objects.diff() >= 0).all()
    assert torch.equal(both.boxes[0], BOXES[0])
    assert torch.equal(alone.boxes[9], BOXES[1])


def iou(one: torch.Tensor, other: torch.Tensor) -> float:
    return ((one & other).sum() / (one | other).sum()).item()


def test_perfect_parts_pass_the_ceiling_of_perfect_masks() -> None:
    """An outline with teeth of 4 pixels, cut and put back, without any network."""
    mask = torch.zeros(1, 240, 320, dtype=torch.bool)
    mask[0, 60:180, 50:270] = True
    for x in range(50, 270, 8):
        mask[0, 40:60, x : x + 4] = mask[0, 180:200, x : x + 4] = True
    box = torch.tensor([[50.0, 40, 266, 200]])
    box[0, 2] = 270
    centre = (0.0, 0.0)
    squares = {}
    for tiles in (1, 2, 4):
        regions = whole(box) if tiles == 1 else parts(box, tiles, side=28, coarse=False)
        square = cut(mask, regions.objects, regions.boxes, 28, centre=centre)
        squares[tiles] = iou(stitch(square, regions.boxes, (240, 320), centre=centre) > 0.5, mask[0])
    coarse = cut(mask, torch.tensor([0]), box, 28, centre=centre)
    assert iou(paste_probabilities(coarse, box, (240, 320), centre=centre)[0] > 0.5, mask[0]) == squares[1]
    assert squares[1] < 0.9
    assert squares[2] > squares[1] + 0.01
    assert squares[4] > 0.97


def test_masks_come_back_where_they_were_for_both_pixel_centres() -> None:
    """Cut and pasted with one convention, a mask does not move; with two, it does by half a pixel."""
    mask = torch.zeros(1, 60, 80, dtype=torch.bool)
    mask[0, 20:40, 30:50] = True
    box = torch.tensor([[26.0, 16, 54, 44]])  # one pixel of the image per pixel of the square
    for centre in ((0.0, 0.0), (0.5, 0.5), (-0.3, 0.2)):
        square = cut(mask, torch.tensor([0]), box, 28, centre=centre)
        pasted = paste_probabilities(square, box, (60, 80), centre=centre)[0]
        rows, columns = torch.meshgrid(torch.arange(60.0), torch.arange(80.0), indexing="ij")
        middle = torch.stack([(pasted * columns).sum(), (pasted * rows).sum()]) / pasted.sum()
        torch.testing.assert_close(middle, torch.tensor([39.5, 29.5]), atol=1e-3, rtol=0)


def test_cut_boxes_are_asked_with_their_own_masks() -> None:
    """The mask term with parts against the same from the parts one by one."""
    model = shapes_maskrcnn()
    asked = MaskRCNNTeacher(
        model,
        MaskRCNNSettings(tiles=2, coarse=True, class_term=False, background_term=False, objectness_term=False),
    )
    masks = torch.zeros(1, 80, 96, dtype=torch.bool)
    masks[0, 10:60, 20:80] = True
    masks[0, 10:30, 20:40] = False
    target = FrameTarget(masks, torch.tensor([5]))
    answer = asked.look(torch.rand(1, 3, 80, 96))
    losses = []
    for box in parts(target.boxes, 2, side=28, coarse=True).boxes:
        logits = model.mask_logits(answer, [box[None]], [torch.tensor([5])])
        wanted = cut(masks, torch.tensor([0]), box[None], 28, centre=(0.0, 0.0))
        losses.append(functional.binary_cross_entropy_with_logits(logits, wanted))
    expected = losses[0] / 2 + torch.stack(losses[1:]).mean() / 2
    torch.testing.assert_close(asked.terms(answer, [target])["mask"], expected[None])


def test_read_stitches_parts_where_there_are_some() -> None:
    model = shapes_maskrcnn()
    masks = torch.zeros(2, 80, 96, dtype=torch.bool)
    masks[0, 10:60, 20:80] = masks[1, 65:75, 5:20] = True
    target = FrameTarget(masks, torch.tensor([5, 6]))
    coarse, fine = (MaskRCNNTeacher(model, MaskRCNNSettings(tiles=tiles)) for tiles in (1, 2))
    answer = coarse.look(torch.rand(1, 3, 80, 96))
    one, other = coarse.read(answer, [target])[0], fine.read(answer, [target])[0]
    torch.testing.assert_close(one[1], other[1])
    assert not torch.allclose(one[0], other[0])
    assert not other[0, :10].any()
    box = parts(target.boxes[:1], 2, side=28, coarse=False).boxes
    logits = model.mask_logits(answer, [box], [torch.full((4,), 5)])
    corner = paste_probabilities(logits.sigmoid()[:1], box[:1], (80, 96), centre=(0.0, 0.0))[0]
    torch.testing.assert_close(other[0, 10:30, 20:45], corner[10:30, 20:45])  # only the first part reaches there
