"""Driving masks: moments, relative motion, smoothing, the best start and templates."""

from __future__ import annotations

import logging
import pickle
import zipfile
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.animate.framing import whole
from maskreel.animate.motion import (
    AbsoluteMotion,
    MotionWriter,
    RelativeMotion,
    Smoothed,
    StartSearch,
    best_start,
    has_subject,
    load_motion,
    moments,
    save_motion,
)
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from maskreel.animate.motion import MaskMotion

SIZE = 32


def rectangle(x0: int, y0: int, x1: int, y1: int, *, size: int = SIZE) -> Tensor:
    """(1, 1, s, s), 1 in a half-open box."""
    mask = torch.zeros(1, 1, size, size)
    mask[..., y0:y1, x0:x1] = 1
    return mask


def empty(count: int = 1) -> Tensor:
    return torch.zeros(count, 1, SIZE, SIZE)


def walk(count: int = 9) -> Tensor:
    """A box that goes right by 2 pixels each frame, (N, 1, s, s)."""
    return torch.cat([rectangle(2 + 2 * step, 6, 8 + 2 * step, 18) for step in range(count)])


def soft_noise(count: int) -> Tensor:
    return torch.rand(count, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


# moments


def test_moments_of_rectangles() -> None:
    found = moments(torch.cat([rectangle(4, 10, 8, 20), rectangle(0, 0, 1, 1), 0.5 * rectangle(4, 10, 8, 20)]))
    assert found.area.tolist() == [40, 1, 20]
    assert found.centre.tolist() == [[5.5, 14.5], [0, 0], [5.5, 14.5]]
    assert torch.allclose(found.scale, torch.tensor([40.0, 1, 20]).sqrt())


def test_faint_values_do_not_count() -> None:
    mask = rectangle(4, 10, 8, 20)
    assert torch.equal(moments(mask + 60 / 255 * (1 - mask)).centre, moments(mask).centre)
    assert moments(torch.full((1, 1, 4, 4), 61 / 255)).area.item() == pytest.approx(16 * 61 / 255)


def test_an_empty_mask_has_the_middle_for_a_centre() -> None:
    assert moments(torch.zeros(1, 1, 10, 21)).centre.tolist() == [[10, 4.5]]


def test_a_speck_is_no_subject() -> None:
    # 0.2 % of 32 x 32 is a little more than 2 pixels
    masks = torch.cat([empty(), rectangle(3, 3, 5, 4), rectangle(3, 3, 6, 4), torch.full((1, 1, SIZE, SIZE), 0.2)])
    assert has_subject(masks).tolist() == [False, False, True, False]


def test_wrong_masks_are_refused() -> None:
    with pytest.raises(TypeError, match=r"masks must be floating point, got torch.bool"):
        moments(rectangle(0, 0, 4, 4).bool())
    with pytest.raises(ValueError, match=r"masks must have shape \(N, 1, h, w\), got \(2, 3, 4, 4\)"):
        has_subject(torch.zeros(2, 3, 4, 4))
    with pytest.raises(ValueError, match="source_mask must be one mask, got 9"):
        RelativeMotion(walk(), walk(1))
    with pytest.raises(ValueError, match="start_mask must be one mask, got 9"):
        RelativeMotion(walk(1), walk())
    with pytest.raises(ValueError, match="source_mask must be one mask, got 9"):
        StartSearch(walk())


# absolute


def test_absolute_motion_changes_nothing() -> None:
    assert torch.equal(AbsoluteMotion()(walk()), walk())
    assert AbsoluteMotion()(empty(0)).shape == (0, 1, SIZE, SIZE)


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
def test_the_last_pose_is_kept_where_no_subject_is_found(batch: int, caplog: pytest.LogCaptureFixture) -> None:
    given = torch.cat([empty(), walk(2), empty(3), walk(1), empty()])
    expected = torch.cat([empty(), walk(2), walk(2)[1:].expand(3, -1, -1, -1), walk(1), walk(1)])
    motion = AbsoluteMotion()
    with caplog.at_level(logging.WARNING):
        found = torch.cat([motion(part) for part in given.split(batch)])
    assert torch.equal(found, expected)
    assert len(caplog.records) == 1


# relative


def test_a_driving_square_twice_as_large_lands_on_the_source() -> None:
    source, start = rectangle(10, 12, 16, 18), rectangle(14, 2, 26, 14)
    (found,) = RelativeMotion(source, start)(start)
    # away from the outline, where half a pixel of the source meets one of the driving mask, it is the source
    assert torch.equal(found[0, 13:17, 11:15], torch.ones(4, 4))
    assert moments(found[None]).centre[0].tolist() == pytest.approx([12.5, 14.5], abs=1e-4)
    assert (found - source[0]).abs().max() < 1e-5


def test_a_driving_square_half_as_large_grows_to_the_source() -> None:
    source, start = rectangle(8, 6, 20, 18), rectangle(20, 20, 26, 26)
    found = RelativeMotion(source, start)(start)
    assert found[0, 0, 8:16, 10:18].min() == 1
    assert moments(found).centre[0].tolist() == pytest.approx([13.5, 11.5], abs=1e-3)
    assert moments(found).area.item() == pytest.approx(144, rel=0.02)


def test_later_motion_is_scaled_with_the_subject() -> None:
    source, driving = rectangle(10, 12, 13, 18), walk()
    found = moments(RelativeMotion(source, driving[:1])(driving)).centre
    # the driving box is twice as high and wide and goes 2 pixels each frame
    expected = torch.tensor([11.0, 14.5]) + torch.arange(9.0)[:, None] * torch.tensor([1.0, 0])
    assert torch.allclose(found, expected, atol=1e-3)


def test_later_growth_is_kept() -> None:
    driving = torch.cat([rectangle(12, 12, 24, 24, size=64), rectangle(6, 6, 30, 30, size=64)])
    areas = moments(RelativeMotion(rectangle(20, 20, 38, 38, size=64), driving[:1])(driving)).area
    assert areas.tolist() == pytest.approx([18 * 18, 36 * 36], rel=0.05)  # faint corners do not count


def test_a_motion_that_starts_on_the_source_is_the_absolute_one() -> None:
    assert torch.allclose(RelativeMotion(walk(1), walk(1))(walk()), walk(), atol=1e-5)


def test_shapes_keep_their_proportions() -> None:
    # a bar as large as the source's square stays a bar
    found = RelativeMotion(rectangle(12, 12, 20, 20), rectangle(0, 4, 32, 6))(rectangle(0, 4, 32, 6))
    assert torch.allclose(found, rectangle(0, 15, 32, 17), atol=1e-5)


def test_nothing_is_skipped_when_masks_get_much_smaller() -> None:
    stripes = torch.zeros(1, 1, 64, 64)
    stripes[..., ::2] = 1
    found = RelativeMotion(rectangle(28, 28, 36, 36, size=64), rectangle(0, 0, 32, 32, size=64))(stripes)
    assert (found[..., 30:42, 30:42] - 0.5).abs().max() < 0.05


def test_what_the_edge_cuts_off_goes_on_beyond_it() -> None:
    bust = rectangle(10, 16, 22, 32)
    found = RelativeMotion(rectangle(10, 8, 22, 24), bust)(bust)
    assert torch.allclose(found, rectangle(10, 8, 22, 32), atol=1e-5)


def test_relative_motion_waits_for_the_first_subject() -> None:
    source = rectangle(10, 12, 16, 24)
    found = RelativeMotion(source, empty())(torch.cat([empty(2), walk(3)]))
    assert torch.equal(found[:2], source.expand(2, -1, -1, -1))
    assert torch.equal(found[2:], RelativeMotion(source, walk(1))(walk(3)))


def test_relative_motion_keeps_the_last_pose() -> None:
    motion = RelativeMotion(rectangle(10, 12, 13, 18), walk(1))
    first = motion(walk(4))
    assert torch.equal(motion(empty(2)), first[-1:].expand(2, -1, -1, -1))


def test_a_source_without_subject_is_refused() -> None:
    with pytest.raises(InputError, match="the source picture shows no subject, so motion relative"):
        RelativeMotion(empty(), walk(1))
    with pytest.raises(InputError, match="the source picture shows no subject, so no driving frame"):
        StartSearch(empty())


# smoothing


def test_smoothing_of_a_small_step() -> None:
    # 0.3 to 0.4 everywhere: the change is 0.1 of the 0.25 that count as motion, so k = 0.5 (1 - 0.4) = 0.3, and then
    # the change is 0.03: k = 0.5 (1 - 0.12) = 0.44
    given = torch.tensor([0.3, 0.4, 0.4]).view(3, 1, 1, 1).expand(3, 1, SIZE, SIZE)
    found = Smoothed(AbsoluteMotion(), 0.5)(given)
    expected = [0.3, 0.4 - 0.3 * 0.1, 0.4 - 0.44 * 0.03]
    for mask, value in zip(found, expected, strict=True):
        assert torch.allclose(mask, torch.tensor(value))


def test_a_jump_is_followed_at_once() -> None:
    given = torch.cat([rectangle(2, 6, 8, 18), rectangle(12, 8, 18, 20)])
    found = Smoothed(AbsoluteMotion(), 0.9)(given)
    assert torch.equal(found, given)


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.0, 1.5, 3.0])
def test_moving_edges_never_lag_by_more_than_a_quarter_of_the_window(speed: float) -> None:
    places = torch.arange(64.0)
    edges = 5 + speed * torch.arange(16)
    given = (edges[:, None] - places).clamp(0, 1)[:, None, None].expand(-1, 1, 64, -1)  # straight, antialiased
    found = Smoothed(AbsoluteMotion(), 0.95)(given)
    lag = (given - found)[:, 0, 32].sum(-1)
    assert lag.min() > -1e-4
    assert lag.max() < 1.75
    assert (lag.max() > 0.05) == (speed < 1.75)


