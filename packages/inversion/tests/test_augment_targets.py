"""Targets move with the images; what is mirrored, hidden or mostly gone is not asked for."""

from __future__ import annotations

import pytest
import torch

from maskreel.inversion.augment import Augmentation, AugmentSettings, draw
from maskreel.inversion.targets import FrameTarget

HEIGHT, WIDTH = 12, 16


def view(
    *, shift: tuple[int, int] = (0, 0), flip: bool = False, erased: tuple[tuple[int, int, int, int], ...] = ()
) -> Augmentation:
    return Augmentation(
        size=(HEIGHT, WIDTH),
        shift=torch.tensor([shift]),
        flip=torch.tensor([flip]),
        brightness=torch.zeros(1),
        contrast=torch.ones(1),
        erased=torch.tensor(erased, dtype=torch.int64).view(1, -1, 4),
        colours=torch.zeros(1, len(erased), 3),
    )


def target(*boxes: tuple[int, int, int, int], void: torch.Tensor | None = None) -> FrameTarget:
    """Filled boxes, half-open x0, y0, x1, y1, labelled 1, 2, ..."""
    masks = torch.zeros(len(boxes), HEIGHT, WIDTH, dtype=torch.bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    return FrameTarget(masks, torch.arange(1, len(boxes) + 1), void)


def moved(augmentation: Augmentation, given: FrameTarget) -> FrameTarget:
    (found,) = augmentation.targets([given])
    return found


def void_of(found: FrameTarget) -> torch.Tensor:
    assert found.void is not None
    return found.void


@pytest.mark.parametrize("seed", range(8))
def test_masks_and_void_are_where_the_pixels_are(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    augmentation = draw(AugmentSettings(jitter=3, flip=0.5), (HEIGHT, WIDTH), 4, generator)
    givens = []
    for _ in range(4):
        # objects in the middle, so that none of them is dropped
        masks, void = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.bool), torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
        masks[:, 3:-3, 3:-3] = torch.rand(2, HEIGHT - 6, WIDTH - 6, generator=generator) < 0.5
        void[3:-3, 3:-3] = torch.rand(HEIGHT - 6, WIDTH - 6, generator=generator) < 0.2
        givens.append(FrameTarget(masks, torch.tensor([4, 7]), void))
    drawn = torch.stack([torch.cat([given.masks, void_of(given)[None]]) for given in givens]).float()
    pixels = augmentation.images(drawn).bool()
    for found, planes, shift in zip(augmentation.targets(givens), pixels, augmentation.shift.tolist(), strict=True):
        seen = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
        x, y = shift
        seen[: max(y, 0)] = seen[HEIGHT + min(y, 0) :] = seen[:, : max(x, 0)] = seen[:, WIDTH + min(x, 0) :] = False
        assert torch.equal(found.masks & seen, planes[:2] & seen)
        assert torch.equal(void_of(found) & seen, planes[2] & seen)
        assert void_of(found)[~seen].all()
        assert not found.masks[:, ~seen].any()
        assert found.labels.tolist() == [4, 7]


def test_boxes_follow() -> None:
    found = moved(view(shift=(3, -2), flip=True), target((1, 4, 5, 8)))
    # flipped to x 11..15; 14..18 is cut at 16; y is 2..6
    assert found.boxes.tolist() == [[14, 2, 16, 6]]


def test_an_object_at_the_border_is_not_torn_apart_by_a_shift() -> None:
    """With wrapping its box would become as wide as the frame."""
    found = moved(view(shift=(2, 0)), target((10, 3, 16, 9)))
    assert found.boxes.tolist() == [[12, 3, 16, 9]]


def test_a_mirrored_object_is_void_and_not_asked_for() -> None:
    found = moved(view(shift=(4, 0)), target((1, 3, 4, 9)))
    assert found.boxes.tolist() == [[5, 3, 8, 9]]
    assert void_of(found)[:, :4].all()
    assert not void_of(found)[:, 4:].any()


def test_an_object_that_leaves_the_frame_has_an_empty_mask_and_keeps_its_place() -> None:
    found = moved(view(shift=(5, 0)), target((12, 2, 16, 6), (2, 2, 6, 6)))
    assert found.masks.flatten(1).sum(1).tolist() == [0, 16]
    assert found.labels.tolist() == [1, 2]
    assert found.present().labels.tolist() == [2]


@pytest.mark.parametrize(("shift", "left"), [(2, 8), (3, 0)])
def test_an_object_of_which_less_than_half_is_left_is_dropped_and_its_rest_is_void(shift: int, left: int) -> None:
    found = moved(view(shift=(shift, 0)), target((12, 2, 16, 6)))
    assert int(found.masks.sum()) == left
    rest = void_of(found)[:, shift:].sum().item()
    assert rest == (0 if left else 4)


def test_erased_rectangles_are_void_and_the_mask_stays_whole() -> None:
    given = target((2, 2, 10, 6))
    found = moved(view(erased=((8, 0, 14, 5),)), given)
    assert torch.equal(found.masks, given.masks)
    expected = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    expected[0:5, 8:14] = True
    assert torch.equal(void_of(found), expected)


def test_what_is_mostly_erased_is_dropped_and_void() -> None:
    found = moved(view(erased=((4, 2, 10, 6),)), target((2, 2, 10, 6), (0, 8, 4, 12)))
    assert found.masks.flatten(1).sum(1).tolist() == [0, 16]
    assert void_of(found)[2:6, 2:10].all()
    assert int(void_of(found).sum()) == 32


def test_the_rest_of_a_dropped_object_hides_no_other() -> None:
    found = moved(view(erased=((4, 2, 10, 6),)), target((2, 2, 10, 6), (2, 2, 3, 6)))
    assert not void_of(found)[2:6, 2].any()


def test_void_of_the_frame_is_kept_beside_the_erased() -> None:
    void = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    void[11, 15] = True
    found = void_of(moved(view(erased=((0, 0, 1, 1),)), target(void=void)))
    assert found.nonzero().tolist() == [[0, 0], [11, 15]]


def test_a_flip_alone_makes_no_void() -> None:
    found = moved(view(flip=True), target((1, 1, 3, 3)))
    assert found.void is None
    assert found.boxes.tolist() == [[13, 1, 15, 3]]


def test_an_absent_object_stays_absent() -> None:
    given = FrameTarget(torch.zeros(1, HEIGHT, WIDTH, dtype=torch.bool), torch.tensor([3]))
    found = moved(view(flip=True), given)
    assert not found.masks.any()
    assert found.void is None


def test_the_same_target_is_returned_when_nothing_moves() -> None:
    given = target((1, 1, 3, 3))
    assert moved(view(), given) is given


def test_the_given_target_is_left_as_it_is() -> None:
    void = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    given = target((2, 2, 10, 6), void=void)
    before = given.masks.clone()
    moved(view(shift=(3, 3), flip=True, erased=((0, 0, 9, 9),)), given)
    assert torch.equal(given.masks, before)
    assert not void.any()


def test_refuses_targets_that_do_not_belong_to_the_images() -> None:
    with pytest.raises(ValueError, match=r"targets must be 1 of size \(12, 16\), got \[\]"):
        view().targets([])
    with pytest.raises(ValueError, match=r"targets must be 1 of size \(12, 16\), got \[\(16, 12\)\]"):
        view().targets([FrameTarget(torch.zeros(0, 16, 12, dtype=torch.bool), torch.zeros(0, dtype=torch.int64))])
