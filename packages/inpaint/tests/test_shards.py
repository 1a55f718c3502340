"""Workers that share a job: the same bytes as one process, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.cli import main
from maskreel.common.errors import InputError
from maskreel.common.jobs import LocalProcesses, Slurm
from maskreel.common.masks import write_masks
from maskreel.common.video import Clip, read, write
from maskreel.inpaint import InpaintConfig, InpaintResult, VideoInpainter
from maskreel.inpaint.running import chunks as chunks_module
from maskreel.inpaint.running import fill_stage as fill_stage_module
from maskreel.inpaint.running import flow_mode as flow_mode_module
from maskreel.inpaint.running.shards import Crew, Piece, shares, take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from maskreel.inpaint import Segmenter

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, FRAMES, FPS = (64, 80), 36, Fraction(25)
CONFIG = InpaintConfig(lossless=True, fill="telea", completion="background")
FLAGS = ["--lossless", "--fill", "telea", "--completion", "background"]

WORK_AND_WAIT = """
import sys
from pathlib import Path
from maskreel.inpaint.running import chunks, fill_stage
from maskreel.common.cli import main

chunks.frames_per_chunk = lambda size: 4
fill_stage._SEGMENT_FRAMES = 6
main(sys.argv[1:])
"""

HOLD = """
import sys
from pathlib import Path
from maskreel.inpaint.running.shards import _at_work
with _at_work(Path(sys.argv[1])):
    print("at work", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module", autouse=True)
def _small_pieces() -> Iterator[None]:
    """Nine chunks and five segments; flow fills from fewer frames around."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks_module, "frames_per_chunk", lambda _: 4)
        patch.setattr(chunks_module, "_SHORTEST_FLOW", 4)
        patch.setattr(fill_stage_module, "_SEGMENT_FRAMES", 6)
        patch.setattr(flow_mode_module, "_BEFORE", 3)
        patch.setattr(flow_mode_module, "_AFTER", 3)
        yield


def texture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-1, 1, (*SIZE, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip(soft * 40 / soft.std() + 127, 0, 255).astype(np.uint8)


def walk(*, cut: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A block walks through a scene, or through two; the frames and where it is."""
    frames = np.repeat(texture(0)[None], FRAMES, axis=0)
    if cut is not None:
        frames[cut:] = texture(5) // 3
    masks = np.zeros(frames.shape[:3], bool)
    for t in range(FRAMES):
        masks[t, 20:50, 2 * t : 2 * t + 10] = True
        frames[t, 20:50, 2 * t : 2 * t + 10] = np.random.default_rng(1).integers(0, 256, (30, 10, 3))[:, : 80 - 2 * t]
    return frames, masks


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "walk.mkv"
    write(path, Clip.from_numpy(walk()[0], FPS), codec="ffv1")
    return path


@pytest.fixture(scope="module")
def alone(source: Path) -> InpaintResult:
    return VideoInpainter(CONFIG).inpaint(source, output=source.with_name("alone.mkv"))


def files(result: InpaintResult) -> dict[str, bytes]:
    """All that masks and fill have left."""
    folders = (result.job / name for name in ("masks", "fill"))
    return {f"{folder.name}/{path.name}": path.read_bytes() for folder in folders for path in folder.iterdir()}


def in_pieces(patch: pytest.MonkeyPatch, pieces: int) -> LocalProcesses:
    """Pieces as for so many workers, done in this process."""
    patch.setattr(Crew, "pieces_of", lambda *_: pieces)
    return LocalProcesses(workers=0)


@pytest.mark.parametrize(
    ("frames", "pieces", "whole", "expected"),
    [
        ([5, 5, 5, 5], 2, None, [(0, 2), (2, 4)]),
        ([5, 5, 5, 5], 3, None, [(0, 2), (2, 3), (3, 4)]),
        ([5], 4, None, [(0, 1)]),
        ([0, 0, 5, 5], 2, None, [(0, 3), (3, 4)]),
        ([0, 0, 0], 2, None, []),
        ([5, 5, 0, 0], 2, None, [(0, 1), (1, 2)]),
        ([1, 9, 1, 1], 2, None, [(0, 2), (2, 4)]),
        ([5, 5, 5, 5], 4, [False, True, True, False], [(0, 3), (3, 4)]),
        ([5, 5, 5, 5], 2, [False, True, True, True], [(0, 4)]),
    ],
)
def test_shares(frames: list[int], pieces: int, whole: list[bool] | None, expected: list[tuple[int, int]]) -> None:
    assert [(part.start, part.stop) for part in shares(frames, pieces, whole=whole)] == expected


def test_every_item_with_frames_is_in_one_share() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        frames = rng.integers(0, 4, rng.integers(1, 20)).tolist()
        pieces = int(rng.integers(1, 9))
        parts = shares(frames, pieces)
        assert len(parts) <= pieces
        items = [item for part in parts for item in part]
        assert items == sorted(set(items))
        assert sum(frames[item] for item in items) == sum(frames)
        assert all(sum(frames[item] for item in part) <= sum(frames) / pieces + 6 for part in parts)


def test_a_crew_has_more_pieces_than_workers_only_for_long_videos(tmp_path: Path) -> None:
    crew = Crew(tmp_path, LocalProcesses(4))
    assert [crew.pieces_of(frames) for frames in (100, 4999, 6000, 9999, 10**6)] == [4, 4, 6, 9, 12]
    assert Crew(tmp_path, Slurm("debug", parallel=50)).pieces_of(100) == 50
    assert Crew(tmp_path, LocalProcesses(4), pieces=2).pieces_of(10**6) == 2


@pytest.mark.parametrize("pieces", [2, 9])
def test_pieces_leave_the_same_files_as_the_whole(
    source: Path, tmp_path: Path, alone: InpaintResult, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = in_pieces(monkeypatch, pieces)
    result = VideoInpainter(CONFIG).inpaint(source, output=tmp_path / "out.mkv", executor=executor)
    assert files(result) == files(alone)
    assert result.output.read_bytes() == alone.output.read_bytes()
    assert result.summary == alone.summary


@pytest.mark.parametrize("mode", ["flow", "registered"])
@pytest.mark.parametrize("cut", [None, 20])
def test_pieces_of_other_modes_are_the_same_too(
    tmp_path: Path, mode: str, cut: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, masks = walk(cut=cut)
    write(tmp_path / "walk.mkv", Clip.from_numpy(frames, FPS), codec="ffv1")
    write_masks(tmp_path / "masks", torch.from_numpy(masks))
    inpainter = VideoInpainter(replace(CONFIG, mode=mode))
    given = (tmp_path / "walk.mkv", tmp_path / "masks")
    one = inpainter.inpaint(*given, output=tmp_path / "one.mkv")
    executor = in_pieces(monkeypatch, 3)
    cutter: list[Piece] = []
    run = Crew.run

    def noting(crew: Crew, pieces: list[Piece], *rest: Any) -> None:
        cutter.extend(pieces)
        run(crew, pieces, *rest)

    monkeypatch.setattr(Crew, "run", noting)
    many = inpainter.inpaint(*given, output=tmp_path / "many.mkv", executor=executor)
    assert files(many) == files(one)
    shots = 1 if cut is None else 2
    assert len(one.summary.modes) == shots
    fills = [piece for piece in cutter if piece.stage == "fill"]
    assert len(fills) == (shots if mode == "flow" else 3), "a shot in mode flow is one piece"
    assert len([piece for piece in cutter if piece.stage == "masks"]) == 3


def test_two_processes_leave_the_same_bytes_and_show_their_progress(
    source: Path, tmp_path: Path, alone: InpaintResult, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.mkv"
    assert main(["inpaint", "run", str(source), "-o", str(output), *FLAGS, "--workers", "2"]) == 0
    assert output.read_bytes() == alone.output.read_bytes()
    told = capsys.readouterr().err
    assert "36/36" in told
    left = sorted(path.name for path in (tmp_path / "out.job" / "workers").iterdir())
    assert left == ["at-work", "token.json"]


def test_frames_of_all_workers_add_up(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import contextmanager

    told: dict[str, list[int]] = {}

    @contextmanager
    def watch(stage: str, total: int) -> Iterator[Callable[[int], object]]:
        told[stage] = [total]
        yield told[stage].append

    executor = in_pieces(monkeypatch, 3)
    for _ in range(2):
        VideoInpainter(CONFIG).inpaint(source, output=tmp_path / "out.mkv", watch=watch, executor=executor)
        assert all(total == sum(steps) == FRAMES for total, *steps in told.values())
        (tmp_path / "out.job" / "fill" / "000002.npz").unlink()  # the second time, one segment is to be done


def dying_segmenter(folder: Path, deaths: int) -> Segmenter:
    """Marks the bright block; the process of its third call dies, so many times. Local, so that it travels by value."""

    class Dying:
        def __repr__(self) -> str:
            return "Dying()"

        def __call__(self, clip: Clip, start: int) -> torch.Tensor:
            if start > 10:
                for number in range(deaths):
                    try:
                        (folder / str(number)).touch(exist_ok=False)
                    except FileExistsError:
                        continue
                    os.kill(os.getpid(), signal.SIGKILL)
            return torch.zeros(len(clip), *clip.size, dtype=torch.bool)

    return Dying()


def test_another_worker_goes_on_where_one_was_killed(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "deaths").mkdir()
    inpainter = VideoInpainter(CONFIG, segmenter=dying_segmenter(tmp_path / "deaths", 1))
    result = inpainter.inpaint(source, output=tmp_path / "out.mkv", seconds=1.0, executor=LocalProcesses(workers=1))
    assert result.summary.frames == 25
    assert "stage masks, frames 0 to 25: its worker was killed; another one goes on from there" in caplog.text


def test_a_worker_that_is_killed_again_and_again_is_named_and_what_is_done_is_kept(
    source: Path, tmp_path: Path, alone: InpaintResult
) -> None:
    (tmp_path / "deaths").mkdir()
    inpainter = VideoInpainter(CONFIG, segmenter=dying_segmenter(tmp_path / "deaths", 99))
    with pytest.raises(InputError, match=r"stage masks, frames 0 to 36: its worker was killed 3 times, perhaps for"):
        inpainter.inpaint(source, output=tmp_path / "out.mkv", executor=LocalProcesses(workers=1))
    assert (tmp_path / "out.job" / "masks" / "000001.npz").exists()
    assert not (tmp_path / "out.mkv").exists()


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (InputError("masks.mkv is damaged"), InputError, r"masks.mkv is damaged \(stage masks, frames 0 to 36\)"),
        (OSError(28, "No space left on device", "/x"), OSError, r"No space left on device \(stage masks, frames 0"),
        (KeyError("bug"), RuntimeError, r"stage masks, frames 0 to 36: its worker failed \(log: .*KeyError: 'bug'"),
    ],
)
def test_the_error_of_a_worker_is_told_with_its_frames(
    source: Path, tmp_path: Path, error: Exception, expected: type[Exception], message: str
) -> None:
    def failing(clip: Clip, start: int) -> torch.Tensor:
        raise error

    with pytest.raises(expected, match=f"(?s){message}"):
        VideoInpainter(CONFIG, segmenter=failing).inpaint(
            source, output=tmp_path / "out.mkv", executor=LocalProcesses(workers=0)
        )
    assert not (tmp_path / "out.mkv").exists()


def test_a_killed_master_can_be_followed_by_one_with_other_workers(
    source: Path, tmp_path: Path, alone: InpaintResult
) -> None:
    output, job = tmp_path / "out.mkv", tmp_path / "out.job"
    command = ["-q", "inpaint", "run", str(source), "-o", str(output), *FLAGS]
    master = subprocess.Popen(
        [sys.executable, "-c", WORK_AND_WAIT, *command, "--workers", "2"], env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    end = time.monotonic() + 100
    while not list((job / "masks").glob("00000?.npz")) and time.monotonic() < end:
        time.sleep(0.02)
    master.kill()
    master.wait()
    assert not output.exists()
    assert main(command) == 0
    assert output.read_bytes() == alone.output.read_bytes()


def test_a_run_waits_for_workers_of_a_killed_one(tmp_path: Path) -> None:
    folder = tmp_path / "workers"
    folder.mkdir()
    (folder / "token.json").write_text('"old"')
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdin is not None
    assert other.stdout is not None
    with other:
        assert other.stdout.readline() == "at work\n"
        with pytest.raises(InputError, match="workers of an earlier run are still at work; end them"):
            take_over(tmp_path, patience=0.2)
        assert json.loads((folder / "token.json").read_text()) != "old"
        other.stdin.write("\n")
        other.stdin.flush()
        take_over(tmp_path, patience=30.0)
    take_over(tmp_path / "without")
    assert not (tmp_path / "without").exists()


def test_a_worker_of_another_run_stops_before_it_writes(tmp_path: Path) -> None:
    crew, done = Crew(tmp_path, LocalProcesses(workers=0)), []

    def work(piece: Piece, advance: Callable[[int], object]) -> None:
        advance(3)
        take_token(tmp_path)
        advance(3)
        done.append("too late")

    with pytest.raises(InputError, match="another run has taken this job over; this worker stops"):
        crew.run([Piece("fill", 0, 2, 0, 6)], work, lambda _: None)
    assert not done


def take_token(job: Path) -> None:
    """As a new run does, which then waits for the workers."""
    (job / "workers" / "token.json").write_text('"new"')


def test_no_pieces_need_no_worker(tmp_path: Path) -> None:
    Crew(tmp_path, Slurm("nowhere")).run([], lambda *_: None, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_negative_number_of_workers_is_refused(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-q", "inpaint", "run", str(source), "--workers", "-1"]) == 2
    assert "--workers -1: write 0 (this process alone) or more" in capsys.readouterr().err


def test_what_is_read_back_is_what_was_there(alone: InpaintResult) -> None:
    """The comparisons above would mean nothing if nothing were filled."""
    frames, masks = walk()
    found = read(alone.output).numpy()
    assert not np.array_equal(found, frames)
    assert np.abs(found[masks].astype(int) - np.broadcast_to(texture(0), frames.shape)[masks]).mean() < 3
