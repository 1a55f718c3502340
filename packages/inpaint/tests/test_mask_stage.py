"""The mask stage: every chunk's masks are those of the whole video, and a chunk is done once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.array_file import write_npz
from maskreel.common.video import Clip, write
from maskreel.inpaint.running import chunks as chunks_module
from maskreel.inpaint.running.chunks import Chunk, plan_chunks
from maskreel.inpaint.running.mask_stage import MaskStage, join_parts, load_masks, plate_path
from maskreel.inpaint.scene import clean_plate as clean_plate_module
from maskreel.inpaint.scene.clean_plate import CleanPlate
from maskreel.inpaint.scene.survey import Mode, Shot, Survey
from maskreel.inpaint.segmenters.refinement import MaskRefinement, fill_between

if TYPE_CHECKING:
    from pathlib import Path

SIZE, FRAMES = (24, 40), 70


def told_masks() -> torch.Tensor:
    """bool (T, H, W): a block that moves to and fro, away in some frames."""
    masks = torch.zeros(FRAMES, *SIZE, dtype=torch.bool)
    for t in range(FRAMES):
        left = round(14 + 13 * float(np.sin(t / 6)))
        if t % 23 > 3:
            masks[t, 8:16, left : left + 8] = True
    return masks


class Told:
    """A segmenter that knows the answer, checks that it gets the right frames, and notes which ones it is asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, clip: Clip, start: int) -> torch.Tensor:
        assert clip.frames[:, 0, 0, 0].tolist() == list(range(start, start + len(clip)))
        self.asked += range(start, start + len(clip))
        return told_masks()[start : start + len(clip)]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every frame has its index as its grey level."""
    path = tmp_path_factory.mktemp("stage") / "video.mkv"
    levels = torch.arange(FRAMES, dtype=torch.uint8)[:, None, None, None]
    write(path, Clip(levels.expand(-1, 3, *SIZE), Fraction(25)), codec="ffv1")
    return path


def chunks_of(length: int, patch: pytest.MonkeyPatch, *, mode: Mode = "static", cut: int = 0) -> tuple[Chunk, ...]:
    patch.setattr(chunks_module, "frames_per_chunk", lambda _: length)
    patch.setattr(chunks_module, "_SHORTEST_FLOW", length)
    bounds = [(0, cut), (cut, FRAMES)] if cut else [(0, FRAMES)]
    shots = [Shot(a, b, mode, np.broadcast_to(np.eye(3), (b - a, 3, 3)).copy(), 0.0, 1.0) for a, b in bounds]
    return plan_chunks(Survey(SIZE, tuple(shots), ()))


def stage_of(folder: Path, video: Path, *, union: int = 0, stride: int = 1, segmenter: Told | None = None) -> MaskStage:
    folder.mkdir(exist_ok=True)
    refinement = MaskRefinement(dilation=1, shadow_margin=2, temporal_union=union)
    return MaskStage(folder, video, SIZE, segmenter or Told(), refinement, stride, 0.0, 10.0)


def masks_of(stage: MaskStage, chunks: tuple[Chunk, ...]) -> torch.Tensor:
    return torch.cat([load_masks(stage.folder, chunk, SIZE) for chunk in chunks])


@pytest.mark.parametrize("union", [1, 30])
@pytest.mark.parametrize("mode", ["static", "flow"])
def test_masks_of_chunks_are_those_of_the_whole_video(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, union: int, mode: Mode
) -> None:
    chunks = chunks_of(5, monkeypatch, mode=mode)
    stage, told = stage_of(tmp_path, video, union=union), []
    stage.run(chunks, told.append)
    assert torch.equal(masks_of(stage, chunks), stage.refinement(told_masks(), 0, FRAMES))
    assert told == [5] * 14


@pytest.mark.parametrize("length", [4, 9, 70])
@pytest.mark.parametrize("stride", [3, 12])
def test_frames_that_were_not_asked_lie_between_those_that_were(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, stride: int
) -> None:
    chunks, segmenter = chunks_of(length, monkeypatch), Told()
    stage = stage_of(tmp_path, video, union=1, stride=stride, segmenter=segmenter)
    stage.run(chunks, lambda _: None)
    asked = sorted({*range(0, FRAMES, stride), FRAMES - 1})
    assert sorted(set(segmenter.asked)) == asked
    marked = told_masks().clone()
    for a, b in itertools.pairwise(asked):
        marked[a + 1 : b] = fill_between(told_masks()[a], told_masks()[b], b - a - 1)
    assert torch.equal(masks_of(stage, chunks), stage.refinement(marked, 0, FRAMES))


def test_nothing_is_added_across_a_cut(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = chunks_of(8, monkeypatch, cut=30)
    stage = stage_of(tmp_path, video, union=5)
    stage.run(chunks, lambda _: None)
    expected = [stage.refinement(part, 0, len(part)) for part in (told_masks()[:30], told_masks()[30:])]
    assert torch.equal(masks_of(stage, chunks), torch.cat(expected))


def test_a_chunk_that_is_done_is_not_done_again(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = chunks_of(10, monkeypatch)
    stage_of(tmp_path, video).run(chunks, lambda _: None)
    segmenter, told = Told(), []
    stage_of(tmp_path, video, segmenter=segmenter).run(chunks, told.append)
    assert segmenter.asked == []
    assert sum(told) == FRAMES


def test_a_plate_that_missed_a_chunk_gets_it_later(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = chunks_of(10, monkeypatch)
    stage_of(tmp_path / "whole", video).run(chunks, lambda _: None)
    written: list[Path] = []

    def failing(path: Path, arrays: dict[str, np.ndarray]) -> None:
        written.append(path)
        if len(written) == 1:
            raise OSError(28, "No space left on device")
        write_npz(path, arrays)

    monkeypatch.setattr(clean_plate_module, "write_npz", failing)
    with pytest.raises(OSError, match="No space left"):
        stage_of(tmp_path / "broken", video).run(chunks, lambda _: None)
    assert (tmp_path / "broken" / "000000.npz").exists()
    stage_of(tmp_path / "broken", video).run(chunks, lambda _: None)
    whole, resumed = (CleanPlate.load(plate_path(tmp_path / name, chunks[0])) for name in ("whole", "broken"))
    assert np.array_equal(whole.colour, resumed.colour)
    assert np.array_equal(whole.seen, resumed.seen)
    assert (whole.colour[0, 0] == 0).all(), "frame 0 is black, and shows the corner"


class Passing(Told):
    """Says that in the first 20 frames everything moves."""

    def __call__(self, clip: Clip, start: int) -> torch.Tensor:
        super().__call__(clip, start)
        moving = torch.arange(start, start + len(clip)) < 20
        return moving[:, None, None].expand(-1, *SIZE)


def test_a_plate_shows_what_does_not_move(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks, passing = chunks_of(10, monkeypatch), Passing()
    replace(stage_of(tmp_path, video), passing=passing).run(chunks, lambda _: None)
    plate = CleanPlate.load(plate_path(tmp_path, chunks[0]))
    assert plate.calm.all()
    assert plate.colour[0, 0, 0] == 20
    assert plate.colour.min() == 20
    assert passing.asked == list(range(30)), "from then on every place is known as it stands"


@pytest.mark.parametrize("parts", [(range(7),), (range(2), range(2, 7))])
def test_parts_make_one_plate_of_what_does_not_move(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: tuple[range, ...]
) -> None:
    chunks = chunks_of(10, monkeypatch)
    for part in parts:
        stage = replace(stage_of(tmp_path, video), passing=Passing())
        stage.run_part(chunks[part.start : part.stop], lambda _: None)
    join_parts(tmp_path, chunks, parts)
    plate = CleanPlate.load(plate_path(tmp_path, chunks[0]))
    assert plate.calm.all()
    assert plate.colour.min() == 20


@pytest.mark.parametrize("rival", ["registered", None])
def test_a_plate_is_kept_for_flow_only_if_laying_over_is_tried(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rival: Mode | None
) -> None:
    (chunk,) = chunks_of(FRAMES, monkeypatch, mode="flow")
    chunks = (replace(chunk, shot=replace(chunk.shot, rival=rival)),)
    stage_of(tmp_path, video).run(chunks, lambda _: None)
    assert plate_path(tmp_path, chunks[0]).exists() == (rival is not None)