def test_trembling_is_damped() -> None:
    body = rectangle(16, 16, 48, 48, size=64)
    outline = body - rectangle(17, 17, 47, 47, size=64)
    given = 0.7 * body + 0.2 * torch.tensor([1.0, -1.0] * 8).view(-1, 1, 1, 1) * outline
    found = Smoothed(AbsoluteMotion(), 0.6)(given)
    flicker = found[8:].diff(dim=0).abs().amax().item()
    # were k 0.6 as where nothing moves at all, 0.4 (1 - k) / (1 + k) = 0.1 of the 0.4 would be left
    assert 0.1 < flicker < 0.2


def test_no_strength_is_no_smoothing() -> None:
    given = soft_noise(5)
    assert torch.equal(Smoothed(AbsoluteMotion(), 0)(given), given)


def test_smoothed_masks_stay_between_what_was_given() -> None:
    given = soft_noise(6)
    found = Smoothed(AbsoluteMotion(), 0.9)(given)
    assert (found <= given.cummax(0).values + 1e-6).all()
    assert (found >= given.cummin(0).values - 1e-6).all()
    assert not torch.allclose(found, given, atol=0.01)


@pytest.mark.parametrize("strength", [-0.1, 1.0])
def test_strength_has_a_range(strength: float) -> None:
    with pytest.raises(ValueError, match=rf"strength must be in \[0, 1\), got {strength}"):
        Smoothed(AbsoluteMotion(), strength)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize(
    "make",
    [
        AbsoluteMotion,
        lambda: RelativeMotion(rectangle(10, 12, 14, 20), walk(1)),
        lambda: RelativeMotion(rectangle(10, 12, 14, 20), empty()),
        lambda: Smoothed(RelativeMotion(rectangle(10, 12, 14, 20), walk(1)), 0.7),
    ],
)
def test_the_size_of_batches_does_not_matter(make: Callable[[], MaskMotion], batch: int) -> None:
    given = torch.cat([empty(2), (walk() + 0.3 * soft_noise(9)).clamp(max=1), empty(3), walk(2)])
    at_once, in_parts = make(), make()
    found = torch.cat([in_parts(part) for part in (*given.split(batch), empty(0))])
    assert torch.equal(found, at_once(given))


