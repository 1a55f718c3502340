"""Options that no other file of tests drives: each has an effect."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pytest
import torch

from maskreel.common.cli import main
from maskreel.common.errors import InputError
from maskreel.common.jobs import LocalProcesses, Slurm
from maskreel.common.video import Clip, read, write, write_frames
from maskreel.common.weights import read_metadata
from maskreel.inpaint import InpaintConfig, InpaintResult, VideoInpainter
from maskreel.inpaint.commands.train_dfc import train_dfc
from maskreel.inpaint.dfc_training.render import clip_sources
from maskreel.inpaint.dfc_training.settings import SMALL, CompletionData

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, FRAMES = (64, 80), 12


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dark block walks from left to right, a small faint one beside it, while the light fades."""
    coarse = np.random.default_rng(0).integers(60, 180, (1, 8, 10, 3)).repeat(FRAMES, axis=0)
    frames = coarse.repeat(8, axis=1).repeat(8, axis=2)
    for t in range(FRAMES):
        frames[t, 20:50, 5 * t : 5 * t + 12] = 10
        frames[t, 4:9, 5 * t : 5 * t + 5] += 45
        frames[t] = frames[t] * (1 - 0.01 * t)
    path = tmp_path_factory.mktemp("video") / "walk.mkv"
    write(path, Clip.from_numpy(frames.astype(np.uint8), Fraction(25)), codec="ffv1")
    return path


def done(video: Path, folder: Path, **settings: Any) -> InpaintResult:
    values = {"dilation": 0.0, "shadow_margin": 0.0, "temporal_union": 0, "feather": 1.0} | settings
    config = InpaintConfig(mode="static", fill="telea", lossless=True, **values)
    return VideoInpainter(config).inpaint(video, output=folder / f"{'-'.join(settings) or 'plain'}.mkv")


def marked(result: InpaintResult) -> np.ndarray:
    return torch.cat(list(result.masks())).numpy()


@pytest.fixture(scope="module")
def plain(video: Path, tmp_path_factory: pytest.TempPathFactory) -> InpaintResult:
    return done(video, tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("settings", [{"shadow_margin": 5.0}, {"temporal_union": 2}, {"sensitivity": 4.0}])
def test_masks_become_larger(video: Path, plain: InpaintResult, tmp_path: Path, settings: dict[str, Any]) -> None:
    assert marked(done(video, tmp_path, **settings)).sum() > 1.05 * marked(plain).sum()


def test_small_things_are_left_alone(video: Path, plain: InpaintResult, tmp_path: Path) -> None:
    found = marked(done(video, tmp_path, min_size=0.3))
    assert marked(plain)[:, :12].any()
    assert not found[:, :12].any()
    assert found[:, 25:45].any()


def test_the_seam_changes_the_pixels_beside_it(video: Path, plain: InpaintResult, tmp_path: Path) -> None:
    other = done(video, tmp_path, seam="gradient")
    assert np.array_equal(marked(other), marked(plain))
    assert not torch.equal(read(other.output).frames, read(plain.output).frames)


def test_plates_and_stages_are_kept_when_asked_for(video: Path, tmp_path: Path) -> None:
    words = ["inpaint", "run", str(video), "-o", str(tmp_path / "out.mp4"), "--mode", "static", "--fill", "telea"]
    assert main(["-q", *words, "--plates", "--keep-stages", "masks"]) == 0
    assert len(list(tmp_path.glob("out.plate-*.png"))) == 1
    assert len(list((tmp_path / "out.job" / "kept-masks").glob("*.png"))) == FRAMES
    assert not (tmp_path / "out.job" / "kept-confidence").exists()


@pytest.mark.parametrize(
    ("words", "executor"),
    [
        ([], None),
        (["--workers", "3"], LocalProcesses(3)),
        (["--slurm", "gpu"], Slurm("gpu", parallel=16)),
        (["--slurm", "gpu", "--workers", "5"], Slurm("gpu", parallel=5)),
    ],
)
def test_who_does_the_work(video: Path, words: list[str], executor: object, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def noted(_: VideoInpainter, source: Path, *__: object, **options: Any) -> InpaintResult:
        asked.append(options["executor"])
        return mock.Mock(output=source, report=source)

    monkeypatch.setattr(VideoInpainter, "inpaint", noted)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert main(["-q", "inpaint", "run", str(video), *words]) == 0
    assert asked == [executor]


def test_the_board_is_looked_at_as_closely_as_told(tmp_path: Path) -> None:
    """One corner of what was written vanishes."""
    frames = np.full((40, 48, 64, 3), 240, np.uint8)
    frames[:, 10:14, 8:56] = 20
    frames[:20, 40:43, 50:56] = 20
    write(tmp_path / "board.mkv", Clip.from_numpy(frames, Fraction(4)), codec="ffv1")
    pages = []
    for change in ("0.0015", "0.3"):
        output = tmp_path / f"{change}.pdf"
        words = ["inpaint", "board", str(tmp_path / "board.mkv"), "-o", str(output), "--change", change]
        assert main(["-q", *words]) == 0
        pages.append(len(json.loads(output.with_suffix(".json").read_text())))
    assert pages == [2, 1]


def test_videos_are_cut_into_so_many_clips_at_most(tmp_path: Path) -> None:
    noise = torch.randint(0, 256, (24, 3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    write_frames(tmp_path / "videos" / "good", [Clip(noise, Fraction(25))])
    data = CompletionData(planes=0, world=0, videos=tmp_path / "videos", size=(64, 96), frames=4, watched=1)
    for most, expected in ((2, 2), (99, 6)):
        learned, held = clip_sources(replace(data, videos_clips=most))
        assert len(learned + held) == expected


def test_cells_and_bad_videos_of_train_dfc(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The position of a cell is learned, so their number shows in the weights' file; broken.mp4 is left out."""
    pytest.importorskip("mmengine")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    noise = torch.randint(0, 256, (3, 3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    write_frames(tmp_path / "videos" / "good", [Clip(noise, Fraction(25))])
    data = CompletionData(planes=1, world=0, videos=tmp_path / "videos")
    config = replace(SMALL, threads=1, device="cpu")
    options = {"config": config, "data": data, "smoke": True}
    with pytest.raises(InputError, match=r"broken\.mp4"):
        train_dfc(tmp_path / "run", **options)
    assert train_dfc(tmp_path / "run", cells=77, skip_bad=True, **options) == 0
    assert "broken.mp4" in caplog.text
    assert read_metadata(tmp_path / "run" / "cascade.safetensors")["cells"] == "77"


def test_the_network_of_train_dfc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """dfc-s has 37 million parameters, so it is not trained here: only built."""
    pytest.importorskip("mmengine")
    built: list[type] = []

    def stop(files: object, stage: str, cascade: Any, *, vary: bool) -> None:
        built.append(type(cascade.stage1))
        raise KeyboardInterrupt

    module = importlib.import_module("maskreel.inpaint.commands.train_dfc")  # by name: the package holds its function
    monkeypatch.setattr(module, "_prepared", lambda *_: ([], [], []))
    monkeypatch.setattr(module, "_samples", stop)
    for name in ("small", "dfc-s"):
        with pytest.raises(KeyboardInterrupt):
            train_dfc(tmp_path / "run", network=name)
    assert [kind.__name__ for kind in built] == ["SmallStage", "DFCS"]
