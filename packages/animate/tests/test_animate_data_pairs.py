"""Pairs of frames as the published training draws them, and the pairs that are watched."""

from __future__ import annotations

import pickle
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.animate.data import StoredClip, VideoPairs, watched_batches

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

JITTERED = "maskreel.animate.data._pairs.jittered"
SIZE = 8


def numbered_clip(folder: Path, name: str, frames: int, *, first: int = 0, masks: bool = False) -> StoredClip:
    """Frame t is 10 (first + t) on the left and 10 (first + t) + 5 on the right; the mask is its left half."""
    rows = np.zeros((frames, SIZE, SIZE, 3), np.uint8)
    rows += (10 * (first + np.arange(frames)).astype(np.uint8))[:, None, None, None]
    rows[:, :, SIZE // 2 :] += 5
    np.save(folder / f"{name}.npy", rows)
    if masks:
        half = np.zeros((frames, SIZE, SIZE), np.uint8)
        half[:, :, : SIZE // 2] = 255
        np.save(folder / f"{name}.masks.npy", half)
    file = folder / f"{name}.masks.npy" if masks else None
    return StoredClip(name, name.partition("#")[0], folder / f"{name}.npy", file, 0, frames, SIZE)


def told(picture: Tensor) -> tuple[int, bool]:
    """Number of the frame, and whether it is mirrored, by what `numbered_clip` draws."""
    left, right = (picture[0, 0, [0, -1]] * 255).round().int().tolist()
    return min(left, right) // 10, left > right


@pytest.fixture
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JITTERED, lambda images: images)


@pytest.mark.usefixtures("_no_jitter")
def test_two_frames_of_one_video_mirrored_alike(tmp_path: Path) -> None:
    pairs = VideoPairs([numbered_clip(tmp_path, "a", 4), numbered_clip(tmp_path, "b", 4, first=4)], factor=2)
    torch.manual_seed(0)
    seen = []
    for number in range(800):
        sample = pairs[number % 2]
        assert torch.equal(sample["driving"], sample["target"])
        (source, flipped), (driving, as_well) = told(sample["source"]), told(sample["driving"])
        assert flipped == as_well
        assert source // 4 == driving // 4 == number % 2
        seen.append((source % 4, driving % 4, flipped))
    drawn = np.array(seen)
    assert 0.43 < drawn[:, 2].mean() < 0.57
    counts = np.zeros((4, 4))
    np.add.at(counts, (drawn[:, 0], drawn[:, 1]), 1)
    # two independent draws, sorted and exchanged half of the time, are two independent draws: 50 each
    assert counts.min() > 25
    assert counts.max() < 80


def test_source_and_target_share_their_jitter_and_driving_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifts: list[int] = []

    def shifted(images: Tensor) -> Tensor:
        shifts.append(len(images))
        return images + len(shifts)

    monkeypatch.setattr(JITTERED, shifted)
    sample = VideoPairs([numbered_clip(tmp_path, "a", 2)], factor=2)[0]
    assert shifts == [2, 1]
    torch.testing.assert_close(sample["driving"] - 2, sample["target"] - 1)
    assert {told(sample["source"] - 1)[0], told(sample["target"] - 1)[0]} <= {0, 1}


def test_jitter_changes_colours(tmp_path: Path) -> None:
    clip = numbered_clip(tmp_path, "a", 3, first=9)
    np.save(clip.frames_file, np.full((3, SIZE, SIZE, 3), (200, 120, 60), np.uint8))
    sample = VideoPairs([clip], factor=2)[0]
    torch.testing.assert_close(sample["source"], sample["target"])
    assert (sample["driving"] - sample["target"]).abs().max() > 0.01
    assert all(part.shape == (3, SIZE, SIZE) and part.dtype == torch.float32 for part in sample.values())


def test_torch_s_seed_decides(tmp_path: Path) -> None:
    pairs = VideoPairs([numbered_clip(tmp_path, "a", 9, masks=True)], factor=2)
    samples = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        samples.append(pickle.loads(pickle.dumps(pairs))[0])  # as data loaders send it to their workers
    assert all(torch.equal(samples[0][name], samples[1][name]) for name in samples[0])
    assert not torch.equal(samples[0]["source"], samples[2]["source"])


@pytest.mark.usefixtures("_no_jitter")
def test_masks_are_mirrored_with_their_frames(tmp_path: Path) -> None:
    pairs = VideoPairs([numbered_clip(tmp_path, "a", 3, masks=True)], factor=4)
    torch.manual_seed(0)
    flips = set()
    for _ in range(20):
        sample = pairs[0]
        flipped = told(sample["source"])[1]
        flips.add(flipped)
        expected = torch.tensor([[0.0, 1.0]] * 2) if flipped else torch.tensor([[1.0, 0.0]] * 2)
        torch.testing.assert_close(sample["source_mask"], expected[None])
        torch.testing.assert_close(sample["driving_mask"], expected[None])
    assert flips == {True, False}


def test_small_masks_are_means(tmp_path: Path) -> None:
    clip = numbered_clip(tmp_path, "a", 2, masks=True)
    assert clip.masks_file is not None
    rows = np.zeros((2, SIZE, SIZE), np.uint8)
    rows[1, :2, 0] = 255
    np.save(clip.masks_file, rows)
    sample = VideoPairs([clip], factor=4, jitter=False)[0]
    torch.testing.assert_close(sample["driving_mask"], torch.tensor([[[2 / 16, 0.0], [0.0, 0.0]]]))
    assert not sample["source_mask"].any()


def test_masks_are_left_out_unless_all_clips_have_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with_masks, without = numbered_clip(tmp_path, "a", 3, masks=True), numbered_clip(tmp_path, "b", 3)
    assert VideoPairs([with_masks], factor=2).has_masks
    assert not caplog.records
    pairs = VideoPairs([with_masks, without], factor=2)
    assert not pairs.has_masks
    assert set(pairs[0]) == {"source", "driving", "target"}
    assert "no masks are used: 1 of 2 clips have none, such as b" in caplog.text
    assert not VideoPairs([without], factor=2).has_masks
    assert len(caplog.records) == 1


@pytest.mark.usefixtures("_no_jitter")
def test_an_identity_is_its_whole_name_up_to_the_hash(tmp_path: Path) -> None:
    clips = [numbered_clip(tmp_path, name, 2, first=4 * n) for n, name in enumerate(["id1#a", "id1#b", "id10#a"])]
    pairs = VideoPairs(clips, factor=2, id_sampling=True, repeats=3)
    assert len(pairs) == 6
    torch.manual_seed(0)
    seen = [{told(pairs[index]["source"])[0] // 4 for _ in range(40)} for index in range(6)]
    assert seen == [{0, 1}, {2}] * 3


@pytest.mark.usefixtures("_no_jitter")
def test_repeats_go_over_all_clips_again(tmp_path: Path) -> None:
    clips = [numbered_clip(tmp_path, name, 2, first=4 * n) for n, name in enumerate("abc")]
    pairs = VideoPairs(clips, factor=2, repeats=2)
    assert [told(pairs[index]["source"])[0] // 4 for index in range(len(pairs))] == [0, 1, 2, 0, 1, 2]
    with pytest.raises(IndexError, match="index must be from 0 to 5, got 6"):
        pairs[6]


def test_without_jitter_it_is_the_first_and_the_last_frame(tmp_path: Path) -> None:
    pairs = VideoPairs([numbered_clip(tmp_path, "a", 7)], factor=2, jitter=False)
    state = torch.get_rng_state()
    sample = pairs[0]
    assert torch.equal(torch.get_rng_state(), state)
    assert told(sample["source"]) == (0, False)
    assert told(sample["driving"]) == told(sample["target"]) == (6, False)


def test_hours_of_video_stay_on_disk(tmp_path: Path) -> None:
    frames, side = 200_000, 64  # 2.5 GB, of which the file system keeps what was written: nothing but the last frame
    with (tmp_path / "long.npy").open("wb") as stream:
        head = {"descr": "|u1", "fortran_order": False, "shape": (frames, side, side, 3)}
        np.lib.format.write_array_header_1_0(stream, head)
        stream.truncate(stream.tell() + frames * side * side * 3)
        stream.seek(-side * side * 3, 2)
        stream.write(bytes([255]) * (side * side * 3))
    clip = StoredClip("long", "long", tmp_path / "long.npy", None, 0, frames, side)
    tracemalloc.start()
    (batch,) = watched_batches([clip], factor=2, pairs=1)
    pairs = VideoPairs([clip], factor=2)
    for _ in range(20):
        pairs[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (batch["source"] == 0).all()
    assert (batch["target"] == 1).all()
    assert peak < 1_000_000


def test_watched_pairs_are_the_first_and_the_last_frame_of_each_clip(tmp_path: Path) -> None:
    clips = [numbered_clip(tmp_path, name, 3, first=4 * n, masks=True) for n, name in enumerate("abcde")]
    batches = watched_batches(clips, factor=4, pairs=5, batch=2)
    assert [len(batch["source"]) for batch in batches] == [2, 2, 1]
    sources = [told(picture)[0] for batch in batches for picture in batch["source"]]
    drivings = [told(picture)[0] for batch in batches for picture in batch["driving"]]
    assert sources == [0, 4, 8, 12, 16]
    assert drivings == [2, 6, 10, 14, 18]
    for batch in batches:
        assert torch.equal(batch["driving"], batch["target"])
        assert torch.equal(batch["driving_mask"][0], torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]))
    again = watched_batches(clips, factor=4, pairs=5, batch=2)
    assert all(torch.equal(one[name], two[name]) for one, two in zip(batches, again, strict=True) for name in one)


def test_watched_pairs_of_few_and_of_many_clips(tmp_path: Path) -> None:
    one = numbered_clip(tmp_path, "one", 9)
    (batch,) = watched_batches([one], factor=2, pairs=4)
    assert [told(picture)[0] for picture in batch["source"]] == [0] * 4
    assert [told(picture)[0] for picture in batch["driving"]] == [2, 4, 6, 8]
    (all_of_them,) = watched_batches([one], factor=2)
    assert [told(picture)[0] for picture in all_of_them["driving"]] == list(range(1, 9))
    many = [numbered_clip(tmp_path, f"c{number}", 2, first=2 * number) for number in range(9)]
    (batch,) = watched_batches(many, factor=2, pairs=3)
    assert [told(picture)[0] for picture in batch["source"]] == [0, 6, 12]
    assert "source_mask" not in batch


def test_arguments_are_checked(tmp_path: Path) -> None:
    clip = numbered_clip(tmp_path, "a", 2)
    other = StoredClip("b", "b", clip.frames_file, None, 0, 2, 16)
    with pytest.raises(ValueError, match="clips must be one or more, got none"):
        VideoPairs([], factor=2)
    with pytest.raises(ValueError, match="repeats must be 1 or more, got 0"):
        VideoPairs([clip], factor=2, repeats=0)
    with pytest.raises(ValueError, match="factor must divide the size of the frames, 8, got 3"):
        VideoPairs([clip], factor=3)
    with pytest.raises(ValueError, match=r"clips must be of one size, got \[8, 16\]"):
        VideoPairs([clip, other], factor=2)
    with pytest.raises(ValueError, match="clips must be one or more, got none"):
        watched_batches([], factor=2)
    with pytest.raises(ValueError, match="pairs and batch must be 1 or more, got 0 and 12"):
        watched_batches([clip], factor=2, pairs=0)
