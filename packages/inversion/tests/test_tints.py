"""Start colours: which one is chosen, what is painted, and how sure teachers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from maskreel.inversion.canvas import Canvas
from maskreel.inversion.targets import FrameTarget
from maskreel.inversion.teachers import SemanticTeacher, open_teacher
from maskreel.inversion.tints import PALETTE, likeliest_colours, tinted

if TYPE_CHECKING:
    from collections.abc import Sequence

BLUE, YELLOW = (0.17, 0.17, 0.85), (0.85, 0.85, 0.17)


class Hues(SemanticTeacher):
    """Class 1 is blue, class 2 is yellow, and grey is background."""

    class_names = ("background", "blue", "yellow")

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 1, 1))

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        blueness = images[:, 2] - (images[:, 0] + images[:, 1]) / 2
        return 20 * torch.stack([torch.full_like(blueness, 0.3), blueness, -blueness], 1)


def two_objects(frames: int = 2) -> list[FrameTarget]:
    """A blue one in all frames, a yellow one in the last only."""
    targets = []
    for frame in range(frames):
        masks = torch.zeros(2, 16, 20, dtype=torch.bool)
        masks[0, 2:8, 2:8] = True
        masks[1, 9:14, 11:18] = frame == frames - 1
        targets.append(FrameTarget(masks, torch.tensor([1, 2])))
    return targets


@pytest.mark.parametrize("batch", [1, 8])
def test_each_object_gets_the_colour_of_its_class(batch: int) -> None:
    images = torch.full((2, 3, 16, 20), 0.5)
    colours = likeliest_colours(Hues(), images, two_objects(), batch=batch)
    most = max(PALETTE, key=lambda rgb: rgb[2] - (rgb[0] + rgb[1]) / 2)
    least = min(PALETTE, key=lambda rgb: rgb[2] - (rgb[0] + rgb[1]) / 2)
    assert torch.allclose(colours, torch.tensor([most, least]))


def test_tints_keep_the_noise_of_an_object_and_everything_else() -> None:
    images = 0.5 + 0.05 * torch.rand(2, 1, 16, 20, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    targets = two_objects()
    colours = torch.tensor([BLUE, YELLOW])
    result = tinted(images, targets, colours)
    for image, new, target in zip(images, result, targets, strict=True):
        free = ~target.masks.any(0)
        assert torch.equal(new[:, free], image[:, free])
        for mask, colour in zip(target.masks, colours, strict=True):
            if mask.any():
                assert torch.allclose(new[:, mask].mean(1), colour, atol=1e-6)
                spread = new[:, mask] - new[:, mask].mean(1, keepdim=True)
                assert torch.allclose(spread, image[:, mask] - image[:, mask].mean(1, keepdim=True), atol=1e-6)


@pytest.mark.parametrize("levels", [0, 3])
def test_a_canvas_is_tinted_around_its_noise(levels: int) -> None:
    grey = 0.5 + 0.02 * torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(0))
    canvas = Canvas(grey.clamp(0, 1).repeat(3, 1, 1), levels)
    before = canvas().detach()
    canvas.tint_(torch.tensor(BLUE))
    after = canvas().detach()
    assert torch.allclose(after.mean((1, 2)), torch.tensor(BLUE), atol=0.01)
    assert float(torch.corrcoef(torch.stack([before[0].flatten(), after[0].flatten()]))[0, 1]) > 0.95


def test_certainty_of_a_semantic_teacher_is_the_mean_logarithm_in_the_mask() -> None:
    teacher, targets = Hues(), two_objects(1)
    image = torch.full((1, 3, 16, 20), 0.5)
    image[0, :, 2:8, 2:5] = torch.tensor(BLUE)[:, None, None]
    (sure,) = teacher.certainty(teacher.look(image), targets)
    logits = teacher.look(image)[0].log_softmax(0)
    assert float(sure[0]) == pytest.approx(float(logits[1][targets[0].masks[0]].mean()), abs=1e-4)


def test_certainty_of_absent_objects_is_0_and_of_a_mask_rcnn_its_class_logits() -> None:
    teacher: Any = open_teacher("shapes")
    masks = torch.zeros(2, 2, 64, 96, dtype=torch.bool)
    masks[0, 0, 10:30, 10:30] = masks[1, 1, 20:50, 40:80] = True
    targets = [FrameTarget(one, torch.tensor([3, 7])) for one in masks]
    images = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        answer = teacher.look(images)
        logits = teacher.network.class_logits(answer, [one.present().boxes for one in targets]).log_softmax(1)
    first, second = teacher.certainty(answer, targets)
    assert first.tolist() == pytest.approx([float(logits[0, 3]), 0.0], abs=1e-5)
    assert second.tolist() == pytest.approx([0.0, float(logits[1, 7])], abs=1e-5)


def test_nothing_is_tinted_where_there_is_nothing() -> None:
    nothing: Sequence[FrameTarget] = [
        FrameTarget(torch.zeros(0, 16, 20, dtype=torch.bool), torch.zeros(0, dtype=torch.int64))
    ]
    images = torch.full((1, 3, 16, 20), 0.5)
    colours = likeliest_colours(Hues(), images, nothing, batch=4)
    assert tuple(colours.shape) == (0, 3)
    assert torch.equal(tinted(images, nothing, colours), images)
