"""Modes that trials settle: which shots are tried, on which frames, and what becomes of the chunks."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch

from maskreel.common.array_file import write_npz
from maskreel.common.errors import InputError
from maskreel.common.jobs import LocalProcesses
from maskreel.common.masks import write_masks
from maskreel.common.video import Clip, read, write
from maskreel.inpaint import InpaintConfig, VideoInpainter
from maskreel.inpaint.running import chunks as chunks_module
from maskreel.inpaint.running import mask_stage as mask_stage_module
from maskreel.inpaint.running.chunks import Chunk
from maskreel.inpaint.running.settling import settled, try_shots
from maskreel.inpaint.running.trial import TRIAL_FRAMES, Trial, Triers
from maskreel.inpaint.scene.survey import Shot

if TYPE_CHECKING:
    from maskreel.inpaint.scene.survey import Mode

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


FLOW = Trial({"registered": 30.0, "flow": 33.0, "following": 27.0})

STATIC = Trial({"static": 40.0})
HELD = Trial({"registered": 30.0, "static": 33.0, "flow": 31.0})


def test_shots_are_tried_where_most_is_masked_unless_only_flow_will_do(video: Path, tmp_path: Path) -> None:
    masks = marks(range(70, 118))
    chunks = chunks_of(shot(0, 30, "static"), shot(30, 140), shot(140, 160, "flow"))
    triers = Recording(STATIC, FLOW)
    found = try_shots(
        tmp_path / "trials.json",
        video,
        chunks,
        lambda chunk: masks[chunk.start : chunk.stop],
        lambda: cast("Triers", triers),
    )
    assert found == {0: STATIC, 30: FLOW}
    assert triers.seen[0][:3] == (0, 0, 30)
    (first, start, count, given) = triers.seen[1]
    assert (first, start, count) == (30, 70, TRIAL_FRAMES)
    assert torch.equal(given, masks[70 : 70 + TRIAL_FRAMES])


def test_trials_are_made_once_even_those_without_a_verdict(video: Path, tmp_path: Path) -> None:
    path, chunks = tmp_path / "trials.json", chunks_of(shot(0, 80), shot(80, 160))
    triers = Recording(FLOW, Trial())
    masks = marks(range(40))

    def load(chunk: Chunk) -> torch.Tensor:
        return masks[chunk.start : chunk.stop]

    first = try_shots(path, video, chunks, load, lambda: cast("Triers", triers))

    def nobody() -> Triers:
        raise AssertionError("nothing is left to try")

    again = try_shots(path, video, chunks, load, nobody)
    assert again[0] == first[0] == FLOW
    assert again[80] == Trial()


@pytest.mark.parametrize("text", ["[]", '{"0": {"sideways": 1.0}}', '{"0": {"flow": null}}', '{"0": 3}', '{"a": {}}'])
def test_what_is_kept_must_be_trials(text: str, tmp_path: Path) -> None:
    path = tmp_path / "trials.json"
    path.write_text(text)
    with pytest.raises(InputError, match="does not hold trials of static, registered, flow, following"):
        try_shots(path, tmp_path / "none.mp4", (), lambda _: torch.zeros(0), lambda: pytest.fail("nothing to try"))


def test_a_shot_without_masks_is_not_tried(video: Path, tmp_path: Path) -> None:
    nothing = torch.zeros(20, *SIZE, dtype=torch.bool)
    found = try_shots(
        tmp_path / "trials.json", video, chunks_of(shot(0, 160)), lambda _: nothing, lambda: cast("Triers", Recording())
    )
    assert found == {0: Trial()}


@pytest.mark.skipif(sys.platform != "linux", reason="tells memory in another way")
def test_counting_what_is_masked_takes_no_more_memory_for_more_chunks(video: Path, tmp_path: Path) -> None:
    """Sums of the tensors left 20 MB behind for every chunk of this size, 1200 MB in all."""
    bits = np.zeros((128, 108, 24), np.uint8)
    bits[:, :20] = 255
    resident: list[float] = []

    def load(_: Chunk) -> torch.Tensor:
        resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)
        return torch.from_numpy(np.unpackbits(bits, axis=-1).view(bool))

    chunks = chunks_of(shot(0, 60 * 128), length=128)
    try_shots(tmp_path / "trials.json", video, chunks, load, lambda: cast("Triers", Recording(STATIC)))
    assert resident[59] - resident[9] < 100


def test_chunks_of_a_shot_share_the_settled_shot() -> None:
    first, second = shot(0, 50), shot(50, 90)
    chunks = settled(chunks_of(first, second), {0: FLOW, 50: Trial({"registered": 30.0, "flow": 27.0})})
    assert [chunk.shot.mode for chunk in chunks] == ["flow"] * 3 + ["registered"] * 2
    assert len({id(chunk.shot) for chunk in chunks[:3]}) == 1
    assert not chunks[0].shot.follows
    assert chunks[3].shot is second
    (following, *_) = settled(chunks_of(first), {0: Trial({"registered": 30.0, "following": 33.0})})
    assert (following.shot.mode, following.shot.follows) == ("flow", True)
    flowing = replace(shot(0, 40, "flow"), rival="registered")
    (laid, *_) = settled(chunks_of(flowing), {0: Trial({"flow": 30.0, "registered": 33.0})})
    assert (laid.shot.mode, laid.shot.follows) == ("registered", False)
    assert not laid.shot.laid_anew
    sways = replace(shot(0, 40), matrices=np.tile(2 * np.eye(3), (40, 1, 1)))
    (held, *_) = settled(chunks_of(sways), {0: HELD})
    assert (held.shot.mode, held.shot.laid_anew) == ("static", True)
    np.testing.assert_array_equal(held.shot.matrices, np.tile(np.eye(3), (40, 1, 1)))
    assert [(chunk.start, chunk.stop) for chunk in chunks] == [(0, 20), (20, 40), (40, 50), (50, 70), (70, 90)]


def job_files(folder: Path, shifts: np.ndarray) -> tuple[Path, Path]:
    """A video of a camera that goes `shifts` pixels to the side over a scene, and masks of a thing that walks."""
    rng = np.random.default_rng(0)
    wide = torch.from_numpy(rng.uniform(40, 215, (1, 3, 16, 60)))
    smooth = torch.nn.functional.interpolate(wide, (96, 360), mode="bicubic")
    scene = smooth[0].permute(1, 2, 0).clamp(0, 255).byte().numpy()
    frames = np.stack([scene[8 : 8 + 72, 10 + shift : 10 + shift + 104] for shift in shifts])
    masks = torch.zeros(30, 72, 104, dtype=torch.bool)
    for t in range(30):
        masks[t, 20:50, 5 + 2 * t : 20 + 2 * t] = True
    covered = np.where(masks.numpy()[..., None], np.uint8(10), frames)
    write(folder / "in.mkv", Clip.from_numpy(covered, FPS), codec="ffv1")
    write_masks(folder / "masks", masks)
    return folder / "in.mkv", folder / "masks"


CONFIG = InpaintConfig(lossless=True, completion="background", dilation=0.0)


@pytest.mark.parametrize(
    ("shifts", "own", "verdict", "other"),
    [
        (np.rint(6 + 6 * np.sin(np.arange(30) / 4)).astype(int), "registered", FLOW, "flow"),
        (6 * np.arange(30), "flow", Trial({"flow": 30.0, "registered": 33.0}), "registered"),
        (np.rint(1 + np.sin(np.arange(30) / 4)).astype(int), "registered", HELD, "static"),
    ],
    ids=["sways", "sweeps", "sways a little"],
)
def test_a_whole_job_follows_the_verdict_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shifts: np.ndarray, own: str, verdict: Trial, other: Mode
) -> None:
    """The survey chooses the one mode, and the trial is made to prefer the other."""
    video, masks = job_files(tmp_path, shifts)
    monkeypatch.setattr(Triers, "run", lambda *_: Trial())
    kept = VideoInpainter(CONFIG).inpaint(video, masks, output=tmp_path / "a.mkv")
    assert kept.summary.modes == (own,)
    monkeypatch.setattr(Triers, "run", lambda *_: verdict)
    turned = VideoInpainter(CONFIG).inpaint(video, masks, output=tmp_path / "b.mkv", plates=True)
    assert turned.summary.modes == (other,)
    assert len(list(tmp_path.glob("b.plate-*.png"))) == 1
    forced = VideoInpainter(replace(CONFIG, mode=other)).inpaint(video, masks, output=tmp_path / "c.mkv")
    assert torch.equal(read(turned.output).frames, read(forced.output).frames)


@pytest.mark.parametrize(("reach", "rival"), [(1, "static"), (6, None)])
def test_a_camera_that_sways_a_little_may_as_well_be_taken_to_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reach: int, rival: str | None
) -> None:
    """By 3.6 of 72 pixels at most."""
    video, masks = job_files(tmp_path, np.rint(reach + reach * np.sin(np.arange(30) / 4)).astype(int))
    tried: list[Shot] = []

    def run(_self: Triers, shot: Shot, *_: object) -> Trial:
        tried.append(shot)
        return Trial()

    monkeypatch.setattr(Triers, "run", run)
    VideoInpainter(CONFIG).inpaint(video, masks, output=tmp_path / "a.mkv")
    (one,) = tried
    assert (one.mode, one.rival) == ("registered", rival)


def test_a_job_that_stops_while_it_lays_anew_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video, masks = job_files(tmp_path, np.rint(1 + np.sin(np.arange(30) / 4)).astype(int))
    monkeypatch.setattr(chunks_module, "frames_per_chunk", lambda _: 8)
    monkeypatch.setattr(Triers, "run", lambda *_: HELD)

    def full(path: Path, arrays: dict[str, np.ndarray], *, compress: bool = False) -> None:
        if path.parent.name == "laid" and path.name == "000002.npz":
            raise OSError(28, "No space left on device")
        write_npz(path, arrays, compress=compress)

    monkeypatch.setattr(mask_stage_module, "write_npz", full)
    with pytest.raises(OSError, match="No space left"):
        VideoInpainter(CONFIG).inpaint(video, masks, output=tmp_path / "a.mkv")
    first = tmp_path / "a.job" / "laid" / "000000.npz"
    written = first.stat().st_mtime_ns
    monkeypatch.setattr(mask_stage_module, "write_npz", write_npz)
    found = VideoInpainter(CONFIG).inpaint(video, masks, output=tmp_path / "a.mkv")
    assert first.stat().st_mtime_ns == written
    forced = VideoInpainter(replace(CONFIG, mode="static")).inpaint(video, masks, output=tmp_path / "b.mkv")
    assert torch.equal(read(found.output).frames, read(forced.output).frames)


def test_workers_fill_what_was_laid_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video, masks = job_files(tmp_path, np.rint(1 + np.sin(np.arange(30) / 4)).astype(int))
    monkeypatch.setattr(Triers, "run", lambda *_: HELD)
    found = VideoInpainter(CONFIG).inpaint(video, masks, output=tmp_path / "a.mkv", executor=LocalProcesses(2))
    forced = VideoInpainter(replace(CONFIG, mode="static")).inpaint(video, masks, output=tmp_path / "b.mkv")
    assert torch.equal(read(found.output).frames, read(forced.output).frames)


def test_another_completion_is_told_in_words_that_ask_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    video, masks = job_files(tmp_path, np.rint(6 + 6 * np.sin(np.arange(30) / 4)).astype(int))
    monkeypatch.setattr(Triers, "run", lambda *_: Trial({"registered": 30.0, "following": 33.0}))
    config = replace(CONFIG, completion=None)
    with caplog.at_level("INFO", logger="maskreel"):
        found = VideoInpainter(config).inpaint(video, masks, output=tmp_path / "a.mkv")
    assert (found.summary.modes, found.summary.completions) == (("flow",), ("laplace",))
    assert "mode flow, completion laplace (camera moves" in caplog.text
    assert "--mode flow --completion laplace" in found.report.read_text()
    summary = json.loads(found.record.read_text())["summary"]
    again = replace(config, mode=summary["modes"][0], completion=summary["completions"][0])
    forced = VideoInpainter(again).inpaint(video, masks, output=tmp_path / "b.mkv")
    assert torch.equal(read(forced.output).frames, read(found.output).frames)