def test_given_masks_are_left_alone() -> None:
    given = torch.cat([empty(), walk(), empty()])
    kept = given.clone()
    Smoothed(RelativeMotion(rectangle(10, 12, 14, 20), given[1:2]), 0.7)(given)
    assert torch.equal(given, kept)


# best start


def shapes() -> Tensor:
    """A bar across, an upright bar, nothing, a square: (4, 1, s, s)."""
    return torch.cat([rectangle(4, 10, 28, 14), rectangle(20, 3, 24, 27), empty(), rectangle(3, 3, 13, 13)])


@pytest.mark.parametrize(
    ("source", "expected"),
    [(rectangle(4, 20, 16, 22), 0), (rectangle(4, 12, 6, 24), 1), (rectangle(15, 14, 20, 19), 3)],
)
@pytest.mark.parametrize("batch", [None, 1, 3])
def test_the_best_start_is_nearest_in_shape(source: Tensor, expected: int, batch: int | None) -> None:
    given = shapes() if batch is None else iter(shapes().split(batch))
    assert best_start(source, given) == expected


def test_a_search_remembers_the_mask_and_its_iou() -> None:
    search = StartSearch(rectangle(14, 14, 20, 20)[0])
    for part in shapes().split(3):
        search.add(part)
    assert search.index == 3
    assert search.mask is not None
    assert torch.equal(search.mask, shapes()[3:])
    assert 0.8 < search.iou <= 1


