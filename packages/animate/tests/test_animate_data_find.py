"""Which videos a data set holds and which are held out; tables of pairs; the check of a whole data set."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.animate.data import ClipPath, check_clips, find_clips, read_pairs
from maskreel.common.errors import InputError
from maskreel.common.masks import write_masks
from maskreel.common.video import Clip, write

if TYPE_CHECKING:
    from pathlib import Path


def picture(path: Path, height: int = 8, width: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(path)
    return path


def frame_folder(folder: Path, frames: int = 3) -> Path:
    for number in range(frames):
        picture(folder / f"{number:05}.png")
    return folder


def movie(path: Path, frames: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Clip(torch.full((frames, 3, 16, 16), 90, dtype=torch.uint8), Fraction(5)))
    return path


def names(clips: list[ClipPath]) -> list[str]:
    return [clip.name for clip in clips]


def test_published_layout(tmp_path: Path) -> None:
    frame_folder(tmp_path / "train" / "id1#a.mp4")
    movie(tmp_path / "train" / "id1#b.mp4")
    movie(tmp_path / "train" / "id2#a.gif")
    frame_folder(tmp_path / "test" / "id3#a.mp4")
    (tmp_path / "notes.txt").write_text("not a video")
    assert names(find_clips(tmp_path, "train")) == ["id1#a.mp4", "id1#b.mp4", "id2#a.gif"]
    assert find_clips(tmp_path, "test") == [ClipPath("id3#a.mp4", tmp_path / "test" / "id3#a.mp4")]


def test_frames_side_by_side_are_clips_and_not_frames(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "00000.png", width=40)
    picture(tmp_path / "train" / "00001.png", width=24)
    frame_folder(tmp_path / "test")
    assert names(find_clips(tmp_path, "train")) == ["00000.png", "00001.png"]
    assert names(find_clips(tmp_path, "test")) == ["test"]


def test_any_folder_is_searched_to_any_depth(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    movie(root / "a" / "one.mp4")
    picture(root / "a" / "preview.jpg")
    frame_folder(root / "b" / "deep" / "two")
    movie(root / ".hidden" / "three.mp4")
    movie(root / "b" / ".four.mp4")
    movie(elsewhere / "five.gif")
    (root / "c").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(root)
    (root / "b" / "around").symlink_to(root)
    found = find_clips(root, "train") + find_clips(root, "test")
    assert sorted(names(found)) == ["a/one.mp4", "b/deep/two", "c/five.gif"]


def test_masks_lie_beside_the_videos(tmp_path: Path) -> None:
    for split in ("train", "test"):
        movie(tmp_path / split / "video_0.mp4")
        movie(tmp_path / split / "video_1.mp4")
        frame_folder(tmp_path / split / "masks" / "video_0")
    first, second = find_clips(tmp_path, "train")
    assert (first.name, first.masks) == ("video_0.mp4", tmp_path / "train" / "masks" / "video_0")
    assert (second.name, second.masks) == ("video_1.mp4", None)


def test_a_fifth_is_held_out_and_identities_stay_together(tmp_path: Path) -> None:
    for identity in range(10):
        for clip in "ab":
            (tmp_path / f"person{identity}#{clip}.mp4").touch()
    train, test = find_clips(tmp_path, "train", seed=3), find_clips(tmp_path, "test", seed=3)
    assert len(train) == 16
    assert len(test) == 4
    assert not {clip.identity for clip in train} & {clip.identity for clip in test}
    assert {clip.path for clip in train + test} == set(tmp_path.iterdir())
    assert test == find_clips(tmp_path, "test", seed=3)
    assert any(find_clips(tmp_path, "test", seed=seed) != test for seed in range(4, 8))


def test_clips_of_one_identity_are_split_all_the_same(tmp_path: Path) -> None:
    for clip in "abcde":
        (tmp_path / f"me#{clip}.mp4").touch()
    assert len(find_clips(tmp_path, "train")) == 4
    assert len(find_clips(tmp_path, "test")) == 1


@pytest.mark.parametrize("kind", ["file", "folder", "folder that holds one"])
def test_of_one_video_the_last_fifth_is_held_out(tmp_path: Path, kind: str) -> None:
    root = frame_folder(tmp_path / "walk") if kind == "folder" else movie(tmp_path / "x" / "walk.mp4")
    root = root.parent if kind == "folder that holds one" else root
    (train,), (test,) = find_clips(root, "train"), find_clips(root, "test")
    assert train.path == test.path
    assert (train.span(10), test.span(10)) == ((0, 8), (8, 10))
    assert (train.span(458), test.span(458)) == ((0, 366), (366, 458))


def test_the_working_folder_can_be_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(frame_folder(tmp_path / "walk"))
    (clip,) = find_clips(".", "train")
    assert (clip.name, clip.identity) == ("walk", "walk")


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("id1#a.mp4", "id1"),
        ("id10#9FkW#000137.mp4", "id10"),
        ("plain.mp4", "plain"),
        ("v.1#x", "v.1"),
        ("#odd.mp4", "#odd.mp4"),
        ("deep/id1#a.mp4", "deep/id1"),
        ("a#b/c#d.mp4", "a#b/c"),
    ],
)
def test_identity_is_the_name_up_to_the_first_hash(tmp_path: Path, name: str, identity: str) -> None:
    assert ClipPath(name, tmp_path).identity == identity


def test_faults_of_a_data_set_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist"):
        find_clips(tmp_path / "nowhere", "train")
    with pytest.raises(InputError, match="holds no videos, expected video files or folders of frames"):
        find_clips(tmp_path, "train")
    movie(tmp_path / "train" / "a.mp4")
    with pytest.raises(InputError, match="has a folder 'train' but no folder 'test'"):
        find_clips(tmp_path, "test")
    (tmp_path / "test").mkdir()
    with pytest.raises(InputError, match="test holds no videos"):
        find_clips(tmp_path, "test")
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'val'"):
        find_clips(tmp_path, "val")  # pyright: ignore[reportArgumentType]


def bad_clips(root: Path) -> dict[str, tuple[Path, str]]:
    """By name: the path, and what must be said of it."""
    root.mkdir()
    whole = movie(root / "whole.mp4", frames=20)
    cut = root / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:-200])
    (root / "empty.gif").touch()
    (root / "text.mp4").write_text("no video at all")
    frame_folder(root / "gap")
    picture(root / "gap" / "00007.png")
    frame_folder(root / "sizes")
    picture(root / "sizes" / "00003.png", height=9)
    picture(root / "still" / "00000.png")
    picture(root / "stack.png", width=41)
    frame_folder(root / "few masks")
    write_masks(root / "masks" / "few masks", torch.zeros(2, 8, 8, dtype=torch.bool))
    said = {
        "cut.mp4": "cut off|damaged|FFmpeg",
        "empty.gif": "0 bytes",
        "text.mp4": "not a video",
        "gap": "misses number 3",
        "sizes": "00003.png is 8x9, but 00000.png is 8x8",
        "still": r"has 1 frame; pairs of frames need 2 or more",
        "stack.png": "is 41x8 pixels, expected square frames side by side",
        "few masks": "holds 2 masks, expected 3",
    }
    return {name: (root / name, fault) for name, fault in said.items()}


def test_every_bad_clip_is_named_in_one_go(tmp_path: Path) -> None:
    bad = bad_clips(tmp_path / "data")
    clips = [ClipPath(name, path) for name, (path, _) in bad.items()]
    clips[-1] = ClipPath("few masks", bad["few masks"][0], tmp_path / "data" / "masks" / "few masks")
    good = ClipPath("whole.mp4", tmp_path / "data" / "whole.mp4")
    told: list[int] = []
    faults = check_clips([*clips[:4], good, *clips[4:]], progress=told.append)
    assert [fault.clip.name for fault in faults] == list(bad)
    assert told == [1] * 9
    for fault, (path, said) in zip(faults, bad.values(), strict=True):
        assert path.name in fault.message
        with pytest.raises(InputError, match=said):
            raise InputError(fault.message)


def test_a_frame_that_is_damaged_inside_is_found_by_decoding(tmp_path: Path) -> None:
    folder = frame_folder(tmp_path / "walk")
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(noise).save(folder / "00001.png")
    (folder / "00001.png").write_bytes((folder / "00001.png").read_bytes()[:-60])
    clip = ClipPath("walk", folder)
    assert check_clips([clip]) == []
    (fault,) = check_clips([clip], decode=True)
    assert "00001.png cannot be read as an image" in fault.message


def test_masks_of_another_size_are_found_by_decoding(tmp_path: Path) -> None:
    folder = frame_folder(tmp_path / "walk")
    masks = frame_folder(tmp_path / "masks" / "walk")
    clip = ClipPath("walk", folder, masks)
    assert check_clips([clip], decode=True) == []
    picture(masks / "00002.png", height=4)
    assert check_clips([clip]) == []
    (fault,) = check_clips([clip], decode=True)
    assert "00002.png is 8x4 pixels, expected 8x8" in fault.message


def test_pairs_are_read_from_a_published_table(tmp_path: Path) -> None:
    one = frame_folder(tmp_path / "data" / "test" / "id1#a.mp4")
    two = movie(tmp_path / "data" / "test" / "id2#a.mp4")
    beside = movie(tmp_path / "own.gif")
    table = tmp_path / "pairs.csv"
    table.write_text(
        "\ufeffdistance, source ,driving,frame\n1.5,id1#a.mp4,id2#a,0\n0.2,id2#a.mp4,id1#a.mp4,3\n1,own,id2#a,0\n",
        encoding="utf-8",
    )
    assert read_pairs(table, tmp_path / "data") == [(one, two), (two, one), (beside, two)]


def test_pairs_may_be_paths_beside_the_table(tmp_path: Path) -> None:
    face, dance = picture(tmp_path / "stills" / "face.png"), movie(tmp_path / "dance.mp4")
    (tmp_path / "pairs.csv").write_text(f"source,driving\nstills/face.png,{dance}\n")
    assert read_pairs(tmp_path / "pairs.csv") == [(face, dance)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source,target\na,b\n", "has the columns source, target, expected source and driving"),
        ("source,driving\n", "has no rows"),
        ("source,driving\na.mp4,\n", "has no source or no driving in row 1"),
        ("source,driving\na.mp4\n", "has no source or no driving in row 1"),
        ("source,driving\na.mp4,gone.mp4\ngone,a\n", "names videos that are not in .*: 'gone.mp4', 'gone'$"),
    ],
)
def test_faults_of_a_table_of_pairs(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_pairs(tmp_path / "pairs.csv")


def test_many_absent_videos_are_not_all_told(tmp_path: Path) -> None:
    rows = "".join(f"a{number},b{number}\n" for number in range(10))
    (tmp_path / "pairs.csv").write_text("source,driving\n" + rows)
    with pytest.raises(InputError, match=r"'a0', 'b0', .*'b3' and 12 more$"):
        read_pairs(tmp_path / "pairs.csv")


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pairs.csv cannot be read as a CSV table"):
        read_pairs(tmp_path / "pairs.csv")
    (tmp_path / "pairs.csv").write_bytes(b"source,driving\n\xff\xfe,a\n")
    with pytest.raises(InputError, match="give one in UTF-8"):
        read_pairs(tmp_path / "pairs.csv")
