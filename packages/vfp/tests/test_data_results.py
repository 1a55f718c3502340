"""What is made of forecasts: the leaderboard array, folders, single pictures; whole or not at all, and resumed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from maskreel.common import video
from maskreel.common.errors import InputError
from maskreel.common.masks import read_label_png
from maskreel.vfp.data import ObservedClip, check_leaderboard, open_result, read_leaderboard, write_leaderboard
from maskreel.vfp.forecaster import Forecast
from maskreel.vfp.occupancy import Occupancy
from maskreel.vfp.show import CLASS_PALETTE, draw_labels

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.vfp.data import Result

SIZE = (160, 240)
JOB = {"input": "val", "seed": 1}


def masks(count: int) -> torch.Tensor:
    labels = torch.zeros(count, *SIZE, dtype=torch.uint8)
    for index in range(count):
        labels[index, 40:80, 60 + index : 120] = 1 + index
    return labels


def clip(index: int, size: tuple[int, int] = SIZE) -> ObservedClip:
    return ObservedClip(f"video_{index}", torch.full((11, 3, *size), 120, dtype=torch.uint8))


def forecast(index: int) -> Forecast:
    labels = masks(10)[index]
    return Forecast(labels, torch.zeros(11, *SIZE, dtype=torch.uint8), Occupancy.of_labels(labels))


def fill(result: Result, count: int) -> None:
    for index in range(result.done, count):
        result.add(clip(index), forecast(index))
    result.finish()


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", [".npy", ".pt"])
def test_a_leaderboard_file_holds_the_masks(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"pred{suffix}"
    write_leaderboard(path, masks(3))
    loaded = torch.load(path, weights_only=True) if suffix == ".pt" else torch.from_numpy(np.load(path))
    assert loaded.dtype == torch.uint8
    assert torch.equal(loaded, masks(3))
    assert np.array_equal(read_leaderboard(path, videos=3), loaded)
    assert check_leaderboard(path, videos=3) == ()
    assert visible(tmp_path) == [path.name]


def test_masks_that_do_not_fit_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "pred.npy"
    with pytest.raises(TypeError, match=r"masks must be uint8, got torch\.int64"):
        write_leaderboard(path, masks(1).long())
    with pytest.raises(ValueError, match=r"masks must have shape \(N, 160, 240\), got \(160, 240\)"):
        write_leaderboard(path, masks(1)[0])
    with pytest.raises(ValueError, match="masks must hold class ids 0 to 48, got 58"):
        write_leaderboard(path, masks(1) + 57)
    with pytest.raises(ValueError, match=r"path must end in \.npy or \.pt, got .*pred\.txt"):
        write_leaderboard(tmp_path / "pred.txt", masks(1))
    assert visible(tmp_path) == []


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def test_the_validator_tells_what_is_wrong(tmp_path: Path) -> None:
    path, good = tmp_path / "pred.npy", masks(3).numpy()
    with pytest.raises(InputError, match=r"pred\.npy is not a file, expected masks as \.npy or \.pt"):
        check_leaderboard(path)
    with pytest.raises(InputError, match=r"\(3, 160, 240\), expected uint8 of shape \(4, 160, 240\): one mask for"):
        check_leaderboard(save(path, good), videos=4)
    with pytest.raises(InputError, match=r"holds int64 of shape .*, expected uint8 of shape \(N, 160, 240\)"):
        check_leaderboard(save(path, good.astype(np.int64)))
    with pytest.raises(InputError, match=r"holds uint8 of shape \(3, 80, 240\), expected uint8 of shape \(3, 160"):
        check_leaderboard(save(path, good[:, :80]), videos=3)
    with pytest.raises(InputError, match=r"\(0, 160, 240\), expected uint8 of shape \(N, 160, 240\)"):
        check_leaderboard(save(path, good[:0]))
    with pytest.raises(InputError, match=r"holds uint8 of shape \(\), expected uint8"):
        check_leaderboard(save(path, good[0, 0, 0]))
    with pytest.raises(InputError, match=r"\(3, 160, 240\), expected uint8 of shape \(3, 80, 90\)"):
        read_leaderboard(save(path, good), videos=3, size=(80, 90))
    bad = good.copy()
    bad[1, 5, 5] = 49
    with pytest.raises(InputError, match="holds the class id 49 in mask 1, expected 0 to 48"):
        check_leaderboard(save(path, bad))
    path.write_bytes(b"no array")
    with pytest.raises(InputError, match=r"pred\.npy cannot be read"):
        check_leaderboard(path)
    (tmp_path / "pred.pt").write_bytes(b"no tensor")
    with pytest.raises(InputError, match=r"pred\.pt is not a readable PyTorch checkpoint"):
        check_leaderboard(tmp_path / "pred.pt")
    torch.save([1, 2], tmp_path / "pred.pt")
    with pytest.raises(InputError, match=r"pred\.pt holds a list, expected one array or tensor"):
        check_leaderboard(tmp_path / "pred.pt")
    with pytest.raises(InputError, match=r"pred\.png is no file of masks, expected one that ends in \.npy or \.pt"):
        check_leaderboard(tmp_path / "pred.png")


def test_the_validator_warns_of_empty_masks(tmp_path: Path) -> None:
    array = masks(14).numpy()
    array[[2, 5]] = 0
    warnings = check_leaderboard(save(tmp_path / "pred.npy", array))
    assert warnings == ("2 of 14 masks hold no object at all: 2, 5",)
    (warning,) = check_leaderboard(save(tmp_path / "pred.npy", array * 0))
    assert warning == "14 of 14 masks hold no object at all: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."


@pytest.mark.parametrize("suffix", [".npy", ".pt"])
def test_masks_are_streamed_into_one_array(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out/pred{suffix}"
    result = open_result(path, 4, JOB)
    for index in range(3):
        result.add(clip(index), forecast(index))
    assert not path.exists()
    resumed = open_result(path, 4, JOB)
    assert resumed.done == 3
    fill(resumed, 4)
    assert visible(path.parent) == [path.name]
    loaded = torch.load(path, weights_only=True) if suffix == ".pt" else torch.from_numpy(np.load(path))
    assert torch.equal(loaded, masks(4))


def test_another_job_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "pred.npy"
    result = open_result(path, 4, JOB)
    result.add(clip(0), forecast(9))
    assert open_result(path, 4, {**JOB, "seed": 2}).done == 0
    result = open_result(path, 3, JOB)
    assert result.done == 0
    fill(result, 3)
    assert torch.equal(torch.from_numpy(np.load(path)), masks(3))


def test_a_damaged_note_of_progress_begins_anew(tmp_path: Path) -> None:
    open_result(tmp_path / "pred.npy", 4, JOB).add(clip(0), forecast(0))
    (tmp_path / ".pred.npy.part.json").write_text("{")
    assert open_result(tmp_path / "pred.npy", 4, JOB).done == 0


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    path = tmp_path / "out"
    result = open_result(path, 2, JOB)
    result.add(clip(0), forecast(0))
    assert not path.exists()
    result = open_result(path, 2, JOB)
    assert result.done == 1
    result.record.write_text("{}")
    fill(result, 2)
    names = [f"video_{index}{end}" for index in range(2) for end in (".gif", ".png", "_strip.png")]
    assert visible(path) == ["forecast.json", *names]
    assert visible(tmp_path) == ["out"]
    assert torch.equal(read_label_png(path / "video_1.png"), masks(2)[1])
    with Image.open(path / "video_1.png") as image:
        assert image.convert("RGB").getpixel((80, 60)) == CLASS_PALETTE[2]
    with Image.open(path / "video_1.gif") as image:
        assert sum(frame.info["duration"] for frame in ImageSequence.Iterator(image)) == pytest.approx(
            22 * 195.3, abs=20
        )
    with Image.open(path / "video_1_strip.png") as image:
        strip = np.asarray(image)
    assert strip.shape[1] == 4 * 240 + 5 * 4
    assert strip[-60, 100].tolist() == [120] * 3
    pale = (120 + 255) // 2
    assert strip[-10, -10].tolist() == [pale + 1] * 3
    red, blue = strip[-4 - 160 + 60, 3 * 244 + 4 + 80][[0, 2]]
    assert abs(int(red) - (0.85 * CLASS_PALETTE[2][0] + 0.15 * pale)) < 2
    assert abs(int(blue) - (0.85 * CLASS_PALETTE[2][2] + 0.15 * pale)) < 2


def test_single_pictures(tmp_path: Path) -> None:
    for suffix in (".png", ".gif", ".mp4"):
        result = open_result(tmp_path / f"one{suffix}", 1, JOB)
        assert result.record == tmp_path / "one.json"
        result.add(clip(3, (320, 480)), forecast(3))
        result.finish()
    large = read_label_png(tmp_path / "one.png")
    assert torch.equal(large[::2, ::2], masks(4)[3])
    assert large.shape == (320, 480)
    assert len(video.read(tmp_path / "one.mp4")) == 22
    assert visible(tmp_path) == ["one.gif", "one.mp4", "one.png"]


def test_predicted_frames_are_shown(tmp_path: Path) -> None:
    predicted = torch.full((11, 3, *SIZE), 50, dtype=torch.uint8)
    result = open_result(tmp_path / "out", 1, JOB)
    result.record.write_text("{}")
    result.add(clip(3), replace(forecast(3), frames=predicted))
    result.finish()
    with Image.open(tmp_path / "out/video_3_strip.png") as image:
        shown = np.asarray(image)[-164:-4, -244:-4]
    assert np.array_equal(shown, draw_labels(predicted[0], masks(4)[3]).permute(1, 2, 0))
    result = open_result(tmp_path / "film.mp4", 1, JOB)
    result.add(clip(3, (320, 480)), replace(forecast(3), frames=predicted))
    film = video.read(tmp_path / "film.mp4")
    assert film.frames.float().mean((1, 2, 3))[[5, 15]].tolist() == pytest.approx([120, 50], abs=2)
    assert (len(film), film.size) == (33, (320, 480))


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    result = open_result(tmp_path / "out", 1, JOB)
    result.record.write_text("{}")
    fill(result, 1)
    assert "video_0.gif" in visible(tmp_path / "out")


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    write_leaderboard(tmp_path / "pred.npy", masks(2))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("three years")
    for name in ("pred.npy", "mine"):
        with pytest.raises(InputError, match=f"{name} exists; choose another name, or --overwrite"):
            open_result(tmp_path / name, 1, JOB)
    with pytest.raises(InputError, match="mine holds other files than forecasts; choose a new folder"):
        open_result(tmp_path / "mine", 1, JOB, overwrite=True)
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match="file is a file; its name has no suffix, so a folder would be written"):
        open_result(tmp_path / "file", 1, JOB, overwrite=True)
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(InputError, match=r"folder\.npy is a folder, expected a file to write"):
        open_result(tmp_path / "folder.npy", 1, JOB, overwrite=True)
    fill(open_result(tmp_path / "pred.npy", 3, JOB, overwrite=True), 3)
    assert check_leaderboard(tmp_path / "pred.npy", videos=3) == ()


def test_results_are_replaced_when_asked(tmp_path: Path) -> None:
    for count in (2, 1):
        result = open_result(tmp_path / "out", count, JOB, overwrite=True)
        result.record.write_text("{}")
        fill(result, count)
    assert "video_1.png" not in visible(tmp_path / "out")


def test_results_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.jpg must end in \.npy, \.pt, \.png, \.gif or \.mp4, or be a folder"):
        open_result(tmp_path / "a.jpg", 1, JOB)
    with pytest.raises(InputError, match=r"a\.png has room for one clip and there are 2; give a folder"):
        open_result(tmp_path / "a.png", 2, JOB)