def test_the_iou_of_known_shapes() -> None:
    # a bar of 2 x 18 and a square of 6 x 6 at the same place share 2 x 6 of 36 + 36 - 12
    search = StartSearch(rectangle(12, 12, 18, 18))
    search.add(rectangle(14, 6, 16, 24))
    assert search.iou == pytest.approx(12 / 60, abs=1e-4)


def test_the_earliest_of_equals_is_the_best_start() -> None:
    assert best_start(walk(1), [walk(1), walk(1), torch.cat([walk(1), walk(1)])]) == 0


def test_driving_masks_without_subject_are_refused() -> None:
    with pytest.raises(InputError, match="no driving frame shows a subject"):
        best_start(walk(1), [empty(3), empty(0)])


# templates


FPS, FRAME = Fraction(30000, 1001), (480, 640)
SQUARE = whole(FRAME)


@pytest.mark.parametrize("count", [1, 300])
def test_templates_come_back(tmp_path: Path, count: int) -> None:
    given = (soft_noise(count) * 255).round() / 255
    save_motion(tmp_path / "walk.npz", given, FPS, SQUARE)
    template = load_motion(tmp_path / "walk.npz")
    assert (template.fps, template.size, template.frame_count, template.mask_size) == (FPS, FRAME, count, SIZE)
    assert (template.framing, template.times, template.recipe) == (SQUARE, None, {})
    assert torch.equal(template.masks(), given)
    assert torch.equal(torch.cat(list(template.batches(7))), given)
    assert max(len(part) for part in template.batches(7)) <= 7


def test_templates_are_written_from_batches_of_any_length(tmp_path: Path) -> None:
    given = soft_noise(520)
    save_motion(tmp_path / "a.npz", given, FPS, SQUARE)
    save_motion(tmp_path / "b.npz", iter(given.split(33)), FPS, SQUARE)
    assert torch.equal(load_motion(tmp_path / "a.npz").masks(), load_motion(tmp_path / "b.npz").masks())


def test_templates_are_read_from_any_frame_on(tmp_path: Path) -> None:
    given = (soft_noise(520) * 255).round() / 255
    save_motion(tmp_path / "walk.npz", given, FPS, SQUARE)
    parts = list(load_motion(tmp_path / "walk.npz").batches(100, 50, 515))
    assert [len(part) for part in parts] == [100, 100, 100, 100, 65]
    assert torch.equal(torch.cat(parts), given[50:515])


def test_templates_keep_times_and_the_recipe(tmp_path: Path) -> None:
    times = [Fraction(tick, 1000) for tick in (40, 80, 100, 170, 171)]
    base, recipe = Fraction(1, 1000), {"weights": "a.safetensors", "start": 3}
    with MotionWriter(tmp_path / "walk.npz", FPS, SQUARE, time_base=base, recipe=recipe) as writer:
        writer.add(walk(3), times[:3])
        writer.add(walk(2), times[3:])
    template = load_motion(tmp_path / "walk.npz")
    assert template.times == tuple(times)
    assert (template.time_base, template.recipe) == (base, recipe)
    with np.load(tmp_path / "walk.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "back.npz", **arrays | {"ticks": arrays["ticks"][::-1].copy()})
    with pytest.raises(InputError, match="the times of its frames do not rise"):
        load_motion(tmp_path / "back.npz")
    np.savez(tmp_path / "late.npz", **arrays | {"ticks": arrays["ticks"] * 10**9})
    with pytest.raises(InputError, match="its frames are shown from 40000000 to 171000000 s"):
        load_motion(tmp_path / "late.npz")
    for recipe, fault in ((b"[1]", "no JSON object"), (b"\xff\xfe\x00", "not JSON"), (b"nop", "not JSON")):
        about = arrays["about"].copy()
        about[3] = 3
        np.savez(tmp_path / "odd.npz", **arrays | {"recipe": np.frombuffer(recipe, np.uint8), "about": about})
        with pytest.raises(InputError, match=f"its recipe is {fault}"):
            load_motion(tmp_path / "odd.npz")


def test_times_must_be_ticks(tmp_path: Path) -> None:
    with MotionWriter(tmp_path / "walk.npz", FPS, SQUARE, time_base=Fraction(1, 10)) as writer:
        with pytest.raises(ValueError, match="times must be those of 2 frames, got None"):
            writer.add(walk(2))
        with pytest.raises(ValueError, match="times must be multiples of 1/10 s"):
            writer.add(walk(1), [Fraction(1, 3)])
        writer.add(walk(1), [Fraction(1, 2)])


def test_templates_are_ordinary_npz_files(tmp_path: Path) -> None:
    save_motion(tmp_path / "walk.npz", walk(), FPS, SQUARE)
    with np.load(tmp_path / "walk.npz", allow_pickle=False) as file:
        assert file["about"].tolist() == [1, 9, SIZE, 2, 30000, 1001, 480, 640, -80, 0, 640, 0, 1]
        assert np.array_equal(file["masks_00000"], walk()[:, 0].numpy().astype(np.uint8) * 255)
    assert (tmp_path / "walk.npz").stat().st_size < 2000


def test_templates_that_cannot_be_made_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"walk.pkl must end in .npz"):
        save_motion(tmp_path / "walk.pkl", walk(), FPS, SQUARE)
    with pytest.raises(ValueError, match="masks must hold one or more frames, got none"):
        save_motion(tmp_path / "walk.npz", [], FPS, SQUARE)
    for count in (3, 256):
        with pytest.raises(ValueError, match=r"masks must be of one size, got \(16, 16\) after \(32, 32\)"):
            save_motion(tmp_path / "walk.npz", [empty(count), torch.zeros(1, 1, 16, 16)], FPS, SQUARE)
    with pytest.raises(ValueError, match=r"masks must be square, got \(1, 1, 16, 8\)"):
        save_motion(tmp_path / "walk.npz", torch.zeros(1, 1, 16, 8), FPS, SQUARE)
    with pytest.raises(ValueError, match="fps and time_base must be positive, got 0"):
        save_motion(tmp_path / "walk.npz", walk(), Fraction(0), SQUARE)
    assert not list(tmp_path.iterdir())


