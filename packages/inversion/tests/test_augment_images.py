"""Views of images against slices, NumPy's reflection and hand-computed colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maskreel.inversion.augment import Augmentation, AugmentSettings, draw

HEIGHT, WIDTH = 10, 14


def view(
    *,
    shift: tuple[int, int] = (0, 0),
    flip: bool = False,
    brightness: float = 0.0,
    contrast: float = 1.0,
    erased: tuple[tuple[int, int, int, int], ...] = (),
) -> Augmentation:
    """One image's view; erased rectangles are coloured (.1, .2, .3), (.2, .4, .6), ..."""
    return Augmentation(
        size=(HEIGHT, WIDTH),
        shift=torch.tensor([shift]),
        flip=torch.tensor([flip]),
        brightness=torch.tensor([brightness]),
        contrast=torch.tensor([contrast]),
        erased=torch.tensor(erased, dtype=torch.int64).view(1, -1, 4),
        colours=torch.tensor([[(0.1 * k, 0.2 * k, 0.3 * k) for k in range(1, len(erased) + 1)]]).view(1, -1, 3),
    )


def picture() -> torch.Tensor:
    return torch.rand(1, 3, HEIGHT, WIDTH)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (0, -4), (6, 4), (-6, -4), (5, -2)])
def test_moves_equal_numpys_reflection(shift: tuple[int, int], flip: bool) -> None:
    image, margin = picture(), 7
    source = image.flip(-1) if flip else image
    padded = np.pad(source[0].numpy(), ((0, 0), (margin, margin), (margin, margin)), mode="reflect")
    x, y = margin - shift[0], margin - shift[1]
    expected = torch.from_numpy(padded[:, y : y + HEIGHT, x : x + WIDTH])
    assert torch.equal(view(shift=shift, flip=flip).images(image)[0], expected)


def test_jitter_never_wraps() -> None:
    image = torch.zeros(1, 3, HEIGHT, WIDTH)
    image[..., -2:] = 1  # an object at the right border
    moved = view(shift=(3, 0)).images(image)
    assert not moved.any()
    assert torch.roll(image, 3, dims=-1)[..., :3].any()  # where wrapping would have put it


def test_brightness_and_contrast_by_hand() -> None:
    image = torch.tensor([0.2, 0.6]).repeat_interleave(WIDTH // 2).expand(1, 3, HEIGHT, WIDTH)
    # the mean is 0.4: 0.4 + 1.5 * (-0.2, 0.2) + 0.1
    found = view(brightness=0.1, contrast=1.5).images(image)
    torch.testing.assert_close(found[0, 0, 0, [0, -1]], torch.tensor([0.2, 0.8]))


def test_colours_are_clipped_once_and_at_the_end() -> None:
    image = torch.tensor([0.1, 0.9]).repeat_interleave(WIDTH // 2).expand(1, 3, HEIGHT, WIDTH)
    # the mean is 0.5: contrast 2 gives -0.3 and 1.3, brightness 0.5 then 0.2 and 1.8
    found = view(brightness=0.5, contrast=2.0).images(image)
    torch.testing.assert_close(found[0, 0, 0, [0, -1]], torch.tensor([0.2, 1.0]))


def test_a_clipped_pixel_gets_no_gradient_and_the_others_do() -> None:
    image = torch.tensor([0.3, 0.95]).repeat_interleave(WIDTH // 2).expand(1, 3, HEIGHT, WIDTH).clone()
    image.requires_grad_()
    view(brightness=0.2).images(image).sum().backward()
    assert image.grad is not None
    assert image.grad[0, 0, 0, [0, -1]].tolist() == [1.0, 0.0]


def test_nothing_is_clipped_where_no_colour_changes() -> None:
    image = picture() * 3 - 1
    assert torch.equal(view(flip=True).images(image), image.flip(-1))


def test_erased_rectangles_are_painted_and_hide_the_gradient() -> None:
    image = picture().requires_grad_()
    found = view(erased=((2, 1, 6, 4), (5, 3, 8, 9))).images(image)
    assert found[0, :, 1, 2].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert found[0, :, 3, 5].tolist() == pytest.approx([0.2, 0.4, 0.6])  # the later one lies on top
    inside = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    inside[1:4, 2:6] = inside[3:9, 5:8] = True
    assert torch.equal(found[0][:, ~inside], image[0][:, ~inside])
    found.sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad[0, 0], (~inside).float())


def test_erasing_comes_last() -> None:
    found = view(shift=(3, 2), brightness=0.5, erased=((0, 0, 2, 2),)).images(picture())
    assert found[0, :, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_gradients_are_right() -> None:
    augmentation = view(shift=(4, -3), flip=True, brightness=0.01, contrast=1.05, erased=((1, 1, 4, 4),))
    images = (0.4 + 0.2 * torch.rand(1, 3, HEIGHT, WIDTH, dtype=torch.float64)).requires_grad_()
    weights = torch.rand(1, 3, HEIGHT, WIDTH, dtype=torch.float64)

    def weighted(images: torch.Tensor) -> torch.Tensor:
        return (augmentation.images(images) * weights).sum()

    assert torch.autograd.gradcheck(weighted, (images,))


def test_each_image_of_a_batch_has_its_own_view() -> None:
    settings = AugmentSettings(jitter=4, flip=0.5, brightness=0.1, contrast=0.1, erase=1)
    together = draw(settings, (HEIGHT, WIDTH), 5, torch.Generator().manual_seed(3))
    images = picture().expand(5, -1, -1, -1)
    found = together.images(images)
    for k in range(5):
        parts = {
            name: getattr(together, name)[k : k + 1]
            for name in ("shift", "flip", "brightness", "contrast", "erased", "colours")
        }
        torch.testing.assert_close(found[k : k + 1], Augmentation(together.size, **parts).images(images[:1]))
    assert not torch.equal(found[0], found[1])


def test_noise_has_the_wanted_spread_and_lets_gradients_through() -> None:
    images = torch.full((4, 3, 40, 40), 0.5, requires_grad=True)
    found = draw(AugmentSettings(noise=0.05), (40, 40), 4, torch.Generator().manual_seed(0)).images(images)
    assert float(found.detach().std()) == pytest.approx(0.05, rel=0.05)
    assert float(found.detach().mean()) == pytest.approx(0.5, abs=0.002)
    assert not torch.equal(found[0], found[1])
    found.sum().backward()
    assert images.grad is not None
    assert torch.equal(images.grad, torch.ones_like(images))


def test_the_images_are_left_as_they_are() -> None:
    image = picture()
    before = image.clone()
    view(shift=(2, 1), flip=True, brightness=0.3, contrast=0.5, erased=((0, 0, 5, 5),)).images(image)
    assert torch.equal(image, before)


def test_refuses_images_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"images must have shape \(1, 3, 10, 14\), got \(1, 3, 14, 10\)"):
        view().images(torch.rand(1, 3, WIDTH, HEIGHT))
