from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
import torch.nn.functional as F

from maskreel.animate.backdrop import StillBackdrop, filled
from maskreel.animate.compositing import Compositor, matte_of, subject_colours
from maskreel.animate.compositing import _compositor as compositor_module
from maskreel.animate.framing import Framing, whole
from maskreel.animate.model import AnimationModel
from maskreel.common.world import ActorsScene

if TYPE_CHECKING:
    from maskreel.animate.model_config import ModelConfig

SIZE = (72, 112)
SQUARE = Framing(4, 30, 64, SIZE)
PIXELS, SMALL = 32, 16


class Swapper(AnimationModel):
    """Its swap gives white, and what it was asked for is kept."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.asked: list[tuple[torch.Tensor, ...]] = []

    def swapped(
        self, foreground: torch.Tensor, masks: torch.Tensor, backdrop: torch.Tensor, backdrop_masks: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.asked.append((foreground, masks, backdrop, backdrop_masks))
        return torch.zeros_like(foreground), torch.ones_like(foreground)


class Film:
    """Another picture for every frame, with a subject of its own."""

    still = False
    transparent = False

    def __init__(self, frames: torch.Tensor, holes: torch.Tensor | None) -> None:
        self.frames, self.marks = frames, holes

    def read(self, start: int, count: int) -> torch.Tensor:
        return self.frames[start : start + count]

    def holes(self, start: int, count: int) -> torch.Tensor | None:
        return None if self.marks is None else self.marks[start : start + count]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def disc(pixels: int, radius: float = 0.3, count: int = 1) -> torch.Tensor:
    """A soft disc in the middle: float (count, 1, pixels, pixels)."""
    place = (torch.arange(pixels) + 0.5) / pixels - 0.5
    distance = (place[:, None] ** 2 + place**2).sqrt()
    return ((radius - distance) * pixels + 0.5).clamp(0, 1).expand(count, 1, -1, -1)


def corner_hole(size: tuple[int, int] = SIZE) -> torch.Tensor:
    """Float (1, 1, H, W) with a subject at the upper left corner, outside the square."""
    hole = torch.zeros(1, 1, *size)
    hole[..., :20, :20] = 1
    return hole


def near_subject(masks: torch.Tensor, reach: int) -> torch.Tensor:
    """Independently: where a mask of the full frame above 0.1 is within a square of `reach` pixels."""
    enlarged = SQUARE.place(masks)
    return F.max_pool2d((enlarged > 0.1).float(), 2 * reach + 1, 1, reach) > 0


@pytest.fixture
def model(small: ModelConfig) -> Swapper:
    torch.manual_seed(0)
    return Swapper(small).eval()


class TestNetwork:
    def test_it_paints_the_square_and_nothing_around_it(self, model: Swapper):
        picture = noise(3, *SIZE)
        out = Compositor(model, StillBackdrop(picture), SQUARE)(torch.rand(2, 3, 32, 32), disc(SMALL, count=2), 0)
        x0, y0, x1, y1 = SQUARE.box
        outside = torch.ones(SIZE, dtype=torch.bool)
        outside[y0:y1, x0:x1] = False
        assert torch.equal(out[:, :, outside], picture[:, outside].expand(2, -1, -1))
        assert (out[:, :, y0 + 8 : y1 - 8, x0 + 8 : x1 - 8] == 255).all()

    def test_it_is_told_of_the_subject_behind(self, model: Swapper):
        holes = torch.zeros(1, 1, *SIZE)
        holes[..., 20:50, 50:70] = 1
        pictures, masks = torch.rand(1, 3, 32, 32), disc(SMALL)
        Compositor(model, StillBackdrop(noise(3, *SIZE), holes[0]), SQUARE)(pictures, masks, 0)
        foreground, ours, behind, theirs = model.asked[0]
        assert torch.equal(foreground, pictures)
        assert torch.equal(ours, masks)
        assert torch.equal(behind, SQUARE.cut(noise(1, 3, *SIZE), 32))
        assert torch.equal(theirs, SQUARE.cut_masks(holes, SMALL))

    def test_without_one_its_mask_is_black(self, model: Swapper):
        Compositor(model, StillBackdrop(noise(3, *SIZE)), SQUARE)(torch.rand(3, 3, 32, 32), disc(SMALL, count=3), 0)
        assert torch.equal(model.asked[0][3], torch.zeros(3, 1, SMALL, SMALL))

    def test_the_subject_behind_goes_outside_the_square_too(self, model: Swapper):
        picture, hole = noise(3, *SIZE), corner_hole()
        out = Compositor(model, StillBackdrop(picture, hole[0]), SQUARE)(torch.rand(1, 3, 32, 32), disc(SMALL), 0)
        plate = filled(picture[None], hole)
        assert torch.equal(out[..., :30], plate[..., :30])
        assert not torch.equal(out[..., :30], picture[None, ..., :30])

    def test_a_real_model_in_single_and_half_precision(self, small: ModelConfig):
        torch.manual_seed(0)
        model = AnimationModel(small).eval()
        compositor = Compositor(model, StillBackdrop(noise(3, *SIZE)), whole(SIZE))
        pictures, masks = torch.rand(1, 3, 32, 32), disc(SMALL)
        single = compositor(pictures, masks, 0)
        with torch.autocast("cpu", torch.bfloat16):
            half = compositor(pictures.bfloat16(), masks.bfloat16(), 0)
        assert single.shape == (1, 3, *SIZE)
        assert (single.int() - half.int()).abs().max() < 16
        assert single.float().std() > 1


class TestLock:
    def test_outside_the_subject_it_is_the_backdrop_bit_for_bit(self, model: Swapper):
        picture, masks = noise(3, *SIZE), disc(SMALL, 0.2, 2)
        compositor = Compositor(model, StillBackdrop(picture, corner_hole()[0]), SQUARE, lock_background=True)
        out = compositor(torch.rand(2, 3, 32, 32), masks, 0)
        plate = filled(picture[None], corner_hole()).expand(2, -1, -1, -1)
        region = compositor.region(masks)
        outside = ~region.expand_as(out)
        assert torch.equal(out[outside], plate[outside])
        assert not torch.equal(out[~outside], plate[~outside])
        assert (region & ~near_subject(masks, 4)).sum() == 0
        assert 0.02 < region.float().mean() < 0.2

    def test_the_subject_is_all_of_the_network(self, model: Swapper):
        masks = disc(SMALL, 0.2)
        out = Compositor(model, StillBackdrop(noise(3, *SIZE)), SQUARE, lock_background=True)(
            torch.rand(1, 3, 32, 32), masks, 0
        )
        assert (out[(SQUARE.place(masks) > 0.1).expand_as(out)] == 255).all()

    def test_between_them_it_fades(self, model: Swapper):
        masks = disc(SMALL, 0.2)
        black = StillBackdrop(torch.zeros(3, *SIZE, dtype=torch.uint8))
        out = Compositor(model, black, SQUARE, lock_background=True)(torch.rand(1, 3, 32, 32), masks, 0)
        row = out[0, 0, 36].int()
        assert ((row > 0) & (row < 255)).sum() >= 4
        assert (row.diff().abs() <= 100).all()

    def test_an_empty_mask_leaves_the_backdrop(self, model: Swapper):
        picture = noise(3, *SIZE)
        compositor = Compositor(model, StillBackdrop(picture), SQUARE, lock_background=True)
        assert torch.equal(compositor(torch.rand(1, 3, 32, 32), torch.zeros(1, 1, SMALL, SMALL), 0), picture[None])


class TestComposite:
    def test_nothing_leaks_outside_the_matte(self, model: Swapper):
        picture, masks, pictures = noise(3, *SIZE), disc(SMALL, 0.2), torch.rand(1, 3, 32, 32)
        out = Compositor(model, StillBackdrop(picture), SQUARE, swap="composite")(pictures, masks, 0)
        alpha = matte_of(masks, pictures, SQUARE)
        outside = (alpha == 0).expand_as(out)
        assert torch.equal(out[outside], picture[None][outside])
        assert torch.equal(alpha > 0, SQUARE.place(F.interpolate(masks, (32, 32), mode="bilinear")) > 0.3)
        assert not model.asked

    def test_lock_changes_nothing(self, model: Swapper):
        backdrop, masks, pictures = StillBackdrop(noise(3, *SIZE)), disc(SMALL, 0.2), torch.rand(1, 3, 32, 32)
        plain, locked = (
            Compositor(model, backdrop, SQUARE, swap="composite", lock_background=lock) for lock in (False, True)
        )
        out = locked(pictures, masks, 0)
        assert torch.equal(out, plain(pictures, masks, 0))
        outside = ~locked.region(masks).expand_as(out)
        assert torch.equal(out[outside], noise(1, 3, *SIZE)[outside])

    def test_the_inside_is_the_subject(self, model: Swapper):
        masks, pictures = disc(SMALL), torch.rand(1, 3, 32, 32)
        out = Compositor(model, StillBackdrop(noise(3, *SIZE)), SQUARE, swap="composite")(pictures, masks, 0)
        enlarged = F.interpolate(masks, (32, 32), mode="bilinear")
        inside = -F.max_pool2d(-(enlarged > 0.99).float(), 3, 1, 1) > 0  # a pixel inwards, for the enlarging
        expected = (SQUARE.place(pictures) * 255).round()
        sure = (SQUARE.place(inside.float()) == 1).expand_as(out)
        assert sure.sum() > 500
        assert torch.equal(out[sure].float(), expected[sure])

    def test_no_fringe_of_the_old_background(self, model: Swapper):
        """Red before green, brought before blue: no green may come along."""
        masks = disc(SMALL, 0.25)
        red = F.interpolate(masks, (32, 32), mode="bilinear")
        pictures = torch.cat([red, 1 - red, torch.zeros_like(red)], dim=1)
        blue = torch.zeros(3, *SIZE, dtype=torch.uint8)
        blue[2] = 255
        out = Compositor(model, StillBackdrop(blue), SQUARE, swap="composite")(pictures, masks, 0)
        assert out[:, 1].max() <= 38  # 15 %; plain blending shows 25 %
        assert out[:, 0].max() > 225

    def test_films_and_their_subjects(self, model: Swapper):
        frames, holes = noise(5, 3, *SIZE), torch.zeros(5, 1, *SIZE)
        for number in range(5):
            holes[number, :, 2 : 10 + 4 * number, 2:10] = 1
        compositor = Compositor(model, Film(frames, holes), SQUARE, swap="composite")
        masks = torch.zeros(2, 1, SMALL, SMALL)
        for start in (0, 2):
            expected = filled(frames[start : start + 2], holes[start : start + 2])
            assert torch.equal(compositor(torch.rand(2, 3, 32, 32), masks, start), expected)

    def test_a_still_backdrop_is_filled_once(self, model: Swapper, monkeypatch: pytest.MonkeyPatch):
        calls = 0

        def counted(frames: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
            nonlocal calls
            calls += 1
            return filled(frames, holes)

        monkeypatch.setattr(compositor_module, "filled", counted)
        backdrop = StillBackdrop(noise(3, *SIZE), corner_hole()[0])
        compositor = Compositor(model, backdrop, SQUARE, swap="composite")
        for start in range(3):
            compositor(torch.rand(2, 3, 32, 32), disc(SMALL, count=2), 2 * start)
        assert calls == 1

    def test_an_actor_before_another_place(self, model: Swapper):
        """The world knows the exact result; plain blending with the enlarged mask is worse by half as much again."""
        scene = ActorsScene(size=(128, 128), frames=1, shadow=False)
        old, new = scene.compose(2, 3, 8), scene.compose(2, 3, 12)
        masks = F.interpolate(old.visible[:, :1].float(), (64, 64), mode="area")
        pictures = old.clip.frames.float() / 255
        framing = whole((128, 128))
        backdrop = StillBackdrop(new.plate[0])
        out = Compositor(model, backdrop, framing, swap="composite")(pictures, masks, 0)
        soft = F.interpolate(masks, (128, 128), mode="bilinear")
        plain = soft * pictures * 255 + (1 - soft) * backdrop.picture
        ours, theirs = ((image.float() - new.clip.frames).square().mean() for image in (out, plain))
        assert ours < theirs / 1.5


class TestTransparent:
    def test_alpha_is_straight(self, model: Swapper):
        """Laid over any picture, it gives what the compositor gives before that picture."""
        picture, masks, pictures = noise(3, *SIZE), disc(SMALL, 0.2), torch.rand(1, 3, 32, 32)
        nothing = StillBackdrop(torch.zeros(3, *SIZE, dtype=torch.uint8), transparent=True)
        out = Compositor(model, nothing, SQUARE)(pictures, masks, 0)
        assert out.shape == (1, 4, *SIZE)
        alpha = out[:, 3:].float() / 255
        over = (alpha * out[:, :3] + (1 - alpha) * picture).round()
        expected = Compositor(model, StillBackdrop(picture), SQUARE, swap="composite")(pictures, masks, 0)
        assert (over - expected).abs().max() <= 2
        assert not model.asked

    def test_colours_go_on_under_the_edge(self, model: Swapper):
        masks = disc(SMALL, 0.25)
        pictures = torch.cat([F.interpolate(masks, (32, 32), mode="bilinear")] * 3, dim=1)
        nothing = StillBackdrop(torch.zeros(3, *SIZE, dtype=torch.uint8), transparent=True)
        out = Compositor(model, nothing, SQUARE)(pictures, masks, 0)
        assert out[:, :3][(out[:, 3:] > 0).expand(-1, 3, -1, -1)].min() > 217
        assert set(out[:, 3].unique().tolist()) > {0, 255}


def test_colours_of_a_flat_subject_cover_the_square():
    masks = disc(SMALL)
    enlarged = F.interpolate(masks, (32, 32), mode="bilinear")
    pictures = torch.where(enlarged > 0.7, torch.tensor([0.8, 0.4, 0.2]).view(1, 3, 1, 1), torch.rand(1, 3, 32, 32))
    colours = subject_colours(pictures, masks)
    assert torch.allclose(colours, torch.tensor([0.8, 0.4, 0.2]).view(1, 3, 1, 1).expand_as(colours), atol=1e-5)


def test_what_an_unsure_mask_holds_inside_stays_as_it_is():
    pictures = torch.rand(1, 3, 32, 32)
    colours = subject_colours(pictures, disc(SMALL) * 0.6)
    deep = F.interpolate(disc(SMALL, 0.13), (32, 32), mode="nearest") > 0.9
    assert deep.sum() > 20
    assert torch.allclose(colours[deep.expand_as(colours)], pictures[deep.expand_as(pictures)])
    assert not torch.allclose(colours, pictures)


def test_wrong_arguments(model: Swapper):
    backdrop = StillBackdrop(noise(3, *SIZE))
    with pytest.raises(ValueError, match="swap must be one of network, composite, got 'paint'"):
        Compositor(model, backdrop, SQUARE, swap="paint")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="pictures and masks must be as many, got 2 and 1"):
        Compositor(model, backdrop, SQUARE)(torch.rand(2, 3, 32, 32), disc(SMALL), 0)
