"""Small frames on disk: equal to the videos, made once, whatever happens meanwhile."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import threading
import tracemalloc
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.animate.data import ClipPath, FrameStore, StoredClip, find_clips
from maskreel.common import video
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.common.masks import write_masks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STORE_CLIP = "maskreel.animate.data._store_all.store_clip"
FRAMES_FROM = "maskreel.animate.data._store_clip.frames_from"


def noise(frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), np.uint8)


def frame_folder(folder: Path, frames: np.ndarray) -> ClipPath:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:05}.png")
    return ClipPath(folder.name, folder)


def rows(clip: StoredClip) -> np.ndarray:
    """All frames as they are on disk."""
    return np.load(clip.frames_file)[clip.start : clip.stop]


def parts(store: FrameStore) -> list[str]:
    return [path.name for path in store.folder.iterdir() if path.name.endswith(".part")]


def test_frames_of_a_folder_are_kept_as_they_are(tmp_path: Path) -> None:
    frames = noise(19, 8, 8)
    store = FrameStore(tmp_path / "store", size=8)
    clip = frame_folder(tmp_path / "id1#a.mp4", frames)
    assert store.check([clip]) == 19
    told: list[int] = []
    (stored,) = store.fill([clip], progress=told.append)
    np.testing.assert_array_equal(rows(stored), frames)
    assert (sum(told), len(stored), stored.identity, stored.masks_file) == (19, 19, "id1", None)
    expected = torch.from_numpy(frames[[7, 2]]).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(stored.frames([7, 2]), expected)


def test_frames_side_by_side(tmp_path: Path) -> None:
    frames = noise(5, 8, 8)
    Image.fromarray(np.concatenate(list(frames), axis=1)).save(tmp_path / "gif.png")
    (stored,) = FrameStore(tmp_path / "store", size=8).fill([ClipPath("gif.png", tmp_path / "gif.png")])
    np.testing.assert_array_equal(rows(stored), frames)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.gif"])
def test_frames_of_a_video_file(tmp_path: Path, name: str) -> None:
    clip = video.Clip.from_numpy(np.repeat(noise(11, 4, 4), 8, axis=1).repeat(8, axis=2), Fraction(10))
    video.write(tmp_path / name, clip)
    (stored,) = FrameStore(tmp_path / "store", size=32).fill([ClipPath(name, tmp_path / name)])
    np.testing.assert_array_equal(rows(stored), video.read(tmp_path / name).numpy())


def test_lying_frames_fit_a_square(tmp_path: Path) -> None:
    frames = noise(3, 8, 12)
    clip = frame_folder(tmp_path / "wide", frames)
    (cropped,) = FrameStore(tmp_path / "store", size=8, fit="crop").fill([clip])
    np.testing.assert_array_equal(rows(cropped), frames[:, :, 2:10])
    (padded,) = FrameStore(tmp_path / "store", size=12, fit="pad").fill([clip])
    np.testing.assert_array_equal(rows(padded), np.pad(frames, ((0, 0), (2, 2), (0, 0), (0, 0)), mode="edge"))
    (squashed,) = FrameStore(tmp_path / "store", size=8, fit="squash").fill([clip])
    for made, frame in zip(rows(squashed), frames, strict=True):
        expected = np.asarray(Image.fromarray(frame).resize((8, 8), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(made, expected, atol=1)


def test_upright_frames_are_cropped_and_made_smaller_without_aliasing(tmp_path: Path) -> None:
    frames = noise(2, 41, 32)
    (stored,) = FrameStore(tmp_path / "store", size=8).fill([frame_folder(tmp_path / "tall", frames)])
    for made, frame in zip(rows(stored), frames[:, 4:36], strict=True):
        expected = np.asarray(Image.fromarray(frame).resize((8, 8), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(made, expected, atol=1)


def test_at_most_so_many_frames_are_kept(tmp_path: Path) -> None:
    frames = noise(25, 8, 8)
    clip = frame_folder(tmp_path / "long", frames)
    store = FrameStore(tmp_path / "store", size=8, most=4)
    assert store.check([clip]) == 4
    (stored,) = store.fill([clip])
    np.testing.assert_array_equal(rows(stored), frames[[0, 6, 12, 18]])
    (short,) = FrameStore(tmp_path / "store", size=8, most=99).fill([clip])
    assert len(short) == 25


def test_parts_of_one_video_share_its_frames(tmp_path: Path) -> None:
    frames = noise(20, 8, 8)
    root = frame_folder(tmp_path / "walk", frames).path
    store = FrameStore(tmp_path / "store", size=8)
    clips = find_clips(root, "train") + find_clips(root, "test")
    assert store.check(clips) == 20
    train, test = store.fill(clips)
    assert train.frames_file == test.frames_file
    np.testing.assert_array_equal(rows(train), frames[:16])
    torch.testing.assert_close(test.frames([0]), torch.from_numpy(frames[16:17]).permute(0, 3, 1, 2) / 255)
    with pytest.raises(ValueError, match=r"numbers must be from 0 to 3, got \[4\]"):
        test.frames([4])


def test_masks_come_along(tmp_path: Path) -> None:
    masks = torch.from_numpy(noise(9, 8, 12)[..., 0] > 128)
    clip = frame_folder(tmp_path / "video_0", noise(9, 8, 12))
    write_masks(tmp_path / "masks" / "video_0", masks)
    masked = ClipPath(clip.name, clip.path, tmp_path / "masks" / "video_0")
    plain, with_masks = FrameStore(tmp_path / "store", size=8).fill([clip, masked])
    assert plain.frames_file == with_masks.frames_file
    torch.testing.assert_close(with_masks.masks([8, 1]), masks[[8, 1], None, :, 2:10].float())
    (small,) = FrameStore(tmp_path / "store", size=4).fill([masked])
    shares = small.masks(range(9)).mean(dim=(1, 2, 3))
    torch.testing.assert_close(shares, masks[..., 2:10].float().mean(dim=(1, 2)), atol=0.06, rtol=0)
    with pytest.raises(ValueError, match="video_0 has no masks"):
        plain.masks([0])


def test_rendered_actors_are_a_data_set(tmp_path: Path) -> None:
    from maskreel.common.world.cli import main

    options = ["--videos", "2", "--size", "32", "32", "--frames", "4", "--workers", "0"]
    assert main(["render", "actors", "-o", str(tmp_path / "data"), *options], prog="world") in (0, None)
    clips = find_clips(tmp_path / "data", "train") + find_clips(tmp_path / "data", "test")
    stored = FrameStore(tmp_path / "store", size=32).fill(clips)
    for clip in stored:
        frames, masks = clip.frames(range(4)), clip.masks(range(4))
        assert 0.01 < masks.mean() < 0.5
        inside = (frames * masks).sum((0, 2, 3)) / masks.sum()
        outside = (frames * (1 - masks)).sum((0, 2, 3)) / (1 - masks).sum()
        assert (inside - outside).abs().max() > 0.02


def refuse_to_store(*_: object) -> None:
    raise AssertionError("it was stored again")


def test_clips_that_share_a_file_are_one_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = frame_folder(tmp_path / "walk", noise(20, 8, 8)).path
    write_masks(tmp_path / "masks" / "walk", torch.ones(20, 8, 8, dtype=torch.bool))
    clips = find_clips(root, "train") + find_clips(root, "test")
    clips.append(ClipPath("walk", root))
    starts: list[int] = []
    monkeypatch.setattr(FRAMES_FROM, recorded(starts))
    told: list[int] = []
    with_masks, _, without = FrameStore(tmp_path / "store", size=8).fill(clips, progress=told.append)
    assert starts == [0]
    assert with_masks.frames_file == without.frames_file
    (root / "00001.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"^[^;]*00001.png is empty \(0 bytes\); replace it[^;]*$"):
        FrameStore(tmp_path / "store", size=8).fill(clips)


def test_the_global_generator_is_left_alone(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    FrameStore(tmp_path / "store", size=8).fill([frame_folder(tmp_path / "a", noise(2, 8, 8))], workers=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_what_is_stored_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [frame_folder(tmp_path / name, noise(3, 8, 8)) for name in ("a", "b")]
    store = FrameStore(tmp_path / "store", size=8)
    first = store.fill(clips)
    with monkeypatch.context() as patch:
        patch.setattr(STORE_CLIP, refuse_to_store)
        assert FrameStore(tmp_path / "store", size=8).check(clips) == 0
        assert FrameStore(tmp_path / "store", size=8).fill(clips) == first
    assert FrameStore(tmp_path / "store", size=4).check(clips) == 6
    assert FrameStore(tmp_path / "store", size=8, fit="pad").check(clips) == 6
    Image.fromarray(noise(1, 8, 8, seed=5)[0]).save(clips[1].path / "00002.png")
    (_, changed) = store.fill(clips)
    assert changed.frames_file != first[1].frames_file
    np.testing.assert_array_equal(rows(changed)[2], noise(1, 8, 8, seed=5)[0])


def test_clips_of_one_name_in_two_folders_are_kept_apart(tmp_path: Path) -> None:
    one = frame_folder(tmp_path / "x" / "walk", noise(3, 8, 8, seed=1))
    two = frame_folder(tmp_path / "y" / "walk", noise(3, 8, 8, seed=2))
    first, second = FrameStore(tmp_path / "store", size=8).fill([one, two])
    np.testing.assert_array_equal(rows(first), noise(3, 8, 8, seed=1))
    np.testing.assert_array_equal(rows(second), noise(3, 8, 8, seed=2))


def test_storing_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = noise(30, 8, 8)
    clip = frame_folder(tmp_path / "walk", frames)
    store = FrameStore(tmp_path / "store", size=8)
    seen = 0

    def stop(count: int) -> None:
        nonlocal seen
        seen += count
        if seen > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fill([clip], progress=stop)
    assert len(parts(store)) == 1
    with (store.folder / parts(store)[0]).open("ab") as torn:
        torn.write(b"half a row")
    starts: list[int] = []
    monkeypatch.setattr(FRAMES_FROM, recorded(starts))
    told: list[int] = []
    (stored,) = store.fill([clip], progress=told.append)
    assert starts == [16]
    assert told == [16, 8, 6]
    np.testing.assert_array_equal(rows(stored), frames)
    assert parts(store) == []


def recorded(starts: list[int]) -> Callable[..., object]:
    from maskreel.animate.data._frames import frames_from

    def frames(path: Path, start: int) -> object:
        starts.append(start)
        return frames_from(path, start)

    return frames


def store_until_killed(clip: ClipPath, folder: Path) -> None:
    FrameStore(folder, size=8).fill([clip], progress=lambda count: count and os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="a new process would import anew")
def test_a_killed_process_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    frames = noise(20, 8, 8)
    clip = frame_folder(tmp_path / "walk", frames)
    process = multiprocessing.get_context("fork").Process(target=store_until_killed, args=(clip, tmp_path / "store"))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    store = FrameStore(tmp_path / "store", size=8)
    assert [path.suffix for path in store.folder.iterdir() if path.name != ".lock"] == [".part"]
    (stored,) = store.fill([clip])
    np.testing.assert_array_equal(rows(stored), frames)


def test_a_worker_stores_the_same(tmp_path: Path) -> None:
    clips = [frame_folder(tmp_path / name, noise(3, 8, 8, seed=ord(name))) for name in "abc"]
    told: list[int] = []
    stored = FrameStore(tmp_path / "store", size=8).fill(clips, workers=1, progress=told.append)
    assert told == [3, 3, 3]
    for clip, name in zip(stored, "abc", strict=True):
        np.testing.assert_array_equal(rows(clip), noise(3, 8, 8, seed=ord(name)))


def damaged(clip: ClipPath) -> ClipPath:
    """Its header is whole, so only decoding tells."""
    file = clip.path / "00001.png"
    file.write_bytes(file.read_bytes()[:-60])
    return clip


@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_clips_are_named_and_the_others_stored(tmp_path: Path, workers: int) -> None:
    clips = [frame_folder(tmp_path / name, noise(3, 8, 8)) for name in ("a", "bad", "c", "worse")]
    damaged(clips[1])
    damaged(clips[3])
    store = FrameStore(tmp_path / "store", size=8)
    assert store.check(clips) == 12
    with pytest.raises(InputError, match=r"^2 of 4 clips cannot be used.*bad/00001.png.*worse/00001.png"):
        store.fill(clips, workers=workers)
    assert parts(store) == []
    assert len(list(store.folder.iterdir())) == 2
    Image.fromarray(noise(1, 8, 8)[0]).save(clips[1].path / "00001.png")
    assert len(store.fill(clips[:3], workers=workers)) == 3


def test_clips_that_cannot_be_used_are_told_before_anything_is_stored(tmp_path: Path) -> None:
    good = frame_folder(tmp_path / "good", noise(3, 8, 8))
    bad = [frame_folder(tmp_path / f"still{number}", noise(1, 8, 8)) for number in range(10)]
    gone = ClipPath("gone.mp4", tmp_path / "gone.mp4")
    store = FrameStore(tmp_path / "store", size=8)
    told: list[int] = []
    with pytest.raises(InputError, match=r"^11 of 12 clips cannot be used.*\(1\) .*still0.*\(8\) .*; and 3 more$"):
        store.check([good, *bad, gone], progress=told.append)
    assert told == [1] * 12
    with pytest.raises(InputError, match=r"gone.mp4 cannot be read: No such file"):
        store.check([gone])
    with pytest.raises(InputError, match=r"gone.mp4 cannot be read: No such file"):
        store.fill([gone])


def test_a_part_of_a_video_must_hold_a_pair(tmp_path: Path) -> None:
    root = frame_folder(tmp_path / "walk", noise(10, 8, 8)).path
    (test,) = find_clips(root, "test")
    store = FrameStore(tmp_path / "store", size=8, most=5)
    with pytest.raises(InputError, match=r"walk has 5 frames, of which 1 are for this split; pairs .* need 2 or more"):
        store.check([test])
    with pytest.raises(InputError, match="of which 1 are for this split"):
        store.fill([test])
    assert FrameStore(tmp_path / "store", size=8).check([test]) == 10


def test_a_disk_that_is_too_full_is_told_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = frame_folder(tmp_path / "walk", noise(10, 8, 8))
    store = FrameStore(tmp_path / "store", size=8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10 * 8 * 8 * 3 - 1))
    with pytest.raises(InputError, match=r"store has 0.0 GB free, but 0.0 GB of frames are to be stored"):
        store.check([clip])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10 * 8 * 8 * 3))
    assert store.check([clip]) == 10


def test_another_process_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("fcntl")
    clip = frame_folder(tmp_path / "walk", noise(3, 8, 8))
    store = FrameStore(tmp_path / "store", size=8)
    caplog.set_level(logging.INFO, "maskreel")
    thread = threading.Thread(target=store.fill, args=([clip],))
    with locked(store.folder):
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert [path.name for path in store.folder.iterdir()] == [".lock"]
    thread.join(20)
    assert not thread.is_alive()
    assert "waiting for another process, which is at work in" in caplog.text
    assert len(store.fill([clip])[0]) == 3


def test_a_long_video_does_not_fill_memory(tmp_path: Path) -> None:
    frames = np.repeat(noise(40, 8, 8), 10, axis=0).repeat(8, axis=1).repeat(8, axis=2)
    video.write(tmp_path / "long.mp4", video.Clip.from_numpy(frames, Fraction(25)))
    clip = ClipPath("long.mp4", tmp_path / "long.mp4")
    tracemalloc.start()
    (stored,) = FrameStore(tmp_path / "store", size=64).fill([clip])
    stored.frames([0, 399])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(stored) == 400
    assert peak < frames.nbytes / 4


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="size must be 1 or more pixels, got 0"):
        FrameStore(tmp_path, size=0)
    with pytest.raises(ValueError, match="fit must be 'crop', 'pad' or 'squash', got 'stretch'"):
        FrameStore(tmp_path, size=8, fit="stretch")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="most must be 2 or more frames, got 1"):
        FrameStore(tmp_path, size=8, most=1)
    with pytest.raises(ValueError, match="workers must be 0 or more, got -1"):
        FrameStore(tmp_path, size=8).fill([], workers=-1)
