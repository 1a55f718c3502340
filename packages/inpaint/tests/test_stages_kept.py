"""What comes between masks and result, kept to be looked at."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.flow import flow_to_colour, read_flo
from maskreel.common.masks import read_masks
from maskreel.common.video import Clip, probe, read, write
from maskreel.inpaint import InpaintConfig, InpaintResult, VideoInpainter
from maskreel.inpaint.flow.completer import FlowPair
from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter
from maskreel.inpaint.running.stages_kept import StagesKept, write_film
from maskreel.inpaint.scene.clean_plate import CleanPlate

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, FRAMES, FPS = (64, 80), 12, Fraction(25)


def walk() -> np.ndarray:
    frames = np.repeat(np.random.default_rng(0).integers(60, 200, (1, 8, 10, 3), np.uint8), FRAMES, axis=0)
    frames = frames.repeat(8, axis=1).repeat(8, axis=2)
    for t in range(FRAMES):
        frames[t, 20:50, 5 * t : 5 * t + 12] = 10
    return frames


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> InpaintResult:
    folder = tmp_path_factory.mktemp("kept")
    write(folder / "in.mkv", Clip.from_numpy(walk(), FPS), codec="ffv1")
    inpainter = VideoInpainter(InpaintConfig(lossless=True))
    return inpainter.inpaint(folder / "in.mkv", keep_stages=("masks", "confidence"), plates=True)


def test_masks_are_kept_as_they_were_used(done: InpaintResult) -> None:
    masks = torch.cat(list(done.masks()))
    assert 0.02 < float(masks.float().mean()) < 0.5
    assert torch.equal(read_masks(done.job / "kept-masks", size=SIZE, frame_count=FRAMES), masks)


def test_confidence_is_kept_as_grey_pictures(done: InpaintResult) -> None:
    masks = torch.cat(list(done.masks())).numpy()
    files = sorted((done.job / "kept-confidence").glob("*.png"))
    assert [path.name for path in files] == [f"{t:08d}.png" for t in range(FRAMES)]
    levels = np.stack([np.array(Image.open(path).convert("L")) for path in files]) / 255
    assert (levels[~masks] > 0.3).all()
    assert done.summary.confidence == pytest.approx(levels[masks].mean(), abs=0.01)


def test_every_kept_stage_has_a_film(done: InpaintResult) -> None:
    for kind in ("masks", "confidence"):
        info = probe(done.job / f"kept-{kind}.mp4")
        assert (info.frame_count, info.size, info.fps) == (FRAMES, SIZE, FPS)
    masks = torch.cat(list(done.masks())).numpy()
    film = read(done.job / "kept-masks.mp4").numpy()[..., 0] > 127
    assert (film == masks).mean() > 0.98
    assert not (done.job / "kept-flow").exists()


def test_plates_lie_beside_the_result(done: InpaintResult) -> None:
    picture = np.array(Image.open(done.output.with_name("in.inpainted.plate-00000000.png")))
    plate = CleanPlate.load(done.job / "masks" / "plate-00000000.npz").completed(ClassicalInpainter("telea"))
    assert np.array_equal(picture, plate)
    assert np.array_equal(picture[:16], walk()[0, :16])


def test_what_is_to_be_kept_later_is_made_anew(done: InpaintResult, tmp_path: Path) -> None:
    write(tmp_path / "in.mkv", Clip.from_numpy(walk(), FPS), codec="ffv1")
    first = VideoInpainter(InpaintConfig(lossless=True)).inpaint(tmp_path / "in.mkv")
    again = VideoInpainter(InpaintConfig(lossless=True)).inpaint(tmp_path / "in.mkv", keep_stages=("confidence",))
    assert len(list((first.job / "kept-confidence").glob("*.png"))) == FRAMES
    assert again.output.read_bytes() == done.output.read_bytes()


def test_of_flow_that_was_not_needed_nothing_is_left_but_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "in.mkv", Clip.from_numpy(walk(), FPS), codec="ffv1")
    config = InpaintConfig(mode="static", fill="telea")
    for _ in range(2):  # the second time, all is done
        caplog.clear()
        result = VideoInpainter(config).inpaint(tmp_path / "in.mkv", keep_stages=("masks", "flow", "completed"))
        assert [path.name for path in sorted(result.job.glob("kept-*"))] == ["kept-masks", "kept-masks.mp4"]
        told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        job = result.job
        assert told == [
            f"no optical flow was needed, so no {kind} is kept in {job / f'kept-{kind}'}"
            for kind in ("flow", "completed")
        ]


def test_a_shot_that_is_filled_along_flow_has_no_plate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "in.mkv", Clip.from_numpy(walk(), FPS), codec="ffv1")
    config = InpaintConfig(mode="flow", completion="laplace", fill="telea")
    result = VideoInpainter(config).inpaint(tmp_path / "in.mkv", plates=True, keep_stages=("flow",))
    assert not list(tmp_path.glob("*.plate-*"))
    assert f"frames 0 to {FRAMES} have no clean plate: they were filled along flow" in caplog.text
    assert (result.job / "kept-flow.mp4").exists()


def a_pair(seed: int) -> FlowPair:
    forward, backward = np.random.default_rng(seed).normal(0, 1, (2, *SIZE, 2)).astype(np.float32)
    return FlowPair(forward, backward, np.zeros(SIZE, bool))


def test_flow_is_kept_under_the_suffixes_that_dfvi_gives_it(tmp_path: Path) -> None:
    kept = StagesKept({"flow": tmp_path / "flow", "completed": tmp_path / "completed"})
    record = kept.record
    assert record is not None
    record(7, a_pair(0), a_pair(1))
    for kind, seed in (("flow", 0), ("completed", 1)):
        names = sorted(path.name for path in (tmp_path / kind).iterdir())
        assert names == ["00000007.flo", "00000008.rflo"]
        forward, backward = (read_flo(tmp_path / kind / name).permute(1, 2, 0).numpy() for name in names)
        assert np.array_equal(forward, a_pair(seed).forward)
        assert np.array_equal(backward, a_pair(seed).backward)


def test_only_what_is_asked_for_is_kept(tmp_path: Path) -> None:
    kept = StagesKept({"completed": tmp_path / "completed"})
    assert kept.record is not None
    kept.record(0, a_pair(0), a_pair(1))
    kept.add_masks(0, torch.ones(1, *SIZE, dtype=torch.bool))
    kept.add_confidence(0, np.ones(SIZE, np.float32))
    assert [path.name for path in tmp_path.iterdir()] == ["completed"]
    assert StagesKept({"masks": tmp_path / "masks"}).record is None


def test_the_film_of_flow_is_in_colour_and_white_where_there_is_none(tmp_path: Path, done: InpaintResult) -> None:
    smooth = np.zeros((*SIZE, 2), np.float32)
    smooth[..., 0] = 1.0
    kept = StagesKept({"flow": tmp_path / "flow"})
    assert kept.record is not None
    pair = FlowPair(smooth, -smooth, np.zeros(SIZE, bool))
    kept.record(1, pair, pair)
    write_film(tmp_path / "flow.mp4", tmp_path / "flow", range(3), probe(done.output))
    film = read(tmp_path / "flow.mp4").numpy().astype(int)
    expected = flow_to_colour(torch.from_numpy(smooth).permute(2, 0, 1), max_norm=1.6).permute(1, 2, 0).numpy()
    assert np.abs(film[[0, 2]] - 255).max() < 12
    assert np.abs(film[1, 8:-8, 8:-8] - expected[8:-8, 8:-8]).max() < 24
    assert expected.min() < 160
