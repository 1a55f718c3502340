"""Modes that trials settle: which shots are tried, on which frames, and what becomes of the chunks."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch

from maskreel.common.video import Clip, read, write
from maskreel.inpaint import InpaintConfig, VideoInpainter
from maskreel.inpaint.chunks import Chunk
from maskreel.inpaint.settling import settled, try_shots
from maskreel.inpaint.survey import Shot
from maskreel.inpaint.trial import TRIAL_FRAMES, Attempt, Trial, Triers

if TYPE_CHECKING:
    from pathlib import Path

SIZE, FPS = (48, 64), Fraction(25)


def shot(start: int, stop: int, mode: Any = "registered") -> Shot:
    return Shot(start, stop, mode, np.broadcast_to(np.eye(3), (stop - start, 3, 3)).copy(), 4.0, 0.9)


def chunks_of(*shots: Shot, length: int = 20) -> list[Chunk]:
    cuts = [(one, start) for one in shots for start in range(one.start, one.stop, length)]
    return [Chunk(i, start, min(one.stop, start + length), one) for i, (one, start) in enumerate(cuts)]


class Recording:
    """Stands for `Triers`: says of each shot what it is told to."""

    def __init__(self, *trials: Trial) -> None:
        self.trials = list(trials)
        self.seen: list[tuple[int, int, int, torch.Tensor]] = []

    def run(self, shot: Shot, frames: np.ndarray, masks: np.ndarray, start: int) -> Trial:
        assert frames.dtype == np.uint8
        self.seen.append((shot.start, start, len(frames), torch.from_numpy(masks)))
        return self.trials.pop(0)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settling") / "in.mkv"
    frames = np.zeros((160, *SIZE, 3), np.uint8)
    frames[..., 0] = np.arange(160)[:, None, None]
    write(path, Clip.from_numpy(frames, FPS), codec="ffv1")
    return path


def marks(busy: range) -> torch.Tensor:
    masks = torch.zeros(160, *SIZE, dtype=torch.bool)
    masks[:, 0, 0] = True
    masks[busy.start : busy.stop, 10:20, 10:20] = True
    return masks


YES, NO = Attempt(3.0, 1.0), Attempt(-3.0, 1.0)


def test_shots_are_tried_where_most_is_masked_unless_flow_is_settled(video: Path, tmp_path: Path) -> None:
    masks = marks(range(70, 118))
    chunks = chunks_of(shot(0, 30, "static"), shot(30, 140), shot(140, 160, "flow"))
    triers = Recording(Trial(40.0), Trial(30.0, YES, NO))
    found = try_shots(
        tmp_path / "trials.json",
        video,
        chunks,
        lambda chunk: masks[chunk.start : chunk.stop],
        lambda: cast("Triers", triers),
    )
    assert found == {0: Trial(40.0), 30: Trial(30.0, YES, NO)}
    assert triers.seen[0][:3] == (0, 0, 30)
    (first, start, count, given) = triers.seen[1]
    assert (first, start, count) == (30, 70, TRIAL_FRAMES)
    assert torch.equal(given, masks[70 : 70 + TRIAL_FRAMES])


def test_trials_are_made_once_even_those_without_a_verdict(video: Path, tmp_path: Path) -> None:
    path, chunks = tmp_path / "trials.json", chunks_of(shot(0, 80), shot(80, 160))
    triers = Recording(Trial(30.0, YES, NO), Trial(float("nan")))
    masks = marks(range(40))

    def load(chunk: Chunk) -> torch.Tensor:
        return masks[chunk.start : chunk.stop]

    first = try_shots(path, video, chunks, load, lambda: cast("Triers", triers))

    def nobody() -> Triers:
        raise AssertionError("nothing is left to try")

    again = try_shots(path, video, chunks, load, nobody)
    assert again[0] == first[0] == Trial(30.0, YES, NO)
    assert np.isnan(again[80].copied)


def test_a_shot_without_masks_is_not_tried(video: Path, tmp_path: Path) -> None:
    nothing = torch.zeros(20, *SIZE, dtype=torch.bool)
    found = try_shots(
        tmp_path / "trials.json", video, chunks_of(shot(0, 160)), lambda _: nothing, lambda: cast("Triers", Recording())
    )
    assert not found[0].prefers_flow


def test_chunks_of_a_shot_share_the_settled_shot() -> None:
    first, second = shot(0, 50), shot(50, 90)
    chunks = settled(chunks_of(first, second), {0: Trial(30.0, YES, NO), 50: Trial(30.0, NO, NO)})
    assert [chunk.shot.mode for chunk in chunks] == ["flow"] * 3 + ["registered"] * 2
    assert len({id(chunk.shot) for chunk in chunks[:3]}) == 1
    assert not chunks[0].shot.follows
    assert chunks[3].shot is second
    (following, *_) = settled(chunks_of(first), {0: Trial(30.0, NO, YES)})
    assert (following.shot.mode, following.shot.follows) == ("flow", True)
    assert [(chunk.start, chunk.stop) for chunk in chunks] == [(0, 20), (20, 40), (40, 50), (50, 70), (70, 90)]


def test_a_whole_job_follows_the_verdict_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A swaying camera, registered by the survey; the trial is made to prefer flow."""
    rng = np.random.default_rng(0)
    wide = torch.nn.functional.interpolate(
        torch.from_numpy(rng.uniform(40, 215, (1, 3, 16, 24))), (96, 144), mode="bicubic"
    )
    scene = wide[0].permute(1, 2, 0).clamp(0, 255).byte().numpy()
    shifts = np.rint(6 * np.sin(np.arange(30) / 4)).astype(int)
    frames = np.stack([scene[8 : 8 + 72, 10 + shift : 10 + shift + 104] for shift in shifts])
    masks = torch.zeros(30, 72, 104, dtype=torch.bool)
    for t in range(30):
        masks[t, 20:50, 5 + 2 * t : 20 + 2 * t] = True
    covered = np.where(masks.numpy()[..., None], np.uint8(10), frames)
    write(tmp_path / "in.mkv", Clip.from_numpy(covered, FPS), codec="ffv1")
    from maskreel.common.masks import write_masks

    write_masks(tmp_path / "masks", masks)
    config = InpaintConfig(lossless=True, completion="background", dilation=0.0)
    kept = VideoInpainter(config).inpaint(tmp_path / "in.mkv", tmp_path / "masks", output=tmp_path / "a.mkv")
    assert kept.summary.modes == ("registered",)
    monkeypatch.setattr(Triers, "run", lambda *_: Trial(20.0, YES, NO))
    other = VideoInpainter(config).inpaint(tmp_path / "in.mkv", tmp_path / "masks", output=tmp_path / "b.mkv")
    assert other.summary.modes == ("flow",)
    forced = VideoInpainter(InpaintConfig(lossless=True, completion="background", dilation=0.0, mode="flow")).inpaint(
        tmp_path / "in.mkv", tmp_path / "masks", output=tmp_path / "c.mkv"
    )
    assert torch.equal(read(other.output).frames, read(forced.output).frames)