def changed_about(path: Path, position: int, value: int) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    arrays["about"][position] = value
    np.savez_compressed(path, **arrays)


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, 2, "is a motion template of version 2, expected 1"),
        (1, 300, "is damaged or no motion template: it holds uint8"),
        (1, 10**15, "is no motion template: it tells of 1000000000000000 masks"),
        (2, 10**9, "is no motion template: it tells of 9 masks of 1000000000 x 1000000000 pixels, expected at most"),
        (2, 31, "is damaged or no motion template: it holds uint8"),
        (3, 10**9, "is no motion template"),
        (3, 1, "is damaged or no motion template: it holds uint8"),
        (4, 1001 * 1001, "is no motion template: it tells of 1002001 frames in 1001 s"),
        (5, 2**31, "is no motion template: it tells of 30000 frames in 2147483648 s"),
        (12, 2**31, "is no motion template: it tells of"),
        (9, 640, "is no motion template: the square must meet the frame"),
        (10, 0, "is no motion template: side must be 1 or more"),
        (11, 5, "is damaged or no motion template: "),
        (2, 0, "is no motion template: it tells of 9 masks of 0 x 0 pixels"),
        (4, -1, "is no motion template"),
    ],
)
def test_templates_that_tell_lies_are_refused(tmp_path: Path, position: int, value: int, message: str) -> None:
    path = tmp_path / "walk.npz"
    save_motion(path, walk(), FPS, SQUARE)
    changed_about(path, position, value)
    with pytest.raises(InputError, match=rf"walk.npz {message}"):
        load_motion(path)


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing.npz does not exist, expected a motion template"):
        load_motion(tmp_path / "nothing.npz")
    (tmp_path / "text.npz").write_text("a letter")
    np.savez(tmp_path / "other.npz", frames=np.zeros(3))
    for name in ("text.npz", "other.npz"):
        with pytest.raises(InputError, match=rf"{name} is damaged or no motion template"):
            load_motion(tmp_path / name)
    with pytest.raises(InputError, match="is damaged or no motion template"):
        load_motion(tmp_path)


def test_cut_off_and_changed_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "walk.npz"
    save_motion(path, soft_noise(4), FPS, SQUARE)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="is damaged or no motion template"):
        load_motion(path)
    path.write_bytes(whole[:1000] + bytes([whole[1000] ^ 255]) + whole[1001:])
    with pytest.raises(InputError, match="is damaged or no motion template"):
        load_motion(path)


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return pytest.fail, ("it was unpickled",)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez(path, about=np.array([Bomb()], object))
    with pytest.raises(InputError, match="is damaged or no motion template"):
        load_motion(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about.npy", pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="is damaged or no motion template"):
        load_motion(path)


def test_templates_are_read_in_batches_of_one_or_more(tmp_path: Path) -> None:
    save_motion(tmp_path / "walk.npz", walk(), FPS, SQUARE)
    with pytest.raises(ValueError, match="count must be 1 or more frames, got 0"):
        next(load_motion(tmp_path / "walk.npz").batches(0))
