"""Masks at another size, in parts, with other class names."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common import masks as mask_tools
from maskreel.common.errors import InputError
from maskreel.common.video import Clip, write
from maskreel.inversion.sources import MaskSequence, open_masks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def labels() -> torch.Tensor:
    """Six frames of 8x12: object 2 moves right two pixels a frame, object 5 is in the last frame only."""
    maps = torch.zeros(6, 8, 12, dtype=torch.uint8)
    for index in range(6):
        maps[index, 2:6, index * 2 : index * 2 + 2] = 2
    maps[5, 0:2, 0:2] = 5
    maps[1, 7, :] = mask_tools.VOID
    return maps


@pytest.fixture
def masks(labels: torch.Tensor, tmp_path: Path) -> MaskSequence:
    for index, frame in enumerate(labels):
        mask_tools.write_label_png(tmp_path / "clip" / f"{index:05d}.png", frame)
    return open_masks(tmp_path / "clip")


def test_every_frame_has_all_objects(masks: MaskSequence, labels: torch.Tensor) -> None:
    assert (masks.name, len(masks), masks.size, masks.fps) == ("clip", 6, (8, 12), Fraction(24))
    assert masks.object_ids == (2, 5)
    assert masks.class_names == (None, None)
    for index, frame in enumerate(masks):
        assert torch.equal(frame.masks[0], labels[index] == 2)
        assert torch.equal(frame.masks[1], labels[index] == 5)
        assert torch.equal(masks.labels(index), labels[index])
    assert torch.equal(masks.frame(-1).masks, masks.frame(5).masks)


def test_void_is_kept_apart(masks: MaskSequence, labels: torch.Tensor) -> None:
    assert masks.frame(0).void is None
    void = masks.frame(1).void
    assert void is not None
    assert torch.equal(void, labels[1] == 255)
    assert not (masks.frame(1).masks & void).any()


def test_beyond_the_end(masks: MaskSequence) -> None:
    with pytest.raises(IndexError):
        masks.frame(6)


@pytest.mark.parametrize(
    ("size", "scale", "expected"), [(4, None, (4, 6)), ((16, 24), None, (16, 24)), (None, 0.5, (4, 6))]
)
def test_resized(
    masks: MaskSequence, size: tuple[int, int] | int | None, scale: float | None, expected: tuple[int, int]
) -> None:
    resized = masks.resized(size, scale=scale)
    factor = expected[0] / 8
    assert resized.size == expected
    assert len(resized) == 6
    assert resized.object_ids == (2, 5)
    for index in range(6):
        # Edges lie on even pixels, so that half and double size are exact.
        assert int(resized.frame(index).masks[0].sum()) == 8 * factor**2
    assert resized.frame(5).masks[1].shape == expected


def test_resizing_to_the_same_size_changes_nothing(masks: MaskSequence) -> None:
    assert masks.resized(8) is masks


@pytest.mark.parametrize("arguments", [{}, {"size": 4, "scale": 0.5}])
def test_resized_needs_one_of_size_and_scale(masks: MaskSequence, arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give size or scale"):
        masks.resized(**arguments)  # pyright: ignore[reportArgumentType]


def test_resized_to_nothing(masks: MaskSequence) -> None:
    with pytest.raises(ValueError, match="size must be 1x1 or more, got 0x0 from 8x12"):
        masks.resized(scale=0.01)


def test_part_keeps_objects_and_speed(masks: MaskSequence) -> None:
    part = masks.part(1, 6, 2)
    assert len(part) == 3
    assert part.fps == 12
    assert part.object_ids == (2, 5)  # although object 5 is in frame 5 only
    for place, index in enumerate((1, 3, 5)):
        assert torch.equal(part.frame(place).masks, masks.frame(index).masks)
    with pytest.raises(IndexError):
        part.frame(3)


@pytest.mark.parametrize(
    ("start", "stop", "step", "message"),
    [(6, None, 1, "leave none of the 6"), (0, 2, 0, "step must be 1 or more")],
)
def test_part_of_nothing(masks: MaskSequence, start: int, stop: int | None, step: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        masks.part(start, stop, step)


def test_classes_of_some_objects(masks: MaskSequence) -> None:
    assert masks.with_classes({5: "dog"}).class_names == (None, "dog")
    assert masks.with_classes({5: "dog"}).part(0, 1).resized(4).class_names == (None, "dog")


def test_classes_of_an_unknown_object(masks: MaskSequence) -> None:
    with pytest.raises(InputError, match="name object 3, but clip has objects 2, 5"):
        masks.with_classes({3: "cat"})


@pytest.fixture
def film(tmp_path: Path) -> tuple[Path, torch.Tensor]:
    """Six frames, lossless, each of another grey."""
    frames = (torch.arange(6, dtype=torch.uint8) * 40)[:, None, None, None].expand(6, 3, 8, 12).contiguous()
    write(tmp_path / "film.mkv", Clip(frames, Fraction(24)), codec="ffv1")
    return tmp_path / "film.mkv", frames


def test_real_frames_follow_part_and_size(masks: MaskSequence, film: tuple[Path, torch.Tensor], tmp_path: Path) -> None:
    path, frames = film
    assert masks.real_frames() is None
    filmed = open_masks(tmp_path / "clip", real=path)
    for sequence, places in ((filmed, range(6)), (filmed.part(1, 6, 2), (1, 3, 5)), (filmed.part(2), range(2, 6))):
        clip = sequence.real_frames()
        assert clip is not None
        assert clip.frames[:, 0, 0, 0].tolist() == [int(frames[place, 0, 0, 0]) for place in places]
    clip = filmed.resized(4).real_frames(1, 3)
    assert clip is not None
    assert clip.size == (4, 6)
    assert clip.frames[:, 0, 0, 0].tolist() == [40, 80]
    nothing = filmed.part(0, 6, 2).real_frames(3, 3)
    assert nothing is not None
    assert len(nothing) == 0


def test_real_frames_of_another_size_or_too_few(masks: MaskSequence, tmp_path: Path) -> None:
    frames = torch.zeros(6, 3, 10, 12, dtype=torch.uint8)
    write(tmp_path / "tall.mkv", Clip(frames, Fraction(24)), codec="ffv1")
    write(tmp_path / "short.mkv", Clip(frames[:4, :, :8], Fraction(24)), codec="ffv1")
    with pytest.raises(InputError, match=r"tall\.mkv is 12x10 pixels, expected 12x8 like the masks"):
        open_masks(tmp_path / "clip", real=tmp_path / "tall.mkv")
    with pytest.raises(InputError, match=r"short\.mkv has 4 frames, expected one for each of the 6 masks"):
        open_masks(tmp_path / "clip", real=tmp_path / "short.mkv")


def test_frames_are_read_one_at_a_time(tmp_path: Path) -> None:
    array = np.lib.format.open_memmap(tmp_path / "long.npy", "w+", np.uint8, (300, 128, 128))
    array[:, 10:20, 10:20] = 1
    array.flush()
    import tracemalloc

    tracemalloc.start()
    masks = open_masks(tmp_path / "long.npy")
    total = sum(int(frame.masks.sum()) for frame in masks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 300 * 100
    assert peak < 300 * 128 * 128 / 4
